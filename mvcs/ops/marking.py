"""Marks what is reachable: from refs, ledgers, journals and pins down to every blob."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.errors import IntegrityError
from mvcs.objects.attestation import Attestation
from mvcs.objects.commit import Commit
from mvcs.objects.hashing import ATTESTATION, BLOB, COMMIT, NOTES, OPERATION, TAG, TREE, Oid
from mvcs.objects.operation import Operation
from mvcs.objects.prolly import children, decode_node
from mvcs.objects.root import NAMESPACES, read_note
from mvcs.objects.tag import Tag
from mvcs.objects.tree import references
from mvcs.refs.roots import read_root
from mvcs.refs.table import Refs
from mvcs.repo.journal import read_journal
from mvcs.store.base import LEDGER, PINS, PROGRESS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mvcs.repo.repository import Repository
    from mvcs.store.lmdb_store import MetaTransaction


class Roots:
    """Where marking begins.

    Attributes:
        needed: (oid, kind or None) of what must be there.
        remembered: The same of what is kept if it is there: what pins and operations inside the undo window name; a
            gc with a shorter window has perhaps taken it.
        operations: Oids of all operations of the local ledger; kept whatever their age.
    """

    def __init__(self) -> None:
        self.needed: list[tuple[Oid, str | None]] = []
        self.remembered: list[tuple[Oid, str | None]] = []
        self.operations: list[Oid] = []


def find_roots(repository: Repository, *, tolerant: bool = False) -> Roots:
    """Returns all roots: refs, HEADs, shared roots, operations inside the undo window, journals, pins.

    Args:
        repository: Where.
        tolerant: Go on without what is damaged: fsck tells of it by itself, gc must not go on.

    Raises:
        IntegrityError: If something is damaged.
    """
    roots = Roots()
    horizon = repository.clock.now()[0] - repository.config.integer("gc.undo_days") * 86400 * 10**9
    with repository.store.read() as transaction:
        for target in _refs(transaction, tolerant=tolerant).targets.values():
            if not isinstance(target, str):
                roots.needed.append((target, None))
        for _, value in transaction.items(LEDGER, reverse=True):
            roots.operations.append(Oid(value))
            try:
                operation = Operation.decode(transaction.load(Oid(value), OPERATION))
            except IntegrityError:
                if not tolerant:
                    raise
                continue
            if operation.time >= horizon:
                for move in operation.moves:
                    ends = [end for end in (move.old, move.new) if end is not None and not isinstance(end, str)]
                    roots.remembered += [(end, None) for end in ends]
                roots.remembered += [(item, None) for item in operation.evidence]
        _shared(transaction, roots)
        for key, _ in transaction.items(PROGRESS, b"checkout\0"):
            journal = read_journal(transaction, key[len(b"checkout\0") :].decode("utf-8", "surrogateescape"))
            if journal is not None:
                roots.needed += [(oid, TREE) for oid in (journal.before, journal.after) if oid is not None]
        for _, value in transaction.items(PINS):
            roots.remembered += [(Oid(value[start : start + 32]), None) for start in range(0, len(value), 32)]
    return roots


def _refs(transaction: MetaTransaction, *, tolerant: bool) -> Refs:
    try:
        return Refs.now(transaction)
    except IntegrityError:
        if not tolerant:
            raise
        return Refs({})


def _shared(transaction: MetaTransaction, roots: Roots) -> None:
    for namespace in NAMESPACES:
        root = read_root(transaction, namespace)
        roots.needed += [(oid, None) for _, oid in root.refs if isinstance(oid, bytes)]
        if root.ledger is not None:
            roots.needed.append((root.ledger, OPERATION))
        if isinstance(root.notes, tuple):
            roots.needed += [(note.attestation, ATTESTATION) for note in root.notes]
        else:
            roots.needed.append((root.notes, NOTES))


class Marker:
    """Collects everything that is reachable; may be run again for more roots.

    Args:
        repository: Where.
        missing: Hears of (kind, oid, what names it) that is not there.
    """

    def __init__(self, repository: Repository, missing: Callable[[str, Oid, str], None] | None = None) -> None:
        self.live: set[Oid] = set()
        self._repository = repository
        self._missing = missing

    def mark(self, roots: Iterable[tuple[Oid, str | None]], named_by: str = "a ref") -> None:
        """Marks from these roots; what is marked already is not followed again."""
        store = self._repository.store
        stack: list[tuple[Oid, str | None, str]] = [(oid, kind, named_by) for oid, kind in roots]
        with store.read() as transaction:
            while stack:
                oid, kind, source = stack.pop()
                if oid in self.live:
                    continue
                if kind is None:
                    kind = store.kind(oid)
                    if kind is None:
                        self._tell("object", oid, source)
                        continue
                if kind == BLOB:
                    self.live.add(oid)
                    if self._missing is not None and store.kind(oid) != BLOB:
                        self._tell(BLOB, oid, source)
                    continue
                self.live.add(oid)
                try:
                    stack += self._below(transaction, oid, kind)
                except IntegrityError:
                    if self._missing is None:
                        raise  # what cannot be read is not known to be garbage: gc must not go on
                    self._tell(kind, oid, source)

    def _tell(self, kind: str, oid: Oid, source: str) -> None:
        if self._missing is not None:
            self._missing(kind, oid, source)

    def _below(self, transaction: MetaTransaction, oid: Oid, kind: str) -> list[tuple[Oid, str | None, str]]:
        payload = transaction.load(oid, kind)
        name = f"{kind} {oid.hex()[:12]}"
        found: list[tuple[Oid, str | None]] = []
        if kind == TREE:
            found = [(below_oid, below_kind) for below_kind, below_oid in references(payload)]
        elif kind == COMMIT:
            commit = Commit.decode(payload)
            found = [(commit.tree, TREE), *[(parent, COMMIT) for parent in commit.parents]]
            if commit.provenance is not None:
                found.append((commit.provenance, BLOB))
            if commit.origin is not None and commit.origin.start is not None:
                found.append((commit.origin.start, TREE))
        elif kind == TAG:
            tag = Tag.decode(payload)
            found = [(tag.target, tag.target_kind)]
        elif kind == ATTESTATION:
            found = [(Attestation.decode(payload).payload, BLOB)]
        elif kind == OPERATION:
            found = self._operation(payload)
        elif kind == NOTES:
            node = decode_node(NOTES, payload, 2)
            below = children(NOTES, payload, 2)
            found = [(child, NOTES) for child in below]
            if not node.level:
                found = [(read_note(row).attestation, ATTESTATION) for row in node.rows]
        return [(below_oid, below_kind, name) for below_oid, below_kind in found]

    def _operation(self, payload: bytes) -> list[tuple[Oid, str | None]]:
        operation = Operation.decode(payload)
        return [] if operation.parent is None else [(operation.parent, OPERATION)]
