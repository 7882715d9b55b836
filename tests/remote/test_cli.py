"""remote, push and fetch as people type them; two machines and one place between them."""

from __future__ import annotations

import json

import pytest
from servers.programs import rclone

from mvcs.remote.s3_client import S3Settings, connect
from tests.cli.harness import PROJECT, fails, make_project, mvcs_run, ok, snapshot, write


@pytest.fixture
def place(tmp_path):
    (tmp_path / "shared").mkdir()
    return f"file://{tmp_path}/shared"


@pytest.fixture
def ada(tmp_path, place):
    folder = make_project(tmp_path / "ada")
    ok("remote", "add", "origin", place, cwd=folder)
    return folder


@pytest.fixture
def bob(tmp_path, place):
    folder = make_project(tmp_path / "bob", {"train.py": PROJECT["train.py"]}, commit=False)
    ok("remote", "add", "origin", place, cwd=folder)
    return folder


def test_the_first_adds_a_new_one_and_the_second_finds_it(tmp_path, place):
    folders = [make_project(tmp_path / name) for name in ("one", "two")]
    first, second = (ok("remote", "add", "origin", place, "--json", cwd=folder).json for folder in folders)
    assert (first["new"], second["new"]) == (True, False)
    assert all(check["holds"] for check in first["checks"])
    assert "Next: mvcs fetch again" in mvcs_run("remote", "add", "again", place, cwd=folders[0]).out
    assert [item["name"] for item in ok("remote", "--json", cwd=folders[0]).json["remotes"]] == ["again", "origin"]
    ok("remote", "rm", "again", cwd=folders[0])
    assert [item["name"] for item in ok("remote", "list", "--json", cwd=folders[0]).json["remotes"]] == ["origin"]
    assert ok("remote", "check", cwd=folders[0]).code == 0


def test_what_one_pushes_the_other_has(ada, bob):
    write(ada, {"weights/big.safetensors": b"w" * 700_000, "run.sh": "#!/bin/sh\n"})
    (ada / "run.sh").chmod(0o755)
    ok("commit", "-m", "more", "--tag", "v1", cwd=ada)
    sent = ok("push", "--json", cwd=ada).json
    assert [item["ref"] for item in sent["refs"]] == ["heads/m/main", "tags/m/v1"]
    assert ok("push", cwd=ada).out == "origin has it all.\n"
    ok("fetch", cwd=bob)
    assert ok("rev-parse", "origin/main", cwd=bob).out == ok("rev-parse", "HEAD", cwd=ada).out
    ok("merge", "origin/main", cwd=bob)
    assert snapshot(bob) == snapshot(ada)
    assert ok("fsck", "--json", cwd=bob).json["problems"] == []
    assert ok("fetch", cwd=bob).out == "Nothing new at origin.\n"


def test_the_slower_one_is_told_what_to_do(ada, bob):
    ok("push", cwd=ada)
    ok("fetch", cwd=bob)
    ok("merge", "origin/main", cwd=bob)
    write(ada, {"params.yaml": "lr: 5\n"})
    ok("commit", "-m", "ada", cwd=ada)
    ok("push", cwd=ada)
    write(bob, {"notes.md": "mine\n"})
    ok("add", "notes.md", "--as", "about", cwd=bob)
    ok("commit", "-m", "bob", cwd=bob)
    error = fails(4, "not-fast-forward", "push", cwd=bob)
    assert error["hint"] == "mvcs fetch origin"
    assert fails(4, "not-fast-forward", "push", "--force-with-lease", cwd=bob)
    ok("fetch", cwd=bob)
    ok("merge", "origin/main", cwd=bob)
    ok("push", cwd=bob)
    ok("fetch", cwd=ada)
    assert ok("rev-parse", "origin/main", cwd=ada).out == ok("rev-parse", "HEAD", cwd=bob).out


