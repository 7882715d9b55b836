"""Files of tensors merged: every format, ties, what stands beside tensors, what cannot be told."""

from __future__ import annotations

import io
import struct
import zipfile

import numpy as np
import pytest

from mvcs.errors import UnreadableContent
from mvcs.formats.content import Bytes
from mvcs.merge.tensors import merge_tensors
from mvcs.merge.values import Choice, leave
from mvcs.store.splitters.detect import split
from mvcs.store.splitters.source import BytesSource
from tests.unit.store import splitter_files as files

W, V = ("w", [1.0, 2.0]), ("v", [3.0, 4.0, 5.0])


def raw(values, dtype="<f4"):
    return np.array(values, dtype).tobytes()


def tensors(contents):
    return {name: ("F32", np.shape(value), raw(value)) for name, value in contents.items()}


def safetensors(contents, **more):
    return files.safetensors(tensors(contents), **more)


def torch(contents, **more):
    return files.torch_zip(tensors(contents), **more)


def npz(contents, **more):
    return files.zip_of(
        {f"{name}.npy": files.npy("<f4", np.shape(value), raw(value)) for name, value in contents.items()}, **more
    )


def npy(contents):
    return files.npy("<f4", np.shape(contents["w"]), raw(contents["w"]))


def gguf(contents, **more):
    return files.gguf({name: (0, np.shape(value)[::-1], raw(value)) for name, value in contents.items()}, **more)


def onnx(contents):
    return files.onnx_of(tensors(contents))


FORMATS = {"safetensors": safetensors, "torch": torch, "npz": npz, "gguf": gguf, "onnx": onnx}
BESIDE = [name for name in FORMATS if name != "safetensors"]
every = pytest.mark.parametrize("make", FORMATS.values(), ids=FORMATS)
beside = pytest.mark.parametrize("make", [FORMATS[name] for name in BESIDE], ids=BESIDE)


def say(strategy):
    return lambda conflict: Choice(strategy)


def merged(base, ours, theirs, choose=leave, **more):
    return merge_tensors(None if base is None else Bytes(base), Bytes(ours), Bytes(theirs), choose, **more)


def give(base, ours, theirs, choose=leave, **more):
    """The merged file, which has no conflicts left."""
    found = merged(base, ours, theirs, choose, **more)
    assert found.conflicts == ()
    content = found.content.read()
    assert len(content) == found.content.size
    assert b"".join(found.content.pieces()) == content
    assert found.content.layout == split(BytesSource(content))
    return content


def refused(*states, **more):
    with pytest.raises(UnreadableContent) as caught:
        merged(*states, **more)
    return caught.value.fields["reason"]


class TestFormats:
    @every
    def test_tensors_that_one_side_changed_come_from_it(self, make):
        states = [make(dict((W, V))), make({"w": [9.0, 2.0], "v": V[1]}), make({"w": W[1], "v": [3.0, 4.0, 7.0]})]
        expected = make({"w": [9.0, 2.0], "v": [3.0, 4.0, 7.0]})
        assert give(*states) == expected
        assert give(states[0], states[2], states[1]) == expected

    @every
    @pytest.mark.parametrize(
        ("strategy", "value"),
        [("ours", 3), ("theirs", 7), ("base", 1), ("avg", 5), ("wavg:0.25", 6), ("task:1,0.5", 6), ("ties:1", 5)],
    )
    def test_what_both_changed_is_settled_by_strategies(self, make, strategy, value):
        """The whole file is what a library would have written, checksums too."""
        states = [make({"w": [number, 2.0], "v": V[1]}) for number in (1.0, 3.0, 7.0)]
        assert give(*states, say(strategy)) == make({"w": [value, 2.0], "v": V[1]})

    @every
    def test_what_both_changed_is_a_conflict_and_the_file_has_ours(self, make):
        states = [make({"w": [number, 2.0], "v": V[1]}) for number in (1.0, 3.0, 7.0)]
        found = merged(*states)
        assert found.content.read() == states[1]
        (conflict,) = found.conflicts
        assert (conflict.key, conflict.facts["ours"], conflict.facts["theirs"]) == ("w", 2, 6)
        assert conflict.facts["cosine"] == pytest.approx(1)
        swapped = merged(states[0], states[2], states[1]).conflicts[0]
        assert (swapped.key, swapped.facts["ours"], swapped.facts["theirs"]) == ("w", 6, 2)

    @every
    @pytest.mark.parametrize("which", range(3))
    def test_a_truncated_file_is_refused(self, make, which):
        states = [make({"w": [number, 2.0]}) for number in (1.0, 3.0, 7.0)]
        states[which] = states[which][:-5]
        assert ("the base", "ours", "theirs")[which] in refused(*states)

    def test_a_single_array(self):
        states = [npy({"w": [number, 2.0]}) for number in (1.0, 3.0, 7.0)]
        assert give(*states, say("avg")) == npy({"w": [5.0, 2.0]})

    def test_streamed_entries_have_checksums_behind_them(self):
        """As torch and numpy write to what cannot be rewound."""

        class Forward(io.BytesIO):
            def seekable(self):
                return False

            def tell(self):
                raise OSError

        def make(value):
            out = Forward()
            with zipfile.ZipFile(out, "w") as archive:
                for name, content in (("w", [value, 2.0]), V):
                    archive.writestr(f"{name}.npy", files.npy("<f4", np.shape(content), raw(content)))
            return out.getvalue()

        made = give(make(1.0), make(3.0), make(7.0), say("avg"))
        assert made == make(5.0)
        assert zipfile.ZipFile(io.BytesIO(made)).testzip() is None


