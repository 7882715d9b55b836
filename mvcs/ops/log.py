"""log: history, newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.dag.bases import is_ancestor, merge_bases
from mvcs.dag.walk import by_time, only_in
from mvcs.errors import InvalidRevision
from mvcs.objects.hashing import COMMIT, TAG, Oid
from mvcs.objects.record import Record
from mvcs.objects.tag import Tag
from mvcs.objects.tree import find_path
from mvcs.objects.values import parse_json
from mvcs.ops.revisions import resolve_commit
from mvcs.refs.names import HEAD, HEADS, TAGS, split_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mvcs.objects.commit import Commit
    from mvcs.refs.table import Refs
    from mvcs.repo.repository import Repository


class Logged(Record):
    """A commit in a log.

    Args:
        oid: Its oid.
        commit: The commit.
        names: Branches and tags that stand on it.
        metrics: Its generated metrics, if asked for.
    """

    __slots__ = ("commit", "metrics", "names", "oid")

    def __init__(self, oid: Oid, commit: Commit, names: tuple[str, ...], metrics: dict[str, object] | None) -> None:
        self.oid = oid
        self.commit = commit
        self.names = names
        self.metrics = metrics

    def to_dict(self) -> dict[str, object]:
        """Returns the commit as JSON carries it."""
        found: dict[str, object] = {
            "commit": self.oid.hex(), "parents": [parent.hex() for parent in self.commit.parents],
            "message": self.commit.message, "author": str(self.commit.author),
            "time": rfc3339(self.commit.author.time), "model": self.commit.model, "names": list(self.names),
        }
        if self.metrics is not None:
            found["metrics"] = self.metrics
        return found


def rfc3339(time: int) -> str:
    """Returns nanoseconds since 1970 as RFC 3339 in UTC, to the microsecond."""
    from datetime import UTC, datetime, timedelta

    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time // 1000)
    return moment.isoformat(timespec="microseconds" if time // 1000 % 10**6 else "seconds").replace("+00:00", "Z")


def log(
    repository: Repository, revisions: list[str], *, limit: int | None = None, every: bool = False,
    metrics: bool = False,
) -> Iterator[Logged]:
    """Yields commits, newest first.

    Args:
        repository: Where.
        revisions: Revisions and ranges (A..B, A...B); HEAD if empty.
        limit: At most so many.
        every: Begin at all branches and tags.
        metrics: Read each commit's metrics.
    """
    refs = repository.refs()
    wanted, unwanted = _ends(repository, refs, revisions, every=every)
    named = _names_by_commit(repository, refs)
    with repository.history() as history:
        chosen = only_in(history, wanted, unwanted) if unwanted else None
        count = 0
        for oid in by_time(history, wanted):
            if chosen is not None and oid not in chosen:
                continue
            if limit is not None and count >= limit:
                return
            count += 1
            commit = repository.commit(oid)
            found = read_metrics(repository, commit) if metrics else None
            yield Logged(oid, commit, tuple(named.get(oid, ())), found)


def _ends(repository: Repository, refs: Refs, revisions: list[str], *, every: bool) -> tuple[list[Oid], list[Oid]]:
    wanted: list[Oid] = []
    unwanted: list[Oid] = []
    if every:
        for space in (HEADS, TAGS, HEAD):
            for key, _ in refs.under(space + "/"):
                oid = refs.resolve(key)
                tip = None if oid is None else _peel(repository, oid)
                if tip is not None and (space != TAGS or repository.store.kind(tip) == COMMIT):
                    wanted.append(tip)
    for text in revisions or ([] if every else [HEAD]):
        left, dots, right = _range(text)
        if not dots:
            wanted.append(resolve_commit(repository, text)[0])
            continue
        a, b = resolve_commit(repository, left or HEAD)[0], resolve_commit(repository, right or HEAD)[0]
        wanted.append(b)
        if dots == "...":
            wanted.append(a)
            with repository.history() as history:
                unwanted += merge_bases(history, a, b)
        else:
            unwanted.append(a)
    return list(dict.fromkeys(wanted)), unwanted


def _range(text: str) -> tuple[str, str, str]:
    for dots in ("...", ".."):
        left, found, right = text.partition(dots)
        if found:
            return left, dots, right
    return text, "", ""


def split_range(text: str) -> tuple[str, str, str]:
    """Splits A..B or A...B into (A, dots, B).

    Raises:
        InvalidRevision: If it is no range.
    """
    left, dots, right = _range(text)
    if not dots:
        raise InvalidRevision(revision=text, reason="it is no range")
    return left or HEAD, dots, right or HEAD


def _peel(repository: Repository, oid: Oid) -> Oid:
    while repository.store.kind(oid) == TAG:
        oid = Tag.decode(repository.store.load(oid, TAG)).target
    return oid


def _names_by_commit(repository: Repository, refs: Refs) -> dict[Oid, list[str]]:
    found: dict[Oid, list[str]] = {}
    for space in (HEADS, TAGS):
        for key, _ in refs.under(space + "/"):
            oid = refs.resolve(key)
            if oid is not None:
                name = split_key(key)[2]
                label = f"tag: {name}" if space == TAGS else name
                found.setdefault(_peel(repository, oid) if space == TAGS else oid, []).append(label)
    return found


def read_metrics(repository: Repository, commit: Commit) -> dict[str, object]:
    """Returns the metrics that were given to a commit by name."""
    return read_generated(repository, commit, b"metrics/.mvcs/values")


def read_generated(repository: Repository, commit: Commit, path: bytes) -> dict[str, object]:
    """Returns a generated entry of a commit, empty if it has none.

    Args:
        repository: Where.
        commit: The commit.
        path: INGREDIENT/.mvcs/NAME.
    """
    entry = find_path(repository.load_tree, commit.tree, path)
    if entry is None:
        return {}
    value = parse_json(repository.store.read_blob(entry.oid))
    return dict(value) if isinstance(value, dict) else {}


def graph_order(repository: Repository, revisions: list[str], *, limit: int | None, every: bool) -> list[Logged]:
    """Returns commits for drawing: each before its parents, newest first where there is a choice."""
    from mvcs.dag.graph import CommitGraph, topological

    refs = repository.refs()
    wanted, unwanted = _ends(repository, refs, revisions, every=every)
    named = _names_by_commit(repository, refs)
    with repository.history() as history:
        cut = CommitGraph(history).cut(wanted, unwanted, limit)
        return [
            Logged(oid, repository.commit(oid), tuple(named.get(oid, ())), None) for oid in topological(cut, history)
        ]


def bases(repository: Repository, a: str, b: str) -> list[Oid]:
    """Returns all merge bases of two revisions."""
    ours, theirs = resolve_commit(repository, a)[0], resolve_commit(repository, b)[0]
    with repository.history() as history:
        return merge_bases(history, ours, theirs)


def ancestor(repository: Repository, old: str, new: str) -> bool:
    """Whether one revision is an ancestor of another, or the same."""
    first, second = resolve_commit(repository, old)[0], resolve_commit(repository, new)[0]
    with repository.history() as history:
        return is_ancestor(history, first, second)
