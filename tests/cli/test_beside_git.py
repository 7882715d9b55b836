"""Beside Git: the branch is Git's, mvcs brings what Git does not track. With a real git."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys

import pytest

import mvcs
from tests.cli.harness import PROJECT, changes, fails, git, make_project, mvcs_run, ok, status, write

CODE = {"train.py", "params.yaml", "requirements.txt", "README.md", "mvcs.toml", ".mvcsignore", ".gitignore"}


@pytest.fixture
def both(tmp_path):
    """A project in Git and mvcs: Git tracks the code, weights and data are git-ignored."""
    project = tmp_path / "proj"
    write(project, {**PROJECT, ".gitignore": "*.pt\ndata/\nmetrics.json\n"})
    git(project, "init", "-q")
    ok("init", "--model", "m", cwd=project)
    git(project, "add", "-A")
    git(project, "commit", "-qm", "first")
    ok("commit", "-m", "first", cwd=project)
    return project


def branches(project):
    return ok("branch", "-q", cwd=project).out.split()


def rev(project, name="HEAD"):
    return ok("rev-parse", name, cwd=project).out.strip()


def save(project, message):
    git(project, "add", "-A")
    git(project, "commit", "-qm", message, "--allow-empty")
    return ok("commit", "-m", message, "-q", cwd=project).out.strip()


def test_git_never_sees_mvcs(both):
    assert (both / ".git/info/exclude").read_text().splitlines().count(".mvcs/") == 1
    assert git(both, "status", "--porcelain") == ""
    assert not any(name.startswith(".mvcs/") for name in git(both, "ls-files").splitlines())
    shutil.rmtree(both / ".mvcs")
    ok("init", cwd=both)
    assert (both / ".git/info/exclude").read_text().splitlines().count(".mvcs/") == 1  # once


def test_the_branch_is_git_s(both):
    assert (status(both)["branch"], status(both)["follows_git"]) == ("main", True)
    git(both, "switch", "-qc", "feature/x")
    assert status(both)["branch"] == "feature/x"
    write(both, {"train.py": "x\n", "model.pt": "x"})
    save(both, "x")
    assert branches(both) == ["feature/x", "main"]


def test_a_branch_that_mvcs_has_not_seen_starts_at_the_newest_ancestor(both):
    first = rev(both)
    write(both, {"train.py": "2\n", "model.pt": "2"})
    second = save(both, "second")
    git(both, "switch", "-qc", "from-first", "HEAD~1")
    found = status(both)
    assert (found["commit"], found["start"], found["branch"]) == (None, first, "from-first")
    assert found["changes"] == [{"path": "model.pt", "ingredient": "weights", "change": "modified"}]  # Git left the weights as they were
    assert f"starting from {first[:12]}" in ok("status", cwd=both).out
    assert rev(both, "HEAD") == first
    ok("checkout", cwd=both)
    assert (both / "model.pt").read_bytes() == PROJECT["model.pt"]
    write(both, {"train.py": "3\n"})
    third = save(both, "third")
    assert rev(both, f"{third}~1") == first
    git(both, "switch", "-q", "main")
    git(both, "switch", "-qc", "from-second")
    assert status(both)["start"] == second


def test_the_first_commit_of_a_new_git_branch_may_change_nothing(both):
    git(both, "switch", "-qc", "same")
    done = ok("commit", "-m", "the same", "--json", cwd=both).json
    assert done["branch"] == "same"
    fails(1, "nothing-to-commit", "commit", "-m", "again", cwd=both)


def test_switch_and_checkout_of_a_branch_are_git_s_with_the_command_as_hint(both):
    before = snapshot_refs(both)
    for words, hint in ((["switch", "other"], "git switch other && mvcs checkout"), (["switch", "-c", "new"], "git switch -c new && mvcs checkout"),
                        (["switch", "--detach", "main"], "git switch --detach main && mvcs checkout")):
        assert fails(4, "follows-git", *words, cwd=both)["hint"] == hint
    fails(4, "follows-git", "checkout", "main", cwd=both)
    assert snapshot_refs(both) == before


def snapshot_refs(project):
    return ok("branch", "--json", cwd=project).json, ok("op", "--json", cwd=project).json


def test_checkout_alone_brings_what_git_does_not_track(both):
    git(both, "switch", "-qc", "other")
    write(both, {"train.py": "other\n", "model.pt": "other weights", "data/train.csv": "other\n", "data/new.csv": "n\n"})
    save(both, "other")
    git(both, "switch", "-q", "main")
    assert set(changes(both)) == {"model.pt", "data/train.csv", "data/new.csv"}
    answer = ok("checkout", "--json", cwd=both).json
    assert (answer["branch"], answer["saved"]) == ("main", None)
    assert (both / "model.pt").read_bytes() == PROJECT["model.pt"]
    assert not (both / "data/new.csv").exists()
    assert status(both)["clean"]
    git(both, "switch", "-q", "other")
    ok("checkout", cwd=both)
    assert (both / "model.pt").read_text() == "other weights"
    assert (both / "data/new.csv").read_text() == "n\n"
    assert status(both)["clean"]
    assert git(both, "status", "--porcelain") == ""


def test_checkout_never_touches_what_git_tracks(both):
    write(both, {"train.py": "unsaved code\n"})
    (both / "data/train.csv").unlink()
    ok("checkout", cwd=both)
    assert (both / "train.py").read_text() == "unsaved code\n"
    assert (both / "data/train.csv").exists()
    ok("checkout", "--force", cwd=both)
    assert (both / "train.py").read_text() == "unsaved code\n"


def test_checkout_after_git_switch_refuses_to_lose_new_weights(both):
    git(both, "switch", "-qc", "other")
    write(both, {"model.pt": "other weights"})
    save(both, "other")
    write(both, {"model.pt": "trained for hours"})  # in no commit
    git(both, "switch", "-q", "main")
    assert fails(4, "unsaved-work", "checkout", cwd=both)["details"]["paths"] == ["model.pt"]
    assert (both / "model.pt").read_text() == "trained for hours"
    saved = ok("checkout", "--force", "--json", cwd=both).json["saved"]
    assert ok("cat", f"{saved}:model.pt", cwd=both).out == "trained for hours"


def test_before_git_s_first_commit(tmp_path):
    git(tmp_path, "init", "-q", "-b", "trunk")
    project = make_project(tmp_path)
    assert status(project)["branch"] == "trunk"
    assert branches(project) == ["trunk"]
    shown = ok("show", "--json", cwd=project).json
    assert "sha" not in shown["provenance"]["git"]
    assert mvcs_run("fsck", cwd=project).code == 0


def test_a_detached_git_head(both):
    first = rev(both)
    write(both, {"train.py": "2\n"})
    second = save(both, "second")
    git(both, "switch", "-q", "--detach", "HEAD~1")
    found = status(both)
    assert (found["branch"], found["commit"]) == (None, first)
    assert found["clean"]
    write(both, {"train.py": "detached\n", "model.pt": "detached"})
    git(both, "commit", "-qam", "detached")
    one = ok("commit", "-m", "one", "--json", cwd=both).json
    assert one["branch"] is None
    assert rev(both) == one["commit"]
    assert status(both)["clean"]  # what was committed is what HEAD has
    write(both, {"model.pt": "again"})
    two = ok("commit", "-m", "two", "-q", cwd=both).out.strip()
    assert [rev(both, f"{two}~{n}") for n in (1, 2)] == [one["commit"], first]
    git(both, "switch", "-q", "main")
    assert rev(both) == second
    git(both, "switch", "-qc", "kept", "HEAD@{1}")
    assert status(both)["start"] == two


def test_a_rebased_branch_keeps_its_own_history(both):
    git(both, "switch", "-qc", "topic")
    write(both, {"train.py": "topic\n"})
    topic = save(both, "topic")
    git(both, "commit", "-q", "--amend", "-m", "topic, reworded")
    assert rev(both) == topic
    assert status(both)["clean"]


def test_provenance_has_git_s_sha_branch_and_dirt_without_credentials(both):
    git(both, "remote", "add", "origin", "https://user:secret@example.org/x.git")
    write(both, {"train.py": "dirty\n"})
    ok("commit", "-m", "x", cwd=both)
    found = ok("show", "--json", cwd=both).json["provenance"]["git"]
    assert found == {"url": "https://example.org/x.git", "sha": git(both, "rev-parse", "HEAD"), "branch": "main", "dirty": True, "ahead": ["train.py"], "patch": found["patch"]}
    assert "secret" not in ok("show", "--provenance", cwd=both).out


def test_follow_git_can_be_turned_off(both):
    text = (both / "mvcs.toml").read_text()
    (both / "mvcs.toml").write_text("follow_git = false\n" + text)
    found = status(both)
    assert (found["follows_git"], found["branch"]) == (False, "main")
    ok("commit", "-m", "off", cwd=both)
    ok("switch", "-c", "mine", cwd=both)
    assert (status(both)["branch"], git(both, "branch", "--show-current")) == ("mine", "main")
    git(both, "switch", "-qc", "theirs")
    assert status(both)["branch"] == "mine"


def test_a_workspace_below_the_top_of_the_work_tree(tmp_path):
    git(tmp_path, "init", "-q")
    write(tmp_path, {".gitignore": "*.pt\n"})
    project = make_project(tmp_path / "models" / "a")
    assert status(project)["follows_git"]
    assert git(tmp_path, "status", "--porcelain") == "?? .gitignore\n?? models/"
    git(tmp_path, "add", "-A")
    assert not any(".mvcs/" in name for name in git(tmp_path, "ls-files").splitlines())
    git(tmp_path, "commit", "-qm", "x")
    git(tmp_path, "switch", "-qc", "other")
    write(project, {"model.pt": "other"})
    assert status(project)["commit"] is None
    ok("commit", "-m", "other", cwd=project)
    git(tmp_path, "switch", "-q", "main")
    ok("checkout", cwd=project)
    assert status(project)["clean"]
    assert (project / "model.pt").read_bytes() == PROJECT["model.pt"]


def test_a_git_worktree_has_its_own_branch_and_may_share_the_repository(both, tmp_path, monkeypatch):
    git(both, "worktree", "add", "-q", "-b", "side", str(tmp_path / "wt"))
    error = fails(128, "not-a-repository", "status", cwd=tmp_path / "wt")
    assert error["hint"] == f"MVCS_DIR={both}/.mvcs mvcs ..."
    monkeypatch.setenv("MVCS_DIR", str(both / ".mvcs"))
    found = status(tmp_path / "wt")
    assert (found["branch"], found["start"], found["follows_git"]) == ("side", rev(both), True)
    ok("checkout", cwd=tmp_path / "wt")
    assert (tmp_path / "wt/model.pt").read_bytes() == PROJECT["model.pt"]
    assert status(tmp_path / "wt")["clean"]
    write(tmp_path / "wt", {"model.pt": "side"})
    ok("commit", "-m", "side", cwd=tmp_path / "wt")
    assert branches(both) == ["main", "side"]
    assert status(both)["clean"]
    assert mvcs_run("fsck", cwd=both).code == 0
    ok("gc", cwd=both)


def test_the_work_trees_of_one_git_repository_have_heads_of_their_own(both, tmp_path, monkeypatch):
    """MVCS_DIR, as the hint says it: what one commits must not move the other."""
    (both / ".git/info/exclude").write_text(".mvcs/\n")
    git(both, "worktree", "add", "-q", "-b", "side", str(tmp_path / "wt"))
    monkeypatch.setenv("MVCS_DIR", str(both / ".mvcs"))
    ok("checkout", cwd=tmp_path / "wt")
    write(tmp_path / "wt", {"model.pt": "side"})
    ok("commit", "-m", "side", cwd=tmp_path / "wt")
    with mvcs.open(both) as repo:
        heads = {key: target for key, target in repo.refs.items() if key.startswith("HEAD/")}
    assert heads == {"HEAD/.": "heads/m/main", f"HEAD/{tmp_path}/wt": "heads/m/side"}


@pytest.mark.parametrize("below", ["", "models/a"])
def test_the_hint_in_a_work_tree_without_a_repository_names_the_one_that_has_it(tmp_path, below):
    main = tmp_path / "it's main"
    make_git = [["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "x"], ["worktree", "add", "-q", str(tmp_path / "wt")]]
    main.mkdir()
    for words in make_git:
        git(main, *words)
    here = tmp_path / "wt" / below / "src"
    here.mkdir(parents=True)
    assert fails(128, "not-a-repository", "status", cwd=here)["hint"] == "mvcs init"
    write(main / below, {"train.py": "x"})
    ok("init", str(main / below))
    hint = fails(128, "not-a-repository", "log", cwd=here)["hint"]
    assert hint == f"mvcs -C {shlex.quote(str(main / below))} ..."
    assert subprocess.run(["sh", "-c", hint.replace("mvcs", f"{sys.executable} -m mvcs_cli.main", 1).replace("...", "status")],
                          capture_output=True, check=False).returncode == 0
    write(tmp_path / "wt" / below, {"mvcs.toml": (main / below / "mvcs.toml").read_text()})
    assert fails(128, "not-a-repository", "log", cwd=here)["hint"] == f"MVCS_DIR={shlex.quote(str(main / below / '.mvcs'))} mvcs ..."
    # Seen from the main one, another has it.
    git(main, "worktree", "add", "-q", str(tmp_path / "third"))
    shutil.move(main / below / ".mvcs", tmp_path / "third" / ".mvcs")
    (main / below / "mvcs.toml").unlink()
    assert fails(128, "not-a-repository", "log", cwd=main)["hint"] == f"mvcs -C {tmp_path}/third ..."


def test_a_submodule_and_a_bare_repository_are_no_work_trees(tmp_path):
    """Their .git names a folder that has no main work tree beside it."""
    bare = tmp_path / "bare.git"
    git(tmp_path, "init", "-q", "--bare", str(bare))
    made = git(bare, "commit-tree", "-m", "x", git(bare, "mktree", input=""))
    git(bare, "worktree", "add", "-q", "--detach", str(tmp_path / "wt"), made)
    assert fails(128, "not-a-repository", "log", cwd=tmp_path / "wt")["hint"] == "mvcs init"
    (tmp_path / "sub").mkdir()
    git(tmp_path, "init", "-q", "--separate-git-dir", str(tmp_path / "modules"), str(tmp_path / "sub"))
    write(tmp_path / "other", {"train.py": "x"})
    assert fails(128, "not-a-repository", "log", cwd=tmp_path / "sub")["hint"] == "mvcs init"


def test_init_in_a_git_worktree_excludes_its_own_folder(both, tmp_path):
    git(both, "worktree", "add", "-q", "-b", "side", str(tmp_path / "wt"))
    ok("init", "--model", "m", cwd=tmp_path / "wt")
    assert git(tmp_path / "wt", "status", "--porcelain") == ""


def test_git_s_names_that_mvcs_would_not_give(both):
    """A branch of Git may have a name that is none here; nothing breaks."""
    for name in ("with@sign", "hash#tag", "quo'te", "CON", "Main2"):
        git(both, "switch", "-qc", name)
        assert status(both)["branch"] == name
        write(both, {"train.py": name})
        save(both, name)
        assert name in branches(both)
        ok("log", cwd=both)
    assert mvcs_run("fsck", cwd=both).code == 0


def test_undo_beside_git_moves_refs_and_leaves_git_alone(both):
    sha = git(both, "rev-parse", "HEAD")
    write(both, {"model.pt": "2"})
    first = rev(both)
    ok("commit", "-m", "two", cwd=both)
    ok("undo", cwd=both)
    assert (rev(both), git(both, "rev-parse", "HEAD")) == (first, sha)
    assert changes(both) == {"model.pt": ("weights", "modified")}


def test_a_submodule_or_git_file_is_followed(both, tmp_path):
    git(both, "switch", "-qc", "main2")
    outer = tmp_path / "outer"
    outer.mkdir()
    git(outer, "init", "-q")
    subprocess.run(["git", "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(both), "sub"], cwd=outer, check=True, capture_output=True)
    assert os.path.isfile(outer / "sub/.git")
    ok("init", "--model", "s", cwd=outer / "sub")
    assert status(outer / "sub")["branch"] == "main2"
    assert git(outer / "sub", "status", "--porcelain") == ""


def test_without_git_on_the_path_status_still_answers(both, monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    assert status(both)["branch"] == "main"
    assert ok("log", "--json", cwd=both).json["commits"]
