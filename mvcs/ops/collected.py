"""Collected weights: which commits have lost theirs on purpose, and the refusal to write out what is not there.

Knows: the attestations of the predicate `collected`. Refuses to know: why and when gc collects (`retention`).
Implements: spec 8.6.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mvcs.errors import IntegrityError, PreconditionFailed
from mvcs.objects.attestation import Attestation
from mvcs.objects.editing import GENERATED, flatten, ingredient_trees
from mvcs.objects.hashing import ATTESTATION, COMMIT, Oid
from mvcs.objects.record import Record
from mvcs.objects.root import VERDICTS
from mvcs.objects.tree import IS_BLOB, IS_TREE, read_tree
from mvcs.objects.values import parse_json
from mvcs.refs.roots import LocalRoots, notes_about, notes_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mvcs.objects.tree import Entry, Load
    from mvcs.repo.repository import Repository

COLLECTED = "collected"
"""The predicate."""
MAX_PAYLOAD = 64 << 10
"""Bytes of an attestation's payload that are read."""
HINTED = 8
"""Paths that a hint names."""


class WeightsCollected(PreconditionFailed):
    """Weights that gc took because of `[retention]`; fields `paths`, `commit`, `date`, `rule`."""

    template = "{paths} of commit {commit} cannot be read: gc collected its weights on {date} ({rule})"
    hint_template = "mvcs show {commit}"


class Collection(Record):
    """What an attestation says of a commit that lost its weights.

    Args:
        commit: The commit.
        time: When, in nanoseconds since 1970.
        offset: Local offset from UTC in minutes.
        pattern: Pattern of the rule; empty if the attestation does not tell.
        days: Days of the rule.
    """

    __slots__ = ("commit", "days", "offset", "pattern", "time")

    def __init__(self, commit: Oid, time: int, offset: int, pattern: str, days: int) -> None:
        self.commit = commit
        self.time = time
        self.offset = offset
        self.pattern = pattern
        self.days = days

    @property
    def date(self) -> str:
        """The day."""
        from datetime import UTC, datetime, timedelta

        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=self.time // 10**9, minutes=self.offset)
        return moment.strftime("%Y-%m-%d")

    @property
    def rule(self) -> str:
        """The rule in words."""
        return f"{self.pattern}, {self.days} days" if self.pattern else "no rule given"


def weight_blobs(load: Load, tree: Oid) -> dict[Oid, int]:
    """Returns the blobs of a weights tree, oid to size, without what capture generates."""
    found: dict[Oid, int] = {}
    stack = [tree]
    while stack:
        here = stack.pop()
        for entry in read_tree(load, here):
            if entry.kind == IS_TREE and not (here == tree and entry.name == GENERATED):
                stack.append(entry.oid)
            elif entry.kind == IS_BLOB:
                found[entry.oid] = entry.size
    return found


def collected_commits(repository: Repository, *, tolerant: bool = False) -> dict[Oid, Attestation]:
    """Returns every commit that is attested `collected`, with the attestation that landed last.

    Args:
        repository: Where.
        tolerant: Go on without what is damaged: fsck tells of it by itself.
    """
    home = LocalRoots(repository.store)
    found: dict[Oid, Attestation] = {}
    try:
        notes = notes_of(home, home.read_root(VERDICTS))
    except IntegrityError:
        if not tolerant:
            raise
        return found
    for note in notes:
        try:
            said = Attestation.decode(home.read_object(note.attestation, ATTESTATION))
        except IntegrityError:
            if not tolerant:
                raise
            continue
        if said.predicate == COLLECTED and said.subject_kind == COMMIT:
            found[Oid(said.subject)] = said
    return found


def collection_of(repository: Repository, oid: Oid) -> Collection | None:
    """Returns what was attested last of a commit's weights, None if they were never collected."""
    home = LocalRoots(repository.store)
    for note in reversed(notes_about(home, home.read_root(VERDICTS), oid)):
        said = Attestation.decode(home.read_object(note.attestation, ATTESTATION))
        if said.predicate == COLLECTED and said.subject_kind == COMMIT and said.subject == oid:
            return _read(repository, said)
    return None


