"""merge: another branch's changes since the common ancestor come into this one; what both changed is a conflict.

The way: look, the three states, reconcile, files and ref in one rewrite. With conflicts the branch stays where it is
and the merge is in progress until a commit ends it.
"""

from __future__ import annotations

import os
from shlex import quote
from typing import TYPE_CHECKING

from mvcs.dag.bases import is_ancestor, merge_bases
from mvcs.errors import InvalidArgument, RevisionNotFound, UnrelatedHistories, UnsavedWork
from mvcs.formats.strategies import SPELLINGS, STRATEGIES, tensor_strategy, weight_rules
from mvcs.objects.commit import Commit
from mvcs.objects.editing import find_file, flatten
from mvcs.objects.hashing import COMMIT, TREE, Oid
from mvcs.objects.operation import Move
from mvcs.objects.record import Record
from mvcs.objects.tree import build_tree
from mvcs.objects.values import canonical_json
from mvcs.ops.collected import WeightsCollected
from mvcs.ops.context import Look, look, open_workspace
from mvcs.ops.files import Rewrite
from mvcs.ops.follow import refuse_unmerged, to_commit
from mvcs.ops.git_places import git_has, tell
from mvcs.ops.hiding import is_pattern_file, told_by_patterns
from mvcs.ops.lacking import merged_incomplete
from mvcs.ops.left_over import left_over
from mvcs.ops.merging import MERGE, UNDO, Plan, refuse_in_progress, require_in_progress
from mvcs.ops.moves import head_moves, refuse_other, refuse_shared
from mvcs.ops.recover import recover
from mvcs.ops.revisions import resolve_commit
from mvcs.ops.satisfying import check_environment
from mvcs.ops.settling import changed_paths, decisions_of, merged_by_git
from mvcs.ops.trees import NewTree
from mvcs.ops.undo import in_tree
from mvcs.refs.names import merging_key
from mvcs.repo.changes import EMPTY
from mvcs.repo.reading import Digest

if TYPE_CHECKING:
    from mvcs.merge.paths import PathConflict
    from mvcs.objects.editing import Placed
    from mvcs.objects.values import Json
    from mvcs.ops.reconcile import Reconciled
    from mvcs.repo.repository import Repository
    from mvcs.store.base import Batch


class MergeResult(Record):
    """What a merge gave.

    Args:
        commit: The new commit, or the one that HEAD is at; None with conflicts.
        how: up-to-date, fast-forward, merged, conflicts, or would-merge (--dry-run).
        conflicts: What is left to settle.
        changes: Paths that the files changed on.
        stale: Whether the weights belong to neither the merged recipe nor a strategy.
        notes: What the user should know.
        decided: Conflicts that strategies settled.
        chosen: Package to the version that a resolver chose.
    """

    __slots__ = ("changes", "chosen", "commit", "conflicts", "decided", "how", "notes", "stale")

    def __init__(
        self, commit: Oid | None, how: str, conflicts: list[PathConflict], changes: list[str], *, stale: bool,
        notes: list[str], decided: int = 0,
    ) -> None:
        self.commit = commit
        self.how = how
        self.conflicts = conflicts
        self.changes = changes
        self.stale = stale
        self.notes = notes
        self.decided = decided
        self.chosen: dict[str, str] = {}

    def to_dict(self) -> dict[str, object]:
        """Returns the result as JSON carries it."""
        return {
            "commit": None if self.commit is None else self.commit.hex(), "conflicts": len(self.conflicts),
            "how": self.how, "changes": self.changes, "stale": self.stale, "notes": self.notes,
            "decided": self.decided, **({"chosen": self.chosen} if self.chosen else {}),
        }


