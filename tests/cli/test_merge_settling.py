"""What settles a conflict, and what does not: words, edits, files that lie there, and what is told of each."""

from __future__ import annotations

import pytest

from tests.cli.harness import fails, listed, mvcs_run, ok, status, write

YAML = "lr: 1\ndepth: 1\nseed: 1\n"


def commit(folder, files, *more):
    write(folder, files)
    return ok("commit", "-m", "change", *more, "--json", cwd=folder).json["commit"]


def merging(folder, ours, theirs, base=None):
    """A merge of `other` into `main`, in progress with conflicts."""
    if base:
        commit(folder, base)
    ok("switch", "-c", "other", cwd=folder)
    commit(folder, theirs)
    ok("switch", "main", cwd=folder)
    commit(folder, ours)
    assert mvcs_run("merge", "other", cwd=folder).code == 1


def left(folder, *words):
    return mvcs_run("conflicts", *words, "--json", cwd=folder).json["conflicts"]


def decisions(folder):
    made = ok("show", "--json", cwd=folder).json["provenance"]["merge"]["decisions"]
    return {(item["path"], item["key"]): item["strategy"] for item in made}


class TestAFileOutsideTheModel:
    """Ours took a file out of the model and it stays in the folder; theirs changed it."""

    @pytest.fixture
    def hidden(self, project):
        commit(project, {"data/l.txt": "v1\n"})
        ok("switch", "-c", "other", cwd=project)
        commit(project, {"data/l.txt": "v2\n"})
        ok("switch", "main", cwd=project)
        ok("rm", "--cached", "data/l.txt", cwd=project)
        ok("commit", "-m", "out of the model", cwd=project)
        assert mvcs_run("merge", "other", cwd=project).code == 1
        return project

    @pytest.mark.parametrize("lying", ["v1\n", "edited here\n", None])
    def test_it_settles_nothing_whatever_it_has(self, hidden, lying):
        if lying is None:
            (hidden / "data/l.txt").unlink()
        else:
            write(hidden, {"data/l.txt": lying})
        assert [(item["path"], item["edited"]) for item in left(hidden)] == [("data/l.txt", False)]
        assert "1 conflict(s) left" in ok("status", cwd=hidden).out
        assert fails(1, "conflicts-left", "commit", cwd=hidden)["details"]["paths"] == ["data/l.txt"]

    @pytest.mark.parametrize("lying", ["v1\n", "edited here\n"])
    def test_theirs_is_written_and_nothing_is_lost(self, hidden, lying):
        write(hidden, {"data/l.txt": lying})
        done = ok("resolve", "data/l.txt", "--theirs", cwd=hidden)
        assert (hidden / "data/l.txt").read_text() == "v2\n"
        saved = next(line for line in done.err.splitlines() if "what lay at data/l.txt is in" in line).split()[-1]
        assert ok("cat", f"{saved}:data/l.txt", cwd=hidden).out == lying
        ok("undo", cwd=hidden)
        assert (hidden / "data/l.txt").read_text() == lying
        ok("redo", cwd=hidden)
        ok("commit", cwd=hidden)
        assert "data/l.txt" in listed(hidden)
        assert ok("cat", "HEAD:data/l.txt", cwd=hidden).out == "v2\n"

    def test_ours_leaves_it_where_it_is(self, hidden):
        ok("resolve", "data/l.txt", "--ours", cwd=hidden)
        ok("commit", cwd=hidden)
        assert (hidden / "data/l.txt").read_text() == "v1\n"
        assert "data/l.txt" not in listed(hidden)
        assert decisions(hidden) == {("data/l.txt", None): "ours"}

    def test_each_word_after_another_can_be_undone(self, hidden):
        for word, content in (("--theirs", "v2\n"), ("--ours", None), ("--base", "v1\n")):
            ok("resolve", "data/l.txt", word, cwd=hidden)
            path = hidden / "data/l.txt"
            assert (path.read_text() if path.exists() else None) == content
        for content in (None, "v2\n", "v1\n"):
            ok("undo", cwd=hidden)
            assert (path.read_text() if path.exists() else None) == content
        assert len(left(hidden)) == 1

    def test_it_is_not_right_as_it_is(self, hidden):
        error = fails(2, "invalid-argument", "resolve", "data/l.txt", "--edited", cwd=hidden)
        assert "mvcs resolve data/l.txt --theirs" in error["hint"]
        assert len(left(hidden)) == 1

    def test_the_patterns_that_the_merge_brought_show_it_and_that_is_no_edit(self, hidden):
        lines = (hidden / ".mvcsignore").read_text().splitlines(keepends=True)
        write(hidden, {".mvcsignore": "".join(line for line in lines if "l.txt" not in line)})
        assert [item["edited"] for item in left(hidden)] == [False]
        write(hidden, {"data/l.txt": "meant\n"})
        assert [item["edited"] for item in left(hidden)] == [True]


