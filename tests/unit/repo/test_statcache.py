"""Records of the stat cache: they come back as they were, whole or not at all, and only what changed is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvcs.objects.commit import INGREDIENTS
from mvcs.objects.hashing import Oid
from mvcs.objects.tree import EXECUTABLE, FILE, SYMLINK
from mvcs.repo.statcache import COARSE, FINE, IN_ONE, NO_STATS, Folder, Row, StatCache, forget, is_racy
from mvcs.store.base import STAT
from mvcs.store.memory import MemoryStore

NAMES = st.binary(min_size=1, max_size=12).filter(lambda name: b"\0" not in name and b"/" not in name)
NUMBERS = st.integers(0, 2**63 - 1)
ROWS = st.builds(
    lambda mtime, ctime, size, inode, mode, kind, ingredient, oid, differs: Row((mtime, ctime, size, inode, mode), kind, ingredient, Oid(oid), differs=differs),
    st.integers(-(2**62), 2**62), st.integers(-(2**62), 2**62), NUMBERS, NUMBERS, st.integers(0, 2**32 - 1), st.sampled_from([FILE, EXECUTABLE, SYMLINK]), st.sampled_from(INGREDIENTS),
    st.binary(min_size=32, max_size=32), st.booleans(),
)


def same(one: Folder, two: Folder | None) -> bool:
    return two is not None and all(getattr(one, name) == getattr(two, name) for name in Folder.__slots__)


def folder_of(rows, folders=(), others=(), left_out=(), mtime=5, looked=7) -> Folder:
    made = Folder()
    made.set_rows(rows)
    made.folders, made.others, made.left_out = sorted(folders), sorted(others), sorted(left_out)
    made.mtime, made.looked = mtime, looked
    return made


def row(number: int = 1, **changes) -> Row:
    return Row((number, number, 3, 4, 0o100644), FILE, "data", Oid(number.to_bytes(32, "big")), differs=changes.get("differs", False))


@given(st.dictionaries(NAMES, ROWS, max_size=8), st.sets(NAMES, max_size=4), st.sets(NAMES, max_size=4), st.sets(NAMES, max_size=4))
def test_a_folder_comes_back(rows, folders, others, left_out):
    made = folder_of(rows, folders, others, left_out)
    assert same(made, Folder.decode(made.encode()))
    assert dict(made.rows()) == rows or [(name, r.stats, r.oid) for name, r in made.rows()] == [(name, rows[name].stats, rows[name].oid) for name in sorted(rows)]


@pytest.mark.parametrize("count", [0, 1, IN_ONE - 1, IN_ONE, IN_ONE + 1, 3000])
def test_a_large_folder_is_kept_in_buckets(count):
    made = folder_of({b"%05d" % n: row(n + 1, differs=n % 7 == 0) for n in range(count)}, [b"sub"], [b"other"], [b"old"])
    values = made.encode()
    assert (len(values) > 1) is (count > IN_ONE)
    assert same(made, Folder.decode(values))
    if count > IN_ONE:
        assert max(map(len, values.values())) < 80_000
        changed = folder_of({**dict(made.rows()), b"00007": row(99)}, [b"sub"], [b"other"], [b"old"]).encode()
        assert sum(changed[number] != values[number] for number in values) == 1  # one bucket
        for lost in list(values)[1:4]:
            assert Folder.decode({number: value for number, value in values.items() if number != lost}) is None


def test_records_that_are_not_whole_are_none():
    values = folder_of({b"a": row(), b"b": row(2)}).encode()
    assert Folder.decode({}) is None
    assert Folder.decode({0: b""}) is None
    assert Folder.decode({0: bytes((9,)) + values[0][1:]}) is None  # another version
    for length in range(0, len(values[0]) - 1, 7):
        found = Folder.decode({0: values[0][:length]})
        assert found is None or len(found.names) < 2


def test_the_cache_of_a_workspace_comes_back_and_writes_only_what_changed():
    store = MemoryStore()
    with store.read() as transaction:
        cache = StatCache(transaction, ".")
    cache.folders = {b"": folder_of({b"a": row()}, [b"sub"]), b"sub": folder_of({b"b": row(2)})}
    cache.base, cache.rules, cache.ignore_files = Oid(b"\1" * 32), b"\2" * 32, ((b".mvcsignore", bytes(36)),)
    cache.recipe = b"\3" * 32
    with store.write() as transaction:
        assert cache.save(transaction) > 0
        other = StatCache(transaction, "other")
        other.folders = {b"": folder_of({b"x": row(9)})}
        other.save(transaction)
    with store.read() as transaction:
        again = StatCache(transaction, ".")
    assert (again.base, again.rules, again.recipe, again.ignore_files) == (cache.base, cache.rules, cache.recipe, cache.ignore_files)
    assert [path for path, _ in again.rows()] == [b"a", b"sub/b"]
    assert again.changes() == []
    again.folders[b"sub"].set_rows({b"b": row(3)})
    assert [key for key, _ in again.changes()] == [b".\0sub\0\0\0"]
    del again.folders[b"sub"]
    assert again.changes() == [(b".\0sub\0\0\0", None)]
    again.base = None
    assert again.recipe == b""  # a recipe is that of its base
    with store.write() as transaction:
        forget(transaction, ".")
        assert [key for key, _ in transaction.items(STAT)] == [key for key, _ in transaction.items(STAT, b"other\0")] != []


@pytest.mark.parametrize(("mtime", "looked", "racy"), [
    (1_000_000_001, 1_000_000_001, True), (1_000_000_001, 1_000_000_001 + FINE - 1, True), (1_000_000_001, 1_000_000_001 + FINE, False),
    (1_000_000_000, 1_000_000_000 + FINE + 1, True), (1_000_000_000, 1_000_000_000 + COARSE, False), (5_000_000_000, 1, True), (1_000_000_001, 0, True),
])
def test_a_file_written_just_before_the_look_is_racy(mtime, looked, racy):
    """Times with digits below a millisecond come from a fine clock; others may be whole seconds."""
    assert is_racy(mtime, looked) is racy


def test_a_doubted_row_is_read_again_and_a_ghost_stays_a_ghost():
    doubted = row(5)
    doubted.doubt()
    assert doubted.stats[:2] == (0, 0)
    assert doubted.stats != NO_STATS
    ghost = Row(NO_STATS, FILE, "data", Oid(bytes(32)), differs=True)
    ghost.doubt()
    assert ghost.stats == NO_STATS
