"""The signature of a model's weights: captured with them, shown, diffed and merged by field."""

from __future__ import annotations

import json
import os
import pathlib

import pytest

import mvcs
from tests.cli.harness import fails, listed, make_project, mvcs_run, ok, status, write

FILES = pathlib.Path(__file__).parents[1] / "unit" / "ingredients" / "signatures"
NAMED, NAMELESS, GRAPH = ((FILES / name).read_bytes() for name in ("named-5.pkl", "nameless-5.pkl", "graph.onnx"))
NAMES = ["age", "income", "été"]


def shown(project, key, revision="HEAD"):
    return ok("show", revision, "--json", cwd=project).json[key]


def signature(project, revision="HEAD"):
    return shown(project, "signature", revision)


def declare(project, text):
    toml = (project / "mvcs.toml").read_text().split("\n[signature]")[0]
    write(project, {"mvcs.toml": f"{toml}\n[signature]\n{text}\n"})


@pytest.fixture
def trained(tmp_path):
    """A project whose weights are a scikit-learn model."""
    return make_project(tmp_path / "p", {"train.py": "x\n", "data/a.csv": "a\n1\n", "params.yaml": "lr: 1\n", "model.pkl": NAMED})


def rows(project, *revisions):
    found = ok("diff", *revisions, "--json", cwd=project).json["changes"]
    return {item["key"]: (item["before"], item["after"], item["change"]) for item in found if item["path"] == "weights/.mvcs/signature"}


def test_feature_names_of_scikit_learn_appear_unasked(trained):
    assert signature(trained) == {"features": NAMES}
    assert ok("cat", "HEAD:@weights/.mvcs/signature", cwd=trained).bytes == '{"features":["age","income","été"]}'.encode()
    assert "features age, income, été" in ok("show", cwd=trained).out
    with mvcs.open(trained) as repo:
        assert repo.head.signature == {"features": NAMES}
    assert "weights/.mvcs/signature" in ok("ls", "--generated", "-q", cwd=trained).out
    assert set(listed(trained)) >= {"model.pkl"}
    assert not (trained / "weights").exists()
    assert status(trained)["clean"]


def test_weights_that_say_nothing_have_no_signature_and_no_error(project):
    assert signature(project) == {}
    assert ".mvcs/signature" not in ok("ls", "--generated", "-q", cwd=project).out


def test_it_follows_the_weights(trained):
    write(trained, {"train.py": "other\n"})
    ok("commit", "-m", "carried", cwd=trained)
    assert signature(trained) == {"features": NAMES}
    write(trained, {"model.pkl": NAMELESS, "graph.onnx": GRAPH})
    ok("commit", "-m", "read again", cwd=trained)
    assert signature(trained)["feature_count"] == 3
    assert list(signature(trained)["inputs"]) == ["x"]
    assert "input x: float32[?,3]" in ok("show", cwd=trained).out
    os.unlink(trained / "model.pkl")
    os.unlink(trained / "graph.onnx")
    ok("commit", "-m", "gone", cwd=trained)
    assert signature(trained) == {}
    assert "weights" not in shown(trained, "ingredients")


def test_it_is_diffed_by_field(trained):
    write(trained, {"graph.onnx": GRAPH})
    ok("commit", "-m", "a graph", cwd=trained)
    declare(trained, 'inputs = { x = "float32[?,4]", z = "int8" }')
    ok("commit", "-m", "declared", cwd=trained)
    assert rows(trained, "HEAD~1", "HEAD") == {
        "signature.inputs.x": ("float32[?,3]", "float32[?,4]", "modified"), "signature.inputs.z": (None, "int8", "added"),
    }
    assert "signature.inputs.x: float32[?,3] -> float32[?,4]" in ok("diff", "HEAD~1", "HEAD", cwd=trained).out
    assert {"signature.inputs.x", "signature.outputs.y"} <= set(rows(trained, "HEAD~2"))
    assert rows(trained, "HEAD~2", "HEAD~1")["signature.outputs.count"] == (None, "int64[]", "added")


