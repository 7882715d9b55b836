"""log, show, diff, ls, cat, rev-parse: what a revision is, in full and in JSON."""

from __future__ import annotations

import base64
import json
import os
import subprocess

import pytest

import mvcs
from tests.cli.harness import PROJECT, fails, make_project, mvcs_process, ok, write


@pytest.fixture
def forked(project, monkeypatch):
    """first - second (main), first - side (side), tag v1 on second."""
    monkeypatch.setenv("MVCS_AUTHOR_DATE", "2026-03-02T00:00:00+00:00")
    write(project, {"train.py": "second\n", "data/new.csv": "n\n"})
    ok("commit", "-m", "second\n\nwith a body", cwd=project)
    ok("tag", "v1", "-m", "the best", cwd=project)
    ok("switch", "-c", "side", "HEAD~1", cwd=project)
    monkeypatch.setenv("MVCS_AUTHOR_DATE", "2026-03-03T00:00:00+00:00")
    write(project, {"params.yaml": "lr: 7\n"})
    (project / "README.md").unlink()
    ok("commit", "-m", "side", cwd=project)
    ok("switch", "main", cwd=project)
    return project


def messages(project, *words):
    return [item["message"].split("\n")[0] for item in ok("log", *words, "--json", cwd=project).json["commits"]]


def test_log_keys(forked):
    found = ok("log", "--json", cwd=forked).json
    assert set(found) == {"schema", "commits"}
    newest, oldest = found["commits"]
    assert set(newest) == {"commit", "parents", "message", "author", "time", "model", "names"}
    assert newest["parents"] == [oldest["commit"]]
    assert (newest["message"], newest["author"], newest["time"]) == ("second\n\nwith a body", "Ada <ada@example.org>", "2026-03-02T00:00:00Z")
    assert sorted(newest["names"]) == ["main", "tag: v1"]


@pytest.mark.parametrize(("words", "expected"), [
    ([], ["second", "first"]), (["side"], ["side", "first"]), (["--all"], ["side", "second", "first"]), (["main", "side"], ["side", "second", "first"]),
    (["main..side"], ["side"]), (["side..main"], ["second"]), (["..side"], ["side"]), (["side.."], ["second"]), (["main...side"], ["side", "second"]),
    (["main..main"], []), (["v1"], ["second", "first"]), (["-n", "1"], ["second"]), (["-1"], ["second"]), (["-5"], ["second", "first"]), (["-n", "0"], []),
    (["HEAD~1"], ["first"]), (["HEAD~1..HEAD"], ["second"]), (["main", "main"], ["second", "first"]), (["--all", "-n", "2"], ["side", "second"]),
])
def test_which_commits_log_shows(forked, words, expected):
    assert messages(forked, *words) == expected


def test_log_for_people_and_q(forked):
    lines = ok("log", cwd=forked).out.splitlines()
    assert len(lines) == 2
    assert "second" in lines[0]
    assert "body" not in lines[0]
    assert lines[0].endswith("(main, tag: v1)")
    assert ok("log", "-q", cwd=forked).out.split() == [item["commit"] for item in ok("log", "--json", cwd=forked).json["commits"]]


def test_log_before_the_first_commit(tmp_path):
    project = make_project(tmp_path / "p", commit=False)
    fails(3, "revision-not-found", "log", cwd=project)
    assert ok("log", "--all", "--json", cwd=project).json["commits"] == []


def test_log_graph(forked):
    drawn = ok("log", "--graph", "--all", cwd=forked).out.splitlines()
    assert drawn[0].startswith("* ")
    assert len([line for line in drawn if "*" in line]) == 3
    assert ok("log", "--graph", "--json", cwd=forked).json == ok("log", "--json", cwd=forked).json


def test_log_of_a_thousand_commits_is_in_order_and_ends_early(project):
    with mvcs.open(project) as repo:
        for index in range(60):
            write(project, {"params.yaml": f"lr: {index}\n"})
            repo.commit(f"c{index}")
    assert messages(project, "-n", "3") == ["c59", "c58", "c57"]
    assert len(messages(project)) == 61


