"""Several workspaces of one model: a branch has one, and what is refused leaves everything as it was."""

from __future__ import annotations

import shutil

import pytest

import mvcs
from mvcs.objects.operation import Move
from tests.cli.harness import PROJECT, fails, git, make_project, mvcs_run, ok, snapshot, status, write


@pytest.fixture
def copy(project):
    """A second workspace on the branch `mine`, with a commit of its own."""
    ignored = (project / ".mvcsignore").read_text()
    made = write(project / "copy", {"mvcs.toml": (project / "mvcs.toml").read_text(), **PROJECT, ".mvcsignore": ignored})
    write(project, {".mvcsignore": ignored + "/copy/\n"})
    ok("commit", "-m", "the copy is no part of it", cwd=project)
    ok("init", "--branch", "mine", str(made), cwd=project)
    write(made, {"train.py": "mine\n"})
    ok("commit", "-m", "mine", cwd=made)
    return made


def everything(project):
    return snapshot(project), ok("op", "log", "--json", cwd=project).json


def test_what_one_model_leaves_out_of_a_shared_root_is_told_of_the_others_that_have_it(tmp_path):
    top = write(tmp_path / "top", {
        "src/lib.py": "one\n", "a/train.py": "a\n", "b/train.py": "b\n", "c/train.py": "c\n",
    })
    for name, code in (("a", '"src/*.py", "a/*.py"'), ("b", '"src/*.py", "b/*.py"'), ("c", '"c/*.py"')):
        write(top / name, {"mvcs.toml": (
            f'model = "{name}"\nroot = ".."\n\n[ingredients]\ncode = [{code}]\nabout = ["{name}/mvcs.toml"]\n'
        )})
        ok("init", cwd=top / name)
        ok("commit", "-m", name, cwd=top / name)
    done = ok("rm", "--cached", "train.py", cwd=top / "a")
    assert "warning" not in done.err
    done = ok("rm", "--cached", "../src/lib.py", cwd=top / "a")
    assert done.err.splitlines() == [
        "warning: .mvcsignore leaves src/lib.py out of the model b (b) too: its next commit drops it"
    ]
    assert [item["path"] for item in ok("status", "--json", cwd=top / "b").json["changes"]] == ["src/lib.py"]


def share(project, copy):
    """Puts both on main, as a repository of before may be."""
    with mvcs.open(project) as repo:
        moves = (Move("HEAD/copy", "heads/m/mine", "heads/m/main"),)
        repo._repository.publish(actor=("A", "a"), command="test", moves=moves)


def test_init_stands_on_a_free_branch_only_and_its_hint_works(project):
    folder = write(project / "copy", {"mvcs.toml": (project / "mvcs.toml").read_text(), "train.py": "x\n"})
    before = everything(project)
    error = fails(4, "branch-in-use", "init", str(folder), cwd=project)
    assert error["details"] == {"branch": "main", "workspace": "."}
    assert error["hint"] == "mvcs init --branch NAME"
    assert everything(project) == before
    fresh = project / "fresh"
    assert fails(4, "branch-in-use", "init", "--model", "m", "--yes", str(fresh), cwd=project)
    assert not (fresh / "mvcs.toml").exists()
    ok("init", "--branch", "NAME", str(folder), cwd=project)
    main = ok("rev-parse", "main", cwd=project).out
    assert ok("rev-parse", "NAME", cwd=project).out == main
    assert ok("rev-parse", "HEAD", cwd=folder).out == main
    assert status(folder)["branch"] == "NAME"
    assert fails(4, "branch-in-use", "init", "--model", "m", "--yes", "-b", "NAME", str(fresh), cwd=project)


def test_init_stands_on_a_branch_that_is_there_and_free(project):
    ok("branch", "spare", cwd=project)
    folder = write(project / "copy", {"mvcs.toml": (project / "mvcs.toml").read_text()})
    ok("init", "-b", "spare", str(folder), cwd=project)
    assert status(folder)["branch"] == "spare"
    ok("init", "--model", "other", "--yes", str(project / "other"), cwd=project)
    assert status(project / "other")["branch"] == "main"  # main of another model


