"""Merges inside files: keys, packages, rows, cells, lines; and the defects of the peers, each as a test."""

from __future__ import annotations

import io
import json
import re
import shutil
import sys

import pytest
from mvcs_cli.main import run as run_cli

import mvcs
from mvcs.objects.operation import Move
from tests.cli.harness import fails, mvcs_run, oid, ok, snapshot, status, write
from tests.cli.test_merge import commit, merge, two_sides


def conflicts(folder):
    return {
        (item["path"], item["key"]): (item["base"], item["ours"], item["theirs"])
        for item in mvcs_run("conflicts", "--json", cwd=folder).json["conflicts"]
    }


def base(folder, files):
    return commit(folder, files, "base")


CONFIG = "model:\n  layers: 2  # depth\n  lr: 1e-4\ndata:\n  lower: false\nseed: 1\n"


class TestConfig:
    """Configuration merges by key."""

    def test_comments_of_both_sides_are_kept_or_told(self, project):
        base(project, {"params.yaml": CONFIG})
        two_sides(
            project, {"params.yaml": CONFIG.replace("model:", "# ours\nmodel:").replace("# depth", "# how deep")},
            {"params.yaml": CONFIG.replace("seed: 1", "# theirs\nseed: 2").replace("# depth", "# layers")},
        )
        done = merge(project, "other")
        assert done.code == 0
        wanted = CONFIG.replace("model:", "# ours\nmodel:").replace("# depth", "# how deep").replace("seed: 1", "# theirs\nseed: 2")
        assert (project / "params.yaml").read_text() == wanted
        assert "params.yaml: comments of theirs that the merged file has not: # layers" in done.json["notes"]

    def test_two_architectures_of_one_file_come_together(self, project):
        base(project, {"params.yaml": CONFIG})
        two_sides(
            project, {"params.yaml": CONFIG.replace("lower: false", "lower: true")},
            {"params.yaml": CONFIG.replace("layers: 2", "layers: 4")},
        )
        assert merge(project, "other").code == 0
        expected = CONFIG.replace("lower: false", "lower: true").replace("layers: 2", "layers: 4")
        assert (project / "params.yaml").read_text() == expected

    def test_one_key_changed_twice_is_settled_by_key_from_a_script(self, project):
        base(project, {"params.yaml": CONFIG})
        two_sides(
            project, {"params.yaml": CONFIG.replace("seed: 1", "seed: 2").replace("1e-4", "1e-3")},
            {"params.yaml": CONFIG.replace("seed: 1", "seed: 3").replace("1e-4", "1e-5")},
        )
        assert merge(project, "other").json["conflicts"] == 2
        assert conflicts(project) == {
            ("params.yaml", "model.lr"): (1e-4, 1e-3, 1e-5), ("params.yaml", "seed"): (1, 2, 3),
        }
        assert fails(3, "path-not-found", "resolve", "params.yaml:sed", "--ours", cwd=project)
        ok("resolve", "params.yaml:seed", "--set", "11", cwd=project)
        assert conflicts(project) == {("params.yaml", "model.lr"): (1e-4, 1e-3, 1e-5)}
        ok("resolve", "params.yaml:model.lr", "--theirs", cwd=project)
        ok("commit", cwd=project)
        expected = CONFIG.replace("seed: 1", "seed: 11").replace("1e-4", "1e-5")
        assert (project / "params.yaml").read_text() == expected
        decisions = ok("show", "--json", cwd=project).json["provenance"]["merge"]["decisions"]
        assert {item["key"]: item["strategy"] for item in decisions} == {"seed": "set", "model.lr": "theirs"}

    def test_strategies_for_numbers_by_key(self, project):
        base(project, {"params.yaml": CONFIG})
        two_sides(
            project, {"params.yaml": CONFIG.replace("seed: 1", "seed: 2")},
            {"params.yaml": CONFIG.replace("seed: 1", "seed: 5")},
        )
        assert merge(project, "other", "-s", "*.yaml:seed=max").code == 0
        assert "seed: 5\n" in (project / "params.yaml").read_text()

    @pytest.mark.parametrize("broken", ["a: [1\n", "a: 1\na: 2\n", "\ta: b\n"])
    def test_broken_yaml_is_a_conflict_of_the_file_and_says_why(self, project, broken):
        base(project, {"params.yaml": CONFIG})
        two_sides(project, {"params.yaml": broken}, {"params.yaml": CONFIG.replace("seed: 1", "seed: 5")})
        assert merge(project, "other").json["conflicts"] == 1
        (item,) = mvcs_run("conflicts", "--json", cwd=project).json["conflicts"]
        assert item["key"] is None
        assert "YAML" in item["reason"]
        assert (project / "params.yaml").read_text() == broken


