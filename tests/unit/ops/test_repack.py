"""repack: the same bytes under the same names in less space, whatever happens meanwhile."""

from __future__ import annotations

import os
import shutil

import pytest
from store_contents import rows, safetensors, weights

import mvcs
from mvcs import ports
from mvcs.errors import InvalidArgument, LockTimeout, ObjectCorrupt
from mvcs.objects.hashing import parse_oid
from mvcs.ops import resembling
from mvcs.ports import Silent
from mvcs.store import recode, sweep
from mvcs.store.base import CHUNKS
from mvcs.store.records import DIFFERENCE, GAP, PLANES
from mvcs.store.segments import PLACE
from mvcs.store.splitters import detect
from tests.cli.harness import write

TWINS = {"model/a.safetensors": weights(), "model/b.safetensors": weights(steps=1)}
"""Two files of one commit: neither is the other's earlier version, so that each is stored by itself."""


@pytest.fixture
def folder(tmp_path):
    """A project without a commit."""
    folder = tmp_path / "m"
    write(folder, {"train.py": "1", **TWINS})
    mvcs.init(folder, model="m", yes=True)[0].close()
    return folder


@pytest.fixture
def repo(folder):
    with mvcs.open(folder) as repo:
        yield repo


@pytest.fixture
def twins(repo):
    """A repository with one commit, in which two files resemble each other."""
    repo.commit("twins")
    return repo


@pytest.fixture
def small_slices(monkeypatch):
    """One chunk in each turn of the lock."""
    monkeypatch.setattr(recode, "SLICE", 1)


@pytest.fixture
def at(monkeypatch):
    """Sets what happens at named points."""
    return lambda function: monkeypatch.setattr(ports, "on_reached", function)


def everything(repo) -> dict[str, object]:
    """All that must not change: refs, the ledger, the log, every byte of every commit."""
    commits = [logged.to_dict()["commit"] for logged in repo.log(every=True)]
    return {
        "refs": repo.refs, "ledger": [item.oid for item in repo.op_log()], "log": commits,
        "files": {oid: {path: repo[oid].files[path] for path in repo[oid].files} for oid in commits},
    }


def problems(repo) -> list[str]:
    return [problem.name for problem in repo.fsck().problems]


def chunk_bytes(repo) -> int:
    return repo.du().stored["chunk"]


def headers(repo, revision: str) -> list:
    """The headers of a file's chunks that hold a whole tensor."""
    store = repo._repository.store
    recipe = store.recipe(parse_oid(repo.resolve(revision)[0]))
    return [header for _, header, _ in store.chunks.headers(recipe.chunks()) if header.raw_length >= 100_000]


def check_depths(repo) -> None:
    """Every chunk lies above what it is based on, which is there."""
    store = repo._repository.store
    with store.read() as transaction:
        every = list(transaction.keys(CHUNKS))
    depth = {oid: header.depth for oid, header, _ in store.chunks.headers(every)}
    for oid, header, bases in store.chunks.headers(every):
        assert all(depth[basis] < header.depth for basis in bases), oid.hex()


def test_files_of_one_commit_are_stored_beside_each_other(twins):
    before, size = everything(twins), chunk_bytes(twins)
    assert {header.codec for header in headers(twins, "HEAD:model/b.safetensors")} == {PLANES}
    done = twins.repack()
    assert everything(twins) == before
    assert problems(twins) == []
    assert {header.codec for header in headers(twins, "HEAD:model/a.safetensors")} == {DIFFERENCE}
    assert {header.codec for header in headers(twins, "HEAD:model/b.safetensors")} == {PLANES}
    assert (done.chunks, done.blobs) == (3, 0)
    assert done.saved == size - chunk_bytes(twins)
    assert chunk_bytes(twins) < 0.75 * size
    check_depths(twins)


