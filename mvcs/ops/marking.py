"""Marks what is reachable: from refs, ledgers, journals and pins down to every blob.

Commits that only branches with a time reach, and that are older, are walked by name: all of them stays but the files
of their weights. Implements: spec 8.4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.errors import IntegrityError
from mvcs.objects.attestation import Attestation
from mvcs.objects.commit import Commit
from mvcs.objects.editing import GENERATED
from mvcs.objects.hashing import ATTESTATION, BLOB, COMMIT, NOTES, OPERATION, TAG, TREE, Oid
from mvcs.objects.operation import Operation
from mvcs.objects.prolly import children, decode_node
from mvcs.objects.root import NAMESPACES, read_note
from mvcs.objects.tag import Tag
from mvcs.objects.tree import IS_BLOB, IS_TREE, read_node, references
from mvcs.ops.retention import Loose
from mvcs.refs.roots import read_root
from mvcs.refs.table import Refs
from mvcs.repo.journal import read_journal
from mvcs.store.base import LEDGER, PINS, PROGRESS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from collections.abc import Set as AbstractSet

    from mvcs.repo.project import Rule
    from mvcs.repo.repository import Repository
    from mvcs.store.lmdb_store import MetaTransaction


FULL, ROOT, WEIGHTS, BELOW = range(4)
"""How an object is walked: with all that it names; or by name only, as the root tree of a commit, the top of its
weights, a folder of them."""
DAY = 86400 * 10**9

Item = tuple[Oid, str | None, str, int]
"""(oid, kind if known, what names it, how it is walked)"""


class Roots:
    """Where marking begins.

    Attributes:
        needed: (oid, kind or None) of what must be there.
        remembered: The same of what is kept if it is there: what pins and operations inside the undo window name; a
            gc with a shorter window has perhaps taken it.
        operations: Oids of all operations of the local ledger; kept whatever their age.
        loose: (tip, rule) of the branches whose old commits lose their weights.
        model: Whose branches those are.
    """

    def __init__(self) -> None:
        self.needed: list[tuple[Oid, str | None]] = []
        self.remembered: list[tuple[Oid, str | None]] = []
        self.operations: list[Oid] = []
        self.loose: list[tuple[Oid, Rule]] = []
        self.model = ""


def find_roots(
    repository: Repository, *, tolerant: bool = False, loose: Callable[[Refs], Loose] | None = None
) -> Roots:
    """Returns all roots: refs, HEADs, shared roots, operations inside the undo window, journals, pins.

    Args:
        repository: Where.
        tolerant: Go on without what is damaged: fsck tells of it by itself, gc must not go on.
        loose: Says which branches keep their weights for a time only; all are kept in full if None.

    Raises:
        IntegrityError: If something is damaged.
    """
    roots = Roots()
    horizon = repository.clock.now()[0] - repository.config.integer("gc.undo_days") * DAY
    with repository.store.read() as transaction:
        refs = _refs(transaction, tolerant=tolerant)
        loosely = Loose({}, []) if loose is None else loose(refs)
        roots.model = loosely.model
        roots.needed += [(oid, None) for oid in loosely.firm]
        for key, target in refs.targets.items():
            if isinstance(target, str):
                continue
            rule = loosely.rules.get(key)
            if rule is None:
                roots.needed.append((target, None))
            else:
                roots.loose.append((target, rule))
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
        find_shared(transaction, roots)
        for name, _ in transaction.items(PROGRESS, b"checkout\0"):
            journal = read_journal(transaction, name[len(b"checkout\0") :].decode("utf-8", "surrogateescape"))
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


def find_shared(transaction: MetaTransaction, roots: Roots) -> None:
    """Adds what the shared roots name to what is needed."""
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
        collected: Commits whose weights are walked by name only, wherever they are reached from.
        known: Says of what it need not be asked what is below it: somebody has all of that.

    Attributes:
        live: What stays with all that it names.
        kept: What stays without some of the weights that it names.
        named: Blobs of weights that were reached by name only.
        expired: Commits that `mark_loose` walked by name only, with the rule; not those that are live by now.
    """

    def __init__(
        self, repository: Repository, missing: Callable[[str, Oid, str], None] | None = None,
        collected: AbstractSet[Oid] = frozenset(), known: Callable[[Oid], bool] = lambda _: False,
    ) -> None:
        self.live: set[Oid] = set()
        self.kept: set[Oid] = set()
        self.named: set[Oid] = set()
        self.expired: dict[Oid, Rule] = {}
        self._by_name: set[tuple[Oid, int]] = set()
        self._repository = repository
        self._missing = missing
        self._collected = collected
        self._known = known

    def mark(self, roots: Iterable[tuple[Oid, str | None]], named_by: str = "a ref") -> None:
        """Marks from these roots; what is marked already is not followed again."""
        with self._repository.store.read() as transaction:
            self._walk(transaction, [(oid, kind, named_by, FULL) for oid, kind in roots])

    def mark_loose(self, tips: Iterable[tuple[Oid, Rule]], now: int, model: str) -> None:
        """Marks from branches that keep their weights for a time; call it after `mark` has had everything else.

        Args:
            tips: Commit and rule of each branch.
            now: Nanoseconds since 1970.
            model: Whose rules they are; a commit of another model is kept in full.
        """
        seen: set[Oid] = set()
        expired: dict[Oid, Rule] = {}
        with self._repository.store.read() as transaction:
            # The longest time first: a commit is judged by the branch that keeps it longest.
            for tip, rule in sorted(tips, key=lambda item: (-(item[1].days or 0), item[1].pattern, item[0])):
                stack = [tip]
                while stack:
                    oid = stack.pop()
                    if oid in seen or oid in self.live:
                        continue
                    seen.add(oid)
                    commit = Commit.decode(transaction.load(oid, COMMIT))
                    if commit.model != model:
                        self._walk(transaction, [(oid, COMMIT, "a branch", FULL)])
                        continue
                    self.kept.add(oid)
                    old = rule.days is not None and now - commit.committer.time > rule.days * DAY
                    if old:
                        expired[oid] = rule
                    self._walk(transaction, _inside(oid, commit, by_name=old))
                    stack += commit.parents
        self.expired = {oid: rule for oid, rule in expired.items() if oid not in self.live}

    def _walk(self, transaction: MetaTransaction, stack: list[Item]) -> None:
        store = self._repository.store
        while stack:
            oid, kind, source, how = stack.pop()
            if oid in self.live or (oid, how) in self._by_name or self._known(oid):
                continue
            if kind is None:
                kind = store.kind(oid)
                if kind is None:
                    self._tell("object", oid, source)
                    continue
            if how == FULL:
                self.live.add(oid)
            else:
                self.kept.add(oid)
                self._by_name.add((oid, how))
            if kind == BLOB:
                if self._missing is not None and store.kind(oid) != BLOB:
                    self._tell(BLOB, oid, source)
                continue
            try:
                stack += self._below(transaction, oid, kind) if how == FULL else self._named(transaction, oid, how)
            except IntegrityError:
                if self._missing is None:
                    raise  # what cannot be read is not known to be garbage: gc must not go on
                self._tell(kind, oid, source)

    def _tell(self, kind: str, oid: Oid, source: str) -> None:
        if self._missing is not None:
            self._missing(kind, oid, source)

    def _named(self, transaction: MetaTransaction, oid: Oid, how: int) -> list[Item]:
        """Returns what a tree has below it but the files of the weights; those are only noted."""
        nodes, entries = read_node(transaction.load(oid, TREE))
        name = f"{TREE} {oid.hex()[:12]}"
        found: list[Item] = [(node, TREE, name, how) for node in nodes]
        for entry in entries:
            if entry.kind == IS_TREE:
                below = BELOW
                if how == ROOT:
                    below = WEIGHTS if entry.name == b"weights" else FULL
                elif how == WEIGHTS and entry.name == GENERATED:
                    below = FULL
                found.append((entry.oid, TREE, name, below))
            elif entry.kind == IS_BLOB and how != ROOT:
                self.named.add(entry.oid)
            else:
                found.append((entry.oid, BLOB, name, FULL))
        return found

    def _below(self, transaction: MetaTransaction, oid: Oid, kind: str) -> list[Item]:
        payload = transaction.load(oid, kind)
        name = f"{kind} {oid.hex()[:12]}"
        if kind == COMMIT and oid in self._collected:
            commit = Commit.decode(payload)
            inside = _inside(oid, commit, by_name=True)
            return [*inside, *((parent, COMMIT, name, FULL) for parent in commit.parents)]
        return [(below_oid, below_kind, name, FULL) for below_oid, below_kind in named_in(kind, payload)]


