"""Merges before the first commit, of references, of weights that were collected, of notebooks that both sides ran."""

from __future__ import annotations

import json

import pytest

from tests.cli.harness import PROJECT, changes, fails, listed, make_project, mvcs_run, ok, snapshot, status, write
from tests.cli.test_keeping import old_runs
from tests.cli.test_merge import commit, merge, two_sides
from tests.cli.test_merge_inside import conflicts

__all__ = ["old_runs"]


class TestUnborn:
    """A branch without commits merges another: it moves there, as in Git."""

    @pytest.fixture
    def unborn(self, tmp_path):
        """A workspace without commits, and another of the same model with one on `mine`."""
        folder = make_project(tmp_path / "p", commit=False)
        write(folder, {".mvcsignore": (folder / ".mvcsignore").read_text() + "/copy/\n"})
        same = {name: (folder / name).read_text() for name in ("mvcs.toml", ".mvcsignore")}
        copy = write(folder / "copy", {**PROJECT, **same, "new.py": "new\n"})
        ok("init", "--branch", "mine", str(copy), cwd=folder)
        ok("commit", "-m", "first", cwd=copy)
        return folder

    @pytest.mark.parametrize("words", [(), ("--no-ff",), ("--weights", "ours")])
    def test_it_moves_there_and_undo_takes_it_back(self, unborn, words):
        before = snapshot(unborn)
        tip = ok("rev-parse", "mine", cwd=unborn).out.strip()
        assert merge(unborn, "mine", "--dry-run", *words).json["how"] == "fast-forward"
        assert snapshot(unborn) == before
        done = merge(unborn, "mine", *words).json
        assert (done["how"], done["commit"]) == ("fast-forward", tip)
        assert status(unborn)["clean"]
        assert (unborn / "new.py").read_text() == "new\n"
        ok("undo", cwd=unborn)
        assert snapshot(unborn) == before
        assert status(unborn)["commit"] is None

    def test_work_that_no_commit_has_is_not_overwritten(self, unborn):
        write(unborn, {"train.py": "hours of work\n"})
        before = snapshot(unborn)
        assert fails(4, "unsaved-work", "merge", "mine", cwd=unborn)["details"]["paths"] == ["train.py"]
        assert snapshot(unborn) == before

    @pytest.mark.parametrize("verb", ["cherry-pick", "revert"])
    def test_what_needs_a_commit_says_so(self, unborn, verb):
        assert fails(3, "revision-not-found", verb, "mine", cwd=unborn)["details"]["revision"] == "HEAD"


def reference(version, size=5):
    return f'\n[references]\n"data/v.csv" = {{ as = "data", url = "https://host/v.csv", size = {size}, version = "{version}" }}\n'


