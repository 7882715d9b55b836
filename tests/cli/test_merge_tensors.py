"""Weights that both sides trained, merged by tensor: what a user types, sees, and gets."""

from __future__ import annotations

import json

import numpy as np
import pytest

import mvcs
from mvcs.objects.hashing import blob_oid
from mvcs.store.base import OBJECTS
from mvcs.store.splitters.source import BytesSource
from mvcs.store.splitters.tensors import read_tensors
from tests.cli.harness import fails, mvcs_run, ok, snapshot, status, write
from tests.cli.test_merge import commit, merge
from tests.cli.test_merge_weights import origin, sides
from tests.unit.store import splitter_files as files

BASE = {"encoder.w": [1.0, 2.0, 3.0], "encoder.b": [0.5], "head.w": [4.0, 5.0], "head.b": [6.0]}


def st(values, dtype="f4", metadata=None):
    """A safetensors file of one-dimensional tensors."""
    names = {"f4": "F32", "f8": "F64", "f2": "F16", "i8": "I64", "i4": "I32"}
    made = {}
    for name, value in values.items():
        array = value if isinstance(value, np.ndarray) else np.array(value, dtype)
        made[name] = (names[array.dtype.str[1:]], array.shape, array.tobytes())
    return files.safetensors(made, metadata)


def values(folder, path="model.safetensors"):
    """The tensors of a safetensors file in the workspace."""
    content = (folder / path).read_bytes()
    found = read_tensors(BytesSource(content))
    kinds = {"F32": "<f4", "F64": "<f8", "F16": "<f2", "I64": "<i8", "I32": "<i4"}
    return {
        one.name: np.frombuffer(content[one.offset : one.offset + one.length], kinds[one.dtype]).reshape(one.shape)
        for one in found.tensors
    }


def lists(folder):
    return {name: array.tolist() for name, array in values(folder).items()}


def decisions(folder):
    return ok("show", "--provenance", "--json", cwd=folder).json["provenance"]["merge"]["decisions"]


@pytest.fixture
def model(project):
    """A project with a model of four tensors."""
    commit(project, {"model.safetensors": st(BASE, metadata={"format": "pt"})}, "model")
    return project


def both(model, ours, theirs, metadata=None):
    """Two branches that change these tensors; stands on the first."""
    made = [st({**BASE, **change}, metadata={"format": "pt"}) for change in (ours, theirs)]
    sides(model, {"model.safetensors": made[0]}, {"model.safetensors": made[1]})
    ok("switch", "a", cwd=model)


