"""branch, tag, switch, checkout, restore, reset: names move, files follow, nothing is lost."""

from __future__ import annotations

import pytest

from tests.cli.harness import PROJECT, changes, fails, make_project, mvcs_run, ok, snapshot, status, write


@pytest.fixture
def two(project):
    """main and other, with another train.py and another model.pt."""
    ok("switch", "-c", "other", cwd=project)
    write(project, {"train.py": "other\n", "model.pt": b"other"})
    ok("commit", "-m", "other", cwd=project)
    ok("switch", "main", cwd=project)
    return project


def current(project) -> str:
    return ok("branch", "--show-current", "-q", cwd=project).out.strip()


def rev(project, name="HEAD") -> str:
    return ok("rev-parse", name, cwd=project).out.strip()


def test_branch_keys(two):
    found = ok("branch", "--json", cwd=two).json
    assert [item["name"] for item in found["branches"]] == ["main", "other"]
    assert {item["name"]: (item["subject"], item["current"]) for item in found["branches"]} == {"main": ("first", True), "other": ("other", False)}
    assert set(found["branches"][0]) == {"name", "commit", "subject", "current", "message"}
    assert ok("branch", "-q", cwd=two).out == "main\nother\n"
    assert ok("branch", cwd=two).out.splitlines()[0].startswith("* main ")
    assert ok("branch", "b", "other", "--json", cwd=two).json == {"schema": "mvcs.branch/1", "branch": "b", "commit": rev(two, "other")}


def test_branch_makes_moves_renames_and_removes(two):
    ok("branch", "b", "other", cwd=two)
    assert (rev(two, "b"), current(two)) == (rev(two, "other"), "main")
    ok("branch", "-f", "b", "main", cwd=two)
    assert rev(two, "b") == rev(two, "main")
    ok("branch", "-m", "b", "c", cwd=two)
    ok("branch", "-m", "trunk", cwd=two)  # the current one
    assert (current(two), ok("branch", "-q", cwd=two).out.split()) == ("trunk", ["c", "other", "trunk"])
    assert status(two)["clean"]
    gone = rev(two, "other")
    ok("branch", "-d", "other", cwd=two)
    fails(3, "revision-not-found", "rev-parse", "other", cwd=two)
    ok("undo", cwd=two)
    assert rev(two, "other") == gone
    ok("undo", cwd=two)
    assert current(two) == "main"


def test_the_branch_that_one_stands_on_is_not_removed(two):
    assert fails(4, "current-branch", "branch", "-d", "main", cwd=two)["hint"] == "mvcs switch ANOTHER"


@pytest.mark.parametrize("words", [["branch", "MAIN"], ["branch", "Main", "other"], ["switch", "-c", "mAin"], ["branch", "-m", "other", "Main"], ["checkout", "-b", "Other"]])
def test_names_that_differ_only_in_case_are_refused(two, words):
    fails(2, "invalid-name", *words, cwd=two)


def test_a_branch_may_be_renamed_to_itself_in_another_case(two):
    ok("branch", "-m", "main", "Main", cwd=two)
    assert current(two) == "Main"


def test_tag_keys_and_life(two):
    assert ok("tag", "v1", "other", "-m", "why", "--json", cwd=two).json == {"schema": "mvcs.tag/1", "tag": "v1", "commit": rev(two, "other")}
    found = ok("tag", "--json", cwd=two).json["tags"]
    assert [(item["name"], item["commit"], item["message"], item["subject"]) for item in found] == [("v1", rev(two, "other"), "why", "other")]
    assert fails(4, "ref-exists", "tag", "v1", "main", cwd=two)["hint"] == "mvcs tag -d v1"
    assert rev(two, "v1") == rev(two, "v1^{}") == rev(two, "v1^{commit}") == rev(two, "other")
    assert rev(two, "v1^{tag}") != rev(two, "v1")
    ok("tag", "-d", "v1", cwd=two)
    assert ok("tag", "-q", cwd=two).out == ""
    ok("undo", cwd=two)
    assert rev(two, "v1") == rev(two, "other")


