"""Makes small projects for crash tests, and reads what stands in them."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from blake3 import blake3
from store_contents import weights as versions

import mvcs
from mvcs.api import init

if TYPE_CHECKING:
    from collections.abc import Iterator

CHILD = os.path.join(os.path.dirname(__file__), "child.py")
SMALL = {
    "mvcs.store.ingest:FLUSH": 400_000, "mvcs.store.sweep:COPY": 400_000, "mvcs.store.sweep:DELETE": 40,
    "mvcs.repo.writeout:GROUP": 3, "segments:CAP": 1_500_000, "mvcs.store.recode:SLICE": 200_000,
    "mvcs.store.sweep:LEAST_FREE": 1,
}
"""Limits for the child: several batches, several segments, several groups of files."""
ROUNDS = int(os.environ.get("MVCS_CRASH_ROUNDS", "100"))


def noise(size: int, seed: str) -> bytes:
    """Bytes that do not compress, the same for the same seed."""
    return blake3(seed.encode()).digest(length=size)


def write(folder: str, files: dict[str, bytes | None]) -> None:
    """Writes files, removes those that are None."""
    for path, content in files.items():
        full = os.path.join(folder, path)
        if content is None:
            os.unlink(full)
            continue
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "wb") as file:
            file.write(content)


Files = dict[str, tuple[int, bytes]]
"""Path to (mode, BLAKE3 of the content); mode 1 is executable, 2 a link."""


def files_of(folder: str) -> Files:
    """All files of a folder but the repository's own."""
    found = {}
    for here, folders, names in os.walk(folder):
        if ".mvcs" in folders:
            folders.remove(".mvcs")
        for name in names + [each for each in folders if os.path.islink(os.path.join(here, each))]:
            full = os.path.join(here, name)
            if os.path.islink(full):
                found[os.path.relpath(full, folder)] = (2, blake3(os.fsencode(os.readlink(full))).digest())
                continue
            with open(full, "rb") as file:
                executable = bool(os.fstat(file.fileno()).st_mode & 0o100)
                found[os.path.relpath(full, folder)] = (int(executable), blake3(file.read()).digest())
    return found


def small_files(seed: str) -> dict[str, bytes]:
    """A training project's small files."""
    return {
        "train.py": f"print({seed!r})\n".encode(), "src/model.py": f"layers = {seed!r}\n".encode() * 40,
        "config.yaml": f"seed: {seed}\n".encode(), "data/a.csv": noise(3000, "a" + seed),
        "data/deep/b.csv": noise(30_000, "b" + seed),
    }


GARBAGE = versions(seed=1, steps=9, each=200_000)
"""Weights that only a removed branch has had; they are stored as a difference to ones that stay."""