class TestByName:
    def test_tensors_that_one_side_changed_come_from_it(self, model):
        both(model, {"encoder.w": [1.0, 2.0, 9.0]}, {"head.w": [7.0, 8.0], "head.b": [0.0]})
        done = merge(model, "b").json
        assert (done["conflicts"], done["how"], done["stale"]) == (0, "merged", False)
        assert lists(model) == {**BASE, "encoder.w": [1, 2, 9], "head.w": [7, 8], "head.b": [0]}
        assert origin(model)["how"] == "merged:tensors"
        assert ok("fsck", cwd=model).code == 0

    def test_the_other_way_round_it_is_the_same(self, model):
        both(model, {"head.w": [7.0, 8.0]}, {"encoder.w": [1.0, 2.0, 9.0]})
        merge(model, "b")
        assert lists(model) == {**BASE, "encoder.w": [1, 2, 9], "head.w": [7, 8]}

    def test_header_order_and_metadata_are_those_of_ours(self, model):
        before = (model / "model.safetensors").read_bytes()
        both(model, {"encoder.w": [1.0, 2.0, 9.0]}, {"head.b": [0.0]})
        merge(model, "b")
        after = (model / "model.safetensors").read_bytes()
        length = 8 + int.from_bytes(before[:8], "little")
        assert after[:length] == before[:length]

    @pytest.mark.parametrize("ulp", [True, False], ids=["one unit in the last place", "the sign of zero"])
    def test_the_smallest_change_of_one_side_survives_bit_by_bit(self, model, ulp):
        """Peers compare by nearness and drop it."""
        changed = np.array([np.nextafter(np.float32(1), np.float32(2)) if ulp else 1, 2, 3], "f4")
        head = np.array([4, 5], "f4") if ulp else np.array([-0.0, 5], "f4")
        commit(model, {"model.safetensors": st({**BASE, "head.w": [4.0, 5.0] if ulp else [0.0, 5.0]})}, "zero")
        other = {**BASE, "head.w": head, "encoder.w": changed}
        plain = {**BASE, "head.w": [4.0, 5.0] if ulp else [0.0, 5.0], "head.b": [7.0]}
        sides(model, {"model.safetensors": st(plain)}, {"model.safetensors": st(other)})
        ok("switch", "a", cwd=model)
        merge(model, "b")
        found = values(model)
        assert found["encoder.w"].tobytes() == changed.tobytes()
        assert found["head.w"].tobytes() == head.tobytes()
        assert found["head.b"].tolist() == [7]

    def test_changes_of_both_to_the_same_agree(self, model):
        both(model, {"head.w": [9.0, 9.0], "head.b": [1.0]}, {"head.w": [9.0, 9.0], "encoder.b": [1.0]})
        assert merge(model, "b").json["conflicts"] == 0
        assert lists(model) == {**BASE, "head.w": [9, 9], "head.b": [1], "encoder.b": [1]}

    def test_a_dry_run_writes_nothing(self, model):
        both(model, {"encoder.w": [1.0, 2.0, 9.0]}, {"head.b": [0.0]})
        before = snapshot(model)
        done = mvcs_run("merge", "b", "--dry-run", "--json", cwd=model)
        assert (done.json["how"], done.json["changes"]) == ("would-merge", ["metrics.json", "model.safetensors"])
        assert snapshot(model) == before
        assert status(model)["changes"] == []

    def test_what_changed_stays_chunked_by_tensor(self, model):
        """The merged file shares the chunks of tensors with both sides."""
        large = {name: np.random.default_rng(seed).normal(size=300_000).astype("f4") for seed, name in enumerate("abc")}
        commit(model, {"model.safetensors": st(large)}, "large")
        made = [st({**large, name: large[name] + np.float32(1)}) for name in "ac"]
        sides(model, {"model.safetensors": made[0]}, {"model.safetensors": made[1]})
        ok("switch", "a", cwd=model)
        before = ok("du", "--json", cwd=model).json["total_stored"]
        merge(model, "b")
        after = ok("du", "--json", cwd=model).json["total_stored"]
        assert (model / "model.safetensors").read_bytes() == st({**large, "a": large["a"] + 1, "c": large["c"] + 1})
        assert after - before < 100_000


