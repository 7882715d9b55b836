"""History as a networkx graph whose edges lead from a commit to its parents and are read when asked for.

The only module that imports networkx (an eighth of a second: commands that need no graph do not load it).
Algorithms that follow edges forward (`nx.descendants`, `nx.bfs_edges`) read what they touch. Those that need a
commit's children must run on a `cut`, since nobody knows the children of a commit but those who came from them.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import networkx as nx

from mvcs.dag.walk import by_time, only_in
from mvcs.errors import ObjectMissing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mvcs.dag.history import History
    from mvcs.objects.hashing import Oid


class _Parents(dict[Any, dict[Any, dict[str, Any]]]):
    """Adjacency that reads a commit's parents at the first look."""

    def __init__(self, history: History) -> None:
        super().__init__()
        self._history = history

    def __missing__(self, oid: Oid) -> dict[Any, dict[str, Any]]:
        parents: dict[Any, dict[str, Any]] = {parent: {} for parent in self._history.row(oid)[2]}
        self[oid] = parents
        return parents

    def __len__(self) -> int:
        return sys.maxsize  # networkx stops a search once it has seen as many nodes as there are

    def __contains__(self, oid: object) -> bool:
        if super().__contains__(oid):
            return True
        try:
            self[oid]
        except (ObjectMissing, TypeError, KeyError):
            return False
        return True


class _NoChildren(dict[Any, Any]):
    """Stands where networkx looks for children: an answer would be a guess."""

    def __getitem__(self, oid: Any) -> Any:  # noqa: ANN401 -- networkx's own signature
        raise nx.NetworkXError("children are known in a cut only: use CommitGraph.cut(tips)")  # noqa: EM101

    def __missing__(self, oid: Any) -> Any:  # noqa: ANN401 -- networkx's own signature
        return self[oid]


class CommitGraph(nx.DiGraph):  # type: ignore[misc]
    """A lazy, read-only `networkx.DiGraph` of history; nodes are oids.

    Args:
        history: Where commits are looked up, as long as the graph is used.
    """

    def __init__(self, history: History | None = None) -> None:
        super().__init__()
        if history is not None:
            self._history = history
            parents = _Parents(history)
            self._adj = parents
            self._succ = parents
            self._node = parents
            self._pred = _NoChildren()

    def cut(self, tips: Iterable[Oid], without: Iterable[Oid] = (), limit: int | None = None) -> nx.DiGraph:
        """Returns an ordinary graph of what the tips reach and `without` does not, the newest `limit` commits."""
        graph = nx.DiGraph()
        tips = list(tips)
        hidden = list(without)
        if hidden:
            chosen: Iterable[Oid] = only_in(self._history, tips, hidden)
        else:
            chosen = []
            for oid in by_time(self._history, tips):
                if limit is not None and len(chosen) >= limit:
                    break
                chosen.append(oid)
        graph.add_nodes_from(chosen)
        for oid in list(graph):
            graph.add_edges_from((oid, parent) for parent in self._history.row(oid)[2] if parent in graph)
        return graph


def topological(graph: nx.DiGraph, history: History) -> list[Oid]:
    """Returns the commits of a cut, each before its parents, newest first where there is a choice."""
    order: list[Oid] = list(
        nx.lexicographical_topological_sort(graph, key=lambda oid: (-history.row(oid)[1], oid))
    )
    return order
