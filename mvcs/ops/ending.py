"""The end of a merge in progress, and each step there: conflicts that are settled, weights that follow the recipe.

A recipe that was settled by editing files is judged at the commit exactly as one that was settled by words. Knows:
what edits of the files say. Refuses to know: how a merge is run (`settling`), the commit object (`commit`).
"""

from __future__ import annotations

import os
from shlex import quote
from typing import TYPE_CHECKING

from mvcs.diff.trees import diff_roots
from mvcs.errors import MergeInProgress, UnreadableContent, UnsavedWork
from mvcs.formats.names import kind_of
from mvcs.formats.values import ABSENT, same
from mvcs.merge.borders import OUTCOME
from mvcs.merge.drivers import merge_file
from mvcs.merge.values import BASE, OURS, THEIRS, leave
from mvcs.objects.hashing import COMMIT
from mvcs.objects.operation import Move
from mvcs.objects.record import Record
from mvcs.objects.tree import IS_BLOB, Entry, read_tree
from mvcs.objects.values import canonical_json
from mvcs.ops.desk import Desk
from mvcs.ops.details import DiskContent
from mvcs.ops.files import Rewrite, Rewritten
from mvcs.ops.hiding import notes_of
from mvcs.ops.lacking import merged_incomplete
from mvcs.ops.merging import CHERRY_PICK, MERGE, Plan, Progress, Settled, require_in_progress
from mvcs.ops.parts import is_generated
from mvcs.ops.settling import changes_since, check_settled, decisions_of, entry_seen, run_again, since
from mvcs.ops.staying import project_path
from mvcs.ops.trees import NewTree, edit_unstored, placed_in
from mvcs.ops.undo import in_tree
from mvcs.refs.names import merging_key
from mvcs.repo.reading import Digest

if TYPE_CHECKING:
    from mvcs.diff.trees import FileChange
    from mvcs.formats.content import Content
    from mvcs.merge.values import Merged
    from mvcs.objects.commit import Person
    from mvcs.objects.editing import Placed
    from mvcs.objects.hashing import Oid
    from mvcs.objects.values import Json
    from mvcs.ops.context import Look
    from mvcs.ops.reconcile import Reconciled
    from mvcs.store.base import Batch

KEYED = {"config", "metrics", "packages", "table"}
"""Kinds of files whose keys are settled one by one."""


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