class TestConflicts:
    @pytest.fixture
    def merging(self, model):
        both(model, {"head.w": [4.0, 9.0], "encoder.b": [1.0]}, {"head.w": [7.0, 8.0], "head.b": [0.0]})
        assert merge(model, "b").json["conflicts"] == 1
        return model

    def test_the_record_has_what_there_is_to_know(self, merging):
        (found,) = mvcs_run("conflicts", "--json", cwd=merging).json["conflicts"]
        tensor = {"dtype": "F32", "shape": [2]}
        changes = found.pop("changes")
        assert found == {
            "path": "model.safetensors", "key": "head.w", "base": tensor, "ours": tensor, "theirs": tensor,
            "edited": False,
        }
        assert changes == {
            "ours": 4.0, "theirs": pytest.approx(18**0.5), "cosine": pytest.approx(0.5**0.5), "not_finite": 0
        }
        told = mvcs_run("conflicts", cwd=merging)
        assert told.code == 1
        assert "model.safetensors: head.w" in told.out
        assert "changes ours 4, theirs 4.243, cosine 0.7071" in told.out

    def test_until_it_is_settled_the_file_has_ours_and_the_rest_is_merged(self, merging):
        assert lists(merging) == {**BASE, "head.w": [4, 9], "encoder.b": [1], "head.b": [0]}

    @pytest.mark.parametrize(
        ("words", "gives"),
        [(["--ours"], [4, 9]), (["--theirs"], [7, 8]), (["--base"], [4, 5]), (["--with", "avg"], [5.5, 8.5]),
         (["--with", "wavg:0.25"], [6.25, 8.25]), (["--with", "task:1,1"], [7, 12]), (["--with", "ties:0.5"], [7, 9])],
        ids=lambda words: " ".join(map(str, words)),
    )
    def test_one_tensor_is_settled_by_its_name(self, merging, words, gives):
        ok("resolve", "model.safetensors:head.w", *words, cwd=merging)
        assert lists(merging)["head.w"] == gives
        ok("commit", cwd=merging)
        assert lists(merging) == {**BASE, "head.w": gives, "encoder.b": [1], "head.b": [0]}
        assert origin(merging)["how"] == "merged:tensors"
        strategy = words[-1].lstrip("-")
        assert decisions(merging) == [{"path": "model.safetensors", "key": "head.w", "strategy": strategy}]

    def test_the_whole_file_is_settled_by_its_path(self, merging):
        ok("resolve", "model.safetensors", "--theirs", cwd=merging)
        assert lists(merging)["head.w"] == [7, 8]

    def test_an_edit_settles_the_tensors_that_it_changes(self, merging):
        write(merging, {"model.safetensors": st({**lists(merging), "encoder.b": [3.0]}, metadata={"format": "pt"})})
        assert "1 conflict(s) are left" in mvcs_run("commit", cwd=merging).err
        write(merging, {"model.safetensors": st({**lists(merging), "head.w": [0.0, 1.0]}, metadata={"format": "pt"})})
        ok("commit", cwd=merging)
        assert lists(merging)["head.w"] == [0, 1]

    def test_a_strategy_that_there_is_not(self, merging):
        error = fails(2, "invalid-argument", "resolve", "model.safetensors:head.w", "--with", "mix", cwd=merging)
        assert "slerp:T" in error["message"]

    def test_a_tensor_that_there_is_not(self, merging):
        fails(3, "path-not-found", "resolve", "model.safetensors:head.x", "--ours", cwd=merging)

    def test_undo_takes_back_one_word(self, merging):
        ok("resolve", "model.safetensors:head.w", "--theirs", cwd=merging)
        ok("undo", cwd=merging)
        assert lists(merging)["head.w"] == [4, 9]
        assert mvcs_run("conflicts", cwd=merging).code == 1

    def test_abort_gives_ours_back(self, merging):
        ok("merge", "--abort", cwd=merging)
        assert lists(merging) == {**BASE, "head.w": [4, 9], "encoder.b": [1]}