def test_the_first_of_three_may_be_the_one_that_others_need(repo, folder):
    """a stands before the others, and what the next commit is based on stays where it is."""
    write(folder, {"model/c.safetensors": weights(steps=2)})
    repo.commit("one")
    write(folder, {"model/b.safetensors": weights(steps=3), "model/c.safetensors": weights(steps=4)})
    repo.commit("two")
    before, size = everything(repo), chunk_bytes(repo)
    assert repo.repack().chunks == 3
    assert {header.codec for header in headers(repo, "HEAD~1:model/a.safetensors")} == {DIFFERENCE}
    assert chunk_bytes(repo) < 0.8 * size
    assert everything(repo) == before
    assert problems(repo) == []
    check_depths(repo)


def test_a_second_repack_finds_nothing_to_do(twins):
    twins.repack()
    for deep in (False, True):
        again = twins.repack(deep=deep)
        assert (again.chunks, again.blobs, again.saved) == (0, 0, 0)


def test_versions_that_were_stored_each_by_itself(repo, folder, monkeypatch):
    """As an older mvcs did."""
    with monkeypatch.context() as patch:
        patch.setattr(resembling.Resembling, "__call__", lambda self, path: ())
        for step in (0, 2, 3):
            write(folder, {"model/a.safetensors": weights(steps=step), "data/a.csv": rows(8000, inserted=(5,) * step)})
            repo.commit(str(step))
    before, size = everything(repo), chunk_bytes(repo)
    repo.repack()
    assert everything(repo) == before
    assert problems(repo) == []
    check_depths(repo)
    for revision in ("HEAD", "HEAD~1"):
        assert {header.codec for header in headers(repo, f"{revision}:model/a.safetensors")} == {DIFFERENCE}
    codecs = repo.du().codecs
    assert codecs["gap"].chunks >= 2
    assert chunk_bytes(repo) < 0.6 * size


def test_what_has_a_basis_is_left_alone_unless_it_is_deep(repo, folder):
    repo.commit("one")
    write(folder, {"model/a.safetensors": weights(steps=3)})
    repo.commit("two")
    assert {header.codec for header in headers(repo, "HEAD:model/a.safetensors")} == {DIFFERENCE}
    before = [header.basis for header in headers(repo, "HEAD:model/a.safetensors")]
    repo.repack()
    assert [header.basis for header in headers(repo, "HEAD:model/a.safetensors")] == before


def test_what_others_are_based_on_is_not_raised(repo, folder):
    """b of the first commit would be smaller beside a, but b of the second is based on it and would lie too deep."""
    repo.commit("one")
    write(folder, {"model/b.safetensors": weights(steps=2)})
    repo.commit("two")
    assert {header.depth for header in headers(repo, "HEAD:model/b.safetensors")} == {1}
    before = everything(repo)
    for deep in (False, True):
        repo.repack(deep=deep)
        assert {header.depth for header in headers(repo, "HEAD~1:model/b.safetensors")} == {0}
        check_depths(repo)
    assert everything(repo) == before
    assert problems(repo) == []


def test_two_of_one_turn_of_which_one_is_based_on_the_other(repo, folder):
    """What was coded beside a chunk of depth 0 does not fit any more when that one has just got a basis itself."""
    one, two, three = (weights(steps=step, count=1)[-160_000:] for step in range(3))
    write(folder, {
        "model/a.safetensors": safetensors({"first": ("BF16", one), "second": ("BF16", two)}),
        "model/b.safetensors": safetensors({"first": ("BF16", two), "second": ("BF16", three)}),
    })
    repo.commit("swapped")
    before = everything(repo)
    a, b = (parse_oid(repo.resolve(f"HEAD:{path}")[0]) for path in TWINS)
    for _ in range(2):
        recoder = recode.Recoder(repo._repository.store, repo._repository.lock)
        recoder.recode(b, (a,))
        assert recoder.result.chunks == 1
        check_depths(repo)
    assert sorted(header.depth for header in headers(repo, "HEAD:model/b.safetensors")) == [1, 1]
    assert problems(repo) == []
    assert everything(repo) == before


def test_it_is_not_done_in_the_past(twins, folder):
    operation = twins.op_log()[0].oid.hex()
    with mvcs.open(folder, at=operation) as past, pytest.raises(InvalidArgument):
        past.repack()


# Stopped, disturbed, damaged


def stop_after(count: int):
    left = count

    def on_reached(name: str) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt

    return on_reached