def test_a_tag_may_name_a_file_or_a_tree(two):
    ok("tag", "tree", "HEAD^{tree}", cwd=two)
    assert rev(two, "tree") == rev(two, "HEAD^{tree}")
    assert [item["name"] for item in ok("tag", "--json", cwd=two).json["tags"]] == ["tree"]
    fails(3, "revision-not-found", "show", "tree", cwd=two)
    assert mvcs_run("gc", cwd=two).code == mvcs_run("fsck", cwd=two).code == mvcs_run("log", "--all", cwd=two).code == 0


def test_switch_there_and_back(two):
    main = snapshot(two)
    answer = ok("switch", "other", "--json", cwd=two).json
    assert answer == {"schema": "mvcs.switch/1", "branch": "other", "commit": rev(two, "other"), "files": 2, "saved": None}
    assert ((two / "train.py").read_text(), (two / "model.pt").read_bytes()) == ("other\n", b"other")
    assert status(two)["clean"]
    ok("switch", "main", cwd=two)
    assert snapshot(two) == main


def test_switch_c_starts_where_it_is_told(two):
    ok("switch", "-c", "b", "other", cwd=two)
    assert (current(two), (two / "train.py").read_text()) == ("b", "other\n")
    write(two, {"params.yaml": "carried"})
    ok("switch", "-c", "c", cwd=two)
    assert changes(two) == {"params.yaml": ("config", "modified")}


def test_switch_to_an_unknown_branch_names_the_known_ones(two):
    error = fails(3, "ref-not-found", "switch", "othr", cwd=two)
    assert error["hint"] == "mvcs switch -c othr"
    assert error["details"]["known"] == ["branch main", "branch other"]


@pytest.mark.parametrize("name", ["other~0", "v1", "HEAD"])
def test_switch_to_a_commit_says_how(two, name):
    ok("tag", "v1", cwd=two)
    assert fails(3, "ref-not-found", "switch", name, cwd=two)["hint"] == f"mvcs switch --detach {name}"


def test_switch_before_the_first_commit(tmp_path):
    project = make_project(tmp_path / "p", commit=False)
    ok("switch", "-c", "start", cwd=project)
    ok("commit", "-m", "x", cwd=project)
    assert ok("branch", "-q", cwd=project).out == "start\n"


def test_a_detached_head_can_commit_and_gets_a_branch(two):
    ok("switch", "--detach", "other", cwd=two)
    assert status(two)["branch"] is None
    write(two, {"train.py": "detached\n"})
    assert ok("commit", "-m", "detached", "--json", cwd=two).json["branch"] is None
    assert rev(two, "HEAD~1") == rev(two, "other")
    assert "no branch" in ok("status", cwd=two).out
    ok("switch", "-c", "kept", cwd=two)
    ok("switch", "main", cwd=two)
    assert ok("cat", "kept:train.py", cwd=two).out == "detached\n"


def test_what_was_committed_on_no_branch_is_found_in_the_reflog(two):
    ok("checkout", "other", cwd=two)
    ok("checkout", rev(two, "main"), cwd=two)
    write(two, {"train.py": "lost\n"})
    lost = ok("commit", "-m", "lost", "-q", cwd=two).out.strip()
    ok("switch", "main", cwd=two)
    assert rev(two, "HEAD@{1}") == lost
    ok("gc", cwd=two)
    assert rev(two, lost) == lost


@pytest.mark.parametrize(("revision", "branch"), [("other", "other"), ("other~0", None), ("HEAD~0", None)])
def test_checkout_of_a_branch_stands_on_it_and_of_anything_else_on_the_commit(two, revision, branch):
    assert ok("checkout", revision, "--json", cwd=two).json["branch"] == branch
    assert status(two)["clean"]