def named_in(kind: str, payload: bytes) -> list[tuple[Oid, str]]:
    """Returns (oid, kind) of all that an object cannot be without.

    Raises:
        InvalidObject: If it is no such object.
    """
    if kind == TREE:
        return [(oid, below) for below, oid in references(payload)]
    if kind == COMMIT:
        commit = Commit.decode(payload)
        found = [(commit.tree, TREE), *((parent, COMMIT) for parent in commit.parents)]
        found += [] if commit.provenance is None else [(commit.provenance, BLOB)]
        start = None if commit.origin is None else commit.origin.start
        return found if start is None else [*found, (start, TREE)]
    if kind == TAG:
        tag = Tag.decode(payload)
        return [(tag.target, tag.target_kind)]
    if kind == ATTESTATION:
        return [(Attestation.decode(payload).payload, BLOB)]
    if kind == OPERATION:
        parent = Operation.decode(payload).parent
        return [] if parent is None else [(parent, OPERATION)]
    if kind == NOTES:
        node = decode_node(NOTES, payload, 2)
        if not node.level:
            return [(read_note(row).attestation, ATTESTATION) for row in node.rows]
        return [(child, NOTES) for child in children(NOTES, payload, 2)]
    return []


def _inside(oid: Oid, commit: Commit, *, by_name: bool) -> list[Item]:
    """Returns what a commit names but its parents."""
    name = f"{COMMIT} {oid.hex()[:12]}"
    found: list[Item] = [(commit.tree, TREE, name, ROOT if by_name else FULL)]
    if commit.provenance is not None:
        found.append((commit.provenance, BLOB, name, FULL))
    if commit.origin is not None and commit.origin.start is not None:
        found.append((commit.origin.start, TREE, name, WEIGHTS if by_name else FULL))
    return found
