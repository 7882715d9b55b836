"""What is told of renamed files is what Git tells: the same likeness, and no pair that Git has not."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mvcs.diff.renames import SAME, renames
from mvcs.diff.trees import FileChange
from mvcs.formats.content import Bytes
from mvcs.objects.editing import Placed
from mvcs.objects.hashing import blob_oid
from mvcs.objects.tree import FILE, IS_BLOB, Entry

# Git's hash of a line passes over NUL at its start, and 64 times one letter are 64 times another to it.
LONG = b",".join(b"%d" % (number * number) for number in range(50))
LINE = st.one_of(
    st.integers(0, 30).map(lambda number: b"a line that is number %d\n" % number),
    st.sampled_from([b"\n", b"}\n", LONG[:63] + b"\n", LONG[1:65] + b"\n", LONG[2:] + b"\n", b"crlf\r\n", b"\r\n", b"nul\0\n"]),
)
BODY = st.lists(LINE, min_size=4, max_size=14).map(tuple)


@st.composite
def sides(draw):
    """Files that went, and files that came: most of them made of those that went."""
    olds = draw(st.lists(BODY, min_size=1, max_size=4))
    names = draw(st.permutations([b"a/f", b"a/g", b"b/f", b"b/h"]))
    gone = {name: b"".join(body) + draw(st.sampled_from([b"", b"end"])) for name, body in zip(names, olds, strict=False)}
    new = {}
    for name in draw(st.lists(st.sampled_from([b"c/f", b"c/g", b"d/f", b"d/i"]), min_size=1, max_size=4, unique=True)):
        body = list(draw(st.one_of(st.sampled_from(olds), BODY)))
        for at in draw(st.lists(st.integers(0, len(body) - 1), max_size=4)):
            body[at] = draw(LINE)
        new[name] = b"".join(body)
    return gone, new


def git_tells(gone, new) -> dict[bytes, tuple[bytes, int]]:
    """Returns old path to (new path, per cent) as Git has it."""
    with tempfile.TemporaryDirectory() as folder:
        for side, files in (("x", gone), ("y", new)):
            for name, content in files.items():
                path = Path(folder, side, name.decode())
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        done = subprocess.run(
            ["git", "diff", "--no-index", "--raw", "-M", "--no-rename-empty", "-z", "x", "y"], cwd=folder,
            capture_output=True, check=False,
        )
        assert done.returncode in (0, 1), done.stderr
    found, words = {}, done.stdout.split(b"\0")[:-1]
    while words:
        how = words.pop(0).split()[-1]
        first = words.pop(0)
        if how[:1] == b"R":
            found[first[2:]] = (words.pop(0)[2:], int(how[1:]))
    return found


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(files=sides())
def test_every_pair_is_one_of_gits_with_gits_likeness(files):
    gone, new = files
    blobs = {blob_oid(content): content for content in (*gone.values(), *new.values())}

    def placed(content):
        return Placed("code", Entry(b"x", FILE, IS_BLOB, blob_oid(content), len(content)))

    changes = [FileChange(name, placed(content), None) for name, content in gone.items()]
    changes += [FileChange(name, None, placed(content)) for name, content in new.items()]
    told = renames(changes, lambda oid: Bytes(blobs[oid]), set(gone)).found
    git = git_tells(gone, new)
    for old, rename in told.items():
        assert git.get(old) == (rename.path, rename.likeness * 100 // SAME)
    if len(gone) == len(new) == 1:
        assert set(told) == set(git)
