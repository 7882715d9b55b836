"""Tables merged by key and by appending."""

from __future__ import annotations

import pytest

from mvcs.errors import UnreadableContent
from mvcs.formats.content import Bytes
from mvcs.formats.values import ABSENT
from mvcs.merge import table_settling
from mvcs.merge.table import merge_table
from mvcs.merge.values import Choice, Conflict, Decision, leave

BASE = b"id,name,label\n1,ann,cat\n2,bob,dog\n3,cy,cat\n"


def merge(base, ours, theirs, choose=leave, key=("id",), syntax="csv"):
    return merge_table(syntax, None if base is None else Bytes(base), Bytes(ours), Bytes(theirs), choose, key=key)


def always(strategy, value=None):
    return lambda conflict: Choice(strategy, value)


def test_disjoint_cells_of_one_row_merge():
    merged = merge(BASE, BASE.replace(b"1,ann", b"1,ANN"), BASE.replace(b"ann,cat", b"ann,CAT"))
    assert merged.content.read() == BASE.replace(b"1,ann,cat", b"1,ANN,CAT")
    assert merged.conflicts == ()


def test_one_cell_changed_differently_is_a_conflict_of_that_cell_alone():
    ours, theirs = BASE.replace(b"2,bob,dog", b"2,BOB,wolf"), BASE.replace(b"2,bob,dog", b"2,bob,fox")
    merged = merge(BASE, ours, theirs)
    assert merged.conflicts == (Conflict("id=2/label", "dog", "wolf", "fox"),)
    assert merged.content.read() == ours
    for strategy, value, cell in (("ours", None, b"wolf"), ("theirs", None, b"fox"), ("base", None, b"dog"),
                                  ("set", 'a "b", c', b'"a ""b"", c"'), ("set", 7, b"7"), ("set", True, b"true")):
        merged = merge(BASE, ours, theirs, always(strategy, value))
        assert merged.content.read() == BASE.replace(b"2,bob,dog", b"2,BOB," + cell)
        assert merged.conflicts == ()
        assert merged.decisions == (Decision("id=2/label", strategy),)


@pytest.mark.parametrize("strategy, value", [("newest", None), ("union", None), ("append", None), ("mean", None),
                                             ("min", None), ("set", None), ("set", [1]), ("set", b"x"),
                                             ("set", "a\0"), ("set", "\ud800")])
def test_a_strategy_that_means_nothing_for_a_cell_leaves_the_conflict(strategy, value):
    ours, theirs = BASE.replace(b"dog", b"wolf"), BASE.replace(b"dog", b"fox")
    merged = merge(BASE, ours, theirs, always(strategy, value))
    assert [c.key for c in merged.conflicts] == ["id=2/label"]
    assert merged.decisions == ()


@pytest.mark.parametrize("strategy", ["union", "append", "newest", "set"])
def test_a_strategy_that_means_nothing_for_a_row_leaves_the_conflict(strategy):
    merged = merge(BASE, BASE.replace(b"2,bob,dog\n", b""), BASE.replace(b"dog", b"fox"), always(strategy, "x"))
    assert [c.key for c in merged.conflicts] == ["id=2"]


def test_a_row_that_one_side_deleted_and_the_other_changed_is_a_conflict_in_both_directions():
    gone, changed = BASE.replace(b"2,bob,dog\n", b""), BASE.replace(b"2,bob,dog", b"2,bob,fox")
    dog, fox = ({"id": "2", "name": "bob", "label": label} for label in ("dog", "fox"))
    merged = merge(BASE, gone, changed)
    assert merged.conflicts == (Conflict("id=2", dog, ABSENT, fox),)
    assert merged.content.read() == gone
    merged = merge(BASE, changed, gone)
    assert merged.conflicts == (Conflict("id=2", dog, fox, ABSENT),)
    assert merged.content.read() == changed
    for sides in ((gone, changed), (changed, gone)):
        keep, drop = ("theirs", "ours") if sides[0] == gone else ("ours", "theirs")
        assert merge(BASE, *sides, always(keep)).content.read() == changed
        assert merge(BASE, *sides, always(drop)).content.read() == gone
        assert merge(BASE, *sides, always("base")).content.read() == BASE