class MergeRequest(Record):
    """What a merge is asked for.

    Args:
        revision: What to merge.
        dry_run: Only say what it would give.
        strategies: (pattern, strategy) for conflicts, first match wins.
        weights: Whose weights to take, or how tensors that both changed are merged.
        message: Of the merge commit.
        fast_forward: Whether a branch that is only behind just moves.
        allow_unrelated: Whether histories without a common ancestor may be merged.
        resolve: "pip" or "uv", to ask whether the packages can be installed together: at once, or where conflicts are
            left at the commit that ends the merge.
        command: The command as typed.
    """

    __slots__ = (
        "allow_unrelated", "command", "dry_run", "fast_forward", "message", "resolve", "revision", "strategies",
        "weights",
    )

    def __init__(
        self, revision: str, *, dry_run: bool = False, strategies: tuple[tuple[str, str], ...] = (),
        weights: str | None = None, message: str | None = None, fast_forward: bool = True,
        allow_unrelated: bool = False, resolve: str | None = None, command: str = "merge",
    ) -> None:
        self.revision = revision
        self.dry_run = dry_run
        self.strategies = strategies
        self.weights = weights
        self.message = message
        self.fast_forward = fast_forward
        self.allow_unrelated = allow_unrelated
        self.resolve = resolve
        self.command = command


def merge(repository: Repository, request: MergeRequest) -> MergeResult:
    """Merges a revision into the branch of the workspace.

    Raises:
        UnsavedWork: If the workspace has changes that no commit has; nothing is changed then.
        MergeInProgress: If an earlier merge is not ended.
        BranchInUse: If another workspace stands on the branch.
        UnrelatedHistories: If there is no common ancestor.
        WeightsCollected: If gc has collected the weights that it would take; nothing is changed then.
        UnsatisfiableEnvironment: If `resolve` found that the packages cannot be installed together.
    """
    if not request.dry_run:
        repository.writable()
    check_strategies(request.strategies, request.weights)
    check_text("--message", request.message)
    check_text("revision", request.revision)
    workspace = open_workspace(repository)
    with workspace.locked():
        recover(workspace)
        with repository.lock.shared(), repository.store.batch() as batch:
            seen = look(workspace, Digest() if request.dry_run else batch, strict=False)
            refuse_in_progress(workspace, seen.refs)
            if not request.dry_run:
                refuse_shared(seen)
            refuse_unmerged(workspace)
            theirs, commit = resolve_commit(repository, request.revision)
            refuse_other(seen, theirs)
            try:
                return _Merge(repository, seen, batch, request, theirs, commit).run()
            except WeightsCollected as error:
                if request.weights is not None or seen.head.base is None:
                    raise
                hint = f"mvcs merge {quote(request.revision)} --weights ours"
                raise WeightsCollected(**error.fields, hint=hint) from error


def check_text(name: str, text: str | None) -> None:
    """Checks that a text can be stored.

    Raises:
        InvalidArgument: If it is not UTF-8.
    """
    try:
        (text or "").encode()
    except UnicodeEncodeError:
        raise InvalidArgument(argument=name, value=str(text), reason="it is not UTF-8") from None


def check_strategies(strategies: tuple[tuple[str, str], ...], weights: str | None) -> None:
    """Checks what the user named.

    Raises:
        InvalidArgument: If a strategy does not exist, or a pattern is not UTF-8.
    """
    for pattern, strategy in strategies:
        check_text("--strategy", pattern)
        check_strategy("--strategy", strategy, f"{pattern}={strategy}")
    check_text("--weights", weights)
    weight_rules(weights)


def check_strategy(argument: str, strategy: str, shown: str | None = None) -> None:
    """Checks that a strategy exists.

    Raises:
        InvalidArgument: If it does not.
    """
    if strategy not in STRATEGIES and tensor_strategy(strategy) is None:
        known = f"one of {', '.join((*STRATEGIES, *SPELLINGS))}"
        raise InvalidArgument(argument=argument, value=shown or strategy, reason=known)


def refuse_unsaved(seen: Look, target: NewTree) -> None:
    """Checks that every file is what HEAD has, or already what a merge gives: a merge is of commits.

    Raises:
        UnsavedWork: If not, or if entries are prepared for the next commit.
        PathInTwoIngredients: If both sides have a path in different ingredients, one of them weights or metrics.
    """
    flatten(target.load, target.root)  # one path in two ingredients is told as that
    merged = merged_by_git(seen)
    unsaved = []
    for change in seen.changes:
        there = None if target.root is None else find_file(target.load, target.root, change.path)
        same = there is None if change.after is None else change.after.same(there)
        if change.path not in merged and not same:
            unsaved.append(change.path)
    unsaved += [change.path for change in seen.carried]
    if unsaved:
        hint = to_commit(seen.workspace, seen.refs, seen.head) if left_over(seen) is None else "mvcs checkout"
        raise UnsavedWork(paths=tuple(os.fsdecode(path) for path in unsaved), hint=hint)


