"""Refs, their ledger and its undo, on the store in memory and on disk."""

from __future__ import annotations

import pytest

from mvcs.errors import LedgerBroken, NothingToUndo, RefConflict, RevisionNotFound
from mvcs.objects.hashing import OPERATION, Oid
from mvcs.objects.operation import Move, Operation
from mvcs.refs.ledger import check_chain, moves_of, newest, operations, record, refs_at
from mvcs.refs.table import Refs, decode_target, encode_target, swap
from mvcs.refs.undo import inverse, to_redo, to_undo
from mvcs.store.base import LEDGER, REFS
from mvcs.store.lmdb_store import LmdbStore
from mvcs.store.memory import MemoryStore

ADA = ("Ada", "ada@x")
A, B, C = (Oid(bytes([n]) * 32) for n in (1, 2, 3))


@pytest.fixture(params=["memory", "lmdb"])
def store(request, tmp_path):
    made = MemoryStore() if request.param == "memory" else LmdbStore.create(str(tmp_path))
    yield made
    made.close()


def do(store, command, *moves, now=1000, evidence=()):
    with store.write() as transaction:
        return record(transaction, actor=ADA, now=now, command=command, moves=tuple(moves), evidence=evidence)


def refs(store):
    with store.read() as transaction:
        return dict(Refs.now(transaction).targets)


def test_moves_are_swapped_all_or_none(store):
    do(store, "init", Move("heads/m/a", None, A), Move("HEAD/.", None, "heads/m/a"))
    with pytest.raises(RefConflict) as caught:
        do(store, "two", Move("heads/m/b", None, B), Move("heads/m/a", B, C))
    assert caught.value.retryable
    assert caught.value.fields == {"ref": "heads/m/a", "expected": B.hex(), "actual": A.hex()}
    assert refs(store) == {"heads/m/a": A, "HEAD/.": "heads/m/a"}
    with store.read() as transaction:
        assert len(list(operations(transaction))) == 1
    for old, new in ((None, B), (B, None), ("heads/m/x", A)):
        with pytest.raises(RefConflict), store.write() as transaction:
            swap(transaction, [Move("heads/m/a", old, new)])


def test_refs_follow_each_other_but_not_for_ever(store):
    do(store, "init", Move("a", None, "b"), Move("b", None, "c"), Move("c", None, A), Move("x", None, "y"), Move("y", None, "x"), Move("z", None, "nosuch"))
    with store.read() as transaction:
        found = Refs.now(transaction)
    assert [found.resolve(name) for name in ("a", "b", "c", "x", "z", "nosuch")] == [A, A, A, None, None, None]
    assert [key for key, _ in found.under("")] == ["a", "b", "c", "x", "y", "z"]


def test_targets_come_back(store):
    for target in (A, "heads/m/x", "ünï"):
        assert decode_target(encode_target(target)) == target


def test_the_ledger_is_a_chain_whose_clock_never_runs_back(store):
    oids = [do(store, f"c{n}", Move("r", None if n == 0 else oids_[n], oids_[n + 1]), now=now) for oids_ in [[A, A, B, C]] for n, now in enumerate((1000, 500, 500))]
    with store.read() as transaction:
        found = list(operations(transaction))
        assert [oid for oid, _ in found] == oids[::-1]
        assert [(op.height, op.time) for _, op in found] == [(2, 1002), (1, 1001), (0, 1000)]
        assert [op.parent for _, op in found] == [oids[1], oids[0], None]
        assert newest(transaction)[0] == oids[2]
        assert list(check_chain(transaction)) == []
        assert [move.new for _, _, move in moves_of(transaction, "r")] == [C, B, A]


def test_the_refs_of_any_moment(store):
    one = do(store, "one", Move("r", None, A), now=100)
    two = do(store, "two", Move("r", A, B), Move("s", None, C), now=200)
    do(store, "three", Move("r", B, None), now=300)
    with store.read() as transaction:
        assert refs_at(transaction, operation=one).targets == {"r": A}
        assert refs_at(transaction, operation=two).targets == {"r": B, "s": C}
        assert refs_at(transaction, time=150).targets == refs_at(transaction, time=100).targets == {"r": A}
        assert refs_at(transaction, time=299).targets == {"r": B, "s": C}
        assert refs_at(transaction, time=300).targets == {"s": C}
        for wrong in ({"time": 99}, {"operation": A}):
            with pytest.raises(RevisionNotFound):
                refs_at(transaction, **wrong)


