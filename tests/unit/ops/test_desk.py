"""Stored contents as merging reads them: at any place, and as the stretches of chunks that they lie in."""

from __future__ import annotations

import numpy as np
import pytest

import mvcs
from mvcs.objects.editing import flatten
from mvcs.ops.desk import StoredContent
from mvcs.store.splitters.source import Known, same_stretch
from tests.cli.harness import write
from tests.unit.store import splitter_files as files

COUNT = 500_000
START = {name: index * COUNT * 4 for index, name in enumerate("abc")}


def model(**steps: int) -> bytes:
    """Three tensors of 2 MB; a step changes the last element of one."""
    made = {}
    for seed, name in enumerate("abc"):
        values = np.random.default_rng(seed).standard_normal(COUNT, "f4")
        values[-1] += steps.get(name, 0)
        made[name] = ("F32", (COUNT,), values.tobytes())
    return files.safetensors(made)


@pytest.fixture
def contents(tmp_path):
    """Two states of a model, stored, with their bytes."""
    folder = tmp_path / "m"
    states = [model(), model(b=1)]
    write(folder, {"train.py": "1", "model.safetensors": states[0]})
    mvcs.init(folder, model="m", yes=True)[0].close()
    with mvcs.open(folder) as repo:
        found = []
        for state in states:
            write(folder, {"model.safetensors": state})
            commit = repo.commit("state").oid
            tree = repo._repository.commit(commit).tree
            oid = flatten(repo._repository.load_tree, tree)[b"model.safetensors"].entry.oid
            found.append(StoredContent(repo._repository, oid))
        yield list(zip(found, states, strict=True))


def test_it_is_read_at_any_place(contents):
    for content, expected in contents:
        assert content.size == len(expected)
        for offset, length in ((0, 8), (START["b"] - 3, 1_100_000), (len(expected) - 5, 99), (len(expected), 1), (7, 0)):
            assert content.read_at(offset, length) == expected[offset : offset + length]


def test_equal_tensors_are_the_same_stretches(contents):
    (first, raw), (second, _) = contents
    assert isinstance(first, Known)
    head = len(raw) - 3 * COUNT * 4
    same = {name: same_stretch(first, head + at, second, head + at, COUNT * 4) for name, at in START.items()}
    assert same == {"a": True, "b": False, "c": True}
