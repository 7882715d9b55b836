"""Merges beside Git: Git merges what it tracks, mvcs what Git does not."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.cli.harness import PROJECT, fails, git, mvcs_run, ok, status, write

IGNORED = "data/\nmodel.pt\n.mvcs/\nmetrics.json\n"


@pytest.fixture
def work(tmp_path):
    """A Git repository with code and config in it, data and weights beside it."""
    folder = tmp_path / "work"
    write(folder, {**PROJECT, ".gitignore": IGNORED, "data/x.bin": b"\0x"})
    git(folder, "init", "-q", "-b", "main")
    ok("init", "--model", "m", "--yes", cwd=folder)
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "first")
    ok("commit", "-m", "first", cwd=folder)
    return folder


def step(folder, files, message):
    write(folder, files)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", message)
    return ok("commit", "-m", message, "--json", cwd=folder).json["commit"]


def branch_off(folder, ours, theirs):
    git(folder, "switch", "-qc", "exp")
    second = step(folder, theirs, "theirs")
    git(folder, "switch", "-q", "main")
    ok("checkout", cwd=folder)
    return step(folder, ours, "ours"), second


def test_after_git_merge_the_rest_is_due_and_merged(work):
    ours, theirs = branch_off(
        work, {"README.md": "ours\n", "data/ours.bin": b"\0o"},
        {"train.py": "print('theirs')\n", "data/theirs.bin": b"\0t", "model.pt": b"W1"},
    )
    assert status(work)["merges_due"] == []
    git(work, "merge", "-q", "exp", "-m", "git merge")
    assert status(work)["merges_due"] == ["exp"]
    assert "mvcs merge exp" in ok("status", cwd=work).out
    assert fails(4, "merge-due", "commit", "-m", "x", cwd=work)["details"]["branches"] == ["exp"]
    ok("merge", "exp", cwd=work)
    assert ok("show", "--json", cwd=work).json["parents"] == [ours, theirs]
    assert (work / "data/theirs.bin").read_bytes() == b"\0t"
    assert (work / "data/ours.bin").read_bytes() == b"\0o"
    assert (work / "model.pt").read_bytes() == b"W1"
    assert (work / "train.py").read_text() == "print('theirs')\n"
    assert status(work)["clean"]
    assert status(work)["merges_due"] == []
    assert git(work, "status", "--porcelain") == ""


def test_a_merge_remembers_gits_commit_so_that_the_next_one_is_seen(work):
    branch_off(work, {"README.md": "ours\n"}, {"data/theirs.bin": b"\0t"})
    git(work, "switch", "-qc", "third", "exp")
    ok("checkout", cwd=work)
    step(work, {"data/third.bin": b"\0", "train.py": "third\n"}, "third")
    git(work, "switch", "-q", "main")
    ok("checkout", cwd=work)
    git(work, "merge", "-q", "exp", "-m", "one")
    ok("merge", "exp", cwd=work)
    assert ok("show", "--json", cwd=work).json["provenance"]["git"]["sha"] == git(work, "rev-parse", "HEAD")
    git(work, "merge", "-q", "third", "-m", "two")
    assert status(work)["merges_due"] == ["third"]
    ok("merge", "third", cwd=work)
    assert (work / "data/third.bin").exists()
    assert status(work)["clean"]


def test_a_fast_forward_of_git_is_one_here_too(work):
    git(work, "switch", "-qc", "exp")
    tip = step(work, {"train.py": "new\n", "data/new.bin": b"\0n"}, "theirs")
    git(work, "switch", "-q", "main")
    ok("checkout", cwd=work)
    git(work, "merge", "-q", "exp")
    assert status(work)["merges_due"] == ["exp"]
    done = ok("merge", "exp", "--json", cwd=work).json
    assert (done["how"], done["commit"]) == ("fast-forward", tip)
    assert (work / "data/new.bin").exists()
    assert status(work)["clean"]


def test_conflicts_in_code_are_gits_and_come_first(work):
    branch_off(work, {"train.py": "ours\n"}, {"train.py": "theirs\n", "data/theirs.bin": b"\0t"})
    with pytest.raises(Exception, match="merge"):
        git(work, "merge", "-q", "exp")
    error = fails(4, "unsaved-work", "merge", "exp", cwd=work)
    assert error["details"]["paths"] == ["train.py"]
    assert "git" in error["hint"]
    (work / "train.py").write_text("both\n")
    git(work, "add", "-A")
    git(work, "commit", "-qm", "merged by hand")
    ok("merge", "exp", cwd=work)
    assert (work / "train.py").read_text() == "both\n"
    assert (work / "data/theirs.bin").exists()
    assert status(work)["clean"]


def test_a_conflict_in_data_is_settled_here_and_code_is_gits(work):
    branch_off(
        work, {"data/x.bin": b"\0ours", "train.py": "a\n"}, {"data/x.bin": b"\0theirs", "params.yaml": "lr: 0.7\n"}
    )
    git(work, "merge", "-q", "exp", "-m", "merge")
    assert mvcs_run("merge", "exp", cwd=work).code == 1
    told = mvcs_run("conflicts", "--json", cwd=work).json["conflicts"]
    assert [item["path"] for item in told] == ["data/x.bin"]
    ok("resolve", "data/x.bin", "--theirs", cwd=work)
    ok("commit", cwd=work)
    assert (work / "data/x.bin").read_bytes() == b"\0theirs"
    assert (work / "train.py").read_text() == "a\n"
    assert (work / "params.yaml").read_text() == "lr: 0.7\n"
    assert len(ok("show", "--json", cwd=work).json["parents"]) == 2


def test_no_merge_leaves_the_rest_out(work):
    branch_off(work, {"README.md": "ours\n"}, {"train.py": "theirs\n", "data/theirs.bin": b"\0t"})
    git(work, "merge", "-q", "exp", "-m", "merge")
    ok("commit", "-m", "code only", "--no-merge", cwd=work)
    assert not (work / "data/theirs.bin").exists()
    assert (work / "train.py").read_text() == "theirs\n"


def off_main(folder, name, files):
    """Makes a branch with one commit from where main is, and comes back."""
    git(folder, "switch", "-qc", name)
    made = step(folder, files, name)
    git(folder, "switch", "-q", "main")
    ok("checkout", cwd=folder)
    return made


@pytest.fixture
def two(work):
    """Branches o1 and o2, each with code that Git merges and data that Git does not track; main has gone on as well."""
    for name in ("o1", "o2"):
        off_main(work, name, {f"{name}.py": "new\n", f"data/{name}.bin": name.encode()})
    step(work, {"README.md": "ours\n"}, "ours")
    return work


def git_merges(folder, how):
    if how == "octopus":
        git(folder, "merge", "-q", "o1", "o2", "-m", "both")
    else:
        git(folder, "merge", "-q", "o1", "-m", "one")
        git(folder, "merge", "-q", "o2", "-m", "two")


@pytest.mark.parametrize("how", ["octopus", "in a row"])
@pytest.mark.parametrize(("first", "second"), [("o1", "o2"), ("o2", "o1")])
def test_what_git_has_merged_is_due_until_each_of_it_is_merged(two, how, first, second):
    git_merges(two, how)
    assert status(two)["merges_due"] == ["o1", "o2"]
    error = fails(4, "merge-due", "commit", "-m", "x", cwd=two)
    assert error["hint"] == "mvcs merge o1, or mvcs commit --no-merge to leave them out"
    ok("merge", first, cwd=two)
    assert status(two)["merges_due"] == [second]
    assert fails(4, "merge-due", "commit", "-m", "x", cwd=two)["details"]["branches"] == [second]
    assert fails(4, "merge-due", "commit", "--amend", "-m", "x", cwd=two)["details"]["branches"] == [second]
    ok("merge", second, cwd=two)
    assert status(two)["merges_due"] == []
    assert (two / "data/o1.bin").read_bytes() == b"o1"
    assert (two / "data/o2.bin").read_bytes() == b"o2"
    assert status(two)["clean"]


def test_what_no_merge_has_left_out_is_not_due_again_whatever_is_merged_later(two):
    git_merges(two, "octopus")
    ok("merge", "o1", cwd=two)
    ok("commit", "-m", "without o2", "--no-merge", "--param", "a=1", cwd=two)
    assert status(two)["merges_due"] == []
    off_main(two, "o3", {"o3.py": "new\n"})
    git(two, "merge", "-q", "--no-ff", "o3", "-m", "three")
    assert status(two)["merges_due"] == ["o3"]
    ok("merge", "--no-ff", "o3", cwd=two)
    assert status(two)["merges_due"] == []
    git(two, "switch", "-q", "o2")
    ok("checkout", cwd=two)
    step(two, {"o2.py": "newer\n"}, "more of o2")
    git(two, "switch", "-q", "main")
    ok("checkout", cwd=two)
    assert status(two)["merges_due"] == []
    git(two, "merge", "-q", "o2", "-m", "again")
    assert status(two)["merges_due"] == ["o2"]


def test_a_pick_says_nothing_of_what_git_has_merged(two):
    made = off_main(two, "side", {"data/side.bin": b"s"})
    git_merges(two, "octopus")
    ok("cherry-pick", made, cwd=two)
    assert status(two)["merges_due"] == ["o1", "o2"]


def test_a_branch_that_contains_another_is_named_alone(work):
    """A rebase onto a main that has merged feat: merging main brings feat as well."""
    git(work, "branch", "topic")
    off_main(work, "feat", {"feat.py": "new\n", "data/feat.bin": b"f"})
    step(work, {"README.md": "ours\n", "data/main.bin": b"m"}, "ours")
    git(work, "merge", "-q", "feat", "-m", "merge")
    ok("merge", "feat", cwd=work)
    git(work, "switch", "-q", "topic")
    ok("checkout", cwd=work)
    step(work, {"topic.py": "new\n", "data/topic.bin": b"t"}, "topic")
    git(work, "rebase", "-q", "main")
    assert status(work)["merges_due"] == ["main"]
    ok("merge", "main", cwd=work)
    assert status(work)["merges_due"] == []
    assert {path.name for path in (work / "data").iterdir()} >= {"feat.bin", "main.bin", "topic.bin"}
    assert status(work)["clean"]


def test_a_branch_with_data_of_its_own_at_gits_commit_is_not_merged_by_git(two):
    """Nothing of Git's tells it from HEAD, before and after other merges."""
    git_merges(two, "octopus")
    for name in ("o1", "o2"):
        ok("merge", name, cwd=two)
    git(two, "switch", "-qc", "same")
    ok("checkout", cwd=two)
    write(two, {"data/same.bin": b"s"})
    ok("commit", "-m", "same", cwd=two)
    git(two, "switch", "-q", "main")
    ok("checkout", cwd=two)
    assert status(two)["merges_due"] == []
    off_main(two, "o3", {"o3.py": "new\n"})
    git(two, "merge", "-q", "--no-ff", "o3", "-m", "three")
    assert status(two)["merges_due"] == ["o3"]
    ok("merge", "--no-ff", "o3", cwd=two)
    assert status(two)["merges_due"] == []


