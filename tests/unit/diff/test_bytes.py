"""Files that nobody can read: sizes and equal ends."""

from __future__ import annotations

import pytest

from mvcs.diff import bytes as driver
from mvcs.diff.bytes import diff_bytes, equal_beginning
from mvcs.formats.content import Bytes
from mvcs.formats.values import ABSENT


class Pieces:
    """Content in small pieces."""

    def __init__(self, content: bytes, size: int) -> None:
        self.content, self.step, self.size = content, size, len(content)

    def read(self):
        return self.content

    def pieces(self):
        for at in range(0, len(self.content), self.step):
            yield self.content[at : at + self.step]


@pytest.mark.parametrize(("before", "after", "note"), [
    (b"a" * 100, b"a" * 50 + b"b" * 50, "first 50.0 % and last 0.0 % equal"), (b"aaaa", b"aaaaaaaa", "first 50.0 % and last 0.0 % equal"),
    (b"ab" * 100_000 + b"cc" + b"d" * 200_000, b"ab" * 100_000 + b"xx" + b"d" * 200_000, "first 50.0 % and last 50.0 % equal"), (b"", b"x", "first 0.0 % and last 0.0 % equal"),
    (b"xyz", b"ayz", "first 0.0 % and last 66.7 % equal"),
])
def test_sizes_and_shares(before, after, note):
    (change,) = diff_bytes(Bytes(before), Bytes(after)).keys
    assert (change.key, change.before, change.after, change.note) == ("size", len(before), len(after), note)


def test_nothing_changed():
    assert diff_bytes(Bytes(b"abc"), Pieces(b"abc", 2)).keys == ()
    assert diff_bytes(None, None).keys == ()


def test_added_and_deleted():
    (change,) = diff_bytes(None, Bytes(b"abc")).keys
    assert (change.before, change.after, change.change) == (ABSENT, 3, "added")
    (change,) = diff_bytes(Bytes(b"abc"), None).keys
    assert (change.before, change.after, change.change) == (3, ABSENT, "deleted")


def test_large_files_are_compared_at_their_beginning(monkeypatch):
    monkeypatch.setattr(driver, "LOOKED_AT", 1 << 20)
    same = b"x" * (1 << 20)
    (change,) = diff_bytes(Bytes(same + b"a"), Bytes(same + b"b")).keys
    assert change.note == "first 1 MiB equal, the rest was not compared"
    (change,) = diff_bytes(Bytes(same + b"a"), Bytes(b"x" * 10 + b"y" + same)).keys
    assert change.note == "first 0.0 % equal"
    (change,) = diff_bytes(Bytes(same), Bytes(same + same)).keys
    assert change.note == "first 50.0 % equal"


@pytest.mark.parametrize("step", [1, 3, 7, 100])
def test_pieces_of_any_size(step):
    assert equal_beginning(Pieces(b"abcdefghij", step), Pieces(b"abcdefgXij", 4), 100) == 7
    assert equal_beginning(Pieces(b"abcdefghij", step), Pieces(b"abcdefghij", 4), 5) == 5
