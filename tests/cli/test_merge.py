"""merge, conflicts, resolve: two branches become one, and nothing is guessed."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.cli.harness import PROJECT, changes, fails, listed, mvcs_run, ok, snapshot, status, write


def commit(folder, files, message="change", *more):
    for name, content in files.items():
        if content is None:
            (folder / name).unlink()
    write(folder, {name: content for name, content in files.items() if content is not None})
    return ok("commit", "-m", message, *more, "--json", cwd=folder).json["commit"]


def two_sides(folder, ours, theirs):
    """A branch `other` with theirs and a branch `main` with ours, on main."""
    ok("switch", "-c", "other", cwd=folder)
    second = commit(folder, theirs, "theirs")
    ok("switch", "main", cwd=folder)
    first = commit(folder, ours, "ours")
    return first, second


def merge(folder, *words):
    return mvcs_run("merge", *words, "--json", cwd=folder)


def test_different_files_merge_into_one_commit_with_both_parents(project):
    ours, theirs = two_sides(project, {"data/mine.bin": b"\0m"}, {"data/yours.bin": b"\0y"})
    done = merge(project, "other")
    assert done.code == 0
    assert done.json["conflicts"] == 0
    assert done.json["how"] == "merged"
    shown = ok("show", "--json", cwd=project).json
    assert shown["parents"] == [ours, theirs]
    assert shown["message"] == "Merge other into main"
    assert {"data/mine.bin", "data/yours.bin"} <= set(listed(project))
    assert (project / "data/yours.bin").read_bytes() == b"\0y"
    assert status(project)["clean"]
    assert ok("fsck", cwd=project).code == 0


def test_a_branch_that_is_only_behind_moves_forward(project):
    ok("switch", "-c", "other", cwd=project)
    tip = commit(project, {"data/new.bin": b"\0"})
    ok("switch", "main", cwd=project)
    done = merge(project, "other")
    assert (done.json["how"], done.json["commit"]) == ("fast-forward", tip)
    assert (project / "data/new.bin").exists()
    assert merge(project, "other").json["how"] == "up-to-date"
    ok("undo", cwd=project)
    assert not (project / "data/new.bin").exists()
    made = merge(project, "--no-ff", "other").json
    assert made["how"] == "merged"
    assert len(ok("show", "--json", cwd=project).json["parents"]) == 2


def test_a_conflict_leaves_the_branch_and_is_settled_from_a_script(project):
    ours, theirs = two_sides(project, {"data/x.bin": b"\0ours"}, {"data/x.bin": b"\0theirs"})
    done = merge(project, "other")
    assert done.code == 1
    assert (done.json["commit"], done.json["conflicts"], done.json["how"]) == (None, 1, "conflicts")
    assert ok("rev-parse", "HEAD", cwd=project).out.strip() == ours
    told = mvcs_run("conflicts", "--json", cwd=project)
    assert told.code == 1
    (conflict,) = told.json["conflicts"]
    assert (conflict["path"], conflict["key"], conflict["base"]) == ("data/x.bin", None, None)
    assert (project / "data/x.bin").read_bytes() == b"\0ours"
    assert fails(1, "conflicts-left", "commit", "-m", "x", cwd=project)["details"]["paths"] == ["data/x.bin"]
    ok("resolve", "data/x.bin", "--theirs", cwd=project)
    assert (project / "data/x.bin").read_bytes() == b"\0theirs"
    assert ok("conflicts", "--json", cwd=project).json["conflicts"] == []
    oid = ok("commit", "--json", cwd=project).json["commit"]
    shown = ok("show", oid, "--json", cwd=project).json
    assert shown["parents"] == [ours, theirs]
    assert shown["provenance"]["merge"]["decisions"] == [{"key": None, "path": "data/x.bin", "strategy": "theirs"}]
    assert fails(4, "no-merge-in-progress", "conflicts", cwd=project)


def test_an_edit_settles_a_conflict_too(project):
    two_sides(project, {"data/x.bin": b"\0ours"}, {"data/x.bin": b"\0theirs"})
    merge(project, "other")
    (project / "data/x.bin").write_bytes(b"\0by hand")
    told = ok("conflicts", "--json", cwd=project).json["conflicts"]
    assert [(item["path"], item["edited"]) for item in told] == [("data/x.bin", True)]
    assert fails(4, "unsaved-work", "resolve", "data/x.bin", "--theirs", cwd=project)
    assert (project / "data/x.bin").read_bytes() == b"\0by hand"
    oid = ok("commit", "--json", cwd=project).json["commit"]
    decisions = ok("show", oid, "--json", cwd=project).json["provenance"]["merge"]["decisions"]
    assert decisions == [{"key": None, "path": "data/x.bin", "strategy": "edited"}]


def test_abort_brings_everything_back_and_saves_edits(project):
    two_sides(project, {"data/x.bin": b"\0ours"}, {"data/x.bin": b"\0theirs", "data/y.bin": b"\0"})
    before = snapshot(project)
    merge(project, "other")
    assert snapshot(project) != before
    ok("merge", "--abort", cwd=project)
    assert snapshot(project) == before
    assert status(project)["clean"]
    merge(project, "other")
    (project / "data/x.bin").write_bytes(b"\0hours of work")
    ok("merge", "--abort", cwd=project)
    assert snapshot(project) == before
    ok("undo", cwd=project)
    assert (project / "data/x.bin").read_bytes() == b"\0hours of work"
    assert mvcs_run("conflicts", cwd=project).code == 0


def test_each_step_of_a_merge_can_be_undone(project):
    two_sides(project, {"data/x.bin": b"\0ours", "data/z.bin": b"\0o"}, {"data/x.bin": b"\0theirs", "data/z.bin": b"\0t"})
    before = snapshot(project)
    merge(project, "other")
    ok("resolve", "data/x.bin", "--theirs", cwd=project)
    ok("undo", cwd=project)
    assert (project / "data/x.bin").read_bytes() == b"\0ours"
    assert len(mvcs_run("conflicts", "--json", cwd=project).json["conflicts"]) == 2
    ok("undo", cwd=project)
    assert snapshot(project) == before
    assert fails(4, "no-merge-in-progress", "conflicts", cwd=project)
    ok("redo", cwd=project)
    assert len(mvcs_run("conflicts", "--json", cwd=project).json["conflicts"]) == 2


def test_unsaved_work_refuses_a_merge_and_loses_nothing(project):
    two_sides(project, {"data/x.bin": b"\0ours"}, {"data/y.bin": b"\0theirs"})
    (project / "train.py").write_text("unsaved")
    before = snapshot(project)
    assert fails(4, "unsaved-work", "merge", "other", cwd=project)["details"]["paths"] == ["train.py"]
    assert snapshot(project) == before


def test_unrelated_histories_are_refused_unless_wanted(project):
    # a second root in the same repository: a model of its own
    write(project / "second", {"train.py": "print(2)\n", "model.pt": b"\0two", "data/q.bin": b"\0q"})
    ok("init", "--model", "second", "--yes", str(project / "second"), cwd=project)
    ok("commit", "-m", "second", cwd=project / "second")
    tip = ok("rev-parse", "HEAD", cwd=project / "second").out.strip()
    shutil.rmtree(project / "second")
    assert fails(4, "unrelated-histories", "merge", tip, cwd=project)
    done = merge(project, "--allow-unrelated", tip)
    assert done.code == 1  # model.pt and train.py were added on both sides
    assert done.json["conflicts"] > 0


def test_a_second_merge_and_a_switch_wait_for_the_first(project):
    two_sides(project, {"data/x.bin": b"\0ours"}, {"data/x.bin": b"\0theirs"})
    merge(project, "other")
    for words in (("merge", "other"), ("switch", "other"), ("commit", "--amend"), ("cherry-pick", "other"),
                  ("revert", "HEAD"), ("reset", "--hard", "HEAD")):
        assert fails(4, "merge-in-progress", *words, cwd=project)["details"]["what"] == "merge of other"
    found = status(project)
    assert found["merging"] == {"kind": "merge", "name": "other", "conflicts": 1}


def test_a_dry_run_with_conflicts_says_what_to_type_for_the_merge(project):
    two_sides(project, {"params.yaml": "lr: 7\n", "data/x.bin": b"\0o"}, {"params.yaml": "lr: 8\n", "data/x.bin": b"\0t"})
    done = mvcs_run("merge", "other", "--dry-run", "-s", "data/*=ours", cwd=project)
    assert done.code == 1
    assert done.out.splitlines()[-1] == "Next: mvcs merge other -s 'data/*=ours', and settle them then"
    done = mvcs_run("merge", "other", "-s", "data/*=ours", cwd=project)
    assert done.out.splitlines()[-1].startswith("Next: mvcs conflicts")


@pytest.mark.parametrize("how", [("merge",), ("merge", "--no-ff"), ("cherry-pick",)])
def test_a_file_in_the_way_is_to_be_moved_there_is_no_force(project, how):
    ok("switch", "-c", "other", cwd=project)
    write(project, {"notes.txt": "theirs\n"})
    ok("add", "notes.txt", "--as", "data", cwd=project)
    ok("commit", "-m", "theirs", cwd=project)
    ok("switch", "main", cwd=project)
    write(project, {"notes.txt": "mine\n"})
    error = fails(4, "unsaved-work", *how, "other", cwd=project)
    assert error["details"]["paths"] == ["notes.txt"]
    assert error["hint"] == "move them away, or mvcs commit those of the model"
    assert "--force" in fails(4, "unsaved-work", "switch", "other", cwd=project)["hint"]
    (project / "notes.txt").rename(project / "mine.txt")
    ok(*how, "other", cwd=project)
    assert (project / "notes.txt").read_text() == "theirs\n"
    assert (project / "mine.txt").read_text() == "mine\n"


def test_a_dry_run_changes_nothing(project):
    two_sides(project, {"data/x.bin": b"\0ours"}, {"data/x.bin": b"\0theirs", "data/y.bin": b"\0"})
    before, log = snapshot(project), ok("op", "log", "--json", cwd=project).json
    done = merge(project, "--dry-run", "other")
    assert done.code == 1
    assert (done.json["conflicts"], done.json["commit"]) == (1, None)
    assert merge(project, "--dry-run", "other", "--strategy", "data/*=theirs").json["how"] == "would-merge"
    assert snapshot(project) == before
    assert ok("op", "log", "--json", cwd=project).json == log


def test_strategies_by_pattern_settle_and_are_recorded(project):
    two_sides(project, {"data/x.bin": b"\0o", "data/y.bin": b"\0o"}, {"data/x.bin": b"\0t", "data/y.bin": b"\0t"})
    done = merge(project, "other", "-s", "data/x*=theirs", "-s", "data/*=ours")
    assert done.code == 0
    assert (project / "data/x.bin").read_bytes() == b"\0t"
    assert (project / "data/y.bin").read_bytes() == b"\0o"
    decisions = ok("show", "--json", cwd=project).json["provenance"]["merge"]["decisions"]
    assert {item["path"]: item["strategy"] for item in decisions} == {"data/x.bin": "theirs", "data/y.bin": "ours"}
    assert fails(2, "invalid-argument", "merge", "other", "-s", "data/*=guess", cwd=project)


def test_strategies_of_mvcs_toml_count_too(project):
    toml = (project / "mvcs.toml").read_text()
    commit(project, {"mvcs.toml": toml + '\n[merge]\nstrategies = { "data/*" = "theirs" }\n'})
    two_sides(project, {"data/x.bin": b"\0o"}, {"data/x.bin": b"\0t"})
    assert merge(project, "other").code == 0
    assert (project / "data/x.bin").read_bytes() == b"\0t"


@pytest.mark.parametrize("ours,theirs", [
    ({"data/x.bin": b"\0file"}, {"data/x.bin/inner.bin": b"\0inner"}),
    ({"data/x.bin/inner.bin": b"\0inner"}, {"data/x.bin": b"\0file"}),
])
def test_a_file_against_a_folder(project, ours, theirs):
    two_sides(project, ours, theirs)
    before = snapshot(project)
    done = merge(project, "other")
    assert done.json["conflicts"] == 1
    assert snapshot(project) == before  # ours stays until somebody says otherwise
    assert mvcs_run("conflicts", "--json", cwd=project).json["conflicts"][0]["path"] == "data/x.bin"
    ok("resolve", "data/x.bin", "--theirs", cwd=project)
    ok("commit", "-m", "theirs", cwd=project)
    assert set(theirs) <= set(listed(project))
    assert not set(ours) & set(listed(project))


def test_a_file_of_theirs_that_no_pattern_here_takes_is_kept(project):
    ignore = (project / ".mvcsignore").read_text()
    two_sides(
        project, {"data/x.bin": b"\0ours", ".mvcsignore": ignore + "/data/skip.bin\n"},
        {"data/x.bin": b"\0theirs", "data/skip.bin": b"\0theirs"},
    )
    merge(project, "other")
    ok("resolve", "data/x.bin", "--ours", cwd=project)
    ok("commit", cwd=project)
    assert "data/skip.bin" in listed(project)
    assert (project / "data/skip.bin").read_bytes() == b"\0theirs"


class TestWeights:
    """Weights follow the merged recipe."""

    def test_ours_changes_config_theirs_retrains_and_w1_is_kept_stale(self, project):
        two_sides(project, {"data/train.bin": b"\0changed"}, {"model.pt": b"\0W1"})
        done = merge(project, "other")
        assert done.json["stale"]
        assert (project / "model.pt").read_bytes() == b"\0W1"
        assert status(project)["stale"]

    def test_theirs_trained_with_the_merged_recipe(self, project):
        two_sides(project, {"README.md": "words\n"}, {"data/t.bin": b"\0", "model.pt": b"\0W1", "metrics.json": '{"auc": 0.9}'})
        done = merge(project, "other").json
        assert not done["stale"]
        assert (project / "model.pt").read_bytes() == b"\0W1"
        assert json.loads((project / "metrics.json").read_text()) == {"auc": 0.9}
        assert not status(project)["stale"]
        assert not status(project)["stale_metrics"]

    def test_a_named_side_is_fresh_and_recorded(self, project):
        two_sides(project, {"data/a.bin": b"\0a", "model.pt": b"\0Wa"}, {"data/b.bin": b"\0b", "model.pt": b"\0Wb"})
        assert merge(project, "other", "--dry-run").json["stale"]
        done = merge(project, "other", "--weights", "theirs").json
        assert not done["stale"]
        assert (project / "model.pt").read_bytes() == b"\0Wb"
        assert ok("show", "--json", cwd=project).json["origin"]["how"] == "merged:theirs"

    def test_two_trainings_of_one_recipe_conflict_by_file(self, project):
        two_sides(project, {"model.pt": b"\0Wa"}, {"model.pt": b"\0Wb", "extra.pt": b"\0E"})
        done = merge(project, "other")
        assert done.json["conflicts"] == 1
        assert mvcs_run("conflicts", "--json", cwd=project).json["conflicts"][0]["path"] == "model.pt"
        ok("resolve", "model.pt", "--theirs", cwd=project)
        ok("commit", "-m", "merged", cwd=project)
        assert (project / "model.pt").read_bytes() == b"\0Wb"
        assert ok("show", "--json", cwd=project).json["origin"]["how"] == "assumed"  # all of it is theirs
        assert not status(project)["stale"]

    def test_metrics_of_dropped_weights_go(self, project):
        two_sides(
            project, {"data/a.bin": b"\0a", "model.pt": b"\0Wa", "metrics.json": '{"auc": 0.7}'},
            {"data/b.bin": b"\0b", "model.pt": b"\0Wb", "metrics.json": '{"auc": 0.8}'},
        )
        merge(project, "other")
        assert json.loads((project / "metrics.json").read_text()) == {"auc": 0.7}


class TestPick:
    """cherry-pick and revert."""

    def test_a_commit_is_brought_over_with_its_author(self, project):
        ok("switch", "-c", "other", cwd=project)
        commit(project, {"data/skip.bin": b"\0"}, "skip")
        write(project, {"data/want.bin": b"\0w"})
        oid = ok("commit", "-m", "want", "--author", "Eve <eve@example.org>", "--json", cwd=project).json["commit"]
        ok("switch", "main", cwd=project)
        ok("cherry-pick", oid, cwd=project)
        assert (project / "data/want.bin").exists()
        assert not (project / "data/skip.bin").exists()
        shown = ok("show", "--json", cwd=project).json
        assert shown["message"] == f"want\n\n(cherry picked from {oid})"
        assert shown["author"]["name"] == "Eve" if isinstance(shown["author"], dict) else "Eve" in shown["author"]
        assert len(shown["parents"]) == 1
        assert fails(1, "nothing-to-commit", "cherry-pick", oid, cwd=project)

    def test_only_one_ingredient(self, project):
        ok("switch", "-c", "other", cwd=project)
        commit(project, {"data/want.bin": b"\0w", "model.pt": b"\0new", "train.py": "new\n"}, "all")
        ok("switch", "main", cwd=project)
        ok("cherry-pick", "other", "--only", "data", cwd=project)
        assert (project / "data/want.bin").exists()
        assert (project / "train.py").read_text() == PROJECT["train.py"]
        assert (project / "model.pt").read_bytes() == PROJECT["model.pt"]

    def test_only_the_weights(self, project):
        """They are taken although this recipe did not make them, and are stale then."""
        ok("switch", "-c", "other", cwd=project)
        commit(project, {"model.pt": b"\0new", "train.py": "new\n"}, "both")
        ok("switch", "main", cwd=project)
        assert ok("cherry-pick", "other", "--only", "weights", "--json", cwd=project).json["stale"]
        assert (project / "model.pt").read_bytes() == b"\0new"
        assert (project / "train.py").read_text() == PROJECT["train.py"]
        assert status(project)["clean"]
        ok("revert", "HEAD", "--only", "weights", cwd=project)
        assert (project / "model.pt").read_bytes() == PROJECT["model.pt"]
        assert not status(project)["stale"]
        commit(project, {"model.pt": b"\0trained here"}, "ours")
        assert mvcs_run("cherry-pick", "other", "--only", "weights", cwd=project).code == 1
        assert (project / "model.pt").read_bytes() == b"\0trained here"

    def test_revert_takes_back(self, project):
        before = snapshot(project)
        commit(project, {"data/x.bin": b"\0", "train.py": None}, "bad")
        bad = ok("rev-parse", "HEAD", cwd=project).out.strip()
        commit(project, {"data/later.bin": b"\0l"}, "later")
        ok("revert", "HEAD~1", cwd=project)
        after = snapshot(project)
        assert after.pop(b"data/later.bin") == ("f", b"\0l")
        assert after == before
        assert bad in ok("show", "--json", cwd=project).json["message"]
        assert changes(project) == {}

    def test_a_conflict_of_a_revert_is_settled_like_any(self, project):
        commit(project, {"data/x.bin": b"\0one"}, "one")
        commit(project, {"data/x.bin": b"\0two"}, "two")
        assert mvcs_run("revert", "HEAD~1", cwd=project).code == 1
        assert mvcs_run("gc", cwd=project).code == 0
        ok("resolve", "data/x.bin", "--theirs", cwd=project)
        ok("commit", cwd=project)
        assert not (project / "data/x.bin").exists()
        assert len(ok("show", "--json", cwd=project).json["parents"]) == 1

    def test_a_merge_needs_a_parent(self, project):
        two_sides(project, {"data/x.bin": b"\0"}, {"data/y.bin": b"\0"})
        merge(project, "other")
        assert fails(2, "invalid-argument", "revert", "HEAD", cwd=project)
        ok("revert", "HEAD", "--parent", "1", cwd=project)
        assert not (project / "data/y.bin").exists()
        assert (project / "data/x.bin").exists()


class TestResetOnly:
    """reset --only: one ingredient goes back, the branch stays."""

    def test_one_ingredient_goes_back_and_unsaved_work_is_saved(self, project):
        first = ok("rev-parse", "HEAD", cwd=project).out.strip()
        second = commit(project, {"data/train.csv": "a,b\n9,9\n", "train.py": "new\n", "data/more.bin": b"\0"})
        (project / "data/train.csv").write_text("a,b\nunsaved,1\n")
        ok("reset", "--only", "data", first, cwd=project)
        assert (project / "data/train.csv").read_text() == PROJECT["data/train.csv"]
        assert not (project / "data/more.bin").exists()
        assert (project / "train.py").read_text() == "new\n"
        assert ok("rev-parse", "HEAD", cwd=project).out.strip() == second
        ok("undo", cwd=project)
        assert (project / "data/train.csv").read_text() == "a,b\nunsaved,1\n"
        assert (project / "data/more.bin").exists()

    def test_an_unknown_ingredient_is_refused(self, project):
        assert fails(2, "invalid-argument", "reset", "--only", "datas", cwd=project)
