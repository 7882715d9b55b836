"""Whatever two sides did to a path and whoever's weights a merge has: the path is there once, as it was merged."""

from __future__ import annotations

import itertools

import pytest

import mvcs
from mvcs.formats.content import Bytes
from mvcs.merge.values import Choice
from mvcs.merge.weights import Outcome
from mvcs.objects.commit import Origin
from mvcs.objects.editing import edit_tree, flatten, ingredient_trees
from mvcs.objects.tree import FILE, IS_BLOB, Entry
from mvcs.ops.desk import Desk, State
from mvcs.ops.reconcile import Reconciliation

INGREDIENTS = ("data", "weights", "metrics")
STATES = [None, *itertools.product(INGREDIENTS, (b"1\0", b"2\0"))]


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    repo, _ = mvcs.init(tmp_path_factory.mktemp("borders"), model="m", yes=True)
    yield repo._repository
    repo.close()


class Sides:
    """Three states in memory, merged."""

    def __init__(self, repository) -> None:
        self.desk = Desk(repository)

    def state(self, files: dict[str, bytes]) -> State:
        """A state of files, each named by ingredient and path, with an origin of its own recipe."""
        edits = {}
        for name, content in files.items():
            oid, size = self.desk.put(Bytes(content))
            edits[name.encode()] = Entry(b"x", FILE, IS_BLOB, oid, size)
        edited = edit_tree(self.desk.load, None, edits)
        self.desk.nodes.update(edited.nodes)
        tree = self.desk.new_tree(edited.oid, {})
        trees = ingredient_trees(tree.load, tree.root)
        recipe = tree.recipe(lambda oid: self.desk.read(oid).read())
        origin = Origin(recipe, "run") if "weights" in trees else None
        return State(edited.oid, Outcome(trees.get("weights"), origin, trees.get("metrics"), trees.get("weights")))

    def merge(self, base, ours, theirs, *, word=None, weights=None, only=(), trained=True):
        """Returns the files of the result as (ingredient, content) by path, and what the merge gave."""
        states = [self.state(files) for files in (base, ours, theirs)]
        if not trained:  # ours did not touch its weights
            states[1].outcome.origin = states[0].outcome.origin
        found = Reconciliation(
            self.desk, *states, lambda path, conflict: word and Choice(word), keys={}, only=only
        ).run(weights)
        files = {  # flatten refuses a path that is there twice
            path.decode(): (placed.ingredient, self.desk.read(placed.entry.oid).read())
            for path, placed in flatten(found.tree.load, found.tree.root).items()
        }
        return files, found


@pytest.fixture
def sides(repository):
    return Sides(repository)


def files(state, weights: bytes, **more: bytes) -> dict[str, bytes]:
    """A project with weights and metrics of its own, and the path in one of its states."""
    made = {"code/train.py": b"x\n", "weights/model.pt": weights, "metrics/m.json": b'{"of": %d}' % weights[0], **more}
    return {**made, f"{state[0]}/p": state[1]} if state is not None else made


def expected(base, ours, theirs):
    """The rule of three for a path that stands in different ingredients; "conflict" where it gives nothing."""
    if theirs == base:
        return ours
    if ours == base:
        return theirs
    if None not in (base, ours, theirs) and ours[1] == theirs[1] and base[0] in (ours[0], theirs[0]):
        return theirs if ours[0] == base[0] else ours
    return "conflict"


