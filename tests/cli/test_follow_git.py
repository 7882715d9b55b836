"""Beside Git: what Git merged, rewrote or deleted is told, whichever of the two commits came first."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.cli.harness import PROJECT, changes, fails, git, mvcs_run, ok, status, write

ORDERS = ["git first", "mvcs first"]
both_orders = pytest.mark.parametrize("order", ORDERS)


@pytest.fixture
def work(tmp_path):
    """A Git repository with code and config in it, data and weights beside it."""
    folder = tmp_path / "work"
    write(folder, {**PROJECT, ".gitignore": "data/\nmodel.pt\nmetrics.json\n", "long.py": "".join(f"line{n} = {n}\n" for n in range(40))})
    git(folder, "init", "-q", "-b", "main")
    ok("init", "--model", "m", "--yes", cwd=folder)
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "first")
    ok("commit", "-m", "first", cwd=folder)
    return folder


def step(folder, files, message, order):
    """Commits in both; in Git only if it has something to commit."""
    write(folder, files)
    made = None
    for one in ("git", "mvcs") if order == "git first" else ("mvcs", "git"):
        if one == "mvcs":
            made = ok("commit", "-m", message, "--json", cwd=folder).json["commit"]
        else:
            git(folder, "add", "-A")
            git(folder, "commit", "-qm", message)
    return made


def go(folder, *words):
    git(folder, "switch", "-q", *words)
    ok("checkout", cwd=folder)


THEIRS = {"train.py": "print('exp')\n", "new.py": "new\n", "data/exp.csv": "a\n1\n", "model.pt": b"exp's weights"}


def branch_off(folder, order, ours=None, theirs=None, name="exp"):
    go(folder, "-c", name)
    made = step(folder, THEIRS if theirs is None else theirs, name, order)
    go(folder, "main")
    if ours is not None:
        step(folder, ours, "ours", order)
    return made


def is_due(folder, name="exp"):
    assert status(folder)["merges_due"] == [name]
    assert f"Next: mvcs merge {name}" in ok("status", cwd=folder).out
    assert fails(4, "merge-due", "commit", "-m", "x", cwd=folder)["details"]["branches"] == [name]


def merged(folder, name="exp"):
    ok("merge", name, cwd=folder)
    assert (folder / "data/exp.csv").read_text() == "a\n1\n"
    assert (folder / "model.pt").read_bytes() == b"exp's weights"
    assert (folder / "train.py").read_text() == "print('exp')\n"
    found = status(folder)
    assert (found["clean"], found["merges_due"]) == (True, [])


HOWS = {
    "a merge": [["merge", "-q", "--no-ff", "exp", "-m", "merge"]],
    "a branch that is gone": [["merge", "-q", "--no-ff", "exp", "-m", "merge"], ["branch", "-qD", "exp"]],
    "a merge that is not committed": [["merge", "-q", "--no-ff", "--no-commit", "exp"]],
    "a squash": [["merge", "-q", "--squash", "exp"], ["commit", "-qm", "squashed"]],
    "a squash of a branch that is gone": [["merge", "-q", "--squash", "exp"], ["commit", "-qm", "squashed"], ["branch", "-qD", "exp"]],
    "a pick of all of it": [["cherry-pick", "exp"]],
}


@both_orders
@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("ours", [None, {"README.md": "ours\n", "data/ours.csv": "o\n"}], ids=["behind", "apart"])
def test_what_git_has_merged_is_due(work, order, how, ours):
    branch_off(work, order, ours)
    assert status(work)["merges_due"] == []
    for words in HOWS[how]:
        git(work, *words)
    is_due(work)
    merged(work)


@both_orders
@pytest.mark.parametrize("gone", [False, True])
def test_a_fast_forward_is_due(work, order, gone):
    branch_off(work, order)
    git(work, "merge", "-q", "exp")
    if gone:
        git(work, "branch", "-qd", "exp")
    is_due(work)
    merged(work)


@both_orders
@pytest.mark.parametrize("gone", [False, True])
def test_a_rebase_and_a_fast_forward_are_due(work, order, gone):
    branch_off(work, order, {"README.md": "ours\n"})
    git(work, "switch", "-q", "exp")
    git(work, "rebase", "-q", "main")
    git(work, "switch", "-q", "main")
    ok("checkout", cwd=work)
    git(work, "merge", "-q", "exp")
    if gone:
        git(work, "branch", "-qd", "exp")
    is_due(work)
    merged(work)


@both_orders
@pytest.mark.parametrize("gone", [False, True])
def test_a_merge_is_due_without_reflogs(work, order, gone):
    """As in another clone, or when their entries have expired."""
    branch_off(work, order, {"README.md": "ours\n"})
    shutil.rmtree(work / ".git/logs")
    git(work, "merge", "-q", "exp", "-m", "merge")
    if gone:
        git(work, "branch", "-qd", "exp")
    is_due(work)
    merged(work)


@both_orders
def test_a_branch_that_only_the_remote_of_a_clone_has_is_not_merged(work, order):
    """Ours changed the same file, and that commit is not taken for theirs."""
    branch_off(work, order, {"train.py": "print('ours')\n", "data/ours.csv": "o\n"})
    clone = work.parent / "clone"
    git(work, "clone", "-q", ".", str(clone))
    shutil.copytree(work / ".mvcs", clone / ".mvcs")
    ok("checkout", cwd=clone)
    assert status(clone)["merges_due"] == []
    assert fails(4, "git-merge-first", "merge", "exp", cwd=clone)["details"]["paths"] == ["new.py", "train.py"]
    git(clone, "merge", "-q", "-X", "theirs", "origin/exp", "-m", "merge")
    is_due(clone)
    merged(clone)


@both_orders
@pytest.mark.parametrize("gone", [False, True])
def test_a_new_branch_after_a_squash_has_what_was_merged(work, order, gone):
    branch_off(work, order)
    git(work, "merge", "-q", "--squash", "exp")
    git(work, "commit", "-qm", "squashed")
    merged(work)
    tip = ok("rev-parse", "HEAD", cwd=work).out.strip()
    if gone:
        git(work, "branch", "-qD", "exp")
    git(work, "switch", "-qc", "next")
    found = status(work)
    assert (found["start"], found["clean"], found["merges_due"]) == (tip, True, [])


@both_orders
def test_a_branch_of_a_branch_without_commits_starts_where_that_does(work, order):
    go(work, "-c", "data-only")
    write(work, {"data/own.csv": "x\n"})
    ok("commit", "-m", "data only", cwd=work)
    go(work, "main")
    start = status(work)["commit"]
    go(work, "-c", "one")
    go(work, "-c", "two")
    assert (status(work)["start"], (work / "data/own.csv").exists()) == (start, False)


def test_files_of_a_commit_that_was_checked_out_on_no_branch_are_left_over(work):
    """As after `mvcs checkout` in the middle of a rebase: a hint must not lead round in a circle."""
    branch_off(work, "git first", {"README.md": "ours\n", "data/ours.csv": "o\n"})
    go(work, "exp")
    git(work, "switch", "-q", "--detach", "main")
    ok("checkout", cwd=work)
    git(work, "switch", "-q", "exp")
    git(work, "rebase", "-q", "main")
    assert fails(4, "unsaved-work", "merge", "main", cwd=work)["hint"] == "mvcs checkout"
    ok("checkout", cwd=work)
    ok("merge", "main", cwd=work)
    assert {"exp.csv", "ours.csv"} <= {path.name for path in (work / "data").iterdir()}


@both_orders
def test_a_squash_into_a_file_that_both_changed(work, order):
    theirs = (work / "long.py").read_text().replace("line1 = 1\n", "line1 = 'theirs'\n")
    branch_off(work, order, {"long.py": (work / "long.py").read_text().replace("line30 = 30\n", "line30 = 'ours'\n")},
               {"long.py": theirs, "data/exp.csv": "a\n1\n"})
    git(work, "merge", "-q", "--squash", "exp")
    git(work, "commit", "-qm", "squashed")
    is_due(work)
    ok("merge", "exp", cwd=work)
    assert (work / "data/exp.csv").exists()
    assert "'theirs'" in (work / "long.py").read_text()
    assert "'ours'" in (work / "long.py").read_text()


@both_orders
def test_a_detached_head_is_asked_as_well(work, order):
    branch_off(work, order, {"README.md": "ours\n", "data/ours.csv": "o\n"})
    git(work, "switch", "-q", "--detach")
    git(work, "merge", "-q", "exp", "-m", "merge")
    due = status(work)["merges_due"]
    assert due in (["exp"], ["main"])
    ok("checkout", cwd=work)
    ok("merge", due[0], cwd=work)
    assert {"exp.csv", "ours.csv"} <= {path.name for path in (work / "data").iterdir()}


@both_orders
@pytest.mark.parametrize("how", HOWS)
def test_what_was_left_out_by_a_word_is_not_due_again(work, order, how):
    branch_off(work, order, {"README.md": "ours\n"})
    for words in HOWS[how]:
        git(work, *words)
    ok("commit", "-m", "without", "--no-merge", cwd=work)
    if how == "a merge that is not committed":
        git(work, "commit", "-qm", "merge")
    assert status(work)["merges_due"] == []
    step(work, {"train.py": "later\n"}, "later", order)
    assert status(work)["merges_due"] == []
    assert not (work / "data/exp.csv").exists()


@both_orders
def test_work_of_this_branch_makes_no_merge_due(work, order):
    """Commits of both in either order, amended ones, and branches beside them that Git has not merged."""
    branch_off(work, order, {"README.md": "ours\n"})
    go(work, "-c", "data-only")
    write(work, {"data/own.csv": "x\n"})
    ok("commit", "-m", "data only", cwd=work)
    go(work, "main")
    assert status(work)["merges_due"] == []
    step(work, {"train.py": "print('main')\n", "data/main.csv": "m\n"}, "more", order)
    assert status(work)["merges_due"] == []
    git(work, "commit", "-q", "--amend", "-m", "reworded")
    write(work, {"README.md": "more\n"})
    git(work, "commit", "-qam", "code only")
    found = status(work)
    assert (found["merges_due"], found["commit"]) == ([], found["commit"])
    ok("commit", "-m", "after", cwd=work)


def test_a_commit_of_something_else_is_not_taken_for_the_code_of_a_dirty_one(work):
    """exp's code is in none of Git's commits; Git's next one on exp has another file of it."""
    go(work, "-c", "exp")
    write(work, THEIRS)
    ok("commit", "-m", "exp", cwd=work)
    git(work, "stash", "-q", "-u")
    write(work, {"README.md": "a word\n"})
    git(work, "commit", "-qam", "README only")
    git(work, "switch", "-q", "main")
    git(work, "merge", "-q", "exp")
    assert status(work)["merges_due"] == []