class TestWeights:
    @pytest.fixture
    def sided(self, model):
        both(
            model, {"head.w": [4.0, 9.0], "encoder.w": [1.0, 2.0, 5.0], "encoder.b": [1.0]},
            {"head.w": [7.0, 8.0], "encoder.w": [1.0, 2.0, 7.0], "head.b": [0.0]},
        )
        return model

    def test_a_strategy_for_each_pattern_first_match_wins(self, sided):
        text = "encoder.*=ours,head.*=theirs,*=ties:0.2"
        assert merge(sided, "b", "--weights", text).json["conflicts"] == 0
        assert lists(sided) == {**BASE, "head.w": [7, 8], "encoder.w": [1, 2, 5], "encoder.b": [1], "head.b": [0]}
        assert origin(sided)["how"] == f"merged:{text}"
        assert {one["key"]: one["strategy"] for one in decisions(sided)} == {"head.w": "theirs", "encoder.w": "ours"}

    def test_one_strategy_is_for_all_that_both_changed(self, sided):
        merge(sided, "b", "--weights", "avg")
        assert lists(sided) == {
            **BASE, "head.w": [5.5, 8.5], "encoder.w": [1, 2, 6], "encoder.b": [1], "head.b": [0]
        }
        assert (origin(sided)["how"], status(sided)["stale"]) == ("merged:avg", False)

    @pytest.mark.parametrize(("word", "side"), [("ours", "a"), ("theirs", "b")])
    def test_a_side_alone_means_all_of_its_weights(self, sided, word, side):
        ok("switch", side, cwd=sided)
        expected = lists(sided)
        ok("switch", "a", cwd=sided)
        merge(sided, "b", "--weights", word)
        assert (lists(sided), origin(sided)["how"]) == (expected, f"merged:{word}")

    def test_numbers_with_a_comma_stand_between_patterns(self, sided):
        merge(sided, "b", "--weights", "head.*=task:0.5,0.5,*=task:1,0")
        assert lists(sided)["head.w"] == [5.5, 8.5]
        assert lists(sided)["encoder.w"] == [1, 2, 5]

    def test_what_no_pattern_names_stays_a_conflict(self, sided):
        assert merge(sided, "b", "--weights", "head.*=avg").json["conflicts"] == 1
        (left,) = mvcs_run("conflicts", "--json", cwd=sided).json["conflicts"]
        assert left["key"] == "encoder.w"
        ok("resolve", "model.safetensors:encoder.w", "--with", "avg", cwd=sided)
        ok("commit", cwd=sided)
        assert origin(sided)["how"] == "merged:head.*=avg"

    def test_it_merges_what_neither_side_made_with_the_merged_recipe(self, model):
        made = [st({**BASE, "head.w": [value, 5.0]}, metadata={"format": "pt"}) for value in (2.0, 8.0)]
        sides(
            model, {"model.safetensors": made[0], "data/a.bin": b"\0"},
            {"model.safetensors": made[1], "data/b.bin": b"\0"},
        )
        ok("switch", "a", cwd=model)
        done = merge(model, "b", "--weights", "avg").json
        assert (done["stale"], lists(model)["head.w"]) == (False, [5, 5])
        assert (origin(model)["how"], status(model)["stale"]) == ("merged:avg", False)

    def test_a_strategy_of_other_conflicts_names_tensors_too(self, sided):
        done = merge(sided, "b", "-s", "*.safetensors:head.*=theirs", "-s", "*:encoder.*=avg").json
        assert (done["conflicts"], done["decided"]) == (0, 2)
        assert origin(sided)["how"] == "merged:tensors"
        assert (lists(sided)["head.w"], lists(sided)["encoder.w"]) == ([7, 8], [1, 2, 6])

    def test_it_comes_before_the_strategies_of_other_conflicts(self, sided):
        merge(sided, "b", "-s", "*=theirs", "--weights", "avg")
        assert lists(sided)["head.w"] == [5.5, 8.5]

    @pytest.mark.parametrize(
        "text", ["mix", "head.*=mix", "=avg", "avg:2", "wavg", "wavg:2", "wavg:nan", "slerp:-0.1", "task:1", "ties:0",
                 "ties:1e-3", "head.*=", "avg,theirs", "ties:0x1", "task:1,2,3", ""],
    )
    def test_a_strategy_that_there_is_not(self, sided, text):
        before = snapshot(sided)
        error = fails(2, "invalid-argument", "merge", "b", "--weights", text, cwd=sided)
        assert "ours, theirs, base, avg, wavg:A, slerp:T, task:L1,L2, ties:DENSITY" in error["message"]
        assert snapshot(sided) == before

    def test_a_pattern_that_no_tensor_has(self, sided):
        error = fails(2, "invalid-argument", "merge", "b", "--weights", "encodr.*=ours,*=avg", cwd=sided)
        assert "encodr.*" in error["message"]
        assert "encoder.w, encoder.b, head.w, head.b" in error["message"]

    def test_a_strategy_for_all_other_conflicts_that_there_is_not(self, sided):
        fails(2, "invalid-argument", "merge", "b", "-s", "*=ties:2", cwd=sided)

    def test_mvcs_toml_names_strategies_with_numbers(self, model):
        rules = '\n[merge.strategies]\n"*.safetensors:head.*" = "wavg:0.25"\n"*.safetensors" = "ties:0.5"\n'
        commit(model, {"mvcs.toml": (model / "mvcs.toml").read_text() + rules}, "rules")
        both(
            model, {"head.w": [4.0, 9.0], "encoder.w": [1.0, 2.0, 5.0], "encoder.b": [1.0]},
            {"head.w": [7.0, 8.0], "encoder.w": [1.0, 2.0, 7.0], "head.b": [0.0]},
        )
        done = merge(model, "b").json
        assert (done["conflicts"], done["decided"]) == (0, 2)
        assert lists(model) == {
            "head.w": [6.25, 8.25], "encoder.w": [1, 2, 6], "encoder.b": [1], "head.b": [0]
        }
        assert {one["key"]: one["strategy"] for one in decisions(model)} == {"head.w": "wavg:0.25", "encoder.w": "ties:0.5"}

    @pytest.mark.parametrize("word", ['"ties:2"', '"ties"', '"mix"', '"wavg:0.2,0.3"', "0.2", '["avg"]'])
    def test_mvcs_toml_with_a_strategy_that_there_is_not(self, model, word):
        write(model, {"mvcs.toml": (model / "mvcs.toml").read_text() + f'\n[merge.strategies]\n"*" = {word}\n'})
        error = fails(2, "invalid-config", "merge", "main", cwd=model)
        assert "ours, theirs, base, union" in error["hint"]
        assert "slerp:T, task:L1,L2, ties:DENSITY" in error["hint"]