def make_project(folder: str, weights: int = 1_200_000) -> str:
    """Makes a project with three commits on `main`, one on `other`, a removed branch's garbage, and unsaved work.

    Its weights are versions of each other, so that chunks are based on chunks.
    """
    os.makedirs(folder)
    write(folder, {**small_files("one"), "model.safetensors": versions(seed=1, each=weights // 6), "README.md": b"# one\n", "LICENSE": b"free\n"})
    repo, _ = init(folder, model="m", yes=True)
    repo.commit("one")
    repo.switch("gone", create=True)  # what is garbage soon shares a segment with what stays
    write(folder, {"model.safetensors": GARBAGE, "data/gone.csv": noise(100_000, "gone")})
    repo.commit("garbage")
    repo.switch("main")
    repo.delete_branch("gone")
    write(folder, {**small_files("two"), "model.safetensors": versions(seed=1, steps=1, each=weights // 6)})
    repo.commit("two", tag="t2")
    repo.switch("other", create=True, start="HEAD~1")
    write(folder, {
        "train.py": b"print('other')\n", "model.safetensors": versions(seed=1, steps=2, each=weights // 6), "README.md": None,
        "data/new/c.csv": noise(400_000, "c"),
    })
    repo.commit("on other")
    repo.switch("main")
    write(folder, {"src/model.py": b"layers = 3\n", "metrics.json": b'{"auc": 0.5}'})
    os.chmod(os.path.join(folder, "train.py"), 0o755)
    repo.commit("three")
    repo.close()
    return folder


def copy_project(source: str, target: str) -> str:
    """Copies a project with its repository."""
    shutil.copytree(source, target, symlinks=True)
    return target


class Child:
    """A running child process; its answers are lines."""

    def __init__(self, folder: str, steps: list, **plan: object) -> None:
        plan = {"folder": folder, "steps": steps, "limits": SMALL, **plan}
        self.process = subprocess.Popen(
            [sys.executable, CHILD, json.dumps(plan)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )
        self.lines: list[str] = []

    def wait_for(self, word: str) -> str:
        """Reads until a line begins with this word; returns it."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if line.split(" ", 1)[0].strip() == word:
                return line.rstrip("\n")
        raise AssertionError(f"no {word!r} came, but {self.lines}: {self.process.communicate()[1]}")

    def go_on(self) -> None:
        """Lets a child go on that was held."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def end(self) -> list[str]:
        """Waits for the end; returns all lines. Nothing may be written to stderr."""
        out, err = self.process.communicate(timeout=120)
        self.lines += out.splitlines()
        assert not err, err
        return self.lines

    def kill(self) -> list[str]:
        """Kills it; returns what it had said."""
        self.process.kill()
        return self.end()

    @property
    def acks(self) -> list:
        """What the steps answered."""
        return [json.loads(line[4:]) for line in self.lines if line.startswith("ack ")]

    @property
    def errors(self) -> list[str]:
        """Codes of the steps that failed."""
        return [line.split(" ")[1] for line in self.lines if line.startswith("error ")]


def points_of(folder: str, steps: list, **plan: object) -> list[str]:
    """Runs steps to their end; returns the points that were reached."""
    child = Child(folder, steps, points=True, **plan)
    lines = child.end()
    assert not child.errors, lines
    return [line[6:] for line in lines if line.startswith("point ")]


def pick(choices: list, count: int, seed: str) -> list:
    """Returns `count` of the choices, spread evenly; with repetition when there are fewer."""
    shuffled = list(choices)
    random.Random(seed).shuffle(shuffled)
    return [shuffled[i % len(shuffled)] for i in range(count)]


def every_commit(repo: mvcs.Repo) -> dict[str, Files]:
    """Commit to its files, of every commit that a ref or an operation of the ledger names."""
    oids = {target for target in repo.refs.values() if len(target) == 64 and "/" not in target}
    for logged in repo.op_log():
        shown = logged.to_dict()
        oids.update(str(item) for item in shown["evidence"])
        oids.update(str(move["new"]) for move in shown["moves"] if move["new"] and "/" not in move["new"])
    found: dict[str, Files] = {}
    for oid in oids:
        found.update((commit.id, commit_files(commit)) for commit in walk(repo, oid) if commit.id not in found)
    return found


def kept_commits(repo: mvcs.Repo) -> set[str]:
    """Commits that refs reach: what no gc may take, whatever the undo window."""
    starts = [target for target in repo.refs.values() if len(target) == 64 and "/" not in target]
    return {commit.id for oid in starts for commit in walk(repo, oid)}


def walk(repo: mvcs.Repo, oid: str) -> list:
    """The commit and its ancestors; nothing if the oid is no commit."""
    from mvcs.errors import MvcsError

    try:
        return list(repo[oid].walk())
    except MvcsError:
        return []


def commit_files(commit: mvcs.Commit) -> Files:
    """Files of a commit; that the stored bytes are theirs is for fsck and checkouts to tell."""
    modes = {0o100644: 0, 0o100755: 1, 0o120000: 2}
    return {
        os.fsdecode(item.path): (modes[item.entry.mode], bytes(item.entry.oid)) for item in commit.files.entries()
    }


@contextmanager
def small_limits() -> Iterator[None]:
    """Small segments in this process too."""
    from mvcs.store.lmdb_store import LmdbStore

    before = LmdbStore.__init__.__defaults__, LmdbStore.create.__func__.__defaults__
    LmdbStore.__init__.__defaults__ = LmdbStore.create.__func__.__defaults__ = (SMALL["segments:CAP"],)
    try:
        yield
    finally:
        LmdbStore.__init__.__defaults__, LmdbStore.create.__func__.__defaults__ = before


UNTRACKED = {"notes.txt", "notes/deep.txt"}


class Before:
    """All there is before a command: what must not be lost."""

    def __init__(self, folder: str) -> None:
        self.files = files_of(folder)
        with mvcs.open(folder) as repo:
            self.refs = repo.refs
            self.operations = [logged.oid for logged in repo.op_log()]
            every = every_commit(repo)
            self.commits = {oid: every[oid] for oid in kept_commits(repo)}


def check(folder: str, before: Before, after: Files | None) -> str:
    """Checks everything that must hold after a kill; returns `old` or `new`, whichever the refs are.

    Args:
        folder: The workspace.
        before: What there was.
        after: The files if the command came to its end; None if it must not touch them.
    """
    with mvcs.open(folder) as repo:
        status = repo.status()
        files = files_of(folder)
        assert not [path for path in files if ".mvcs-new-" in path]
        ledger = [logged.oid for logged in repo.op_log()]
        if ledger == before.operations:
            outcome = "old"
            assert repo.refs == before.refs
            assert changed_between(before.files, files) == set()
        else:
            outcome = "new"
            assert ledger[1:] == before.operations
            if before.operations:
                with mvcs.open(folder, at=ledger[1].hex()) as then:
                    assert then.refs == before.refs
            assert changed_between(before.files if after is None else after, files) == set()
        check_whole(repo, before.commits)
        check_status(repo, status, files)
        kept = {content for _, content in files.values()}
        for commit in every_commit(repo).values():
            kept.update(content for _, content in commit.values())
        assert not [path for path, (_, content) in before.files.items() if content not in kept]
    return outcome


def changed_between(first: dict, second: dict) -> set[str]:
    """Paths on which two sets of files differ."""
    return {path for path in {*first, *second} if first.get(path) != second.get(path)}


def check_whole(repo: mvcs.Repo, commits: dict[str, Files]) -> None:
    """Every byte that is stored is what its name says, and every known commit is there."""
    problems = [problem.to_dict() for problem in repo.fsck().problems]
    assert not problems, problems
    for oid, files in commits.items():
        assert commit_files(repo[oid]) == files


def check_status(repo: mvcs.Repo, status: object, files: dict) -> None:
    """The status says what a comparison of all bytes says."""
    head = commit_files(repo.head) if repo.head is not None else {}
    tracked = {path: found for path, found in files.items() if path not in UNTRACKED}
    assert {os.fsdecode(change.path) for change in status.changes} == changed_between(tracked, head)


def use(folder: str) -> None:
    """The next commands work: a commit, another branch, back again."""
    with mvcs.open(folder) as repo:
        if repo.status().merging is not None:
            repo.merge_abort()
        for name in ("metrics.json", "data/later.csv"):
            write(folder, {name: b"later"})
        made = repo.commit("after the kill")
        head = commit_files(repo[made.oid.hex()])
        other = "other" if repo.status().head.shown != "other" else "main"
        repo.switch(other)
        assert commit_files(repo.head).items() <= files_of(folder).items()
        repo.checkout(made.oid.hex())
        assert head.items() <= files_of(folder).items()
        assert repo.status().clean
        assert repo.fsck().problems == []
