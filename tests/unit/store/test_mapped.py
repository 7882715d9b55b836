"""Mapped files: read-only copies that are made again whenever they are not what was written."""

from __future__ import annotations

import mmap
import os
import stat
import threading

import pytest

from mvcs import ports
from mvcs.errors import ObjectCorrupt, ObjectMissing
from mvcs.objects.hashing import blob_oid
from mvcs.ports import FixedClock
from mvcs.store.base import CHUNKS, MAPPED
from mvcs.store.mapped import evict, mapped_file
from mvcs.store.segments import PLACE, TABLE


@pytest.fixture
def clock():
    return FixedClock(1_790_000_000_000_000_000, step=1_000_000_000)


@pytest.fixture
def reach(monkeypatch):
    """Sets what happens at named points."""
    return lambda function: monkeypatch.setattr(ports, "on_reached", function)


def files(store) -> list[str]:
    return sorted(os.listdir(os.path.join(store.path, "mapped")))


@pytest.mark.parametrize("size", [1, 20_000, 3 << 20])
def test_it_has_the_blobs_content_and_cannot_be_written(store, put, noise, clock, size):
    oid = put(store, noise(size))
    path = mapped_file(store, oid, clock)
    assert path == os.path.join(store.path, "mapped", oid.hex())
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o444
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert mapped[:] == noise(size)
    assert files(store) == [oid.hex()]


def test_it_is_made_once(store, put, noise, clock):
    oid = put(store, noise(20_000))
    first = os.stat(mapped_file(store, oid, clock))
    assert os.stat(mapped_file(store, oid, clock)).st_ino == first.st_ino


def spoil(path: str, how: str) -> None:
    if how == "deleted":
        os.unlink(path)
        return
    if how == "replaced":
        os.rename(path, path + ".old")
        with open(path + ".old", "rb") as old, open(path, "wb") as new:
            new.write(old.read())
        os.unlink(path + ".old")
        return
    os.chmod(path, 0o644)
    if how == "truncated":
        os.truncate(path, 100)
    else:
        before = os.stat(path)
        with open(path, "r+b") as file:
            file.write(b"overwritten")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))


@pytest.mark.parametrize("how", ["deleted", "replaced", "truncated", "overwritten"])
def test_it_is_made_again_when_it_is_not_what_was_written(store, put, noise, clock, how):
    oid = put(store, noise(900_000))
    spoil(mapped_file(store, oid, clock), how)
    path = mapped_file(store, oid, clock)
    with open(path, "rb") as file:
        assert file.read() == noise(900_000)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o444


def test_the_folder_can_be_deleted(store, put, noise, clock):
    oid = put(store, noise(20_000))
    os.unlink(mapped_file(store, oid, clock))
    os.rmdir(os.path.join(store.path, "mapped"))
    with open(mapped_file(store, oid, clock), "rb") as file:
        assert file.read() == noise(20_000)


def test_a_process_that_has_it_mapped_keeps_it(store, put, noise, clock):
    oid = put(store, noise(900_000))
    with open(mapped_file(store, oid, clock), "rb") as file, \
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert evict(store, 0) == 900_000
        assert mapped[:] == noise(900_000)
    assert files(store) == []


def test_the_oldest_go_when_there_are_too_many(store, put, noise, clock):
    oids = put(store, *(noise(1000, str(i)) for i in range(4)))
    for oid in oids:
        mapped_file(store, oid, clock, limit=2500)
    assert files(store) == sorted(oid.hex() for oid in oids[2:])
    with store.read() as transaction:
        assert {key for key, _ in transaction.items(MAPPED)} == set(oids[2:])


def test_one_file_may_exceed_the_limit(store, put, noise, clock):
    small, large = put(store, noise(1000), noise(900_000))
    mapped_file(store, small, clock, limit=10)
    mapped_file(store, large, clock, limit=10)
    assert files(store) == [large.hex()]


def test_nothing_is_left_of_a_blob_that_is_missing_or_damaged(store, put, noise, clock):
    oid = put(store, noise(900_000))
    chunk = store.recipe(oid).chunk(3)
    with store.read() as transaction:
        number = PLACE.unpack(transaction.get(CHUNKS, chunk))[0]
    with store.segments.environment(number).write() as transaction:
        transaction.put(TABLE, chunk, transaction.get(TABLE, chunk)[:-1] + b"?")
    with pytest.raises(ObjectCorrupt):
        mapped_file(store, oid, clock)
    with store.write() as transaction:
        transaction.delete(CHUNKS, chunk)
    with pytest.raises(ObjectMissing):
        mapped_file(store, oid, clock)
    with pytest.raises(ObjectMissing):
        mapped_file(store, blob_oid(b"never"), clock)
    assert files(store) == []


def test_a_killed_writer_leaves_no_file_that_is_taken_for_good(store, put, noise, clock, in_fork):
    oid = put(store, noise(900_000))

    def in_child():
        ports.on_reached = lambda name: os._exit(0) if name == "mapped file written" else None
        mapped_file(store, oid, clock)
        return False

    assert in_fork(in_child)
    with open(mapped_file(store, oid, clock), "rb") as file:
        assert file.read() == noise(900_000)


def test_two_threads_may_make_it_at_once(store, put, noise, clock, reach):
    """The second one begins and ends while the first one stands before its rename."""
    oid = put(store, noise(900_000))
    inner = []

    def other():
        inner.append(mapped_file(store, oid, clock))

    def at(name):
        if name == "mapped file written" and not inner and threading.current_thread() is threading.main_thread():
            thread = threading.Thread(target=other)
            thread.start()
            thread.join()

    reach(at)
    path = mapped_file(store, oid, clock)
    assert inner == [path]
    with open(path, "rb") as file:
        assert file.read() == noise(900_000)
    assert files(store) == [oid.hex()]