@pytest.mark.parametrize("weights", [None, "ours", "theirs"])
@pytest.mark.parametrize("trained", ["nobody", "ours", "theirs", "both"])
def test_every_combination_of_states_ingredients_and_weights(sides, trained, weights):
    crossed = conflicts = 0
    ours_weights = b"A\0" if trained in ("ours", "both") else b"0\0"
    theirs_weights = b"B\0" if trained in ("theirs", "both") else b"0\0"
    for base, ours, theirs in itertools.product(STATES, repeat=3):
        places = {side[0] for side in (base, ours, theirs) if side is not None}
        if ours is not None and theirs is not None and ours[0] == theirs[0]:
            continue
        if len(places) < 2 or not places & {"weights", "metrics"}:
            continue
        crossed += 1
        three = files(base, b"0\0"), files(ours, ours_weights), files(theirs, theirs_weights)
        result, found = sides.merge(*three, weights=weights)
        about = [item for item in found.conflicts if item.path == b"p"]
        wanted = expected(base, ours, theirs)
        if wanted != "conflict":
            assert about == [], (base, ours, theirs)
            assert result.get("p") == wanted, (base, ours, theirs)
            continue
        conflicts += 1
        assert len(about) == 1, (base, ours, theirs)
        assert result.get("p") == ours, (base, ours, theirs)
        for word, settled in (("theirs", theirs), ("base", base)):
            result, found = sides.merge(*three, word=word, weights=weights)
            assert result.get("p") == settled, (base, ours, theirs, word)
            assert not [item for item in found.conflicts if item.path == b"p"]
    assert crossed > conflicts > 50  # most of them


def test_a_move_is_no_training(sides):
    """Theirs trained, ours moved a file out of the weights: theirs' weights, without that file."""
    base = files(("weights", b"1\0"), b"0\0")
    result, found = sides.merge(base, files(("config", b"1\0"), b"0\0"), files(("weights", b"1\0"), b"B\0"), trained=False)
    assert found.conflicts == []
    assert result["p"] == ("config", b"1\0")
    assert result["model.pt"] == ("weights", b"B\0")
    assert result["m.json"] == ("metrics", b'{"of": 66}')
    assert found.stale  # the recipe has a file that they were not trained with


@pytest.mark.parametrize("only,kept", [(("weights",), ("weights", b"1\0")), (("data",), ("data", b"1\0"))])
def test_a_move_that_is_not_wanted_leaves_the_path_where_it_is(sides, only, kept):
    base = files(("weights", b"1\0"), b"0\0")
    result, found = sides.merge(base, base, files(("data", b"1\0"), b"B\0"), only=only, weights="theirs")
    assert found.conflicts == []
    assert result["p"] == kept
    assert result["model.pt"][1] == (b"B\0" if only == ("weights",) else b"0\0")


CLASHES = [
    ({"data/p": b"file\0"}, {"weights/p/x": b"inside\0"}), ({"data/p/x": b"inside\0"}, {"weights/p": b"file\0"}),
    ({"weights/p": b"file\0"}, {"data/p/x": b"inside\0"}), ({"weights/p/x": b"inside\0"}, {"data/p": b"file\0"}),
    ({"metrics/p": b"file\0"}, {"weights/p/x": b"inside\0"}), ({"data/p": b"file\0"}, {"metrics/p/x": b"inside\0"}),
]


@pytest.mark.parametrize("weights", [None, "ours", "theirs"])
@pytest.mark.parametrize("ours,theirs", CLASHES, ids=lambda side: next(iter(side)))
def test_a_file_against_a_folder_in_another_ingredient(sides, ours, theirs, weights):
    three = files(None, b"0\0"), files(None, b"0\0", **ours), files(None, b"B\0", **theirs)
    result, found = sides.merge(*three, weights=weights)
    assert len({item.path for item in found.conflicts}) <= 1
    (mine,), (yours,) = ([(name.split("/", 1)[1], (name.split("/")[0], content)) for name, content in side.items()]
                         for side in (ours, theirs))
    if found.conflicts:
        assert found.conflicts[0].path == b"p"
        follows = mine[1][0] in ("weights", "metrics")  # and goes where theirs' weights are taken
        assert result.get(mine[0]) == mine[1] or (follows and result["model.pt"][1] == b"B\0")
        assert yours[0] not in result
        settled, found = sides.merge(*three, weights=weights, word="theirs")
        assert (settled.get(yours[0]), mine[0] in settled) == (yours[1], False)
        assert found.conflicts == []
    else:  # nobody's path went but with the weights that were not taken
        assert {mine[0], yours[0]} & set(result)
        assert all(side[0] in result or side[1][0] in ("weights", "metrics") for side in (mine, yours))