# Declared


def test_what_is_declared_wins_and_is_taken_as_soon_as_it_is_declared(trained):
    before = {key: shown(trained, key) for key in ("origin", "stale")}
    ok("commit", "-m", "measured", "--metric", "auc=1", cwd=trained)
    declare(trained, 'features = ["b", "a"]\noutputs = { p = "float64[?, 2]" }')
    ok("commit", "-m", "declared", cwd=trained)
    assert signature(trained) == {"features": ["b", "a"], "outputs": {"p": {"dtype": "float64", "shape": [None, 2]}}}
    # The weights are the same: what is known of where they come from and how good they are stays.
    assert shown(trained, "origin") == {**before["origin"], "how": "inherited"}
    assert shown(trained, "stale") == []
    declare(trained, "")
    ok("commit", "-m", "not declared any more", cwd=trained)
    assert signature(trained) == {"features": NAMES}


def test_a_declaration_without_weights_is_kept_until_there_are_some(tmp_path):
    project = make_project(tmp_path / "p", {"train.py": "x\n", "data/a.csv": "a\n"})
    declare(project, 'features = ["a"]')
    ok("commit", "-m", "declared", cwd=project)
    assert "weights" not in shown(project, "ingredients")
    write(project, {"model.pt": b"w"})
    ok("commit", "-m", "trained", cwd=project)
    assert signature(project) == {"features": ["a"]}


@pytest.mark.parametrize(("text", "line", "part"), [
    ('inputs = { x = "float32[" }', 0, "inputs: 'x' is 'float32['"), ("inputs = { x = 1 }", 0, "inputs"), ("inputs = [1]", 0, "inputs is no table"),
    ('outputs = { y = "?" }', 0, "outputs"), ('features = "a"', 0, "features is no list"), ("features = [1]", 0, "features"), ('features = ["a", "a"]', 0, "twice"),
    ('inputs = { "" = "int8" }', 0, "no name"), ("\ninput = {}", 1, "input"), ('feature_count = 3', 0, "feature_count"),
])
def test_a_wrong_declaration_is_told_with_its_line(trained, text, line, part):
    declare(trained, text)
    first = (trained / "mvcs.toml").read_text().split("[signature]")[0].count("\n") + 2
    for verb in (["commit", "-m", "x"], ["status"]):
        error = fails(2, "invalid-config", *verb, cwd=trained)
        assert error["details"]["line"] == first + line
        assert part in error["message"]


def test_files_that_differ_are_told_and_neither_is_believed(trained):
    write(trained, {"other.pkl": NAMED.replace(b"income", b"incame")})
    done = ok("commit", "-m", "two", cwd=trained)
    assert "model.pkl and other.pkl differ in their features" in done.err
    assert signature(trained) == {}


# Merges: a signature belongs to its weights


def test_a_merge_has_the_signature_of_the_weights_that_it_has(trained):
    ok("switch", "-c", "side", cwd=trained)
    write(trained, {"train.py": "side\n", "model.pkl": NAMELESS})
    ok("commit", "-m", "theirs", cwd=trained)
    ok("switch", "main", cwd=trained)
    write(trained, {"README.md": "ours\n"})
    ok("commit", "-m", "ours", cwd=trained)
    ok("merge", "side", cwd=trained)
    assert signature(trained) == {"feature_count": 3}
    assert ok("cat", "HEAD:model.pkl", cwd=trained).bytes == NAMELESS


def test_a_better_told_signature_does_not_stand_against_new_weights(trained):
    ok("switch", "-c", "side", cwd=trained)
    write(trained, {"train.py": "side\n", "model.pkl": NAMELESS})
    ok("commit", "-m", "theirs: trained", cwd=trained)
    ok("switch", "main", cwd=trained)
    declare(trained, 'outputs = { p = "float64[?]" }')
    ok("commit", "-m", "ours: declared", cwd=trained)
    done = ok("merge", "side", cwd=trained)
    assert "not taken" not in done.out + done.err
    assert ok("cat", "HEAD:model.pkl", cwd=trained).bytes == NAMELESS
    assert shown(trained, "stale") == []


