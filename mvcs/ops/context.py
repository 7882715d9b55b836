"""What every verb of a workspace begins with: rules, HEAD, a look at the files.

Composes the place with ingredients: this is the first storey that knows both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.diff.trees import diff_roots
from mvcs.ops.resembling import Resembling
from mvcs.ops.trees import changed_tree, edits_of
from mvcs.refs.names import prepared_key
from mvcs.repo.changes import EMPTY, compare, read_unknown
from mvcs.repo.reading import Digest
from mvcs.repo.scan import Seen
from mvcs.repo.workspace import Head, Workspace

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mvcs.diff.trees import FileChange
    from mvcs.errors import CaptureError
    from mvcs.ingredients.patterns import Rules
    from mvcs.objects.commit import Commit
    from mvcs.objects.hashing import Oid
    from mvcs.objects.tree import Entry
    from mvcs.refs.table import Refs
    from mvcs.repo.git import GitTree
    from mvcs.repo.repository import Repository
    from mvcs.repo.scan import MakeRules, Scan
    from mvcs.store.base import Batch


def open_workspace(repository: Repository) -> Workspace:
    """Returns the workspace that the repository was opened from.

    Raises:
        NotARepository: If there is none.
        InvalidConfig: If its mvcs.toml cannot be used.
    """
    return Workspace(repository)


def rules_maker(workspace: Workspace) -> MakeRules:
    """Returns what makes the rules of a workspace from its ignore files."""

    def make(ignores: Iterable[tuple[str, list[str]]], git_ignores: Iterable[tuple[str, list[str]]]) -> Rules:
        from mvcs.ingredients.patterns import Rules, pattern_problem
        from mvcs.repo.project import read_project

        project = read_project(workspace.folder, pattern_problem)
        return Rules(project.patterns, ignores, git_ignores, newest_only=project.newest_only)

    return make


class Look:
    """The files of a workspace beside the commit that they are compared with.

    Attributes:
        workspace: Whose files.
        refs: All refs.
        head: Where the workspace stands.
        commit: HEAD's commit, None before the first.
        tree: HEAD's root tree, EMPTY before the first commit.
        scan: What the walk found.
        read: Path to entry of the files that were read.
        changes: How the files differ from the tree.
        problems: What could not be captured.
        again: Path to oid of files that are what HEAD has, whose bytes were collected and are stored anew.
        prepared: What the next commit takes beside the files, as a commit; None if there is nothing.
        carried: How the generated entries of that differ from HEAD's, as INGREDIENT/.mvcs/NAME.
    """

    def __init__(self, workspace: Workspace, refs: Refs, head: Head) -> None:
        self.workspace = workspace
        self.refs = refs
        self.head = head
        self.commit: Commit | None = None
        self.tree: Oid = EMPTY
        self.scan: Scan
        self.read: dict[bytes, Entry] = {}
        self.changes: list[FileChange] = []
        self.problems: list[CaptureError] = []
        self.again: dict[bytes, Oid] = {}
        self.prepared: Commit | None = None
        self.carried: list[FileChange] = []

    def edits(self) -> dict[bytes, Entry | None]:
        """Returns all that differs from HEAD's tree as changes of it: files, and generated entries."""
        entries = {change.path: None if change.after is None else change.after.entry for change in self.carried}
        return {**edits_of(self.changes), **entries}


def head_of(workspace: Workspace) -> tuple[Refs, Head]:
    """Returns all refs, and where the workspace stands."""
    repository, refs = workspace.repository, workspace.repository.refs()

    def start(git: GitTree, refs: Refs) -> Oid | None:
        from mvcs.ops.follow import start_of

        return start_of(repository, workspace.model, git, refs, refs.get(workspace.head_ref))

    head = workspace.head(refs, start)
    if head.commit is not None and workspace.git is not None and repository.at is None:
        from mvcs.ops.follow import given_anew

        head = given_anew(workspace, refs, head)
    return refs, head