class TestComingAndGoing:
    """Tensors that one side has alone: the rule of three, as for keys."""

    def two(self, model, ours, theirs, *words):
        sides(
            model, {"model.safetensors": st(ours, metadata={"format": "pt"})},
            {"model.safetensors": st(theirs, metadata={"format": "pt", "by": "b"})},
        )
        ok("switch", "a", cwd=model)
        return mvcs_run("merge", "b", *words, "--json", cwd=model).json

    def test_added_and_removed_tensors(self, model):
        ours = {name: value for name, value in BASE.items() if name != "encoder.b"} | {"lora.a": [1.0]}
        theirs = {name: value for name, value in BASE.items() if name != "head.b"} | {"lora.b": [2.0], "lora.c": [3.0]}
        done = self.two(model, ours, theirs)
        assert (done["conflicts"], done["how"]) == (0, "merged")
        assert lists(model) == {
            "encoder.w": [1, 2, 3], "head.w": [4, 5], "lora.a": [1], "lora.b": [2], "lora.c": [3]
        }
        content = (model / "model.safetensors").read_bytes()
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        assert list(header) == ["__metadata__", "encoder.w", "head.w", "lora.a", "lora.b", "lora.c"]
        assert header["__metadata__"] == {"format": "pt"}
        assert any("the metadata are those of ours" in note for note in done["notes"])
        assert int.from_bytes(content[:8], "little") % 8 == 0

    def test_elements_lie_where_their_type_asks_for(self, model):
        ours = {**BASE, "half": np.ones(3, "f2")}
        self.two(model, ours, {**BASE, "double": np.ones(2, "f8")})
        content = (model / "model.safetensors").read_bytes()
        for one in read_tensors(BytesSource(content)).tensors:
            assert one.offset % {"F64": 8, "F32": 4, "F16": 2}[one.dtype] == 0
        assert values(model)["double"].tolist() == [1, 1]
        assert list(values(model)["half"]) == [1, 1, 1]

    def test_identical_additions_merge(self, model):
        """A peer takes them for a deletion."""
        more = {**BASE, "lora": [1.0]}
        done = self.two(model, {**more, "head.b": [0.0]}, {**more, "encoder.b": [0.0]})
        assert done["conflicts"] == 0
        assert lists(model) == {**more, "head.b": [0], "encoder.b": [0]}

    def test_different_additions_are_a_conflict(self, model):
        assert self.two(model, {**BASE, "lora": [1.0]}, {**BASE, "lora": [2.0]})["conflicts"] == 1
        (left,) = mvcs_run("conflicts", "--json", cwd=model).json["conflicts"]
        assert (left["key"], left["base"], "changes" in left) == ("lora", None, False)
        error = fails(2, "invalid-argument", "resolve", "model.safetensors:lora", "--with", "ties:0.5", cwd=model)
        assert "a base of the same" in error["message"]
        ok("resolve", "model.safetensors:lora", "--with", "avg", cwd=model)
        assert lists(model)["lora"] == [1.5]

    def test_a_deletion_of_both_agrees(self, model):
        less = {name: value for name, value in BASE.items() if name != "head.b"}
        assert self.two(model, {**less, "head.w": [0.0, 0.0]}, {**less, "encoder.b": [0.0]})["conflicts"] == 0
        assert lists(model) == {**less, "head.w": [0, 0], "encoder.b": [0]}

    @pytest.mark.parametrize("deleted_in", ["ours", "theirs"])
    @pytest.mark.parametrize("settled", ["ours", "theirs", "base"])
    def test_a_deletion_against_a_change_is_a_conflict_both_ways(self, model, deleted_in, settled):
        """A peer takes it for a change of both, or for a change."""
        less = {name: value for name, value in BASE.items() if name != "head.b"}
        changed = {**BASE, "head.b": [7.0]}
        two = (less, changed) if deleted_in == "ours" else (changed, less)
        assert self.two(model, *two)["conflicts"] == 1
        (left,) = mvcs_run("conflicts", "--json", cwd=model).json["conflicts"]
        there = {"dtype": "F32", "shape": [1]}
        assert (left["ours"], left["theirs"]) == ((None, there) if deleted_in == "ours" else (there, None))
        assert "deleted in " + deleted_in in left["reason"]
        fails(2, "invalid-argument", "resolve", "model.safetensors:head.b", "--with", "avg", cwd=model)
        ok("resolve", "model.safetensors:head.b", f"--{settled}", cwd=model)
        expected = {deleted_in: less, "base": BASE}.get(settled, changed)
        assert lists(model) == expected
        ok("commit", cwd=model)

    @pytest.mark.parametrize("settled", ["ours", "theirs"])
    @pytest.mark.parametrize(
        "other", [np.array([[4, 5]], "f4"), np.array([4, 5], "f8"), np.array([4, 5, 6], "f4")],
        ids=["shape", "type", "length"],
    )
    def test_another_shape_or_type_against_a_change_is_a_conflict(self, model, settled, other):
        assert self.two(model, {**BASE, "head.w": [9.0, 9.0]}, {**BASE, "head.w": other})["conflicts"] == 1
        (left,) = mvcs_run("conflicts", "--json", cwd=model).json["conflicts"]
        assert "of another shape or type" in left["reason"]
        assert left["theirs"]["shape"] == list(other.shape)
        fails(2, "invalid-argument", "resolve", "model.safetensors:head.w", "--with", "avg", cwd=model)
        ok("resolve", "model.safetensors:head.w", f"--{settled}", cwd=model)
        found = values(model)["head.w"]
        assert (found.dtype, found.tolist()) == (
            (np.dtype("f4"), [9, 9]) if settled == "ours" else (other.dtype, other.tolist())
        )

    def test_another_shape_of_one_side_alone_is_taken(self, model):
        other = np.array([[4, 5, 6]], "f8")
        assert self.two(model, {**BASE, "head.b": [1.0]}, {**BASE, "head.w": other})["conflicts"] == 0
        assert (values(model)["head.w"].tolist(), lists(model)["head.b"]) == ([[4, 5, 6]], [1])

    def test_empty_and_zero_dimensional_tensors(self, model):
        odd = {**BASE, "none": np.zeros((0, 3), "f4"), "one": np.array(1.0, "f4")}
        commit(model, {"model.safetensors": st(odd)}, "odd")
        done = self.two(
            model, {**odd, "one": np.array(3.0, "f4")}, {**odd, "one": np.array(5.0, "f4"), "nil": np.zeros(0, "f4")},
            "--weights", "avg",
        )
        assert done["conflicts"] == 0
        found = values(model)
        assert (found["one"].shape, float(found["one"])) == ((), 4.0)
        assert (found["none"].shape, found["nil"].shape) == ((0, 3), (0,))