def test_checkout_b_and_checkout_of_paths(two):
    ok("checkout", "-b", "b", "other", cwd=two)
    assert current(two) == "b"
    ok("switch", "main", cwd=two)
    assert ok("checkout", "other", "train.py", "--json", cwd=two).json["paths"] == ["train.py"]
    assert (current(two), changes(two)) == ("main", {"train.py": ("code", "modified")})


def test_checkout_alone_brings_the_files_to_head(two):
    (two / "train.py").unlink()
    answer = ok("checkout", "--json", cwd=two).json
    assert (answer["files"], answer["branch"]) == (1, "main")
    write(two, {"train.py": "mine\n"})
    assert fails(4, "unsaved-work", "checkout", cwd=two)["details"]["paths"] == ["train.py"]
    saved = ok("checkout", "--force", "--json", cwd=two).json["saved"]
    assert ok("cat", f"{saved}:train.py", cwd=two).out == "mine\n"
    assert status(two)["clean"]
    assert fails(3, "revision-not-found", "checkout", cwd=make_project(two.parent / "e", commit=False))


def test_restore_gives_content_and_saves_what_it_overwrites(two):
    write(two, {"train.py": "mine\n", "params.yaml": "mine\n"})
    answer = ok("restore", "train.py", "--json", cwd=two).json
    assert answer["paths"] == ["train.py"]
    assert ok("cat", f"{answer['saved']}:train.py", cwd=two).out == "mine\n"
    assert changes(two) == {"params.yaml": ("config", "modified")}
    ok("undo", cwd=two)
    assert (two / "train.py").read_text() == "mine\n"
    assert ok("restore", "README.md", "--json", cwd=two).json == {"schema": "mvcs.restore/1", "paths": [], "saved": None}


def test_restore_from_another_commit_and_of_folders(two):
    ok("restore", "-s", "other", ".", cwd=two)
    assert set(changes(two)) == {"train.py", "model.pt"}
    assert rev(two) == rev(two, "main")
    ok("restore", ".", cwd=two)
    assert status(two)["clean"]
    write(two, {"data/new.csv": "1", "data/train.csv": "2"})
    (two / "README.md").unlink()
    ok("restore", "data", "README.md", cwd=two)
    assert (two / "data/train.csv").read_text() == PROJECT["data/train.csv"]
    assert not (two / "data/new.csv").exists()  # a new file of the model goes too, saved first
    ok("undo", cwd=two)
    assert (two / "data/new.csv").read_text() == "1"


def test_restore_of_nothing_known(two):
    write(two, {"notes.txt": "mine"})
    for path in ("notes.txt", "nosuch"):
        fails(3, "path-not-found", "restore", path, cwd=two)
    assert (two / "notes.txt").read_text() == "mine"


def test_restore_brings_modes_and_links(project):
    import os

    (project / "link.py").symlink_to("train.py")
    os.chmod(project / "train.py", 0o755)
    ok("commit", "-m", "x", cwd=project)
    before = snapshot(project)
    os.chmod(project / "train.py", 0o644)
    (project / "link.py").unlink()
    write(project, {"link.py": "a file now"})
    ok("restore", ".", cwd=project)
    assert snapshot(project) == before


def test_reset_moves_the_branch_and_hard_the_files(two):
    first = rev(two, "main")
    assert ok("reset", "other", "--json", cwd=two).json == {"schema": "mvcs.reset/1", "commit": rev(two, "other"), "paths": [], "saved": None}
    assert rev(two, "main") == rev(two, "other")
    assert set(changes(two)) == {"train.py", "model.pt"}
    ok("reset", first, cwd=two)
    assert status(two)["clean"]
    write(two, {"params.yaml": "mine\n"})
    answer = ok("reset", "--hard", "other", "--json", cwd=two).json
    assert sorted(answer["paths"]) == ["model.pt", "params.yaml", "train.py"]
    assert status(two)["clean"]
    assert ok("cat", f"{answer['saved']}:params.yaml", cwd=two).out == "mine\n"
    ok("undo", cwd=two)
    assert rev(two, "main") == first
    assert changes(two) == {"params.yaml": ("config", "modified")}


