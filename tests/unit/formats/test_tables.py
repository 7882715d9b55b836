"""Rows as they lie in CSV, TSV and JSONL files."""

from __future__ import annotations

import gc
import os

import pytest

from mvcs.errors import StoreFull, UnreadableContent
from mvcs.formats.content import Bytes
from mvcs.formats.table import open_table
from mvcs.formats.tables import blocks, rows, spool
from mvcs.formats.tables.blocks import bytes_from, same_bytes, starts_with
from mvcs.formats.tables.delimited import Delimited
from mvcs.formats.tables.names import cell_name, column_name, row_name
from mvcs.formats.tables.spool import Partitions, Spool


class Pieces:
    """Content in pieces of any size."""

    def __init__(self, content, size):
        self.content, self.step, self.size = content, size, len(content)

    def read(self):
        return self.content

    def pieces(self):
        for at in range(0, self.size, self.step):
            yield self.content[at : at + self.step]


def read(content, syntax="csv", key=()):
    table = open_table(syntax, Bytes(content), key)
    return [(line, row) for batch in table.batches(key) for line, row in zip(batch.lines, batch.rows, strict=True)]


@pytest.mark.parametrize("first, syntax, delimiter", [
    (b"a,b,c", "csv", b","), (b"a;b;c", "csv", b";"), (b"a\tb\tc", "csv", b"\t"), (b"a", "csv", b","), (b"a;b,c;d", "csv", b";"),
    (b'"a;b;c;d",e', "csv", b","), (b"a,b", "tsv", b"\t"), (b"a;b,c", "csv", b","),
])
def test_the_delimiter_is_told_by_the_ending_and_the_first_row(first, syntax, delimiter):
    assert open_table(syntax, Bytes(first + b"\n")).delimiter == delimiter


@pytest.mark.parametrize("first, header", [
    (b"id,name", True), (b"id,name 2", True), (b"1,ann", False), (b"ann,1.5", False), (b"ann,-1e5", False), (b"ann,nan", False),
    (b"id,", False), (b"id, ", False), (b"a,a", False), (b'"id","n"', True), (b"a", True), (b"", False),
])
def test_a_first_row_is_a_header_if_its_cells_are_names(first, header):
    table = open_table("csv", Bytes(first + b"\n"))
    assert (table.header == first) is header
    assert header or all(name.isdigit() for name in table.columns)


def test_rows_keep_their_bytes_and_know_their_lines():
    content = b'id,text\n1,"a\nb\n""c"""\n2,x\n"3","y"\n4,"\r\n"'
    assert read(content) == [(2, b'1,"a\nb\n""c"""'), (5, b"2,x"), (6, b'"3","y"'), (7, b'4,"\r\n"')]
    table = open_table("csv", Bytes(content))
    assert table.cells(read(content)[0][1]) == {"id": b"1", "text": b'"a\nb\n""c"""'}
    assert table.value(b'"a\nb\n""c"""') == 'a\nb\n"c"'
    assert table.value(b"\xff") == b"\xff"


@pytest.mark.parametrize("row", [b",,", b'"",,', b',"",', b',,""', b'"a","b","c"', b"a,b,", b'"a,",b,c', b'a,"b""",c', b'"\n",,"\n"'])
def test_cells_joined_again_are_the_row(row):
    table = open_table("csv", Bytes(b"x,y,z\n" + row + b"\n"))
    assert [found for _, found in read(b"x,y,z\n" + row + b"\n")] == [row]
    assert len(table.split(row)) == 3
    assert b",".join(table.split(row)) == row


@pytest.mark.parametrize("row, reason", [
    (b"1", "1 cells where the first row has 2"), (b"1,2,3", "3 cells"), (b"", "1 cells"), (b'1,a"b"', "quote"), (b'1,"a"b', "quote"),
    (b'1,"a" ', "quote"), (b'1, "a"', "quote"), (b'1,"a', "not closed"), (b"1,a\rb", "carriage return"), (b"1,a\r", "line ends"), (b"1,\0", "NUL"),
])
def test_rows_that_cannot_be_told_are_refused_with_their_line(row, reason):
    with pytest.raises(UnreadableContent) as caught:
        read(b"a,b\n1,2\n" + row + b"\n")
    assert reason in caught.value.fields["reason"]
    assert caught.value.fields["line"] == 3


def test_long_runs_of_quotes_take_no_more_than_linear_time():
    for hostile in (b"a" * 200_000 + b'"', b'"' + b'""' * 100_000 + b'x"y', b'"a"' * 60_000 + b"x"):
        with pytest.raises(UnreadableContent):
            read(b"a,b\n1," + hostile + b'\n2,"\n"\n')


def test_a_row_or_a_header_without_end_is_refused(monkeypatch):
    monkeypatch.setattr(rows, "MAX_ROW", 5000)
    monkeypatch.setattr(blocks, "BLOCK", 1000)
    for content in (b'a,b\n1,"' + b"x" * 20_000, b"a" * 20_000, b'"' + b"\n" * 20_000):
        with pytest.raises(UnreadableContent, match="row longer than"):
            read(content)