def test_a_branch_made_at_an_old_commit_has_the_right_base(work):
    old = git(work, "rev-parse", "HEAD")
    step(work, {"data/later.bin": b"\0l", "train.py": "later\n"}, "later")
    git(work, "switch", "-qc", "from-old", old)
    ok("checkout", cwd=work)
    step(work, {"data/side.bin": b"\0s"}, "side")
    git(work, "merge", "-q", "main", "-m", "merge")
    done = ok("merge", "main", "--json", cwd=work).json
    assert done["how"] == "merged"
    assert {"data/later.bin", "data/side.bin"} <= {
        item["path"] for item in ok("ls", "--json", cwd=work).json["entries"]
    }
    assert (work / "train.py").read_text() == "later\n"


def test_a_rebase_of_gits_leaves_mvcs_whole(work):
    branch_off(work, {"README.md": "ours\n", "data/ours.bin": b"\0o"}, {"train.py": "theirs\n", "data/theirs.bin": b"\0t"})
    git(work, "switch", "-q", "exp")
    ok("checkout", cwd=work)
    git(work, "rebase", "-q", "main")
    assert status(work)["merges_due"] == ["main"]
    ok("merge", "main", cwd=work)
    assert {"data/ours.bin", "data/theirs.bin"} <= {
        item["path"] for item in ok("ls", "--json", cwd=work).json["entries"]
    }
    assert (work / "README.md").read_text() == "ours\n"
    assert status(work)["clean"]


