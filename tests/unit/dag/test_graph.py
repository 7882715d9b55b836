"""History as a lazy networkx graph: it reads what it touches, and refuses what it cannot know."""

from __future__ import annotations

import networkx as nx
import pytest

from mvcs.dag.bases import is_ancestor, merge_bases
from mvcs.dag.graph import CommitGraph
from mvcs.dag.history import StoredHistory
from mvcs.dag.walk import by_time, only_in
from mvcs.errors import ObjectMissing
from mvcs.objects.commit import Commit, Person
from mvcs.objects.hashing import COMMIT, Oid, object_oid
from mvcs.store.base import GRAPH
from mvcs.store.lmdb_store import LmdbStore


class Memory:
    """A line of commits in memory, which notes what was looked at."""

    def __init__(self, length: int) -> None:
        self.length = length
        self.seen: set[int] = set()

    def row(self, oid: Oid):
        number = int.from_bytes(oid, "big")
        if not 0 < number <= self.length:
            raise ObjectMissing(oid=oid.hex(), kind="commit")
        self.seen.add(number)
        return number, number * 10**9, (oid_of(number - 1),) if number > 1 else ()


def oid_of(number: int) -> Oid:
    return Oid(number.to_bytes(32, "big"))


def test_descendants_in_the_graph_are_the_ancestors():
    history = Memory(50)
    graph = CommitGraph(history)
    assert nx.descendants(graph, oid_of(10)) == {oid_of(number) for number in range(1, 10)}
    assert max(history.seen) == 10
    assert nx.has_path(nx.DiGraph(nx.bfs_edges(graph, oid_of(10))), oid_of(10), oid_of(1))
    assert list(graph.successors(oid_of(3))) == [oid_of(2)]
    assert oid_of(3) in graph
    assert oid_of(99) not in graph
    assert "text" not in graph


def test_only_what_is_touched_is_read():
    history = Memory(100_000)
    graph = CommitGraph(history)
    for count, _ in enumerate(nx.bfs_edges(graph, oid_of(100_000))):
        if count == 10:
            break
    assert len(history.seen) < 20
    history.seen.clear()
    assert not is_ancestor(history, oid_of(99_998), oid_of(99_990))
    assert is_ancestor(history, oid_of(99_990), oid_of(99_998))
    assert merge_bases(history, oid_of(99_999), oid_of(99_995)) == [oid_of(99_995)]
    assert only_in(history, [oid_of(100_000)], [oid_of(99_997)]) == {oid_of(number) for number in (99_998, 99_999, 100_000)}
    assert min(history.seen) > 99_900


@pytest.mark.parametrize("algorithm", [
    lambda graph, node: nx.ancestors(graph, node), lambda graph, node: list(graph.predecessors(node)), lambda graph, node: graph.in_degree(node),
    lambda graph, node: list(graph.in_edges(node)), lambda graph, node: graph.pred[node],
])
def test_algorithms_that_need_children_refuse_instead_of_guessing(algorithm):
    with pytest.raises(nx.NetworkXError, match="cut"):
        algorithm(CommitGraph(Memory(5)), oid_of(3))


def test_networkx_s_own_common_ancestor_is_refused_too():
    with pytest.raises(nx.NetworkXException):
        nx.lowest_common_ancestor(CommitGraph(Memory(5)), oid_of(3), oid_of(2))


def test_a_cut_is_an_ordinary_graph():
    graph = CommitGraph(Memory(20)).cut([oid_of(20)], limit=5)
    assert set(graph) == {oid_of(number) for number in range(16, 21)}
    assert nx.ancestors(graph, oid_of(16)) == {oid_of(number) for number in range(17, 21)}
    assert nx.is_directed_acyclic_graph(graph)
    without = CommitGraph(Memory(20)).cut([oid_of(20)], [oid_of(17)])
    assert set(without) == {oid_of(18), oid_of(19), oid_of(20)}
    assert list(nx.topological_sort(without)) == [oid_of(20), oid_of(19), oid_of(18)]


def test_unrelated_histories_have_no_base():
    class Two(Memory):
        def row(self, oid):
            return 1, 0, ()

    assert merge_bases(Two(9), oid_of(1), oid_of(2)) == []
    assert not is_ancestor(Two(9), oid_of(1), oid_of(2))
    assert list(by_time(Two(9), [oid_of(1), oid_of(2), oid_of(1)])) == [oid_of(1), oid_of(2)]


def test_rows_come_from_the_store_and_from_the_commit_when_they_are_lost(tmp_path):
    store = LmdbStore.create(str(tmp_path))
    ada = Person("Ada", "", 5, 0)
    parents: tuple[Oid, ...] = ()
    oids = []
    for generation in (1, 2, 3):
        payload = Commit(model="m", tree=Oid(bytes(32)), parents=parents, generation=generation, author=ada, committer=Person("Ada", "", generation, 0), message="").encode()
        with store.write() as transaction:
            oids.append(transaction.put_object(COMMIT, payload))
        assert oids[-1] == object_oid(COMMIT, payload)
        parents = (oids[-1],)
    for lost in (False, True):
        if lost:
            with store.write() as transaction:
                for key, _ in list(transaction.items(GRAPH)):
                    transaction.delete(GRAPH, key)
        with store.read() as transaction:
            history = StoredHistory(transaction)
            assert history.row(oids[2]) == (3, 3, (oids[1],))
            assert list(by_time(history, [oids[2]])) == oids[::-1]
            with pytest.raises(ObjectMissing):
                history.row(Oid(bytes(32)))
    store.close()
