"""Merges of files that got another name, and of a file where the other side has a folder."""

from __future__ import annotations

import shutil

import pytest

from tests.cli.harness import listed, mvcs_run, ok, snapshot, status
from tests.cli.test_merge import commit, merge, two_sides
from tests.cli.test_merge_inside import conflicts

BASE = "".join(f"line {number}\n" for number in range(20))
TOP, END = BASE.replace("line 0\n", "top\n"), BASE.replace("line 19\n", "end\n")
BOTH = TOP.replace("line 19\n", "end\n")


def reasons(project):
    return {item["path"]: item["reason"] for item in mvcs_run("conflicts", "--json", cwd=project).json["conflicts"]}


class TestRenames:
    """A file of which a side has changed the name, and perhaps some lines."""

    @pytest.fixture
    def based(self, project):
        commit(project, {"train.py": BASE, "data/d.bin": b"\0\n" + BASE.encode()}, "base")
        return project

    def test_both_to_one_name_with_edits_merge_by_lines(self, based):
        two_sides(based, {"train.py": None, "fit.py": TOP}, {"train.py": None, "fit.py": END})
        assert merge(based, "other").code == 0
        assert (based / "fit.py").read_text() == BOTH
        assert "train.py" not in listed(based)

    def test_both_to_one_name_with_edits_of_one_line_conflict_there(self, based):
        two_sides(based, {"train.py": None, "fit.py": TOP}, {"train.py": None, "fit.py": TOP.replace("top", "first")})
        assert merge(based, "other").json["conflicts"] == 1
        assert conflicts(based) == {("fit.py", "hunk-1"): ("line 0\n", "top\n", "first\n")}

    @pytest.mark.parametrize("flipped", [False, True])
    def test_renamed_and_edited_here_edited_there(self, based, flipped):
        sides = {"train.py": None, "fit.py": TOP}, {"train.py": END}
        two_sides(based, *(sides[::-1] if flipped else sides))
        done = merge(based, "other")
        assert done.code == 0
        assert any("train.py -> fit.py" in note for note in done.json["notes"])
        assert (based / "fit.py").read_text() == BOTH
        assert not (based / "train.py").exists()

    @pytest.mark.parametrize("word,names", [("ours", {"mine.py"}), ("theirs", {"yours.py"}), ("union", {"mine.py", "yours.py"})])
    def test_to_two_names_is_a_conflict_that_names_both_and_loses_no_edit(self, based, word, names):
        two_sides(based, {"train.py": None, "mine.py": TOP}, {"train.py": None, "yours.py": END})
        assert merge(based, "other").json["conflicts"] == 1
        assert reasons(based) == {"train.py": "renamed to mine.py in ours, to yours.py in theirs"}
        ok("resolve", "train.py", "--with", word, cwd=based)
        ok("commit", "-m", "merged", cwd=based)
        found = {name for name in listed(based) if name.endswith(".py")}
        assert found == names
        assert {(based / name).read_text() for name in names} == {BOTH}

    @pytest.mark.parametrize("flipped", [False, True])
    def test_binary_both_changed_is_one_conflict_at_the_new_name(self, based, flipped):
        mine, yours = b"\0\n" + TOP.encode(), b"\0\n" + END.encode()
        sides = {"data/d.bin": None, "data/e.bin": mine}, {"data/d.bin": yours}
        two_sides(based, *(sides[::-1] if flipped else sides))
        assert merge(based, "other").json["conflicts"] == 1
        assert (based / "data/e.bin").read_bytes() == (yours if flipped else mine)
        ok("resolve", "data/e.bin", "--theirs", cwd=based)
        ok("commit", "-m", "merged", cwd=based)
        assert (based / "data/e.bin").read_bytes() == (mine if flipped else yours)
        assert "data/d.bin" not in listed(based)

    def test_where_ancestors_disagree_on_the_name_it_is_asked_again(self, based):
        """Git takes both sides' word that the other's name is gone, and has the file no more."""
        first, _ = two_sides(based, {"train.py": None, "mine.py": TOP}, {"train.py": None, "yours.py": TOP})
        merge(based, "other", "-s", "train.py=ours")
        ok("switch", "other", cwd=based)
        merge(based, first, "-s", "train.py=ours")
        assert merge(based, "main").json["conflicts"] == 2
        assert reasons(based) == {
            "yours.py": "changed in ours, deleted in theirs", "mine.py": "deleted in ours, changed in theirs"
        }
        assert (based / "yours.py").read_text() == TOP
        ok("resolve", "yours.py", "--theirs", cwd=based)
        ok("resolve", "mine.py", "--theirs", cwd=based)
        ok("commit", cwd=based)
        assert (based / "mine.py").read_text() == TOP
        assert "yours.py" not in listed(based)


