"""conflicts and resolve: what a merge left to settle, and how each is settled.

Each word is an operation of its own, so that undo takes back one.
"""

from __future__ import annotations

import os
from shlex import quote
from typing import TYPE_CHECKING

from mvcs.errors import InvalidArgument, PathNotFound
from mvcs.merge.refusals import why_left
from mvcs.merge.values import OURS, RELOCK, SET
from mvcs.objects.editing import find_file
from mvcs.objects.record import Record
from mvcs.ops.context import Look, look, open_workspace
from mvcs.ops.merge import MergeResult, check_strategy, check_text
from mvcs.ops.merging import Plan, Progress, Settled, require_in_progress
from mvcs.ops.recover import recover
from mvcs.ops.settling import EDITED, MARKED, by_hand, changed_paths, entry_seen, left_of, refuse_moved, run_again
from mvcs.repo.reading import Digest

if TYPE_CHECKING:
    from mvcs.merge.paths import PathConflict
    from mvcs.repo.repository import Repository
    from mvcs.store.base import Batch


class Left(Record):
    """One conflict, and whether an edit has settled it.

    Args:
        item: The conflict with its path.
        edited: Whether an edit of the file has settled it.
        marked: Whether it has not because conflict markers are left in the edited file.
    """

    __slots__ = ("edited", "item", "marked")

    def __init__(self, item: PathConflict, *, edited: bool, marked: bool = False) -> None:
        self.item = item
        self.edited = edited
        self.marked = marked

    def to_dict(self) -> dict[str, object]:
        """Returns the conflict as JSON carries it."""
        made: dict[str, object] = {"path": os.fsdecode(self.item.path), **self.item.conflict.to_dict()}
        if self.item.ingredients is not None:
            made["ingredients"] = dict(self.item.ingredients)
        return {**made, "edited": self.edited}


def conflicts(repository: Repository, path: str | None = None) -> list[Left]:
    """Returns what the merge in progress has left.

    Args:
        repository: Opened from the workspace.
        path: Only of this file.

    Raises:
        NoMergeInProgress: If there is none.
        PathNotFound: If the file had no conflict.
    """
    workspace = open_workspace(repository)
    seen = look(workspace, Digest(), strict=False)
    progress = require_in_progress(workspace, seen.refs)
    found = run_again(seen, progress.plan, progress, None)
    how = by_hand(seen, progress, found.conflicts)
    wanted = None if path is None else os.fsencode(path)
    told = [
        Left(item, edited=one == EDITED, marked=one == MARKED) for item, one in zip(found.conflicts, how, strict=True)
        if wanted is None or item.path == wanted
    ]
    known = {name for name, _ in found.decisions}
    if wanted is not None and not told and wanted not in known:
        raise PathNotFound(path=str(path), where="the conflicts", hint="mvcs conflicts")
    return told


SHOWN = 5
"""Keys that a note names."""


class ResolveRequest(Record):
    """How conflicts are settled.

    Args:
        path: The file.
        key: The key inside it; None for all its conflicts.
        strategy: ours, theirs, base, set, another strategy; relock, by a resolver; or edited: the file is right as
            it is.
        value: The value of set, as typed; of relock the resolver, pip or uv.
        command: The command as typed.
    """

    __slots__ = ("command", "key", "path", "strategy", "value")

    def __init__(
        self, path: str, key: str | None, strategy: str, value: str | None = None, *, command: str = "resolve"
    ) -> None:
        self.path = path
        self.key = key
        self.strategy = strategy
        self.value = value
        self.command = command


def resolve(repository: Repository, request: ResolveRequest) -> MergeResult:
    """Settles conflicts of the merge in progress and writes the file accordingly.

    Raises:
        NoMergeInProgress: If there is none.
        PathNotFound: If the file, or the key in it, has no conflict.
        UnsavedWork: If the file was edited since the merge wrote it; nothing is changed then.
    """
    repository.writable()
    check_text("--set", request.value)
    check_text("key", request.key)
    if request.strategy not in {SET, EDITED, RELOCK}:
        check_strategy("resolve", request.strategy)
    workspace = open_workspace(repository)
    with workspace.locked():
        recover(workspace)
        with repository.lock.shared(), repository.store.batch() as batch:
            seen = look(workspace, Digest(), strict=False)
            progress = require_in_progress(workspace, seen.refs)
            refuse_moved(seen, progress)
            said = Settled(os.fsencode(request.path), request.key, request.strategy, request.value)
            words = _relocked(seen, progress, said, batch) if said.strategy == RELOCK else (said,)
            for word in words:
                _check_said(seen, progress, word)
            plan = progress.plan.but(settled=(*progress.plan.settled, *words))
            done = _write(seen, progress, plan, said, batch, request.command)
            if said.strategy == RELOCK:
                done.chosen = {str(word.key): str(word.value).removeprefix("==") for word in words}
            return done


