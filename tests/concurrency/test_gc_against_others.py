"""gc removes garbage while others rely on what is there; each sequence is forced by points and pipes.

Where the lock is what saves the bytes, the same sequence without it must be seen to lose them.
"""

from __future__ import annotations

import time

import pytest
from crash.project import (
    GARBAGE,
    SMALL,
    Child,
    check_whole,
    files_of,
    kept_commits,
    make_project,
    noise,
    small_limits,
    write,
)

import mvcs
from mvcs.errors import MvcsError
from mvcs.objects.hashing import blob_oid
from mvcs.store.base import PINS

pytestmark = pytest.mark.crash

@pytest.fixture
def folder(tmp_path) -> str:
    with small_limits():
        folder = make_project(str(tmp_path / "m"))
        with mvcs.open(folder) as repo:
            repo.config_set("gc.undo_days", "0")
    return folder


def commit_child(folder: str, hold: str | None, **plan: object) -> Child:
    return Child(folder, [["commit", {"message": "meanwhile"}]], hold=hold, **plan)


def gc_child(folder: str, hold: str | None = None, **plan: object) -> Child:
    return Child(folder, [["gc", {"thorough": True}]], hold=hold, **plan)


def damage(folder: str) -> list[str]:
    """What is wrong, by fsck and by reading; empty if nothing."""
    with mvcs.open(folder) as repo:
        found = [problem.kind for problem in repo.fsck().problems]
        try:
            if repo.head.files["model.safetensors"] != open_file(folder):
                found.append("content")
        except MvcsError as error:
            found.append(error.code)
        return found


def open_file(folder: str) -> bytes:
    with open(f"{folder}/model.safetensors", "rb") as file:
        return file.read()


def is_running(child: Child) -> bool:
    time.sleep(0.4)
    return child.process.poll() is None


@pytest.mark.parametrize("point", ["chunks durable", "before meta", "in meta"])
@pytest.mark.parametrize("content", [GARBAGE, noise(1_100_000, "new")], ids=["dedups garbage", "writes a segment"])
def test_gc_waits_for_a_commit(folder, point, content):
    write(folder, {"model.safetensors": content})
    commit = commit_child(folder, point)
    commit.wait_for("held")
    gc = gc_child(folder)
    assert is_running(gc)
    commit.go_on()
    assert not any(line.startswith("error") for line in [*commit.end(), *gc.end()])
    assert damage(folder) == []
    with mvcs.open(folder) as repo:
        assert repo.head.id == commit.acks[0]


@pytest.mark.parametrize("content", [GARBAGE, noise(1_100_000, "new")], ids=["dedups garbage", "writes a segment"])
def test_without_the_lock_gc_takes_what_a_commit_relies_on(folder, content):
    """Proof that the test above can fail."""
    write(folder, {"model.safetensors": content})
    commit = commit_child(folder, "before meta", no_lock=True)
    commit.wait_for("held")
    gc = gc_child(folder, no_lock=True)
    gc.end()
    assert gc.acks
    commit.go_on()
    commit.end()
    assert damage(folder) != []


@pytest.mark.parametrize("point", ["gc locked", "gc deleted names", "gc copied records", "gc moved segment"])
def test_a_commit_waits_for_gc_and_stores_again_what_went(folder, point):
    gc = gc_child(folder, point)
    gc.wait_for("held")
    write(folder, {"model.safetensors": GARBAGE})
    commit = commit_child(folder, None)
    assert is_running(commit)
    gc.go_on()
    assert not any(line.startswith("error") for line in [*gc.end(), *commit.end()])
    assert damage(folder) == []


def test_a_commit_between_marking_and_the_lock_is_marked_too(folder):
    gc = gc_child(folder, "gc marked")
    gc.wait_for("held")
    write(folder, {"model.safetensors": GARBAGE})
    assert commit_child(folder, None).end()[-1].startswith("ack")
    gc.go_on()
    gc.end()
    assert gc.acks
    assert damage(folder) == []


def test_gc_refused_by_a_busy_repository_says_who_holds_it(folder):
    write(folder, {"model.safetensors": GARBAGE})
    commit = commit_child(folder, "before meta")
    commit.wait_for("held")
    with mvcs.open(folder, lock_timeout=0.1) as repo, pytest.raises(mvcs.errors.LockTimeout) as caught:
        repo.gc()
    assert str(commit.process.pid) in caught.value.message
    commit.go_on()
    commit.end()
    assert damage(folder) == []


@pytest.mark.parametrize("step", [
    ["branch", {"name": "late", "start": "OID"}], ["tag", {"name": "late", "revision": "OID"}],
    ["tag", {"name": "late", "revision": "OID", "message": "words"}], ["undo", {}],
    ["reset", {"revision": "OID"}], ["switch", {"name": "late", "create": True, "start": "OID"}],
    ["checkout", {"revision": "OID"}],
], ids=lambda step: step[0] + " ".join(step[1])[:20])
def test_a_name_for_what_gc_is_about_to_take_is_whole_or_refused(folder, step):
    """The name is asked for while gc, which has found the commit dead, holds the lock."""
    with mvcs.open(folder) as repo:
        repo.switch("short", create=True)
        write(folder, {"data/short.csv": b"short"})
        oid = repo.commit("short-lived").oid.hex()
        repo.switch("main")
        repo.delete_branch("short")
    gc = gc_child(folder, "gc locked")
    gc.wait_for("held")
    named = Child(folder, [[step[0], {key: oid if value == "OID" else value for key, value in step[1].items()}]])
    assert is_running(named) or named.end()
    gc.go_on()
    gc.end()
    lines = named.end()
    with mvcs.open(folder) as repo:
        assert [problem.to_dict() for problem in repo.fsck().problems] == [], lines
        assert repo.status().problems == []