# Merging here before Git has merged


@both_orders
@pytest.mark.parametrize("ours", [None, {"README.md": "ours\n", "data/ours.csv": "o\n"}], ids=["behind", "apart"])
def test_merge_before_git_merge_says_what_comes_first(work, order, ours):
    branch_off(work, order, ours)
    before = ok("rev-parse", "HEAD", cwd=work).out
    for words in (["merge", "exp"], ["merge", "exp", "--dry-run"]):
        error = fails(4, "git-merge-first", *words, cwd=work)
        assert error["details"] == {"revision": "exp", "paths": ["new.py", "train.py"]}
        assert error["hint"].startswith("git merge exp")
    assert ok("rev-parse", "HEAD", cwd=work).out == before
    assert not (work / "data/exp.csv").exists()
    git(work, "merge", "-q", "exp", "-m", "merge")
    merged(work)


def test_data_alone_needs_no_git_merge(work):
    go(work, "-c", "exp")
    write(work, {"data/exp.csv": "a\n1\n"})
    ok("commit", "-m", "data only", cwd=work)
    go(work, "main")
    ok("merge", "exp", cwd=work)
    assert (work / "data/exp.csv").read_text() == "a\n1\n"


@both_orders
def test_code_that_was_brought_by_hand_needs_no_git_merge(work, order):
    branch_off(work, order, {"README.md": "ours\n"})
    write(work, {"train.py": THEIRS["train.py"], "new.py": THEIRS["new.py"]})
    git(work, "add", "-A")
    git(work, "commit", "-qm", "by hand")
    merged(work)