class _Merge:
    def __init__(
        self, repository: Repository, seen: Look, batch: Batch, request: MergeRequest, theirs: Oid, commit: Commit
    ) -> None:
        self.repository = repository
        self.seen = seen
        self.batch = batch
        self.request = request
        self.theirs = theirs
        self.commit = commit

    def run(self) -> MergeResult:
        seen, request, ours = self.seen, self.request, self.seen.head.base
        with self.repository.history() as history:
            if ours is not None and is_ancestor(history, self.theirs, ours):
                notes = [] if request.resolve is None else ["--resolve asked nobody: there is nothing to merge"]
                return MergeResult(ours, "up-to-date", [], [], stale=False, notes=notes)
            forward = ours is None or is_ancestor(history, ours, self.theirs)
            bases = [] if ours is None else merge_bases(history, ours, self.theirs)
            related = forward or bool(bases)
        if not related and not request.allow_unrelated:
            raise UnrelatedHistories(first=seen.head.shown, second=request.revision)
        if seen.workspace.git is not None and ours is not None:
            from mvcs.ops.git_first import refuse_before_git

            refuse_before_git(seen, request.revision, self.theirs, bases, request.strategies)
        merged = merged_by_git(seen)
        free = seen.head.other is None and request.fast_forward and request.weights is None
        free = free and git_has(seen.workspace.git, self.repository, self.theirs)
        if forward and (free or ours is None) and self._as_theirs(merged):  # nothing to be merged with before the first
            return self._forward()
        rules = seen.workspace.project.rules
        plan = Plan(
            MERGE, name=request.revision, message=request.message or self._message(), theirs=self.theirs,
            weights=request.weights, strategies=(*request.strategies, *rules.strategies), keys=rules.keys,
            resolve=request.resolve,
        )
        batch = None if request.dry_run else self.batch
        undo = "" if request.dry_run else UNDO
        sides = plan.sides(seen.head.shown, ours, undo=undo, declared=rules.strategies)
        merging = plan.reconciliation(self.repository, seen.commit, ours, batch, merged, sides)
        found = merging.run(request.weights)
        if request.resolve is not None and found.conflicts:
            found.notes.append(f"--resolve {request.resolve} is asked at the commit that ends the merge")
        elif request.resolve is not None:
            found.notes += check_environment(
                seen, found.tree, lambda oid: merging.desk.read(oid).read(), request.resolve
            )
        if request.dry_run:
            return MergeResult(
                None, "conflicts" if found.conflicts else "would-merge", found.conflicts, changed_paths(seen, found),
                stale=found.stale, notes=found.notes, decided=len(found.decisions),
            )
        refuse_unsaved(seen, found.tree)
        parents = (self.theirs,) if ours is None else (ours, self.theirs)
        return finish(seen, self.batch, plan, found, parents, request.command)

    def _as_theirs(self, merged: dict[bytes, Placed | None]) -> bool:
        """Whether what Git has merged is what their commit has, so that the branch may just move."""
        if not merged:
            return True
        stored = flatten(self.repository.load_tree, self.commit.tree)
        return all(
            placed.same(stored.get(path)) if placed is not None else path not in stored
            for path, placed in merged.items()
        )

    def _message(self) -> str:
        into = self.seen.head.shown
        return f"Merge {self.request.revision} into {into}"

    def _forward(self) -> MergeResult:
        seen, tree = self.seen, self.commit.tree
        target = NewTree(self.repository, tree, [])
        resolver = self.request.resolve
        notes = []
        if resolver is not None:
            notes = check_environment(seen, target, self.repository.store.read_blob, resolver)
        if not self.request.dry_run:
            refuse_unsaved(seen, target)
        changes = Rewrite(seen, self.batch, target)
        paths = sorted(os.fsdecode(path) for path in changes.plan)
        if not self.request.dry_run:
            changes.run(
                moves=tuple(head_moves(seen, self.theirs)), command=self.request.command, new_head_tree=tree,
                instead=_singly(self.request.revision),
            )
        return MergeResult(
            None if self.request.dry_run else self.theirs, "fast-forward", [], paths, stale=False, notes=notes
        )