class TestBeside:
    """Formats in which something else says what the tensors are: nothing of it is lost, or mixed."""

    @beside
    def test_tensors_that_come_or_go_leave_the_file_to_be_settled(self, make):
        base, more, changed = make(dict([W])), make(dict((W, V))), make({"w": [9.0, 2.0]})
        assert "v came, went or changed in shape" in refused(base, changed, more)
        assert give(base, more, changed) == make({"w": [9.0, 2.0], "v": V[1]})
        assert "v came, went" in refused(make(dict((W, V))), make({"w": [9.0, 2.0], "v": V[1]}), make(dict([W])))

    @beside
    def test_another_shape_of_theirs_leaves_the_file_to_be_settled(self, make):
        states = make({"w": [1.0, 2.0]}), make({"w": [3.0, 2.0]}), make({"w": [1.0, 2.0, 3.0]})
        assert "w came, went or changed in shape" in refused(*states, choose=say("theirs"))

    @beside
    def test_another_shape_of_the_base_cannot_be_chosen(self, make):
        states = make({"w": [1.0]}), make({"w": [3.0, 2.0]}), make({"w": [7.0, 2.0]})
        found = merged(*states, say("base"))
        assert [conflict.key for conflict in found.conflicts] == ["w"]
        assert found.content.read() == states[1]

    @pytest.mark.parametrize("mine", [True, False], ids=["ours", "theirs"])
    def test_metadata_of_gguf(self, mine):
        def make(value, word):
            return gguf({"w": [value, 2.0]}, metadata=files.gguf_text(b"k") + struct.pack("<I", 4) + word, keys=1)

        old, new = b"\0\0\0\1", b"\0\0\0\2"
        if mine:
            assert give(make(1.0, old), make(1.0, new), make(7.0, old)) == make(7.0, new)
        else:
            assert "beside the tensors" in refused(make(1.0, old), make(3.0, old), make(1.0, new))

    def test_a_pickle_that_says_something_else(self):
        epoch = [files.torch_zip(tensors({"w": [value, 2.0]}), pickle=(
            b"\x80\x02}(" + files.text("w") + files.tensor("0", "FloatStorage", 2, (2,)) + files.text("epoch")
            + files.number(number) + b"u."
        )) for value, number in ((1.0, 1), (3.0, 1), (1.0, 2), (7.0, 1))]
        assert "beside the tensors" in refused(epoch[0], epoch[1], epoch[2])
        assert give(epoch[0], epoch[2], epoch[3]) == files.torch_zip(tensors({"w": [7.0, 2.0]}), pickle=(
            b"\x80\x02}(" + files.text("w") + files.tensor("0", "FloatStorage", 2, (2,)) + files.text("epoch")
            + files.number(2) + b"u."
        ))

    def test_the_name_of_the_archive_and_its_serialization_id_do_not_count(self):
        states = [
            torch({"w": [value, 2.0]}, root=f"file{number}", more={f"file{number}/.data/serialization_id": b"%d" % number})
            for number, value in enumerate((1.0, 1.0, 7.0))
        ]
        assert give(*states) == torch(
            {"w": [7.0, 2.0]}, root="file1", more={"file1/.data/serialization_id": b"1"}
        )

    def test_arrays_of_two_orders_have_two_meanings(self):
        """The same bytes, of a matrix and of its transpose."""
        states = [files.npy("<f4", shape, raw(range(count, count + 6)), fortran=True)
                  for shape, count in (((2, 3), 0), ((3, 2), 0), ((2, 3), 9))]
        assert "array came, went or changed in shape" in refused(*states)

    def test_names_that_were_counted(self):
        """Storages that the pickle does not name: with another pickle a number is another storage."""
        def make(value, *more):
            pickle = b"\x80\x02]" + b"".join(more) + b"."
            return files.torch_zip(tensors({"w": [value, 2.0], "v": V[1]}), pickle=pickle)

        word = (files.text("more"), b"a")
        assert give(make(1.0), make(1.0), make(7.0)) == make(7.0)
        assert "nothing says what data/0 is" in refused(make(1.0), make(1.0, *word), make(7.0))

    def test_tensors_of_two_subgraphs_that_have_one_name(self):
        def make(first, second, *nodes):
            graphs = [files.field(5, files.onnx_tensor("w", 1, (1,), raw([value]))) for value in (first, second)]
            return files.onnx(b"".join([*graphs, *nodes]))

        node = files.field(1, files.field(2, "y"))
        assert give(make(1, 2), make(3, 2), make(1, 7)) == make(3, 7)
        assert "nothing says what w is" in refused(make(1, 2), make(1, 2, node), make(5, 2))

    def test_types_that_nobody_knows(self):
        def make(value):
            header = b'{"w":{"dtype":"F7","shape":[4],"data_offsets":[0,4]}}'
            return files.raw_safetensors(header, bytes([value]) * 4)

        assert "nothing says what w is" in refused(make(1), make(1), make(2))

    def test_metadata_of_safetensors_are_those_of_ours(self):
        def make(value, word):
            return safetensors({"w": [value, 2.0]}, metadata={"by": word})

        found = merged(make(1.0, "base"), make(1.0, "ours"), make(7.0, "theirs"))
        assert found.content.read() == make(7.0, "ours")
        assert found.notes == ("the metadata are those of ours; theirs has others",)
        assert merged(make(1.0, "base"), make(1.0, "ours"), make(7.0, "base")).notes == ()