class TestReferences:
    """A reference is what mvcs.toml says of it, and merges with it."""

    KEY = 'references."data/v.csv".version'

    def both(self, project, ours, theirs):
        text = (project / "mvcs.toml").read_text()
        commit(project, {"mvcs.toml": text + reference("v1")}, "base")
        two_sides(project, {"mvcs.toml": text + ours, "data/x.bin": b"\0"}, {"mvcs.toml": text + theirs, "data/y.bin": b"\0"})
        return merge(project, "other")

    def stored(self, project):
        return json.loads(ok("cat", "HEAD:data/v.csv", cwd=project).out)["version"]

    @pytest.mark.parametrize("word,version", [("--ours", "v2"), ("--theirs", "v3"), ("--base", "v1")])
    def test_changed_by_both_is_one_conflict_with_both_versions(self, project, word, version):
        assert self.both(project, reference("v2"), reference("v3")).json["conflicts"] == 1
        assert conflicts(project) == {("mvcs.toml", self.KEY): ("v1", "v2", "v3")}
        ok("resolve", f"mvcs.toml:{self.KEY}", word, cwd=project)
        ok("commit", cwd=project)
        assert self.stored(project) == version
        assert f'version = "{version}"' in (project / "mvcs.toml").read_text()
        assert status(project)["clean"]
        assert ok("fsck", cwd=project).code == 0

    def test_changed_by_one_is_taken(self, project):
        assert self.both(project, reference("v1"), reference("v3")).code == 0
        assert self.stored(project) == "v3"
        assert status(project)["clean"]

    def test_different_fields_meet(self, project):
        assert self.both(project, reference("v2"), reference("v1", size=9)).code == 0
        assert self.stored(project) == "v2"
        assert json.loads(ok("cat", "HEAD:data/v.csv", cwd=project).out)["size"] == 9
        assert status(project)["clean"]

    @pytest.mark.parametrize("flipped", [False, True])
    def test_changed_here_and_taken_out_there_is_a_conflict(self, project, flipped):
        sides = ["", reference("v3")]
        assert self.both(project, *(sides[::-1] if flipped else sides)).code == 1
        assert {path for path, _ in conflicts(project)} == {"mvcs.toml"}
        ok("resolve", "mvcs.toml", "--ours" if flipped else "--theirs", cwd=project)
        ok("commit", cwd=project)
        assert self.stored(project) == "v3"
        assert status(project)["clean"]

    def test_an_edit_of_mvcs_toml_has_the_last_word(self, project):
        self.both(project, reference("v2"), reference("v3"))
        text = (project / "mvcs.toml").read_text()
        write(project, {"mvcs.toml": text.replace('"v2"', '"v9"')})
        ok("commit", cwd=project)
        assert self.stored(project) == "v9"
        assert status(project)["clean"]

    def test_a_strategy_settles_both_alike(self, project):
        text = (project / "mvcs.toml").read_text()
        commit(project, {"mvcs.toml": text + reference("v1")}, "base")
        two_sides(project, {"mvcs.toml": text + reference("v2")}, {"mvcs.toml": text + reference("v3")})
        assert merge(project, "other", "-s", "mvcs.toml=theirs").code == 0
        assert self.stored(project) == "v3"
        assert status(project)["clean"]


class TestCollected:
    """Weights that gc has collected on one side."""

    def test_a_merge_that_would_take_them_is_refused_and_its_hint_works(self, old_runs):
        ok("gc", cwd=old_runs)
        kept = (old_runs / "model.pt").read_bytes()
        before = snapshot(old_runs), ok("op", "log", "--json", cwd=old_runs).json
        for words in ((), ("--no-ff",), ("--weights", "theirs")):
            error = fails(4, "weights-collected", "merge", "runs/1", *words, cwd=old_runs)
            assert error["details"]["paths"] == ["model.pt"]
            assert (snapshot(old_runs), ok("op", "log", "--json", cwd=old_runs).json) == before
            if not words:
                hint = error["hint"]
        assert hint == "mvcs merge runs/1 --weights ours"
        ok(*hint.split()[1:], cwd=old_runs)
        assert (old_runs / "train.py").read_text() == "run 1"
        assert (old_runs / "model.pt").read_bytes() == kept
        assert status(old_runs)["clean"]
        assert ok("fsck", "--json", cwd=old_runs).json["problems"] == []

    def test_where_both_trained_it_is_a_conflict_that_ours_settles(self, old_runs):
        ok("gc", cwd=old_runs)
        commit(old_runs, {"train.py": "run 1", "model.pt": b"\0trained here"}, "the same recipe")
        assert merge(old_runs, "runs/1").json["conflicts"] == 1
        assert list(conflicts(old_runs)) == [("model.pt", None)]
        before = snapshot(old_runs)
        assert fails(4, "weights-collected", "resolve", "model.pt", "--theirs", cwd=old_runs)
        assert snapshot(old_runs) == before
        ok("resolve", "model.pt", "--ours", cwd=old_runs)
        ok("commit", cwd=old_runs)
        assert (old_runs / "model.pt").read_bytes() == b"\0trained here"
        assert ok("fsck", "--json", cwd=old_runs).json["problems"] == []


