"""Merges where a file changes its ingredient, and where the patterns that come with a merge say otherwise than it."""

from __future__ import annotations

import json

import pytest

from tests.cli.harness import changes, fails, listed, mvcs_run, ok, snapshot, status, write
from tests.cli.test_merge import commit, merge, two_sides


def toml(project, **added):
    """mvcs.toml with one more pattern for some ingredients."""
    text = (project / "mvcs.toml").read_text()
    for ingredient, pattern in added.items():
        assert f"\n{ingredient} = [" in text
        text = text.replace(f"\n{ingredient} = [", f'\n{ingredient} = [ "{pattern}",', 1)
    return text


@pytest.fixture
def moved(project):
    """Ours took a file out of the weights into the data, theirs changed it."""
    start = toml(project, weights="/head.bin")
    commit(project, {"mvcs.toml": start, "head.bin": b"\0base"}, "base")
    two_sides(
        project, {"mvcs.toml": start.replace('"/head.bin",', "").replace("\ndata = [", '\ndata = [ "/head.bin",', 1)},
        {"head.bin": b"\0theirs"},
    )
    return project


def test_a_file_that_left_the_weights_here_and_was_changed_there_is_a_conflict_and_not_dropped(moved):
    assert merge(moved, "other").json["conflicts"] == 1
    (item,) = mvcs_run("conflicts", "--json", cwd=moved).json["conflicts"]
    assert (item["path"], item["key"]) == ("head.bin", None)
    assert item["ingredients"] == {"base": "weights", "ours": "data", "theirs": "weights"}
    assert item["base"] == item["ours"] != item["theirs"]
    told = mvcs_run("conflicts", cwd=moved).out
    assert "weights in base, data in ours, weights in theirs" in told
    assert (moved / "head.bin").read_bytes() == b"\0base"
    assert fails(1, "conflicts-left", "commit", "-m", "x", cwd=moved)["details"]["paths"] == ["head.bin"]


@pytest.mark.parametrize("word,content,ingredient", [
    ("--ours", b"\0base", "data"), ("--theirs", b"\0theirs", "weights"), ("--base", b"\0base", "weights"),
])
def test_it_is_settled_by_a_word_and_the_commit_has_what_was_said(moved, word, content, ingredient):
    merge(moved, "other")
    told = ok("resolve", "head.bin", word, "--json", cwd=moved).json["notes"]
    assert any("mvcs.toml gives head.bin to data" in note for note in told) == (ingredient == "weights")
    done = ok("commit", "--json", cwd=moved).json
    assert (moved / "head.bin").read_bytes() == content
    assert listed(moved)["head.bin"] == ingredient
    shown = ok("show", "--json", cwd=moved).json
    assert shown["provenance"]["merge"]["decisions"] == [{"key": None, "path": "head.bin", "strategy": word[2:]}]
    assert ok("fsck", cwd=moved).code == 0
    if ingredient == "data":
        assert status(moved)["clean"]
    else:  # mvcs.toml was merged to what ours has
        assert any("mvcs.toml gives head.bin to data" in warning for warning in done["warnings"])
        assert changes(moved) == {"head.bin": ("data", "moved")}


def test_who_edits_mvcs_toml_while_settling_has_the_last_word(moved):
    merge(moved, "other")
    ok("resolve", "head.bin", "--ours", cwd=moved)
    text = (moved / "mvcs.toml").read_text()
    write(moved, {"mvcs.toml": text.replace("\ndata = [ \"/head.bin\",", "\ndata = [").replace("\nconfig = [", '\nconfig = [ "/head.bin",')})
    assert not [text for text in ok("commit", "--json", cwd=moved).json["warnings"] if "head.bin" in text]
    assert listed(moved)["head.bin"] == "config"
    assert status(moved)["clean"]


def test_what_patterns_say_of_a_conflict_is_told_when_it_is_settled(moved):
    ok("switch", "other", cwd=moved)
    done = merge(moved, "main").json  # mvcs.toml is theirs: data; the file is ours until somebody says otherwise
    assert done["conflicts"] == 1
    assert not [note for note in done["notes"] if "head.bin" in note]
    told = ok("resolve", "head.bin", "--ours", "--json", cwd=moved).json["notes"]
    assert [note.split(",")[0] for note in told if "head.bin" in note] == ["mvcs.toml gives head.bin to data"]


def test_one_path_added_to_data_here_and_to_weights_there(project):
    ok("switch", "-c", "other", cwd=project)
    write(project, {"thing.x": b"\0t", "model.pt": b"new"})
    ok("add", "thing.x", "--as", "weights", cwd=project)
    ok("commit", "-m", "t", cwd=project)
    ok("switch", "main", cwd=project)
    write(project, {"thing.x": b"\0o"})
    ok("add", "thing.x", "--as", "data", cwd=project)
    ok("commit", "-m", "o", cwd=project)
    assert merge(project, "other").code == 1
    found = {item["path"]: item.get("ingredients") for item in mvcs_run("conflicts", "--json", cwd=project).json["conflicts"]}
    assert found["thing.x"] == {"base": None, "ours": "data", "theirs": "weights"}
    for path in found:
        ok("resolve", path, "--theirs", cwd=project)
    ok("commit", cwd=project)
    assert listed(project)["thing.x"] == "weights"
    assert (project / "thing.x").read_bytes() == b"\0t"
    assert status(project)["clean"]