def test_a_row_deleted_on_one_side_and_untouched_on_the_other_goes():
    ours, theirs = BASE.replace(b"3,cy,cat\n", b""), BASE.replace(b"1,ann,cat\n", b"")
    assert merge(BASE, ours, theirs).content.read() == b"id,name,label\n2,bob,dog\n"


def test_identical_additions_merge_and_different_ones_conflict():
    ours, theirs = BASE + b"4,dan,cat\n5,eve,dog\n", BASE + b"4,dan,cat\n5,eve,cat\n6,fay,cat\n"
    merged = merge(BASE, ours, theirs)
    eve, eva = ({"id": "5", "name": "eve", "label": label} for label in ("dog", "cat"))
    assert merged.conflicts == (Conflict("id=5", ABSENT, eve, eva),)
    assert merged.content.read() == ours + b"6,fay,cat\n"
    assert merge(BASE, ours, theirs, always("theirs")).content.read() == theirs
    assert merge(BASE, ours, theirs, always("base")).content.read() == BASE + b"4,dan,cat\n6,fay,cat\n"


def test_rows_of_theirs_stand_behind_what_they_stood_behind_else_at_the_end():
    theirs = BASE.replace(b"1,ann,cat\n", b"8,hal,x\n1,ann,cat\n4,dan,x\n5,eve,x\n").replace(b"2,bob,dog\n", b"2,bob,dog\n6,fay,x\n")
    ours = BASE.replace(b"2,bob,dog\n", b"") + b"7,gus,y\n"
    assert merge(BASE, ours, theirs).content.read() == (
        b"id,name,label\n1,ann,cat\n4,dan,x\n5,eve,x\n6,fay,x\n3,cy,cat\n7,gus,y\n8,hal,x\n"
    )


def test_ours_order_is_kept():
    ours = b"id,name,label\n3,cy,cat\n2,bob,wolf\n1,ann,cat\n"
    theirs = BASE.replace(b"1,ann", b"1,ANN")
    assert merge(BASE, ours, theirs).content.read() == ours.replace(b"1,ann", b"1,ANN")


def test_conflicts_are_told_in_the_order_of_the_file():
    base = b"id,a\n" + b"".join(b"%d,x\n" % n for n in range(50))
    ours, theirs = base.replace(b",x", b",y"), base.replace(b",x", b",z")
    assert [c.key for c in merge(base, ours, theirs).conflicts] == [f"id={n}/a" for n in range(50)]


def test_without_a_base_equal_rows_merge_and_others_conflict():
    ours, theirs = b"id,a\n1,x\n2,y\n", b"id,a\n1,x\n2,z\n3,w\n"
    merged = merge(None, ours, theirs)
    assert merged.conflicts == (Conflict("id=2", ABSENT, {"id": "2", "a": "y"}, {"id": "2", "a": "z"}),)
    assert merged.content.read() == b"id,a\n1,x\n2,y\n3,w\n"


# columns


def test_a_column_added_by_one_side_has_its_cells_and_is_empty_in_rows_of_the_other():
    ours = BASE + b"4,dan,cat\n"
    theirs = b"id,split,name,label\n1,train,ann,cat\n2,test,bob,fox\n3,train,cy,cat\n5,test,eve,cat\n"
    merged = merge(BASE, ours, theirs)
    assert merged.conflicts == ()
    assert merged.content.read() == (
        b"id,split,name,label\n1,train,ann,cat\n2,test,bob,fox\n3,train,cy,cat\n5,test,eve,cat\n4,,dan,cat\n"
    )
    assert merge(BASE, theirs, ours).content.read() == (
        b"id,split,name,label\n1,train,ann,cat\n2,test,bob,fox\n3,train,cy,cat\n4,,dan,cat\n5,test,eve,cat\n"
    )