class TestEnvironment:
    """Packages merge by normalised name."""

    BASE = "numpy==1.26.0\ntorch==2.1.0+cu121\n"

    def test_two_spellings_of_one_package_are_one_key(self, project):
        base(project, {"requirements.txt": self.BASE})
        two_sides(
            project, {"requirements.txt": "NumPy>=2\ntorch==2.1.0+cu121\n"},
            {"requirements.txt": "numpy==1.26.4\ntorch==2.1.0+cu121\nscikit_learn==1.5\n"},
        )
        assert merge(project, "other").json["conflicts"] == 1
        ((path, key),) = conflicts(project)
        assert (path, key) == ("requirements.txt", "numpy")
        ok("resolve", "requirements.txt:numpy", "--theirs", cwd=project)
        ok("commit", cwd=project)
        assert (project / "requirements.txt").read_text().splitlines() == [
            "numpy==1.26.4", "torch==2.1.0+cu121", "scikit_learn==1.5",
        ]

    @pytest.mark.parametrize("flipped", [False, True])
    def test_a_deleted_package_against_a_changed_one_is_a_conflict(self, project, flipped):
        base(project, {"requirements.txt": self.BASE})
        sides = [{"requirements.txt": "torch==2.1.0+cu121\n"}, {"requirements.txt": self.BASE.replace("1.26.0", "1.26.4")}]
        two_sides(project, *(sides[::-1] if flipped else sides))
        assert merge(project, "other").json["conflicts"] == 1
        ((path, key),) = conflicts(project)
        assert (path, key) == ("requirements.txt", "numpy")
        assert None in conflicts(project)[path, key]


class TestTables:
    """Rows merge by a declared key, and never by guess."""

    def declare(self, project):
        toml = (project / "mvcs.toml").read_text()
        return {"mvcs.toml": toml + '\n[merge]\nkeys = { "data/*.csv" = ["id"] }\n'}

    def test_rows_and_cells(self, project):
        base(project, {**self.declare(project), "data/t.csv": "id,text,label\n1,a,0\n2,b,0\n"})
        two_sides(
            project, {"data/t.csv": "id,text,label\n1,A,0\n2,b,1\n3,c,1\n"},
            {"data/t.csv": "id,text,label\n1,a,1\n2,b,2\n4,d,1\n"},
        )
        assert merge(project, "other").json["conflicts"] == 1
        assert conflicts(project) == {("data/t.csv", "id=2/label"): ("0", "1", "2")}
        ok("resolve", "data/t.csv:id=2/label", "--theirs", cwd=project)
        ok("commit", cwd=project)
        rows = (project / "data/t.csv").read_text().splitlines()
        assert set(rows) == {"id,text,label", "1,A,1", "2,b,2", "3,c,1", "4,d,1"}

    def test_without_a_key_the_file_is_one_conflict(self, project):
        base(project, {"data/t.csv": "id,text\n1,a\n2,b\n"})
        two_sides(project, {"data/t.csv": "id,text\n1,A\n2,b\n"}, {"data/t.csv": "id,text\n1,a\n2,B\n"})
        assert merge(project, "other").json["conflicts"] == 1
        assert list(conflicts(project)) == [("data/t.csv", None)]

    def test_two_appends_are_joined_only_when_asked(self, project):
        base(project, {"data/t.csv": "id,text\n1,a\n"})
        two_sides(project, {"data/t.csv": "id,text\n1,a\n2,o\n"}, {"data/t.csv": "id,text\n1,a\n3,t\n"})
        assert merge(project, "other", "--dry-run").json["conflicts"] == 1
        assert merge(project, "other", "-s", "data/*=append").code == 0
        assert (project / "data/t.csv").read_text() == "id,text\n1,a\n2,o\n3,t\n"


class TestText:
    """Code merges by lines."""

    BASE = "import x\n\n\ndef one():\n    return 1\n\n\ndef two():\n    return 2\n"

    def test_hunks(self, project):
        base(project, {"train.py": self.BASE})
        two_sides(
            project, {"train.py": self.BASE.replace("return 1", "return 10").replace("import x", "import y")},
            {"train.py": self.BASE.replace("return 2", "return 20").replace("import x", "import z")},
        )
        assert merge(project, "other").json["conflicts"] == 1
        text = (project / "train.py").read_text()
        assert "<<<<<<<" in text
        assert "return 10" in text
        assert "return 20" in text
        (project / "train.py").write_text(text + "# more\n")
        assert fails(1, "conflicts-left", "commit", "-m", "x", cwd=project)["details"]["paths"] == ["train.py"]
        (project / "train.py").write_text(text)
        ok("resolve", "train.py:hunk-1", "--theirs", cwd=project)
        ok("commit", cwd=project)
        expected = self.BASE.replace("return 1", "return 10").replace("return 2", "return 20").replace("import x", "import z")
        assert (project / "train.py").read_text() == expected

    @pytest.mark.parametrize("change", [
        lambda text: text.replace("\n", "\r\n"), lambda text: "\ufeff" + text, lambda text: text.rstrip("\n"),
    ])
    def test_line_ends_bom_and_no_final_newline(self, project, change):
        base(project, {"train.py": self.BASE})
        two_sides(
            project, {"train.py": change(self.BASE).encode()}, {"train.py": self.BASE.replace("return 1", "return 10")}
        )
        assert merge(project, "other").code == 0
        assert (project / "train.py").read_bytes() == change(self.BASE.replace("return 1", "return 10")).encode()


