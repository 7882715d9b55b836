"""The LMDB store does what the memory store does, whatever is done to both."""

from __future__ import annotations

import shutil
import tempfile

from blake3 import blake3
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mvcs.errors import ObjectMissing
from mvcs.objects.hashing import TREE, blob_oid
from mvcs.objects.tree import FILE, IS_BLOB, Entry, build_tree
from mvcs.store.base import PINS, REFS, STAT
from mvcs.store.lmdb_store import LmdbStore
from mvcs.store.memory import MemoryStore
from mvcs.store.sweep import sweep

SIZES = st.sampled_from([0, 1, 500, 16_384, 16_385, 100_000, 262_144, 262_145, 700_000, 1_500_000])
SEEDS = st.integers(0, 3)
TABLES = st.sampled_from([REFS, STAT, PINS])
KEYS = st.lists(st.sampled_from([b"\x00", b"a", b"b", b"\xfe", b"\xff"]), min_size=1, max_size=4).map(b"".join)
PREFIXES = KEYS | st.just(b"")


def content_of(size: int, seed: int) -> bytes:
    """Noise for odd seeds, text for even ones; contents of one seed begin alike, so they share chunks."""
    if seed % 2:
        return blake3(b"%d" % seed).digest(length=size)
    return (b"row %d of a table, " % seed * (size // 18 + 1))[:size]


class Stores(RuleBasedStateMachine):
    """Does the same to both and compares all that can be seen."""

    @initialize()
    def begin(self):
        self.folder = tempfile.mkdtemp(prefix="mvcs-machine-")
        self.model = MemoryStore()
        self.real = LmdbStore.create(self.folder, cap=1 << 20)
        self.oids = set()

    def teardown(self):
        if hasattr(self, "real"):
            self.real.close()
            shutil.rmtree(self.folder)

    @rule(contents=st.lists(st.tuples(SIZES, SEEDS), max_size=4), fails=st.booleans(), twice=st.booleans())
    def put_blobs(self, contents, fails, twice):
        for store in (self.model, self.real):
            with store.batch() as batch:
                for size, seed in contents:
                    content = content_of(size, seed)
                    assert batch.put_bytes(content) == blob_oid(content)
                    self.oids.add(blob_oid(content))
                batch.settle()
                try:
                    with store.write() as transaction:
                        batch.finish(transaction)
                        if fails:
                            raise LookupError
                except LookupError:
                    if twice:
                        with store.write() as transaction:
                            batch.finish(transaction)

    @rule(names=st.lists(st.binary(min_size=1, max_size=3).filter(lambda name: not set(name) & {0, 46, 47}), max_size=4))
    def put_tree(self, names):
        nodes = build_tree([Entry(name, FILE, IS_BLOB, blob_oid(name), 1) for name in set(names)])
        self.oids.add(nodes[-1][0])
        for store in (self.model, self.real):
            with store.write() as transaction:
                assert transaction.put_object(TREE, nodes[-1][1]) == nodes[-1][0]

    @rule(changes=st.lists(st.tuples(TABLES, KEYS, st.none() | st.binary(max_size=20)), max_size=8), fails=st.booleans())
    def change_tables(self, changes, fails):
        answers = []
        for store in (self.model, self.real):
            try:
                with store.write() as transaction:
                    answers.append([
                        transaction.delete(table, key) if value is None else transaction.put(table, key, value)
                        for table, key, value in changes
                    ])
                    if fails:
                        raise LookupError
            except LookupError:
                pass
        assert answers[0] == answers[1]

    @rule(table=TABLES, prefix=PREFIXES, reverse=st.booleans())
    def compare_items(self, table, prefix, reverse):
        with self.model.read() as expected, self.real.read() as found:
            assert list(found.items(table, prefix, reverse=reverse)) == list(
                expected.items(table, prefix, reverse=reverse)
            )

    @rule(data=st.data())
    def compare_a_blob(self, data):
        if not self.oids:
            return
        oid = data.draw(st.sampled_from(sorted(self.oids)))
        try:
            expected = self.model.open(oid)
        except ObjectMissing:
            # A chunk of a cut blob is a blob in its own right, so the real store may have more, never less.
            return
        found = self.real.open(oid)
        assert found.size == expected.size
        for _ in range(3):
            start = data.draw(st.integers(0, expected.size + 1))
            length = data.draw(st.integers(-1, 300_000))
            assert found.seek(start) == expected.seek(start)
            assert found.read(length) == expected.read(length)

    @rule(keep=st.integers(0, 7), thorough=st.booleans())
    def sweep(self, keep, thorough):
        """What is kept stays; the model forgets the rest."""
        live = {oid for oid in self.oids if oid[0] % 8 != keep}
        sweep(self.real, live, thorough=thorough)
        self.model._objects = {oid: found for oid, found in self.model._objects.items() if oid in live}

    @rule()
    def reopen(self):
        self.real.close()
        self.real = LmdbStore(self.folder, cap=1 << 20)

    @invariant()
    def nothing_is_lost(self):
        if not hasattr(self, "real"):
            return
        here = dict(self.real.objects())
        assert all(here.get(oid) == kind for oid, kind in self.model.objects() if not self.is_shared(oid))
        for oid, kind in self.model.objects():
            assert self.real.kind(oid) == kind
        assert self.real.missing(self.oids) <= self.model.missing(self.oids)

    def is_shared(self, oid):
        """Whether a blob of one chunk is also a chunk of a cut blob, and so not listed by itself."""
        return any(
            oid in self.real.recipe(other).chunks() for other, kind in self.real.objects()
            if self.real.has_recipe(other)
        )


TestStores = Stores.TestCase
TestStores.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
