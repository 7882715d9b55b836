"""What changed in a table."""

from __future__ import annotations

import pytest

from mvcs.diff import table as driver
from mvcs.diff import table_cells
from mvcs.diff.keys import KeyChange
from mvcs.diff.table import diff_table
from mvcs.errors import UnreadableContent
from mvcs.formats.content import Bytes
from mvcs.formats.tables import join
from mvcs.formats.values import ABSENT

BASE = b"id,name,label\n1,ann,cat\n2,bob,dog\n3,cy,cat\n"


def diff(before, after, key=("id",), syntax="csv"):
    return diff_table(syntax, *(None if side is None else Bytes(side) for side in (before, after)), key)


def row(number, name, label):
    return {"id": number, "name": name, "label": label}


def test_rows_and_cells_by_their_key():
    after = BASE.replace(b"2,bob,dog", b"2,BOB,fox").replace(b"3,cy,cat\n", b"") + b"17,dan,cat\n"
    found = diff(BASE, after)
    assert found.keys == (
        KeyChange("id=2/name", "bob", "BOB"), KeyChange("id=2/label", "dog", "fox"),
        KeyChange("row id=17", ABSENT, row("17", "dan", "cat")), KeyChange("row id=3", row("3", "cy", "cat"), ABSENT),
    )
    assert (found.driver, found.lines, found.reason, found.more) == ("table", (), "", 0)


def test_columns_that_came_or_went_are_told_once_and_their_cells_are_not():
    after = b"id,split,name\n1,train,ann\n2,test,BOB\n3,train,cy\n"
    assert diff(BASE, after).keys == (
        KeyChange("column label", "text", ABSENT), KeyChange("column split", ABSENT, "text"),
        KeyChange("id=2/name", "bob", "BOB"),
    )


def test_rows_in_another_order_alone_are_told_in_the_reason():
    after = b"id,name,label\n2,bob,dog\n1,ann,cat\n3,cy,cat\n"
    for key in (("id",), ()):
        found = diff(BASE, after, key)
        assert (found.keys, found.more, found.reason) == ((), 0, "the same rows in another order")
    assert diff(BASE, after.replace(b"cy", b"CY")).reason == ""
    assert diff(BASE, after.replace(b"cy", b"CY"), ()).reason == ""


@pytest.mark.parametrize("key", [("id",), ()])
def test_two_rows_that_changed_places_are_told_whatever_partitions_they_are_in(key, monkeypatch):
    monkeypatch.setattr(join, "PARTITION", 8)
    lines = [b"%d,x\n" % number for number in range(20)]
    for at in range(19):
        swapped = [*lines[:at], lines[at + 1], lines[at], *lines[at + 2 :]]
        found = diff(b"id,a\n" + b"".join(lines), b"id,a\n" + b"".join(swapped), key)
        assert (found.keys, found.reason) == ((), "the same rows in another order")


@pytest.mark.parametrize("after, how", [
    (BASE.replace(b"\n", b"\r\n"), ": line ends"), (BASE[:-1], ": the last line end"), (b"\xef\xbb\xbf" + BASE, ": encoding"),
    (BASE.replace(b",", b";"), ": delimiter"),
])
def test_what_is_only_written_differently_is_told_in_the_reason(after, how):
    for key in (("id",), ()):
        for sides in ((BASE, after), (after, BASE)):
            found = diff(*sides, key)
            assert (found.keys, found.reason) == ((), "the same values, written differently" + how)


def test_quotes_are_no_change_of_a_cell():
    found = diff(BASE, BASE.replace(b"bob", b'"bob"'))
    assert (found.keys, found.reason) == ((), "the same values, written differently in 1 row(s)")


def test_the_order_of_columns_is_no_change_of_a_cell():
    after = b"label,id,name\ncat,1,ann\ndog,2,bob\ncat,3,cy\n"
    for key in (("id",), ()):
        found = diff(BASE, after, key)
        assert found.keys == ()
        assert found.reason.startswith("the same values, written differently")


def test_without_a_key_rows_count_as_often_as_they_are_there():
    before, after = b"a,b\n1,x\n1,x\n2,y\n", b"a,b\n1,x\n3,z\n1,x\n1,x\n"
    found = diff(before, after, ())
    assert found.keys == (
        KeyChange("rows", 3, 4, "2 added, 1 deleted"), KeyChange("row -4", {"a": "2", "b": "y"}, ABSENT),
        KeyChange("row +3", ABSENT, {"a": "3", "b": "z"}), KeyChange("row +5", ABSENT, {"a": "1", "b": "x"}),
    )


def test_without_a_key_rows_are_compared_by_the_columns_that_both_files_have():
    after = b"id,name,label,split\n1,ann,cat,train\n2,bob,fox,test\n3,cy,cat,test\n"
    assert diff(BASE, after, ()).keys == (
        KeyChange("column split", ABSENT, "text"), KeyChange("rows", 3, 3, "1 added, 1 deleted"),
        KeyChange("row -3", row("2", "bob", "dog"), ABSENT), KeyChange("row +3", ABSENT, {**row("2", "bob", "fox"), "split": "test"}),
    )