class TestNotebooks:
    """Notebooks merge by cell."""

    def notebook(self, *sources, outputs=()):
        cells = [
            {"cell_type": "code", "execution_count": None, "id": f"c{number}", "metadata": {}, "outputs": list(outputs),
             "source": source}
            for number, source in enumerate(sources)
        ]
        return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1) + "\n"

    def test_both_changed_is_never_theirs_alone(self, project):
        base(project, {"nb.ipynb": self.notebook("a = 1", "b = 2")})
        two_sides(project, {"nb.ipynb": self.notebook("a = 10", "b = 2")}, {"nb.ipynb": self.notebook("a = 11", "b = 2")})
        assert merge(project, "other").json["conflicts"] == 1
        ((path, key),) = conflicts(project)
        assert path == "nb.ipynb"
        assert "c0" in key
        assert json.loads((project / "nb.ipynb").read_text())  # still a notebook
        ok("resolve", f"nb.ipynb:{key}", "--ours", cwd=project)
        ok("commit", cwd=project)
        assert json.loads((project / "nb.ipynb").read_text())["cells"][0]["source"] in ("a = 10", ["a = 10"])

    def test_different_cells_merge(self, project):
        base(project, {"nb.ipynb": self.notebook("a = 1", "b = 2")})
        two_sides(project, {"nb.ipynb": self.notebook("a = 10", "b = 2")}, {"nb.ipynb": self.notebook("a = 1", "b = 20")})
        assert merge(project, "other").code == 0
        assert (project / "nb.ipynb").read_text() == self.notebook("a = 10", "b = 20")


class TestIngredients:
    """Whole ingredients: our change is not lost when they drop all of it."""

    @pytest.mark.parametrize("flipped", [False, True])
    def test_a_deleted_ingredient_against_a_changed_one_is_a_conflict(self, project, flipped):
        sides = [{"train.py": None}, {"train.py": "print('changed')\n"}]
        two_sides(project, *(sides[::-1] if flipped else sides))
        assert merge(project, "other").json["conflicts"] == 1
        assert list(conflicts(project)) == [("train.py", None)]
        assert (project / "train.py").exists() == flipped


class TestHistories:
    """Criss-cross histories have several bases."""

    def test_a_criss_cross_merge_asks_again_and_does_not_take_a_side(self, project):
        base(project, {"params.yaml": "seed: 1\nother: 1\n"})
        ok("switch", "-c", "b", cwd=project)
        commit(project, {"params.yaml": "seed: 2\nother: 1\n"}, "b1")
        ok("switch", "main", cwd=project)
        commit(project, {"params.yaml": "seed: 3\nother: 1\n"}, "a1")
        ok("branch", "a1", cwd=project)
        # each merges the other and settles for its own value
        ok("merge", "b", "-s", "*=ours", cwd=project)
        ok("switch", "b", cwd=project)
        ok("merge", "a1", "-s", "*=ours", cwd=project)
        ok("switch", "main", cwd=project)
        assert merge(project, "b").json["conflicts"] == 1
        assert list(conflicts(project)) == [("params.yaml", "seed")]
        assert conflicts(project)["params.yaml", "seed"][1:] == (3, 2)

    def test_a_criss_cross_merge_of_other_files_needs_no_hand(self, project):
        base(project, {"params.yaml": "seed: 1\n"})
        ok("switch", "-c", "b", cwd=project)
        commit(project, {"data/b.bin": b"\0b"}, "b1")
        ok("switch", "main", cwd=project)
        commit(project, {"data/a.bin": b"\0a"}, "a1")
        ok("branch", "a1", cwd=project)
        ok("merge", "b", cwd=project)
        ok("switch", "b", cwd=project)
        ok("merge", "--no-ff", "a1", cwd=project)
        commit(project, {"data/b2.bin": b"\0b"}, "b2")
        ok("switch", "main", cwd=project)
        commit(project, {"params.yaml": "seed: 5\n"}, "a2")
        assert merge(project, "b").code == 0
        assert {b"data/a.bin", b"data/b.bin", b"data/b2.bin"} <= set(snapshot(project))
        assert (project / "params.yaml").read_text() == "seed: 5\n"


def test_two_measurements_of_one_training_meet_and_are_never_dropped(project):
    two_sides(
        project, {"metrics.json": '{"auc": 0.7, "a": 1}', "data/a.bin": b"\0"},
        {"metrics.json": '{"auc": 0.8, "t": 2}', "data/b.bin": b"\0"},
    )
    assert merge(project, "other").json["conflicts"] == 1
    assert conflicts(project) == {("metrics.json", "auc"): (0.5, 0.7, 0.8)}
    ok("resolve", "metrics.json:auc", "--with", "max", cwd=project)
    ok("commit", cwd=project)
    assert json.loads((project / "metrics.json").read_text()) == {"auc": 0.8, "a": 1, "t": 2}