def test_columns_added_by_both_sides_conflict_where_their_cells_differ():
    base = b"id,a\n1,x\n2,y\n"
    merged = merge(base, b"id,a,n\n1,x,5\n2,y,6\n", b"id,a,n,m\n1,x,5,p\n2,y,7,q\n")
    assert merged.conflicts == (Conflict("id=2/n", ABSENT, "6", "7"),)
    assert merged.content.read() == b"id,a,n,m\n1,x,5,p\n2,y,6,q\n"


def test_a_column_that_one_side_took_away_goes_if_the_other_did_not_touch_it():
    ours = b"id,name\n1,ann\n2,bob\n3,cy\n"
    theirs = BASE.replace(b"1,ann", b"1,ANN") + b"4,dan,\n"
    for sides in ((ours, theirs), (theirs, ours)):
        merged = merge(BASE, *sides)
        assert merged.conflicts == ()
        assert merged.content.read() == b"id,name\n1,ANN\n2,bob\n3,cy\n4,dan\n"


@pytest.mark.parametrize("theirs", [BASE.replace(b"dog", b"fox"), BASE + b"4,dan,cat\n"])
def test_a_column_that_one_side_took_away_and_the_other_filled_is_a_conflict(theirs):
    ours = b"id,name\n1,ann\n2,bob\n3,cy\n"
    for sides, values in (((ours, theirs), (ABSENT, "text")), ((theirs, ours), ("text", ABSENT))):
        merged = merge(BASE, *sides)
        reason = "1 of its cells changed on the side that has it"
        assert merged.conflicts == (Conflict("column label", "text", *values, reason),)
        kept = "theirs" if sides[0] == ours else "ours"
        assert merge(BASE, *sides, always(kept)).content.read() == theirs
        assert b"label" not in merge(BASE, *sides, always("theirs" if kept == "ours" else "ours")).content.read()
        assert merge(BASE, *sides, always("base")).content.read() == (
            BASE + (b"4,dan,cat\n" if b"dan" in theirs else b"")
        )


def test_a_row_deleted_on_one_side_that_got_a_cell_in_a_new_column_is_a_conflict():
    theirs = b"id,name,label,split\n1,ann,cat,\n2,bob,dog,train\n3,cy,cat,\n"
    merged = merge(BASE, b"id,name,label\n3,cy,cat\n", theirs)
    assert [c.key for c in merged.conflicts] == ["id=2"]
    assert merged.content.read() == b"id,name,label,split\n3,cy,cat,\n"


# how files are written


@pytest.mark.parametrize("ours, theirs, expected", [
    (b"id,a\r\n1,x\r\n2,z\r\n", b"id,a\n1,y\n2,x\n", b"id,a\r\n1,y\r\n2,z\r\n"),
    (b"id,a\n1,y\n2,x\n", b"id,a\r\n1,x\r\n2,z\r\n", b"id,a\r\n1,y\r\n2,z\r\n"),
    (b"id,a\n1,y\n2,x", b"id,a\n1,x\n2,z\n", b"id,a\n1,y\n2,z"),
    (b"id,a\n1,y\n2,x\n", b"id,a\n1,x\n2,z", b"id,a\n1,y\n2,z"),
    (b"\xef\xbb\xbfid,a\n1,y\n2,x\n", b"id,a\n1,x\n2,z\n", b"\xef\xbb\xbfid,a\n1,y\n2,z\n"),
    (b"id,a\n1,y\n2,x\n", b"\xff\xfe" + "id,a\n1,x\n2,z\n".encode("utf-16-le"), b"\xff\xfe" + "id,a\n1,y\n2,z\n".encode("utf-16-le")),
    (b'"id","a"\n"1","x"\n"2","x"\n', b"id,a\n1,y\n2,x\n", b'"id","a"\n"1",y\n"2","x"\n'),
])
def test_how_a_file_is_written_is_merged_too(ours, theirs, expected):
    merged = merge(b"id,a\n1,x\n2,x\n", ours, theirs)
    assert merged.content.read() == expected
    assert merged.conflicts == ()


def test_a_cell_that_one_side_only_writes_differently_is_written_so():
    base = b"id,n,l\n1,x,a\n2,x,a\n"
    ours, theirs = base.replace(b"1,x,a", b"1,x,b"), base.replace(b"1,x,a", b'1,"x",a')
    for sides in ((ours, theirs), (theirs, ours)):
        assert merge(base, *sides).content.read() == b'id,n,l\n1,"x",b\n2,x,a\n'