def test_code_that_git_has_in_no_commit_is_not_dropped(work):
    go(work, "-c", "exp")
    write(work, THEIRS)
    ok("commit", "-m", "exp", cwd=work)
    git(work, "stash", "-q", "-u")
    go(work, "main")
    error = fails(4, "git-merge-first", "merge", "exp", cwd=work)
    assert error["details"]["paths"] == ["new.py", "train.py"]
    assert error["hint"].startswith("mvcs restore --source exp new.py train.py")
    ok("restore", "--source", "exp", "new.py", "train.py", cwd=work)
    merged(work)


def test_code_that_git_has_in_no_commit_takes_no_place_of_ours(work):
    """Both changed it: what ours did must not go by the way that is told."""
    go(work, "-c", "exp")
    write(work, {"long.py": (work / "long.py").read_text().replace("line0 = 0", "line0 = 1"), "data/exp.csv": "a\n1\n"})
    ok("commit", "-m", "exp", cwd=work)
    git(work, "stash", "-q")
    go(work, "main")
    step(work, {"long.py": (work / "long.py").read_text().replace("line39 = 39", "line39 = 40")}, "ours", "git first")
    error = fails(4, "git-merge-first", "merge", "exp", cwd=work)
    words = "git switch exp && mvcs restore --source exp long.py && git add long.py && git commit -m CODE"
    assert error["hint"].partition(":")[0] == words
    git(work, "switch", "-q", "exp")
    ok("restore", "--source", "exp", "long.py", cwd=work)
    git(work, "commit", "-qam", "code")
    go(work, "main")
    assert fails(4, "git-merge-first", "merge", "exp", cwd=work)["hint"].startswith("git merge exp")
    git(work, "merge", "-q", "exp", "-m", "both")
    ok("merge", "exp", cwd=work)
    text = (work / "long.py").read_text()
    assert "line0 = 1\n" in text
    assert "line39 = 40\n" in text
    assert (work / "data/exp.csv").exists()