class TestNeverAGuess:
    """Sequences that once lost something or settled it by themselves."""

    @pytest.mark.parametrize("ours,theirs", [("w", "w/n.bin"), ("w/n.bin", "w")])
    def test_a_file_against_a_folder_inside_the_weights(self, project, ours, theirs):
        ok("add", "model.pt", "--as", "weights", cwd=project)
        toml = (project / "mvcs.toml").read_text().replace('weights = [', 'weights = [ "/w",', 1)
        base(project, {"mvcs.toml": toml})
        two_sides(project, {ours: b"ours"}, {theirs: b"theirs"})
        assert merge(project, "other").json["conflicts"] == 1
        assert (project / ours).read_bytes() == b"ours"
        ok("resolve", "w", "--theirs", cwd=project)
        ok("commit", cwd=project)
        assert (project / theirs).read_bytes() == b"theirs"
        assert ok("show", "--json", cwd=project).json["provenance"]["merge"]["decisions"][0]["path"] == "w"

    def test_where_ancestors_disagree_there_is_no_base_to_take(self, project):
        def state(number):
            return {"params.yaml": f"k: {number}\n", "train.py": f"x = {number}\n", "data/d.bin": b"\0" + bytes([number])}

        base(project, state(1))
        ok("switch", "-c", "b", cwd=project)
        commit(project, state(3), "b1")
        ok("switch", "main", cwd=project)
        commit(project, state(2), "a1")
        ok("branch", "a1", cwd=project)
        ok("merge", "b", "-s", "*=ours", cwd=project)
        ok("switch", "b", cwd=project)
        ok("merge", "a1", "-s", "*=ours", cwd=project)
        ok("switch", "main", cwd=project)
        assert merge(project, "b", "-s", "*=base").json["conflicts"] == 3
        for path in ("params.yaml:k", "train.py", "data/d.bin"):
            assert fails(2, "invalid-argument", "resolve", path, "--base", cwd=project)
            ok("resolve", path, "--theirs", cwd=project)
        ok("commit", cwd=project)
        assert {name: (project / name).read_bytes() for name in state(3)} == {
            name: text if isinstance(text, bytes) else text.encode() for name, text in state(3).items()
        }

    def test_a_branch_that_moves_under_a_merge(self, project, tmp_path):
        two_sides(project, {"data/x.bin": b"\0o"}, {"data/x.bin": b"\0t"})
        merge(project, "other")
        began = ok("rev-parse", "HEAD", cwd=project).out.strip()
        with mvcs.open(project) as repo:
            tip = repo["other"].id
            repo._repository.publish(
                actor=("A", "a"), command="test", moves=(Move("heads/m/main", oid(began), oid(tip)),)
            )
        for words in (("resolve", "data/x.bin", "--theirs"), ("commit", "-m", "x")):
            assert fails(4, "merge-elsewhere", *words, cwd=project)["details"]["began"] == began[:12]
        ok("merge", "--abort", cwd=project)
        assert (project / "data/x.bin").read_bytes() == b"\0t"
        assert status(project)["clean"]

    def test_patterns_and_modes_settle_nothing(self, project):
        ignore = (project / ".mvcsignore").read_text()
        base(project, {"data/x.txt": "1\n", "params.yaml": "k: 1\nj: 1\n"})
        two_sides(
            project, {"data/x.txt": "2\n", "params.yaml": "k: 2\nj: 2\n"},
            {".mvcsignore": ignore + "/data/x.txt\n", "params.yaml": "k: 3\nj: 3\n"},
        )
        assert merge(project, "other").json["conflicts"] == 3
        (project / "params.yaml").chmod(0o755)
        left = fails(1, "conflicts-left", "commit", "-m", "x", cwd=project)["details"]
        assert (left["count"], left["paths"]) == (3, ["data/x.txt", "params.yaml"])
        assert fails(4, "merge-in-progress", "restore", "params.yaml", cwd=project)

    def test_an_edit_of_one_key_settles_that_key_only(self, project):
        base(project, {"params.yaml": "k: 1\nj: 1\n"})
        two_sides(project, {"params.yaml": "k: 2\nj: 2\n"}, {"params.yaml": "k: 3\nj: 3\n"})
        merge(project, "other")
        write(project, {"params.yaml": "k: 7\nj: 2\n"})
        assert fails(1, "conflicts-left", "commit", "-m", "x", cwd=project)["details"]["count"] == 1
        found = {item["key"]: item["edited"] for item in mvcs_run("conflicts", "--json", cwd=project).json["conflicts"]}
        assert found == {"k": True, "j": False}
        ok("resolve", "params.yaml:j", "--edited", cwd=project)
        ok("commit", cwd=project)
        assert (project / "params.yaml").read_text() == "k: 7\nj: 2\n"

    def test_a_merged_mvcs_toml_that_could_not_be_read_is_a_conflict(self, project):
        toml = (project / "mvcs.toml").read_text()
        two_sides(
            project, {"mvcs.toml": toml.replace("config = [", 'config = [ "z.foo",', 1)},
            {"mvcs.toml": toml.replace("data = [", 'data = [ "z.foo",', 1)},
        )
        done = merge(project, "other")
        assert done.json["conflicts"] >= 1
        assert status(project)["merging"]
        ok("resolve", "mvcs.toml", "--theirs", cwd=project)
        ok("commit", cwd=project)
        assert status(project)["clean"]

    def test_a_rename_whose_target_is_their_folder_keeps_their_edit(self, project):
        base(project, {"data/d/x.bin": b"\0one"})
        two_sides(
            project, {"data/d/x.bin": None, "data/a": b"\0one"}, {"data/d/x.bin": b"\0two", "data/a/y.bin": b"\0y"}
        )
        assert merge(project, "other").json["conflicts"] == 1
        ok("resolve", "data/a", "--theirs", cwd=project)
        ok("commit", cwd=project)
        assert (project / "data/d/x.bin").read_bytes() == b"\0two"
        assert (project / "data/a/y.bin").read_bytes() == b"\0y"

    def test_one_path_as_data_and_as_weights_is_told_so(self, project):
        ok("switch", "-c", "other", cwd=project)
        write(project, {"thing.x": b"\0t", "model.pt": b"new"})
        ok("add", "thing.x", "--as", "weights", cwd=project)
        ok("commit", "-m", "t", cwd=project)
        ok("switch", "main", cwd=project)
        write(project, {"thing.x": b"\0o"})
        ok("add", "thing.x", "--as", "data", cwd=project)
        ok("commit", "-m", "o", cwd=project)
        assert merge(project, "other").code == 1
        assert ("thing.x", None) in conflicts(project)
        assert (project / "thing.x").read_bytes() == b"\0o"

    def test_an_editor_that_changes_nothing_settles_nothing(self, project, monkeypatch):
        base(project, {"params.yaml": "k: 1\n"})
        two_sides(project, {"params.yaml": "k: 2\n"}, {"params.yaml": "k: 3\n"})
        merge(project, "other")
        monkeypatch.setenv("EDITOR", "true")
        assert mvcs_run("resolve", "params.yaml", "--edit", cwd=project).code == 1
        assert len(conflicts(project)) == 1
        monkeypatch.setenv("EDITOR", "sed -i s/2/9/")
        ok("resolve", "params.yaml", "--edit", cwd=project)
        ok("commit", cwd=project)
        assert (project / "params.yaml").read_text() == "k: 9\n"

    def test_a_path_with_a_colon_is_settled_and_settled_anew(self, project):
        base(project, {"conf/a:b.yaml": "k: 1\n"})
        two_sides(project, {"conf/a:b.yaml": "k: 2\n"}, {"conf/a:b.yaml": "k: 3\n"})
        merge(project, "other")
        ok("resolve", "conf/a:b.yaml:k", "--base", cwd=project)
        ok("resolve", "a:b.yaml:k", "--theirs", cwd=project / "conf")
        ok("commit", cwd=project)
        assert (project / "conf/a:b.yaml").read_text() == "k: 3\n"

    def test_a_path_without_conflicts_is_no_answer_for_all(self, project):
        two_sides(project, {"data/x.bin": b"\0o"}, {"data/x.bin": b"\0t"})
        merge(project, "other")
        assert fails(3, "path-not-found", "conflicts", "data/y.bin", cwd=project)

    @pytest.mark.parametrize("words", [("-s", "\udcff=ours"), ("-m", "\udcff")])
    def test_what_is_not_utf_8_is_refused(self, project, words):
        two_sides(project, {"data/x.bin": b"\0o"}, {"data/y.bin": b"\0t"})
        assert fails(2, "invalid-argument", "merge", "other", *words, cwd=project)


