"""Parquet files as tables."""

from __future__ import annotations

import datetime
import decimal
import io
import sys

import pytest

from mvcs.diff.keys import KeyChange
from mvcs.diff.table import diff_table
from mvcs.errors import UnreadableContent
from mvcs.formats.content import Bytes
from mvcs.formats.table import open_table
from mvcs.formats.values import ABSENT


@pytest.fixture
def arrow():
    return pytest.importorskip("pyarrow")


@pytest.fixture
def made(arrow):
    """Returns a function that makes Parquet files of columns."""
    from pyarrow import parquet

    def make(columns, *, schema=None, **options):
        out = io.BytesIO()
        parquet.write_table(arrow.table(columns, schema=schema), out, **options)
        return Bytes(out.getvalue())

    return make


def rows_of(content):
    table = open_table("parquet", content)
    return [{name: table.value(cell) for name, cell in table.cells(row).items()}
            for batch in table.batches() for row in batch.rows]


def test_rows_and_cells_by_their_key(made):
    nan = float("nan")
    before = made({"id": [1, 2, 3, 5], "name": ["ann", None, "cy", ""], "score": [0.5, 1.5, 2.5, nan]})
    after = made({"id": [1, 2, 4, 5], "name": ["ann", "bob", "dan", ""], "score": [0.25, 1.5, 2.0, nan]}, row_group_size=1)
    assert diff_table("parquet", before, after, ("id",)).keys == (
        KeyChange("id=1/score", 0.5, 0.25), KeyChange("id=2/name", None, "bob"),
        KeyChange("row id=4", ABSENT, {"id": 4, "name": "dan", "score": 2.0}),
        KeyChange("row id=3", {"id": 3, "name": "cy", "score": 2.5}, ABSENT),
    )
    found = diff_table("parquet", before, after)
    assert found.keys[0] == KeyChange("rows", 4, 4, "3 added, 3 deleted")


def test_types_of_columns_are_told(made, arrow):
    before = made({"id": arrow.array([1], arrow.int32()), "a": [1]})
    after = made({"id": arrow.array([1], arrow.int64()), "b": [1]})
    for key in (("id",), ()):
        assert diff_table("parquet", before, after, key).keys == (
            KeyChange("column a", "int64", ABSENT), KeyChange("column id", "int32", "int64"),
            KeyChange("column b", ABSENT, "int64"),
        )


def test_the_same_rows_in_other_groups_are_no_change(made):
    columns = {"id": list(range(10_000)), "text": [f"row {n}" for n in range(10_000)]}
    before, after = made(columns), made(columns, row_group_size=777, compression="zstd")
    for key in (("id",), ()):
        found = diff_table("parquet", before, after, key)
        assert (found.keys, found.more, found.reason) == ((), 0, "the same values, written differently")


def test_values_of_every_kind_are_told_exactly(made, arrow):
    moment = datetime.datetime(2024, 1, 2, 3, 4, 5, 678901, tzinfo=datetime.UTC)
    columns = {
        "bool": [True], "big": [2**62], "bytes": [b"\x00\xff"], "decimal": [decimal.Decimal("1.10")],
        "date": [datetime.date(2024, 1, 2)], "time": arrow.array([datetime.time(1, 2, 3)]), "zone": [moment],
        "nano": arrow.array([1_700_000_000_123_456_789], arrow.timestamp("ns")),
        "long": arrow.array([5], arrow.duration("us")), "list": [[1, None]], "struct": [{"x": {"y": b"\x01"}}],
        "words": arrow.array(["a"]).dictionary_encode(), "nothing": arrow.array([None], arrow.null()),
    }
    assert rows_of(made(columns)) == [{
        "bool": True, "big": 2**62, "bytes": "00ff", "decimal": "1.10", "date": "2024-01-02", "time": "01:02:03.000000",
        "zone": "2024-01-02 03:04:05.678901", "nano": "2023-11-14 22:13:20.123456789", "long": 5, "list": [1, None],
        "struct": {"x": {"y": "01"}}, "words": "a", "nothing": None,
    }]


def test_a_key_that_is_not_there_or_not_unique_is_refused(made):
    good, twice = made({"id": [1, 2]}), made({"id": [1, 1]})
    with pytest.raises(UnreadableContent, match="not unique"):
        diff_table("parquet", good, twice, ("id",))
    with pytest.raises(UnreadableContent, match="no column 'nr'"):
        diff_table("parquet", good, twice, ("nr",))


def test_what_is_no_parquet_is_refused(made):
    whole = made({"id": [1, 2], "text": ["some text", "other text"]}).read()
    for broken in (b"", b"PAR1", b"PAR1PAR1", whole[:-1], whole[:50] + whole[-20:], whole[4:], b"id\n1\n"):
        with pytest.raises(UnreadableContent) as caught:
            diff_table("parquet", Bytes(whole), Bytes(broken))
        assert caught.value.fields["reason"]


def test_any_changed_byte_is_read_or_refused(made):
    whole = made({"id": list(range(50)), "text": ["some text"] * 50}).read()
    outcomes = set()
    for at in range(4, len(whole), 3):
        broken = whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :]
        try:
            diff_table("parquet", Bytes(whole), Bytes(broken), ("id",))
            outcomes.add("read")
        except UnreadableContent:
            outcomes.add("refused")
    assert outcomes == {"read", "refused"}


def test_without_pyarrow_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UnreadableContent, match=r"pip install 'mvcs\[tables\]'"):
        diff_table("parquet", Bytes(b"PAR1a"), Bytes(b"PAR1b"))