@pytest.mark.parametrize("words", [("switch", "main"), ("checkout", "main")])
def test_nobody_switches_to_a_branch_of_another_workspace(project, copy, words):
    before = everything(project)
    error = fails(4, "branch-in-use", *words, cwd=copy)
    assert error["details"] == {"branch": "main", "workspace": "."}
    assert error["hint"] == "mvcs switch -c NAME main"
    assert everything(project) == before
    ok("switch", "--detach", "main", cwd=copy)
    ok("switch", "-c", "NAME", "main", cwd=copy)
    assert (copy / "train.py").read_text() == PROJECT["train.py"]
    assert fails(4, "branch-in-use", "switch", "NAME", cwd=project)["details"] == {"branch": "NAME", "workspace": "copy"}


MOVING = [
    ("commit", "-m", "x"), ("commit", "--amend", "-m", "x"), ("merge", "mine"), ("merge", "--no-ff", "mine"), ("cherry-pick", "mine"),
    ("revert", "HEAD"), ("reset", "mine"), ("reset", "--hard", "mine"),
]


@pytest.mark.parametrize("words", MOVING, ids=" ".join)
def test_no_verb_moves_a_branch_that_two_workspaces_stand_on(project, copy, words):
    share(project, copy)
    if words[0] == "commit":
        write(project, {"train.py": "here\n"})
    before = everything(project)
    error = fails(4, "branch-in-use", *words, cwd=project)
    assert error["details"] == {"branch": "main", "workspace": "copy"}
    assert error["hint"] == "mvcs switch -c NAME"
    assert everything(project) == before
    ok("switch", "-c", "NAME", cwd=project)
    ok(*words, cwd=project)


def test_what_moves_no_branch_is_not_refused(project, copy):
    share(project, copy)
    ok("merge", "--dry-run", "mine", cwd=project)
    ok("reset", "--only", "code", "mine", cwd=project)
    assert (project / "train.py").read_text() == "mine\n"


def test_a_merge_in_progress_is_given_up_also_on_a_shared_branch(project, copy):
    write(project, {"train.py": "ours\n"})
    ok("commit", "-m", "ours", cwd=project)
    assert mvcs_run("merge", "mine", cwd=project).code == 1
    share(project, copy)
    ok("merge", "--abort", cwd=project)
    assert status(project)["clean"]


def test_a_workspace_that_is_gone_is_in_nobody_s_way(project, copy):
    share(project, copy)
    shutil.rmtree(copy)
    write(project, {"train.py": "here\n"})
    ok("commit", "-m", "x", cwd=project)
    assert ok("cat", "HEAD:train.py", cwd=project).out == "here\n"
    assert status(project)["clean"]


def test_undo_takes_no_branch_away_under_another_workspace(project, copy):
    ok("reset", "main", cwd=copy)  # moves `mine`, no file
    before = everything(project)
    error = fails(4, "branch-in-use", "undo", cwd=project)
    assert error["details"] == {"branch": "mine", "workspace": "copy"}
    assert error["hint"] == f"mvcs -C {copy} undo --json"  # as typed
    assert everything(project) == before
    ok("undo", cwd=copy)
    assert status(copy)["clean"]
    assert fails(4, "branch-in-use", "redo", cwd=project)["hint"] == f"mvcs -C {copy} redo --json"
    ok("redo", cwd=copy)


def test_undo_of_a_rename_takes_the_heads_along(project, copy):
    ok("branch", "-m", "mine", "yours", cwd=project)
    assert status(copy)["branch"] == "yours"
    ok("undo", cwd=project)
    assert status(copy)["branch"] == "mine"
    assert status(copy)["clean"]


def test_a_branch_is_not_forced_elsewhere_under_another_workspace(project, copy):
    before = everything(project)
    error = fails(4, "branch-in-use", "branch", "-f", "mine", "main", cwd=project)
    assert error["hint"] == f"mvcs -C {copy} branch -f mine main --json"
    assert everything(project) == before


def test_beside_git_the_branch_is_git_s_to_give(tmp_path):
    folder = make_project(tmp_path / "p", commit=False)
    git(folder, "init", "-q", ".")
    ok("commit", "-m", "first", cwd=folder)
    second = write(folder / "second", {"mvcs.toml": (folder / "mvcs.toml").read_text()})
    ok("init", str(second), cwd=folder)
    assert fails(4, "follows-git", "init", "-b", "mine", "--model", "m", "--yes", str(folder / "third"), cwd=folder)
    assert not (folder / "third/mvcs.toml").exists()