def test_where_ancestors_disagree_on_the_ingredient_it_is_asked_again(moved):
    """A criss-cross: each side merged the other and settled for its own."""
    for branch, other in (("main", "other"), ("other", "main~1")):
        ok("switch", branch, cwd=moved)
        assert mvcs_run("merge", other, cwd=moved).code == 1
        ok("resolve", "head.bin", "--ours", cwd=moved)
        ok("commit", cwd=moved)
        if not status(moved)["clean"]:  # mvcs.toml was merged to what the other side has
            toml_of = ok("cat", "main~1:mvcs.toml" if branch == "main" else "other~1:mvcs.toml", cwd=moved).out
            commit(moved, {"mvcs.toml": toml_of}, "as it was settled")
    ok("switch", "main", cwd=moved)
    assert merge(moved, "other").code == 1
    told = {item["path"]: item.get("ingredients") for item in mvcs_run("conflicts", "--json", cwd=moved).json["conflicts"]}
    assert told["head.bin"]["ours"] == "data"
    assert told["head.bin"]["theirs"] == "weights"
    assert fails(2, "invalid-argument", "resolve", "head.bin", "--base", cwd=moved)  # there is no one base
    for path in told:
        ok("resolve", path, "--theirs", cwd=moved)
    ok("commit", cwd=moved)
    assert listed(moved)["head.bin"] == "weights"
    assert (moved / "head.bin").read_bytes() == b"\0theirs"
    assert ok("fsck", cwd=moved).code == 0


def test_the_notes_on_whose_weights_wait_for_the_recipe(project):
    commit(project, {"params.yaml": "lr: 1\nseed: 1\n"}, "base")
    ours, theirs = two_sides(
        project, {"params.yaml": "lr: 2\nseed: 1\n", "model.pt": b"\0ours", "README.md": "ours\n"},
        {"params.yaml": "lr: 3\nseed: 1\n", "model.pt": b"\0theirs"},
    )
    done = merge(project, "other").json
    assert [note for note in done["notes"] if "weights" in note] == [
        f"for now the weights are those of main ({ours[:12]}): this is decided anew as conflicts in the recipe are settled",
    ]
    settled = ok("resolve", "params.yaml:lr", "--theirs", "--json", cwd=project).json
    assert settled["notes"] == [
        f"the weights are those of other ({theirs[:12]}), made by the merged recipe; those of main ({ours[:12]}), made by"
        " another one, are not taken (mvcs merge --abort && mvcs merge other --weights ours)",
        "the metrics are stale: they were not measured on these weights (measure anew: mvcs commit --metric NAME=VALUE)",
    ]
    assert not settled["stale"]
    assert (project / "model.pt").read_bytes() == b"\0theirs"
    ok("commit", cwd=project)
    assert not status(project)["stale"]


def test_a_conflict_in_what_is_no_recipe_leaves_the_note_as_it_is(project):
    ours, theirs = two_sides(project, {"README.md": "ours\n", "model.pt": b"\0ours"}, {"README.md": "theirs\n", "train.py": "x\n", "model.pt": b"\0theirs"})
    done = merge(project, "other").json
    assert done["conflicts"] == 1
    assert done["notes"] == [
        f"the weights are those of other ({theirs[:12]}), made by the merged recipe; those of main ({ours[:12]}), made by"
        " another one, are not taken (mvcs merge --abort && mvcs merge other --weights ours)",
        "the metrics are stale: they were not measured on these weights (measure anew: mvcs commit --metric NAME=VALUE)",
    ]


def patterns_told(notes):
    return [note for note in notes if "weights" not in note]