def test_an_empty_last_row_keeps_its_line_end():
    merged = merge(b"id\n1\n2\n", b"id\n1\n2\n\n", b"id\n1\n2", key=("id",))
    assert merged.content.read() == b"id\n1\n2\n\n"


@pytest.mark.parametrize("base, ours, theirs, reason", [
    (BASE, BASE + b"4,x,y\n", BASE.replace(b",", b";") + b"5;x;y\n", "delimiter"),
    (BASE, b"\xef\xbb\xbf" + BASE, b"\xff\xfe" + BASE.decode().encode("utf-16-le"), "encoding"),
    (BASE, BASE + b"4,\xff,y\n", b"\xff\xfe" + BASE.decode().encode("utf-16-le"), "UTF-8"),
    (BASE, BASE + b"4,x,y\n", BASE + b"1,x,y\n", "not unique"),
    (BASE, BASE + b"4,x,y\n", b"nr" + BASE[2:], "no column 'id'"),
    (BASE, BASE + b"4,x,y\n", b"", "no column 'id'"),
    (BASE, BASE + b"4,x,y\n", BASE.replace(b"name", b"label"), "'label' twice"),
    (BASE, BASE + b"4,x,y\n", BASE + b"5,x\n", "2 cells where the first row has 3"),
    (BASE, BASE + b"4,x,y\n", BASE + b"5,x\"y,z\n", "quote"),
    (BASE, BASE + b"4,x,y\n", BASE + b'5,"x,z\n', "quote that is not closed"),
    (BASE, BASE + b"4,x,y\n", BASE + b"5,x,y\r\n", "line ends"),
    (BASE, BASE + b"4,x,y\n", BASE + b"5,x\ry,z\n", "carriage return"),
    (BASE, BASE + b"4,x,y\n", BASE + b"5,\0,z\n", "NUL"),
])
def test_what_cannot_be_read_or_agreed_on_is_refused(base, ours, theirs, reason):
    for sides in ((ours, theirs), (theirs, ours)):
        with pytest.raises(UnreadableContent) as caught:
            merge(base, *sides)
        assert reason in str(caught.value.fields["reason"])


def test_the_line_of_what_cannot_be_read_is_told():
    for theirs, line in ((BASE + b'4,"a\nb",c\n5,x\n', 7), (BASE + b"2,x,y\n", 5), (BASE + b"1,x,y\n1,x,z\n", 5)):
        with pytest.raises(UnreadableContent) as caught:
            merge(BASE, BASE + b"9,x,y\n", theirs)
        assert caught.value.fields["line"] == line


def test_equal_and_one_sided_changes_stand_though_they_cannot_be_read():
    broken = b'id,"\n\0'
    for sides in ((BASE, broken, broken), (broken, broken, BASE), (broken, BASE, broken), (None, broken, broken)):
        merged = merge(*sides)
        assert merged.content.read() == (BASE if sides[0] == broken else broken)


def test_too_many_conflicts_are_refused(monkeypatch):
    monkeypatch.setattr(table_settling, "MAX_CONFLICTS", 10)
    base = b"id,a\n" + b"".join(b"%d,x\n" % n for n in range(11))
    with pytest.raises(UnreadableContent, match="too many conflicts"):
        merge(base, base.replace(b"x", b"y"), base.replace(b"x", b"z"))
    assert len(merge(base, base.replace(b"x", b"y"), base.replace(b"x", b"z"), always("ours")).decisions) == 11


# keys


def test_keys_of_several_columns_and_odd_values_have_names_of_their_own():
    base = b'id,lang,t\n1,en,x\n"1,en",,x\n"a/b",e=n,x\n" ",q"",x\n'.replace(b'q""', b'"q"""')
    keys = [c.key for c in merge(base, base.replace(b",x", b",y"), base.replace(b",x", b",z"), key=("id", "lang")).conflicts]
    assert keys == ["id=1,lang=en/t", 'id="1,en",lang=""/t', 'id="a/b",lang="e=n"/t', 'id=" ",lang="q\\""/t']


