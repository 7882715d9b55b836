"""Whatever is done in whatever order: the files are what they should be, and no byte is lost.

The model is plain dictionaries: the files of each commit, and what a command should make of the workspace.
"""

from __future__ import annotations

import os
import shutil
import tempfile

from crash.project import changed_between, commit_files, files_of, kept_commits, noise, small_limits
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import mvcs
from mvcs.errors import (
    Collected,
    NotARepository,
    NothingToCommit,
    NothingToUndo,
    PreconditionFailed,
    RefConflict,
    RefExists,
    UnsavedWork,
)
from mvcs.ports import FixedClock

PATHS = (
    "train.py", "src/m.py", "data/a.csv", "data/d/b.csv", "data/d", "data/d/e/f.csv", "model.safetensors",
    "metrics.json", "notes.txt",
)
CONTENTS = {
    "empty": b"", "1": b"1", "2": b"2", "3": b"3", "20 KB": noise(20_000, "x"), "other 20 KB": noise(20_000, "y"),
    "300 KB": noise(300_000, "z"), "600 KB": noise(600_000, "w"),
}
PATH = st.sampled_from(PATHS)
WHICH = st.integers(0, 9)
NAMES = ("main", "one", "two")
NAME = st.sampled_from(NAMES)
UNMATCHED = {"notes.txt"}

Files = dict