def test_reset_hard_alone_drops_unsaved_work_into_a_commit(two):
    write(two, {"train.py": "mine\n", "data/new.csv": "new\n"})
    ok("reset", "--hard", cwd=two)
    assert status(two)["clean"]
    ok("undo", cwd=two)
    assert changes(two) == {"train.py": ("code", "modified"), "data/new.csv": ("data", "added")}


def test_untracked_files_stay_where_they_are(two):
    write(two, {"notes.txt": "mine", ".env": "S=1", "wandb/x": "w"})
    for words in (["switch", "other"], ["reset", "--hard", "main"], ["restore", "."], ["undo"], ["checkout", "main"], ["redo"]):
        mvcs_run(*words, cwd=two)
        assert (two / "notes.txt").read_text() == "mine"
        assert (two / ".env").read_text() == "S=1"


def test_empty_folders_go_and_others_stay(two):
    write(two, {"deep/a/b/x.py": "x"})
    ok("commit", "-m", "deep", cwd=two)
    write(two, {"deep/a/notes.txt": "n"})
    ok("switch", "other", cwd=two)
    assert (two / "deep/a/notes.txt").exists()
    assert not (two / "deep/a/b").exists()


# undo, redo, op


def test_undo_and_redo_keys(two):
    write(two, {"train.py": "x\n"})
    oid = ok("commit", "-m", "x", "-q", cwd=two).out.strip()
    before = rev(two, "HEAD~1")
    answer = ok("undo", "--json", cwd=two).json
    assert set(answer) == {"schema", "operation", "command", "files", "moves", "saved"}
    assert (answer["command"], answer["files"], answer["moves"]) == ("commit -m x -q", [], [{"ref": "heads/m/main", "old": oid, "new": before}])
    assert (rev(two), changes(two)) == (before, {"train.py": ("code", "modified")})
    again = ok("redo", "--json", cwd=two).json
    assert again["moves"] == [{"ref": "heads/m/main", "old": before, "new": oid}]
    assert again["operation"] == answer["operation"]
    assert (rev(two), status(two)["clean"]) == (oid, True)


def test_undo_goes_back_step_by_step_and_redo_forth(project):
    states = [rev(project)]
    for index in range(4):
        write(project, {"train.py": f"{index}\n"})
        ok("commit", "-m", str(index), cwd=project)
        states.append(rev(project))
    for state in reversed(states[:-1]):
        ok("undo", cwd=project)
        assert rev(project) == state
    for state in states[1:]:
        ok("redo", cwd=project)
        assert rev(project) == state
    fails(1, "nothing-to-undo", "redo", cwd=project)


def test_undo_commit_undo(project):
    """What was undone before a new commit is not what the next undo means."""
    first = rev(project)
    write(project, {"train.py": "1\n"})
    ok("commit", "-m", "one", cwd=project)
    ok("undo", cwd=project)
    write(project, {"train.py": "2\n"})
    ok("commit", "-m", "two", cwd=project)
    fails(1, "nothing-to-undo", "redo", cwd=project)
    ok("undo", cwd=project)
    assert rev(project) == first
    assert [item["command"].split()[0] for item in ok("op", "--json", cwd=project).json["operations"]] == ["undo", "commit", "undo", "commit", "commit", "init"]
    ok("undo", cwd=project)
    fails(1, "nothing-to-undo", "undo", cwd=project)


def test_undo_of_files_refuses_to_lose_what_was_written_since(two):
    ok("switch", "other", cwd=two)
    write(two, {"train.py": "mine\n"})
    assert fails(4, "unsaved-work", "undo", cwd=two)["details"]["paths"] == ["train.py"]
    saved = ok("undo", "--force", "--json", cwd=two).json["saved"]
    assert ok("cat", f"{saved}:train.py", cwd=two).out == "mine\n"
    assert (current(two), status(two)["clean"]) == ("main", True)