class TestTies:
    """Two names, one storage: merged once."""

    def make(self, value, names=("a", "b")):
        body = b"".join(files.text(name) + files.tensor("0", "FloatStorage", 2, (2,)) for name in names)
        return files.torch_zip(tensors({"w": [value, 2.0]}), pickle=b"\x80\x02}(" + body + b"u.")

    def states(self):
        return [self.make(value) for value in (1.0, 3.0, 7.0)]

    def test_they_are_merged_once(self):
        found = merged(*self.states(), say("avg"))
        assert [decision.key for decision in found.decisions] == ["a"]
        assert found.content.read() == self.make(5.0)

    def test_one_conflict_names_the_other(self):
        (conflict,) = merged(*self.states()).conflicts
        assert (conflict.key, conflict.reason) == ("a", "one with b")

    def test_two_strategies_for_one_storage_are_a_conflict(self):
        choices = {"a": Choice("ours"), "b": Choice("theirs")}
        (conflict,) = merged(*self.states(), lambda one: choices[one.key]).conflicts
        assert "ours and theirs cannot both be for tensors that share their bytes" in conflict.reason

    def test_a_word_about_one_of_them_is_about_both(self):
        choices = {"a": Choice("ours"), "b": Choice("theirs", said=True)}
        assert give(*self.states(), lambda one: choices[one.key]) == self.make(7.0)
        assert give(*self.states(), lambda one: Choice("avg") if one.key == "b" else None) == self.make(5.0)

    def test_a_tie_that_one_side_has_alone(self):
        alone = self.make(1.0, ("a",))
        assert "share their bytes with others" in refused(alone, self.make(3.0, ("a",)), self.make(7.0))

    def test_views_that_overlap_are_one(self):
        def make(*values):
            body = files.text("all") + files.tensor("0", "FloatStorage", 3, (3,))
            body += files.text("tail") + files.tensor("0", "FloatStorage", 3, (2,), start=1)
            return files.torch_zip(tensors({"w": list(values)}), pickle=b"\x80\x02}(" + body + b"u.")

        states = make(1.0, 2.0, 3.0), make(5.0, 2.0, 3.0), make(1.0, 2.0, 7.0)
        (conflict,) = merged(*states).conflicts
        assert (conflict.key, conflict.reason) == ("all", "one with tail")
        assert give(*states, say("task:1,1")) == make(5.0, 2.0, 7.0)

    def test_views_that_tile_a_storage_are_apart(self):
        def make(*values):
            body = files.text("q") + files.tensor("0", "FloatStorage", 3, (2,))
            body += files.text("k") + files.tensor("0", "FloatStorage", 3, (1,), start=2)
            return files.torch_zip(tensors({"w": list(values)}), pickle=b"\x80\x02}(" + body + b"u.")

        assert give(make(1.0, 2.0, 3.0), make(5.0, 2.0, 3.0), make(1.0, 2.0, 7.0)) == make(5.0, 2.0, 7.0)

    def test_bytes_that_no_tensor_has_are_merged_too(self):
        def make(*values):
            body = files.text("head") + files.tensor("0", "FloatStorage", 3, (2,))
            return files.torch_zip(tensors({"w": list(values)}), pickle=b"\x80\x02}(" + body + b"u.")

        assert give(make(1.0, 2.0, 3.0), make(1.0, 2.0, 3.0), make(1.0, 2.0, 7.0)) == make(1.0, 2.0, 7.0)

    def test_a_storage_that_grew_behind_its_view(self):
        def make(*values):
            body = files.text("head") + files.tensor("0", "FloatStorage", len(values), (2,))
            return files.torch_zip(tensors({"w": list(values)}), pickle=b"\x80\x02}(" + body + b"u.")

        assert "came, went or changed in shape" in refused(
            make(1.0, 2.0, 3.0), make(1.0, 2.0, 3.0, 4.0), make(5.0, 2.0, 3.0)
        )

    def test_a_transposed_view_keeps_its_order(self):
        def make(values):
            body = files.text("t") + files.tensor("0", "FloatStorage", 6, (3, 2), stride=(1, 3))
            return files.torch_zip(tensors({"w": values}), pickle=b"\x80\x02}(" + body + b"u.")

        states = [make(list(np.arange(6) + value)) for value in (0.0, 10.0, 20.0)]
        assert give(*states, say("avg")) == make(list(np.arange(6) + 15.0))


