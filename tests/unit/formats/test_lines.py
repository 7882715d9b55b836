"""Text: what is text, its encodings, its lines and their ends, and the bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvcs.errors import UnreadableContent
from mvcs.formats import lines
from mvcs.formats.content import Bytes
from mvcs.formats.lines import CRLF, LF, MIXED, Text, encode, line_end, read_text, split_lines, with_end


@pytest.mark.parametrize(("content", "encoding", "expected"), [
    (b"", "utf-8", ()), (b"a", "utf-8", ("a",)), (b"a\nb\n", "utf-8", ("a\n", "b\n")), (b"a\r\nb", "utf-8", ("a\r\n", "b")),
    (b"a\rb\n", "utf-8", ("a\rb\n",)), ("a\u2028b\x0b\n\n".encode(), "utf-8", ("a\u2028b\x0b\n", "\n")),
    (b"\xef\xbb\xbfa\n", "utf-8 with BOM", ("a\n",)), (b"\xff\n\xfe", "utf-8", ("\udcff\n", "\udcfe")),
    ("\ufeffä\n𝄞".encode("utf-16-le"), "utf-16-le", ("ä\n", "𝄞")), ("\ufeffä\r\n".encode("utf-16-be"), "utf-16-be", ("ä\r\n",)),
    (b"\xff\xfe\x00\xd8\n\x00", "utf-16-le", ("\ud800\n",)), (b"x" * 8000 + b"\0", "utf-8", ("x" * 8000 + "\0",)),
])
def test_lines_and_back(content, encoding, expected):
    text = read_text(Bytes(content))
    assert (text.encoding, text.lines) == (encoding, expected)
    assert text.to_bytes() == content


@pytest.mark.parametrize("content", [b"\0", b"text\0", b"x" * 7999 + b"\0", b"\xff\xfe\x00\x00a\x00\x00\x00", b"\xff\xfea", b"\xfe\xff\x00"])
def test_binary_is_refused(content):
    with pytest.raises(UnreadableContent) as caught:
        read_text(Bytes(content))
    assert caught.value.fields["format"] == "text"


@given(st.binary(max_size=200) | st.binary(max_size=40).map(lambda tail: b"\xff\xfe" + tail))
def test_whatever_can_be_read_is_written_back(content):
    try:
        text = read_text(Bytes(content))
    except UnreadableContent:
        return
    assert text.to_bytes() == content
    assert split_lines("".join(text.lines)) == list(text.lines)


def test_what_cannot_be_written_is_told():
    for text, encoding in (("\ud800", "utf-8"),):
        with pytest.raises(UnreadableContent):
            encode(text, encoding)
    assert Text(("\ud800",), "utf-16-le").to_bytes() == b"\xff\xfe\x00\xd8"


def test_bounds_hold_before_reading(monkeypatch):
    class Large:
        size = lines.MAX_BYTES + 1

        def read(self):
            raise AssertionError("read")

    with pytest.raises(UnreadableContent, match="64 MiB"):
        read_text(Large())
    monkeypatch.setattr(lines, "MAX_LINES", 3)
    assert len(read_text(Bytes(b"1\n2\n3")).lines) == 3
    with pytest.raises(UnreadableContent, match="3 lines"):
        read_text(Bytes(b"1\n2\n3\n4"))


@pytest.mark.parametrize(("given", "end"), [
    ([], ""), (["a"], ""), (["a\n", "b"], LF), (["a\r\n", "b\r\n"], CRLF), (["a\r\n", "b\n"], MIXED), (["a\n", "b\r\n", "c"], MIXED), (["a\r"], ""),
])
def test_line_ends(given, end):
    assert line_end(given) == end


def test_ends_are_replaced_and_nothing_else():
    assert with_end(["a\n", "b\r\n", "c\r", "d\re\n", "f"], CRLF) == ["a\r\n", "b\r\n", "c\r", "d\re\r\n", "f"]
    assert with_end(["a\n", "b\r\n", "c\r\r\n", "f"], LF) == ["a\n", "b\n", "c\r\n", "f"]