@pytest.mark.parametrize("words", [
    ("--ours", "--theirs"), ("--theirs", "--base"), ("--theirs", "--with", "mean"), ("--base", "--set", "4"),
    ("--ours", "--edited"),
])
def test_words_that_contradict_each_other_are_wrong_usage(project, words):
    merging(project, {"params.yaml": "lr: 2\n"}, {"params.yaml": "lr: 3\n"})
    fails(2, "usage-error", "resolve", "params.yaml:lr", *words, cwd=project)
    assert (project / "params.yaml").read_text() == "lr: 2\n"
    assert len(left(project)) == 1


def test_an_empty_key_is_no_file_as_a_whole(project):
    two = ({"params.yaml": f"lr: {one}\n'': {one}\n"} for one in (2, 3))
    merging(project, *two, base={"params.yaml": "lr: 1\n'': 1\n"})
    fails(2, "invalid-argument", "resolve", "params.yaml:", "--theirs", cwd=project)
    assert len(left(project)) == 2
    ok("resolve", 'params.yaml:""', "--theirs", cwd=project)
    assert [item["key"] for item in left(project)] == ["lr"]
    assert (project / "params.yaml").read_text() == "lr: 2\n'': 3\n"


class TestAnEditBesideAWord:
    """One key was edited, another is settled by a word."""

    @pytest.fixture
    def edited(self, project):
        merging(project, *({"params.yaml": YAML.replace("1", one)} for one in "23"), base={"params.yaml": YAML})
        write(project, {"params.yaml": "lr: 22  # mine\ndepth: 2\nseed: 2\n"})
        return project

    def test_both_are_in_the_file(self, edited):
        ok("resolve", "params.yaml:depth", "--theirs", cwd=edited)
        assert (edited / "params.yaml").read_text() == "lr: 22  # mine\ndepth: 3\nseed: 2\n"
        assert [(item["key"], item["edited"]) for item in left(edited)] == [("lr", True), ("seed", False)]
        ok("undo", cwd=edited)
        assert (edited / "params.yaml").read_text() == "lr: 22  # mine\ndepth: 2\nseed: 2\n"
        ok("redo", cwd=edited)
        ok("resolve", "params.yaml:seed", "--set", "9", cwd=edited)
        ok("commit", cwd=edited)
        assert ok("cat", "HEAD:params.yaml", cwd=edited).out == "lr: 22  # mine\ndepth: 3\nseed: 9\n"
        assert status(edited)["clean"]

    @pytest.mark.parametrize("path", ["params.yaml:lr", "params.yaml"])
    def test_a_word_about_the_edited_key_is_refused_with_a_hint_that_works(self, edited, path):
        error = fails(4, "unsaved-work", "resolve", path, "--theirs", cwd=edited)
        assert error["hint"] == "mvcs resolve params.yaml:lr --edited"
        assert (edited / "params.yaml").read_text() == "lr: 22  # mine\ndepth: 2\nseed: 2\n"
        ok(*error["hint"].split()[1:], cwd=edited)
        assert [item["key"] for item in left(edited) if not item["edited"]] == ["depth", "seed"]  # it settles no other
        ok("resolve", "params.yaml", "--theirs", cwd=edited)
        assert (edited / "params.yaml").read_text() == "lr: 22  # mine\ndepth: 3\nseed: 3\n"
        ok("commit", cwd=edited)

    def test_a_key_that_is_right_as_it_is_stays_so_when_the_file_is_settled(self, edited):
        write(edited, {"params.yaml": YAML.replace("1", "2")})
        ok("resolve", "params.yaml:lr", "--edited", cwd=edited)
        ok("resolve", "params.yaml", "--theirs", cwd=edited)
        assert (edited / "params.yaml").read_text() == "lr: 2\ndepth: 3\nseed: 3\n"