def test_a_signature_that_only_theirs_tells_better_is_merged(trained):
    ok("switch", "-c", "side", cwd=trained)
    declare(trained, 'outputs = { p = "float64[?]" }')
    ok("commit", "-m", "theirs: declared", cwd=trained)
    ok("switch", "main", cwd=trained)
    write(trained, {"README.md": "ours\n"})
    ok("commit", "-m", "ours", cwd=trained)
    ok("merge", "side", cwd=trained)
    assert list(signature(trained)["outputs"]) == ["p"]


def both_trained(project, ours, theirs):
    """Both sides have other weights of the same recipe, so that weights are merged."""
    ok("switch", "-c", "side", cwd=project)
    write(project, {"side.pkl": theirs[0]})
    declare(project, theirs[1])
    ok("commit", "-m", "theirs", "--trained", cwd=project)
    ok("switch", "main", cwd=project)
    write(project, {"main.pkl": ours[0]})
    declare(project, ours[1])
    ok("commit", "-m", "ours", "--trained", cwd=project)


def test_signatures_of_merged_weights_merge_by_field(trained):
    declare(trained, 'features = ["a"]\ninputs = { a = "int8" }')
    ok("commit", "-m", "declared", cwd=trained)
    both_trained(trained, (b"one", 'features = ["a"]\ninputs = { a = "int8", ours = "int8[1]" }'), (b"two", 'features = ["a"]\ninputs = { a = "int8", theirs = "int8[2]" }'))
    ok("merge", "side", "--strategy", "mvcs.toml=ours", cwd=trained)
    found = json.loads(ok("cat", "HEAD:@weights/.mvcs/signature", cwd=trained).out)
    assert set(found["inputs"]) == {"a", "ours", "theirs"}
    assert {"main.pkl", "side.pkl"} <= set(listed(trained))


def asked(project):
    """Returns (path, key) to base, ours and theirs of what a merge has left."""
    found = mvcs_run("conflicts", "--json", cwd=project).json["conflicts"]
    return {(item["path"], item["key"]): (item["base"], item["ours"], item["theirs"]) for item in found}


def two_types(project):
    """Both sides have weights of the same recipe, and declare another type of one field."""
    declare(project, 'features = ["a"]\ninputs = { a = "int8", b = "int8" }')
    ok("commit", "-m", "declared", cwd=project)
    both_trained(
        project, (b"one", 'features = ["a"]\ninputs = { a = "int8[1]", b = "int8" }'),
        (b"two", 'features = ["a"]\ninputs = { a = "int8[2]", b = "int8" }'),
    )
    return "mvcs.toml", "signature.inputs.a"


@pytest.mark.parametrize(("words", "type_"), [(["--ours"], "int8[1]"), (["--theirs"], "int8[2]"), (["--base"], "int8"), (["--set", "int8[3]"], "int8[3]")])
def test_a_field_that_both_sides_declare_otherwise_is_asked_once_and_followed(trained, words, type_):
    key = two_types(trained)
    assert mvcs_run("merge", "side", cwd=trained).code == 1
    assert asked(trained) == {key: ("int8", "int8[1]", "int8[2]")}
    ok("resolve", ":".join(key), *words, cwd=trained)
    ok("commit", "-m", "merged", cwd=trained)
    assert f'a = "{type_}"' in ok("cat", "HEAD:mvcs.toml", cwd=trained).out
    assert f"input a: {type_}\n" in ok("show", cwd=trained).out
    assert signature(trained)["features"] == ["a"]
    assert status(trained)["clean"]


def test_a_declaration_that_is_settled_by_hand_is_followed_too(trained):
    two_types(trained)
    mvcs_run("merge", "side", cwd=trained)
    toml = (trained / "mvcs.toml").read_text()
    write(trained, {"mvcs.toml": toml.replace('a = "int8[1]"', 'a = "int8[9]"')})
    ok("commit", "-m", "merged", cwd=trained)
    assert signature(trained)["inputs"]["a"] == {"dtype": "int8", "shape": [9]}


