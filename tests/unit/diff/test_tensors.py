"""What changed in a file of weights: by tensor, whatever the formats; every odd pair is told, and none breaks it."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from mvcs.diff.drivers import Settings, diff_file
from mvcs.diff.tensors import diff_tensors
from mvcs.errors import UnreadableContent
from mvcs.formats.content import Bytes
from tests.unit.store import splitter_files as files
from tests.unit.store.test_tensors import checkpoint


def raw(values, dtype="<f4"):
    return np.asarray(values, dtype).tobytes()


def f32(values):
    flat = np.asarray(values, "<f4")
    return "F32", flat.shape, flat.tobytes()


def told(before, after):
    """Name to what is told of it, as JSON has it; and the whole answer."""
    found = diff_tensors(*(None if side is None else Bytes(side) for side in (before, after)))
    assert found.driver == "tensors"
    rows = [key.to_dict() for key in found.keys]
    json.dumps(rows, allow_nan=False)
    return {row["key"]: row for row in rows}, found


A = {"a": f32([1, 2, 3, 4]), "b": f32([[1, 0], [0, 1]]), "c": f32([5])}


def test_nothing_is_told_of_equal_files():
    assert told(files.safetensors(A), files.safetensors(A))[0] == {}


def test_numbers_of_a_change():
    after = {**A, "a": f32([1, 2, 3, 8]), "b": f32([[1, 0], [0, -1]])}
    rows, found = told(files.safetensors(A), files.safetensors(after))
    assert list(rows) == ["a", "b"]
    row = rows["a"]
    assert (row["change"], row["before"]) == ("modified", {"dtype": "F32", "shape": [4], "bytes": 16})
    norm = math.sqrt(30)
    assert row["moved"] == {
        "elements": 4, "changed": 1, "share": 0.25, "l2": 4.0, "max": 4.0, "norm": norm, "relative": pytest.approx(4 / norm),
        "cosine": pytest.approx(46 / norm / math.sqrt(78)), "not_finite": 0,
    }
    assert rows["b"]["moved"]["cosine"] == 0.0
    assert found.summary == "2 of 3 tensors changed"


def test_on_one_side_only_and_other_names():
    after = {"new": f32([9]), "a2": A["a"], "b": A["b"]}
    rows, found = told(files.safetensors(A), files.safetensors(after))
    assert {name: row["change"] for name, row in rows.items()} == {"new": "added", "a2": "renamed", "c": "deleted"}
    assert (rows["a2"]["from"], rows["new"]["before"], rows["c"]["after"]) == ("a", None, None)
    assert found.summary == "0 of 1 tensors changed, 1 added, 1 deleted, 1 renamed"


@pytest.mark.parametrize(("before", "after"), [
    ({"x": f32([1]), "y": f32([1])}, {"z": f32([1])}), ({"x": f32([1])}, {"y": f32([1]), "z": f32([1])}),
    ({"x": f32([1, 2])}, {"y": f32([[1, 2]])}), ({"x": f32([0])}, {"y": ("I32", (1,), bytes(4))}),
    ({"x": f32([])}, {"y": f32([])}), ({"": f32([1])}, {"y": f32([1])}),
], ids=["two went", "two came", "other shape", "other type", "empty", "nameless"])
def test_where_a_third_competes_or_type_or_shape_differ_nothing_is_renamed(before, after):
    rows, _ = told(files.safetensors({**before, "k": f32([7])}), files.safetensors({**after, "k": f32([7])}))
    assert {row["change"] for row in rows.values()} == {"added", "deleted"}


def test_other_shapes_and_types():
    after = {**A, "a": f32([[1, 2], [3, 4]]), "b": ("F16", (2, 2), raw([1, 0, 0, 1], "<f2")), "c": ("F64", (1,), raw([6], "<f8"))}
    rows, _ = told(files.safetensors(A), files.safetensors(after))
    assert "moved" not in rows["a"]
    assert rows["a"]["after"]["shape"] == [2, 2]
    assert (rows["b"]["after"]["dtype"], rows["b"]["moved"]["changed"], rows["b"]["moved"]["l2"]) == ("F16", 0, 0.0)
    assert (rows["c"]["moved"]["changed"], rows["c"]["moved"]["l2"]) == (1, 1.0)


def test_integers_scalars_and_empty_tensors():
    before = {"i": ("I64", (2,), raw([1, -5], "<i8")), "s": f32(3.0), "e": f32(np.zeros((0, 3))), "t": ("BOOL", (2,), b"\0\1")}
    after = {"i": ("I64", (2,), raw([1, 2**40], "<i8")), "s": f32(4.0), "e": f32(np.zeros((0, 3))), "t": ("BOOL", (2,), b"\1\1")}
    rows, _ = told(files.safetensors(before), files.safetensors(after))
    assert {name: row["moved"]["max"] for name, row in rows.items()} == {"i": 2.0**40 + 5, "s": 1.0, "t": 1.0}
    assert rows["s"]["before"]["shape"] == []


def test_what_is_not_finite_is_counted_and_json_has_it_as_text():
    rows, _ = told(files.safetensors({"a": f32([0, 0, 1])}), files.safetensors({"a": f32([np.nan, np.inf, 1])}))
    moved = rows["a"]["moved"]
    assert (moved["changed"], moved["not_finite"], moved["l2"], moved["relative"]) == (2, 2, 0.0, 0.0)
    rows, _ = told(files.safetensors({"a": f32([0, 0])}), files.safetensors({"a": f32([3, 4])}))
    assert (rows["a"]["moved"]["relative"], rows["a"]["moved"]["cosine"], rows["a"]["moved"]["l2"]) == ("Infinity", "NaN", 5.0)


def test_numbers_beyond_what_floats_hold_are_told_without_a_warning():
    rows, _ = told(
        files.safetensors({"a": ("F64", (2,), raw([1e308, 1], "<f8"))}), files.safetensors({"a": ("F64", (2,), raw([-1e308, 1], "<f8"))}),
    )
    assert (rows["a"]["moved"]["l2"], rows["a"]["moved"]["cosine"], rows["a"]["moved"]["not_finite"]) == ("Infinity", "NaN", 0)


@pytest.mark.parametrize(("dtype", "shape", "size", "why"), [
    ("F4", (4,), 2, "share bytes"), ("C64", (1,), 8, "not real"), ("F6_E2M3", (4,), 3, "share bytes"),
])
def test_packed_and_complex_values_are_compared_by_bytes(dtype, shape, size, why):
    rows, _ = told(files.safetensors({"q": (dtype, shape, bytes(size))}), files.safetensors({"q": (dtype, shape, b"\1" + bytes(size - 1))}))
    assert rows["q"]["other_bytes"] == 1
    assert why in rows["q"]["note"]
    assert "moved" not in rows["q"]


def test_quantised_blocks_are_compared_by_bytes():
    q8 = bytes(range(34)) * 2
    rows, _ = told(files.gguf({"w": (8, (64,), q8), "f": (0, (2,), raw([1, 2]))}), files.gguf({"w": (8, (64,), q8[:-2] + b"zz"), "f": (0, (2,), raw([1, 3]))}))
    assert (rows["w"]["other_bytes"], rows["w"]["note"]) == (2, "compared by bytes: Q8_0 is quantised")
    assert rows["f"]["moved"]["changed"] == 1


def test_tensors_of_unknown_type():
    before, after = (files.npy(">f4", (3,), data) for data in (bytes(12), bytes(11) + b"\1"))
    rows, _ = told(before, after)
    assert (rows["array"]["before"], rows["array"]["other_bytes"]) == ({"dtype": None, "shape": None, "bytes": 12}, 1)
    assert "not known" in rows["array"]["note"]
    rows, _ = told(before, files.npy(">f4", (4,), bytes(16)))
    assert "other_bytes" not in rows["array"]


def test_formats_do_not_matter():
    big = {"w": ("F32", (400, 400), files.noise(640_000)), "b": ("F32", (400,), files.noise(1600, 1)), "s": ("F32", (), files.noise(4, 2))}
    rows, found = told(files.torch_zip(big), files.safetensors(big))
    assert rows == {}
    assert found.reason == "the same tensors, written as safetensors instead of torch"
    rows, _ = told(files.torch_zip(big), files.safetensors({**big, "b": ("F32", (400,), files.noise(1600, 9))}))
    assert list(rows) == ["b"]


def test_what_is_beside_the_tensors_is_not_called_nothing():
    found = diff_tensors(Bytes(files.safetensors(A, {"step": "1"})), Bytes(files.safetensors(A, {"step": "2"})))
    assert (found.keys, found.reason) == ((), "the same tensors; what is beside them differs, or their order")


class TestTied:
    """Several names, one storage."""

    BEFORE, AFTER = raw(range(24)), raw([*range(23), 99])

    def views(self, storage, **more):
        whole = files.tensor("0", "FloatStorage", 24, (4, 6))
        return checkpoint({"embed": whole, "head": whole, **more}, {"0": storage})

    def test_each_name_is_told(self):
        rows, _ = told(self.views(self.BEFORE), self.views(self.AFTER))
        assert list(rows) == ["embed", "head"]
        assert rows["embed"]["moved"] == rows["head"]["moved"]
        assert rows["head"]["moved"]["max"] == 76.0

    def test_a_name_that_went_and_whose_values_are_still_there(self):
        rows, _ = told(self.views(self.BEFORE), files.safetensors({"embed": ("F32", (4, 6), self.BEFORE)}))
        assert (rows["head"]["change"], rows["head"]["note"]) == ("deleted", "its values are those of embed")

    def test_an_order_other_than_c_is_compared_by_place(self):
        turned = {"t": files.tensor("0", "FloatStorage", 24, (6, 4), stride=(1, 6))}
        same = np.frombuffer(self.BEFORE, "<f4").reshape(4, 6).T.tobytes()
        rows, _ = told(self.views(self.BEFORE, **turned), files.safetensors({
            "embed": ("F32", (4, 6), self.BEFORE), "head": ("F32", (4, 6), self.BEFORE), "t": ("F32", (6, 4), same),
        }))
        assert rows == {}
        rows, _ = told(self.views(self.BEFORE, **turned), self.views(self.AFTER, **turned))
        assert rows["t"]["moved"]["changed"] == 1

    def test_a_few_bytes_that_stand_for_any_number_of_elements_are_not_walked(self):
        endless = {"x": files.tensor("0", "FloatStorage", 24, (1 << 30, 24), stride=(0, 1))}
        rows, _ = told(self.views(self.BEFORE, **endless), self.views(self.AFTER, **endless))
        assert rows["x"]["note"] == "compared by bytes: its elements overlap"
        assert rows["x"]["other_bytes"] == 2
        assert told(self.views(self.BEFORE, **endless), self.views(self.BEFORE, **endless))[0] == {}


@pytest.mark.parametrize("bad", [b"", b"\x80\x04K\x01.", b"weights", files.safetensors(A)[:-1], files.torch_zip(A)[:-30], b"GGUF"])
def test_what_holds_no_tensors_falls_back_to_bytes_with_the_reason(bad):
    good = files.safetensors(A)
    for before, after in ((bad, good), (good, bad)):
        with pytest.raises(UnreadableContent):
            diff_tensors(Bytes(before), Bytes(after))
        found = diff_file(b"model.pt", "weights", Bytes(before), Bytes(after), Settings())
        assert (found.driver, [key.key for key in found.keys]) == ("bytes", ["size"])
        assert found.reason.startswith("not tensors: ")
        assert "line" not in found.reason


def test_the_reason_names_the_format_that_was_promised():
    found = diff_file(b"m.st", "weights", Bytes(files.safetensors(A)[:-1]), Bytes(files.safetensors(A)), Settings())
    assert found.reason == "not tensors: it begins as safetensors, and is damaged or has none"


def test_a_pickle_is_called_one():
    with pytest.raises(UnreadableContent, match="not tensors: a pickle, which is never loaded"):
        diff_tensors(Bytes(b"\x80\x04K\x01."), None)


def test_one_side_alone():
    rows, found = told(None, files.safetensors(A))
    assert {row["change"] for row in rows.values()} == {"added"}
    assert found.reason == ""
    assert told(None, None)[0] == {}
