"""`[retention]`: which branches keep their weights for a time only, and what says so of the commits that lose them.

Knows: rules, the branches that they are about, what gc is about to take. Refuses to know: how history is walked
(`marking`), what becomes of a commit without its weights (`collected`). Implements: spec 8.4.
"""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from mvcs.objects.attestation import Attestation
from mvcs.objects.commit import Person
from mvcs.objects.editing import ingredient_trees
from mvcs.objects.hashing import BLOB, COMMIT, Oid, blob_oid
from mvcs.objects.record import Record
from mvcs.objects.root import VERDICTS, Root
from mvcs.objects.values import canonical_json
from mvcs.ops.collected import COLLECTED, weight_blobs
from mvcs.ops.follow import start_of
from mvcs.refs.names import HEAD, branch_key
from mvcs.refs.roots import LocalRoots, land, put_root
from mvcs.repo.git import GitTree
from mvcs.repo.layout import PROJECT
from mvcs.repo.project import Rule, read_project

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from mvcs.refs.table import Refs
    from mvcs.repo.project import Project
    from mvcs.repo.repository import Repository
    from mvcs.store.base import Store

AT_ONCE = 20_000
"""Attestations of one landing: its operation names them all, and an operation has at most 4 MiB."""


class Loose(Record):
    """Which branches keep their weights for a time only.

    Args:
        rules: Key of each such branch to its rule.
        firm: Commits that are kept in full besides all other refs: where workspaces beside Git stand.
        model: Model whose branches they are.
    """

    __slots__ = ("firm", "model", "rules")

    def __init__(self, rules: dict[str, Rule], firm: list[Oid], model: str = "") -> None:
        self.rules = rules
        self.firm = firm
        self.model = model


def loose_branches(repository: Repository, refs: Refs) -> Loose:
    """Returns the branches that the mvcs.toml of the current workspace gives a time; none outside a workspace.

    A branch that another ref names, or on which some workspace stands, is none of them.

    Raises:
        InvalidConfig: If an mvcs.toml cannot be used: what is to stay is not guessed.
    """
    folder = repository.place.workspace
    if folder is None:
        return Loose({}, [])
    project = read_project(folder)
    named = {target for target in refs.targets.values() if isinstance(target, str)}
    rules: dict[str, Rule] = {}
    prefix = branch_key(project.model, "")
    for key, target in refs.under(prefix):
        rule = rule_of(project.retention, key[len(prefix) :])
        if rule.days is not None and key not in named and not isinstance(target, str):
            rules[key] = rule
    firm: list[Oid] = []
    if rules:
        for other in _projects(repository, refs):
            base = _beside_git(repository, refs, other)
            if base is not None:
                firm.append(base)
    return Loose(rules, firm, project.model)


def rule_of(rules: tuple[Rule, ...], branch: str) -> Rule:
    """Returns the first rule whose pattern matches; for ever if none does."""
    return next((rule for rule in rules if fnmatchcase(branch, rule.pattern)), Rule("*", None))


def _projects(repository: Repository, refs: Refs) -> Iterator[Project]:
    """Yields the mvcs.toml of every workspace that has a HEAD and can be found."""
    place = repository.place
    folders = {os.path.normpath(os.path.join(place.top, key[len(HEAD) + 1 :])) for key, _ in refs.under(HEAD + "/")}
    assert place.workspace is not None
    for folder in sorted({*folders, place.workspace}):
        if os.path.isfile(os.path.join(folder, PROJECT)):
            yield read_project(folder)


def _beside_git(repository: Repository, refs: Refs, project: Project) -> Oid | None:
    """Returns the commit where a workspace stands that follows Git: its stored HEAD may be an older one."""
    git = GitTree.find(project.root) if project.follow_git else None
    if git is None:
        return None
    name = git.branch()
    there = None if name is None else refs.resolve(branch_key(project.model, name))
    return start_of(repository, project.model, git, refs) if there is None else there


class Loss(Record):
    """A commit that loses weights.

    Args:
        commit: Its oid.
        rule: Why.
        weights: Its weights tree.
        blobs: What goes: oid to size.
    """

    __slots__ = ("blobs", "commit", "rule", "weights")

    def __init__(self, commit: Oid, rule: Rule, weights: Oid, blobs: dict[Oid, int]) -> None:
        self.commit = commit
        self.rule = rule
        self.weights = weights
        self.blobs = blobs

    @property
    def size(self) -> int:
        """Bytes of what goes."""
        return sum(self.blobs.values())

    def payload(self) -> bytes:
        """Returns what the attestation says."""
        return canonical_json({
            "pattern": self.rule.pattern, "days": self.rule.days, "weights": self.weights.hex(), "bytes": self.size,
        })


def find_losses(repository: Repository, expired: Mapping[Oid, Rule], dead: AbstractSet[Oid]) -> list[Loss]:
    """Returns the expired commits of which something is about to go, and what.

    Args:
        repository: Where.
        expired: Commits that were walked by name, with the rule.
        dead: What is about to be deleted.
    """
    if not dead:
        return []
    below: dict[Oid, dict[Oid, int]] = {}
    found = []
    for oid, rule in sorted(expired.items()):
        commit = repository.commit(oid)
        weights = ingredient_trees(repository.load_tree, commit.tree).get("weights")
        if weights is None:
            continue
        start = None if commit.origin is None else commit.origin.start
        blobs: dict[Oid, int] = {}
        for tree in (weights, start):
            if tree is None:
                continue
            if tree not in below:  # often one for many commits
                named = weight_blobs(repository.load_tree, tree)
                below[tree] = {blob: size for blob, size in named.items() if blob in dead}
            blobs.update(below[tree])
        if blobs:
            found.append(Loss(oid, rule, weights, blobs))
    return found


class _Landing(LocalRoots):
    """The local roots; the payloads that attestations name come in the same transaction."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.payloads: list[bytes] = []

    def swap_root(self, expected: Root, new: Root, objects: list[tuple[str, bytes]]) -> None:
        """Puts `new` in place of `expected`, with the payloads.

        Raises:
            RefConflict: If the root is not `expected` any more.
        """
        with self._store.write() as transaction:
            put_root(transaction, expected, new, [*((BLOB, payload) for payload in self.payloads), *objects])


def attest(repository: Repository, losses: list[Loss], now: tuple[int, int]) -> None:
    """Lands one `collected` attestation for each loss, many at once; the caller holds the lock exclusive.

    Args:
        repository: Where.
        losses: What is about to go.
        now: Time and offset.
    """
    actor = repository.actor(None, repository.place.top)
    author = Person(actor[0], actor[1], *now)
    home = _Landing(repository.store)
    for start in range(0, len(losses), AT_ONCE):
        part = losses[start : start + AT_ONCE]
        home.payloads = [loss.payload() for loss in part]
        statements = [
            Attestation(COMMIT, loss.commit, COLLECTED, blob_oid(payload), author)
            for loss, payload in zip(part, home.payloads, strict=True)
        ]
        land(
            home, VERDICTS, actor=actor, now=now[0], command="gc", write_id=os.urandom(16),
            attestations=tuple(statements), reason="[retention]",
        )
