"""Virtual bases: text merged over criss-cross histories, base by base, is what git's own recursive merge gives."""

from __future__ import annotations

import os
import random
import re
import subprocess

import pytest

from mvcs.formats.content import Bytes
from mvcs.merge.text import merge_text
from mvcs.merge.values import OURS, THEIRS, Choice, leave

DATE = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in (("NAME", "A"), ("EMAIL", "a@b"))}
ROUNDS = 40
MARKER = re.compile(rb"^(<{7,}|>{7,}|\|{7,})( .*)?$", re.MULTILINE)


class History:
    """Commits of one file in a real repository."""

    def __init__(self, folder) -> None:
        self.folder = folder
        self.git("init", "-q", ".")
        self.git("config", "merge.conflictStyle", "diff3")
        self.clock = 1_700_000_000
        self.content: dict[str, bytes] = {}
        self.repeated = False

    def git(self, *words: str, given: bytes = b"", codes: tuple[int, ...] = (0,), date: int | None = None) -> bytes:
        when = {} if date is None else {"GIT_AUTHOR_DATE": f"{date} +0000", "GIT_COMMITTER_DATE": f"{date} +0000"}
        done = subprocess.run(["git", *words], cwd=self.folder, input=given, capture_output=True, check=False, env={**os.environ, **DATE, **when})
        assert done.returncode in codes, done.stderr
        return done.stdout

    def commit(self, content: bytes, *parents: str, virtual: bool = False) -> str:
        blob = self.git("hash-object", "-w", "--stdin", given=content).decode().strip()
        tree = self.git("mktree", given=f"100644 blob {blob}\tf\n".encode()).decode().strip()
        self.clock += 10
        words = [word for parent in parents for word in ("-p", parent)]
        made = self.git("commit-tree", tree, *words, given=b"x", date=100_000_000 if virtual else self.clock).decode().strip()
        self.content[made] = content
        return made

    def bases(self, one: str, two: str) -> list[str]:
        return self.git("merge-base", "--all", one, two, codes=(0, 1)).decode().split()[::-1]

    def base_of(self, one: str, two: str, depth: int = 0) -> bytes | None:
        """Returns the content of the merge base, folded into a virtual commit where there are several."""
        bases = self.bases(one, two)
        if not bases:
            return None
        folded = bases[0]
        for other in bases[1:]:
            folded = self.commit(self.merge(folded, other, depth + 1).content.read(), folded, other, virtual=True)
        return self.content[folded]

    def merge(self, one: str, two: str, depth: int = 0):
        base = self.base_of(one, two, depth)
        sides = Bytes(self.content[one]), Bytes(self.content[two])
        for content in (base or b"", self.content[one], self.content[two]):
            lines = [line for line in content.split(b"\n") if not MARKER.match(line) and not line.startswith(b"=======")]
            self.repeated |= len(set(lines)) < len(lines)
        return merge_text(None if base is None else Bytes(base), *sides, leave, marker=7 + 2 * depth)

    def git_merge(self, one: str, two: str) -> tuple[bool, bytes]:
        told = self.git("merge-tree", "--write-tree", one, two, codes=(0, 1)).decode()
        content = self.git("cat-file", "blob", told.split("\n")[0] + ":f")
        return "CONFLICT" in told, content


def edited(chance: random.Random, content: bytes, fresh) -> bytes:
    lines = content.splitlines(keepends=True)
    for _ in range(chance.randrange(1, 3)):
        at, size = chance.randrange(len(lines) + 1), chance.randrange(3)
        lines[at : at + size] = [fresh() for _ in range(chance.randrange(0 if size else 1, 3))]
    return b"".join(lines)


def without_labels(content: bytes) -> bytes:
    return MARKER.sub(lambda match: match[1], content)


def criss_cross(history: History, chance: random.Random) -> tuple[str, str]:
    """Makes a ladder of merges in both directions, each settled in its own way; returns its two tips."""
    count = 0

    def fresh() -> bytes:
        nonlocal count
        count += 1
        return b"line %d\n" % count

    start = history.commit(b"".join(fresh() for _ in range(14)))
    left, right = (history.commit(edited(chance, history.content[start], fresh), start) for _ in range(2))
    for _ in range(chance.randrange(1, 4)):
        tips = []
        for one, two in ((left, right), (right, left)):
            strategy = chance.choice((OURS, THEIRS))
            base = history.base_of(one, two)
            assert base is not None
            sides = Bytes(history.content[one]), Bytes(history.content[two])
            settled = merge_text(Bytes(base), *sides, lambda conflict, strategy=strategy: Choice(strategy)).content.read()
            tips.append(history.commit(settled, one, two))
        left, right = (history.commit(edited(chance, history.content[tip], fresh), tip) for tip in tips)
    return left, right


@pytest.mark.slow
def test_recursion_over_criss_crosses_is_git_s(tmp_path):
    """Equal where lines are unique. A virtual base with markers has lines of both sides, so that some are there twice: then
    which of two equal lines is matched may differ from git's choice; it rarely does."""
    outcomes = {"same": 0, "same with repeated lines": 0, "other with repeated lines": 0, "conflicts": 0}
    for seed in range(ROUNDS):
        (tmp_path / str(seed)).mkdir()
        history = History(tmp_path / str(seed))
        left, right = criss_cross(history, random.Random(seed))
        assert len(history.bases(left, right)) == 2
        conflicts, content = history.git_merge(left, right)
        history.repeated = False
        mine = history.merge(left, right)
        same = bool(mine.conflicts) is conflicts and without_labels(mine.content.read()) == without_labels(content)
        assert same or history.repeated, seed
        outcomes["same" if not history.repeated else "same with repeated lines" if same else "other with repeated lines"] += 1
        outcomes["conflicts"] += conflicts
    assert outcomes["same"] > ROUNDS // 3
    assert outcomes["other with repeated lines"] < ROUNDS // 5
    assert ROUNDS // 5 < outcomes["conflicts"] < ROUNDS


def test_a_virtual_base_with_conflicts_is_a_base():
    """Both sides settled the conflict of the bases alike: it is settled. Differently: a conflict, the markers in its base."""
    virtual = merge_text(Bytes(b"a\nb\nc\n"), Bytes(b"a\nleft\nc\n"), Bytes(b"a\nright\nc\n"), leave, marker=9).content
    assert b"<<<<<<<<< ours\nleft\n" in virtual.read()
    alike = merge_text(virtual, Bytes(b"a\nboth\nc\nours\n"), Bytes(b"theirs\na\nboth\nc\n"), leave)
    assert (alike.content.read(), alike.conflicts) == (b"theirs\na\nboth\nc\nours\n", ())
    apart = merge_text(virtual, Bytes(b"a\nleft\nc\n"), Bytes(b"a\nright\nc\n"), leave)
    (conflict,) = apart.conflicts
    assert (conflict.ours, conflict.theirs) == ("left\n", "right\n")
    assert conflict.base.startswith("<<<<<<<<< ours\nleft\n|||||||||")
