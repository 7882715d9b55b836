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
from mvcs.store.mapped import evict, find_mapped, map_file, mapped_file, open_mapped
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


@pytest.mark.parametrize("patience", [0.05, 30])
def test_who_comes_while_it_is_made_waits_for_it_or_makes_another(store, put, noise, clock, reach, patience):
    """The first one stands before its rename until the second one has given up, or while it waits."""
    store.meta.patience = lambda: patience
    oid = put(store, noise(900_000))
    made, found = [], []

    def other():
        found.append(os.stat(mapped_file(store, oid, clock)).st_ino)

    def at(name):
        if name == "mapped file written":
            made.append(threading.current_thread())
            if len(made) == 1:
                thread.start()
                thread.join(2 if patience < 1 else 0.3)

    thread = threading.Thread(target=other)
    reach(at)
    path = mapped_file(store, oid, clock)
    thread.join()
    with open(path, "rb") as file:
        assert file.read() == noise(900_000)
    assert len(made) == (2 if patience < 1 else 1)
    assert patience < 1 or found == [os.stat(path).st_ino]
    assert files(store) == [oid.hex()]


def test_threads_that_come_together_get_one_file(store, put, noise, clock):
    oid = put(store, noise(3 << 20))
    found = []
    threads = [threading.Thread(target=lambda: found.append(open_mapped(store, oid, clock))) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({os.fstat(descriptor).st_ino for descriptor in found}) == 1
    maps = [map_file(descriptor) for descriptor in found]
    assert len({id(each) for each in maps}) == 1
    assert maps[0][:] == noise(3 << 20)


def test_a_private_map_can_be_written_and_nobody_sees_it(store, put, noise, clock):
    oid = put(store, noise(900_000))
    mine, other, shared = (map_file(open_mapped(store, oid, clock), private=private) for private in (True, True, False))
    mine[:6] = b"mine\0\0"
    assert (mine[:4], other[:], shared[:]) == (b"mine", noise(900_000), noise(900_000))
    with pytest.raises(TypeError):
        shared[:4] = b"mine"
    with open(mapped_file(store, oid, clock), "rb") as file:
        assert file.read() == noise(900_000)


def test_a_link_in_its_place_is_not_followed(store, put, noise, clock, tmp_path):
    oid = put(store, noise(20_000))
    path = mapped_file(store, oid, clock)
    os.rename(path, tmp_path / "elsewhere")
    os.symlink(tmp_path / "elsewhere", path)
    assert find_mapped(store, oid, clock) is None
    assert not os.path.islink(mapped_file(store, oid, clock))


def resident(path: str) -> int:
    """Bytes of a mapped file that this process holds."""
    total, inside = 0, False
    with open("/proc/self/smaps") as file:
        for line in file:
            if "-" in line.split(" ", 1)[0]:
                inside = line.rstrip("\n").endswith(path)
            elif inside and line.startswith("Rss:"):
                total += int(line.split()[1]) << 10
    return total


def test_what_was_read_of_the_store_is_given_back_and_can_be_read_on(store, put, noise, clock):
    oid = put(store, noise(8 << 20))
    segment = os.path.join(store.segments.folder(1), "data.mdb")
    assert store.read_blob(oid) == noise(8 << 20)
    assert resident(segment) > 4 << 20
    with store.segments.environment(1).read() as transaction:
        view = next(iter(transaction.items(TABLE)))
        store.give_back()
        assert resident(segment) < 1 << 20
        assert next(iter(transaction.items(TABLE))) == view
    assert store.read_blob(oid) == noise(8 << 20)
    os.close(open_mapped(store, oid, clock))
    assert resident(segment) < 1 << 20
