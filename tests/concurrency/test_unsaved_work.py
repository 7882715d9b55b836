"""Nothing that no commit has is overwritten, also when it is written while a command runs, or hidden from it."""

from __future__ import annotations

import os
import shutil
import time

import pytest
from crash.project import files_of, write

import mvcs
from mvcs import ports
from mvcs.errors import MvcsError, UnsavedWork
from mvcs.ops import files as files_module
from mvcs.ops import recover as recover_module


@pytest.fixture
def folder(tmp_path) -> str:
    folder = str(tmp_path / "m")
    os.makedirs(folder)
    write(folder, {"train.py": b"print(1)\n", "data/a.csv": b"1\n", "data/b.csv": b"b\n"})
    with mvcs.init(folder, model="m", yes=True)[0] as repo:
        repo.commit("one")
        repo.switch("other", create=True)
        write(folder, {"train.py": b"print(2)\n", "data/a.csv": b"2\n", "data/c.csv": b"c\n", "data/b.csv": None})
        repo.commit("two")
        repo.switch("main")
    return folder


@pytest.fixture
def repo(folder):
    with mvcs.open(folder) as repo:
        yield repo


def read(folder: str, path: str) -> bytes:
    with open(os.path.join(folder, path), "rb") as file:
        return file.read()


def kept_somewhere(repo, folder: str, content: bytes) -> bool:
    """Whether a content is in the workspace or in the saved commit of the newest operation."""
    if content in {read(folder, path) for path in files_of(folder)}:
        return True
    for oid in repo.op_show().operation.evidence:
        if any(repo[oid.hex()].files[path] == content for path in repo[oid.hex()].files):
            return True
    return False


VERBS = {
    "switch": lambda repo: repo.switch("other"),
    "switch --force": lambda repo: repo.switch("other", force=True),
    "checkout": lambda repo: repo.checkout("other~0"),
    "restore": lambda repo: repo.restore(["."], source="other"),
    "reset --hard": lambda repo: repo.reset("other", hard=True),
}


@pytest.fixture(params=VERBS)
def verb(request):
    return VERBS[request.param]


@pytest.mark.parametrize("path", ["data/a.csv", "data/b.csv", "data/c.csv", "train.py"])
class TestWrittenMeanwhile:
    """A training writes a file between the look at it and its replacement."""

    def check(self, repo, folder, verb, path):
        try:
            verb(repo)
        except MvcsError:
            pass
        assert kept_somewhere(repo, folder, b"precious\n")
        with mvcs.open(folder) as again:
            again.status()
            assert kept_somewhere(again, folder, b"precious\n")
            assert again.fsck().problems == []
        assert not [name for name in files_of(folder) if ".mvcs-new-" in name]

    def test_after_the_look(self, repo, folder, verb, path, monkeypatch):
        unsaved = files_module.Rewrite.unsaved

        def late(self):
            found = unsaved(self)
            write(folder, {path: b"precious\n"})
            return found

        monkeypatch.setattr(files_module.Rewrite, "unsaved", late)
        self.check(repo, folder, verb, path)

    @pytest.mark.parametrize("point", ["journal written", "files written beside"])
    def test_while_files_are_written(self, repo, folder, verb, path, point, monkeypatch):
        if path == "data/b.csv" and point == "files written beside":
            pytest.skip("it has been removed by then")

        def on_reached(name):
            if name == point:
                write(folder, {path: b"precious\n"})

        monkeypatch.setattr(ports, "on_reached", on_reached)
        self.check(repo, folder, verb, path)

    def test_while_a_killed_switch_is_rolled_back(self, repo, folder, verb, path, monkeypatch):
        def kill(name):
            if name == "before meta":
                raise Killed

        monkeypatch.setattr(ports, "on_reached", kill)
        with pytest.raises(Killed):
            verb(repo)
        monkeypatch.setattr(ports, "on_reached", lambda name: None)
        here = recover_module.read_file

        def late(root, name, digest):
            found = here(root, name, digest)
            if os.fsdecode(name) == path:
                write(folder, {path: b"precious\n"})
            return found

        monkeypatch.setattr(recover_module, "read_file", late)
        try:
            repo.status()
        except MvcsError:
            pass
        monkeypatch.setattr(recover_module, "read_file", here)
        if path == "data/b.csv":
            return  # it was not there to be read
        repo.status()
        assert read(folder, path) == b"precious\n"