def test_show_keys(forked):
    found = ok("show", "v1", "--json", cwd=forked).json
    assert set(found) == {
        "schema", "commit", "model", "tree", "parents", "generation", "author", "time", "committer", "committed", "message", "ingredients", "origin",
        "measured", "metrics", "params", "signature", "stale", "incomplete", "complete", "provenance", "changes", "collected",
    }
    assert found["generation"] == 2
    assert found["ingredients"]["data"] == len(PROJECT["data/train.csv"]) + 2
    assert {(item["path"], item["change"]) for item in found["changes"]} == {("train.py", "modified"), ("data/new.csv", "added")}
    assert ok("show", "-q", cwd=forked).out.strip() == found["commit"]
    people = ok("show", cwd=forked).out
    assert f"commit {found['commit']}" in people
    assert "    with a body" in people


@pytest.mark.parametrize(("words", "expected"), [
    (["main", "side"], {"README.md": "deleted", "params.yaml": "modified", "train.py": "modified", "data/new.csv": "deleted"}),
    (["side", "main"], {"README.md": "added", "params.yaml": "modified", "train.py": "modified", "data/new.csv": "added"}),
    (["main..side"], {"README.md": "deleted", "params.yaml": "modified", "train.py": "modified", "data/new.csv": "deleted"}),
    (["main...side"], {"README.md": "deleted", "params.yaml": "modified"}), (["main", "main"], {}), (["HEAD~1"], {"train.py": "modified", "data/new.csv": "added"}),
    (["v1", "side", "--only", "config,about"], {"README.md": "deleted", "params.yaml": "modified"}), (["main", "side", "--only", "weights"], {}), ([], {}),
])
def test_diff(forked, words, expected):
    found = ok("diff", *words, "--json", cwd=forked).json
    assert {item["path"]: item["change"] for item in found["changes"]} == expected
    for item in found["changes"]:
        assert {"ingredient", "path", "key", "before", "after", "change"} <= set(item)
        assert item["key"] == ("lr" if item["path"] == "params.yaml" else None)
        assert (item["before"] is None) == (item["change"] == "added")
        assert (item["after"] is None) == (item["change"] == "deleted")
    assert ok("diff", *words, "-q", cwd=forked).out.split() == sorted(expected)


def test_diff_against_the_files(forked):
    write(forked, {"train.py": "unsaved\n", "model.pt": "w"})
    assert {item["path"] for item in ok("diff", "--json", cwd=forked).json["changes"]} == {"train.py", "model.pt"}
    assert {item["path"] for item in ok("diff", "side", "--json", cwd=forked).json["changes"]} == {"train.py", "model.pt", "README.md", "params.yaml", "data/new.csv"}
    assert ok("diff", "--stat", cwd=forked).out.split() == ["weights", "1", "code", "1"] or "weights" in ok("diff", "--stat", cwd=forked).out
    # diff stores nothing: the oid of an unsaved file is told, its bytes are not kept
    after = next(item["after"] for item in ok("diff", "--json", cwd=forked).json["changes"] if item["path"] == "train.py")
    fails(3, "revision-not-found", "rev-parse", after, cwd=forked)


def test_ls_gives_what_b3sum_gives(forked):
    entries = ok("ls", "--json", cwd=forked).json["entries"]
    assert [item["path"] for item in entries] == sorted(item["path"] for item in entries)
    for item in entries:
        assert set(item) == {"path", "oid", "size", "ingredient", "kind", "mode"}
        assert item["size"] == os.path.getsize(forked / item["path"])
        found = subprocess.run(["b3sum", "--no-names", forked / item["path"]], capture_output=True, text=True, check=True)
        assert found.stdout.strip() == item["oid"]


