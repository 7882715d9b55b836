"""The Git work tree around a workspace: its branch, its head, what it tracks.

Branch and head are read from Git's files, which costs nothing; everything else asks git itself. Knows: Git.
Refuses to know: what mvcs does with it.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mvcs.repo.gitlog import GitLog

LISTED = 10_000
"""Commits of Git's that are looked through for one that is known here."""
_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


class GitTree:
    """A Git work tree.

    Args:
        top: Its top folder.
        folder: Its Git folder, that of the worktree where there are several.
    """

    def __init__(self, top: str, folder: str) -> None:
        self.top = top
        self.folder = folder

    @classmethod
    def find(cls, start: str) -> GitTree | None:
        """Returns the work tree that holds a folder, None outside any."""
        top = os.path.abspath(start)
        while True:
            path = os.path.join(top, ".git")
            if os.path.isfile(os.path.join(path, "HEAD")):
                return cls(top, path)
            if os.path.isfile(path):
                with open(path, encoding="utf-8", errors="surrogateescape") as file:
                    target = file.read().partition("gitdir:")[2].strip()
                folder = os.path.normpath(os.path.join(top, target))
                return cls(top, folder) if os.path.isfile(os.path.join(folder, "HEAD")) else None
            parent = os.path.dirname(top)
            if parent == top:
                return None
            top = parent

    def work_trees(self) -> list[str]:
        """Returns the tops of the other work trees of the same Git repository, the main one first."""
        common = os.path.normpath(os.path.join(self.folder, _first_line(os.path.join(self.folder, "commondir")) or "."))
        found = [os.path.dirname(common)] if os.path.basename(common) == ".git" else []
        try:
            names = sorted(os.listdir(os.path.join(common, "worktrees")))
        except OSError:
            names = []
        for name in names:
            path = _first_line(os.path.join(common, "worktrees", name, "gitdir"))
            if path:  # relative since Git 2.48, where worktree.useRelativePaths is set
                found.append(os.path.dirname(os.path.normpath(os.path.join(common, "worktrees", name, path))))
        return [top for top in found if top != self.top]

    def branch(self) -> str | None:
        """Returns the branch that HEAD is on, None when it is detached."""
        with open(os.path.join(self.folder, "HEAD"), encoding="utf-8", errors="surrogateescape") as file:
            head = file.read().strip()
        if head == "ref: refs/heads/.invalid":  # reftable: the file only says to ask git
            return self._git("symbolic-ref", "--quiet", "--short", "HEAD") or None
        return head[len("ref: refs/heads/") :] if head.startswith("ref: refs/heads/") else None

    def sha(self) -> str | None:
        """Returns HEAD's commit, None before the first."""
        found = self._git("rev-parse", "--verify", "--quiet", "HEAD")
        return found if found and _SHA.fullmatch(found) else None

    def newest_ancestor(self, shas: Iterable[str]) -> str | None:
        """Returns the nearest of these commits that is HEAD's or an ancestor of it: none of the others comes after it.

        Beyond the last commits of a long history it is the first one that is an ancestor at all.
        """
        wanted = list(shas)
        listed = _run("-C", self.top, "rev-list", "--topo-order", f"--max-count={LISTED}", "HEAD") or b""
        known = set(wanted)
        near = next((sha for sha in listed.decode("ascii", "replace").split() if sha in known), None)
        if near is not None:
            return near
        for sha in wanted:
            if _SHA.fullmatch(sha) and self._ok("merge-base", "--is-ancestor", sha, "HEAD"):
                return sha
        return None

    def tracked(self, root: str) -> set[bytes]:
        """Returns the paths that Git tracks below a folder, relative to it."""
        listed = _run("-C", root, "ls-files", "-z", "--cached") or b""
        return {path for path in listed.split(b"\0") if path}

    def tracked_at(self, root: str, sha: str) -> set[bytes]:
        """Returns the paths that Git tracked below a folder at one of its commits, relative to it."""
        if not _SHA.fullmatch(sha):
            return set()
        listed = _run("-C", root, "ls-tree", "-r", "-z", "--name-only", sha, "--", ".") or b""
        return {path for path in listed.split(b"\0") if path}

    def contains(self, sha: str, head: str) -> bool:
        """Whether a commit is `head` or an ancestor of it."""
        return bool(_SHA.fullmatch(sha) and _SHA.fullmatch(head)) and self._ok(
            "merge-base", "--is-ancestor", sha, head
        )

    def commits_since(self, shas: Iterable[str]) -> set[str]:
        """Returns HEAD's commits that are none of these and no ancestors of them; unknown ones are left out.

        Those that a merge brings which is not committed yet are HEAD's as well.
        """
        without = [f"^{sha}" for sha in sorted(set(shas)) if _SHA.fullmatch(sha)]
        listed = _run("-C", self.top, "rev-list", "--ignore-missing", "HEAD", *self.merging(), *without) or b""
        return set(listed.decode("ascii", "replace").split())

    def merging(self) -> list[str]:
        """Returns what a merge brings that Git has not committed yet."""
        try:
            with open(os.path.join(self.folder, "MERGE_HEAD"), encoding="ascii", errors="replace") as file:
                return [line for line in file.read().split() if _SHA.fullmatch(line)]
        except OSError:
            return []

    def has_changes_of(self, sha: str, head: str) -> bool:
        """Whether a commit changed something since it parted from `head`, and `head` has all of that.

        So it is after `git merge --squash`, or when a rebase or cherry-picks have copied it: to merge it again would
        change nothing. False as well where that is not known: git below 2.38, or conflicts.
        """
        if not (_SHA.fullmatch(sha) and _SHA.fullmatch(head)):
            return False
        merged = self._trial(head, sha)
        if merged is None or merged != self._git("rev-parse", "--verify", "--quiet", f"{head}^{{tree}}"):
            return False
        base = self._git("merge-base", head, sha)
        return bool(base) and not self._ok("diff", "--quiet", base, sha)

    def _trial(self, head: str, sha: str) -> str | None:
        """Returns the tree that a merge gives, None with conflicts; nothing is kept of it."""
        import tempfile

        objects = self._git("rev-parse", "--git-path", "objects")
        with tempfile.TemporaryDirectory(prefix="mvcs-") as folder:
            apart = {
                "GIT_OBJECT_DIRECTORY": folder,
                "GIT_ALTERNATE_OBJECT_DIRECTORIES": os.path.join(self.top, objects),
            }
            done = _run("-C", self.top, "merge-tree", "--write-tree", head, sha, extra=apart)
        return None if done is None else done.decode("ascii", "replace").partition("\n")[0]

    def log(self) -> GitLog:
        """Returns what the reflogs tell."""
        from mvcs.repo.gitlog import GitLog

        words = ("log", "--walk-reflogs", "--all", f"--max-count={LISTED}", "--format=%gD%x09%H%x09%gs")
        listed = _run("-C", self.top, *words) or b""
        return GitLog(os.fsdecode(listed).splitlines())

    def later(self, sha: str, branch: str | None) -> list[str]:
        """Returns the commits behind one, the oldest first: those of a branch, or of HEAD where it is gone.

        A branch that only remotes have, as in a clone, is not gone.
        """
        if not _SHA.fullmatch(sha):
            return []
        patterns = () if branch is None else (f"refs/heads/{branch}", f"refs/remotes/*/{branch}")
        known = self._git("for-each-ref", "--format=%(refname)", *patterns).split() if patterns else []
        words = ("--first-parent", *known[:1]) if known else ("HEAD",)
        limit = f"--max-count={LISTED}"
        listed = _run("-C", self.top, "rev-list", "--reverse", "--topo-order", limit, f"^{sha}", *words) or b""
        return listed.decode("ascii", "replace").split()

    def touched(self, shas: Iterable[str]) -> dict[str, set[bytes]]:
        """Returns which paths, below the top, each of these commits changed; merges changed none."""
        asked = set(shas)
        text = "".join(f"{sha}\n" for sha in sorted(asked))
        words = ("diff-tree", "--stdin", "-r", "-z", "--name-only", "--no-renames")
        listed = (_run("-C", self.top, *words, given=text.encode()) or b"") if text else b""
        found: dict[str, set[bytes]] = {}
        paths: set[bytes] = set()
        for item in listed.split(b"\0"):
            header = item.decode("ascii", "replace")
            if header in asked:
                paths = found.setdefault(header, set())
            elif item:
                paths.add(item)
        return found

    def is_made_anew(self, branch: str, sha: str) -> bool:
        """Whether it is proved that a branch was made in this clone, by its name, after it was at a commit last.

        The reflog goes with its branch. So a whole one that lacks the commit is another branch's; that of a clone,
        or of a branch that was fetched, proves nothing.
        """
        common = os.path.normpath(os.path.join(self.folder, _first_line(os.path.join(self.folder, "commondir")) or "."))
        try:
            with open(os.path.join(common, "logs", "refs", "heads", branch), "rb") as file:
                log = file.read()
        except OSError:
            return False
        first = log.partition(b"\n")[0].partition(b"\tbranch: Created from ")
        if not (_SHA.fullmatch(sha) and first[1] and set(log.partition(b" ")[0]) == set(b"0")):
            return False
        if any(sha.encode() in line[:130] for line in log.splitlines()):
            return False
        return not self._git("rev-parse", "--symbolic-full-name", os.fsdecode(first[2])).startswith("refs/remotes/")

    def has_branch(self, name: str) -> bool:
        """Whether there is a branch of a name."""
        return self._ok("show-ref", "--verify", "--quiet", f"refs/heads/{name}")

    def has(self, sha: str) -> bool:
        """Whether HEAD has a commit, or all that it changed; or a merge brings it that is not committed yet."""
        head = self.sha()
        if head is None:
            return False
        return any(self.contains(sha, one) for one in (head, *self.merging())) or self.has_changes_of(sha, head)

    def unmerged(self) -> list[str]:
        """Returns the paths that a merge of Git's has left in conflict, below the top."""
        listed = _run("-C", self.top, "diff", "--name-only", "--diff-filter=U", "-z") or b""
        return [os.fsdecode(path) for path in listed.split(b"\0") if path]

    def changed(self) -> tuple[str | None, list[bytes]]:
        """Returns HEAD's commit and the tracked paths that differ from it, in the index or the work tree."""
        listed = _run("-C", self.top, "status", "--porcelain=v2", "--branch", "-z", "--untracked-files=no",
                      "--no-renames", "--ignore-submodules=untracked") or b""
        sha, paths = None, []
        for line in listed.split(b"\0"):
            if line.startswith(b"# branch.oid "):
                sha = line.split()[2].decode("ascii", "replace")
            elif line[:1] in {b"1", b"u"}:  # changed, unmerged: as many words before the path
                paths.append(line.split(b" ", 8 if line[:1] == b"1" else 10)[-1])
        return (sha if sha and _SHA.fullmatch(sha) else None), paths

    def linked(self) -> dict[bytes, str]:
        """Returns path to commit of the submodules, as the index has them."""
        listed = _run("-C", self.top, "ls-files", "--stage", "-z") or b""
        rows = (line.partition(b"\t") for line in listed.split(b"\0") if line.startswith(b"160000 "))
        return {path: words.split()[1].decode("ascii", "replace") for words, _, path in rows}

    def describe(self, state: tuple[str | None, list[bytes]] | None = None) -> dict[str, str | bool]:
        """Returns url, sha, branch and whether the work tree is dirty, as far as they exist.

        Args:
            state: What `changed` returned, if it was asked.
        """
        found: dict[str, str | bool] = {}
        sha, paths = self.changed() if state is None else state
        branch = self.branch()
        remotes = self._git("config", "--get-regexp", r"^remote\..*\.url$").splitlines()
        remotes.sort(key=lambda line: not line.startswith("remote.origin.url "))
        if remotes:
            found["url"] = _without_credentials(remotes[0].partition(" ")[2])
        if sha:
            found["sha"] = sha
        if branch:
            found["branch"] = branch
        found["dirty"] = bool(paths)
        return found

    def exclude(self, pattern: str) -> None:
        """Adds a pattern to .git/info/exclude."""
        common = self._git("rev-parse", "--git-common-dir")
        folder = os.path.normpath(os.path.join(self.top, common)) if common else self.folder
        path = os.path.join(folder, "info", "exclude")
        try:
            with open(path, encoding="utf-8", errors="surrogateescape") as file:
                text = file.read()
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            text = ""
        if pattern in text.splitlines():
            return
        with open(path, "a", encoding="utf-8") as file:
            file.write(("" if not text or text.endswith("\n") else "\n") + pattern + "\n")

    def _git(self, *words: str) -> str:
        done = _run("-C", self.top, *words)
        return "" if done is None else os.fsdecode(done).strip()

    def _ok(self, *words: str) -> bool:
        return _run("-C", self.top, *words) is not None