class TestQuantised:
    @pytest.mark.parametrize("strategy", ["avg", "wavg:0.5", "slerp:0.5", "task:1,1", "ties:0.5"])
    @pytest.mark.parametrize(
        "states",
        [
            [files.gguf({"q": (2, (32,), bytes([value]) * 18)}) for value in (1, 2, 3)],
            [files.safetensors({"q": ("F8_E8M0", (2,), bytes([value]) * 2)}) for value in (1, 2, 3)],
            [files.safetensors({"q": ("BOOL", (2,), bytes([value // 2, value % 2]))}) for value in (0, 1, 2)],
            [files.safetensors({"q": ("C64", (1,), bytes([value]) * 8)}) for value in (1, 2, 3)],
        ],
        ids=["blocks", "scales", "bool", "complex"],
    )
    def test_a_float_strategy_leaves_them(self, states, strategy):
        found = merged(*states, say(strategy))
        assert [conflict.key for conflict in found.conflicts] == ["q"]
        assert (found.decisions, found.content.read()) == ((), states[1])

    @pytest.mark.parametrize(("side", "index"), [("base", 0), ("ours", 1), ("theirs", 2)])
    def test_a_side_is_taken_as_it_is(self, side, index):
        states = [files.gguf({"q": (2, (32,), bytes([value]) * 18)}) for value in (1, 2, 3)]
        assert give(*states, say(side)) == states[index]


class TestDisagreeingAncestors:
    def test_what_the_sides_have_apart_is_asked(self):
        ours, theirs = safetensors(dict((W, V))), safetensors({"w": [9.0, 2.0]})
        found = merged(None, ours, theirs, disagree=True)
        assert {one.key: one.reason for one in found.conflicts} == {"w": "", "v": "only ours has it"}
        assert [one.key for one in merged(None, ours, theirs).conflicts] == ["w"]

    def test_there_is_no_base_to_choose(self):
        states = None, safetensors({"w": [1.0, 2.0]}), safetensors({"w": [9.0, 2.0]})
        assert len(merged(*states, say("base"), disagree=True).conflicts) == 1

    def test_equal_tensors_agree(self):
        both = safetensors(dict((W, V)))
        assert merged(None, both, both, disagree=True).conflicts == ()


def test_the_bfloat16_average_is_rounded_once():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    kind = np.dtype(ml_dtypes.bfloat16)
    random = np.random.default_rng(1)
    sides = [random.normal(size=1000).astype(kind) for _ in range(3)]
    states = [files.safetensors({"w": ("BF16", (1000,), one.tobytes())}) for one in sides]
    made = np.frombuffer(give(*states, say("avg"))[-2000:], kind)
    exact = (sides[1].astype("f8") + sides[2].astype("f8")) / 2
    assert (np.abs(made.astype("f8") - exact) <= np.abs(np.nextafter(made, kind.type(9)).astype("f8") - exact)).all()