@pytest.mark.parametrize(("revision", "paths"), [
    ("HEAD:data", ["data/new.csv", "data/train.csv"]), ("HEAD:data/", ["data/new.csv", "data/train.csv"]), ("HEAD:train.py", ["train.py"]),
    (":data", ["data/new.csv", "data/train.csv"]), ("HEAD:@weights", ["model.pt"]), ("side:@config", ["params.yaml"]), ("HEAD~1:data", ["data/train.csv"]),
    ("v1:@data", ["data/new.csv", "data/train.csv"]),
])
def test_ls_of_a_part(forked, revision, paths):
    assert ok("ls", revision, "-q", cwd=forked).out.split() == paths


@pytest.mark.parametrize(("revision", "paths"), [
    ("HEAD:@weights/model", ["model/a.pt", "model/deep/b.pt"]), ("HEAD:@weights/model/", ["model/a.pt", "model/deep/b.pt"]),
    ("HEAD:@weights/model/deep", ["model/deep/b.pt"]), ("HEAD:@weights/model/a.pt", ["model/a.pt"]), ("HEAD:model", ["model/a.pt", "model/deep/b.pt", "model/run.py"]),
    ("HEAD:@code/model", ["model/run.py"]), ("HEAD:@metrics/.mvcs", ["metrics/.mvcs/values"]), ("HEAD:metrics/.mvcs/values", ["metrics/.mvcs/values"]),
])
def test_ls_of_a_part_of_an_ingredient(project, revision, paths):
    write(project, {"model/a.pt": "a", "model/deep/b.pt": "b", "model/run.py": "c", "models.pt": "d"})
    ok("commit", "-m", "x", "--metric", "auc=1", cwd=project)
    assert ok("ls", revision, "-q", cwd=project).out.split() == paths
    fails(3, "path-not-found", "ls", "HEAD:@data/model", cwd=project)


def test_ls_shows_links_and_modes(project):
    (project / "link.py").symlink_to("train.py")
    os.chmod(project / "train.py", 0o755)
    ok("commit", "-m", "x", cwd=project)
    modes = {item["path"]: item["mode"] for item in ok("ls", "--json", cwd=project).json["entries"]}
    assert (modes["link.py"], modes["train.py"], modes["params.yaml"]) == ("120000", "100755", "100644")
    assert ok("cat", "HEAD:link.py", cwd=project).out == "train.py"


def test_cat_is_byte_for_byte(project):
    content = bytes(range(256)) * 5000
    write(project, {"model.pt": content, "empty.pt": b""})
    ok("commit", "-m", "x", cwd=project)
    assert mvcs_process("cat", "HEAD:model.pt", cwd=project).bytes == content
    assert ok("cat", "HEAD:empty.pt", cwd=project).bytes == b""
    found = ok("cat", "HEAD:model.pt", "--json", cwd=project).json
    assert base64.b64decode(found["base64"]) == content
    assert found["size"] == len(content)


def test_cat_of_a_folder_says_what_to_do(project):
    assert fails(3, "path-not-found", "cat", "HEAD:data", cwd=project)["hint"] == "mvcs ls HEAD:data"
    fails(3, "path-not-found", "cat", "HEAD", cwd=project)


def test_rev_parse(forked):
    head = ok("rev-parse", "HEAD", cwd=forked).out.strip()
    assert len(head) == 64
    assert ok("rev-parse", "HEAD", "--short", cwd=forked).out == head[:12] + "\n"
    assert ok("rev-parse", "HEAD", "side", "v1", cwd=forked).out.split()[::2] == [head, head]
    found = ok("rev-parse", "HEAD", "HEAD:train.py", "HEAD:data", "HEAD^{tree}", "--json", cwd=forked).json["oids"]
    assert [(item["revision"], item["kind"]) for item in found] == [("HEAD", "commit"), ("HEAD:train.py", "blob"), ("HEAD:data", "tree"), ("HEAD^{tree}", "tree")]
    assert found[3]["oid"] == ok("show", "--json", cwd=forked).json["tree"]


def test_json_has_only_json_s_own_numbers(forked):
    """NaN and Infinity would break every other parser."""
    for words in (["log", "--metrics"], ["show"], ["status"], ["du"], ["op"]):
        json.loads(ok(*words, "--json", cwd=forked).out, parse_constant=lambda name: pytest.fail(name))