class TestFileAgainstFolder:
    """One conflict that says what is what; what is left out is named with the commit that keeps it."""

    FOLDER = {f"data/x.bin/{name}": f"\0{name}".encode() for name in ("1.bin", "2.bin", "3.bin")}
    FILE = {"data/x.bin": b"\0file"}

    @pytest.mark.parametrize("word", ["ours", "theirs"])
    @pytest.mark.parametrize("flipped", [False, True])
    @pytest.mark.parametrize("how", ["resolve", "strategy"])
    def test_the_reason_counts_and_the_note_names(self, project, word, flipped, how):
        sides = (self.FOLDER, self.FILE) if flipped else (self.FILE, self.FOLDER)
        ours, theirs = two_sides(project, *sides)
        before = snapshot(project)
        if how == "strategy":
            done = merge(project, "other", "-s", f"data/x.bin={word}")
        else:
            assert merge(project, "other").json["conflicts"] == 1
            assert snapshot(project) == before
            file, folder = "file `data/x.bin`", "folder `data/x.bin/` with 3 files"
            mine, yours = (folder, file) if flipped else (file, folder)
            assert reasons(project) == {"data/x.bin": f"ours: {mine}; theirs: {yours}"}
            done = ok("resolve", "data/x.bin", f"--{word}", "--json", cwd=project)
            ok("commit", "-m", "settled", cwd=project)
        kept, left = sides if word == "ours" else sides[::-1]
        whose, oid = ("theirs", theirs) if word == "ours" else ("ours", ours)
        assert set(kept) == {name for name in listed(project) if name.startswith("data/x.bin")}
        note = f"not in the result, of {whose}: {', '.join(sorted(left))} (kept in {oid[:12]})"
        assert note in done.json["notes"]
        for name, content in left.items():
            assert ok("cat", f"{oid}:{name}", cwd=project).bytes == content

    @pytest.mark.parametrize("flipped", [False, True])
    def test_where_the_base_had_the_file_it_is_one_conflict_too(self, project, flipped):
        commit(project, {"data/x.bin": b"\0base"}, "base")
        file = {"data/x.bin": b"\0changed"}
        ok("switch", "-c", "other", cwd=project)
        for side in ("other", "main"):
            ok("switch", side, cwd=project)
            if (side == "main") == flipped:
                (project / "data/x.bin").unlink()
                commit(project, self.FOLDER, side)
            else:
                commit(project, file, side)
        assert merge(project, "other").json["conflicts"] == 1
        (left,) = mvcs_run("conflicts", "--json", cwd=project).json["conflicts"]
        assert left["path"] == "data/x.bin"
        assert "folder `data/x.bin/` with 3 files" in left["reason"]
        notes = ok("resolve", "data/x.bin", "--theirs", "--json", cwd=project).json["notes"]
        assert any(note.startswith("not in the result, of ours: data/x.bin") for note in notes)
        ok("commit", cwd=project)
        wanted = file if flipped else self.FOLDER
        assert set(wanted) == {name for name in listed(project) if name.startswith("data/x.bin")}

    def test_what_theirs_renamed_into_a_folder_stays_where_ours_has_it(self, project):
        """Ours changed the file that theirs moved below a path that is a file here."""
        commit(project, {"train.py": BASE}, "base")
        two_sides(project, {"train.py": TOP, "data/a": b"\0file"}, {"train.py": None, "data/a/train.py": BASE})
        assert merge(project, "other").json["conflicts"] == 1
        assert (project / "train.py").read_text() == TOP
        ok("resolve", "data/a", "--ours", cwd=project)
        ok("commit", cwd=project)
        assert (project / "train.py").read_text() == TOP
        assert (project / "data/a").read_bytes() == b"\0file"

    @pytest.mark.parametrize("flipped", [False, True])
    @pytest.mark.parametrize("word", ["--ours", "--theirs"])
    def test_an_edit_below_a_folder_that_the_other_side_made_a_file(self, project, flipped, word):
        """Both are asked for, whichever side edited; the file against the folder first."""
        commit(project, {"data/d/a": b"\0a", "data/d/b": b"\0b"}, "base")

        def edited():
            commit(project, {"data/d/a": b"\0edited"}, "edited")

        def replaced():
            shutil.rmtree(project / "data/d")
            commit(project, {"data/d": b"\0file"}, "replaced")

        ok("switch", "-c", "other", cwd=project)
        (edited if flipped else replaced)()
        ok("switch", "main", cwd=project)
        (replaced if flipped else edited)()
        before = snapshot(project)
        assert merge(project, "other").json["conflicts"] == 2
        assert set(reasons(project)) == {"data/d", "data/d/a"}
        assert before.items() - snapshot(project).items() <= {(b"data/d/b", ("f", b"\0b"))}  # which nobody wants
        ok("resolve", "data/d", word, cwd=project)
        folder = flipped == (word == "--theirs")
        assert set(reasons(project)) == ({"data/d/a"} if folder else set())
        if folder:
            ok("resolve", "data/d/a", word, cwd=project)
        ok("commit", cwd=project)
        assert (project / "data/d").is_dir() == folder
        assert (project / ("data/d/a" if folder else "data/d")).read_bytes() == (b"\0edited" if folder else b"\0file")

    def test_binary_that_went_to_the_code_is_there_whoever_s_bytes_it_has(self, project):
        same = b"\0" + b"same" * 200
        commit(project, {"data/x.bin": same}, "base")
        ok("switch", "-c", "other", cwd=project)
        commit(project, {"data/x.bin": same + b"theirs"}, "theirs")
        ok("switch", "main", cwd=project)
        (project / "data/x.bin").unlink()
        (project / "bin").mkdir()
        (project / "bin/x.bin").write_bytes(same + b"ours")
        ok("add", "bin/x.bin", "--as", "code", cwd=project)
        ok("commit", "-m", "ours", cwd=project)
        assert merge(project, "other").json["conflicts"] == 1
        ok("resolve", "bin/x.bin", "--theirs", cwd=project)
        ok("commit", cwd=project)
        assert (listed(project)["bin/x.bin"], (project / "bin/x.bin").read_bytes()) == ("code", same + b"theirs")
        assert status(project)["clean"]

    @pytest.mark.parametrize("word", ["ours", "theirs"])
    def test_a_link_where_the_other_side_renamed_does_not_leave_the_workspace(self, project, word):
        commit(project, {"d/b.py": BASE}, "base")
        ok("switch", "-c", "other", cwd=project)
        (project / "d/b.py").unlink()
        (project / "d/b.py").symlink_to("../train.py")
        ok("commit", "-m", "link", cwd=project)
        ok("switch", "main", cwd=project)
        (project / "d/b.py").rename(project / "b.py")
        ok("commit", "-m", "renamed", cwd=project)
        assert merge(project, "other", "-s", f"*={word}").code == 0
        assert (project / "d/b.py").is_symlink() == (word == "theirs")
        assert (project / "b.py").exists() == (word == "ours")