def test_unsaved_work_before_a_merge_that_is_due_has_a_way_out(work):
    branch_off(work, "git first", {"params.yaml": "lr: 3\n"})
    write(work, {"data/base.csv": "edited\n"})
    git(work, "merge", "-q", "exp", "-m", "merge")
    hint = fails(4, "unsaved-work", "merge", "exp", cwd=work)["hint"]
    assert hint == "mvcs commit --no-merge && mvcs merge exp"
    for words in hint.split(" && "):
        ok(*words.split()[1:], cwd=work)
    assert (work / "data/exp.csv").exists()
    assert (work / "data/base.csv").read_text() == "edited\n"
    assert (status(work)["clean"], status(work)["merges_due"]) == (True, [])


def test_tracked_files_that_stay_as_they_are_can_be_named(work):
    branch_off(work, "git first", {"README.md": "ours\n"})
    ok("merge", "exp", "-s", "train.py=ours", "-s", "new.py=ours", cwd=work)
    assert (work / "train.py").read_text() == PROJECT["train.py"]
    assert (work / "data/exp.csv").exists()


# cherry-pick and revert


@pytest.mark.parametrize("words", [["cherry-pick", "exp"], ["revert", "HEAD", "--only", "data"]])
def test_conflicts_of_gits_are_in_no_pick_and_no_revert(work, words):
    branch_off(work, "git first", {"train.py": "print('ours')\n", "data/train.csv": "a,b\n9,9\n"})
    with pytest.raises(subprocess.CalledProcessError):
        git(work, "merge", "-q", "exp")
    before = ok("rev-parse", "HEAD", cwd=work).out
    error = fails(4, "unsaved-work", *words, cwd=work)
    assert error["details"]["paths"] == ["train.py"]
    assert "git" in error["hint"]
    assert ok("rev-parse", "HEAD", cwd=work).out == before