def _relocked(seen: Look, progress: Progress, said: Settled, batch: Batch) -> tuple[Settled, ...]:
    """Returns the versions that a resolver chooses as words about each package: the merge itself asks nobody."""
    from mvcs.ops.desk import Desk
    from mvcs.ops.satisfying import relocked

    found = run_again(seen, progress.plan, progress, batch)
    here = [item.conflict.key for item in found.conflicts if item.path == said.path]
    here = [key for key in here if said.key in {None, key}]
    keys = tuple(key for key in here if key is not None)
    if not keys or len(keys) < len(here):
        where = f"the packages in conflict of {os.fsdecode(said.path)}"
        raise PathNotFound(path=said.key or os.fsdecode(said.path), where=where, hint="mvcs conflicts")
    ours = progress.plan.but(settled=(*progress.plan.settled, *(Settled(said.path, key, OURS) for key in keys)))
    found = run_again(seen, ours, progress, batch)  # the file without conflict markers
    desk = Desk(seen.workspace.repository, batch)
    versions = relocked(seen, desk, found, said.path, keys, said.value or "pip")
    return tuple(Settled(said.path, key, RELOCK, f"=={version}") for key, version in versions.items())


def _check_said(seen: Look, progress: Progress, said: Settled) -> None:
    plan = progress.plan
    # Also what was settled before may be settled anew: look at the merge as if nothing had been said of this path.
    fresh = plan.but(strategies=(), settled=tuple(item for item in plan.settled if item.path != said.path))
    here = [item for item in run_again(seen, fresh, progress, None).conflicts if item.path == said.path]
    known = tuple(str(item.conflict.key) for item in here if item.conflict.key is not None)
    matching = [item for item in here if said.key in {None, item.conflict.key}]
    if not matching:
        where = f"the conflicts of {os.fsdecode(said.path)}" if known else "the conflicts"
        raise PathNotFound(path=said.key or os.fsdecode(said.path), where=where, hint="mvcs conflicts")
    if said.strategy == SET and said.key is None and any(item.conflict.key is not None for item in matching):
        raise InvalidArgument(argument="--set", value=str(said.value), reason=f"name a key: {', '.join(known[:5])}")
    if said.strategy == EDITED:
        _refuse_hidden(seen, progress, said.path)
        return
    allowed = [item.strategies for item in matching if item.strategies is not None]
    for strategies in allowed:
        if said.strategy not in strategies:
            raise InvalidArgument(
                argument="resolve", value=said.strategy, reason=f"here one of {', '.join(strategies)} fits"
            )


def _staying(plan: Plan, said: Settled) -> list[str]:
    """Returns what to tell of keys that a word about their whole file leaves as they were settled."""
    words = {one.key: one for one in plan.settled if one.path == said.path and one.key is not None}
    kept = [key for key, one in words.items() if (one.strategy, one.value) != (said.strategy, said.value)]
    if said.key is not None or not kept or said.strategy in {EDITED, RELOCK}:
        return []
    more = f" and {len(kept) - SHOWN} more" if len(kept) > SHOWN else ""
    return [
        f"{len(kept)} key(s) of {os.fsdecode(said.path)} stay as they were settled ({', '.join(kept[:SHOWN])}{more}):"
        " name a key to settle it anew"
    ]


def _refuse_hidden(seen: Look, progress: Progress, path: bytes) -> None:
    """Checks that a file which is right as it is is a file of the model: else the commit would have none."""
    written = find_file(seen.workspace.repository.load_tree, progress.commit.tree, path)
    if written is None and entry_seen(seen, path) is None and os.path.lexists(
        os.path.join(os.fsencode(seen.workspace.root), path)
    ):
        raise InvalidArgument(
            argument="resolve", value=EDITED, reason="the patterns leave the file out of the model",
            hint=f"mvcs resolve {quote(os.fsdecode(path))} --theirs, then edit it; or --ours",
        )


def _write(
    seen: Look, progress: Progress, plan: Plan, said: Settled, batch: Batch, command: str
) -> MergeResult:
    from mvcs.ops.ending import go_on
    from mvcs.ops.hiding import told_by_patterns
    from mvcs.ops.trees import placed_in

    found = run_again(seen, plan, progress, batch)
    still = [
        item for item in found.conflicts if item.path == said.path and said.key in {None, item.conflict.key}
        and (choice := plan.choose(item.path, item.conflict)) is not None and choice.strategy != EDITED
    ]
    if still:
        raise InvalidArgument(
            argument="resolve", value=said.strategy if said.value is None else said.value,
            reason=why_left(still[0], said.strategy),
        )
    progress, done = go_on(seen, progress, plan, found.tree, found, batch, command)
    workspace = open_workspace(seen.workspace.repository)
    left = left_of(seen, progress, found)
    written = {path: placed for path in {*done.paths, said.path} if (placed := placed_in(found.tree, path)) is not None}
    notes = [*found.notes, *told_by_patterns(workspace, written, {item.path for item in left})]
    notes += _staying(plan, said)
    return MergeResult(
        None, "conflicts" if left else "settled", left, changed_paths(seen, found), stale=found.stale,
        notes=notes, decided=len(found.decisions),
    )