class TestNumbers:
    @pytest.mark.parametrize("kind", ["i8", "i4"])
    def test_integers_that_differ_are_never_averaged(self, model, kind):
        made = [st({**BASE, "steps": np.array([value], kind)}) for value in (1, 2, 3)]
        commit(model, {"model.safetensors": made[0]}, "steps")
        sides(model, {"model.safetensors": made[1]}, {"model.safetensors": made[2]})
        ok("switch", "a", cwd=model)
        done = mvcs_run("merge", "b", "--weights", "avg", "--json", cwd=model).json
        assert done["conflicts"] == 1
        (left,) = mvcs_run("conflicts", "--json", cwd=model).json["conflicts"]
        assert "avg does not settle steps: it is for two tensors of floating point numbers" in left["reason"]
        assert left["changes"]["ours"] == 1

    def test_nan_and_infinities_are_told_and_stay(self, model):
        both(model, {"head.w": [float("nan"), 1.0]}, {"head.w": [1.0, float("inf")]})
        done = merge(model, "b", "--weights", "avg").json
        assert [note for note in done["notes"] if "2 entries that are NaN or infinite" in note]
        found = lists(model)["head.w"]
        assert (np.isnan(found[0]), found[1]) == (True, float("inf"))


class TestWholeFiles:
    """What cannot be merged by tensor is one conflict of the file, with the reason."""

    def conflict(self, model, name, base, ours, theirs, *words):
        commit(model, {name: base}, "base")
        sides(model, {name: ours}, {name: theirs})
        ok("switch", "a", cwd=model)
        assert mvcs_run("merge", "b", *words, "--json", cwd=model).json["conflicts"] == 1
        (left,) = mvcs_run("conflicts", "--json", cwd=model).json["conflicts"]
        assert (left["key"], (model / name).read_bytes()) == (None, ours)
        return left["reason"]

    def test_a_pickle(self, model):
        reason = self.conflict(model, "model.pt", b"\x80\x02}q\x00.", b"\x80\x02}q\x01.", b"\x80\x02}q\x02.")
        assert "is a pickle, damaged, or of a format whose tensors are not known" in reason

    def test_a_strategy_for_tensors_does_not_settle_it_and_a_side_by_its_path_does(self, model):
        reason = self.conflict(model, "model.pt", b"\0base", b"\0ours", b"\0theirs", "--weights", "avg")
        assert "avg does not settle the file as a whole: ours, theirs, base do" in reason
        ok("merge", "--abort", cwd=model)
        assert merge(model, "b", "--weights", "*.pt=theirs,*=avg").json["conflicts"] == 0
        assert (model / "model.pt").read_bytes() == b"\0theirs"

    @pytest.mark.parametrize("side", range(3))
    def test_a_truncated_file(self, model, side):
        made = [st({**BASE, "head.b": [float(value)]}) for value in range(3)]
        made[side] = made[side][:-3]
        assert ("the base", "ours", "theirs")[side] in self.conflict(model, "x.safetensors", *made)

    def test_a_base_whose_bytes_are_not_here(self, model):
        base = blob_oid((model / "model.safetensors").read_bytes())
        both(model, {"head.b": [1.0]}, {"head.w": [1.0, 1.0]})
        with mvcs.open(model) as repo, repo._repository.store.write() as transaction:
            assert transaction.delete(OBJECTS, base)
        assert merge(model, "b").json["conflicts"] == 1
        (left,) = mvcs_run("conflicts", "--json", cwd=model).json["conflicts"]
        assert (left["key"], "some of its bytes are not here" in left["reason"]) == (None, True)

    def test_another_format(self, model):
        torch = files.torch_zip({"w": ("F32", (1,), b"\0\0\x80?")})
        made = [st({"w": [float(value)]}) for value in range(2)]
        assert "safetensors and torch" in self.conflict(model, "model.bin", *made, torch)