def end_merge(seen: Look, batch: Batch, *, amend: bool, trained: bool, measured: bool, command: str) -> Ended:
    """Returns the merge in progress, once every conflict is settled; its weights follow the recipe as it is now.

    Args:
        seen: The files as they are.
        batch: Takes contents.
        amend: Whether the commit would take another's place.
        trained: Whether the weights are declared to come from the recipe as it is: then they stay.
        measured: Whether metrics are given.
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
    followed = None if trained else _weights_now(seen, progress, found, batch, measured=measured)
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
) -> tuple[Progress, Rewritten]:
    """Brings a merge in progress, and the files, to what more of it is settled.

    A file that was edited since keeps its edit, where that is of other keys.

    Args:
        seen: The files as they are.
        progress: The merge as it was.
        plan: What decides its result now.
        tree: What the files are to have where the merge wrote them.
        found: What the merge gives now; gets a note of what was saved.
        batch: Takes contents.
        command: The command as typed.

    Returns:
        The merge as it is now, and what was done to the files.

    Raises:
        UnsavedWork: If a file would change where it was edited since the merge wrote it; nothing is changed then.
    """
    workspace, repository, old = seen.workspace, seen.workspace.repository, progress.commit
    tree.put(batch)
    made = old.but(
        tree=tree.oid, committer=repository.person(repository.actor(None, workspace.root)), origin=found.origin,
        measured=found.measured, incomplete=merged_incomplete(repository, plan, seen.head.base, tree),
        provenance=batch.put_bytes(canonical_json({"merge": plan.to_json(decisions_of(found))})),
    )
    oid = batch.put_object(COMMIT, made.encode())
    # Forced: edits that would be lost are refused here; what else lies in the way is outside the model, and is saved.
    rewrite = Rewrite(
        seen, batch, _with_edits(seen, progress, tree, batch), before=old.tree, force=True,
        known=in_tree(repository, old.tree),
    )
    lying = [os.fsdecode(path) for path in rewrite.unsaved() if entry_seen(seen, path) is None]
    done = rewrite.run(
        moves=(Move(merging_key(workspace.name), progress.oid, oid),), command=command,
        instead=f"mvcs resolve {quote(os.fsdecode(project_path(workspace)))} --ours",
    )
    if lying and done.saved is not None:
        found.notes.append(f"what lay at {', '.join(sorted(lying))} is in {done.saved.hex()[:12]}")
    return Progress(oid, made, plan), done


def _with_edits(seen: Look, progress: Progress, tree: NewTree, batch: Batch) -> NewTree:
    """Returns a tree with what was edited in the files since the merge wrote them, by the keys inside.

    Raises:
        UnsavedWork: If one key, or a file that has none, was edited and would change.
    """
    repository = seen.workspace.repository
    begun, desk = NewTree(repository, progress.commit.tree, []), Desk(repository, batch)
    planned = {change.path: change.after for change in diff_roots(tree.load, begun.root, tree.root)}
    edits: dict[bytes, Entry | None] = {}
    clashing: dict[str, str | None] = {}
    for change in changes_since(seen, progress, Digest()):
        path, before, mine = change.path, change.before, change.after
        if path not in planned or _alike(mine, planned[path]):
            continue
        edited = DiskContent(os.path.join(os.fsencode(seen.workspace.root), path))
        both = _both(path, before, mine, planned[path], edited, desk, progress.plan)
        if both is None or mine is None or both.conflicts:
            key = None if both is None else both.conflicts[0].key
            clashing[os.fsdecode(path)] = key
            continue
        new, size = desk.put(both.content)
        edits[mine.ingredient.encode() + b"/" + path] = Entry(mine.entry.name, mine.entry.mode, IS_BLOB, new, size)
    if clashing:
        first = min(clashing)
        what = first if clashing[first] is None else f"{first}:{clashing[first]}"  # its other keys stay to be settled
        raise UnsavedWork(paths=tuple(sorted(clashing)), hint=f"mvcs resolve {quote(what)} --edited")
    return edit_unstored(repository, tree, edits)


def _both(
    path: bytes, before: Placed | None, mine: Placed | None, after: Placed | None, edited: Content, desk: Desk,
    plan: Plan,
) -> Merged | None:
    """Returns a file as it was edited and as the merge has it now, keys that both change as conflicts; None without."""
    sides = [placed for placed in (before, mine, after) if placed is not None and placed.entry.kind == IS_BLOB]
    if len(sides) < 3 or len({side.ingredient for side in sides}) > 1:
        return None
    if kind_of(path, sides[0].ingredient)[0] not in KEYED:
        return None
    base, theirs = (desk.read(side.entry.oid) for side in sides[::2])
    try:
        return merge_file(path, sides[0].ingredient, base, edited, theirs, leave, keys=plan.keys)
    except UnreadableContent:
        return None


def _weights_now(
    seen: Look, progress: Progress, found: Reconciled, batch: Batch, *, measured: bool
) -> tuple[Reconciled, tuple[str, ...]] | None:
    """Returns what the merge gives with the recipe as it was edited, and which ingredients follow it.

    Weights that somebody changed meanwhile were trained by them, and stay, unless they are what the merge gives: then
    None. So do metrics.

    Args:
        seen: The files as they are.
        progress: The merge.
        found: What it gives by words alone.
        batch: Takes contents.
        measured: Whether metrics are given with the commit.
    """
    begun = NewTree(seen.workspace.repository, progress.commit.tree, [])
    changes = changes_since(seen, progress, batch)
    outcome = [change for change in changes if _ingredients(change) & set(OUTCOME)]
    kept = {item.path for item in found.conflicts if not is_generated(item.path)} - {change.path for change in outcome}
    edited: dict[bytes, Placed | None] = {path: placed_in(begun, path) for path in kept}
    edited.update({change.path: change.after for change in changes if change not in outcome})
    plan = progress.plan.but(settled=(*progress.plan.settled, *_choices(found, outcome)))
    found = run_again(seen, plan, progress, batch, edited, measured=measured)
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
    progress, done = go_on(seen, progress, progress.plan, tree, found, batch, command)
    return progress, [os.fsdecode(path) for path in done.paths]


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