def finish(
    seen: Look, batch: Batch, plan: Plan, found: Reconciled, parents: tuple[Oid, ...], command: str, *,
    author: Commit | None = None,
) -> MergeResult:
    """Writes the files and commits, or leaves the merge in progress when conflicts are left.

    Args:
        seen: The files as they are.
        batch: Takes the new objects.
        plan: What was merged.
        found: What it gave.
        parents: Of the commit that ends it; of one in progress both sides.
        command: The command as typed.
        author: Commit whose author is kept.
    """
    workspace, repository = seen.workspace, seen.workspace.repository
    paths = changed_paths(seen, found)
    found.tree.put(batch)
    if found.tree.oid == EMPTY:
        batch.put_object(TREE, build_tree([])[-1][1])
    person = repository.person(repository.actor(None, workspace.root))
    chosen = parents
    if found.conflicts:  # gc keeps all three states while it is in progress
        chosen = tuple(dict.fromkeys(oid for oid in (*parents, plan.theirs, plan.base) if oid is not None))
    highest = max((repository.commit(parent).generation for parent in chosen), default=0)
    described: dict[str, Json] = {"merge": plan.to_json(decisions_of(found))}
    if workspace.git is not None:
        before = None if seen.tree == EMPTY else seen.tree  # what Git merges next is counted from here
        described["git"] = tell(workspace.git, workspace.root, found.tree, before)
    made = Commit(
        model=workspace.model, tree=found.tree.oid, parents=chosen, generation=highest + 1,
        author=person if author is None else author.author, committer=person, message=plan.message,
        origin=found.origin, measured=found.measured, provenance=batch.put_bytes(canonical_json(described)),
        incomplete=merged_incomplete(repository, plan, seen.head.base, found.tree),
    )
    oid = batch.put_object(COMMIT, made.encode())
    key = merging_key(workspace.name)
    moves = [Move(key, None, oid)] if found.conflicts else head_moves(seen, oid)
    Rewrite(seen, batch, found.tree).run(
        moves=tuple(moves), command=command, new_head_tree=None if found.conflicts else found.tree.oid,
        instead=_singly(plan.name) if plan.kind == MERGE else f"mvcs {plan.kind} {quote(plan.name)} --only code",
    )
    notes = [*found.notes, *_notes_of_patterns(repository, found, paths)]
    return MergeResult(
        None if found.conflicts else oid, "conflicts" if found.conflicts else "merged", found.conflicts, paths,
        stale=found.stale, notes=notes, decided=len(found.decisions),
    )


def _singly(revision: str) -> str:
    return f"mvcs restore --source {quote(revision)} PATH brings single files of it, then mvcs commit"


def _notes_of_patterns(repository: Repository, found: Reconciled, paths: list[str]) -> list[str]:
    """Returns what to tell of files of the result that its own patterns leave out or put elsewhere."""
    changed = {os.fsencode(path) for path in paths}
    files = flatten(found.tree.load, found.tree.root)
    if not any(map(is_pattern_file, changed)):
        files = {path: placed for path, placed in files.items() if path in changed}
    return told_by_patterns(open_workspace(repository), files, {item.path for item in found.conflicts})


def abort(repository: Repository, *, command: str = "merge --abort") -> MergeResult:
    """Gives up the merge in progress: the files are what HEAD has; what was edited since is saved in a commit.

    Raises:
        NoMergeInProgress: If there is none.
    """
    repository.writable()
    workspace = open_workspace(repository)
    with workspace.locked():
        recover(workspace)
        with repository.lock.shared(), repository.store.batch() as batch:
            seen = look(workspace, batch, strict=False)
            progress = require_in_progress(workspace, seen.refs)
            if seen.head.base is None:
                raise RevisionNotFound(revision="HEAD", reason="there is no commit yet")
            only = {change.path for change in seen.changes}
            target = NewTree(repository, seen.tree, [])
            done = Rewrite(
                seen, batch, target, force=True, only=only, known=in_tree(repository, progress.commit.tree)
            ).run(moves=(Move(merging_key(workspace.name), progress.oid, None),), command=command,
                  new_head_tree=seen.tree)
            notes = [] if done.saved is None else [f"edited files are in {done.saved.hex()[:12]}"]
            return MergeResult(
                seen.head.base, "aborted", [], [os.fsdecode(path) for path in done.paths], stale=False, notes=notes
            )