def test_follow_git_can_be_turned_off(work):
    toml = (work / "mvcs.toml").read_text()
    write(work, {"mvcs.toml": "follow_git = false\n" + toml})
    ok("commit", "-m", "on our own", cwd=work)
    ok("switch", "-c", "exp", cwd=work)
    write(work, {"train.py": "theirs\n"})
    ok("commit", "-m", "theirs", cwd=work)
    ok("switch", "main", cwd=work)
    write(work, {"README.md": "ours\n"})
    ok("commit", "-m", "ours", cwd=work)
    ok("merge", "exp", cwd=work)
    assert (work / "train.py").read_text() == "theirs\n"


def test_two_models_of_one_project_share_code_and_data(tmp_path):
    top = tmp_path / "top"
    write(top, {"src/lib.py": "one\n", "data/shared.bin": b"\0s", "a/train.py": "a\n", "a/a.pt": b"Wa", "b/train.py": "b\n",
                "b/b.pt": b"Wb"})
    git(top, "init", "-q", "-b", "main")
    for name in "ab":
        write(top / name, {"mvcs.toml": (
            f'model = "{name}"\nroot = ".."\n\n[ingredients]\ncode = ["src/*.py", "{name}/*.py"]\n'
            f'data = ["data/"]\nweights = ["{name}/*.pt"]\nabout = ["{name}/mvcs.toml"]\n'
        )})
    ok("init", cwd=top / "a")
    assert (top / ".mvcs" / "format").exists()  # where both models find it
    ok("init", cwd=top / "b")
    write(top, {".gitignore": "data/\n*.pt\n.mvcs/\n"})
    git(top, "add", "-A")
    git(top, "commit", "-qm", "first")
    for name in "ab":
        ok("commit", "-m", f"first {name}", cwd=top / name)
    git(top, "switch", "-qc", "exp")
    write(top, {"src/lib.py": "two\n", "data/more.bin": b"\0m", "a/a.pt": b"Wa2"})
    git(top, "add", "-A")
    git(top, "commit", "-qm", "theirs")
    for name in "ab":
        ok("commit", "-m", f"theirs {name}", cwd=top / name)
    git(top, "switch", "-q", "main")
    for name in "ab":
        ok("checkout", cwd=top / name)
    assert not (top / "data/more.bin").exists()
    git(top, "merge", "-q", "exp")
    for name in "ab":
        ok("merge", "exp", cwd=top / name)
        assert json.loads(ok("status", "--json", cwd=top / name).out)["clean"]
    assert (top / "data/more.bin").exists()
    assert (top / "a/a.pt").read_bytes() == b"Wa2"
    assert (top / "b/b.pt").read_bytes() == b"Wb"