class TestPatch:
    """diff --patch and apply, over all ingredients."""

    def test_a_patch_gives_the_target_elsewhere(self, project, tmp_path):
        target = {
            "train.py": "print('new')\n", "params.yaml": "lr: 0.5\n", "requirements.txt": "numpy==2.1\n",
            "data/train.csv": "a,b\n1,2\n3,4\n", "model.pt": b"\0new weights\xff" * 30, "metrics.json": '{"auc": 0.6}\n',
            "README.md": None, "data/späte ünï.csv": "x\n1\n",
        }
        first = ok("rev-parse", "HEAD", cwd=project).out.strip()
        second = commit(project, target)
        wanted = snapshot(project)
        patch = tmp_path / "p.patch"
        patch.write_bytes(ok("diff", first, second, "--patch", cwd=project).bytes)
        ok("switch", "-c", "elsewhere", first, cwd=project)
        ok("apply", str(patch), cwd=project)
        assert snapshot(project) == wanted
        ok("commit", "-m", "applied", cwd=project)
        shown = [ok("show", rev, "--json", cwd=project).json["tree"] for rev in (second, "HEAD")]
        assert shown[0] == shown[1]
        ok("undo", cwd=project)
        ok("undo", cwd=project)
        assert (project / "train.py").read_text() == "print('train')\n"

    def test_git_takes_the_text_of_it(self, project, tmp_path):
        import subprocess

        first = ok("rev-parse", "HEAD", cwd=project).out.strip()
        commit(project, {"train.py": "print('new')\nmore\n", "params.yaml": "lr: 0.5\n", "new file.py": "x\n"})
        patch = tmp_path / "p.patch"
        patch.write_bytes(ok("diff", first, "HEAD", "--patch", cwd=project).bytes)
        wanted = snapshot(project)
        ok("switch", "-c", "elsewhere", first, cwd=project)
        subprocess.run(["git", "apply", str(patch)], cwd=project, check=True)
        assert snapshot(project) == wanted

    def test_it_is_merged_with_what_changed_here(self, project, tmp_path):
        base(project, {"params.yaml": CONFIG})
        first = ok("rev-parse", "HEAD", cwd=project).out.strip()
        commit(project, {"params.yaml": CONFIG.replace("seed: 1", "seed: 2")})
        patch = tmp_path / "p.patch"
        patch.write_bytes(ok("diff", first, "HEAD", "--patch", cwd=project).bytes)
        ok("switch", "-c", "elsewhere", first, cwd=project)
        commit(project, {"params.yaml": CONFIG.replace("layers: 2", "layers: 8")})
        ok("apply", str(patch), cwd=project)
        assert (project / "params.yaml").read_text() == CONFIG.replace("layers: 2", "layers: 8").replace("seed: 1", "seed: 2")
        ok("commit", "-m", "both", cwd=project)
        commit(project, {"params.yaml": CONFIG.replace("seed: 1", "seed: 9")})
        before = snapshot(project)
        assert fails(4, "patch-does-not-apply", "apply", str(patch), cwd=project)["details"]["path"] == "params.yaml"
        assert snapshot(project) == before

    def test_large_contents_stay_out_unless_wanted(self, project, tmp_path):
        first = ok("rev-parse", "HEAD", cwd=project).out.strip()
        second = commit(project, {"model.pt": bytes(range(256)) * 8000})
        small = ok("diff", first, second, "--patch", cwd=project).bytes
        assert len(small) < 2000
        whole = ok("diff", first, second, "--patch", "--binary", cwd=project).bytes
        other = tmp_path / "other"
        ok("clone", str(project), str(other))
        ok("switch", "-c", "x", first, cwd=other)
        for name, content in (("small", small), ("whole", whole)):
            (tmp_path / name).write_bytes(content)
            ok("apply", str(tmp_path / name), cwd=other)  # the clone has the blob too
            ok("undo", cwd=other)

    @pytest.mark.parametrize("damage", [b"", b"no patch", b"mvcs patch 1\ndiff --git a/../x b/../x\n"])
    def test_what_is_no_patch_changes_nothing(self, project, tmp_path, damage):
        (tmp_path / "p").write_bytes(damage)
        before = snapshot(project)
        assert mvcs_run("apply", str(tmp_path / "p"), "--json", cwd=project).code == 4
        assert snapshot(project) == before


