"""Parameters given to a commit: typed, part of the recipe, diffed and merged by name."""

from __future__ import annotations

import datetime
import json

import pytest

import mvcs
from mvcs.formats.values import ABSENT
from tests.cli.harness import fails, mvcs_run, ok, write


def params(project, revision="HEAD"):
    return ok("show", revision, "--json", cwd=project).json["params"]


@pytest.mark.parametrize(("given", "value"), [
    ("lr=1e-4", 1e-4), ("n=3", 3), ("on=true", True), ("name=adam", "adam"), ("depth=null", None), ('s="3"', "3"), ("a=b=c", "b=c"),
    ("layers=[1, 2]", [1, 2]), ("opt={name: adam}", {"name": "adam"}), ("day=2026-03-01", "2026-03-01"), ("x=.nan", "NaN"),
    ("big=123456789012345678901", "123456789012345678901"), ('empty=""', ""), ("no-equals", ...), ("=1", ...), ("b=[1", ...), ("gone=", ...),
])
def test_values_are_typed_as_yaml_has_them(project, given, value):
    done = mvcs_run("commit", "-m", "x", "--param", given, "--json", cwd=project)
    if value is ...:
        assert (done.code, done.error["code"]) == (2, "invalid-argument")
        return
    assert done.code == 0, done
    name = given.split("=")[0]
    assert params(project) == {name: value}
    with mvcs.open(project) as repo:
        assert repo.head.params == {name: value}


def test_it_is_stored_as_canonical_json_and_never_written_out(project):
    ok("commit", "-m", "x", "--param", "b=2", "--param", "a=1", cwd=project)
    assert ok("cat", "HEAD:@config/.mvcs/params", cwd=project).bytes == b'{"a":1,"b":2}'
    assert not (project / "config").exists()


def test_those_not_given_stay_and_an_empty_one_goes(project):
    ok("commit", "-m", "a", "--param", "lr=1", "--param", "seed=2", cwd=project)
    write(project, {"train.py": "other\n", "model.pt": b"new"})
    ok("commit", "-m", "nothing given", cwd=project)
    assert params(project) == {"lr": 1, "seed": 2}
    ok("commit", "-m", "b", "--param", "lr=3", cwd=project)
    assert params(project) == {"lr": 3, "seed": 2}
    ok("commit", "-m", "c", "--param", "seed=", cwd=project)
    assert params(project) == {"lr": 3}
    ok("commit", "-m", "d", "--param", "lr=", cwd=project)
    assert ".mvcs/params" not in ok("ls", "--generated", "-q", cwd=project).out
    assert fails(2, "invalid-argument", "commit", "-m", "e", "--param", "lr=", cwd=project)


def test_they_are_part_of_the_recipe(project):
    before = ok("show", "--json", cwd=project).json
    answer = ok("commit", "--param", "lr=1", "--json", cwd=project).json
    assert answer["message"] == "Change params"
    assert answer["stale"] == ["weights"]
    after = ok("show", "--json", cwd=project).json
    assert after["origin"]["recipe"] == before["origin"]["recipe"]
    fails(1, "nothing-to-commit", "commit", "-m", "again", "--param", "lr=1", cwd=project)


def test_they_are_diffed_by_name(project):
    ok("commit", "-m", "a", "--param", "lr=1", "--param", "seed=2", cwd=project)
    ok("commit", "-m", "b", "--param", "lr=0.5", "--param", "k=v", cwd=project)
    rows = {
        item["key"]: (item["ingredient"], item["path"], item["before"], item["after"], item["change"])
        for item in ok("diff", "HEAD~1", "HEAD", "--json", cwd=project).json["changes"]
    }
    place = ("config", "config/.mvcs/params")
    assert rows == {"lr": (*place, 1, 0.5, "modified"), "k": (*place, None, "v", "added")}
    assert "lr: 1 -> 0.5" in ok("diff", "HEAD~1", "HEAD", cwd=project).out
    assert {item["key"] for item in ok("diff", "HEAD~2", "--json", cwd=project).json["changes"]} == {"lr", "seed", "k"}


def two_sides(project, ours, theirs):
    ok("commit", "-m", "base", "--param", "lr=1", "--param", "seed=2", cwd=project)
    ok("switch", "-c", "side", cwd=project)
    ok("commit", "-m", "theirs", *[word for text in theirs for word in ("--param", text)], cwd=project)
    ok("switch", "main", cwd=project)
    ok("commit", "-m", "ours", *[word for text in ours for word in ("--param", text)], cwd=project)


def test_different_names_merge_and_stay_canonical(project):
    two_sides(project, ["lr=5", "ours=1"], ["seed=7", "p=x"])
    ok("merge", "side", cwd=project)
    assert params(project) == {"lr": 5, "ours": 1, "p": "x", "seed": 7}
    assert ok("cat", "HEAD:@config/.mvcs/params", cwd=project).bytes == b'{"lr":5,"ours":1,"p":"x","seed":7}'


def test_one_name_with_two_values_is_a_conflict_until_it_is_settled(project):
    two_sides(project, ["lr=5"], ["lr=6"])
    assert mvcs_run("merge", "side", cwd=project).code == 1
    (left,) = mvcs_run("conflicts", "--json", cwd=project).json["conflicts"]
    assert (left["path"], left["key"], left["base"], left["ours"], left["theirs"]) == ("config/.mvcs/params", "lr", 1, 5, 6)
    ok("resolve", "config/.mvcs/params:lr", "--set", "5.50e0", cwd=project)
    ok("commit", "-m", "merged", cwd=project)
    assert ok("cat", "HEAD:@config/.mvcs/params", cwd=project).bytes == b'{"lr":5.5,"seed":2}'


SECRET = "AKIA" + "Q3EGRIZ7PLN5KXTM"


def test_a_secret_among_them_is_refused(project):
    error = fails(4, "secret-found", "commit", "-m", "x", "--param", "lr=1", "--param", f"key_id={SECRET}", cwd=project)
    assert (error["details"]["path"], error["details"]["line"]) == ("config/.mvcs/params", 2)
    assert SECRET not in json.dumps(error)
    ok("commit", "-m", "x", "--param", f"key_id={SECRET}", "--allow-secret", cwd=project)
    recorded = ok("show", "--json", cwd=project).json["provenance"]["allowed_secrets"]
    assert [item["path"] for item in recorded] == ["config/.mvcs/params"]


deep: list[object] = []
for _ in range(2000):
    deep = [deep]


@pytest.mark.parametrize("value", [object(), b"bytes", (1,), {1: 2}, {"a": object()}, deep, "\ud800", ["\udcff"], {"\ud800": 1}], ids=lambda value: type(value).__name__)
def test_python_refuses_what_is_no_parameter(project, value):
    with mvcs.open(project) as repo, pytest.raises(mvcs.errors.InvalidArgument):
        repo.commit("x", params={"a": value})


@pytest.mark.parametrize("name", ["", "x" * 1001, "\ud800"])
def test_python_refuses_what_is_no_name(project, name):
    with mvcs.open(project) as repo, pytest.raises(mvcs.errors.InvalidArgument):
        repo.commit("x", params={name: 1})


def test_python_gives_and_takes_out(project):
    with mvcs.open(project) as repo:
        repo.commit("x", params={"lr": 1e-3, "day": datetime.date(2026, 3, 1), "list": [1, {"a": None}]})
        assert repo.head.params == {"lr": 1e-3, "day": "2026-03-01", "list": [1, {"a": None}]}
        repo.commit("y", params={"day": ABSENT})
        assert set(repo.head.params) == {"lr", "list"}
