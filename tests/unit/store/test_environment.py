"""LMDB environments: one per process, safe across fork, and a damaged file is an error with a name."""

from __future__ import annotations

import os
import threading

import pytest

from mvcs.errors import InternalError, StoreCorrupt
from mvcs.store.base import REFS, STAT
from mvcs.store.environment import open_environment, verify_file
from mvcs.store.lmdb_store import LmdbStore
from mvcs.store.sweep import sweep

READ = """
import sys
from mvcs.errors import MvcsError
from mvcs.store.lmdb_store import LmdbStore
try:
    store = LmdbStore(sys.argv[1])
    with store.read() as transaction:
        print(len(list(transaction.items("refs"))))
    for oid, kind in list(store.objects()):
        store.read_blob(oid)
except MvcsError as error:
    print(type(error).__name__)
"""

SHORTEN = """
# What LMDB leaves without the store's care: pages that one transaction took and freed at the end of the file.
import lmdb, os, sys
path = os.path.join(sys.argv[1], "meta")
env = lmdb.open(path, map_size=1 << 30, max_dbs=16)
table = env.open_db(b"stat")
for count in range(100, 1000, 7):
    with env.begin(write=True, db=table) as transaction:
        for i in range(count):
            transaction.put(b"%d" % i, bytes(20_000))
        for i in range(count):
            transaction.delete(b"%d" % i)
    used = (env.info()["last_pgno"] + 1) * env.stat()["psize"]
    if os.path.getsize(os.path.join(path, "data.mdb")) < used:
        print(used)
        break
"""


def data_file(store: LmdbStore) -> str:
    return os.path.join(store.path, "meta", "data.mdb")


def fill(store: LmdbStore, count: int = 300) -> None:
    with store.write() as transaction:
        for i in range(count):
            transaction.put(REFS, b"%06d" % i, bytes(200))


def test_two_stores_on_one_folder_share_it(make_store, put):
    first = make_store()
    second = LmdbStore(first.path)
    oid = put(first, b"one" * 10_000)
    assert second.read_blob(oid) == b"one" * 10_000
    other = put(second, b"two")
    first.close()
    assert first.read_blob(other) == second.read_blob(other) == b"two"


def test_one_folder_is_one_environment_by_whatever_path(make_store, tmp_path):
    store = make_store()
    (tmp_path / "link").symlink_to(store.path)
    assert LmdbStore(str(tmp_path / "link")).meta is store.meta
    assert open_environment(os.path.join(store.path, "..", "store", "meta"), (), 0) is store.meta


def test_creating_again_keeps_what_is_there(make_store, put):
    store = make_store()
    oid = put(store, b"kept")
    store.close()
    assert LmdbStore.create(store.path).read_blob(oid) == b"kept"


@pytest.mark.parametrize("share", [0, 1, 100, 4095, 4096, 4097, 8191, 8192, 0.3, 0.9, -1])
def test_a_truncated_file_is_named_and_kills_nobody(store, child, share):
    fill(store)
    store.close()
    size = os.path.getsize(data_file(store))
    os.truncate(data_file(store), int(size * share) if 0 < share < 1 else size + share if share < 0 else share)
    result = child(READ, store.path)
    assert (result.returncode, result.stdout.strip()) == (0, "StoreCorrupt"), result.stderr


def test_a_lost_file_is_not_replaced_by_an_empty_one(store, child):
    fill(store)
    store.close()
    os.unlink(data_file(store))
    assert child(READ, store.path).stdout.strip() == "StoreCorrupt"
    assert not os.path.exists(data_file(store))


def test_garbage_is_named(store, child, noise):
    fill(store)
    store.close()
    with open(data_file(store), "r+b") as file:
        file.write(noise(os.path.getsize(data_file(store))))
    assert child(READ, store.path).stdout.strip() == "StoreCorrupt"


def test_garbage_in_the_pages_is_named(store, child):
    """The first two pages say that all is well; everything behind them is zero."""
    fill(store)
    store.close()
    size = os.path.getsize(data_file(store))
    with open(data_file(store), "r+b") as file:
        file.seek(8192)
        file.write(bytes(size - 8192))
    assert verify_file(os.path.dirname(data_file(store)))
    result = child(READ, store.path)
    assert (result.returncode, result.stdout.strip()) == (0, "StoreCorrupt"), result.stderr


