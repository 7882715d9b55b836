"""Shared roots: landing, compare-and-swap, the lost answer, notes that outgrow the root."""

from __future__ import annotations

import pytest

from mvcs.errors import InvalidObject, RefConflict
from mvcs.objects.attestation import Attestation
from mvcs.objects.commit import Person
from mvcs.objects.hashing import COMMIT, OPERATION, Oid
from mvcs.objects.operation import Move, Operation
from mvcs.objects.root import INLINE_NOTES, KEPT_WRITES, NAMESPACES, Root
from mvcs.refs.roots import LocalRoots, land, notes_about, notes_of, read_root
from mvcs.store.lmdb_store import LmdbStore
from mvcs.store.memory import MemoryStore

ADA = ("Ada", "ada@x")
A, B, C = (Oid(bytes([n]) * 32) for n in (1, 2, 3))


@pytest.fixture(params=["memory", "lmdb"])
def home(request, tmp_path):
    store = MemoryStore() if request.param == "memory" else LmdbStore.create(str(tmp_path))
    yield LocalRoots(store)
    store.close()


def statement(subject: Oid = A, predicate: str = "verdict", time: int = 0) -> Attestation:
    return Attestation(COMMIT, subject, predicate, B, Person("Ada", "", time, 0))


def put(home, namespace="registry", write_id=b"w", **options):
    return land(home, namespace, actor=ADA, now=options.pop("now", 1000), command="test", write_id=write_id, **options)


def history(home, namespace="registry"):
    """Returns the operations of the shared ledger, newest first."""
    found, oid = [], home.read_root(namespace).ledger
    while oid is not None:
        found.append(Operation.decode(home.read_object(oid, OPERATION)))
        oid = found[-1].parent
    return found


def test_a_root_that_was_never_written_is_empty(home):
    for namespace in NAMESPACES:
        root = home.read_root(namespace)
        assert (root.namespace, root.generation, root.ledger, root.refs, root.notes) == (namespace, 0, None, (), ())


def test_refs_move_by_compare_and_swap(home):
    put(home, write_id=b"1", moves=(Move("versions/m/1.0.0", None, A), Move("stages/m/prod", None, A)))
    root = put(home, write_id=b"2", moves=(Move("stages/m/prod", A, B),))
    assert dict(root.refs) == {"versions/m/1.0.0": A, "stages/m/prod": B}
    assert root.generation == 2
    with pytest.raises(RefConflict) as caught:
        put(home, write_id=b"3", moves=(Move("stages/m/prod", A, C),))
    assert caught.value.fields == {"ref": "stages/m/prod", "expected": A.hex(), "actual": B.hex()}
    with pytest.raises(RefConflict) as caught:
        put(home, write_id=b"4", moves=(Move("versions/m/1.0.0", None, C),))
    assert caught.value.fields["expected"] == "nothing"
    assert home.read_root("registry") == root
    assert dict(put(home, write_id=b"5", moves=(Move("stages/m/prod", B, None),)).refs) == {"versions/m/1.0.0": A}


def test_each_move_is_one_operation_of_the_shared_ledger(home):
    for n, (old, new) in enumerate(((None, A), (A, B), (B, C))):
        put(home, write_id=bytes([n]), moves=(Move("r", old, new),), now=1000 - n, reason=f"why {n}")
    found = history(home)
    assert [op.height for op in found] == [2, 1, 0]
    assert [op.time for op in found] == [1002, 1001, 1000]  # never back, whatever the home's clock says
    assert [op.moves[0].new for op in found] == [C, B, A]
    assert [op.reason for op in found] == ["why 2", "why 1", "why 0"]


def test_a_root_that_moved_meanwhile_is_a_lost_race(home):
    stale = home.read_root("registry")
    put(home, moves=(Move("r", None, A),))
    with pytest.raises(RefConflict) as caught:
        home.swap_root(stale, Root(namespace="registry", generation=1), [])
    assert caught.value.retryable
    assert home.read_root("registry").refs == (("r", A),)


def test_a_lost_answer_is_not_a_lost_race(home):
    """The same write id again: what this very call wrote is already there."""
    first = put(home, write_id=b"mine", moves=(Move("r", None, A),))
    again = put(home, write_id=b"mine", moves=(Move("r", None, A),))
    assert again == first
    assert len(history(home)) == 1
    for n in range(KEPT_WRITES - 1):
        put(home, write_id=b"other%d" % n)
    assert put(home, write_id=b"mine", moves=(Move("r", None, A),)).refs == (("r", A),)
    put(home, write_id=b"one more")
    with pytest.raises(RefConflict):  # forgotten by now: an honest conflict
        put(home, write_id=b"mine", moves=(Move("r", None, A),))


