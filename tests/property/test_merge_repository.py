"""Merges of whole repositories: one random history of small files in Git and in mvcs, the same heads merged in both.

Once with renames told by nobody, where both must agree on everything; once with renames, where mvcs may leave to a person
what Git decides, never the other way round.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import mvcs
from tests.cli.harness import sealed

__all__ = ["sealed"]

NAMES = ("a.py", "b.py", "sub/c.py")
PLACES = (*NAMES, "d.py", "sub/a.py", "sub/e.py")
BRANCHES = ("main", "left", "right")
LINES = 12


class Twins:
    """A Git repository and an mvcs repository that get the same commits."""

    def __init__(self, folder: Path, *, renames: bool = False) -> None:
        self.renames = renames
        self.folder = folder / "mvcs"
        self.bare = folder / "git"
        self.bare.mkdir()
        self.git("init", "-q", "--bare", ".")
        self.folder.mkdir()
        self.count = 0
        self.clock = 1_700_000_000
        for name in NAMES:
            self.write(name, [self.fresh() for _ in range(LINES)])
        self.repo, _ = mvcs.init(self.folder, model="m", yes=True)
        self.sha: dict[str, str] = {}
        self.merges = self.conflicts = self.cautious = 0
        self.commit()
        for branch in BRANCHES[1:]:
            self.repo.branch(branch)

    # Files

    def fresh(self) -> bytes:
        """A line that is nowhere else: what Git and mvcs make of repeated ones is another test's."""
        self.count += 1
        return b"line %d\n" % self.count

    def write(self, name: str, lines: list[bytes]) -> None:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"".join(lines))

    def files(self) -> dict[str, bytes]:
        """The files that histories are about."""
        return {
            str(path.relative_to(self.folder)): path.read_bytes()
            for path in sorted(self.folder.rglob("*.py")) if ".mvcs" not in path.parts
        }

    def edit(self, name: str, at: int, kind: str) -> None:
        """Changes, adds or removes a line, or adds or removes the file."""
        path = self.folder / name
        if not path.exists():
            self.write(name, [self.fresh() for _ in range(LINES)])
            return
        lines = path.read_bytes().splitlines(keepends=True)
        at = min(at, len(lines) - 1)
        if kind == "delete" or not lines:
            path.unlink()
        elif kind == "insert":
            lines.insert(at, self.fresh())
        elif kind == "remove":
            del lines[at]
        else:
            lines[at] = self.fresh()
        if path.exists():
            self.write(name, lines)

    def move(self, name: str, to: str, kind: str) -> bool:
        """Renames or copies a file, if it is there and the other is not; returns whether it was so."""
        path, place = self.folder / name, self.folder / to
        if not path.exists() or place.exists():
            return False
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(path.read_bytes())
        if kind == "rename":
            path.unlink()
        return True

    # Git

    def git(self, *words: str, given: bytes = b"", codes: tuple[int, ...] = (0,)) -> str:
        who = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER")
               for what, value in (("NAME", "A"), ("EMAIL", "a@b"), ("DATE", f"{getattr(self, 'clock', 0)} +0000"))}
        done = subprocess.run(
            ["git", *words], cwd=self.bare, input=given, capture_output=True, check=False, env={**os.environ, **who}
        )
        assert done.returncode in codes, done.stderr
        return done.stdout.decode()

    def record(self, oid: str, *parents: str) -> None:
        """Gives Git the commit that mvcs has made."""
        self.clock += 10
        stream = [f"commit refs/heads/x\nmark :1\ncommitter A <a@b> {self.clock} +0000\ndata 1\nx\n".encode()]
        stream += [f"{'merge' if index else 'from'} {self.sha[parent]}\n".encode() for index, parent in enumerate(parents)]
        stream.append(b"deleteall\n")
        for name, content in self.files().items():
            stream.append(b"M 100644 inline %s\ndata %d\n%s\n" % (name.encode(), len(content), content))
        stream.append(b"\nget-mark :1\n")
        self.git("update-ref", "-d", "refs/heads/x")
        self.sha[oid] = self.git("fast-import", "--quiet", "--force", "--cat-blob-fd=1", given=b"".join(stream)).strip()

    def git_merge(self, ours: str, theirs: str) -> tuple[bool, dict[str, bytes]]:
        told = self.git(
            "-c", f"merge.renames={self.renames}", "-c", "merge.directoryRenames=false", "merge-tree", "--write-tree",
            self.sha[ours], self.sha[theirs], codes=(0, 1)
        )
        listed = self.git("ls-tree", "-r", told.split("\n")[0]).splitlines()
        names = [line.split("\t")[1] for line in listed]
        clean = "CONFLICT" not in told
        return clean, {name: self.git("cat-file", "blob", f"{told.splitlines()[0]}:{name}").encode() for name in names}

    # Both

    def head(self) -> str:
        head = self.repo.head
        assert head is not None
        return head.id

    def commit(self) -> None:
        before = self.repo.head
        oid = self.repo.commit("x").oid.hex()
        self.record(oid, *(() if before is None else (before.id,)))

    def merge(self, branch: str, theirs: str) -> None:
        """Merges a commit into a branch of both, and compares."""
        self.repo.switch(branch)
        ours = self.head()
        seen = self.repo.merge(theirs, dry_run=True)
        if seen.how in {"up-to-date", "fast-forward"}:
            self.repo.merge(theirs)
            return
        self.merges += 1
        clean, files = self.git_merge(ours, theirs)
        told = [(item.path, item.conflict.reason) for item in seen.conflicts]
        assert clean or told, "Git has a conflict"
        assert not clean or not told or self.renames, told
        done = self.repo.merge(theirs, strategies={"*": "ours"})
        assert done.commit is not None
        if not told:
            assert self.files() == files
        self.conflicts += not clean
        self.cautious += clean and bool(told)
        self.record(done.commit.hex(), ours, theirs)

    def tip(self, branch: str) -> str:
        return self.repo.branches[branch].id