def test_a_branch_that_undo_brings_back_after_gc_is_whole_or_refused(folder):
    with mvcs.open(folder) as repo:
        repo.branch("short", "HEAD~1")
        repo.switch("short")
        write(folder, {"data/short.csv": b"short"})
        repo.commit("short-lived")
        repo.switch("main")
        repo.delete_branch("short")
        repo.gc()
        refs = repo.refs
        with pytest.raises(MvcsError):
            repo.undo()
        assert repo.refs == refs
        assert repo.fsck().problems == []


@pytest.mark.parametrize("index", range(2, 8))
def test_what_a_killed_gc_has_left_is_whole(folder, index):
    """Names go before what they name: a commit that is still there can be given a name again."""
    with mvcs.open(folder) as repo:
        repo.switch("short", create=True)
        oids = []
        for number in range(4):
            write(folder, {"data/short.csv": b"%d" % number, "model.safetensors": noise(40_000 + number, "short")})
            oids.append(repo.commit(str(number)).oid.hex())
        repo.switch("main")
        repo.delete_branch("short")
    limits = {**SMALL, "mvcs.store.sweep:DELETE": 3}
    Child(folder, [["gc", {}]], kill=index, limits=limits).end()
    with mvcs.open(folder) as repo:
        left = 0
        for number, oid in enumerate(oids):
            try:
                repo.branch(f"rescued-{number}", oid)
            except MvcsError:
                continue
            left += 1
        assert [problem.to_dict() for problem in repo.fsck().problems] == [], left
        repo.gc()
        assert repo.fsck().problems == []


def test_gc_does_not_go_on_where_a_ref_names_nothing(folder):
    """What the lost commit had below it may be all that is left of it."""
    from mvcs.errors import ObjectMissing
    from mvcs.objects.hashing import parse_oid
    from mvcs.store.base import OBJECTS

    with mvcs.open(folder) as repo:
        store = repo._repository.store
        lost = parse_oid(repo["other"].id)
        tree = parse_oid(repo["other"].tree)
        with store.write() as transaction:
            transaction.delete(OBJECTS, lost)
        with pytest.raises(ObjectMissing):
            repo.gc()
        assert store.kind(tree) == "tree"
        assert repo.fsck().problems


def test_what_a_pin_names_stays_and_goes_with_it(folder):
    """A capture of hours has stored objects that no ref names yet."""
    with mvcs.open(folder) as repo:
        store = repo._repository.store
        with repo._repository.lock.shared(), store.batch() as batch:
            oids = [batch.put_bytes(noise(size, f"pinned {size}")) for size in (100, 50_000, 900_000)]
            batch.settle()
            with store.write() as transaction:
                batch.finish(transaction)
                transaction.put(PINS, b"run 1", b"".join(oids))
        child = gc_child(folder)
        child.end()
        assert child.acks
        assert [store.read_blob(oid) for oid in oids] == [noise(n, f"pinned {n}") for n in (100, 50_000, 900_000)]
        assert repo.fsck().problems == []
        with store.write() as transaction:
            transaction.delete(PINS, b"run 1")
        gc_child(folder).end()
        assert store.missing(oids) == set(oids)


def test_a_reader_reads_on_while_its_segments_are_moved(folder):
    with small_limits(), mvcs.open(folder) as repo:
        wanted = repo["other"].files["model.safetensors"]
        before = repo._repository.store.segments.numbers()
        reading = repo.cat("other:model.safetensors")
        content = next(reading)
        child = gc_child(folder)
        child.end()
        assert child.acks
        assert repo._repository.store.segments.numbers() != before
        assert content + b"".join(reading) == wanted
        check_whole(repo, {})


def test_a_switch_writes_whole_files_while_gc_waits(folder):
    child = Child(folder, [["switch", {"name": "other"}]], hold="files written beside")
    child.wait_for("held")
    gc = gc_child(folder)
    assert is_running(gc)
    child.go_on()
    child.end()
    gc.end()
    with mvcs.open(folder) as repo:
        assert repo.status().clean
        check_whole(repo, {})


@pytest.mark.parametrize("rounds", range(2))
def test_gc_and_commits_at_full_speed(folder, rounds):
    """Five commits of contents that garbage has too, beside gc after gc."""
    del rounds
    others = [Child(folder, [["gc", {"thorough": True}]] * 4) for _ in range(2)]
    made = []
    for number in range(5):
        write(folder, {"model.safetensors": noise(700_000, str(number % 2)), "config.yaml": str(number).encode()})
        with small_limits(), mvcs.open(folder) as repo:
            made.append(repo.commit(str(number)).oid.hex())
            if number % 2:
                repo.reset("HEAD~1")
                made.pop()
    for child in others:
        child.end()
        assert child.errors == []
    with mvcs.open(folder) as repo:
        assert set(made) <= kept_commits(repo)
        check_whole(repo, {})
        files = files_of(folder)
        assert files["model.safetensors"][1] == blob_oid(noise(700_000, "0"))


def test_the_limits_are_those_of_the_children():
    assert set(SMALL) >= {"segments:CAP", "mvcs.store.ingest:FLUSH"}
