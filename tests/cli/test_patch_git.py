"""Patches and Git's own apply: what `mvcs diff --patch` prints is taken by `git apply` whatever changed."""

from __future__ import annotations

import os
import random
import shutil
import subprocess

import pytest

from tests.cli.harness import PROJECT, make_project, mvcs_run, ok, snapshot, write
from tests.cli.test_merge import commit
from tests.cli.test_patch_roundtrip import fill, given

LARGE = random.Random(1).randbytes(1_200_000)
OTHER = random.Random(2).randbytes(1_200_000)


def git_apply(folder, patch):
    """Applies a patch as Git does; returns its exit code and what it said."""
    done = subprocess.run(["git", "apply", "--whitespace=nowarn", str(patch)], cwd=folder, capture_output=True, check=False)
    return done.returncode, done.stderr.decode()


def copied(project, folder):
    """Copies the files of a project to a folder that is no workspace."""
    shutil.copytree(project, folder, symlinks=True, ignore=shutil.ignore_patterns(".mvcs"))
    return folder


def patched(project, tmp_path, *words):
    """Writes the patch from the last commit's parent to it."""
    patch = tmp_path / f"patch{len(words)}"
    patch.write_bytes(ok("diff", "HEAD~1", "HEAD", "--patch", *words, cwd=project).bytes)
    return patch


@pytest.fixture
def everything(tmp_path):
    """A project whose last commit changed text, bytes, large bytes, a name, modes and a link; and the files before."""
    files = {**PROJECT, "data/large.bin": LARGE, "data/gone.bin": LARGE[:9000], "data/was.bin": LARGE[:5000],
             "data/short.bin": b"\0one", "run.sh": "echo\n", "link.py": "x\n", "data/wide.csv": "a,b\n".encode("utf-16")}
    project = make_project(tmp_path / "p", files)
    before = copied(project, tmp_path / "before")
    (project / "data/was.bin").rename(project / "data/is now.bin")
    (project / "data/gone.bin").unlink()
    (project / "run.sh").chmod(0o755)
    (project / "link.py").unlink()
    (project / "link.py").symlink_to("train.py")
    write(project, {"train.py": "print('new')\n", "params.yaml": "lr: 0.5\n", "model.pt": b"\0new weights\xff" * 30,
                    "data/large.bin": OTHER, "data/short.bin": b"", "data/empty.csv": "", "metrics.json": '{"auc": 0.6}\n',
                    "data/wide.csv": "a,c\n".encode("utf-16")})
    ok("commit", "-m", "all", "--param", "depth=2", cwd=project)
    return project, before


class TestGitApply:
    """The real git apply."""

    def test_it_takes_all_of_a_patch_with_all_contents(self, everything, tmp_path):
        project, before = everything
        patch = patched(project, tmp_path, "--binary")
        assert git_apply(before, patch) == (0, "")
        assert snapshot(before) == snapshot(project)

    def test_it_passes_over_contents_that_are_only_named(self, everything, tmp_path):
        project, before = everything
        assert git_apply(before, patched(project, tmp_path)) == (0, "")
        wanted = snapshot(project)
        assert {path for path, content in snapshot(before).items() if wanted[path] != content} == {b"data/large.bin"}
        assert (before / "data/large.bin").read_bytes() == LARGE

    def test_it_refuses_another_content_than_the_patch_starts_from(self, everything, tmp_path):
        project, before = everything
        (before / "model.pt").write_bytes(b"\0mine")
        wanted = snapshot(before)
        code, said = git_apply(before, patched(project, tmp_path, "--binary"))
        assert code == 1
        assert "model.pt" in said
        assert snapshot(before) == wanted

    def test_one_in_which_nothing_is_for_git_is_empty_to_it(self, tmp_path):
        project = make_project(tmp_path / "p", {"train.py": "x\n", "data/large.bin": LARGE})
        before = copied(project, tmp_path / "before")
        write(project, {"data/large.bin": OTHER})
        ok("commit", "-m", "two", cwd=project)
        patch = patched(project, tmp_path)
        assert git_apply(before, patch)[0] == 128
        subprocess.run(["git", "apply", "--allow-empty", str(patch)], cwd=before, check=True)
        assert (before / "data/large.bin").read_bytes() == LARGE
        assert git_apply(before, patched(project, tmp_path, "--binary")) == (0, "")
        assert snapshot(before) == snapshot(project)

    @pytest.mark.parametrize("seed", range(12))
    def test_random_changes(self, tmp_path, seed):
        chance = random.Random(seed)
        project = make_project(tmp_path / "p", {"train.py": "x\n", "data/keep.csv": "a\n"}, commit=False)
        fill(project, chance)
        ok("commit", "-m", "one", *given(chance), cwd=project)
        before = copied(project, tmp_path / "before")
        fill(project, chance)
        ok("commit", "-m", "two", *given(chance), cwd=project)
        assert git_apply(before, patched(project, tmp_path)) == (0, "")
        assert snapshot(before) == snapshot(project)


