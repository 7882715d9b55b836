"""Revisions: HEAD~2, main@{1}, v1.0, 3f9a..., v1^{tree}. Parsing is pure; resolving asks a `Names`.

Knows: the grammar and its order of meaning. Refuses to know: tables and files. Implements: spec 10.6.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

from mvcs.errors import AmbiguousRevision, InvalidRevision, RevisionNotFound
from mvcs.objects.hashing import COMMIT, OID_HEX, TAG, TREE, Oid
from mvcs.objects.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

_SUFFIX = re.compile(r"~(\d*)|\^\{(\w*)\}|\^(\d*)|@\{([^{}]*)\}")
_HEX = re.compile(r"[0-9a-f]{4,64}")
MAX_STEPS = 1_000_000


class Names(Protocol):
    """What resolving asks of a repository."""

    def ref(self, name: str) -> tuple[str, Oid] | None:
        """Returns (key, oid) of a branch, tag, remote branch, HEAD or full key."""
        ...

    def current(self) -> str:
        """Returns the key that a bare @{1} means: HEAD's branch, else HEAD."""
        ...

    def short(self, prefix: str) -> list[tuple[Oid, str]]:
        """Returns (oid, kind) of the objects whose hex begins so."""
        ...

    def peel(self, oid: Oid) -> tuple[Oid, str]:
        """Follows tags; returns (oid, kind)."""
        ...

    def parents(self, oid: Oid) -> tuple[Oid, ...]:
        """Returns the parents of a commit."""
        ...

    def tree(self, oid: Oid) -> Oid:
        """Returns the root tree of a commit."""
        ...

    def earlier(self, key: str, selector: str) -> Oid | None:
        """Returns where a ref stood N moves ago or at a date; None if it did not exist."""
        ...

    def describe(self, oid: Oid, kind: str) -> str:
        """Returns a line that tells one candidate from another."""
        ...


class Revision(Record):
    """A parsed revision.

    Args:
        text: As typed.
        atom: Name or hex digits; empty for a bare suffix.
        suffixes: (kind, value): ~ N, ^ N, type NAME, at SELECTOR.
    """

    __slots__ = ("atom", "suffixes", "text")

    def __init__(self, text: str, atom: str, suffixes: tuple[tuple[str, str], ...]) -> None:
        self.text = text
        self.atom = atom
        self.suffixes = suffixes


def parse(text: str) -> Revision:
    """Reads a revision.

    Raises:
        InvalidRevision: If it is not one.
    """
    starts = [match for sign in ("~", "^", "@{") if (match := text.find(sign)) >= 0]
    cut = min(starts, default=len(text))
    atom, rest = text[:cut], text[cut:]
    if not text or text.startswith("-"):
        raise InvalidRevision(revision=text, reason="it is empty or begins with a dash")
    return Revision(text, "HEAD" if atom == "@" else atom, tuple(_suffixes(text, rest)))


def _suffixes(text: str, rest: str) -> Iterator[tuple[str, str]]:
    position = 0
    while position < len(rest):
        match = _SUFFIX.match(rest, position)
        if match is None:
            raise InvalidRevision(revision=text, reason=f"cannot read {rest[position:]!r}")
        position = match.end()
        steps, kind, parent, selector = match.groups()
        if selector is not None:
            yield "at", selector
        elif kind is not None:
            yield "type", kind
        elif parent is not None:
            yield "^", parent or "1"
        else:
            yield "~", steps or "1"


def resolve(text: str, names: Names) -> tuple[Oid, str]:
    """Returns (oid, kind) of what a revision names; tags are followed unless ^{tag} is asked for.

    Raises:
        InvalidRevision: If it cannot be read.
        RevisionNotFound: If it names nothing.
        AmbiguousRevision: If short digits fit several objects.
    """
    revision = parse(text)
    key, oid = _atom(revision, names)
    peeled, kind = names.peel(oid)
    if revision.suffixes and revision.suffixes[-1] == ("type", TAG) and peeled != oid:
        kind = TAG
    else:
        oid = peeled
    for index, (sort, value) in enumerate(revision.suffixes):
        if sort == "at":
            if index or key is None:
                raise InvalidRevision(revision=text, reason="@{...} must follow a branch or HEAD")
            found = names.earlier(key, value)
            if found is None:
                raise RevisionNotFound(revision=text, reason=f"{key} has no such entry in the ledger")
            oid, kind = names.peel(found)
        elif sort == "type":
            oid, kind = _typed(text, value, oid, kind, names)
        else:
            oid = _step(text, sort, int(value), oid, kind, names)
    return oid, kind


def _atom(revision: Revision, names: Names) -> tuple[str | None, Oid]:
    if not revision.atom:
        key = names.current()
        found = names.ref(key)
        if found is None and revision.suffixes[0][0] != "at":
            raise RevisionNotFound(revision=revision.text, reason="HEAD has no commit yet")
        return (key, found[1]) if found is not None else (key, Oid(bytes(32)))
    found = names.ref(revision.atom)
    if found is not None:
        return found
    if _HEX.fullmatch(revision.atom):
        return None, _short(revision.atom, names)
    if revision.atom == "HEAD":
        raise RevisionNotFound(revision=revision.text, reason="HEAD has no commit yet")
    raise RevisionNotFound(revision=revision.text, reason="no branch, tag or commit has this name")


def _short(prefix: str, names: Names) -> Oid:
    found = names.short(prefix)
    if len(prefix) < OID_HEX and len(found) > 1:
        commits = [item for item in found if item[1] in {COMMIT, TAG}]
        if len(commits) == 1:
            return commits[0][0]
    if len(found) > 1:
        candidates = tuple(names.describe(oid, kind) for oid, kind in found[:10])
        raise AmbiguousRevision(revision=prefix, candidates=candidates)
    if not found:
        raise RevisionNotFound(revision=prefix, reason="no object's oid begins so")
    return found[0][0]


def _typed(text: str, wanted: str, oid: Oid, kind: str, names: Names) -> tuple[Oid, str]:
    if wanted in {"", kind}:
        return oid, kind
    if wanted == TREE and kind == COMMIT:
        return names.tree(oid), TREE
    if wanted == "weights" and kind == COMMIT:
        raise InvalidRevision(revision=text, reason="write REV:@weights")
    raise RevisionNotFound(revision=text, reason=f"it is a {kind}, not a {wanted}")


def _step(text: str, sort: str, count: int, oid: Oid, kind: str, names: Names) -> Oid:
    if kind != COMMIT:
        raise RevisionNotFound(revision=text, reason=f"a {kind} has no parents")
    if count > MAX_STEPS:
        raise InvalidRevision(revision=text, reason=f"more than {MAX_STEPS} steps")
    if sort == "^":
        if count == 0:
            return oid
        parents = names.parents(oid)
        if count > len(parents):
            raise RevisionNotFound(revision=text, reason=f"{oid.hex()[:12]} has {len(parents)} parents")
        return parents[count - 1]
    for _ in range(count):
        parents = names.parents(oid)
        if not parents:
            raise RevisionNotFound(revision=text, reason="history does not reach so far back")
        oid = parents[0]
    return oid