def test_undo_of_everything_that_moves_a_ref(two):
    write(two, {"data/x.csv": "1"})
    for words in (["tag", "t"], ["branch", "b"], ["branch", "-d", "other"], ["switch", "-c", "n"], ["reset", "other"], ["checkout", "--force", "other"], ["rm", "-f", "data/x.csv"],
                  ["commit", "--amend", "-m", "z"], ["branch", "-m", "trunk"], ["restore", "-s", "other", "train.py"], ["commit", "--metric", "a=1", "-m", "m"]):
        files, refs = snapshot(two), ok("branch", "--json", cwd=two).json
        ok(*words, cwd=two)
        ok("undo", cwd=two)
        assert (snapshot(two), ok("branch", "--json", cwd=two).json) == (files, refs), words
        ok("redo", cwd=two)
        ok("undo", cwd=two)
        assert (snapshot(two), ok("branch", "--json", cwd=two).json) == (files, refs), words
    assert mvcs_run("fsck", cwd=two).code == 0


def test_op_log_and_show(two):
    found = ok("op", "log", "-n", "2", "--json", cwd=two).json["operations"]
    assert len(found) == 2
    assert set(found[0]) == {"operation", "height", "time", "actor", "command", "reason", "moves", "evidence"}
    assert found[0]["height"] == found[1]["height"] + 1
    assert ok("op", "show", found[1]["operation"][:12], "--json", cwd=two).json == {"schema": "mvcs.op/1", **found[1]}
    assert ok("op", "show", "--json", cwd=two).json["operation"] == found[0]["operation"]
    assert ok("op", "-q", cwd=two).out.split()[0] == found[0]["operation"]
    assert "mvcs switch main" in ok("op", cwd=two).out


def test_op_log_of_the_past_ends_there(two):
    third = ok("op", "-q", cwd=two).out.split()[-3]
    assert ok("--at", third, "op", "-q", cwd=two).out.split()[0] == third


def test_reflog_views(two):
    history = [rev(two, "main")]
    for index in range(3):
        write(two, {"train.py": f"{index}\n"})
        ok("commit", "-m", str(index), cwd=two)
        history.insert(0, rev(two, "main"))
    ok("switch", "other", cwd=two)
    assert [rev(two, f"main@{{{n}}}") for n in range(4)] == history
    ok("switch", "main", cwd=two)
    assert rev(two, "@{1}") == history[1]
    assert rev(two, "HEAD@{0}") == history[0]
    assert rev(two, "HEAD@{1}") == rev(two, "other")
    assert [rev(two, f"HEAD@{{{n}}}") for n in (2, 3)] == history[:2]
    assert rev(two, "main@{now}") == rev(two, "HEAD@{now}") == history[0]
    fails(3, "revision-not-found", "rev-parse", "main@{4}", cwd=two)
    fails(3, "revision-not-found", "rev-parse", "HEAD@{2001-01-01}", cwd=two)


def test_a_name_at_a_date(project):
    """The ledger's own clock says when; a HEAD is asked with the branch it was on."""
    import time

    first = rev(project)
    operations = ok("op", "--json", cwd=project).json["operations"]
    time.sleep(0.002)
    write(project, {"train.py": "x\n"})
    ok("commit", "-m", "x", cwd=project)
    at = operations[0]["time"].replace("Z", "+00:00")
    assert rev(project, f"main@{{{_up(at)}}}") == first
    assert rev(project, f"HEAD@{{{_up(at)}}}") == first


def _up(text: str) -> str:
    """A microsecond later: JSON cuts the nanoseconds off."""
    from datetime import datetime, timedelta

    return (datetime.fromisoformat(text) + timedelta(microseconds=1)).isoformat()