class TestHidden:
    """Files that the patterns do not show any more are the user's all the same."""

    @pytest.mark.parametrize("path", ["data/a.csv", "data/b.csv", "train.py"])
    def test_a_file_that_is_ignored_now(self, repo, folder, verb, path):
        with open(os.path.join(folder, ".mvcsignore"), "a", encoding="utf-8") as file:
            file.write(f"/{path}\n")
        write(folder, {path: b"precious\n"})
        try:
            verb(repo)
        except UnsavedWork as error:
            assert path in str(error.fields["paths"])
        assert kept_somewhere(repo, folder, b"precious\n")

    def test_an_older_checkpoint(self, repo, folder, verb):
        write(folder, {"checkpoint-1/model.safetensors": b"first"})
        repo.commit("a checkpoint")
        repo.switch("other")
        write(folder, {"checkpoint-1/model.safetensors": b"other's"})
        repo.commit("its own")
        repo.switch("main")
        write(folder, {"checkpoint-1/model.safetensors": b"precious\n", "checkpoint-2/model.safetensors": b"second"})
        try:
            verb(repo)
        except UnsavedWork:
            pass
        assert kept_somewhere(repo, folder, b"precious\n")

    @pytest.mark.parametrize("path", ["data/c.csv", "data/c.csv/inner", "data/a.csv/inner.bin"])
    def test_a_file_or_folder_that_stands_in_the_way(self, repo, folder, verb, path):
        with open(os.path.join(folder, ".mvcsignore"), "a", encoding="utf-8") as file:
            file.write("/data/c.csv\n*.bin\n")
        if path.startswith("data/a.csv"):
            os.unlink(os.path.join(folder, "data/a.csv"))
        write(folder, {path: b"precious\n"})
        try:
            verb(repo)
        except UnsavedWork:
            pass
        assert kept_somewhere(repo, folder, b"precious\n")

    def test_files_behind_a_link_that_took_a_folder_s_place(self, repo, folder, verb, tmp_path):
        os.rename(os.path.join(folder, "data"), tmp_path / "elsewhere")
        os.symlink("../elsewhere", os.path.join(folder, "data"))
        write(folder, {"data/a.csv": b"precious\n"})
        try:
            verb(repo)
        except MvcsError:
            pass
        assert (tmp_path / "elsewhere" / "a.csv").read_bytes() == b"precious\n"
        assert sorted(os.listdir(tmp_path / "elsewhere")) == ["a.csv", "b.csv"]


class Killed(BaseException):
    """Ends a command as a kill would, in this process."""


class TestAfterAKill:
    """The user goes on working in files that a killed command has half rewritten; the next one copes."""

    @pytest.fixture
    def swapped(self, folder, repo):
        """On `main` data/d is a file, on `other` a folder."""
        write(folder, {"data/d": b"a file\n"})
        repo.commit("a file")
        repo.switch("other")
        write(folder, {"data/d/e.csv": b"in a folder\n"})
        repo.commit("a folder")
        repo.switch("main")

    def kill(self, repo, name, point, monkeypatch):
        def on_reached(reached):
            if reached == point:
                raise Killed

        monkeypatch.setattr(ports, "on_reached", on_reached)
        with pytest.raises(Killed):
            repo.switch(name)
        monkeypatch.setattr(ports, "on_reached", lambda name: None)

    @pytest.mark.parametrize("point", [
        "journal written", "file removed", "files written beside", "file renamed", "before meta", "in meta",
    ])
    @pytest.mark.parametrize("start", ["main", "other"])
    @pytest.mark.parametrize("path", [None, "data/d", "data/d/mine.csv", "data/d/e.csv", "data/d/x/mine.csv"])
    @pytest.mark.usefixtures("swapped")
    def test_a_file_and_a_folder_change_places(self, repo, folder, monkeypatch, point, start, path):
        repo.switch(start)
        before = files_of(folder)
        self.kill(repo, "other" if start == "main" else "main", point, monkeypatch)
        if path is not None:
            full = os.path.join(folder, path)
            above = os.path.join(folder, "data/d")
            if os.path.isdir(full):
                shutil.rmtree(full)
            if path != "data/d" and os.path.isfile(above):
                os.unlink(above)
            write(folder, {path: b"precious\n"})
        repo.status()
        if path is None:
            assert files_of(folder) == before
            assert repo.status().clean
        else:
            assert read(folder, path) == b"precious\n"
        made = repo.commit("goes on") if path is not None else repo.head
        assert made is not None
        assert repo.fsck().problems == []


