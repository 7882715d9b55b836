"""The end of a merge in progress, and each step there: conflicts that are settled, weights that follow the recipe.

A recipe that was settled by editing files is judged at the commit exactly as one that was settled by words. Knows:
what edits of the files say. Refuses to know: how a merge is run (`settling`), the commit object (`commit`).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mvcs.errors import MergeInProgress, UnsavedWork
from mvcs.formats.values import ABSENT, same
from mvcs.merge.borders import OUTCOME
from mvcs.merge.values import BASE, OURS, THEIRS
from mvcs.objects.hashing import COMMIT
from mvcs.objects.operation import Move
from mvcs.objects.record import Record
from mvcs.objects.tree import read_tree
from mvcs.objects.values import canonical_json
from mvcs.ops.files import Rewrite
from mvcs.ops.hiding import notes_of
from mvcs.ops.merging import CHERRY_PICK, MERGE, Plan, Progress, Settled, require_in_progress
from mvcs.ops.parts import is_generated
from mvcs.ops.settling import changes_since, check_settled, decisions_of, run_again, since
from mvcs.ops.trees import NewTree, edit_unstored, placed_in
from mvcs.ops.undo import in_tree
from mvcs.refs.names import merging_key
from mvcs.repo.reading import Digest

if TYPE_CHECKING:
    from mvcs.diff.trees import FileChange
    from mvcs.objects.commit import Person
    from mvcs.objects.editing import Placed
    from mvcs.objects.hashing import Oid
    from mvcs.objects.values import Json
    from mvcs.ops.context import Look
    from mvcs.ops.reconcile import Reconciled
    from mvcs.store.base import Batch


class Ended(Record):
    """A merge in progress that a commit may end.

    Args:
        progress: The merge, with origin and measured of its weights and metrics as the recipe is now.
        parents: Parents of the commit beside the branch's own.
        message: What it is called if nobody says.
        author: Whose work it is; None for who commits.
        described: What provenance says of it.
        notes: What to tell of files that the patterns take for something else than the merge does.
        told: What to tell of weights and metrics.
        stale: Whether it tells of weights that are stale.
        written: Whether files were brought to the weights and metrics that follow the recipe as it was edited.
    """

    __slots__ = ("author", "described", "message", "notes", "parents", "progress", "stale", "told", "written")

    def __init__(
        self, progress: Progress, *, parents: tuple[Oid, ...], message: str, author: Person | None, described: Json,
        notes: list[str], told: list[str], stale: bool, written: bool,
    ) -> None:
        self.progress = progress
        self.parents = parents
        self.message = message
        self.author = author
        self.described = described
        self.notes = notes
        self.told = told
        self.stale = stale
        self.written = written


def end_merge(seen: Look, batch: Batch, *, amend: bool, trained: bool, command: str) -> Ended:
    """Returns the merge in progress, once every conflict is settled; its weights follow the recipe as it is now.

    Args:
        seen: The files as they are.
        batch: Takes contents.
        amend: Whether the commit would take another's place.
        trained: Whether the weights are declared to come from the recipe as it is: then they stay.
        command: The command as typed.

    Raises:
        ConflictsLeft: If one is not, or a file still has conflict markers.
        MergeInProgress: If the commit would amend another one.
    """
    progress = require_in_progress(seen.workspace, seen.refs)
    plan = progress.plan
    if amend:
        raise MergeInProgress(what=f"{plan.kind} of {plan.name}")
    found, edited = check_settled(seen, progress)
    told: list[str] = []
    stale = written = False
    followed = None if trained else _weights_now(seen, progress, found, batch)
    if followed is not None:
        progress, paths = _follow(seen, progress, *followed, batch, command)
        told, stale, written = list(followed[0].notes), followed[0].stale, bool(paths)
        if written:
            told.append(f"written anew, as the weights follow the recipe that the conflicts gave: {', '.join(paths)}")
    picked = seen.workspace.repository.commit(plan.theirs) if plan.kind == CHERRY_PICK and plan.theirs else None
    return Ended(
        progress, parents=(plan.theirs,) if plan.kind == MERGE and plan.theirs is not None else (),
        message=plan.message, author=None if picked is None else picked.author,
        described=plan.to_json(decisions_of(found, edited)),
        notes=notes_of(seen.workspace, since(seen, progress, Digest())[1]), told=told, stale=stale,
        written=written,
    )


def go_on(
    seen: Look, progress: Progress, plan: Plan, tree: NewTree, found: Reconciled, batch: Batch, command: str
) -> tuple[Progress, list[bytes]]:
    """Brings a merge in progress, and the files, to what more of it is settled.

    Args:
        seen: The files as they are.
        progress: The merge as it was.
        plan: What decides its result now.
        tree: What the files are to have where the merge wrote them.
        found: What the merge gives now.
        batch: Takes contents.
        command: The command as typed.

    Returns:
        The merge as it is now, and the files that changed.

    Raises:
        UnsavedWork: If a file that would change was edited since the merge wrote it; nothing is changed then.
    """
    workspace, repository, old = seen.workspace, seen.workspace.repository, progress.commit
    tree.put(batch)
    made = old.but(
        tree=tree.oid, committer=repository.person(repository.actor(None, workspace.root)), origin=found.origin,
        measured=found.measured,
        provenance=batch.put_bytes(canonical_json({"merge": plan.to_json(decisions_of(found))})),
    )
    oid = batch.put_object(COMMIT, made.encode())
    rewrite = Rewrite(seen, batch, tree, before=old.tree, known=in_tree(repository, old.tree))
    clashing = [
        os.fsdecode(change.path) for change in changes_since(seen, progress, Digest())
        if change.path in rewrite.plan and not _alike(change.after, rewrite.plan[change.path].after)
    ]
    if clashing:
        raise UnsavedWork(paths=tuple(sorted(clashing)), hint="mvcs commit takes your edit as it is")
    rewrite.run(moves=(Move(merging_key(workspace.name), progress.oid, oid),), command=command)
    return Progress(oid, made, plan), sorted(rewrite.plan)


def _weights_now(
    seen: Look, progress: Progress, found: Reconciled, batch: Batch
) -> tuple[Reconciled, tuple[str, ...]] | None:
    """Returns what the merge gives with the recipe as it was edited, and which ingredients follow it.

    Weights that somebody changed meanwhile were trained by them, and stay, unless they are what the merge gives: then
    None. So do metrics.

    Args:
        seen: The files as they are.
        progress: The merge.
        found: What it gives by words alone.
        batch: Takes contents.
    """
    begun = NewTree(seen.workspace.repository, progress.commit.tree, [])
    changes = changes_since(seen, progress, batch)
    outcome = [change for change in changes if _ingredients(change) & set(OUTCOME)]
    kept = {item.path for item in found.conflicts if not is_generated(item.path)} - {change.path for change in outcome}
    edited: dict[bytes, Placed | None] = {path: placed_in(begun, path) for path in kept}
    edited.update({change.path: change.after for change in changes if change not in outcome})
    plan = progress.plan.but(settled=(*progress.plan.settled, *_choices(found, outcome)))
    found = run_again(seen, plan, progress, batch, edited)
    by_hand = [change for change in outcome if not _alike(change.after, placed_in(found.tree, change.path))]
    if any("weights" in _ingredients(change) for change in by_hand):
        return None
    if by_hand:
        found.measured = progress.commit.measured
    return found, OUTCOME[:1] if by_hand else OUTCOME


def _follow(
    seen: Look, progress: Progress, found: Reconciled, follow: tuple[str, ...], batch: Batch, command: str
) -> tuple[Progress, list[str]]:
    """Gives a merge in progress the weights and metrics that it has now; returns it, and the written files."""
    repository, old = seen.workspace.repository, progress.commit
    there = {entry.name: entry for entry in read_tree(found.tree.load, found.tree.root)} if found.tree.root else {}
    tree = edit_unstored(
        repository, NewTree(repository, old.tree, found.tree.nodes),
        {name.encode(): there.get(name.encode()) for name in follow},
    )
    if tree.oid == old.tree:
        return Progress(progress.oid, old.but(origin=found.origin, measured=found.measured), progress.plan), []
    progress, written = go_on(seen, progress, progress.plan, tree, found, batch, command)
    return progress, [os.fsdecode(path) for path in written]


def _choices(found: Reconciled, changes: list[FileChange]) -> list[Settled]:
    """Returns what edits of weights and metrics choose: a file that is a side's now has been settled for that side."""
    now = {change.path: ABSENT if change.after is None else change.after.entry.oid.hex() for change in changes}
    chosen = []
    for item in found.conflicts:
        conflict = item.conflict
        sides = {THEIRS: conflict.theirs, OURS: conflict.ours, BASE: conflict.base}
        if conflict.key is None and item.path in now:
            names = [name for name, value in sides.items() if same(value, now[item.path])]
            chosen += [Settled(item.path, None, name) for name in names[:1]]
    return chosen


def _ingredients(change: FileChange) -> set[str]:
    return {side.ingredient for side in (change.before, change.after) if side is not None}


def _alike(side: Placed | None, other: Placed | None) -> bool:
    return other is None if side is None else side.same(other)
