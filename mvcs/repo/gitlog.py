"""What Git's reflogs tell: which commit came next on a branch, and which one took the place of another.

A reflog is this clone's alone, and old entries expire: it proves what it says, and nothing by what it lacks. Knows:
the words that git writes there. Refuses to know: what mvcs does with it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

HEADS = "refs/heads/"
LONGEST = 100
"""Commits in a row that are looked at behind one."""
_ENTRY = re.compile(r"(.+)@\{\d+\}\t([0-9a-f]{40,64})\t(.*)")
_CHECKOUT = re.compile(r"checkout: moving from (\S+) to (\S+)$")
_FINISHED = re.compile(r"(?:rebase|pull)\b[^:]*\((?:finish)\)|rebase finished")


class GitLog:
    """The reflogs of one Git repository.

    Args:
        lines: `REF@{N}`, commit and message of each entry, separated by tabs, the newest of each ref first.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self._next: dict[tuple[str | None, str], str] = {}
        self._next_merge: dict[tuple[str | None, str], str] = {}
        self._amended: dict[str, str] = {}
        self._rebased: dict[str, str] = {}
        self._moves: list[tuple[str, str, str]] = []
        self._created: dict[str, tuple[str, str]] = {}
        entries: dict[str, list[tuple[str, str]]] = {}
        for line in lines:
            found = _ENTRY.fullmatch(line)
            if found is not None:
                entries.setdefault(found[1], []).append((found[2], found[3]))
        for ref, listed in entries.items():
            if ref == "HEAD":
                self._replay(listed[::-1])
            elif ref.startswith(HEADS):
                self._created[ref[len(HEADS) :]] = listed[-1]
                old: str | None = None
                for new, what in reversed(listed):
                    self._note(ref[len(HEADS) :], old, new, what)
                    old = new

    def _replay(self, entries: list[tuple[str, str]]) -> None:
        """Reads HEAD's own log, which tells of branches that are gone, once it is known which one HEAD was on."""
        moves = (_CHECKOUT.match(what) for _, what in entries)
        branch = next((found[1] for found in moves if found is not None), None)
        old: str | None = None
        began: tuple[str | None, str | None] | None = None
        for new, what in entries:
            moved = _CHECKOUT.match(what)
            if moved is not None:
                branch = moved[2]
                self._moves.append((moved[1], moved[2], new))
            elif "(start)" in what.partition(":")[0]:
                began = branch, old
            elif _FINISHED.match(what):
                if began is not None and began[1] is not None and what.endswith(f"returning to {HEADS}{began[0]}"):
                    self._rebased.setdefault(began[1], new)
                began = None
            else:
                self._note(branch, old, new, what)
                self._note(None, old, new, what)
            old = new

    def _note(self, branch: str | None, old: str | None, new: str, what: str) -> None:
        if old is None or old == new:
            return
        if what.startswith("commit (amend)"):
            self._amended[old] = new
        elif what.startswith("commit (merge)"):
            self._next_merge[branch, old] = new
        elif what.startswith("commit:"):
            self._next[branch, old] = new
        elif branch is not None and _FINISHED.match(what):
            self._rebased[old] = new

    def after(self, branch: str | None, sha: str) -> Iterator[str]:
        """Yields the commits that were made one after the other on a branch, none of them a merge.

        Args:
            branch: The branch; None for a HEAD on none.
            sha: Where it was.
        """
        for _ in range(LONGEST):
            sha = self._next.get((branch, sha)) or self._amended.get(sha) or ""
            if not sha:
                return
            yield sha

    def source(self, branch: str) -> str | None:
        """Returns the branch that another one was made from, as far as that is known."""
        sha, what = self._created.get(branch, ("", ""))
        named = what.partition("branch: Created from ")[2]
        if named in {"", "HEAD"}:
            return next((old for old, new, at in self._moves if new == branch and at == sha), None)
        return named.removeprefix(HEADS)

    def merge_after(self, branch: str | None, sha: str) -> str | None:
        """Returns the merge that was made next on a branch, by a commit of its own."""
        return self._next_merge.get((branch, sha))

    def now(self, sha: str, *, rebased: bool) -> str:
        """Returns the commit that stands in a commit's place, since that one was amended.

        Args:
            sha: The commit.
            rebased: Whether the last commit of a branch has its place taken by a rebase, too.
        """
        for _ in range(LONGEST):
            new = self._amended.get(sha) or (self._rebased.get(sha) if rebased else None)
            if new is None:
                break
            sha = new
        return sha