def test_a_key_in_quotes_is_the_same_key():
    merged = merge(BASE, BASE.replace(b"1,ann", b'"1",ANN'), BASE.replace(b"ann,cat", b"ann,CAT"))
    assert merged.content.read() == BASE.replace(b"1,ann,cat", b'"1",ANN,CAT')


def test_cells_that_are_no_utf_8_stay_as_they_are():
    base = b"id,a,b\n1,\xff,x\n2,y,x\n"
    merged = merge(base, base.replace(b"\xff,x", b"\xfe,x"), base.replace(b"\xff,x", b"\xfd,z"))
    assert merged.conflicts == (Conflict("id=1/a", b"\xff", b"\xfe", b"\xfd"),)
    assert merged.content.read() == b"id,a,b\n1,\xfe,z\n2,y,x\n"


# JSONL


JSONL = b'{"id": 1, "a": 1.10, "b": [1, 2]}\n{"id":2,"a":"x"}\n'


def test_jsonl_is_merged_by_the_cells_of_its_objects():
    ours = JSONL.replace(b"1.10", b"1.25")
    theirs = JSONL.replace(b"[1, 2]", b"[1,2,3]").replace(b'"x"', b'"y","c":null')
    merged = merge(JSONL, ours, theirs, syntax="jsonl")
    assert merged.content.read() == b'{"id": 1, "a": 1.25, "b": [1,2,3]}\n{"id":2,"a":"y","c":null}\n'
    assert merged.conflicts == ()


def test_digits_of_numbers_that_no_float_tells_are_not_lost():
    base = b'{"id": 1, "a": 0.1, "b": 0.10000000000000000000001}\n'
    ours, theirs = base.replace(b"0.1,", b"0.10000000000000000000002,"), base.replace(b"1}", b"3}")
    merged = merge(base, ours, theirs, syntax="jsonl")
    assert merged.content.read() == b'{"id": 1, "a": 0.10000000000000000000002, "b": 0.10000000000000000000003}\n'


def test_a_cell_that_one_side_took_out_of_an_object_and_the_other_changed_is_a_conflict():
    gone, changed = JSONL.replace(b', "b": [1, 2]', b""), JSONL.replace(b"[1, 2]", b"[3]")
    merged = merge(JSONL, gone, changed, syntax="jsonl")
    assert merged.conflicts == (Conflict("id=1/b", [1, 2], ABSENT, [3]),)
    assert merge(JSONL, gone, changed, always("theirs"), syntax="jsonl").content.read() == changed
    assert merge(JSONL, changed, gone, always("theirs"), syntax="jsonl").content.read() == gone


@pytest.mark.parametrize("value, cell", [
    ("fox", b'"fox"'), ("17", b"17"), ('"17"', b'"17"'), (17, b"17"), (None, b"null"), ({"k": [1]}, b'{"k": [1]}'), ("é", b'"\\u00e9"'),
])
def test_a_set_cell_of_jsonl_is_json_if_it_reads_as_such_else_a_string(value, cell):
    ours, theirs = JSONL.replace(b'"x"', b'"y"'), JSONL.replace(b'"x"', b'"z"')
    merged = merge(JSONL, ours, theirs, always("set", value), syntax="jsonl")
    assert merged.content.read() == JSONL.replace(b'"x"', cell)


@pytest.mark.parametrize("value", ["\ud800", "[\n1]", "[" * 101 + "]" * 101, object(), b"x", "\0"[:0] + '"\\ud800"'])
def test_what_no_cell_of_jsonl_can_hold_leaves_the_conflict(value):
    ours, theirs = JSONL.replace(b'"x"', b'"y"'), JSONL.replace(b'"x"', b'"z"')
    assert merge(JSONL, ours, theirs, always("set", value), syntax="jsonl").conflicts


