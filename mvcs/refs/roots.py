"""Shared roots: each namespace's refs and notes, moved as a whole by one compare-and-swap.

Knows: how notes land and how a root grows its own ledger. Refuses to know: who may move what (`policy`), what the
refs mean (`registry`). The protocol is the one that every remote keeps; this home is the local `meta`.
Implements: spec 9.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from mvcs.errors import RefConflict
from mvcs.objects import prolly
from mvcs.objects.hashing import ATTESTATION, NOTES, OPERATION, Oid
from mvcs.objects.operation import Move, Operation
from mvcs.objects.root import INLINE_NOTES, KEPT_WRITES, Note, Root, build_notes, read_note
from mvcs.refs.table import show_target
from mvcs.store.base import ROOTS

if TYPE_CHECKING:
    from mvcs.objects.attestation import Attestation
    from mvcs.store.base import Readable, Store, Writable


class RootHome(Protocol):
    """A place that keeps roots: the local store, a folder, a bucket."""

    def read_root(self, namespace: str) -> Root:
        """Returns a namespace's root; an empty one if none was ever written."""
        ...

    def swap_root(self, expected: Root, new: Root, objects: list[tuple[str, bytes]]) -> None:
        """Puts `new` in place of `expected`, after the objects that it names are durable.

        Raises:
            RefConflict: If the root is not `expected` any more.
        """
        ...

    def read_object(self, oid: Oid, kind: str) -> bytes:
        """Returns an object that a root names."""
        ...


class LocalRoots:
    """Roots in the `roots` table of a store.

    Args:
        store: The store.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def read_root(self, namespace: str) -> Root:
        """Returns a namespace's root; an empty one if none was ever written."""
        with self._store.read() as transaction:
            return read_root(transaction, namespace)

    def swap_root(self, expected: Root, new: Root, objects: list[tuple[str, bytes]]) -> None:
        """Puts `new` in place of `expected`; objects and root are one transaction.

        Raises:
            RefConflict: If the root is not `expected` any more.
        """
        with self._store.write() as transaction:
            put_root(transaction, expected, new, objects)

    def read_object(self, oid: Oid, kind: str) -> bytes:
        """Returns an object that a root names."""
        return self._store.load(oid, kind)


def read_root(transaction: Readable, namespace: str) -> Root:
    """Returns a namespace's root; an empty one if none was ever written."""
    value = transaction.get(ROOTS, namespace.encode())
    return Root(namespace=namespace) if value is None else Root.decode(value)


def put_root(transaction: Writable, expected: Root, new: Root, objects: list[tuple[str, bytes]]) -> None:
    """Swaps a root inside a transaction.

    Raises:
        RefConflict: If the root is not `expected` any more.
    """
    actual = read_root(transaction, expected.namespace)
    if actual != expected:
        raise RefConflict(
            ref=f"root {expected.namespace}", expected=f"generation {expected.generation}",
            actual=f"generation {actual.generation}",
        )
    for kind, payload in objects:
        transaction.put_object(kind, payload)
    transaction.put(ROOTS, new.namespace.encode(), new.encode())


def notes_of(home: RootHome, root: Root) -> list[Note]:
    """Returns all notes of a root, sorted by subject, then landing."""
    if isinstance(root.notes, tuple):
        return list(root.notes)
    rows = prolly.walk(NOTES, lambda oid: home.read_object(oid, NOTES), root.notes, 2)
    return [read_note(row) for row in rows]


def notes_about(home: RootHome, root: Root, subject: bytes) -> list[Note]:
    """Returns the notes about one subject in landing order, reading only the nodes that can have them."""
    if isinstance(root.notes, tuple):
        return [note for note in root.notes if note.subject == subject]
    prefix = bytes((len(subject),)) + subject
    found: list[Note] = []
    stack = [root.notes]
    while stack:
        node = prolly.decode_node(NOTES, home.read_object(stack.pop(), NOTES), 2)
        if not node.level:
            found += [note for note in map(read_note, node.rows) if note.subject == subject]
            continue
        inside = []
        for last, child, *_ in node.rows:
            assert isinstance(last, bytes)
            assert isinstance(child, bytes)
            if last[: len(prefix)] >= prefix:
                inside.append(Oid(child))
            if last[: len(prefix)] > prefix:
                break
        stack += inside
    return sorted(found, key=lambda note: note.landing)


def land(
    home: RootHome, namespace: str, *, actor: tuple[str, str], now: int, command: str, write_id: bytes,
    moves: tuple[Move, ...] = (), attestations: tuple[Attestation, ...] = (), reason: str = "",
) -> Root:
    """Moves a root's refs and lands attestations in it, with one operation of its shared ledger.

    Args:
        home: Where the root lives.
        namespace: Which root.
        actor: (name, email).
        now: Nanoseconds since 1970 in UTC by the home's clock.
        command: The command as typed.
        write_id: Unique bytes; a root that already has them was written by this very call.
        moves: Refs to move, with compare-and-swap.
        attestations: Statements to land, in this order.
        reason: Why.

    Returns:
        The root as it now is.

    Raises:
        RefConflict: If a ref or the root moved meanwhile; the caller may try again.
    """
    old = home.read_root(namespace)
    if write_id in old.writes:
        return old
    refs = dict(old.refs)
    for move in moves:
        if refs.get(move.ref) != move.old:
            raise RefConflict(
                ref=move.ref, expected=show_target(move.old), actual=show_target(refs.get(move.ref))
            )
        if move.new is None:
            refs.pop(move.ref, None)
        else:
            refs[move.ref] = move.new
    objects = [(ATTESTATION, item.encode()) for item in attestations]
    notes, landed = notes_of(home, old), old.landed
    from mvcs.objects.hashing import object_oid

    evidence = []
    for item, (kind, payload) in zip(attestations, list(objects), strict=True):
        landed += 1
        oid = object_oid(kind, payload)
        notes.append(Note(item.subject, landed, oid))
        evidence.append(oid)
    notes.sort(key=lambda note: note.key)
    parent = None if old.ledger is None else Operation.decode(home.read_object(old.ledger, OPERATION))
    operation = Operation(
        parent=old.ledger, height=0 if parent is None else parent.height + 1, actor=actor,
        time=now if parent is None else max(now, parent.time + 1), command=command, moves=moves, reason=reason,
        evidence=tuple(evidence),
    ).encode()
    objects.append((OPERATION, operation))
    kept: tuple[Note, ...] | Oid = tuple(notes)
    if sum(len(note.subject) + 48 for note in notes) > INLINE_NOTES:
        nodes = build_notes(notes)
        objects += [(NOTES, payload) for _, payload in nodes]
        kept = nodes[-1][0]
    new = Root(
        namespace=namespace, generation=old.generation + 1, ledger=object_oid(OPERATION, operation),
        refs=tuple(sorted(refs.items())), notes=kept, landed=landed, writes=(*old.writes, write_id)[-KEPT_WRITES:],
    )
    home.swap_root(old, new, objects)
    return new