def test_a_strategy_for_mvcs_toml_settles_what_it_declares(trained):
    two_types(trained)
    ok("merge", "side", "-s", "mvcs.toml=theirs", cwd=trained)
    assert "input a: int8[2]\n" in ok("show", cwd=trained).out


def test_what_is_not_declared_any_more_is_what_the_weights_say(trained):
    declare(trained, 'features = ["x"]')
    ok("commit", "-m", "declared", cwd=trained)
    ok("switch", "-c", "side", cwd=trained)
    declare(trained, 'features = ["y"]')
    ok("commit", "-m", "theirs: declared otherwise", cwd=trained)
    ok("switch", "main", cwd=trained)
    declare(trained, "")
    ok("commit", "-m", "ours: read from the weights", cwd=trained)
    assert mvcs_run("merge", "side", cwd=trained).code == 1
    assert [path for path, _ in asked(trained)] == ["mvcs.toml"]
    ok("resolve", "mvcs.toml", "--ours", cwd=trained)
    ok("commit", "-m", "merged", cwd=trained)
    assert signature(trained) == {"features": NAMES}


# What stands beside the weights is merged by itself: a declaration is no training, and no measurement is lost by it

def test_a_declaration_does_not_cost_the_other_sides_metrics(trained):
    write(trained, {"metrics.json": '{"accuracy": 0.9}\n'})
    ok("commit", "-m", "measured", cwd=trained)
    ok("switch", "-c", "side", cwd=trained)
    write(trained, {"metrics.json": '{"accuracy": 0.77}\n'})
    ok("commit", "-m", "theirs: measured anew", "--metric", "f1=0.5", cwd=trained)
    ok("switch", "main", cwd=trained)
    declare(trained, 'outputs = { p = "float64[?]" }')
    ok("commit", "-m", "ours: declared", cwd=trained)
    ok("merge", "side", cwd=trained)
    assert json.loads(ok("cat", "HEAD:metrics.json", cwd=trained).out) == {"accuracy": 0.77}
    assert shown(trained, "metrics")["f1"] == 0.5
    assert shown(trained, "stale") == []
    assert list(signature(trained)["outputs"]) == ["p"]


def test_two_declarations_of_the_same_weights_keep_their_metrics(trained):
    write(trained, {"metrics.json": '{"accuracy": 0.9}\n'})
    ok("commit", "-m", "measured", "--metric", "f1=0.5", cwd=trained)
    origin = shown(trained, "origin")
    ok("switch", "-c", "side", cwd=trained)
    declare(trained, 'inputs = { theirs = "int8" }')
    ok("commit", "-m", "theirs: declared", cwd=trained)
    ok("switch", "main", cwd=trained)
    declare(trained, 'inputs = { ours = "int8" }')
    ok("commit", "-m", "ours: declared", cwd=trained)
    ok("merge", "side", cwd=trained)
    assert set(signature(trained)["inputs"]) == {"ours", "theirs"}
    assert json.loads(ok("cat", "HEAD:metrics.json", cwd=trained).out) == {"accuracy": 0.9}
    assert shown(trained, "metrics")["f1"] == 0.5
    assert shown(trained, "stale") == []
    assert shown(trained, "origin") == origin


def test_a_declaration_outlives_new_weights_of_the_other_side(trained):
    ok("switch", "-c", "side", cwd=trained)
    write(trained, {"train.py": "side\n", "model.pkl": NAMELESS})
    ok("commit", "-m", "theirs: trained", cwd=trained)
    ok("switch", "main", cwd=trained)
    declare(trained, 'outputs = { p = "float64[?]" }')
    ok("commit", "-m", "ours: declared", cwd=trained)
    ok("merge", "side", cwd=trained)
    assert ok("cat", "HEAD:model.pkl", cwd=trained).bytes == NAMELESS
    assert list(signature(trained)["outputs"]) == ["p"]