def test_keys_of_jsonl_tell_strings_from_numbers():
    base = b'{"id": 1, "a": 1}\n{"id": "1", "a": 1}\n{"id": "x", "a": 1}\n{"id": true, "a": 1}\n'
    merged = merge(base, base.replace(b'"a": 1', b'"a": 2'), base.replace(b'"a": 1', b'"a": 3'), syntax="jsonl")
    assert [c.key for c in merged.conflicts] == ["id=1/a", 'id="1"/a', "id=x/a", "id=true/a"]


@pytest.mark.parametrize("line, reason", [
    (b"[1]", "no object"), (b"", "character 1"), (b'{"id": 3, "id": 4}', "key twice: 'id'"), (b'{"id": 3', "character 9"),
    (b'{"a": 3}', "no column 'id'"), (b'{"id": null}', "is a null"), (b'{"id": [3]}', "is a list"), (b"\xff", "not UTF-8"),
    (b'{"id": 3, "a": ' + b"[" * 200 + b"]" * 200 + b"}", "levels deep"), (b'{"id": 3, "a": ' + b"[" * 100_000, "levels deep"),
    (b'{"id": 3, "a": "\\ud800"}', "surrogate"), (b'{"id": ' + b"9" * 5000 + b"}", "digits"), (b'{"id": 2}', "not unique"),
])
def test_lines_that_are_no_rows_of_jsonl_are_refused(line, reason):
    with pytest.raises(UnreadableContent) as caught:
        merge(JSONL, JSONL + b'{"id": 7}\n', JSONL + line + b"\n", syntax="jsonl")
    assert reason in str(caught.value.fields["reason"])
    assert caught.value.fields["line"] == 3


# without a key


def test_appended_rows_are_one_conflict_that_append_and_union_settle():
    ours, theirs = BASE + b"4,dan,x\n", BASE + b"5,eve,x\n6,fay,x\n"
    merged = merge(BASE, ours, theirs, key=())
    reason = "no key is declared; ours appended 1 row, theirs 2 rows"
    assert merged.conflicts == (Conflict(None, "3 rows", "4 rows", "5 rows", reason),)
    assert merged.content.read() == ours
    for strategy, expected in (("append", ours + b"5,eve,x\n6,fay,x\n"), ("union", ours + b"5,eve,x\n6,fay,x\n"),
                               ("ours", ours), ("theirs", theirs), ("base", BASE)):
        merged = merge(BASE, ours, theirs, always(strategy), key=())
        assert merged.content.read() == expected
        assert merged.decisions == (Decision(None, strategy),)
    assert merge(BASE, ours, theirs, always("newest"), key=()).conflicts


def test_anything_else_without_a_key_is_a_conflict_of_the_file():
    ours, theirs = BASE.replace(b"1,ann", b"1,ANN"), BASE + b"4,dan,x\n"
    for base in (BASE, None):
        for strategy in ("append", "union"):
            merged = merge(base, ours, theirs, always(strategy), key=())
            assert [c.key for c in merged.conflicts] == [None]
            assert merged.content.read() == ours
    assert merge(BASE, ours, theirs, always("theirs"), key=()).content.read() == theirs
    assert merge(None, ours, theirs, always("base"), key=()).conflicts


def test_rows_appended_with_other_line_ends_are_a_conflict_of_the_file():
    merged = merge(b"a,b", b"a,b\n1,2\n", b"a,b\r\n3,4\r\n", always("append"), key=())
    assert [c.key for c in merged.conflicts] == [None]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_rows_are_appended_to_a_base_that_does_not_end_its_last_line(end):
    base = b"a,b" + end + b"1,2"
    ours, theirs = base + end + b"3,4", base + end + b"5,6" + end
    merged = merge(base, ours, theirs, always("append"), key=())
    assert merged.content.read() == base + end + b"3,4" + end + b"5,6" + end
    assert merge(base, base + end, ours, key=()).content.read() == ours
    assert merge(base, base + b"3", theirs, always("append"), key=()).conflicts


def test_parquet_is_merged_whole():
    with pytest.raises(UnreadableContent, match="a Parquet file is merged whole"):
        merge(b"PAR1", b"PAR1x", b"PAR1y", syntax="parquet")
    assert merge(b"PAR1", b"PAR1x", b"PAR1", syntax="parquet").content.read() == b"PAR1x"