def test_too_many_columns_rows_and_bytes_are_refused(monkeypatch):
    with pytest.raises(UnreadableContent, match="65536 columns"):
        read(b"," * 70_000 + b"\n")
    with pytest.raises(UnreadableContent, match="65536 columns"):
        read(b"".join(b'{"%d": 1}\n' % n for n in range(70_000)), "jsonl")
    monkeypatch.setattr(rows, "MAX_ROWS", 10)
    with pytest.raises(UnreadableContent, match="10 rows"):
        read(b"1\n" * 11)
    monkeypatch.setattr(blocks, "MAX_BYTES", 3)
    with pytest.raises(UnreadableContent, match="longer than"):
        read(b"1\n2\n")


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
@pytest.mark.parametrize("step", [1, 2, 3, 100])
def test_batches_do_not_depend_on_the_pieces_they_came_in(codec, step, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", 37)
    text = 'id,näme\n1,"é\n😀"\n2,x\n3,😀😀\n'
    raw = b"\xfe\xff" + text.encode(codec) if codec == "utf-16-be" else text.encode(codec)
    table = Delimited(Pieces(raw, step))
    found = [(list(batch.lines), batch.rows) for batch in table.batches()]
    assert [row for _, batch in found for row in batch] == ['1,"é\n😀"'.encode(), b"2,x", "3,😀😀".encode()]
    assert [line for lines, _ in found for line in lines] == [2, 4, 5]
    assert found == [(list(batch.lines), batch.rows) for batch in Delimited(Bytes(raw)).batches()]


def test_broken_utf_16_is_refused():
    for broken in (b"\xff\xfea\0,\0b", b"\xff\xfe\x00\xd8a\0\n\0", b"\xff\xfe\0\0a\0\0\0"):
        with pytest.raises(UnreadableContent):
            read(broken)


def test_contents_are_compared_whatever_their_pieces(monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", 10)
    content = bytes(range(100))
    for step in (1, 7, 10, 1000):
        assert same_bytes(Pieces(content, step), Bytes(content))
        assert not same_bytes(Pieces(content, step), Bytes(content[:-1] + b"x"))
        assert starts_with(Pieces(content, step), Bytes(content[:35]))
        assert not starts_with(Pieces(content, step), Bytes(content[:34] + b"x"))
        assert not starts_with(Bytes(content[:35]), Pieces(content, step))
        assert b"".join(bytes_from(Pieces(content, step), 35)) == content[35:]
        assert b"".join(bytes_from(Pieces(content, step), 100)) == b""


def test_one_name_means_one_row():
    named = [
        row_name(("id",), (value,), typed=typed)
        for typed, values in ((False, ["1", "true", "a/b", "a=b", "a,b", 'a"b', "", " ", "a ", "a b", "é", b"\xff", "\\xff", "\n", "\x85"]),)
        for value in values
    ]
    assert len(set(named)) == len(named)
    assert named[:3] == ["id=1", "id=true", 'id="a/b"']
    assert row_name(("id", "k"), (1, "1"), typed=True) == 'id=1,k="1"'
    assert cell_name("id=1", "a/b") == 'id=1/"a/b"'
    assert column_name("id=1") == 'column "id=1"'
    assert all(name.isprintable() for name in named)


# temporary files


def descriptors():
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


def test_a_spool_reads_what_was_written_and_goes_with_its_object():
    before = descriptors()
    made = Spool()
    assert [made.write(part) for part in (b"abc", b"", b"defg")] == [0, 3, 3]
    assert (made.read(), made.size, made.at(2, 3)) == (b"abcdefg", 7, b"cde")
    first, second = made.pieces(), made.pieces()
    assert next(first) == next(second) == b"abcdefg"
    made.cut(2)
    made.write(b"x")
    assert b"".join(made.pieces()) == b"abcdex"
    assert descriptors() == before + 1
    del made, first, second
    assert descriptors() == before


def test_a_spool_leaves_no_file_in_the_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(spool.tempfile, "tempdir", str(tmp_path))
    made = Spool()
    made.write(b"x" * (3 << 20))
    assert os.listdir(tmp_path) == []
    assert made.size == 3 << 20


def test_partitions_give_records_back_in_order(monkeypatch):
    monkeypatch.setattr(spool, "HELD", 500)
    made = Partitions(2, 2)
    put = {}
    for number in range(300):
        record = (number, number * number, b"k%d" % number, b"" if number % 7 == 0 else b"x" * (number % 50))
        made.put(number % 13, *record)
        put.setdefault(number % 13, []).append(record)
    for partition, records in put.items():
        assert [*zip(*made.read(partition), strict=True)] == records
    assert 13 not in made
    assert made.read(13) == [[], [], [], []]
    made.close()


def test_a_full_disk_is_said(monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(spool.os, "pwrite", full)
    with pytest.raises(StoreFull):
        Spool().write(b"x" * (2 << 20))