class History(RuleBasedStateMachine):
    """One workspace, and what is known of it."""

    @initialize()
    def begin(self):
        self.top = tempfile.mkdtemp(prefix="mvcs-history-")
        self.folder = os.path.join(self.top, "m")
        os.makedirs(self.folder)
        self.limits = small_limits()
        self.limits.__enter__()
        self.clock = FixedClock(1_700_000_000 * 10**9, step=10**9)
        self.repo = mvcs.init(self.folder, model="m", yes=True, clock=self.clock)[0]
        self.commits: dict[str, Files] = {}
        self.clones = 0
        self.remember(self.repo.commit("first").oid.hex(), files_of(self.folder))

    def teardown(self):
        if hasattr(self, "repo"):
            self.repo.close()
            self.limits.__exit__(None, None, None)
            shutil.rmtree(self.top)

    # What is known

    def remember(self, oid: str, files: Files) -> None:
        assert self.commits.setdefault(oid, dict(files)) == files

    def chosen(self, which: int) -> str:
        """A commit by its age, so that a run can be repeated."""
        return list(self.commits)[-1 - which % len(self.commits)]

    def head(self) -> Files:
        head = self.repo.head
        return {} if head is None else self.commits[head.id]

    def hidden(self) -> set[str]:
        try:
            with open(os.path.join(self.folder, ".mvcsignore"), encoding="utf-8") as file:
                return {line[1:] for line in file.read().splitlines() if line[1:] in PATHS and line[0] == "/"}
        except OSError:
            return set()

    def tracked(self) -> Files:
        hidden = self.hidden()
        return {
            path: found for path, found in files_of(self.folder).items()
            if path not in UNMATCHED and not any(path == each or path.startswith(each + "/") for each in hidden)
        }

    def unmatched(self, files: Files) -> Files:
        return {path: found for path, found in files.items() if path in UNMATCHED}

    def nothing_lost(self, before: Files, saved: object) -> None:
        if saved is not None:
            oid = saved.hex()
            self.remember(oid, commit_files(self.repo[oid]))
        kept = set(files_of(self.folder).values())
        for files in self.commits.values():
            kept.update(files.values())
        contents = {content for _, content in kept}
        assert not [path for path, (_, content) in before.items() if content not in contents]

    # The user's hands

    def clear(self, path: str) -> None:
        full = os.path.join(self.folder, path)
        parent = os.path.dirname(path)
        while parent:
            above = os.path.join(self.folder, parent)
            if os.path.lexists(above) and (os.path.islink(above) or not os.path.isdir(above)):
                os.unlink(above)
            parent = os.path.dirname(parent)
        if os.path.isdir(full) and not os.path.islink(full):
            shutil.rmtree(full)
        elif os.path.lexists(full):
            os.unlink(full)
        os.makedirs(os.path.dirname(full), exist_ok=True)

    @rule(path=PATH, content=st.sampled_from(list(CONTENTS)))
    def write(self, path, content):
        self.clear(path)
        with open(os.path.join(self.folder, path), "wb") as file:
            file.write(CONTENTS[content])

    @rule(path=PATH, content=st.sampled_from("123"), looks=st.booleans())
    def write_in_place(self, path, content, looks):
        full = os.path.join(self.folder, path)
        if os.path.isfile(full) and not os.path.islink(full):
            if looks:
                self.repo.status()
            with open(full, "r+b") as file:
                file.write(CONTENTS[content])

    @rule(path=PATH)
    def delete(self, path):
        self.clear(path)

    @rule(path=PATH, executable=st.booleans())
    def chmod(self, path, executable):
        full = os.path.join(self.folder, path)
        if os.path.isfile(full) and not os.path.islink(full):
            os.chmod(full, 0o755 if executable else 0o644)

    @rule(path=PATH, leads=st.sampled_from(["a.csv", "nowhere", "d"]))
    def link(self, path, leads):
        self.clear(path)
        os.symlink(leads, os.path.join(self.folder, path))

    @rule(path=st.sampled_from(PATHS[:4]), back=st.booleans())
    def hide(self, path, back):
        """Takes a path into .mvcsignore, or out of it."""
        name = os.path.join(self.folder, ".mvcsignore")
        if not os.path.isfile(name):
            return
        with open(name, encoding="utf-8") as file:
            lines = [line for line in file.read().splitlines() if line != "/" + path]
        with open(name, "w", encoding="utf-8") as file:
            file.write("\n".join(lines if back else [*lines, "/" + path]) + "\n")

    # Verbs

    @rule(amend=st.integers(0, 5))
    def commit(self, amend):
        files, before = self.tracked(), files_of(self.folder)
        same = files == self.head()
        try:
            made = self.repo.commit("a commit", amend=amend == 0 and self.repo.head is not None)
        except NothingToCommit:
            assert same
            return
        assert not same or amend == 0
        self.remember(made.oid.hex(), files)
        assert commit_files(self.repo[made.oid.hex()]) == files
        assert files_of(self.folder) == before

    @rule(name=NAME, force=st.booleans(), create=st.booleans())
    def switch(self, name, force, create):
        create = create and name not in self.repo.branches
        if not create and name not in self.repo.branches:
            return
        self.go(lambda: self.repo.switch(name, force=force, create=create))

    @precondition(lambda self: self.commits)
    @rule(which=WHICH, force=st.booleans())
    def checkout(self, which, force):
        oid = self.chosen(which)
        self.go(lambda: self.repo.switch(oid, detach=True, force=force))

    def go(self, verb):
        old, before, refs = self.head(), files_of(self.folder), self.repo.refs
        try:
            done = verb()
        except UnsavedWork:
            assert files_of(self.folder) == before
            assert self.repo.refs == refs
            return
        self.nothing_lost(before, done.saved)
        new, after = self.head(), files_of(self.folder)
        rewritten = changed_between(old, new)
        assert {path: after.get(path) for path in rewritten} == {path: new.get(path) for path in rewritten}
        for path in changed_between(before, after):
            assert path in rewritten

    @precondition(lambda self: self.commits)
    @rule(which=WHICH, hard=st.booleans())
    def reset(self, which, hard):
        oid = self.chosen(which)
        old, before, tracked = self.head(), files_of(self.folder), self.tracked()
        try:
            done = self.repo.reset(oid, hard=hard)
        except UnsavedWork:  # a folder that the model does not know stands where a file is to be
            assert hard
            assert files_of(self.folder) == before
            return
        self.nothing_lost(before, done.saved)
        assert self.repo.head.id == oid
        after = files_of(self.folder)
        if not hard:
            assert after == before
            return
        new = self.commits[oid]
        for path in {*old, *new, *tracked}:
            assert after.get(path) == new.get(path)
        assert self.unmatched(after) == self.unmatched(before)

    @precondition(lambda self: self.commits)
    @rule(which=WHICH, path=st.sampled_from([*PATHS, ".", "data"]))
    def restore(self, which, path):
        source = self.chosen(which) if which % 2 else None
        old, before, tracked = self.head(), files_of(self.folder), self.tracked()
        new = self.commits[source] if source else old
        chosen = {
            each for each in {*old, *new, *tracked}
            if path == "." or each == path or each.startswith(path + "/")
        }
        try:
            done = self.repo.restore([path], source=source)
        except (mvcs.errors.PathNotFound, mvcs.errors.RevisionNotFound, UnsavedWork):
            assert files_of(self.folder) == before
            return
        self.nothing_lost(before, done.saved)
        after = files_of(self.folder)
        changed = changed_between(old, new) | changed_between(old, tracked)
        for each in {*before, *after}:
            wanted = new.get(each) if each in chosen and each in changed else before.get(each)
            assert after.get(each) == wanted, each

    @rule()
    def undo(self):
        self.walk(self.repo.undo)

    @rule()
    def redo(self):
        self.walk(self.repo.redo)

    @rule()
    def undo_force(self):
        self.walk(lambda: self.repo.undo(force=True))

    def walk(self, verb) -> bool:
        before, refs = files_of(self.folder), self.repo.refs
        try:
            done = verb()
        except (NothingToUndo, UnsavedWork, Collected, RefConflict):
            assert files_of(self.folder) == before
            assert self.repo.refs == refs
            return False
        for oid in sorted(kept_commits(self.repo) - set(self.commits)):
            self.remember(oid, commit_files(self.repo[oid]))
        self.nothing_lost(before, done.saved)
        return True

    @rule()
    def undo_and_redo_change_nothing(self):
        before, refs = files_of(self.folder), self.repo.refs
        if self.walk(self.repo.undo):
            assert self.walk(self.repo.redo)
            assert files_of(self.folder) == before
            assert self.repo.refs == refs

    @precondition(lambda self: self.commits)
    @rule(name=NAME, which=WHICH)
    def branch(self, name, which):
        try:
            self.repo.branch(name, self.chosen(which))
        except RefExists:
            assert name in self.repo.branches

    @rule(name=NAME)
    def delete_branch(self, name):
        try:
            self.repo.delete_branch(name)
        except (PreconditionFailed, mvcs.errors.NotFound):
            return
        assert name not in self.repo.branches

    @precondition(lambda self: self.commits)
    @rule(name=st.sampled_from(["t1", "t2"]), which=WHICH)
    def tag(self, name, which):
        if name in self.repo.tags:
            self.repo.delete_tag(name)
        else:
            self.repo.tag(name, self.chosen(which), message="words")

    @rule(days=st.sampled_from(["0", "30"]), thorough=st.booleans())
    def gc(self, days, thorough):
        before, refs = files_of(self.folder), self.repo.refs
        self.repo.config_set("gc.undo_days", days)
        self.repo.gc(thorough=thorough)
        assert files_of(self.folder) == before
        assert self.repo.refs == refs
        if days == "0":
            kept = kept_commits(self.repo)
            self.commits = {oid: files for oid, files in self.commits.items() if oid in kept}

    @precondition(lambda self: self.clones < 3)
    @rule()
    def clone(self):
        self.clones += 1
        target = os.path.join(self.top, "clone")
        if "." not in {key.split("/", 1)[1] for key, to in self.repo.refs.items() if key[:5] == "HEAD/" and "/" in to}:
            return  # a detached HEAD: nothing is written out
        try:
            mvcs.clone(self.folder, target)
        except NotARepository:
            return
        finally:
            found = files_of(target) if os.path.isdir(target) else {}
            shutil.rmtree(target, ignore_errors=True)
        assert found == self.head()

    @rule()
    def reopen(self):
        self.repo.close()
        self.repo = mvcs.open(self.folder, clock=self.clock)

    # What always holds

    @invariant()
    def the_status_says_what_the_bytes_say(self):
        if not hasattr(self, "repo") or not os.path.exists(os.path.join(self.folder, "mvcs.toml")):
            return
        changed = changed_between(self.tracked(), self.head())
        status = self.repo.status()
        assert {os.fsdecode(change.path) for change in status.changes} == changed
        assert status.clean == (not changed)
        assert status.problems == []

    @invariant()
    def every_byte_is_what_its_name_says(self):
        if hasattr(self, "repo"):
            assert [problem.to_dict() for problem in self.repo.fsck().problems] == []

    @invariant()
    def every_commit_is_whole(self):
        if hasattr(self, "repo"):
            for oid in kept_commits(self.repo):
                assert commit_files(self.repo[oid]) == self.commits[oid]


TestHistory = History.TestCase
TestHistory.settings = settings(max_examples=20, stateful_step_count=30, deadline=None)