def test_conflicts_of_gits_are_not_committed(work):
    branch_off(work, {"train.py": "print('ours')\n"}, {"train.py": "print('theirs')\n"})
    with pytest.raises(subprocess.CalledProcessError):
        git(work, "merge", "-q", "exp", "-m", "git merge")
    assert "<<<<<<<" in (work / "train.py").read_text()
    before = ok("rev-parse", "HEAD", cwd=work).out
    error = fails(4, "unsaved-work", "commit", "-m", "x", cwd=work)
    assert error["details"]["paths"] == ["train.py"]
    assert "git" in error["hint"]
    assert ok("rev-parse", "HEAD", cwd=work).out == before


def test_status_says_what_git_waits_for_and_one_next_step(work):
    branch_off(work, {"train.py": "ours\n"}, {"train.py": "theirs\n", "data/theirs.bin": b"\0t"})
    with pytest.raises(subprocess.CalledProcessError):
        git(work, "merge", "-q", "exp", "-m", "git merge")
    assert status(work)["unmerged_in_git"] == ["train.py"]
    told = ok("status", cwd=work).out
    assert [line.strip() for line in told.splitlines() if "Next" in line] == [
        "Git's own merge has conflicts in train.py. Next: git mergetool, git commit"
    ]
    write(work, {"train.py": "both\n"})
    git(work, "commit", "-qam", "both")
    assert status(work)["unmerged_in_git"] == []
    told = ok("status", cwd=work).out
    assert "modified  train.py" in told
    assert [line.strip() for line in told.splitlines() if "Next" in line] == ["Git has merged exp. Next: mvcs merge exp"]


def test_a_new_branch_starts_at_the_nearest_commit_of_gits_history_not_at_the_last_one_made(work, monkeypatch):
    """An experiment from an older commit of Git's was committed later; it is no part of what the branch begins with."""
    second = step(work, {"train.py": "second\n", "data/x.bin": b"\0second"}, "second")
    git(work, "switch", "-qc", "exp", "HEAD~1")
    ok("checkout", cwd=work)
    write(work, {"data/x.bin": b"\0exp"})
    monkeypatch.setenv("MVCS_AUTHOR_DATE", "2026-03-02T12:00:00+00:00")
    ok("commit", "-m", "exp", cwd=work)
    git(work, "switch", "-q", "main")
    ok("checkout", cwd=work)
    git(work, "switch", "-qc", "fresh")
    ok("checkout", cwd=work)
    assert (work / "data/x.bin").read_bytes() == b"\0second"
    assert status(work)["clean"]
    write(work, {"data/x.bin": b"\0fresh"})
    made = ok("commit", "-m", "fresh", "--json", cwd=work).json["commit"]
    assert ok("show", made, "--json", cwd=work).json["parents"] == [second]
