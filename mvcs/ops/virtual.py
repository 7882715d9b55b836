"""The base of a criss-cross merge: all best common ancestors folded into one state whose conflicts equal nothing.

Knows: recursion over bases. Refuses to know: workspaces. Sources: Git's recursive strategy; a text keeps its markers
as there, everything else gets a value that neither side can have, so that the outer merge asks again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.dag.bases import is_ancestor, merge_bases
from mvcs.formats.content import Bytes
from mvcs.formats.names import kind_of
from mvcs.merge.paths import NewFile
from mvcs.merge.values import SET, Choice
from mvcs.merge.weights import Outcome
from mvcs.objects.hashing import Oid, blob_oid
from mvcs.objects.tree import FILE
from mvcs.ops.desk import DISAGREE, Desk, State, state_of
from mvcs.ops.recipes import RecipeMerge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mvcs.merge.values import Conflict

MARKED = ("text", "notebook")


def fold_bases(
    desk: Desk, bases: list[Oid], keys: Mapping[str, tuple[str, ...]], depth: int = 1
) -> State:
    """Returns the base of a merge: that of one ancestor, an empty one of none, a virtual one of several.

    Args:
        desk: Keeps the virtual states.
        bases: All best common ancestors.
        keys: Path pattern to the columns that identify a row of a table.
        depth: How deep the folding is.
    """
    repository = desk.repository
    if not bases:
        return state_of(repository, None)
    state, folded = state_of(repository, repository.commit(bases[0])), [bases[0]]
    for other in bases[1:]:
        below = fold_bases(desk, _common(desk, folded, other), keys, depth + 1)
        state = _merge(desk, below, state, state_of(repository, repository.commit(other)), keys, depth)
        folded.append(other)
    return state


def _common(desk: Desk, folded: list[Oid], other: Oid) -> list[Oid]:
    with desk.repository.history() as history:
        found = {base for commit in folded for base in merge_bases(history, commit, other)}
        return sorted(
            base for base in found if not any(base != more and is_ancestor(history, base, more) for more in found)
        )


def _merge(
    desk: Desk, base: State, ours: State, theirs: State, keys: Mapping[str, tuple[str, ...]], depth: int
) -> State:
    merging = RecipeMerge(desk, base, ours, theirs, _mark, keys=keys, depth=depth)
    merged = merging.run()
    renamed = {path for names in merged.apart.values() for path in names}
    unsettled = [  # a file with two names has neither in the base: whoever has one of them has changed it
        (path, item.conflict) for item in merged.conflicts for path in merged.apart.get(item.path, (item.path,))
    ]
    for path, conflict in unsettled:
        ingredient = path.split(b"/", 1)[0].decode() if b"/.mvcs/" in path else "code"
        file = merged.files.get(path)
        if file is not None and path not in renamed and kind_of(path, file.ingredient)[0] in MARKED:
            continue
        merged.edits.pop(path, None)
        desk.invented.add(blob_oid(_nobody(path, conflict)).hex())
        merged.files[path] = NewFile(
            file.ingredient if file is not None else ingredient, FILE, Bytes(_nobody(path, conflict))
        )
    for path in [path for path in merged.files if merging.mine.below(path)]:
        del merged.files[path]
        merged.edits.update(dict.fromkeys(merging.mine.below(path)))
    edits = merging.edits_of(merged)
    desk.invented.update(
        entry.oid.hex() for path, entry in edits.items()
        if entry is not None and any(path.endswith(b"/" + item.path) for item in merged.conflicts)
    )
    outcome = ours.outcome
    if ours.outcome.weights != theirs.outcome.weights:
        edits[b"weights"] = edits[b"metrics"] = None
        outcome = Outcome(Oid(blob_oid(b"weights of several ancestors")), None, None, None)
    tree = desk.new_tree(ours.tree, edits)
    desk.nodes.update(tree.nodes)
    return State(tree.root, outcome)


def _mark(path: bytes, conflict: Conflict) -> Choice | None:
    if conflict.key is None or kind_of(path, "config")[0] not in {"config", "table"}:
        return None
    return Choice(SET, _nobody(path, conflict).decode("utf-8", "replace").strip("\0"))


def _nobody(path: bytes, conflict: Conflict) -> bytes:
    """Returns bytes that no side of a merge has: binary, so that no driver goes inside."""
    name = blob_oid(repr((path, conflict.key, conflict.ours, conflict.theirs)).encode()).hex()
    return b"\0" + DISAGREE.encode() + name.encode()