def test_a_criss_cross_keeps_tensors_a_question(model):
    """Both ancestors have other weights: whatever the sides have apart is asked, also what one of them never had."""
    made = {side: st({**BASE, "head.w": [value, 0.0], "only": [value]}) for side, value in (("a", 1.0), ("b", 2.0))}
    sides(model, *({"model.safetensors": made[side]} for side in "ab"))
    first = ok("rev-parse", "a", cwd=model).out.strip()
    for ours, theirs in (("a", "b"), ("b", first)):
        ok("switch", ours, cwd=model)
        merge(model, theirs, "--weights", "ours" if ours == "a" else "theirs")
    less = {name: value for name, value in BASE.items() if name != "head.b"}
    ok("switch", "a", cwd=model)
    commit(model, {"model.safetensors": st({**less, "head.w": [3.0, 0.0], "only": [1.0]})}, "c")
    ok("switch", "b", cwd=model)
    commit(model, {"model.safetensors": st({**BASE, "head.w": [4.0, 0.0], "only": [1.0]})}, "d")
    assert merge(model, "a").json["conflicts"] == 2
    left = {one["key"]: one for one in mvcs_run("conflicts", "--json", cwd=model).json["conflicts"]}
    assert set(left) == {"head.w", "head.b"}
    for key in left:
        fails(2, "invalid-argument", "resolve", f"model.safetensors:{key}", "--base", cwd=model)
    ok("resolve", "model.safetensors:head.w", "--with", "avg", cwd=model)
    ok("resolve", "model.safetensors:head.b", "--theirs", cwd=model)
    ok("commit", cwd=model)
    assert lists(model) == {**less, "head.w": [3.5, 0], "only": [1]}
