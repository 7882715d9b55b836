"""Where in Git's history the code of an mvcs commit is, whichever of the two commits was made first.

A commit records Git's commit, its branch, a merge that Git had not committed, and which files of the model were
*ahead*: not what Git's commit has. Those come with a later one, which the reflog tells. Knows: what is recorded, what
the reflogs say. Refuses to know: what follows from it (`follow`).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mvcs.objects.editing import files_below, find_file
from mvcs.objects.record import Record
from mvcs.objects.values import parse_json, path_json, path_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mvcs.objects.hashing import Oid
    from mvcs.objects.values import Json
    from mvcs.ops.trees import NewTree
    from mvcs.repo.git import GitTree
    from mvcs.repo.repository import Repository

RECORDED = 100
"""Files ahead of Git that are recorded: one of them that Git commits is enough."""


class Told(Record):
    """What an mvcs commit says of Git.

    Args:
        sha: Git's HEAD, None before Git's first commit.
        branch: Git's branch, None where HEAD was detached.
        ahead: Files of the model, below Git's top, that were not what `sha` has.
        merging: Commits that a merge brought which Git had not committed.
        merge: Whether the commit was made by a merge, cherry-pick or revert of mvcs.
    """

    __slots__ = ("ahead", "branch", "merge", "merging", "sha")

    def __init__(
        self, sha: str | None, branch: str | None, ahead: set[bytes], merging: list[str], *, merge: bool
    ) -> None:
        self.sha = sha
        self.branch = branch
        self.ahead = ahead
        self.merging = merging
        self.merge = merge

    @property
    def seen(self) -> list[str]:
        """The commits of Git's, with all before them, that were there when it was made."""
        return [*([] if self.sha is None else [self.sha]), *self.merging]


def told_by(repository: Repository, oid: Oid) -> Told:
    """Returns what an mvcs commit says of Git."""
    commit = repository.commit(oid)
    value = None if commit.provenance is None else parse_json(repository.store.read_blob(commit.provenance))
    provenance = value if isinstance(value, dict) else {}
    git = provenance.get("git")
    git = git if isinstance(git, dict) else {}
    sha, branch, ahead, merging = (git.get(name) for name in ("sha", "branch", "ahead", "merging"))
    return Told(
        sha if isinstance(sha, str) else None, branch if isinstance(branch, str) else None,
        set(map(path_of, ahead)) if isinstance(ahead, list) else set(),
        [str(item) for item in merging] if isinstance(merging, list) else [], merge="merge" in provenance,
    )


def tell(
    git: GitTree, root: str, tree: NewTree, before: Oid | None, state: tuple[str | None, list[bytes]] | None = None
) -> dict[str, Json]:
    """Returns what a new commit says of Git.

    Args:
        git: The Git work tree.
        root: The workspace's root.
        tree: The tree of the commit.
        before: That of HEAD's commit; None before the first.
        state: What `changed` returned, if it was asked.
    """
    sha, dirty = state = git.changed() if state is None else state
    told: dict[str, Json] = dict(git.describe(state))
    prefix = below_top(git, root)
    tracked = git.tracked_at(root, sha) if sha is not None else set()
    ahead = {
        path for path in (path[len(prefix) :] for path in dirty if path.startswith(prefix))
        if (tree.root is not None and find_file(tree.load, tree.root, path))
        or (before is not None and find_file(tree.load, before, path))
    }
    code = tree.files_of("code")
    for path, _ in [] if code is None else files_below(tree.load, code):
        if path not in tracked and not _inside(path, tracked):
            ahead.add(path)
    if ahead:
        told["ahead"] = [path_json(prefix + path) for path in sorted(ahead)[:RECORDED]]
    merging = git.merging()
    if merging:
        told["merging"] = list(merging)
    return told


def below_top(git: GitTree, root: str) -> bytes:
    """Returns what stands before a path of a workspace to make it one below Git's top."""
    below = os.path.relpath(os.path.realpath(root), os.path.realpath(git.top))
    return b"" if below == "." else os.fsencode(below) + b"/"


def _inside(path: bytes, tracked: set[bytes]) -> bool:
    """Whether a path is in a submodule, which Git tracks as one."""
    parent = path.rpartition(b"/")[0]
    while parent:
        if parent in tracked:
            return True
        parent = parent.rpartition(b"/")[0]
    return False


class Places:
    """Finds the commits of Git's that have the code of mvcs commits.

    Args:
        git: The Git work tree.
        asked: What is going to be looked for; so one process can ask for all.
        search: Whether history is searched where the reflogs tell nothing, at one process for each commit.
    """

    def __init__(self, git: GitTree, asked: Iterable[Told], *, search: bool = True) -> None:
        self._git = git
        self._search = search
        self._log = git.log()
        self._touched = git.touched(
            sha for told in asked if told.ahead and told.sha for sha in self._log.after(told.branch, told.sha)
        )

    def sources(self, branch: str | None) -> list[str]:
        """Returns the branch that Git made another one from, the one that was made from, and so on as is known."""
        found: list[str] = []
        source = None if branch is None else self._log.source(branch)
        while source is not None and source not in found:
            found.append(source)
            source = self._log.source(source)
        return found

    def committed(self, told: Told) -> str | None:
        """Returns the commit that the code came with: the recorded one, or a later one if files were ahead of it.

        None where no later one is known to have any of these files.
        """
        if told.sha is None or not (told.ahead or told.merging):
            return told.sha
        if told.merging:
            return self._log.merge_after(told.branch, told.sha)
        later, touched = list(self._log.after(told.branch, told.sha)), self._touched
        if not later and self._search:  # another clone, or entries that have expired
            later = self._git.later(told.sha, told.branch)
            touched = self._git.touched(later)
        return next((sha for sha in later if told.ahead & touched.get(sha, set())), None)

    def on_its_branch(self, told: Told) -> str | None:
        """Returns a commit of Git's that its branch had with the code or before it, amended ones followed.

        Nothing but that branch's own work lies between the recorded commit and this one.
        """
        found = told.sha if told.merging else self.committed(told) or told.sha
        return None if found is None else self._log.now(found, rebased=False)

    def of(self, told: Told) -> str | None:
        """Returns the commit that has the code now, or what of it is committed; rewritten ones are followed."""
        found = self.committed(told) or told.sha
        return None if found is None else self._log.now(found, rebased=True)


def git_has(git: GitTree | None, repository: Repository, oid: Oid) -> bool:
    """Whether Git's HEAD has a commit's own commit: of a copy, as a squash makes, only a merge commit tells later."""
    told = told_by(repository, oid)
    found, now = (None, None) if git is None else (Places(git, [told]).of(told), git.sha())
    return git is None or found is None or now is None or bool(git.merging()) or git.contains(found, now)