class TestBlame:
    """blame tells the commit that last set something."""

    def test_keys_packages_and_lines(self, project):
        first = base(project, {"params.yaml": CONFIG, "train.py": "a\nb\n", "requirements.txt": "numpy==1.0\ntorch==2.0\n"})
        second = commit(project, {"params.yaml": CONFIG.replace("seed: 1", "seed: 2"), "train.py": "a\nB\nc\n",
                                  "requirements.txt": "torch==2.0\nnumpy==1.1\n"})

        def who(*words):
            return {item["key"]: item["commit"] for item in ok("blame", *words, "--json", cwd=project).json["keys"]}

        assert who("HEAD:params.yaml", "seed") == {"seed": second}
        assert who("params.yaml")["model.lr"] == first
        assert who("requirements.txt") == {"torch": first, "numpy": second}
        assert who("train.py") == {"1": first, "2": second, "3": second}
        assert who("HEAD~1:params.yaml", "seed") == {"seed": first}
        assert fails(3, "path-not-found", "blame", "params.yaml", "sed", cwd=project)


def test_words_are_marked_in_colour_only(project):
    base(project, {"train.py": "x = build(layers=2)\nsame\n"})
    commit(project, {"train.py": "x = build(layers=4)\nsame\n"})
    plain = ok("diff", "HEAD~1", "HEAD", cwd=project).out
    assert "-x = build(layers=2)" in plain
    assert "\x1b" not in plain
    coloured = ok("--color", "always", "diff", "HEAD~1", "HEAD", cwd=project).out
    (old,) = [line for line in coloured.splitlines() if "\x1b[31m-x" in line]
    marked = re.findall(r"\x1b\[31m\x1b\[1m\x1b\[4m(.*?)\x1b\[0m", old)
    assert marked == ["2"], repr(old)


