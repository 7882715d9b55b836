"""What the next commit takes beside the files: generated entries, and where weights and metrics came from.

Files cannot show what `reset --only`, `restore --source` and `apply` bring back of them. So these leave a commit
object that the ref `prepared/WORKSPACE` names, a child of HEAD: the next commit continues it as if it were HEAD. gc
keeps it, undo takes it back, and it holds as long as HEAD is its parent. Implements: spec 14.7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.diff.trees import diff_roots
from mvcs.errors import UnsavedWork
from mvcs.merge.borders import OUTCOME
from mvcs.objects.commit import Commit, Origin
from mvcs.objects.editing import files_below
from mvcs.objects.hashing import BLOB, COMMIT, TREE, Oid
from mvcs.objects.operation import Move
from mvcs.objects.tree import build_tree
from mvcs.ops.parts import is_generated
from mvcs.ops.trees import NewTree, changed_tree, edits_of
from mvcs.refs.names import prepared_key
from mvcs.repo.changes import EMPTY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mvcs.objects.tree import Entry
    from mvcs.ops.context import Look
    from mvcs.store.base import Batch


def state_before(seen: Look) -> Commit | None:
    """Returns the state that the next commit continues: what is prepared, else HEAD; None before the first commit."""
    return seen.prepared or seen.commit


def prepare(
    seen: Look, batch: Batch, edits: Mapping[bytes, Entry | None], *, source: Commit | None = None,
    recipe: Oid | None = None, measured: Oid | None = None, command: str,
) -> list[Move]:
    """Prepares changes for the next commit; returns the moves of refs that do so.

    Only what files cannot show is prepared: ingredients of which an entry changes, weights and metrics. The other
    changes are the files' own, and capture follows them. Weights and metrics that are those of the source, or of the
    state so far, keep what that says of them. Others come from the recipe, and were measured on the weights, that are
    named; where nothing is named it is assumed that these are what the changes give.

    Args:
        seen: The files before the changes.
        batch: Has the contents; takes the state.
        edits: What changes, by its path in the root tree.
        source: Commit that the changed contents are from.
        recipe: What the changed weights came from, where that is known.
        measured: Weights tree that the changed metrics were measured on, where that is known.
        command: The command as typed.
    """
    old = state_before(seen)
    touched = {path.partition(b"/")[0].decode() for path in edits if is_generated(path)}
    touched |= {name for name in OUTCOME if any(path.startswith(name.encode() + b"/") for path in edits)}
    kept = {path: entry for path, entry in edits.items() if path.partition(b"/")[0].decode() in touched}
    before = seen.tree if old is None else old.tree
    tree = changed_tree(seen.workspace.repository, before, kept)
    if source is not None and "weights" in touched:
        tree = changed_tree(seen.workspace.repository, before, _with_whole_weights(tree, source, kept))
    if tree.oid == seen.tree:
        return drop(seen)
    tree.put(batch)
    if tree.oid == EMPTY:
        batch.put_object(TREE, build_tree([])[-1][1])
    whole = changed_tree(seen.workspace.repository, before, dict(edits))
    found = _Outcome(tree, old, seen.prepared, source, edits)
    made_by = recipe or whole.recipe(lambda oid: batch.load(oid, BLOB))
    incomplete = () if old is None else old.incomplete
    if source is not None:
        said = [item for item in source.incomplete if item[0] in touched]
        incomplete = tuple(sorted({*said, *(item for item in incomplete if item[0] not in touched)}))
    return _move(seen, batch, tree.oid, found.origin(made_by), found.measured(measured), incomplete, command)


def _with_whole_weights(
    tree: NewTree, source: Commit, edits: dict[bytes, Entry | None]
) -> dict[bytes, Entry | None]:
    """Returns changes with what was generated for weights that are all the source's; without weights if they are not.

    Args:
        tree: What the changes give.
        source: Where they are from.
        edits: The changes.
    """
    whole = NewTree(tree.repository, source.tree, [])
    if tree.files_of("weights") != whole.files_of("weights"):
        return {path: entry for path, entry in edits.items() if not path.startswith(b"weights/")}
    changes = diff_roots(tree.load, tree.root, whole.root, generated=True)
    return {**edits, **edits_of(change for change in changes if change.ingredient == "weights")}


def prepare_on(seen: Look, batch: Batch, head: Oid, command: str) -> list[Move]:
    """Prepares what is prepared once more, for another commit that HEAD goes to while the files stay."""
    now = seen.prepared
    if now is None:
        return drop(seen)
    return _move(seen, batch, now.tree, now.origin, now.measured, now.incomplete, command, head)


def drop(seen: Look) -> list[Move]:
    """Returns the moves of refs after which nothing is prepared; undo takes them back."""
    key = prepared_key(seen.workspace.name)
    stored = seen.refs.get(key)
    return [] if stored is None else [Move(key, stored, None)]


def leave(seen: Look, moves: tuple[Move, ...], *, force: bool) -> tuple[Move, ...]:
    """Returns moves of refs with those that they make due: what is prepared stays behind when HEAD goes elsewhere.

    Raises:
        UnsavedWork: If entries are prepared, and `force` was not given.
    """
    key, refs = prepared_key(seen.workspace.name), {seen.workspace.head_ref, seen.head.branch}
    if seen.refs.get(key) is None or any(move.ref == key for move in moves):
        return moves
    if not any(move.ref in refs and move.new != seen.head.base for move in moves):
        return moves
    if seen.carried and not force:
        raise refusal(seen)
    return (*moves, *drop(seen))


def refusal(seen: Look) -> UnsavedWork:
    """Returns why a command that begins with a clean workspace does not while entries are prepared."""
    return UnsavedWork(paths=tuple(change.path.decode() for change in seen.carried))


def _move(
    seen: Look, batch: Batch, tree: Oid, origin: Origin | None, measured: Oid | None,
    incomplete: tuple[tuple[str, str], ...], command: str, head: Oid | None = None,
) -> list[Move]:
    repository, workspace = seen.workspace.repository, seen.workspace
    person = repository.person(repository.actor(None, workspace.root))
    parents = tuple(oid for oid in (head or seen.head.base,) if oid is not None)
    made = Commit(
        model=workspace.model, tree=tree, parents=parents,
        generation=1 + max((repository.commit(oid).generation for oid in parents), default=0), author=person,
        committer=person, message=f"Prepared by: mvcs {command}", origin=origin, measured=measured,
        incomplete=incomplete,
    )
    key = prepared_key(workspace.name)
    return [Move(key, seen.refs.get(key), batch.put_object(COMMIT, made.encode()))]


class _Outcome:
    """What is known of the weights and metrics of a tree."""

    def __init__(
        self, tree: NewTree, old: Commit | None, prepared: Commit | None, source: Commit | None,
        edits: Mapping[bytes, Entry | None],
    ) -> None:
        self._tree = tree
        self._old = old
        self._prepared = prepared
        self._source = source
        self._edits = edits

    def origin(self, recipe: Oid) -> Origin | None:
        files = self._tree.files_of("weights")
        if files is None:
            return None
        for state in self._states("weights"):
            if state.origin is not None and self._tree_of(state).files_of("weights") == files:
                how = state.origin.how if state is self._prepared else "inherited"
                return Origin(state.origin.recipe, how, state.origin.start)
        return Origin(recipe, "assumed")

    def measured(self, named: Oid | None) -> Oid | None:
        now = self._tree.ingredients()
        if "metrics" not in now or "weights" not in now:
            return None
        states = self._states("metrics")
        for state in states:
            if self._tree_of(state).ingredients().get("metrics") == now["metrics"]:
                return state.measured
        if named is not None:
            return named
        # Numbers of two states are of these weights if both are.
        said = [] if self._source is None else [self._source.measured]
        said += [self._old.measured] if self._old is not None and self._some_stay(now["metrics"]) else []
        return next((oid for oid in said if oid != now["weights"]), now["weights"])

    def _some_stay(self, metrics: Oid) -> bool:
        """Whether some metrics are none that the changes brought."""
        return any(b"metrics/" + path not in self._edits for path, _ in files_below(self._tree.load, metrics))

    def _states(self, ingredient: str) -> list[Commit]:
        source = self._source if any(path.startswith(ingredient.encode() + b"/") for path in self._edits) else None
        return [state for state in (source, self._old) if state is not None]

    def _tree_of(self, state: Commit) -> NewTree:
        return NewTree(self._tree.repository, state.tree, [])