def test_a_truncated_segment_is_named(store, put, noise, child):
    put(store, noise(3 << 20))
    path = os.path.join(store.segments.folder(store.segments.numbers()[0]), "data.mdb")
    store.close()
    os.truncate(path, os.path.getsize(path) // 2)
    result = child(READ, store.path)
    assert (result.returncode, result.stdout.split()[-1]) == (0, "StoreCorrupt"), result.stderr


class TestPagesThatWereNeverWritten:
    """A transaction may take pages and free them again; the file is then shorter than LMDB counts, and whole."""

    @staticmethod
    def take_and_free(store):
        with store.write() as transaction:
            for i in range(200):
                transaction.put(STAT, b"%d" % i, bytes(50_000))
            for i in range(200):
                transaction.delete(STAT, b"%d" % i)

    def test_the_store_opens_again(self, store, child):
        fill(store)
        self.take_and_free(store)
        store.close()
        assert child(READ, store.path).stdout.split() == ["300"]

    def test_also_when_the_process_died_before_the_file_was_lengthened(self, store, child):
        store.close()
        used = int(child(SHORTEN, store.path).stdout)
        assert os.path.getsize(data_file(store)) < used
        assert verify_file(os.path.dirname(data_file(store))) == []
        assert child(READ, store.path).stdout.split() == ["0"]
        assert os.path.getsize(data_file(store)) == used

    def test_a_file_cut_below_them_is_still_named(self, store, child):
        fill(store)
        length = os.path.getsize(data_file(store))
        self.take_and_free(store)
        store.close()
        os.truncate(data_file(store), length // 2)
        assert child(READ, store.path).stdout.strip() == "StoreCorrupt"

    def test_a_store_after_a_gc_of_many_small_files_opens_again(self, store, put, child):
        """The deletes alone take pages at the end and free them again."""
        oids = put(store, *(b"%d" % i + bytes(50) for i in range(3000)))
        sweep(store, set(oids[:30]))
        store.close()
        assert child(READ, store.path).stdout.split() == ["0"]
        assert len(list(store.objects())) == 30


def test_a_key_that_lmdb_cannot_hold_is_no_damage(store):
    for key in (b"", b"x" * 512):
        with pytest.raises(InternalError), store.write() as transaction:
            transaction.put(REFS, key, b"")
    with store.write() as transaction:
        transaction.put(REFS, b"x" * 511, b"longest")
    with store.read() as transaction:
        assert transaction.get(REFS, b"x" * 511) == b"longest"


class TestFork:
    """A forked child opens its own maps at its first use; the parent's go on."""

    def test_both_read_and_write(self, store, put, noise, in_fork):
        before = put(store, noise(1 << 20))

        def in_child():
            assert store.read_blob(before) == noise(1 << 20)
            put(store, noise(1 << 20, "child"), b"small child")
            return True

        assert in_fork(in_child)
        after = put(store, noise(1 << 20, "parent"))
        for oid, seed in ((before, ""), (after, "parent")):
            assert store.read_blob(oid) == noise(1 << 20, seed)
        assert len(list(store.objects())) == 4

    def test_a_child_of_a_process_that_reads(self, store, put, in_fork):
        put(store, b"before")
        with store.read() as transaction:
            assert in_fork(lambda: put(store, b"child") is not None)
            assert len(list(transaction.items("objects"))) == 1
        assert len(list(store.objects())) == 2

    def test_a_child_of_a_process_that_writes(self, store):
        """The child leaves the parent's open write transaction alone, and waits for it to open the store itself."""
        with store.write() as transaction:
            transaction.put(REFS, b"parent", b"1")
            pid = os.fork()
            if pid == 0:
                status = 1
                try:
                    with store.write() as other:
                        status = 0 if other.get(REFS, b"parent") == b"2" else 1
                        other.put(REFS, b"child", b"3")
                finally:
                    os._exit(status)
            transaction.put(REFS, b"parent", b"2")
        assert os.waitpid(pid, 0)[1] == 0
        with store.read() as seen:
            assert dict(seen.items(REFS)) == {b"parent": b"2", b"child": b"3"}

    def test_children_write_at_the_same_time(self, store):
        fill(store, 1)
        pids = []
        for number in range(4):
            pid = os.fork()
            if pid == 0:
                try:
                    for i in range(20):
                        with store.write() as transaction:
                            transaction.put(STAT, b"%d/%d" % (number, i), b"x")
                finally:
                    os._exit(0)
            pids.append(pid)
        assert all(os.waitpid(pid, 0)[1] == 0 for pid in pids)
        with store.read() as transaction:
            assert transaction.count(STAT) == 80


def test_threads_read_while_another_writes(store):
    fill(store)
    wrong = []

    def read():
        for _ in range(50):
            with store.read() as transaction:
                values = {value for _, value in transaction.items(REFS)}
                if len(values) != 1:
                    wrong.append(values)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for round_ in range(20):
        with store.write() as transaction:
            for i in range(300):
                transaction.put(REFS, b"%06d" % i, bytes((round_,)) * 200)
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_folder_without_an_environment_is_named(tmp_path):
    with pytest.raises(StoreCorrupt), LmdbStore(str(tmp_path / "nothing")).read():
        pytest.fail("there is nothing to read")