def test_a_pick_tells_of_code_that_is_gits_to_pick(work):
    made = branch_off(work, "git first", {"README.md": "ours\n"})
    done = ok("cherry-pick", made, "--json", cwd=work).json
    assert any("new.py, train.py" in note and "git cherry-pick" in note for note in done["notes"])
    assert (work / "data/exp.csv").exists()


# git switch without mvcs checkout


@both_orders
def test_files_of_the_branch_before_are_not_committed_on_this_one(work, order):
    branch_off(work, order)
    go(work, "exp")
    git(work, "switch", "-q", "main")
    found = status(work)
    assert found["left_over"] == {"branch": "exp", "paths": ["data/exp.csv", "model.pt"]}
    told = ok("status", cwd=work).out
    assert "Next: mvcs checkout" in told
    assert "Next: mvcs commit" not in told
    before = ok("rev-parse", "HEAD", cwd=work).out
    error = fails(4, "checkout-due", "commit", "-m", "x", cwd=work)
    assert error["details"] == {"branch": "exp", "paths": ["data/exp.csv", "model.pt"]}
    assert error["hint"].startswith("mvcs checkout")
    assert ok("rev-parse", "HEAD", cwd=work).out == before
    ok("checkout", cwd=work)
    assert status(work)["clean"]


def test_what_was_deleted_there_is_not_deleted_here(work):
    go(work, "-c", "exp")
    (work / "data/train.csv").unlink()
    ok("commit", "-m", "without it", cwd=work)
    git(work, "switch", "-q", "main")
    assert status(work)["left_over"] == {"branch": "exp", "paths": ["data/train.csv"]}
    fails(4, "checkout-due", "commit", "-m", "x", cwd=work)
    ok("checkout", cwd=work)
    assert (work / "data/train.csv").exists()


def test_files_of_another_branch_can_be_taken_by_a_word(work):
    branch_off(work, "git first")
    go(work, "exp")
    git(work, "switch", "-q", "main")
    ok("commit", "-m", "its data and weights", "--no-checkout", cwd=work)
    assert ok("cat", "HEAD:model.pt", cwd=work).bytes == b"exp's weights"
    assert ok("cat", "HEAD:train.py", cwd=work).out == PROJECT["train.py"]
    assert status(work)["clean"]


def test_unsaved_work_among_files_of_the_branch_before_goes_back_there(work):
    branch_off(work, "git first")
    go(work, "exp")
    write(work, {"model.pt": "trained for hours"})
    git(work, "switch", "-q", "main")
    assert fails(4, "checkout-due", "commit", "-m", "x", cwd=work)["details"]["paths"] == ["data/exp.csv"]
    assert fails(4, "unsaved-work", "checkout", cwd=work)["hint"].startswith("git switch exp && mvcs commit")
    git(work, "switch", "-q", "exp")
    ok("commit", "-m", "trained", cwd=work)
    go(work, "main")
    assert status(work)["clean"]


def test_a_new_branch_from_where_the_files_are_has_nothing_left_over(work):
    branch_off(work, "mvcs first")
    go(work, "exp")
    git(work, "switch", "-qc", "next")
    assert (status(work)["clean"], status(work)["left_over"]) == (True, None)
    write(work, {"model.pt": "next"})
    ok("commit", "-m", "next", cwd=work)


# Names and commits that Git gave anew


