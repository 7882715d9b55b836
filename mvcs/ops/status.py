"""status: how the files differ from HEAD, what is stale, what is untracked. Changes nothing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mvcs.diff.weights import nothing_new, same_weights
from mvcs.objects.editing import ingredient_trees
from mvcs.objects.hashing import BLOB, Oid
from mvcs.objects.record import Record
from mvcs.ops.completeness import Completeness, completeness
from mvcs.ops.context import Look, changes_to_commit, look, open_workspace
from mvcs.ops.recover import recover
from mvcs.ops.trees import NewTree, changed_tree, staleness
from mvcs.refs.names import merging_key
from mvcs.repo.changes import EMPTY
from mvcs.repo.journal import read_journal
from mvcs.repo.reading import Digest, read_content

if TYPE_CHECKING:
    from mvcs.diff.trees import FileChange
    from mvcs.errors import MvcsError
    from mvcs.repo.repository import Repository
    from mvcs.repo.workspace import Head, Workspace


class Status(Record):
    """The state of a workspace.

    Args:
        head: Where it stands.
        model: Name of the model.
        changes: Changed files.
        stale: What of the files as they are is stale: weights, metrics.
        others: Files that no pattern matches.
        left_out: Older checkpoints that are not taken.
        problems: What could not be looked at.
        follows_git: Whether Git decides about the branch.
        merging: The merge in progress: kind, name, number of conflicts that are left; None if there is none.
        due: Branches that Git has merged and mvcs has not.
        unmerged: Paths that a merge of Git's own has left in conflict; looked for where files have changed.
        left_over: The branch that Git was on before, and the files that are still its.
        complete: What HEAD's commit has to make its model again; None without weights, and where files have changed.
    """

    __slots__ = (
        "changes", "complete", "due", "follows_git", "head", "left_out", "left_over", "merging", "model", "others",
        "problems",
        "stale", "unmerged",
    )

    def __init__(
        self, head: Head, model: str, changes: list[FileChange], stale: list[str], others: list[str],
        left_out: list[str], problems: list[MvcsError], *, follows_git: bool,
        merging: tuple[str, str, int] | None = None, due: list[str] | None = None, unmerged: list[str] | None = None,
        left_over: tuple[str, list[bytes]] | None = None, complete: Completeness | None = None,
    ) -> None:
        self.head = head
        self.model = model
        self.changes = changes
        self.stale = stale
        self.others = others
        self.left_out = left_out
        self.problems = problems
        self.follows_git = follows_git
        self.merging = merging
        self.due = list(due or ())
        self.unmerged = list(unmerged or ())
        self.left_over = left_over
        self.complete = complete

    @property
    def clean(self) -> bool:
        """Whether the files are what HEAD has."""
        return not self.changes

    def to_dict(self) -> dict[str, object]:
        """Returns the status as JSON carries it."""
        return {
            "clean": self.clean, "stale": "weights" in self.stale, "stale_metrics": "metrics" in self.stale,
            "model": self.model, "branch": None if self.head.branch is None else self.head.shown,
            "commit": None if self.head.commit is None else self.head.commit.hex(),
            "start": None if self.head.start is None else self.head.start.hex(),
            "changes": [
                {"path": os.fsdecode(c.path), "ingredient": c.ingredient, "change": c.change} for c in self.changes
            ],
            "untracked": self.others, "left_out": self.left_out,
            "problems": [problem.to_dict() for problem in self.problems], "follows_git": self.follows_git,
            "merging": None if self.merging is None else dict(
                zip(("kind", "name", "conflicts"), self.merging, strict=True)
            ),
            "merges_due": self.due, "unmerged_in_git": self.unmerged,
            "left_over": None if self.left_over is None else {
                "branch": self.left_over[0], "paths": [os.fsdecode(path) for path in self.left_over[1]],
            },
            "other": None if self.head.other is None else self.head.other.hex(),
            "complete": None if self.complete is None else self.complete.to_dict(),
        }


def status(repository: Repository) -> Status:
    """Looks at the workspace.

    Raises:
        InvalidConfig: If mvcs.toml cannot be used.
    """
    workspace = open_workspace(repository)
    _finish_killed(workspace)
    seen = look(workspace, Digest(), strict=False)
    stale, git = _stale(seen), workspace.git
    _save(seen)
    return Status(
        seen.head, workspace.model, [*seen.changes, *seen.carried], stale,
        sorted(os.fsdecode(path) for path in seen.scan.others),
        sorted(os.fsdecode(path) for path in seen.scan.left_out), list(seen.problems),
        follows_git=git is not None, merging=_merging(seen), due=_due(seen),
        unmerged=git.unmerged() if git is not None and seen.changes else [], left_over=_left_over(seen),
        complete=_complete(seen, stale),
    )


def _complete(seen: Look, stale: list[str]) -> Completeness | None:
    if seen.commit is None or seen.changes:
        return None  # the next commit will say
    return completeness(seen.commit, ingredient_trees(seen.workspace.repository.load_tree, seen.commit.tree), stale)


def _merging(seen: Look) -> tuple[str, str, int] | None:
    if seen.refs.get(merging_key(seen.workspace.name)) is None:
        return None
    from mvcs.ops.merging import require_in_progress
    from mvcs.ops.settling import left_of, run_again

    progress = require_in_progress(seen.workspace, seen.refs)
    left = left_of(seen, progress, run_again(seen, progress.plan, progress, None))
    return progress.plan.kind, progress.plan.name, len(left)


def _due(seen: Look) -> list[str]:
    if seen.workspace.git is None or seen.refs.get(merging_key(seen.workspace.name)) is not None:
        return []
    from mvcs.ops.follow import merges_due

    return merges_due(seen.workspace, seen.refs, seen.head)


def _left_over(seen: Look) -> tuple[str, list[bytes]] | None:
    if seen.workspace.git is None or not seen.changes or seen.refs.get(merging_key(seen.workspace.name)) is not None:
        return None
    from mvcs.ops.left_over import left_over

    return left_over(seen)


def _finish_killed(workspace: Workspace) -> None:
    with workspace.repository.store.read() as transaction:
        journal = read_journal(transaction, workspace.name)
    if journal is not None and not workspace.is_busy():
        with workspace.locked():
            recover(workspace)


def _save(seen: Look) -> None:
    from mvcs.errors import MvcsError

    try:
        seen.workspace.save_cache(seen.scan)
    except MvcsError:
        return  # read-only repository, full disk: the cache is a convenience


def _stale(seen: Look) -> list[str]:
    repository, commit = seen.workspace.repository, seen.prepared or seen.commit
    if commit is None:
        return []
    tree = changed_tree(repository, seen.tree, seen.edits())
    now = tree.ingredients()
    old = NewTree(repository, commit.tree, [])
    before = old.ingredients()
    if "weights" not in now:
        return []
    recipe_changed = seen.prepared is not None or any(
        now.get(name) != before.get(name) for name in ("code", "data", "config", "environment")
    )
    paths = {entry.oid: path for path, entry in seen.read.items()}

    def read_blob(oid: Oid) -> bytes:
        path = paths.get(oid)
        if path is None or repository.store.kind(oid) == BLOB:
            return repository.store.read_blob(oid)
        return read_content(os.path.join(os.fsencode(seen.workspace.root), path))

    cache = seen.scan.cache
    if not recipe_changed and cache.base == seen.tree and cache.recipe:
        recipe = Oid(cache.recipe)
    else:
        recipe = tree.recipe(read_blob)
        if not recipe_changed and seen.tree != EMPTY:
            cache.recipe = recipe
    changes = changes_to_commit(seen)
    weights = before.get("weights") if same_weights(changes) else now["weights"]
    found = staleness(commit, recipe, weights, has_metrics="metrics" in now)
    if not nothing_new(tree.load, old.root, tree.root):  # the next commit will say where they come from
        found = [item for item in found if item != "weights"]
        metrics_changed = now.get("metrics") != before.get("metrics")
        found = [item for item in found if item != "metrics" or not metrics_changed]
    return found
