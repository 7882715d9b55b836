"""Where a merge says that weights come from is true, whatever was copied, renamed, taken out, and settled by whichever words.

Training is a function of the recipe here; so weights that are not stale have the bytes that their recipe gives, each file of them.
"""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mvcs
from mvcs.diff.weights import nothing_new
from mvcs.formats.content import Bytes
from mvcs.merge.values import BASE, OURS, THEIRS, Choice
from mvcs.merge.weights import Outcome
from mvcs.objects.commit import Origin
from mvcs.objects.editing import edit_tree, flatten, ingredient_trees
from mvcs.objects.tree import FILE, IS_BLOB, Entry
from mvcs.ops.desk import Desk, State
from mvcs.ops.reconcile import Reconciliation

NAMES = ("a.pt", "b.pt", "c.pt", "d.pt")
ONLY = ((), (), (), ("weights",), ("config",), ("weights", "metrics"), ("data", "config"))


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    repo, _ = mvcs.init(tmp_path_factory.mktemp("origin"), model="m", yes=True)
    yield repo._repository
    repo.close()


class Lab:
    """States in memory, each made from an earlier one as a commit makes it, or from three as a merge does."""

    def __init__(self, repository) -> None:
        self.desk = Desk(repository)
        self.fresh = self.stale = self.merged = 0
        first = {"config/p.yaml": b"lr: 1\nbs: 1\n", "data/x": b"1\0"}
        self.states = [self.commit({**first, **dict.fromkeys(["weights/a.pt", "weights/b.pt"], b"")}, train=True)]

    def files(self, state: State) -> dict[str, bytes]:
        """Content by ingredient and path."""
        return {
            f"{placed.ingredient}/{path.decode()}": self.desk.read(placed.entry.oid).read()
            for path, placed in flatten(self.desk.load, state.tree).items()
        }

    def recipe(self, state_tree) -> bytes:
        return self.desk.new_tree(state_tree, {}).recipe(lambda oid: self.desk.read(oid).read())

    def tree(self, files: dict[str, bytes]):
        edits = {}
        for name, content in files.items():
            oid, size = self.desk.put(Bytes(content))
            edits[name.encode()] = Entry(b"x", FILE, IS_BLOB, oid, size)
        edited = edit_tree(self.desk.load, None, edits)
        self.desk.nodes.update(edited.nodes)
        return edited.oid

    def commit(self, files: dict[str, bytes], parent: State | None = None, *, train: bool = False) -> State:
        """A state as `mvcs commit` makes it: its weights are inherited, or taken for those of its recipe."""
        recipe = self.recipe(self.tree(files))
        if train:
            files = {name: made_by(recipe, name) if name.startswith("weights/") else old for name, old in files.items()}
        tree, origin = self.tree(files), Origin(recipe, "assumed")
        if parent is not None and parent.outcome.origin and nothing_new(self.desk.load, parent.tree, tree):
            origin = Origin(parent.outcome.origin.recipe, "inherited")
        return self.state(tree, origin)

    def state(self, tree, origin) -> State:
        weights = ingredient_trees(self.desk.load, tree).get("weights")
        return State(tree, Outcome(weights, origin if weights else None, None, None))

    def change(self, state: State, kind: str, one: int, two: int) -> State:
        """A state with one thing done to it."""
        files, train = self.files(state), kind == "train"
        weights = sorted(name for name in files if name.startswith("weights/"))
        free = [name for name in NAMES if not {f"weights/{name}", f"data/{name}"} & files.keys()]
        if kind in ("lr", "bs"):
            other = files["config/p.yaml"].splitlines()[kind == "lr"].decode()
            lines = [f"{kind}: {one % 3 + 1}", other]
            files["config/p.yaml"] = "\n".join(lines if kind == "lr" else lines[::-1]).encode() + b"\n"
            train = two % 2 == 0
        elif kind == "data":
            files["data/x"] = b"%d\0" % (one % 3)
        elif weights and kind == "remove":
            del files[weights[one % len(weights)]]
        elif weights and kind == "to data":
            name = weights[one % len(weights)]
            files[name.replace("weights", "data")] = files.pop(name)
        elif weights and free and kind in ("rename", "copy"):
            name = weights[one % len(weights)]
            files[f"weights/{free[two % len(free)]}"] = files[name] if kind == "copy" else files.pop(name)
        elif free and kind == "add":
            files[f"weights/{free[0]}"] = b""
            train = True
        return self.commit(files, state, train=train)

    def merge(self, states: list[State], words: list[str], only: tuple[str, ...]) -> State:
        """Three states as merge, cherry-pick and revert make one of them; each path is settled by a word of its own."""
        def choose(path, conflict):
            return Choice(words[sum(path) % len(words)])

        found = Reconciliation(self.desk, *states, choose, keys={}, only=only).run()
        self.desk.nodes.update(found.tree.nodes)
        made = self.state(found.tree.root, found.origin)
        assert found.stale == self.is_stale(made)
        self.merged += 1
        return made

    def is_stale(self, state: State) -> bool:
        origin = state.outcome.origin
        return origin is not None and origin.recipe != self.recipe(state.tree)

    def check(self, state: State) -> None:
        weights = {name: content for name, content in self.files(state).items() if name.startswith("weights/")}
        if not weights or self.is_stale(state):
            self.stale += bool(weights)
            return
        self.fresh += 1
        recipe = self.recipe(state.tree)
        assert {content.rpartition(b" ")[0] for content in weights.values()} == {b"\0" + recipe}


def made_by(recipe: bytes, name: str) -> bytes:
    """What training gives."""
    return b"\0" + recipe + b" " + name.encode()


SMALL = st.integers(0, 5)
CHANGES = st.lists(
    st.tuples(st.sampled_from(["lr", "bs", "data", "train", "remove", "rename", "copy", "add", "to data"]), SMALL, SMALL),
    max_size=3,
)
ROUND = st.tuples(
    SMALL, CHANGES, CHANGES, st.sampled_from([*permutations(range(3))]),  # a merge, or a pick or revert of what there is
    st.lists(st.sampled_from([OURS, THEIRS, BASE]), min_size=1, max_size=3), st.sampled_from(ONLY),
)


@given(st.lists(ROUND, min_size=1, max_size=3))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_weights_that_are_not_stale_were_made_by_the_recipe(repository, rounds):
    lab = Lab(repository)
    for place, ours, theirs, roles, words, only in rounds:
        three = [lab.states[-1 - place % len(lab.states)]] * 3
        for side, changes in ((1, ours), (2, theirs)):
            for change in changes:
                three[side] = lab.change(three[side], *change)
        made = lab.merge([three[role] for role in roles], words, only)
        lab.states += [*three[1:], made]
        for state in lab.states[-3:]:
            lab.check(state)
