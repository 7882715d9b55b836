"""Any bytes, beside any earlier ones, in any order, with gc, repack and copies in between, come back exactly.

`MVCS_VERSION_ROUNDS` says how many histories are tried.
"""

from __future__ import annotations

import os
import shutil
import tempfile

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from store_contents import rows, weights

from mvcs.objects.hashing import blob_oid
from mvcs.ports import Silent
from mvcs.store.lmdb_store import LmdbStore
from mvcs.store.lock import FileLock
from mvcs.store.recode import Recoder
from mvcs.store.sweep import compact, rebuild_directory, sweep
from mvcs.store.transfer import copy_objects
from mvcs.store.verify import check_store

DTYPES = ["BF16", "F32", "F16", "U8"]
WEIGHTS = st.builds(
    lambda seed, steps, pruned, names, count, dtype: weights(
        seed, steps=steps, pruned=pruned, names=names, count=count, each=36_000, dtype=dtype
    ),
    st.integers(0, 1), st.integers(0, 6), st.booleans(), st.sampled_from(["layer", "block"]), st.integers(1, 5),
    st.sampled_from(DTYPES),
)
TABLES = st.builds(
    lambda count, seed, inserted: rows(count, seed, tuple(inserted)),
    st.sampled_from([700, 4000, 15_000]), st.integers(0, 1), st.lists(st.integers(0, 15_000), max_size=4),
)


def edited(content: bytes, edits: list[tuple[int, bytes, int]]) -> bytes:
    """Puts bytes in and takes bytes out."""
    for at, new, gone in edits:
        at %= len(content) + 1
        content = content[:at] + new + content[at + gone :]
    return content


CONTENTS = st.builds(
    edited, WEIGHTS | TABLES, st.lists(st.tuples(st.integers(0, 1 << 20), st.binary(max_size=9), st.integers(0, 3000)), max_size=2)
)


class Versions(RuleBasedStateMachine):
    """A store of versions, some of which are alive."""

    @initialize()
    def begin(self):
        self.folder = tempfile.mkdtemp(prefix="mvcs-versions-")
        self.number = 0
        self.store = self.make()
        self.alive = {}

    def make(self) -> LmdbStore:
        self.number += 1
        return LmdbStore.create(os.path.join(self.folder, str(self.number)), cap=1 << 20)

    def teardown(self):
        if hasattr(self, "store"):
            self.store.close()
            shutil.rmtree(self.folder)

    def some(self, picks):
        oids = sorted(self.alive)
        return [oids[pick % len(oids)] for pick in picks] if oids else []

    @rule(contents=st.lists(CONTENTS, min_size=1, max_size=2), near=st.lists(st.integers(0, 99), max_size=3), lost=st.booleans())
    def put(self, contents, near, lost):
        with self.store.batch() as batch:
            oids = [batch.put_bytes(content, self.some(near)) for content in contents]
            batch.settle()
            if lost:
                return  # killed before it had a name
            with self.store.write() as transaction:
                batch.finish(transaction)
        self.alive.update(zip(oids, contents, strict=True))
        assert oids == [blob_oid(content) for content in contents]

    @rule(picks=st.lists(st.integers(0, 99), min_size=1, max_size=3), thorough=st.booleans())
    def forget(self, picks, thorough):
        for oid in self.some(picks):
            self.alive.pop(oid, None)
        sweep(self.store, set(self.alive), thorough=thorough)

    @rule()
    def rebuild(self):
        rebuild_directory(self.store)

    @rule(picks=st.lists(st.integers(0, 99), min_size=2, max_size=4), deep=st.booleans(), packed=st.booleans())
    def repack(self, picks, deep, packed):
        lock = FileLock(os.path.join(self.folder, "lock"), 0)
        recoder = Recoder(self.store, lock, deep=deep)
        oids = self.some(picks)
        for index, oid in enumerate(oids):
            recoder.recode(oid, oids[index + 1 :])
        if packed:
            compact(self.store)

    @rule()
    def move(self):
        target = self.make()
        copy_objects(self.store, target, set(self.alive), Silent())
        self.store.close()
        self.store = target

    @rule(pick=st.integers(0, 99), start=st.integers(0, 1 << 20), length=st.integers(0, 100_000))
    def read_a_range(self, pick, start, length):
        for oid in self.some([pick]):
            content = self.alive[oid]
            start %= len(content) + 1
            with self.store.open(oid) as reader:
                reader.seek(start)
                assert reader.read(length) == content[start : start + length]

    @invariant()
    def all_is_there(self):
        if not hasattr(self, "store"):
            return
        self.store.chunks.forget()
        for oid, content in self.alive.items():
            assert self.store.read_blob(oid) == content

    @invariant()
    def all_is_sound(self):
        if hasattr(self, "store"):
            assert [(problem.kind, problem.name, problem.reason) for problem in check_store(self.store, Silent())] == []


TestVersions = Versions.TestCase
TestVersions.settings = settings(
    max_examples=int(os.environ.get("MVCS_VERSION_ROUNDS", "12")), stateful_step_count=14, deadline=None
)