def test_a_first_row_with_numbers_is_no_header():
    found = diff(b"1,ann\n2,bob\n", b"0,zoe\n1,ann\n2,bob\n", ())
    assert found.keys == (KeyChange("rows", 2, 3, "1 added, 0 deleted"), KeyChange("row +1", ABSENT, {"1": "0", "2": "zoe"}))


def test_first_rows_without_a_shared_name_are_no_headers():
    found = diff(b"ann,cat\nbob,dog\n", b"zoe,fox\nann,cat\nbob,dog\n", ())
    assert [change.key for change in found.keys] == ["rows", "row +1"]


def test_a_column_name_twice_is_no_obstacle_without_a_key():
    assert [c.key for c in diff(b"a,a\n1,2\n", b"a,a\n1,3\n", ()).keys] == ["rows", "row -2", "row +2"]
    with pytest.raises(UnreadableContent, match="'a' twice"):
        diff(b"a,a\n1,2\n", b"a,a\n1,3\n", ("a",))


def test_an_absent_file_has_no_columns_and_no_rows():
    found = diff(None, b"id,a\n1,x\n")
    assert found.keys == (
        KeyChange("column id", ABSENT, "text"), KeyChange("column a", ABSENT, "text"),
        KeyChange("row id=1", ABSENT, {"id": "1", "a": "x"}),
    )
    assert [c.change for c in diff(b"id,a\n1,x\n", None).keys] == ["deleted"] * 3
    assert [c.key for c in diff(None, b'{"id": 1}\n', syntax="jsonl").keys] == ["column id", "row id=1"]
    assert diff(None, None).keys == ()


def test_listed_rows_and_keys_are_bounded_and_the_rest_is_counted(monkeypatch):
    before = b"id,a\n" + b"".join(b"%d,x\n" % n for n in range(5000))
    after = before.replace(b",x", b",y")
    found = diff(before, after, ())
    assert len(found.keys) == 1001
    assert found.more == 9000
    assert {c.key[:5] for c in found.keys[1:]} == {"row -", "row +"}
    assert found.keys[0] == KeyChange("rows", 5000, 5000, "5000 added, 5000 deleted")
    found = diff(before, before + b"".join(b"%d,y\n" % n for n in range(3000)), ())
    assert [c.key for c in found.keys] == ["rows", *(f"row +{n}" for n in range(5002, 6002))]
    assert found.more == 2000
    monkeypatch.setattr(table_cells, "MAX_TOLD", 100)
    found = diff(before, after)
    assert [c.key for c in found.keys] == [f"id={n}/a" for n in range(100)]
    assert found.more == 4900


def test_long_rows_are_bounded_by_their_bytes(monkeypatch):
    monkeypatch.setattr(driver, "MAX_BYTES", 100_000)
    monkeypatch.setattr(table_cells, "MAX_BYTES", 100_000)
    after = BASE + b"".join(b"%d,%s,x\n" % (n, b"n" * 5000) for n in range(10, 60))
    for key in ((), ("id",)):
        found = diff(BASE, after, key)
        assert 5 <= len(found.keys) <= 20
        assert len([c for c in found.keys if c.key != "rows"]) + found.more == 50


def test_jsonl_tells_columns_cells_and_rows():
    before = b'{"id": 1, "a": 1.5, "b": [1]}\n{"id": 2, "a": null}\n{"id": 3, "a": "\\u00e9"}\n'
    after = b'{"id": 1, "b": [1], "a": 1.5}\n{"id": 2, "a": 0, "c": true}\n{"id": 3}\n'
    assert diff(before, after, syntax="jsonl").keys == (
        KeyChange("column c", ABSENT, "json"), KeyChange("id=2/a", None, 0), KeyChange("id=3/a", "é", ABSENT),
    )
    found = diff(before, before.replace(b"\\u00e9", "é".encode()), syntax="jsonl")
    assert (found.keys, found.reason) == ((), "the same values, written differently in 1 row(s)")
    found = diff(before, after, (), "jsonl")
    assert found.keys[1] == KeyChange("rows", 3, 3, "3 added, 3 deleted")


def test_a_cell_that_is_true_and_becomes_1_has_changed():
    found = diff(b'{"id": 0, "a": true}\n', b'{"id": 0, "a": 1}\n', syntax="jsonl")
    assert found.keys == (KeyChange("id=0/a", True, 1),)


@pytest.mark.parametrize("side", [b"id,a\n1,x\n1,y\n", b"nr,a\n1,x\n", b"", b"id,a\n1\n", b"id,a\n1,\0\n", b'id,a\n1,"x\n'])
def test_what_cannot_be_read_is_refused(side):
    for sides in ((BASE, side), (side, BASE)):
        with pytest.raises(UnreadableContent):
            diff(*sides)


def test_an_empty_file_is_a_table_without_rows_where_no_key_is_asked_for():
    assert diff(b"", b"a,b\n1,2\n", ()).keys[-1] == KeyChange("row +2", ABSENT, {"a": "1", "b": "2"})
    assert [c.key for c in diff(b'{"a": 1}\n', b"", (), "jsonl").keys] == ["column a", "rows", "row -1"]