def test_branches_and_tags_by_name(ada, bob):
    ok("tag", "old", cwd=ada)
    ok("switch", "-c", "exp/1", cwd=ada)
    write(ada, {"params.yaml": "lr: 7\n"})
    ok("commit", "-m", "exp", cwd=ada)
    ok("push", "origin", "exp/1", cwd=ada)
    ok("fetch", cwd=bob)
    assert ok("show", "origin/exp/1", "--json", cwd=bob).json["message"] == "exp"
    ok("push", "--all", cwd=ada)
    refs = [item["ref"] for item in ok("fetch", "--json", cwd=bob).json["refs"]]
    assert refs == ["remotes/origin/heads/m/main", "remotes/origin/tags/m/old"]
    ok("push", "origin", "--delete", "exp/1", "--force-with-lease", cwd=ada)
    assert ok("fetch", cwd=bob).out.startswith("  origin/exp/1             gone\n")
    ok("gc", cwd=bob)
    assert ok("fsck", "--json", cwd=bob).json["problems"] == []


def test_undo_moves_nothing_at_the_remote(ada):
    ok("push", cwd=ada)
    before = ok("rev-parse", "origin/main", cwd=ada).out
    ok("remote", "check", cwd=ada)
    ok("fetch", cwd=ada)
    assert ok("rev-parse", "origin/main", cwd=ada).out == before


@pytest.mark.parametrize(("words", "code", "name"), [
    (["remote", "add", "origin", "file:///tmp"], 4, "ref-exists"), (["remote", "add", "x", "file:///no/such/folder"], 3, "remote-not-found"),
    (["remote", "add", "x", "/tmp"], 2, "invalid-argument"), (["remote", "add", "x", "https://host/x"], 2, "invalid-argument"),
    (["remote", "add", "x", "s3://key:secret@bucket/x"], 2, "invalid-argument"), (["remote", "add", "x", "s3://B/x"], 2, "invalid-argument"),
    (["remote", "add", "a/b", "file:///tmp"], 2, "invalid-name"), (["remote", "add", "x"], 2, "usage-error"), (["remote", "rm"], 2, "usage-error"),
    (["remote", "rm", "x"], 3, "ref-not-found"), (["push", "x"], 3, "ref-not-found"), (["push", "origin", "x"], 3, "ref-not-found"),
    (["push", "--delete"], 2, "usage-error"), (["fetch", "x"], 3, "ref-not-found"), (["remote", "check", "x"], 3, "ref-not-found"),
])
def test_what_cannot_be_done(ada, words, code, name):
    error = fails(code, name, *words, cwd=ada)
    assert "secret" not in json.dumps(error)


def test_a_server_that_ignores_conditions_is_refused(ada, tmp_path, credentials):
    with rclone(tmp_path) as url:
        (client,) = connect("s3://test", S3Settings(endpoint=url))
        client.create_bucket(Bucket="models")
        words = ["remote", "add", "unsafe", "s3://models/x", "--endpoint", url]
        assert "--single-writer" in fails(6, "unsafe-remote", *words, cwd=ada)["hint"]
        assert [item["name"] for item in ok("remote", "--json", cwd=ada).json["remotes"]] == ["origin"]
        ok(*words, "--single-writer", cwd=ada)
        ok("push", "unsafe", cwd=ada)


def test_a_remote_from_a_newer_version(ada, tmp_path):
    (tmp_path / "newer").mkdir()
    (tmp_path / "newer" / "format").write_text('{"features":[],"format":"mvcs remote","id":"x","version":2}')
    fails(4, "unsupported-version", "remote", "add", "newer", f"file://{tmp_path}/newer", cwd=ada)
    (tmp_path / "newer" / "format").write_text('{"features":["sharded"],"format":"mvcs remote","id":"x","version":1}')
    fails(4, "unknown-feature", "remote", "add", "newer", f"file://{tmp_path}/newer", cwd=ada)
    (tmp_path / "newer" / "format").write_text("something else")
    fails(7, "remote-corrupt", "remote", "add", "newer", f"file://{tmp_path}/newer", cwd=ada)


def test_offline(ada, monkeypatch):
    monkeypatch.setenv("MVCS_OFFLINE", "1")
    ok("push", cwd=ada)  # a folder is no network
    fails(6, "remote-error", "remote", "add", "x", "s3://bucket/x", cwd=ada)