class TestAsBefore:
    """What renames must not change."""

    @pytest.mark.parametrize("flipped", [False, True])
    def test_deleted_on_one_side_and_changed_on_the_other(self, project, flipped):
        sides = {"train.py": None}, {"train.py": "changed\n"}
        two_sides(project, *(sides[::-1] if flipped else sides))
        assert merge(project, "other").json["conflicts"] == 1
        assert reasons(project)["train.py"] == (
            "changed in ours, deleted in theirs" if flipped else "deleted in ours, changed in theirs"
        )

    def test_equal_additions_agree_and_a_new_file_that_is_like_none_is_no_rename(self, project):
        two_sides(
            project, {"same.py": BASE, "train.py": None, "other.py": BASE}, {"same.py": BASE, "train.py": "changed\n"}
        )
        assert merge(project, "other").json["conflicts"] == 1
        assert set(reasons(project)) == {"train.py"}

    def test_binary_both_changed(self, project):
        commit(project, {"data/d.bin": b"\0base"})
        two_sides(project, {"data/d.bin": b"\0ours"}, {"data/d.bin": b"\0theirs"})
        assert merge(project, "other").json["conflicts"] == 1
        ok("resolve", "data/d.bin", "--base", cwd=project)
        assert (project / "data/d.bin").read_bytes() == b"\0base"
