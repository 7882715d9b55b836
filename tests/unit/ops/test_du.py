"""du: its numbers are those of the records, and what it says that a branch holds is what gc frees."""

from __future__ import annotations

import os

import pytest
from blake3 import blake3
from store_contents import rows, weights

import mvcs
from mvcs.objects.hashing import parse_oid
from mvcs.store.base import CHUNKS, OBJECTS, RECIPES
from mvcs.store.segments import PLACE
from tests.cli.harness import write


def noise(size: int, seed: str) -> bytes:
    return blake3(seed.encode()).digest(length=size)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "m"
    write(folder, {"train.py": "1", "model.safetensors": weights(), "data/a.csv": rows(40_000)})
    mvcs.init(folder, model="m", yes=True)[0].close()
    return folder


@pytest.fixture
def repo(folder):
    with mvcs.open(folder) as repo:
        repo.commit("one")
        yield repo


@pytest.fixture
def versions(repo, folder):
    """One more version, trained and with one row more, and a file that nothing makes smaller."""
    write(folder, {"model.safetensors": weights(steps=1), "data/a.csv": rows(40_000, inserted=(20_000,)),
                   "other.safetensors": noise(300_000, "other")})
    repo.commit("two")
    return repo


def records(repo) -> dict[str, int]:
    """Stored bytes of chunks, recipe lists and objects, added up by hand."""
    with repo._repository.store.read() as transaction:
        return {
            "chunks": sum(PLACE.unpack(place)[1] for _, place in transaction.items(CHUNKS)),
            "recipes": sum(len(value) for _, value in transaction.items(RECIPES)),
            "objects": sum(len(value) for _, value in transaction.items(OBJECTS)),
        }


def by_path(usage) -> dict[str, object]:
    return {os.fsdecode(file.path): file for file in (*usage.best, *usage.worst)}


def test_codecs_add_up_to_the_chunks(versions):
    usage = versions.du()
    assert set(usage.codecs) == {"raw", "zstd", "planes", "difference", "gap"}
    assert sum(use.stored for use in usage.codecs.values()) == usage.stored["chunk"] == records(versions)["chunks"]
    assert sum(use.chunks for use in usage.codecs.values()) == usage.counts["chunk"]
    assert usage.codecs["difference"].raw == usage.codecs["planes"].raw == 3 * 160_000
    assert usage.codecs["difference"].stored < 0.3 * usage.codecs["planes"].stored
    assert usage.total_stored == sum(records(versions).values())


def test_contents_count_each_file_once(repo, folder):
    def contents() -> int:
        return repo.du().contents

    first = contents()
    assert first >= len(weights()) + len(rows(40_000))
    write(folder, {"copy.safetensors": weights(), "data/big.bin": noise(900_000, "big"), "data/mid.bin": noise(70_000, "mid")})
    repo.commit("a copy, and two more")
    assert 970_000 <= contents() - first <= 971_000


def test_the_files_of_head_with_a_word_why(versions):
    usage = versions.du()
    assert usage.revision == "HEAD"
    files = by_path(usage)
    assert {path: file.why for path, file in files.items()} == {
        "model.safetensors": "difference to other weights", "data/a.csv": "shared with other files",
        "other.safetensors": "incompressible",
    }
    assert [os.fsdecode(file.path) for file in usage.best] == ["model.safetensors", "data/a.csv"]
    assert [os.fsdecode(file.path) for file in usage.worst] == ["other.safetensors"]
    csv = files["data/a.csv"]
    assert csv.own < 0.01 * csv.stored
    assert files["other.safetensors"].own == files["other.safetensors"].stored == 300_000 + 48 * len(
        versions._repository.store.recipe(parse_oid(versions.resolve("HEAD:other.safetensors")[0])).chunks()
    )
    before = by_path(versions.du("HEAD~1"))
    assert before["model.safetensors"].why == "coded by planes"
    assert set(before) == {"model.safetensors", "data/a.csv"}


def test_ingredients_of_a_revision(versions):
    usage = versions.du()
    assert usage.ingredients["weights"] == len(weights()) + 300_000
    assert usage.ingredients["code"] == 1
    files = by_path(usage)
    assert usage.ingredients_stored["weights"] == sum(files[name].stored for name in ("model.safetensors", "other.safetensors"))
    assert usage.ingredients_stored["data"] == files["data/a.csv"].stored
    assert usage.ingredients_stored["code"] == 3  # a byte behind two that say what it is


def test_a_file_that_stands_twice_counts_once_in_its_ingredient(repo, folder):
    before = repo.du().ingredients_stored["weights"]
    write(folder, {"again.safetensors": weights()})
    repo.commit("twice")
    usage = repo.du()
    assert usage.ingredients["weights"] == 2 * len(weights())
    assert usage.ingredients_stored["weights"] == before
    assert {file.stored for file in by_path(usage).values() if file.ingredient == "weights"} == {before}