class TestHidden:
    """Patterns that come with a merge leave out files of its result: they stay in its commit, and that is told."""

    def hidden(self, project, theirs, name, note):
        """A merge without conflicts after which a file of ours is left out."""
        two_sides(project, {name: b"\0kept"}, theirs)
        done = merge(project, "other")
        assert done.json["how"] == "merged"
        assert patterns_told(done.json["notes"]) == [note]
        assert name in listed(project)
        assert (project / name).read_bytes() == b"\0kept"
        assert changes(project)[name][1] == "deleted"

    def test_by_an_ignore_file(self, project):
        ignore = (project / ".mvcsignore").read_text()
        self.hidden(
            project, {".mvcsignore": ignore + "/data/kept.bin\n"}, "data/kept.bin",
            ".mvcsignore leaves out data/kept.bin, which the merge keeps: the next commit drops it unless .mvcsignore is changed",
        )
        write(project, {".mvcsignore": ignore})
        ok("commit", "-m", "taken out again", cwd=project)
        assert "data/kept.bin" in listed(project)
        assert status(project)["clean"]

    def test_by_an_ignore_file_of_a_folder(self, project):
        self.hidden(
            project, {"data/sub/.mvcsignore": "deep/\n"}, "data/sub/deep/kept.bin",
            "data/sub/.mvcsignore leaves out data/sub/deep/kept.bin, which the merge keeps: the next commit drops it unless"
            " data/sub/.mvcsignore is changed",
        )

    def test_by_gitignore_where_it_is_code(self, project):
        commit(project, {"mvcs.toml": toml(project, about="/.gitignore")}, "base")
        self.hidden(
            project, {".gitignore": "kept.py\n"}, "kept.py",
            ".gitignore leaves out kept.py, which the merge keeps: the next commit drops it unless .gitignore is changed",
        )

    def test_by_patterns_of_mvcs_toml(self, project):
        plain = (project / "mvcs.toml").read_text()
        commit(project, {"mvcs.toml": toml(project, data="/odd.thing"), "odd.thing": b"\0kept"}, "base")
        ok("switch", "-c", "other", cwd=project)
        (project / "odd.thing").unlink()
        commit(project, {"mvcs.toml": plain}, "theirs takes pattern and file away")
        ok("switch", "main", cwd=project)
        commit(project, {"odd.thing": b"\0changed here"}, "ours")
        assert merge(project, "other").json["conflicts"] == 1
        ok("resolve", "odd.thing", "--ours", cwd=project)
        done = ok("commit", "--json", cwd=project).json
        assert done["warnings"][0] == (
            "mvcs.toml leaves out odd.thing, which the merge keeps: the next commit drops it unless mvcs.toml is changed"
        )
        assert "odd.thing" in listed(project)
        assert ok("cat", "HEAD:odd.thing", cwd=project).bytes == b"\0changed here"

    def test_a_file_of_head_that_is_hidden_while_conflicts_are_settled_is_not_lost(self, project):
        ignore = (project / ".mvcsignore").read_text()
        two_sides(project, {"data/x.bin": b"\0o", "data/kept.bin": b"\0"}, {"data/x.bin": b"\0t", ".mvcsignore": ignore + "/data/kept.bin\n"})
        done = merge(project, "other").json
        assert any("data/kept.bin" in note for note in done["notes"])
        ok("resolve", "data/x.bin", "--ours", cwd=project)
        warnings = ok("commit", "--json", cwd=project).json["warnings"]
        assert any(".mvcsignore leaves out data/kept.bin" in warning for warning in warnings)
        assert "data/kept.bin" in listed(project)
        assert changes(project) == {"data/kept.bin": ("data", "deleted")}

    def test_an_edit_of_a_hidden_file_is_what_the_commit_has(self, project):
        ignore = (project / ".mvcsignore").read_text()
        commit(project, {"data/x.bin": b"\0"}, "base")
        two_sides(project, {"data/x.bin": b"\0o"}, {"data/x.bin": None, ".mvcsignore": ignore + "/data/x.bin\n"})
        assert merge(project, "other").code == 1
        write(project, {"data/x.bin": b"\0by hand"})
        assert fails(4, "unsaved-work", "resolve", "data/x.bin", "--theirs", cwd=project)
        ok("commit", cwd=project)
        assert ok("cat", "HEAD:data/x.bin", cwd=project).bytes == b"\0by hand"
        assert ok("fsck", cwd=project).code == 0

    def test_a_file_that_is_removed_while_settling_is_gone(self, project):
        commit(project, {"data/x.bin": b"\0", "data/y.bin": b"\0y"}, "base")
        two_sides(project, {"data/x.bin": b"\0o"}, {"data/x.bin": b"\0t"})
        merge(project, "other")
        (project / "data/y.bin").unlink()
        ok("resolve", "data/x.bin", "--ours", cwd=project)
        ok("commit", cwd=project)
        assert "data/y.bin" not in listed(project)
        assert status(project)["clean"]

    def test_what_theirs_adds_and_ours_leaves_out_is_named(self, project):
        ignore = (project / ".mvcsignore").read_text()
        two_sides(project, {".mvcsignore": ignore + "/data/skip*\n"}, {f"data/skip{n}.bin": b"\0%d" % n for n in range(7)})
        done = merge(project, "other").json
        assert patterns_told(done["notes"]) == [
            ".mvcsignore leaves out data/skip0.bin, data/skip1.bin, data/skip2.bin, data/skip3.bin, data/skip4.bin and 2 more,"
            " which the merge keeps: the next commit drops it unless .mvcsignore is changed"
        ]
        assert {f"data/skip{n}.bin" for n in range(7)} <= set(listed(project))

    def test_without_such_patterns_nothing_is_said(self, project):
        two_sides(project, {"mvcs.toml": toml(project, data="/a.thing"), "a.thing": b"\0"}, {"data/y.bin": b"\0"})
        before = snapshot(project)
        assert patterns_told(merge(project, "other").json["notes"]) == []
        assert snapshot(project).keys() - before.keys() == {b"data/y.bin"}
        assert json.loads(ok("status", "--json", cwd=project).out)["clean"]
