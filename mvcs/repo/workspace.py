"""A workspace: one mvcs.toml, its files, its HEAD, its stat cache and its lock.

Knows: where HEAD is, also when Git says so. Refuses to know: verbs, what patterns match (handed in as rules).
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mvcs.errors import LockTimeout, NotARepository, UnfinishedWork
from mvcs.objects.record import Record
from mvcs.refs.names import branch_key, head_key
from mvcs.repo.clock import filesystem_now
from mvcs.repo.git import GitTree
from mvcs.repo.project import read_project
from mvcs.repo.scan import fingerprint, scan
from mvcs.repo.statcache import StatCache
from mvcs.store.lock import FileLock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mvcs.objects.hashing import Oid
    from mvcs.refs.table import Refs
    from mvcs.repo.repository import Repository
    from mvcs.repo.scan import MakeRules, Scan

DEFAULT_BRANCH = "main"


class Head(Record):
    """Where a workspace stands.

    Args:
        branch: Key of the branch, None when HEAD is on a commit itself.
        commit: The commit, None before the first one.
        start: For a branch that mvcs has not seen: the commit that it starts from.
        stored: What the HEAD ref holds now.
        held: What the branch's ref holds, where that is of another branch that had its name.
        other: `held`, where what the branch starts from has not got it.
    """

    __slots__ = ("branch", "commit", "held", "other", "start", "stored")

    def __init__(
        self, branch: str | None, commit: Oid | None, start: Oid | None, stored: Oid | str | None, *,
        held: Oid | None = None, other: Oid | None = None,
    ) -> None:
        self.branch = branch
        self.commit = commit
        self.start = start
        self.stored = stored
        self.held = held
        self.other = other

    @property
    def base(self) -> Oid | None:
        """The commit that the workspace is compared with."""
        return self.commit or self.start

    @property
    def shown(self) -> str:
        """The branch as people say it."""
        return self.branch.split("/", 2)[2] if self.branch is not None else "a detached HEAD"


class Workspace:
    """The files of one model.

    Args:
        repository: Where its history is.
        problem_of: Tells what is wrong with a pattern, where patterns are going to be used.
    """

    def __init__(self, repository: Repository, problem_of: Callable[[object], str | None] | None = None) -> None:
        place = repository.place
        if place.workspace is None:
            raise NotARepository(path=place.top, hint="cd into a folder with an mvcs.toml, or mvcs init")
        self.repository = repository
        self.folder = place.workspace
        self.name = place.workspace_id
        self.project = read_project(self.folder, problem_of)
        self.root = self.project.root
        self._git: GitTree | bool | None = False

    @property
    def model(self) -> str:
        """Name of the model."""
        return self.project.model

    @property
    def git(self) -> GitTree | None:
        """The Git work tree around it, if the workspace follows Git."""
        if self._git is False:
            self._git = GitTree.find(self.root) if self.project.follow_git else None
        assert not isinstance(self._git, bool)
        return self._git

    @property
    def head_ref(self) -> str:
        """Key of the workspace's HEAD."""
        return head_key(self.name)

    def head(self, refs: Refs, start_of: Callable[[GitTree, Refs], Oid | None] | None = None) -> Head:
        """Returns where the workspace stands.

        Args:
            refs: Refs at the moment that is asked about.
            start_of: Finds where a branch starts that Git has and mvcs has not.
        """
        stored = refs.get(self.head_ref)
        if self.git is not None and self.repository.at is None:
            branch = self.git.branch()
            if branch is not None:
                key = branch_key(self.model, branch)
                commit = refs.resolve(key)
                start = start_of(self.git, refs) if commit is None and start_of is not None else None
                return Head(key, commit, start, stored)
            start = start_of(self.git, refs) if start_of is not None else None
            return Head(None, start, None, stored)
        if isinstance(stored, str):
            return Head(stored, refs.resolve(stored), None, stored)
        if stored is not None:
            return Head(None, stored, None, stored)
        key = branch_key(self.model, DEFAULT_BRANCH)  # a folder that was moved, or copied, has no HEAD yet
        return Head(key, refs.resolve(key), None, None)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Holds the workspace alone: commands that read or write its files for good take turns."""
        name = fingerprint(self.name.encode("utf-8", "surrogateescape")).hex()[:16]
        path = os.path.join(self.repository.path, "locks", f"workspace-{name}")
        with FileLock(path, self.repository.timeout, UnfinishedWork).exclusive():
            yield

    def is_busy(self) -> bool:
        """Whether another command holds the workspace."""
        name = fingerprint(self.name.encode("utf-8", "surrogateescape")).hex()[:16]
        return not FileLock(os.path.join(self.repository.path, "locks", f"workspace-{name}"), 0).is_free()

    def clock(self) -> int:
        """Returns the clock in ns that gives the files their times; 0 if it cannot be asked."""
        return filesystem_now(self.repository.path, self.root)

    def scan(self, make_rules: MakeRules) -> Scan:
        """Walks the files against the stat cache."""
        now = self.clock()
        with self.repository.store.read() as transaction:
            cache = StatCache(transaction, self.name)
        below = os.path.relpath(self.folder, self.root)
        own = "" if below == "." else below
        return scan(self.root, cache, fingerprint(self._rules_text()), make_rules, now, own)

    def _rules_text(self) -> bytes:
        lines = [f"{name}\0{pattern}" for name, patterns in self.project.patterns.items() for pattern in patterns]
        return "\n".join([*lines, str(self.project.newest_only), "neighbours"]).encode("utf-8", "surrogateescape")

    def save_cache(self, found: Scan) -> None:
        """Writes the stat cache where it changed, unless another command has written it meanwhile."""
        if found.now and found.cache.changes():
            try:
                with self.repository.store.write(patience=0.1) as transaction:
                    if found.cache.is_stored(transaction):
                        found.cache.save(transaction)
            except LockTimeout:  # the next look reads the same files again
                return