def _read(repository: Repository, said: Attestation) -> Collection:
    """Reads an attestation that perhaps somebody else has written: what is not understood is left out."""
    pattern, days = "", 0
    try:
        value = parse_json(repository.store.read_blob(said.payload, MAX_PAYLOAD))
    except IntegrityError:
        value = None
    if isinstance(value, dict):
        given, number = value.get("pattern"), value.get("days")
        if isinstance(given, str) and isinstance(number, int):
            pattern, days = given, number
    return Collection(Oid(said.subject), said.author.time, said.author.offset, pattern, days)


def collected_now(repository: Repository, oid: Oid) -> Collection | None:
    """Returns how a commit lost its weights; None if it has them, or has them again."""
    weights = ingredient_trees(repository.load_tree, repository.commit(oid).tree).get("weights")
    if weights is None or not repository.store.missing(weight_blobs(repository.load_tree, weights)):
        return None
    return collection_of(repository, oid)


def stored_again(repository: Repository, oid: Oid) -> dict[bytes, Oid]:
    """Returns path to oid of a commit's weights that were collected: whoever has the files is to store them."""
    if collection_of(repository, oid) is None:
        return {}
    files = flatten(repository.load_tree, repository.commit(oid).tree)
    return {
        path: placed.entry.oid for path, placed in files.items()
        if placed.ingredient == "weights" and placed.entry.kind == IS_BLOB and _is_absent(repository, placed.entry)
    }


def refuse_collected(repository: Repository, tree: Oid, wanted: Mapping[bytes, Entry]) -> None:
    """Refuses to write out weights that were collected; called before the first file is touched.

    Args:
        repository: Where.
        tree: Root tree that they are wanted from.
        wanted: Files of the weights, path to entry.

    Raises:
        WeightsCollected: If one was collected. What is absent without an attestation is a loss, told when it is read.
    """
    absent = {path: entry for path, entry in wanted.items() if entry.kind == IS_BLOB and _is_absent(repository, entry)}
    if not absent:
        return
    found: Collection | None = None
    for oid, said in collected_commits(repository).items():
        if repository.store.kind(oid) != COMMIT:
            continue
        commit = repository.commit(oid)
        weights = ingredient_trees(repository.load_tree, commit.tree).get("weights")
        if commit.tree == tree:
            found = _read(repository, said)
            break
        if found is None and weights is not None:
            blobs = weight_blobs(repository.load_tree, weights)
            if any(entry.oid in blobs for entry in absent.values()):
                found = _read(repository, said)
    if found is not None:
        raise _refusal(found, sorted(absent), _hint(repository, found.commit))


def refuse_file(repository: Repository, oid: Oid, path: bytes, entry: Entry) -> None:
    """Refuses to read one file of a commit's weights if it was collected.

    Raises:
        WeightsCollected: If it was.
    """
    if entry.kind == IS_BLOB and _is_absent(repository, entry):
        found = collection_of(repository, oid)
        if found is not None:
            raise _refusal(found, [path], None)


def _is_absent(repository: Repository, entry: Entry) -> bool:
    return repository.store.kind(entry.oid) is None


def _refusal(found: Collection, paths: list[bytes], hint: str | None) -> WeightsCollected:
    return WeightsCollected(
        paths=tuple(os.fsdecode(path) for path in paths), commit=found.commit.hex()[:12], date=found.date,
        rule=found.rule, hint=hint,
    )


def _hint(repository: Repository, oid: Oid) -> str | None:
    """Returns the command that brings the rest of the commit's files, as far as they stand apart from its weights."""
    import shlex

    files = flatten(repository.load_tree, repository.commit(oid).tree)
    mixed = {path.split(b"/", 1)[0] for path, placed in files.items() if placed.ingredient == "weights"}
    clean = sorted({path.split(b"/", 1)[0] for path in files} - mixed)
    if not clean:
        return None
    words = " ".join(shlex.quote(os.fsdecode(name)) for name in clean[:HINTED])
    return f"mvcs restore --source {oid.hex()[:12]} {words}"