class TestNotebooks:
    """A notebook that both sides changed and ran."""

    def notebook(self, first, second, outputs):
        cells = [
            {"cell_type": "code", "execution_count": number, "id": f"c{number}", "metadata": {}, "source": source,
             "outputs": [{"name": "stdout", "output_type": "stream", "text": outputs}]}
            for number, source in ((1, first), (2, second))
        ]
        return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1) + "\n"

    def sources(self, project):
        return ["".join(cell["source"]) for cell in json.loads((project / "nb.ipynb").read_text())["cells"]]

    def test_different_cells_meet_whatever_both_runs_printed(self, project):
        commit(project, {"nb.ipynb": self.notebook("a = 1", "b = 1", "base")}, "base")
        two_sides(
            project, {"nb.ipynb": self.notebook("a = 2", "b = 1", "ours")},
            {"nb.ipynb": self.notebook("a = 1", "b = 2", "theirs")},
        )
        done = merge(project, "other")
        assert done.code == 0
        assert self.sources(project) == ["a = 2", "b = 2"]

    @pytest.mark.parametrize("word,first", [("--ours", "a = 2"), ("--theirs", "a = 3"), ("--base", "a = 1")])
    def test_one_cell_is_settled_by_a_word_and_the_rest_is_merged(self, project, word, first):
        commit(project, {"nb.ipynb": self.notebook("a = 1", "b = 1", "")}, "base")
        two_sides(
            project, {"nb.ipynb": self.notebook("a = 2", "b = 1", "")}, {"nb.ipynb": self.notebook("a = 3", "b = 2", "")}
        )
        assert merge(project, "other").json["conflicts"] == 1
        ((path, key),) = conflicts(project)
        ok("resolve", f"{path}:{key}", word, cwd=project)
        ok("commit", cwd=project)
        assert self.sources(project) == [first, "b = 2"]
        assert changes(project) == {}
        assert listed(project)["nb.ipynb"] == "code"
        assert mvcs_run("conflicts", cwd=project).code == 4


@pytest.mark.parametrize("how", [("revert", "HEAD"), ("revert", "HEAD", "--only", "about"), ("rm", "mvcs.toml"), ("rm", "mvcs.toml", "--force")], ids=" ".join)
def test_nothing_takes_the_workspace_away(tmp_path, how):
    """Without mvcs.toml no command would find it, not even undo."""
    project = make_project(tmp_path / "p", {"train.py": "x = 1\n", "model.bin": b"w" * 100})
    done = mvcs_run(*how, cwd=project)
    assert done.code == 4, done
    assert "mvcs.toml" in done.err
    assert (project / "mvcs.toml").exists()
    assert status(project)["clean"]


def test_the_first_commit_can_be_reverted_but_for_the_workspace(tmp_path):
    project = make_project(tmp_path / "p", {"train.py": "x = 1\n", "model.bin": b"w" * 100})
    ok("revert", "HEAD", "--only", "code", cwd=project)
    assert not (project / "train.py").exists()
    assert (project / "mvcs.toml").exists()
    ok("undo", cwd=project)
    assert (project / "train.py").read_text() == "x = 1\n"


def test_status_does_not_say_commit_while_conflicts_are_left(tmp_path):
    project = make_project(tmp_path / "p", {"params.yaml": "lr: 1\n", "train.py": "x\n"})
    ok("switch", "-c", "side", cwd=project)
    write(project, {"params.yaml": "lr: 2\n"})
    ok("commit", "-m", "theirs", cwd=project)
    ok("switch", "main", cwd=project)
    write(project, {"params.yaml": "lr: 3\n"})
    ok("commit", "-m", "ours", cwd=project)
    mvcs_run("merge", "side", cwd=project)
    told = ok("status", cwd=project).out
    assert "1 conflict(s) left: mvcs conflicts" in told
    assert "Next: mvcs commit" not in told
    assert "Clean" not in told