@both_orders
@pytest.mark.parametrize("told", [False, True], ids=["unseen", "seen"])
def test_a_name_given_anew_is_another_branch(work, order, told):
    old = branch_off(work, order, {"README.md": "ours\n", "data/ours.csv": "o\n"}, name="wip")
    ours = ok("rev-parse", "HEAD", cwd=work).out.strip()
    if told:
        go(work, "wip")
        go(work, "main")
    git(work, "branch", "-qD", "wip")
    git(work, "switch", "-qc", "wip")
    found = status(work)
    assert (found["commit"], found["start"], found["clean"], found["other"]) == (None, ours, True, old)
    assert "Next: mvcs branch -m wip wip-old" in ok("status", cwd=work).out
    ok("checkout", cwd=work)
    assert (work / "data/ours.csv").exists()
    assert not (work / "data/exp.csv").exists()
    write(work, {"data/fresh.csv": "f\n"})
    error = fails(4, "other-branch", "commit", "-m", "fresh", cwd=work)
    assert error["hint"].startswith("mvcs branch -m wip wip-old")
    ok("branch", "-m", "wip", "wip-old", cwd=work)
    made = ok("commit", "-m", "fresh", "--json", cwd=work).json
    assert made["branch"] == "wip"
    assert ok("show", "--json", cwd=work).json["parents"] == [ours]
    assert ok("rev-parse", "wip-old", cwd=work).out.strip() == old
    assert status(work)["other"] is None
    assert mvcs_run("fsck", cwd=work).code == 0


def test_a_name_given_anew_may_go_on_with_the_old_branch(work):
    old = branch_off(work, "git first", {"README.md": "ours\n"}, {"data/exp.csv": "a\n"} | {"notes.txt": "x\n"}, name="wip")
    git(work, "branch", "-qD", "wip")
    git(work, "switch", "-qc", "wip")
    ours = status(work)["start"]
    ok("merge", "--no-ff", "wip", cwd=work)
    assert ok("show", "--json", cwd=work).json["parents"] == [ours, old]
    assert (work / "data/exp.csv").exists()
    assert (status(work)["other"], status(work)["clean"]) == (None, True)


@both_orders
def test_a_name_given_anew_after_its_merge_needs_no_word(work, order):
    branch_off(work, order, {"README.md": "ours\n"}, name="wip")
    git(work, "merge", "-q", "wip", "-m", "merge")
    ok("merge", "wip", cwd=work)
    merge = ok("rev-parse", "HEAD", cwd=work).out.strip()
    git(work, "branch", "-qd", "wip")
    git(work, "switch", "-qc", "wip")
    found = status(work)
    assert (found["start"], found["other"], found["clean"]) == (merge, None, True)
    step(work, {"train.py": "again\n", "model.pt": "again"}, "again", order)
    assert ok("show", "--json", cwd=work).json["parents"] == [merge]


@both_orders
@pytest.mark.parametrize("how", ["reworded", "more code"])
def test_an_amended_commit_rolls_nothing_back(work, order, how):
    second = step(work, {"train.py": "second\n", "data/second.csv": "2\n"}, "second", order)
    if how == "more code":
        write(work, {"train.py": "second, amended\n"})
    git(work, "commit", "-q", "--amend", "-am", how)
    git(work, "switch", "-qc", "new")
    assert status(work)["start"] == second
    ok("checkout", cwd=work)
    assert (work / "data/second.csv").exists()
    go(work, "main")
    assert ok("rev-parse", "HEAD", cwd=work).out.strip() == second


@both_orders
def test_a_branch_rebased_by_git_is_still_the_same(work, order):
    made = branch_off(work, order, {"README.md": "ours\n"})
    git(work, "switch", "-q", "exp")
    git(work, "rebase", "-q", "main")
    found = status(work)
    assert (found["commit"], found["other"], found["merges_due"]) == (made, None, ["main"])


def test_a_new_branch_does_not_start_at_what_another_one_has_beside_the_same_commit_of_gits(work):
    """exp's code came into Git later, so Git's commit below it is main's."""
    first = ok("rev-parse", "HEAD", cwd=work).out.strip()
    branch_off(work, "mvcs first")
    git(work, "switch", "-qc", "fresh")
    assert (status(work)["start"], changes(work)) == (first, {})