class TestGitsPatches:
    """Patches that Git made."""

    def made_by_git(self, folder, name, content, *words):
        before = folder / "g"
        before.mkdir()
        subprocess.run(["git", "init", "-q"], cwd=before, check=True)
        write(before, PROJECT)
        subprocess.run(["git", "add", "."], cwd=before, check=True)
        subprocess.run(["git", "commit", "-qm", "x"], cwd=before, check=True)
        if content is None:
            os.rename(before / name, before / f"{name}.new")
        else:
            write(before, {name: content})
        subprocess.run(["git", "add", "."], cwd=before, check=True)
        (folder / "made").write_bytes(subprocess.run(["git", "diff", "--cached", *words], cwd=before, check=True, capture_output=True).stdout)
        return str(folder / "made")

    @pytest.mark.parametrize("content", [b"", b"text\n", b"\0bytes\xff"])
    def test_a_new_file_of_any_content(self, project, tmp_path, content):
        ok("apply", self.made_by_git(tmp_path, "data/new.csv", content, "--binary"), cwd=project)
        assert (project / "data/new.csv").read_bytes() == content

    def test_a_renamed_file_is_refused_with_the_way_out(self, project, tmp_path):
        patch = self.made_by_git(tmp_path, "train.py", None, "-M")
        done = mvcs_run("apply", patch, cwd=project)
        assert done.code == 4
        assert "git diff --no-renames" in done.err

    def test_made_without_renames_it_is_taken(self, project, tmp_path):
        ok("apply", self.made_by_git(tmp_path, "train.py", None, "--no-renames"), cwd=project)
        assert not (project / "train.py").exists()
        assert (project / "train.py.new").read_text() == PROJECT["train.py"]

    def test_other_bytes_are_refused_as_the_patch_names_nothing_that_is_known_here(self, project, tmp_path):
        before = snapshot(project)
        done = mvcs_run("apply", self.made_by_git(tmp_path, "model.pt", b"\0short", "--binary"), cwd=project)
        assert done.code == 4
        assert "does not say which content of mvcs" in done.err
        assert snapshot(project) == before


LINES = "".join(f"line {number}\n" for number in range(12))


class TestSections:
    """Sections of one patch are applied one after another."""

    @pytest.fixture
    def states(self, project):
        """Commits A, B with line 1 changed and C with line 10 changed too; HEAD is A's files."""
        first = commit(project, {"train.py": LINES, "model.pt": b"\0a"})
        second = commit(project, {"train.py": LINES.replace("line 1\n", "one\n"), "model.pt": b"\0b"})
        third = commit(project, {"train.py": LINES.replace("line 1\n", "one\n").replace("line 10", "ten"), "model.pt": b"\0c"})
        ok("switch", "-c", "elsewhere", first, cwd=project)
        return first, second, third

    def patch(self, project, tmp_path, *pairs):
        pieces = [ok("diff", *pair, "--patch", cwd=project).bytes for pair in pairs]
        (tmp_path / "both").write_bytes(b"".join(pieces))
        return str(tmp_path / "both")

    def test_each_continues_what_the_one_before_it_gave(self, project, tmp_path, states):
        first, second, third = states
        before = copied(project, tmp_path / "before")
        patch = self.patch(project, tmp_path, (first, second), (second, third))
        ok("apply", patch, cwd=project)
        assert (project / "train.py").read_text() == LINES.replace("line 1\n", "one\n").replace("line 10", "ten")
        assert (project / "model.pt").read_bytes() == b"\0c"
        assert git_apply(before, patch) == (0, "")
        assert snapshot(before) == snapshot(project)

    def test_two_from_one_state_meet(self, project, tmp_path, states):
        first = states[0]
        ok("switch", "-c", "other", first, cwd=project)
        other = commit(project, {"train.py": LINES.replace("line 10", "zehn")})
        ok("switch", "elsewhere", cwd=project)
        ok("apply", self.patch(project, tmp_path, states[:2], (first, other)), cwd=project)
        assert (project / "train.py").read_text() == LINES.replace("line 1\n", "one\n").replace("line 10", "zehn")

    def test_there_and_back_is_nothing(self, project, tmp_path, states):
        first, second, _ = states
        before = snapshot(project)
        ok("apply", self.patch(project, tmp_path, (first, second), (second, first)), cwd=project)
        assert snapshot(project) == before

    def test_a_new_file_may_change_and_go(self, project, tmp_path):
        first = ok("rev-parse", "HEAD", cwd=project).out.strip()
        second = commit(project, {"new.py": "a\n"})
        third = commit(project, {"new.py": "b\n"})
        ok("switch", "-c", "elsewhere", first, cwd=project)
        ok("apply", self.patch(project, tmp_path, (first, second), (second, third)), cwd=project)
        assert (project / "new.py").read_text() == "b\n"
        ok("undo", cwd=project)
        ok("apply", self.patch(project, tmp_path, (first, second), (second, third), (third, first)), cwd=project)
        assert not (project / "new.py").exists()

    def test_entries_too(self, project, tmp_path):
        first = ok("rev-parse", "HEAD", cwd=project).out.strip()
        found = [first]
        for words in (("--param", "depth=2"), ("--param", "width=3")):
            ok("commit", "-m", "x", *words, cwd=project)
            found.append(ok("rev-parse", "HEAD", cwd=project).out.strip())
        wanted = ok("cat", "HEAD:config/.mvcs/params", cwd=project).out
        ok("switch", "-c", "elsewhere", first, cwd=project)
        ok("apply", self.patch(project, tmp_path, found[:2], found[1:]), cwd=project)
        ok("commit", "-m", "applied", cwd=project)
        assert ok("cat", "HEAD:config/.mvcs/params", cwd=project).out == wanted

    def test_one_that_does_not_follow_changes_nothing(self, project, tmp_path, states):
        first, second, _ = states
        ok("switch", "-c", "other", first, cwd=project)
        other = commit(project, {"train.py": LINES.replace("line 1\n", "eins\n")})
        ok("switch", "elsewhere", cwd=project)
        before = snapshot(project)
        done = mvcs_run("apply", self.patch(project, tmp_path, (first, second), (first, other)), cwd=project)
        assert done.code == 4
        assert snapshot(project) == before