def test_without_a_commit(tmp_path):
    write(tmp_path / "new", {"train.py": "1"})
    repo, _ = mvcs.init(tmp_path / "new", model="m", yes=True)
    usage = repo.du()
    assert (usage.revision, usage.contents, usage.codecs, usage.branches) == (None, 0, {}, [])
    assert usage.to_dict()["files"] == {"best": [], "worst": []}


# Branches


def branch(repo, folder, name: str, files: dict, start: str = "main") -> None:
    repo.switch(name, create=True, start=start)
    write(folder, files)
    repo.commit(name)
    repo.switch("main")


def held(repo) -> dict[str, tuple[int, int]]:
    return {item.name: (item.reaches, item.only) for item in repo.du().branches}


def stored(repo) -> int:
    """Stored bytes but those of the ledger."""
    usage = repo.du()
    return usage.total_stored - usage.stored["operation"]


@pytest.fixture
def branches(repo, folder):
    """Two branches that share a commit, one with weights that are based on main's, and a tagged one."""
    repo.config_set("gc.undo_days", "0")
    branch(repo, folder, "trained", {"model.safetensors": weights(steps=1), "train.py": "trained"})
    branch(repo, folder, "more", {"data/more.bin": noise(400_000, "more")}, start="trained")
    branch(repo, folder, "apart", {"model.safetensors": noise(500_000, "apart")})
    branch(repo, folder, "kept", {"data/kept.bin": noise(600_000, "kept")})
    repo.tag("v1", "kept")
    return repo


def test_what_only_a_branch_reaches_is_what_gc_frees(branches):
    for name in ("more", "apart", "kept", "trained"):
        before, only = stored(branches), held(branches)[name][1]
        branches.delete_branch(name)
        branches.gc(thorough=True)
        assert before - stored(branches) == only, name
        assert branches.fsck().problems == []
    assert set(held(branches)) == {"main"}


def test_what_a_branch_reaches(branches):
    found = held(branches)
    assert found["main"][1] == 0  # all others began there
    assert found["kept"][1] == 0  # a tag has it too
    assert found["more"][0] > found["trained"][0] > found["main"][0]
    assert 400_000 < found["more"][1] < 402_000
    assert 500_000 < found["apart"][1] < 502_000
    assert found["trained"][1] == 0
    branches.delete_branch("more")
    assert 0 < held(branches)["trained"][1] < 0.3 * len(weights())


def test_bases_belong_to_who_is_based_on_them(repo, folder):
    """Weights that no commit has any more are still needed to read those in their place, several deep."""
    repo.config_set("gc.undo_days", "0")
    for step in range(1, 5):
        write(folder, {"model.safetensors": weights(steps=step)})
        repo.commit("again", amend=True)
    repo.gc(thorough=True)
    store = repo._repository.store
    chunks = store.recipe(parse_oid(repo.resolve("HEAD:model.safetensors")[0])).chunks()
    assert max(header.depth for _, header, _ in store.chunks.headers(chunks)) >= 2
    (main,) = repo.du().branches
    assert main.reaches == main.only == stored(repo)


def test_models_are_told_apart(repo, tmp_path, folder):
    write(folder / "models/b", {"model.bin": noise(100_000, "b")})
    other, _ = mvcs.init(folder / "models/b", model="b", yes=True)
    other.commit("of b")
    assert [(item.model, item.name) for item in repo.du().branches] == [("b", "main"), ("m", "main")]


# Damage


def test_what_is_damaged_is_told_and_does_not_stop_it(versions):
    store = versions._repository.store
    chunk = store.recipe(parse_oid(versions.resolve("HEAD:model.safetensors")[0])).chunk(1)
    with store.read() as transaction:
        number = PLACE.unpack(transaction.get(CHUNKS, chunk))[0]
    before = versions.du()
    store.segments.overwrite(number, chunk, b"\x01\x63 what is this")
    usage = versions.du()
    assert usage.codecs["unreadable"].chunks == 1
    assert usage.codecs["planes"].chunks == before.codecs["planes"].chunks
    assert usage.codecs["difference"].chunks == before.codecs["difference"].chunks - 1
    assert usage.stored == before.stored


def test_a_lost_segment(versions):
    store = versions._repository.store
    count = versions.du().counts["chunk"]
    store.segments.remove(1)
    usage = versions.du()
    assert usage.codecs.keys() == {"unreadable"}
    assert usage.codecs["unreadable"].chunks == count
    assert by_path(usage)["model.safetensors"].why == "unreadable"