def test_notes_land_in_landing_order_whatever_their_clocks_say(home):
    put(home, "verdicts", write_id=b"1", attestations=(statement(A, time=900), statement(B, time=5)))
    root = put(home, "verdicts", write_id=b"2", attestations=(statement(A, time=1),))
    assert root.landed == 3
    assert [(note.subject, note.landing) for note in notes_of(home, root)] == [(A, 1), (A, 3), (B, 2)]
    assert [len(op.evidence) for op in history(home, "verdicts")] == [1, 2]
    assert [note.attestation for note in notes_of(home, root) if note.landing == 3] == list(history(home, "verdicts")[0].evidence)


def test_namespaces_do_not_know_each_other(home):
    put(home, "verdicts", attestations=(statement(),))
    put(home, "words", attestations=(statement(predicate="comment"),))
    assert [home.read_root(name).generation for name in NAMESPACES] == [0, 0, 1, 1]


def test_notes_above_64_kib_move_into_a_tree_and_stay_complete(home):
    many = tuple(statement(Oid(n.to_bytes(32, "big")), time=n) for n in range(1200))
    root = put(home, "verdicts", write_id=b"1", attestations=many)
    assert isinstance(root.notes, bytes)
    assert len(root.encode()) < 1000
    found = notes_of(home, root)
    assert len(found) == 1200
    assert [note.key for note in found] == sorted(note.key for note in found)
    assert {note.landing for note in found} == set(range(1, 1201))
    later = put(home, "verdicts", write_id=b"2", attestations=(statement(Oid(bytes(32))),))
    assert len(notes_of(home, later)) == 1201
    assert [note.landing for note in notes_of(home, later)][:2] == [1, 1201]
    assert home.read_root("verdicts") == later


def test_the_limit_is_exact(home):
    fits = INLINE_NOTES // 80
    root = put(home, "verdicts", write_id=b"1", attestations=tuple(statement(Oid(n.to_bytes(32, "big"))) for n in range(fits)))
    assert isinstance(root.notes, tuple)
    root = put(home, "verdicts", write_id=b"2", attestations=(statement(C),))
    assert isinstance(root.notes, bytes)


def test_an_unknown_namespace_is_refused(home):
    with pytest.raises(InvalidObject):
        put(home, "secrets")


def test_roots_are_kept_by_gc_and_checked_by_fsck(project):
    from tests.cli.harness import mvcs_run, ok

    store = LmdbStore(str(project / ".mvcs"))
    with store.batch() as batch:
        payload = batch.put_bytes(b'{"value":1}')
        batch.settle()
        with store.write() as transaction:
            batch.finish(transaction)
    head = Oid(bytes.fromhex(ok("rev-parse", "HEAD", cwd=project).out.strip()))
    made = Attestation(COMMIT, head, "measurement", payload, Person("Ada", "", 0, 0))
    land(LocalRoots(store), "verdicts", actor=ADA, now=1, command="test", write_id=b"1", attestations=(made,), moves=())
    ok("config", "gc.undo_days", "0", cwd=project)
    ok("gc", "--thorough", cwd=project)
    assert store.read_blob(payload) == b'{"value":1}'
    assert mvcs_run("fsck", cwd=project).code == 0
    ok("clone", str(project), str(project.parent / "copy"))
    with LmdbStore(str(project.parent / "copy" / ".mvcs")).read() as transaction:
        assert read_root(transaction, "verdicts").landed == 1
    with store.write() as transaction:
        transaction.delete("objects", payload)
    assert mvcs_run("fsck", cwd=project).code == 1


@pytest.mark.parametrize("count", [5, 400, 3000])
def test_the_notes_about_one_subject_are_those_of_all_notes(home, count):
    subjects = [Oid((n // 3).to_bytes(32, "big")) for n in range(count)]
    put(home, attestations=tuple(statement(subject, time=n) for n, subject in enumerate(subjects)))
    root = home.read_root("registry")
    every = notes_of(home, root)
    for subject in set(subjects):  # some have notes in two nodes
        assert notes_about(home, root, subject) == [note for note in every if note.subject == subject] != []
    for absent in (b"m", b"\xff" * 32, b"\x00" * 31, count.to_bytes(32, "big")):
        assert notes_about(home, root, absent) == []