class TestResolver:
    """--resolve asks pip of the interpreter that trains."""

    @pytest.fixture
    def index(self, tmp_path):
        """A folder of wheels: two versions of `lib`, and `app` that needs the old one."""
        import zipfile

        folder = tmp_path / "wheels"
        folder.mkdir()
        for name, version, needs in (("lib", "1.0", ""), ("lib", "2.0", ""), ("app", "1.0", "Requires-Dist: lib<2\n")):
            info = f"{name}-{version}.dist-info"
            with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
                wheel.writestr(f"{name}.py", "")
                wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}")
                wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
                wheel.writestr(f"{info}/RECORD", "")
        return folder

    def test_two_pins_that_exclude_each_other(self, project, index):
        toml = (project / "mvcs.toml").read_text()
        options = f"--no-index\n--find-links {index}\n"
        base(project, {"mvcs.toml": toml + f'\n[environment]\npython = "{sys.executable}"\n', "requirements.txt": options})
        two_sides(project, {"requirements.txt": options + "lib==2.0\n"}, {"requirements.txt": options + "app==1.0\n"})
        before = snapshot(project)
        error = fails(1, "unsatisfiable-environment", "merge", "other", "--resolve", "pip", cwd=project)
        assert error["details"]["path"] == "requirements.txt"
        assert snapshot(project) == before
        assert not status(project)["merging"]
        assert merge(project, "other").code == 0

    def test_pins_that_go_together(self, project, index):
        toml = (project / "mvcs.toml").read_text()
        options = f"--no-index\n--find-links {index}\n"
        base(project, {"mvcs.toml": toml + f'\n[environment]\npython = "{sys.executable}"\n', "requirements.txt": options})
        ours, _ = two_sides(project, {"requirements.txt": options + "lib==1.0\n"}, {"requirements.txt": options + "app==1.0\n"})
        done = merge(project, "other", "--resolve", "pip")
        assert done.code == 0
        assert done.json["notes"] == [
            f"the weights are stale: those of main ({ours[:12]}) were not made by the merged recipe (retrain and mvcs commit,"
            " or: mvcs undo && mvcs merge other --weights ours)"
        ]


    def asked(self, project, index, ours, theirs, before=""):
        """A base that names the interpreter and the index, and two sides of the requirements beside one conflict."""
        options = f"--no-index\n--find-links {index}\n"
        toml = (project / "mvcs.toml").read_text() + f'\n[environment]\npython = "{sys.executable}"\n'
        base(project, {"mvcs.toml": toml, "requirements.txt": options + before, "params.yaml": "lr: 1\n"})
        two_sides(
            project, {"requirements.txt": options + ours, "params.yaml": "lr: 2\n"},
            {"requirements.txt": options + theirs, "params.yaml": "lr: 3\n"},
        )
        return options

    def test_with_conflicts_left_the_commit_that_ends_the_merge_asks(self, project, index):
        options = self.asked(project, index, "lib==2.0\n", "app==1.0\n")
        done = merge(project, "other", "--resolve", "pip")
        assert done.code == 1
        assert "--resolve pip is asked at the commit that ends the merge" in done.json["notes"]
        ok("resolve", "params.yaml:lr", "--ours", cwd=project)
        error = fails(1, "unsatisfiable-environment", "commit", cwd=project)
        assert error["details"]["path"] == "requirements.txt"
        assert error["hint"] == "mvcs merge --abort and merge without --resolve, or edit the file and mvcs commit"
        assert status(project)["merging"]
        write(project, {"requirements.txt": options + "lib==1.0\napp==1.0\n"})
        ok("commit", cwd=project)
        assert not status(project)["merging"]
        assert ok("show", "--json", cwd=project).json["provenance"]["merge"]["resolve"] == "pip"

    def test_not_asked_for_nobody_is_asked(self, project, index):
        self.asked(project, index, "lib==2.0\n", "app==1.0\n")
        assert merge(project, "other").code == 1
        ok("resolve", "params.yaml:lr", "--ours", cwd=project)
        ok("commit", cwd=project)
        assert "resolve" not in ok("show", "--json", cwd=project).json["provenance"]["merge"]

    def test_a_branch_that_only_moves_is_asked_too(self, project, index):
        options = self.asked(project, index, "", "lib==2.0\napp==1.0\n")
        ok("switch", "-c", "behind", "HEAD~1", cwd=project)
        before = snapshot(project)
        fails(1, "unsatisfiable-environment", "merge", "other", "--resolve", "pip", cwd=project)
        assert snapshot(project) == before
        ok("switch", "other", cwd=project)
        commit(project, {"requirements.txt": options + "lib==1.0\napp==1.0\n"})
        ok("switch", "behind", cwd=project)
        done = merge(project, "other", "--resolve", "pip")
        assert (done.json["how"], done.json["notes"]) == ("fast-forward", [])

    def test_where_there_is_nothing_to_merge_it_says_so(self, project):
        done = merge(project, "HEAD", "--resolve", "pip")
        assert (done.json["how"], done.json["notes"]) == ("up-to-date", ["--resolve asked nobody: there is nothing to merge"])

    def test_lines_that_nobody_was_asked_about_are_told_without_their_secrets(self, project, index):
        left_out = "-r more.txt\nmine @ git+https://user:s3cret@example.org/mine\n"
        self.asked(project, index, "lib==1.0\n" + left_out, "app==1.0\n" + left_out, left_out)
        done = merge(project, "other", "--resolve", "pip", "-s", "params.yaml=ours")
        assert done.code == 0
        assert (
            "requirements.txt: pip was not asked about -r more.txt, mine @ git+https://example.org/mine"
            in done.json["notes"]
        )

    def two_versions(self, project, index, more="app==1.0\n"):
        toml = (project / "mvcs.toml").read_text()
        options = f"--no-index\n--find-links {index}\n"
        base(project, {"mvcs.toml": toml + f'\n[environment]\npython = "{sys.executable}"\n', "requirements.txt": options + more})
        two_sides(project, {"requirements.txt": options + "lib==1.5\n" + more}, {"requirements.txt": options + "lib==2.0\n" + more})
        assert merge(project, "other").code == 1
        return options

    @pytest.mark.parametrize("tool", ["pip", "uv"])
    def test_relock_takes_what_goes_with_the_rest(self, project, index, tool):
        options = self.two_versions(project, index)
        done = ok("resolve", "requirements.txt:lib", "--relock", tool, "--json", cwd=project)
        assert done.json["chosen"] == {"lib": "1.0"}
        assert (project / "requirements.txt").read_text() == options + "lib==1.0\napp==1.0\n"
        ok("commit", cwd=project)
        (decision,) = ok("show", "--json", cwd=project).json["provenance"]["merge"]["decisions"]
        assert (decision["key"], decision["strategy"]) == ("lib", "relock")

    def test_relock_says_what_was_chosen_and_asks_nobody_again(self, project, index):
        self.two_versions(project, index)
        told = ok("resolve", "requirements.txt", "--relock", "pip", cwd=project)
        assert "  chosen: lib 1.0\n" in told.out
        shutil.rmtree(index)
        ok("conflicts", cwd=project)
        ok("commit", cwd=project)
        assert "lib==1.0\n" in ok("cat", "HEAD:requirements.txt", cwd=project).out

    def test_relock_of_what_cannot_be_has_a_reason_and_changes_nothing(self, project, index):
        self.two_versions(project, index, "app==3.0\n")
        before = snapshot(project)
        fails(1, "unsatisfiable-environment", "resolve", "requirements.txt", "--relock", "pip", cwd=project)
        assert snapshot(project) == before
        fails(3, "path-not-found", "resolve", "requirements.txt:app", "--relock", "pip", cwd=project)

    def test_relock_is_for_requirements(self, project):
        base(project, {"params.yaml": "lr: 1\n"})
        two_sides(project, {"params.yaml": "lr: 2\n"}, {"params.yaml": "lr: 3\n"})
        assert merge(project, "other").code == 1
        error = fails(2, "invalid-argument", "resolve", "params.yaml", "--relock", "pip", cwd=project)
        assert error["details"]["reason"] == "only requirements files are locked anew"