class TestMarkers:
    """A file that was edited and still has conflict markers."""

    def test_it_is_left_and_that_is_told(self, project):
        two = ({"train.py": f"print({one})\n", "data/x.bin": f"\0{one}"} for one in "12")
        merging(project, *two)
        assert "markers" not in mvcs_run("conflicts", cwd=project).out
        with open(project / "train.py", "a") as file:
            file.write("# mine\n")
        told = mvcs_run("conflicts", cwd=project).out
        assert told.count("conflict markers are left: commit refuses it") == 1
        assert "commit takes it" not in told
        assert [item["edited"] for item in left(project)] == [False, False]
        assert "2 conflict(s) left" in ok("status", cwd=project).out
        error = fails(1, "conflicts-left", "commit", cwd=project)
        assert error["details"] == {"count": 2, "paths": ["data/x.bin", "train.py"]}
        write(project, {"train.py": "print(3)\n"})
        assert [item["edited"] for item in left(project)] == [False, True]

    def test_nor_is_it_right_as_it_is(self, project):
        merging(project, *({"train.py": f"print({one})\n"} for one in "12"))
        ok("resolve", "train.py", "--edited", cwd=project)
        assert fails(1, "conflicts-left", "commit", cwd=project)["details"]["count"] == 1


class TestTold:
    """Answers say what is so."""

    def test_one_settled_path_is_not_all(self, project):
        merging(project, *({"params.yaml": f"lr: {one}\n", "data/x.bin": f"\0{one}"} for one in "23"))
        ok("resolve", "params.yaml", "--theirs", cwd=project)
        told = ok("conflicts", "params.yaml", cwd=project).out
        assert "All conflicts" not in told
        assert "1 elsewhere: mvcs conflicts" in told
        ok("resolve", "data/x.bin", "--theirs", cwd=project)
        assert ok("conflicts", "params.yaml", cwd=project).out == "All conflicts are settled. Next: mvcs commit\n"

    def test_none_shown_is_no_and_more(self, project):
        merging(project, *({"params.yaml": f"lr: {one}\nseed: {one}\n"} for one in "23"))
        assert mvcs_run("conflicts", "-n", "0", cwd=project).out == "2 more: mvcs conflicts, or --json\n"

    @pytest.mark.parametrize("before", [False, True])
    def test_a_word_about_a_key_outlasts_one_about_its_file_and_that_is_told(self, project, before):
        merging(project, *({"params.yaml": YAML.replace("1", one)} for one in "23"), base={"params.yaml": YAML})
        if before:
            ok("resolve", "params.yaml", "--base", cwd=project)
        ok("resolve", "params.yaml:depth", "--theirs", cwd=project)
        done = ok("resolve", "params.yaml", "--ours", cwd=project)
        assert (project / "params.yaml").read_text() == "lr: 2\ndepth: 3\nseed: 2\n"
        assert "1 key(s) of params.yaml stay as they were settled (depth): name a key to settle it anew" in done.err
        assert "stay" not in ok("resolve", "params.yaml:depth", "--ours", cwd=project).err
        assert "stay" not in ok("resolve", "params.yaml", "--ours", cwd=project).err
        assert (project / "params.yaml").read_text() == YAML.replace("1", "2")

    def test_metrics_that_come_with_the_commit_are_not_to_be_measured_anew(self, project):
        merging(project, {"params.yaml": "lr: 2\n", "model.pt": b"\0trained" * 30}, {"params.yaml": "lr: 3\n"})
        ok("resolve", "params.yaml", "--theirs", cwd=project)
        told = ok("commit", "--metric", "f1=3", cwd=project)
        assert "measure anew" not in told.err
        ok("undo", cwd=project)
        assert "measure anew" in ok("commit", cwd=project).err


class TestWhatIsSavedBeforeAWord:
    """A word writes a file anew that was edited; the operation names a commit of the workspace as it was, with all of it."""

    @pytest.fixture
    def edited(self, project):
        merging(project, {"params.yaml": "a: 11\nb: 2\n"}, {"params.yaml": "a: 10\nb: 2\n"}, {"params.yaml": "a: 1\nb: 2\n"})
        write(project, {"params.yaml": (project / "params.yaml").read_text().replace("b: 2", "b: 3"), "train.py": "print('edited')\n",
                        "data/new.csv": "x\n" * 100_000})
        return project

    def test_nothing_of_it_is_missing(self, edited):
        ok("resolve", "params.yaml:a", "--theirs", cwd=edited)
        write(edited, {"train.py": "print('and again')\n"})
        assert ok("fsck", "--json", cwd=edited).json["problems"] == []
        (saved,) = ok("op", "show", "--json", cwd=edited).json["evidence"]
        assert mvcs_run("cat", f"{saved}:train.py", cwd=edited).out == "print('edited')\n"
        assert mvcs_run("cat", f"{saved}:data/new.csv", cwd=edited).out == "x\n" * 100_000
        assert ok("undo", cwd=edited)
        assert ok("fsck", cwd=edited).code == 0