class TestUnreadable:
    """A folder that cannot be read is not a folder whose files were deleted."""

    @pytest.mark.parametrize("known", [True, False])
    def test_nothing_is_committed_without_it(self, repo, folder, monkeypatch, known):
        system_open = os.open

        def refuse(path, flags, *rest, **options):
            if flags & os.O_DIRECTORY and os.fsencode(path).endswith(b"/data"):
                raise PermissionError(13, "Permission denied")
            return system_open(path, flags, *rest, **options)

        if known:
            assert repo.status().clean
        write(folder, {"train.py": b"print(9)\n"})
        monkeypatch.setattr(os, "open", refuse)
        with pytest.raises(mvcs.errors.UnreadableFile):
            repo.commit("without data")
        with pytest.raises(mvcs.errors.UnreadableFile):
            repo.switch("other")
        monkeypatch.undo()
        assert {change.path for change in repo.status().changes} == {b"train.py"}


class TestSeen:
    """What changed is seen, however the times look."""

    def test_a_new_file_in_a_folder_whose_time_was_set_back(self, repo, folder):
        data = os.path.join(folder, "data")
        os.utime(data, (1_000_000_000, 1_000_000_000))
        assert repo.status().clean
        write(folder, {"data/new.csv": b"new"})
        os.utime(data, (1_000_000_000, 1_000_000_000))
        assert [change.path for change in repo.status().changes] == [b"data/new.csv"]

    def test_a_file_of_the_same_size_whose_time_was_set_back(self, repo, folder):
        path = os.path.join(folder, "data/a.csv")
        os.utime(path, (1_000_000_000, 1_000_000_000))
        assert repo.status().clean
        for number in range(50):
            write(folder, {"data/a.csv": b"%d\n" % (number % 2 + 3)})
            os.utime(path, (1_000_000_000, 1_000_000_000))
            assert not repo.status().clean
            repo.commit(str(number))
            assert repo.head.files["data/a.csv"] == read(folder, "data/a.csv")

    def test_rewritten_at_once_and_in_place(self, repo, folder):
        path = os.path.join(folder, "data/a.csv")
        for number in range(60):
            content = b"%d\n" % (number % 2 + 3)
            with open(path, "r+b") as file:
                file.write(content)
            made = repo.commit(str(number))
            assert repo[made.oid.hex()].files["data/a.csv"] == content

    def test_rewritten_at_once_after_a_switch(self, repo, folder):
        for number in range(20):
            repo.switch("other" if number % 2 == 0 else "main")
            write(folder, {"data/a.csv": b"%d\n" % (7 + number % 2)})
            assert b"data/a.csv" in {change.path for change in repo.status().changes}
            with pytest.raises(UnsavedWork):
                repo.switch("main" if number % 2 == 0 else "other")
            repo.restore(["data/a.csv"])

    def test_rewritten_while_it_is_read_for_the_status(self, repo, folder, monkeypatch):
        """The look has the old bytes, and the new ones may have the same time."""
        from mvcs.repo import changes

        path = os.path.join(folder, "data/a.csv")
        read_file = changes.read_file

        def late(root, name, *others):
            found = read_file(root, name, *others)
            if name == b"data/a.csv":
                with open(path, "r+b") as file:
                    file.write(b"9")
            return found

        write(folder, {"data/a.csv": b"5\n"})
        monkeypatch.setattr(changes, "read_file", late)
        repo.status()
        monkeypatch.undo()
        made = repo.commit("after")
        assert repo[made.oid.hex()].files["data/a.csv"] == b"9\n"

    def test_a_status_that_ends_late_does_not_spoil_the_cache(self, repo, folder, monkeypatch):
        """It has looked before a commit, saves what it saw after it, and the commit is undone."""
        from mvcs.repo.workspace import Workspace

        write(folder, {"train.py": b"print(5)\n"})
        time.sleep(0.1)  # what was written just now is read again anyway
        repo.commit("one more")
        repo.undo()  # HEAD has gone back, the cache has not been told
        save = Workspace.save_cache

        def late(self, found):
            monkeypatch.setattr(Workspace, "save_cache", save)
            write(folder, {"data/a.csv": b"5\n"})
            time.sleep(0.1)
            repo.commit("meanwhile")
            save(self, found)

        monkeypatch.setattr(Workspace, "save_cache", late)
        repo.status()
        repo.undo()
        assert {change.path for change in repo.status().changes} == {b"train.py", b"data/a.csv"}