class Meter(io.BytesIO):
    """A stream that knows the longest piece that was written at once."""

    longest = 0

    def write(self, piece):
        self.longest = max(self.longest, len(piece))
        return super().write(piece)


def printed(folder, *words):
    """Runs a command; returns the bytes of the longest piece that it printed at once."""
    meter = Meter()
    kept, sys.stdout = sys.stdout, io.TextIOWrapper(meter, "utf-8")
    try:
        run_cli(["-C", str(folder), *words])
        sys.stdout.flush()
    finally:
        sys.stdout = kept
    return meter.longest


def test_ten_thousand_conflicts_are_paged_and_settled_by_one_word(project):
    lines = [f"key{number}: 0\n" for number in range(10_000)]
    base(project, {"params.yaml": "".join(lines)})
    two_sides(
        project, {"params.yaml": "".join(lines).replace(": 0", ": 1")}, {"params.yaml": "".join(lines).replace(": 0", ": 2")}
    )
    assert merge(project, "other").json["conflicts"] == 10_000
    shown = mvcs_run("conflicts", cwd=project).out
    assert shown.count("ours") == 50
    assert "and 9950 more" in shown
    found = mvcs_run("conflicts", "--json", cwd=project).json["conflicts"]
    assert [item["key"] for item in found[:3]] == ["key0", "key1", "key2"]
    assert len(found) == 10_000
    assert printed(project, "conflicts", "--json") < 64 << 10 < len(json.dumps(found))
    ok("resolve", "params.yaml:key7", "--set", "9", cwd=project)
    ok("resolve", "params.yaml", "--theirs", cwd=project)
    ok("commit", cwd=project)
    expected = "".join(lines).replace(": 0", ": 2").replace("key7: 2\n", "key7: 9\n")  # a word on a key outlasts the file's
    assert (project / "params.yaml").read_text() == expected


class TestOnly:
    """--only takes the names of FEATURES 5.4 wherever it is."""

    @pytest.fixture
    def changed(self, project):
        commit(project, {"requirements.txt": "numpy==2.1\n", "train.py": "print('new')\n"})
        return project

    def test_diff(self, changed):
        told = [ok("diff", "HEAD~1", "HEAD", "--only", name, "--names", "--json", cwd=changed).json for name in ("env", "environment")]
        assert told[0] == told[1]
        assert [item["path"] for item in told[0]["changes"]] == ["requirements.txt"]
        assert ok("diff", "HEAD~1", "HEAD", "--only", "code,env", "--names", "--quiet", cwd=changed).out.split() == ["requirements.txt", "train.py"]

    def test_reset_revert_and_cherry_pick(self, changed):
        for words in (("reset", "--only", "env", "HEAD~1"), ("revert", "HEAD", "--only", "env")):
            ok(*words, cwd=changed)
            assert (changed / "requirements.txt").read_text() == "numpy==2.0\n"
            assert (changed / "train.py").read_text() == "print('new')\n"
            ok("undo", cwd=changed)
        ok("switch", "-c", "other", "HEAD~1", cwd=changed)
        ok("cherry-pick", "main", "--only", "env", cwd=changed)
        assert (changed / "requirements.txt").read_text() == "numpy==2.1\n"
        assert (changed / "train.py").read_text() == "print('train')\n"

    def test_apply(self, changed, tmp_path):
        (tmp_path / "p").write_bytes(ok("diff", "HEAD~1", "HEAD", "--patch", cwd=changed).bytes)
        ok("switch", "-c", "other", "HEAD~1", cwd=changed)
        error = fails(2, "invalid-argument", "apply", str(tmp_path / "p"), "--only", "enviroment", cwd=changed)
        assert error["details"]["argument"] == "--only"
        assert ok("apply", str(tmp_path / "p"), "--only", "env", "--quiet", cwd=changed).out == "requirements.txt\n"
        assert (changed / "train.py").read_text() == "print('train')\n"

    def test_add(self, project):
        write(project, {"conda.lock": "x\n"})
        ok("add", "conda.lock", "--as", "env", cwd=project)
        ok("commit", cwd=project)
        assert {item["path"]: item["ingredient"] for item in ok("ls", "--json", cwd=project).json["entries"]}["conda.lock"] == "environment"