@pytest.fixture
def many(repo, folder, monkeypatch):
    """Eight files, each stored by itself, those of the first commit with old cuts: there is much to do."""
    with monkeypatch.context() as patch:
        patch.setattr(resembling.Resembling, "__call__", lambda self, path: ())
        with monkeypatch.context() as older:
            older.setattr(detect, "split", lambda source: None)
            repo.commit("old")
        for step in (2, 3, 4):
            write(folder, {"model/a.safetensors": weights(steps=step), "model/b.safetensors": weights(5, steps=step)})
            repo.commit(str(step))
    return repo


def test_stopped_at_any_point_it_leaves_all_whole_and_the_next_one_ends_it(many, folder, tmp_path, at, monkeypatch):
    monkeypatch.setattr(recode, "SLICE", 300_000)
    monkeypatch.setattr(sweep, "COPY", 400_000)
    monkeypatch.setattr(sweep, "LEAST_FREE", 1)
    before = everything(many)
    many.close()
    points: list[str] = []
    at(points.append)
    whole = shutil.copytree(folder, tmp_path / "whole")
    with mvcs.open(whole) as repo:
        repo.repack(deep=True)
        undisturbed = chunk_bytes(repo)
    assert {"repack replaced records", "repack let go", "gc copied records", "gc moved segment"} <= set(points)
    for index in [*range(0, len(points), max(1, len(points) // 12)), len(points) - 1]:
        copy = shutil.copytree(folder, tmp_path / f"stopped{index}")
        with mvcs.open(copy) as repo:
            at(stop_after(index))
            with pytest.raises(KeyboardInterrupt):
                repo.repack(deep=True)
            at(lambda name: None)
            assert problems(repo) == []
            assert repo.refs.keys() == before["refs"].keys()
            check_depths(repo)
            repo.repack(deep=True)
            assert problems(repo) == []
            found = everything(repo)
            assert (found["log"], found["files"]) == (before["log"], before["files"])
            assert chunk_bytes(repo) < 1.02 * undisturbed
        shutil.rmtree(copy)


def test_a_commit_between_two_slices_is_seen(repo, folder, at, small_slices):
    """It is based on chunks whose turn comes later: they must stay where they are."""
    write(folder, {"model/c.safetensors": weights(steps=2)})
    repo.commit("three")
    made = []

    def meanwhile(name: str) -> None:
        if name == "repack let go" and not made:
            made.append(name)
            write(folder, {"model/c.safetensors": weights(steps=3)})
            with mvcs.open(folder) as other:
                made.append(other.commit("meanwhile").oid.hex())

    at(meanwhile)
    assert repo.repack().chunks == 3
    at(lambda name: None)
    assert {header.codec for header in headers(repo, f"{made[1]}:model/c.safetensors")} == {DIFFERENCE}
    check_depths(repo)
    repo._repository.store.chunks.forget()
    assert problems(repo) == []
    assert repo[made[1]].files["model/c.safetensors"] == weights(steps=3)
    assert repo["HEAD~1"].files["model/c.safetensors"] == weights(steps=2)


def test_a_reader_does_not_notice(twins, at, small_slices):
    """Every chunk is read between all turns, and while records are being replaced."""
    seen = []

    def read(name: str) -> None:
        seen.append(name)
        assert {path: twins["HEAD"].files[path] for path in TWINS} == TWINS

    at(read)
    assert twins.repack().chunks == 3
    assert "repack replaced records" in seen


def test_who_is_at_work_is_waited_for(twins, folder):
    before = chunk_bytes(twins)
    with mvcs.open(folder, lock_timeout=0.2) as hasty, twins._repository.lock.shared(), pytest.raises(LockTimeout):
        hasty.repack()
    assert chunk_bytes(twins) == before
    assert twins.repack().chunks == 3


def test_what_is_damaged_is_passed_over(repo, folder):
    write(folder, {"model/c.safetensors": weights(7, names="block"), "model/d.safetensors": weights(7, names="block", steps=1)})
    repo.commit("four")
    store = repo._repository.store
    chunk = store.recipe(parse_oid(repo.resolve("HEAD:model/b.safetensors")[0])).chunk(2)
    with store.read() as transaction:
        number = PLACE.unpack(transaction.get(CHUNKS, chunk))[0]
    with store.segments.environment(number).read() as segment:
        record = bytearray(segment.get("records", chunk))
    record[-50] ^= 1
    store.segments.overwrite(number, chunk, bytes(record))
    named = problems(repo)
    assert chunk.hex() in named
    assert repo.repack().chunks >= 3
    assert {header.codec for header in headers(repo, "HEAD:model/d.safetensors")} == {DIFFERENCE}
    assert problems(repo) == named
    with pytest.raises(ObjectCorrupt):
        repo["HEAD"].files["model/b.safetensors"]


class Bytes(Silent):
    """Progress that knows its total, and ends the command where it is told."""

    def __init__(self, end: float) -> None:
        super().__init__()
        self.end, self.total, self.done = end, 0, 0

    def start(self, label: str, total: int) -> None:
        self.total, self.done = total, 0

    def advance(self, count: int) -> None:
        self.done += count
        if self.done > self.end * self.total:
            raise KeyboardInterrupt


def test_a_stopped_repack_goes_on_where_it_was(many):
    """Commits before the last one that it had done are not looked at again."""
    progress = many._repository.progress = Bytes(0.8)
    with pytest.raises(KeyboardInterrupt):
        many.repack()
    first, progress.end = progress.total, 2
    many.repack()
    assert 0 < progress.total < 0.6 * first
    assert progress.done == progress.total
    many.repack()
    assert progress.total == first  # a whole one has nothing to go on from


# Space


def disk(folder) -> int:
    sizes = [os.path.join(here, name) for here, _, names in os.walk(folder / ".mvcs") for name in names]
    return sum(os.stat(path).st_blocks * 512 for path in sizes if path.endswith("data.mdb"))


def test_the_disk_does_not_fill_meanwhile(repo, folder, at, monkeypatch):
    """Records are replaced where they lie; only the last step, a segment anew, needs the room of what is left."""
    write(folder, {f"model/{name}.safetensors": weights(steps=index, each=800_000) for index, name in enumerate("abcd")})
    repo.commit("four")
    monkeypatch.setattr(recode, "SLICE", 1 << 20)
    before = disk(folder)
    sizes: list[tuple[str, int]] = []
    at(lambda name: sizes.append((name, disk(folder))))
    done = repo.repack()
    after = disk(folder)
    replacing = [size for name, size in sizes if name.startswith("repack")]
    assert len(replacing) > 8
    assert max(replacing) <= before + (2 << 20)
    assert max(size for _, size in sizes) <= before + after + (1 << 20)
    assert done.freed > 0
    assert after < 0.5 * before


# Old cuts


@pytest.fixture
def old(repo, monkeypatch):
    """Weights that an older mvcs has cut as if they were any file."""
    with monkeypatch.context() as patch:
        patch.setattr(detect, "split", lambda source: None)
        repo.commit("old")
    return repo


def splitters(repo) -> set[str]:
    store = repo._repository.store
    return {store.recipe(parse_oid(repo.resolve(f"HEAD:{path}")[0])).splitter for path in TWINS}


def test_old_cuts_are_made_anew_by_a_deep_one_only(old):
    before = everything(old)
    assert splitters(old) == {"fastcdc@1"}
    assert old.repack().blobs == 0
    assert splitters(old) == {"fastcdc@1"}
    assert old.repack(deep=True).blobs == 2
    assert splitters(old) == {"safetensors@1"}
    assert everything(old) == before
    assert problems(old) == []
    assert {header.codec for header in headers(old, "HEAD:model/b.safetensors")} == {DIFFERENCE}
    assert old.repack(deep=True).blobs == 0


def test_gc_takes_the_chunks_of_old_cuts(old):
    before, size = everything(old), chunk_bytes(old)
    old.repack(deep=True)
    old.gc(thorough=True)
    assert chunk_bytes(old) < 0.6 * size
    assert everything(old) == before
    assert problems(old) == []
    assert GAP not in {header.codec for header in headers(old, "HEAD:model/b.safetensors")}