def look(workspace: Workspace, digest: Digest | Batch, *, strict: bool) -> Look:
    """Looks at the files, reading those that may have changed.

    Args:
        workspace: Whose files.
        digest: Gets the bytes that are read: a batch to store them.
        strict: Whether a file that cannot be captured is an error; else it is listed.
    """
    repository = workspace.repository
    refs, head = head_of(workspace)
    seen = Look(workspace, refs, head)
    if head.base is not None:
        seen.commit = repository.commit(head.base)
        seen.tree = seen.commit.tree
    _look_at_prepared(seen)
    seen.scan = workspace.scan(rules_maker(workspace))
    seen.read = read_unknown(
        workspace.root, seen.scan, digest, repository.progress, None if strict else seen.problems,
        None if isinstance(digest, Digest) else Resembling(repository.load_tree, seen.tree),
    )
    seen.changes = compare(seen.scan, seen.read, repository.load_tree, seen.tree)
    if not isinstance(digest, Digest):
        _store_hashed(seen, digest, strict=strict)
    if workspace.project.rules.references or any(change.path.endswith(b"mvcs.toml") for change in seen.changes):
        from mvcs.ops.refer import with_references

        seen.changes = with_references(workspace, seen.tree, seen.changes, digest)
    return seen


def changes_to_commit(seen: Look) -> list[FileChange]:
    """Returns how the files differ from the state that the next commit continues: what is prepared, else HEAD."""
    if seen.prepared is None:
        return seen.changes
    now = changed_tree(seen.workspace.repository, seen.tree, edits_of(seen.changes))
    return diff_roots(now.load, None if seen.prepared.tree == EMPTY else seen.prepared.tree, now.root)


def _look_at_prepared(seen: Look) -> None:
    """Notes what is prepared, if it is for the commit that HEAD is at."""
    repository = seen.workspace.repository
    oid = seen.refs.resolve(prepared_key(seen.workspace.name))
    if oid is None:
        return
    commit = repository.commit(oid)
    if commit.parents == (() if seen.head.base is None else (seen.head.base,)):
        from mvcs.ops.parts import changes_between, is_generated

        before, after = (None if tree == EMPTY else tree for tree in (seen.tree, commit.tree))
        seen.prepared = commit
        seen.carried = [c for c in changes_between(repository.load_tree, before, after) if is_generated(c.path)]


def _store_hashed(seen: Look, batch: Batch, *, strict: bool) -> None:
    """Stores files whose oid is known and whose bytes are nowhere yet.

    An earlier command only hashed them; or HEAD's weights were collected, and the files still have them.
    """
    from mvcs.ops.collected import stored_again

    workspace = seen.workspace
    changed = {change.path: change.after for change in seen.changes}
    hashed = {path for path, after in changed.items() if after is not None and not batch.has(after.entry.oid)}
    if seen.head.base is not None:
        absent = stored_again(workspace.repository, seen.head.base)
        seen.again = {path: oid for path, oid in absent.items() if path not in changed}
    for path in {*hashed, *seen.again} - seen.read.keys():
        folder, _, name = path.rpartition(b"/")
        row = dict(seen.scan.cache.folders[folder].rows())[name]
        seen.scan.unknown[path] = Seen(row.stats, row.ingredient, row)
    if seen.scan.unknown:
        problems = None if strict else seen.problems
        near = Resembling(workspace.repository.load_tree, seen.tree)
        seen.read.update(read_unknown(workspace.root, seen.scan, batch, workspace.repository.progress, problems, near))
        seen.scan.cache.base = None  # what the scan flagged was flagged against the base before the first comparison
        seen.changes = compare(seen.scan, seen.read, workspace.repository.load_tree, seen.tree)
        for change in seen.changes:  # not what HEAD has after all
            seen.again.pop(change.path, None)


def put_back(seen: Look, batch: Batch) -> None:
    """Stores collected weights of HEAD that the files still have, for a command that makes no commit of them."""
    if not seen.again:
        return
    repository = seen.workspace.repository
    batch.settle()
    with repository.store.write() as transaction:
        batch.finish(transaction)
    paths = ", ".join(path.decode("utf-8", "replace") for path in sorted(seen.again))
    repository.progress.warn(f"stored again what gc had collected: {paths}")