@pytest.mark.parametrize("damage", ["dropped", "last dropped", "first dropped", "swapped", "other height", "ref moved", "ref planted", "ref lost", "forged"])
def test_tampering_is_found(store, damage):
    for n, (old, new) in enumerate(((None, A), (A, B), (B, C))):
        do(store, f"c{n}", Move("r", old, new), now=100 + n)
    with store.read() as transaction:
        rows = list(transaction.items(LEDGER))
        assert list(check_chain(transaction)) == []
    with store.write() as transaction:
        if "dropped" in damage:
            transaction.delete(LEDGER, rows[{"dropped": 1, "last dropped": 2, "first dropped": 0}[damage]][0])
        elif damage == "swapped":
            transaction.put(LEDGER, rows[1][0], rows[2][1])
        elif damage == "other height":
            transaction.put(LEDGER, (7).to_bytes(8, "big"), rows[2][1])
        elif damage == "ref moved":
            transaction.put(REFS, b"r", encode_target(A))
        elif damage == "ref planted":
            transaction.put(REFS, b"planted", encode_target(A))
        elif damage == "ref lost":
            transaction.delete(REFS, b"r")
        else:
            last = Operation.decode(transaction.load(Oid(rows[2][1]), OPERATION))
            last.actor = ("Mallory", "")
            transaction.put(LEDGER, rows[1][0], transaction.put_object(OPERATION, last.encode()))
    with store.read() as transaction:
        found = list(check_chain(transaction))
    assert found
    assert all(type(error) is LedgerBroken for error in found)


# Undo and redo from the ledger alone


class Walker:
    """Applies undo and redo as the verbs do."""

    def __init__(self, store):
        self.store = store
        do(store, "init", Move("r", None, A))
        self.value = A

    def set(self, target, name="commit"):
        do(self.store, name, Move("r", self.value, target))
        self.value = target

    def back(self, which, verb):
        with self.store.read() as transaction:
            oid, operation = which(transaction)
        moves = inverse(operation.moves) if verb == "undo" else operation.moves
        do(self.store, verb, *moves, evidence=(oid,))
        self.value = refs(self.store)["r"]
        return operation.command

    def undo(self):
        return self.back(to_undo, "undo")

    def redo(self):
        return self.back(to_redo, "redo")


def test_undo_and_redo_in_every_order(store):
    walker = Walker(store)
    walker.set(B, "commit b")
    walker.set(C, "commit c")
    assert (walker.undo(), walker.value) == ("commit c", B)
    assert (walker.undo(), walker.value) == ("commit b", A)
    with pytest.raises(NothingToUndo):
        walker.undo()  # the one that made the repository stays
    assert (walker.redo(), walker.value) == ("commit b", B)
    assert (walker.redo(), walker.value) == ("commit c", C)
    with pytest.raises(NothingToUndo):
        walker.redo()
    assert (walker.undo(), walker.value) == ("commit c", B)
    walker.set(A, "commit a")  # a new line: what was undone cannot be redone any more
    with pytest.raises(NothingToUndo):
        walker.redo()
    assert (walker.undo(), walker.value) == ("commit a", B)
    assert (walker.undo(), walker.value) == ("commit b", A)
    assert (walker.redo(), walker.value) == ("commit b", B)
    assert (walker.redo(), walker.value) == ("commit a", A)
    with store.read() as transaction:
        assert list(check_chain(transaction)) == []


def test_undo_commit_undo(store):
    walker = Walker(store)
    walker.set(B, "commit b")
    walker.undo()
    walker.set(C, "commit c")
    assert (walker.undo(), walker.value) == ("commit c", A)
    assert (walker.redo(), walker.value) == ("commit c", C)


def test_an_inverse_moves_back_in_the_opposite_order():
    moves = (Move("a", None, A), Move("b", A, B))
    assert inverse(moves) == (Move("b", B, A), Move("a", A, None))
    assert inverse(inverse(moves)) == moves


def test_an_empty_ledger_has_nothing(store):
    with store.read() as transaction:
        assert newest(transaction) is None
        assert list(check_chain(transaction)) == []
        for which in (to_undo, to_redo):
            with pytest.raises(NothingToUndo):
                which(transaction)