EDIT = st.tuples(
    st.just("edit"), st.sampled_from(BRANCHES), st.sampled_from(NAMES), st.integers(0, LINES),
    st.sampled_from(["change", "change", "change", "insert", "remove", "delete"]),
)
MERGE = st.tuples(st.sampled_from(["merge", "cross"]), st.permutations(BRANCHES))
STEPS = st.lists(st.one_of(EDIT, EDIT, MERGE), min_size=4, max_size=14)


@settings(  # a failing history is short as it is, and shrinking one takes minutes
    max_examples=20, deadline=None, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS)
def test_a_repository_merges_as_git_does(steps, sealed):
    del sealed
    play(steps, renames=False)


MOVE = st.tuples(
    st.just("move"), st.sampled_from(BRANCHES), st.sampled_from(PLACES), st.sampled_from(PLACES), st.integers(0, LINES),
    st.sampled_from(["rename", "rename", "rename", "copy"]), st.sampled_from(["change", "insert", "remove", "nothing"]),
)


@settings(
    max_examples=20, deadline=None, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(st.one_of(EDIT, MOVE, MOVE, MERGE), min_size=4, max_size=14))
def test_a_repository_with_renames_merges_as_git_does_or_asks(steps, sealed):
    del sealed
    play(steps, renames=True)


def play(steps, *, renames: bool) -> Twins:
    """Makes the history of the steps, comparing each merge."""
    with tempfile.TemporaryDirectory() as folder:
        twins = Twins(Path(folder), renames=renames)
        try:
            for step in steps:
                if step[0] in {"edit", "move"}:
                    twins.repo.switch(step[1])
                    if step[0] == "edit":
                        twins.edit(*step[2:])
                    else:
                        _, _, name, to, at, kind, edit = step
                        if not twins.move(name, to, kind):
                            continue
                        if edit != "nothing":
                            twins.edit(to, at, edit)
                    twins.commit()
                    continue
                into, other = step[1][0], step[1][1]
                ours, theirs = twins.tip(into), twins.tip(other)
                twins.merge(into, theirs)
                if step[0] == "cross":
                    twins.merge(other, ours)
            twins.merge("left", twins.tip("right"))
        finally:
            twins.repo.close()
    return twins
