"""What a merge lacks to make its model again: what its sides said of the ingredients that it has of them.

Knows: reasons, ingredients. Refuses to know: how a reason is found out (`capture`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.dag.bases import merge_bases
from mvcs.objects.commit import INGREDIENTS
from mvcs.objects.editing import ingredient_trees
from mvcs.ops.merging import MERGE

if TYPE_CHECKING:
    from mvcs.objects.commit import Commit
    from mvcs.objects.hashing import Oid
    from mvcs.ops.merging import Plan
    from mvcs.ops.trees import NewTree
    from mvcs.repo.repository import Repository


def merged_incomplete(
    repository: Repository, plan: Plan, ours: Oid | None, tree: NewTree
) -> tuple[tuple[str, str], ...]:
    """Returns (ingredient, reason) of what is missing to make a merged model again, sorted.

    An ingredient that is a side's has that side's reasons. Of a mixture, reasons are merged as anything is: one that a
    side mended is gone, one that a side alone has come to is there.

    Args:
        repository: Where.
        plan: What is merged.
        ours: The commit that is merged into.
        tree: The result.
    """
    now = tree.ingredients()
    if "weights" not in now:
        return ()
    base = _Side(repository, _base(repository, plan, ours))
    sides = [_Side(repository, ours), _Side(repository, plan.theirs)]
    sides = [side for side in sides if side.speaks]
    found: set[tuple[str, str]] = set()
    for name in INGREDIENTS:
        said = [side.reasons(name) for side in sides]
        alike = [reasons for side, reasons in zip(sides, said, strict=True) if side.trees.get(name) == now.get(name)]
        if alike:
            found |= alike[0]
        elif len(said) == 2:
            both, before = said[0] & said[1], base.reasons(name)
            found |= both | ((said[0] | said[1]) - before)
        else:
            found |= set().union(*said)
    return tuple(sorted(found))


class _Side:
    """A commit, or none; only one with weights says what is missing."""

    def __init__(self, repository: Repository, oid: Oid | None) -> None:
        self._commit: Commit | None = None if oid is None else repository.commit(oid)
        self.trees = {} if self._commit is None else ingredient_trees(repository.load_tree, self._commit.tree)
        self.speaks = "weights" in self.trees

    def reasons(self, ingredient: str) -> set[tuple[str, str]]:
        said = () if self._commit is None else self._commit.incomplete
        return {item for item in said if item[0] == ingredient}


def _base(repository: Repository, plan: Plan, ours: Oid | None) -> Oid | None:
    if plan.kind != MERGE or ours is None or plan.theirs is None:
        return plan.base
    with repository.history() as history:
        bases = merge_bases(history, ours, plan.theirs)
    return bases[0] if len(bases) == 1 else None