def _without_credentials(url: str) -> str:
    """Returns a URL without password, query and, but for SSH, where it is no secret, without user."""
    if url.startswith("ssh://"):
        return re.sub(r"(://[^/:@]*):[^/]*@", r"\1@", url)
    return re.sub(r"(://)[^/]*@", r"\1", url.partition("?")[0])


def _first_line(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.readline(65536).strip()
    except OSError:
        return ""


def _run(*words: str, extra: dict[str, str] | None = None, given: bytes | None = None) -> bytes | None:
    """Returns what git prints, None if it failed or is not there."""
    import subprocess

    environment = {**environment_of_git(), **(extra or {})}
    try:
        done = subprocess.run(["git", *words], input=given, capture_output=True, check=False, env=environment)
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None


def environment_of_git() -> dict[str, str]:
    """Returns the environment that git runs in: no needless lock, no variable that names another repository."""
    from mvcs.ambient import inherited

    return inherited({"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}, without=("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"))


def git_identity(folder: str) -> tuple[str, str]:
    """Returns (name, email) of Git's configuration; empty where it has none or there is no git."""
    listed = os.fsdecode(_run("-C", folder, "config", "--get-regexp", r"^user\.(name|email)$") or b"")
    found = dict(line.split(" ", 1) for line in listed.splitlines() if " " in line)
    return found.get("user.name", ""), found.get("user.email", "")
