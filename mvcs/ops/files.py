"""Brings the files of a workspace from one state to another, losing nothing that no commit has.

Shared by switch, checkout, restore, reset, undo and clone. The way: what would change, what of that is unsaved,
saved commit if forced, journal, files, one transaction with the refs.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from typing import TYPE_CHECKING

from mvcs.diff.trees import FileChange, diff_roots
from mvcs.errors import CannotWriteName, MvcsError, PathInTwoIngredients, UnsavedWork
from mvcs.objects.commit import Commit
from mvcs.objects.editing import Placed, find_file, flatten
from mvcs.objects.hashing import COMMIT, TREE, Oid
from mvcs.objects.operation import Move
from mvcs.objects.record import Record
from mvcs.objects.tree import IS_BLOB, build_tree
from mvcs.ops.collected import refuse_collected
from mvcs.ops.prepared import leave, state_before
from mvcs.ops.recover import roll_back
from mvcs.ops.staying import refuse_without_project
from mvcs.ops.trees import NewTree, changed_tree, edit_unstored, edits_of, placed_in, stands_in_the_way
from mvcs.ports import reached
from mvcs.refs.names import WORKSPACE
from mvcs.repo.changes import EMPTY, MANY
from mvcs.repo.journal import Journal, end_journal, write_journal
from mvcs.repo.reading import Digest, read_file
from mvcs.repo.statcache import NO_STATS, Folder, Row, is_racy
from mvcs.repo.writeout import Writer, case_collisions, ignores_case

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mvcs.objects.tree import Entry
    from mvcs.ops.context import Look
    from mvcs.repo.statcache import Stats
    from mvcs.store.base import Batch
    from mvcs.store.lmdb_store import MetaTransaction


class Rewritten(Record):
    """What was done to the files.

    Args:
        paths: Files written or removed.
        saved: Commit that has the unsaved work that was overwritten, None if there was none.
        operation: The operation that records it.
    """

    __slots__ = ("operation", "paths", "saved")

    def __init__(self, paths: list[bytes], saved: Oid | None, operation: Oid) -> None:
        self.paths = paths
        self.saved = saved
        self.operation = operation


class Rewrite:
    """One rewrite of a workspace's files.

    Args:
        seen: The files as they are; the caller holds the workspace's lock and the repository's shared.
        batch: Takes trees and saved work.
        target: Root tree that the files are to have; EMPTY for none.
        before: Root tree that the target is compared with; HEAD's by default. What differs between the two is
            rewritten, everything else stays as it is.
        force: Whether unsaved work may be overwritten, after it has been saved; None if the verb has no such option.
        only: Paths that may be touched; all if None. Those of them that differ from HEAD get the target's content.
        known: Whether a changed file's content is in some commit, so that nothing of it is unsaved.
    """

    def __init__(
        self, seen: Look, batch: Batch, target: NewTree, *, before: Oid | None = None, force: bool | None = None,
        only: set[bytes] | None = None, known: Callable[[FileChange], bool] | None = None,
    ) -> None:
        self.seen = seen
        self.batch = batch
        self.target = target
        self.before = seen.tree if before is None else before
        self.force = force
        self.known = known or (lambda change: False)
        self.workspace = seen.workspace
        self.repository = seen.workspace.repository
        self.local = {change.path: change for change in seen.changes}
        first = None if self.before == EMPTY else self.before
        plan = {change.path: change for change in diff_roots(target.load, first, target.root)}
        if only is not None:
            plan = {path: change for path, change in plan.items() if path in only}
            for path in only:
                if path not in plan and path in self.local:
                    local = self.local[path]
                    plan[path] = FileChange(path, local.before, local.before)
        self.plan = plan
        self._read: dict[bytes, Stats] = {}
        self._hidden: dict[bytes, Entry | None] = {}
        self.saved: Oid | None = None
        self.saved_tree: NewTree | None = None

    # What would be lost

    def unsaved(self) -> dict[bytes, Entry | None]:
        """Returns the files with content that no commit has and that the rewrite would change."""
        found: dict[bytes, Entry | None] = {}
        for path, change in self.plan.items():
            local, here = self.local.get(path), self._here(path)
            if here is not None:
                known = local is None or self.known(local)
                if not _same(here, change.after) and not (known and self._is_stored(here)):
                    found[path] = here.entry
            else:  # also one that is only hidden: ignored now, or an older checkpoint
                self._in_the_way(path, (change.after, change.before, None if local is None else local.before), found)
        for path, change in self.plan.items():
            if change.after is not None:
                self._around(path, found)
        return found

    def _here(self, path: bytes) -> Placed | None:
        """Returns what the files have at a path, as far as HEAD and the changes tell."""
        local = self.local.get(path)
        if local is not None:
            return local.after
        if self.before == self.seen.tree:
            return self.plan[path].before
        return None if self.seen.tree == EMPTY else find_file(self.repository.load_tree, self.seen.tree, path)

    def _is_stored(self, placed: Placed) -> bool:
        """Whether the bytes are where a commit can have them: those of collected weights may be in the files only."""
        return placed.entry.kind != IS_BLOB or self.batch.has(placed.entry.oid)

    def _in_the_way(
        self, path: bytes, stored: tuple[Placed | None, ...], found: dict[bytes, Entry | None]
    ) -> None:
        """Finds a file that the patterns do not show; it is unsaved unless its content is one of the stored ones."""
        root = os.path.realpath(os.fsencode(self.workspace.root))
        full = os.path.join(root, path)
        if not os.path.lexists(full) or (os.path.isdir(full) and not os.path.islink(full)):
            return
        if os.path.realpath(os.path.dirname(full)) != os.path.dirname(full):
            return  # behind a link: it is not the workspace's, and nothing is written there
        try:
            self._read[path], entry = read_file(self.workspace.root, path, Digest())
        except MvcsError:
            found[path] = None
            return
        alike = next((placed for placed in stored if placed is not None and entry.same_content(placed.entry)), None)
        if alike is None:
            found[path] = entry
        elif self._is_stored(alike):
            self._hidden[alike.ingredient.encode() + b"/" + path] = alike.entry

    def _around(self, path: bytes, found: dict[bytes, Entry | None]) -> None:
        """Finds a folder of other files where a file is to be, and a file where a folder is to be."""
        root = os.fsencode(self.workspace.root)
        full = os.path.join(root, path)
        if os.path.isdir(full) and not os.path.islink(full):
            for folder, _, names in os.walk(full):
                for name in names:
                    below = os.path.relpath(os.path.join(folder, name), root)
                    change = self.plan.get(below)
                    if change is None or change.after is not None:
                        found[below] = None
        parent = path.rpartition(b"/")[0]
        while parent:
            full = os.path.join(root, parent)
            if os.path.lexists(full) and (os.path.islink(full) or not os.path.isdir(full)):
                change = self.plan.get(parent)
                if change is None or change.after is not None:
                    found[parent] = None
            parent = parent.rpartition(b"/")[0]

    # Doing it

    def run(
        self, *, moves: tuple[Move, ...], command: str, reason: str = "", evidence: tuple[Oid, ...] = (),
        new_head_tree: Oid | None = None, instead: str | None = None,
    ) -> Rewritten:
        """Rewrites the files and moves the refs.

        Args:
            moves: Refs to move together with the files.
            command: The command as typed.
            reason: Why.
            evidence: Oids to keep with the operation.
            new_head_tree: HEAD's root tree afterwards, if it is the target.
            instead: What to type instead where mvcs.toml would be gone.

        Raises:
            UnsavedWork: If work would be lost and `force` was not given; nothing is changed then.
            CannotWriteName: If a name cannot be written here; nothing is changed then.
            WeightsCollected: If gc has collected what is to be written; nothing is changed then.
            WorkspaceWouldGo: If mvcs.toml would be gone; nothing is changed then.
        """
        moves = leave(self.seen, moves, force=bool(self.force))
        self._refuse_collected()
        unsaved = self.unsaved()
        if unsaved and not self.force:
            hint = "move them away, or mvcs commit those of the model" if self.force is None else None
            raise UnsavedWork(paths=tuple(os.fsdecode(path) for path in sorted(unsaved)), hint=hint)
        blocked = sorted(path for path, entry in unsaved.items() if entry is None)
        if blocked:
            raise UnsavedWork(
                paths=tuple(os.fsdecode(path) for path in blocked),
                hint="move them away: they stand where the commit has a file or a folder",
            )
        self._check_union()
        self._check_names()
        refuse_without_project(self.workspace, self.plan.values(), instead)
        before = self._save(unsaved, command) if unsaved else self._tree_here()
        after = self._tree_after(before)
        wanted, expected = self._wanted()
        if not wanted:
            operation = self._publish(moves, command, reason, evidence, before, after, {}, new_head_tree)
            return Rewritten([], self.saved, operation)
        journal = Journal(os.urandom(8).hex(), before.root, after.root)
        self._begin(journal)
        try:
            writer = Writer(self.workspace.root, self.repository.store, journal.token, self.repository.progress)
            stats = writer.apply(wanted, expected)
            reached("files written")
            operation = self._publish(moves, command, reason, evidence, before, after, stats, new_head_tree)
        except Exception:
            roll_back(self.workspace, journal)
            with self.repository.store.write() as transaction:
                end_journal(transaction, self.workspace.name)
            raise
        return Rewritten(sorted(wanted), self.saved, operation)

    def _check_union(self) -> None:
        """Checks that no path to be written belongs to two ingredients, or is a folder of another one."""
        changed = {path: change.after for path, change in self.plan.items() if change.after is not None}
        if len(changed) > MANY:
            flatten(self.target.load, self.target.root)
            return
        trees = self.target.ingredients()
        for path, after in changed.items():
            for ingredient, tree in trees.items():
                if ingredient != after.ingredient and stands_in_the_way(self.target.load, tree, path):
                    raise PathInTwoIngredients(path=os.fsdecode(path), first=after.ingredient, second=ingredient)

    def _check_names(self) -> None:
        added = {path for path, change in self.plan.items() if change.after is not None}
        if not added or not ignores_case(self.workspace.root):
            return
        every = set(flatten(self.target.load, self.target.root))
        pairs = [pair for pair in case_collisions(every) if added & set(pair)]
        if pairs:
            raise CannotWriteName(
                paths=tuple(os.fsdecode(path) for pair in pairs for path in pair),
                reason="the names differ only in case, and this file system does not tell them apart",
            )

    def _refuse_collected(self) -> None:
        wanted = {
            path: change.after.entry for path, change in self.plan.items()
            if change.after is not None and change.after.ingredient == "weights"
            and not ((here := self._here(path)) is not None and here.entry.same_content(change.after.entry))
        }
        refuse_collected(self.repository, self.target.oid, wanted)

    def _tree_here(self) -> NewTree:
        """Returns the tree of the files as they are, as far as they are in the plan: all of it is in commits."""
        edits = edits_of(change for path, change in self.local.items() if path in self.plan)
        return self._keep(changed_tree(self.repository, self.seen.tree, {**edits, **self._hidden}))

    def _save(self, unsaved: Mapping[bytes, Entry | None], command: str) -> NewTree:
        """Saves the workspace as a commit that the operation names."""
        edits = {**self.seen.edits(), **self._hidden}
        # Whoever looked may have kept no bytes; the commit has those of every file, not only of those that are written.
        only_here = {path for path, change in self.local.items() if change.after and not self._is_stored(change.after)}
        for path in {**unsaved, **dict.fromkeys(only_here)}:
            self._read[path], entry = read_file(self.workspace.root, path, self.batch)
            local = self.local.get(path)
            ingredient = local.ingredient if local is not None else "about"
            edits[ingredient.encode() + b"/" + path] = entry
        tree = self._keep(changed_tree(self.repository, self.seen.tree, edits))
        old = state_before(self.seen)
        person = self.repository.person(self.repository.actor(None, self.workspace.root))
        base = self.seen.head.base
        saved = Commit(
            model=self.workspace.model, tree=tree.oid, parents=() if base is None else (base,),
            generation=1 if self.seen.commit is None else self.seen.commit.generation + 1, author=person,
            committer=person, message=f"Saved before: mvcs {command}",
            origin=None if old is None else old.origin, measured=None if old is None else old.measured,
        )
        self.saved = self.batch.put_object(COMMIT, saved.encode())
        return tree

    def _tree_after(self, before: NewTree) -> NewTree:
        """Returns the tree that the files will have where they were looked at."""
        edits = edits_of(
            FileChange(path, placed_in(before, path), change.after) for path, change in self.plan.items()
        )
        return self._keep(edit_unstored(self.repository, before, edits))

    def _keep(self, tree: NewTree) -> NewTree:
        tree.put(self.batch)
        if tree.oid == EMPTY:
            self.batch.put_object(TREE, build_tree([])[-1][1])
        return tree

    def _wanted(self) -> tuple[dict[bytes, Entry | None], dict[bytes, Stats | None]]:
        wanted: dict[bytes, Entry | None] = {}
        expected: dict[bytes, Stats | None] = {}
        for path, change in self.plan.items():
            here, after = self._here(path), change.after
            if after is None and here is not None and here.entry.kind != IS_BLOB:
                continue  # no file of ours is there
            if after is not None and after.entry.kind != IS_BLOB:
                self.repository.progress.warn(f"{os.fsdecode(path)} is kept elsewhere and was not fetched")
                continue
            if here is not None and after is not None and here.entry.same_content(after.entry):
                continue
            wanted[path] = None if after is None else after.entry
            expected[path] = self._stats(path)
        return wanted, expected

    def _stats(self, path: bytes) -> Stats | None:
        """Returns a file's stat when its content was last read: what it says now may be of newer content."""
        if path in self._read:
            return self._read[path]
        parent, _, name = path.rpartition(b"/")
        folder = self.seen.scan.cache.folders.get(parent)
        if folder is None or not _lists(folder, name):
            return None
        index = bisect_left(folder.names, name)
        stats = folder.row(index).stats
        return None if stats == NO_STATS else stats

    def _begin(self, journal: Journal) -> None:
        self.batch.settle()
        with self.repository.store.write() as transaction:
            self.batch.finish(transaction)
            write_journal(transaction, self.workspace.name, journal)
        reached("journal written")

    def _publish(
        self, moves: tuple[Move, ...], command: str, reason: str, evidence: tuple[Oid, ...], before: NewTree,
        after: NewTree, stats: Mapping[bytes, Stats], new_head_tree: Oid | None,
    ) -> Oid:
        self._update_cache(stats, new_head_tree)
        if before.oid != after.oid:
            moves = (*moves, Move(WORKSPACE + self.workspace.name, before.oid, after.oid))
        if self.saved is not None:
            evidence = (*evidence, self.saved)

        def also(transaction: MetaTransaction) -> None:
            end_journal(transaction, self.workspace.name)
            self.seen.scan.cache.save(transaction)

        return self.repository.publish(
            actor=self.repository.actor(None, self.workspace.root), command=command, moves=moves, reason=reason,
            evidence=evidence, batch=self.batch, also=also,
        )

    def _update_cache(self, stats: Mapping[bytes, Stats], new_head_tree: Oid | None) -> None:
        cache = self.seen.scan.cache
        now = self.workspace.clock()
        touched: dict[bytes, dict[bytes, Row | None]] = {}
        for path, change in self.plan.items():
            folder, _, name = path.rpartition(b"/")
            here = cache.folders.get(folder)
            # A new file that is in no commit may be one that the patterns hide by now: the next look places it.
            placed = new_head_tree is not None or (here is not None and _lists(here, name))
            if change.after is None or not placed:
                touched.setdefault(folder, {})[name] = None
            elif path in stats:
                entry = change.after.entry
                touched.setdefault(folder, {})[name] = Row(
                    stats[path], entry.mode, change.after.ingredient, entry.oid, differs=False
                )
        for folder_path, rows in touched.items():
            folder_record = cache.folders.setdefault(folder_path, Folder())
            merged: dict[bytes, Row] = dict(folder_record.rows())
            for row in merged.values():
                if is_racy(row.stats[0], folder_record.looked):
                    row.doubt()
            for name, new in rows.items():
                if new is None:
                    merged.pop(name, None)
                else:
                    merged[name] = new
            folder_record.set_rows(merged)
            folder_record.mtime, folder_record.looked = 0, now
        carried = any(path not in self.plan for path in self.local)
        if new_head_tree is not None and cache.base == self.before and not carried:
            cache.base = new_head_tree
        else:
            cache.base = None


def _lists(folder: Folder, name: bytes) -> bool:
    index = bisect_left(folder.names, name)
    return index < len(folder.names) and folder.names[index] == name


def _same(here: Placed, after: Placed | None) -> bool:
    return after is not None and here.entry.same_content(after.entry)
