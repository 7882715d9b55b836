"""What Git's commit does not say of the work tree: uncommitted changes of tracked files, and submodules.

Knows: git's patches. Refuses to know: what is recorded of them, and which of them are a model's.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from mvcs.objects.record import Record
from mvcs.repo.git import GitTree, environment_of_git

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_PATCH = 1 << 18
"""Bytes of a patch: it is read with every look at what was recorded."""
MAX_PATHS = 500
"""Files that one patch is asked for."""
MAX_ASKED = 8
"""Times that git is asked, each time for what comes behind a file that was too large."""

_QUOTED = re.compile(rb'[\x00-\x1f"\\\x7f]')
_SECTION = re.compile(rb"^diff --git ", re.MULTILINE)
_OPTIONS = (
    "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames", "--full-index", "--binary", "--submodule=short",
    "--ignore-submodules=untracked", "--src-prefix=a/", "--dst-prefix=b/", "--unified=3", "--no-relative",
)


class Change(Record):
    """What was not committed of one file.

    Args:
        path: Below the top of the work tree.
        patch: Its section of a patch, empty if there is none.
        problem: Why there is none.
    """

    __slots__ = ("patch", "path", "problem")

    def __init__(self, path: bytes, patch: bytes = b"", problem: str = "") -> None:
        self.path = path
        self.patch = patch
        self.problem = problem


def uncommitted(git: GitTree, paths: Sequence[bytes]) -> list[Change]:
    """Returns how files differ from Git's HEAD, each by itself, as `git apply` takes them one after the other.

    Args:
        git: The work tree.
        paths: Files that differ, below its top.

    Returns:
        One for each path; together their patches have at most MAX_PATCH bytes.
    """
    sections: dict[bytes, bytes] = {}
    asked = sorted(path for path in paths if not _QUOTED.search(path))[:MAX_PATHS]
    for _ in range(MAX_ASKED):
        found, cut = _sections(git, asked) if asked else ({}, None)
        sections.update(found)
        if cut is None:
            break
        asked = asked[asked.index(cut) + 1 :]
    made, left = [], MAX_PATCH
    for path in paths:
        patch = sections.get(path, b"")
        problem = _problem_of(patch, left)
        if not patch:
            problem = "git would quote its name" if _QUOTED.search(path) else "too many or too large"
        made.append(Change(path, b"" if problem else patch, problem))
        left -= 0 if problem else len(patch)
    return made


def _problem_of(patch: bytes, left: int) -> str:
    if len(patch) > left:
        return "too large"
    if b"\n+Subproject commit " in patch and patch.rstrip().endswith(b"-dirty"):
        return "a submodule with uncommitted changes of its own"
    try:
        patch.decode()
    except UnicodeDecodeError:
        return "not UTF-8"
    return ""


def _sections(git: GitTree, paths: list[bytes]) -> tuple[dict[bytes, bytes], bytes | None]:
    """Returns what git prints of each path, as far as it fits, and the path that was cut, None if all of it fits."""
    import subprocess

    words = ["git", "--literal-pathspecs", "-C", git.top, "-c", "core.quotePath=false", "diff", *_OPTIONS, "HEAD", "--"]
    try:
        with subprocess.Popen(
            [*words, *map(os.fsdecode, paths)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=environment_of_git(),
        ) as running:
            assert running.stdout is not None
            text = running.stdout.read(MAX_PATCH + 1)
            running.kill()  # what is too large is not waited for
    except OSError:
        return {}, None
    starts = [match.start() for match in _SECTION.finditer(text)]
    ends = [*starts[1:], len(text)]
    whole = [text[start:end] for start, end in zip(starts, ends, strict=True)]
    cut = whole.pop() if len(text) > MAX_PATCH else b""
    heads = {b"diff --git a/" + path + b" b/" + path: path for path in paths}
    found: dict[bytes, bytes] = {}
    for section in whole:  # two of one path where a link, a file and a submodule took each other's place
        path = heads.get(section.partition(b"\n")[0])
        if path is not None:
            found[path] = found.get(path, b"") + section
    return found, heads.get(cut.partition(b"\n")[0])


def submodules(git: GitTree) -> dict[bytes, str]:
    """Returns path to commit of each submodule: the one that is checked out, Git's own where none is."""
    if not os.path.isfile(os.path.join(git.top, ".gitmodules")):
        return {}
    found: dict[bytes, str] = {}
    for path, sha in git.linked().items():
        top = os.path.join(git.top, os.fsdecode(path))
        inner = GitTree.find(top)
        checked_out = inner.sha() if inner is not None and os.path.samefile(inner.top, top) else None
        found[path] = checked_out or sha
    return found
