"""Laws of the differences of tables, against a model on plain dictionaries."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvcs.diff.table import diff_table
from mvcs.errors import UnreadableContent
from mvcs.formats.content import Bytes
from mvcs.formats.tables import blocks, join, spool
from mvcs.formats.values import ABSENT

text = st.text(st.sampled_from('xyz ,;\t"\n\ré'), max_size=4)
rows = st.dictionaries(st.integers(1, 12), st.tuples(text, text), max_size=10)


@pytest.fixture(autouse=True, scope="module", params=["small blocks", "as it is"])
def many_blocks(request):
    """Runs everything with blocks and partitions of a few bytes too, so that small tables cross their borders."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "small blocks":
            patch.setattr(blocks, "BLOCK", 32)
            patch.setattr(join, "PARTITION", 24)
            patch.setattr(spool, "HELD", 300)
            patch.setattr(spool, "PIECE", 20)
            patch.setattr(spool, "LARGE", 100)
        yield


def cell(text):
    return '"' + text.replace('"', '""') + '"' if any(mark in text for mark in ',"\r\n') else text


def written(table, codec="utf-8"):
    lines = [("id", "a", "b"), *((str(number), *cells) for number, cells in table)]
    return Bytes("".join(",".join(map(cell, line)) + "\n" for line in lines).encode(codec))


@given(rows, rows, st.permutations(range(1, 13)), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_keys_are_the_cells_and_rows_that_differ(before, after, order, codec):
    order = [number for number in order if number in after]
    found = diff_table("csv", written(before.items()), written([(n, after[n]) for n in order], codec), ("id",))
    expected = []
    for number in order:
        if number not in before:
            expected.append((f"row id={number}", ABSENT, {"id": str(number), "a": after[number][0], "b": after[number][1]}))
            continue
        expected += [(f"id={number}/{name}", was, now)
                     for name, was, now in zip("ab", before[number], after[number], strict=True) if was != now]
    expected += [(f"row id={number}", {"id": str(number), "a": before[number][0], "b": before[number][1]}, ABSENT)
                 for number in before if number not in after]
    assert [(c.key, c.before, c.after) for c in found.keys] == expected
    assert found.more == 0
    if before == after and order != list(before):
        assert found.reason == "the same rows in another order"


@given(st.lists(st.tuples(st.integers(1, 3), st.tuples(text, text)), max_size=8), st.data())
def test_without_a_key_the_rows_told_turn_one_multiset_into_the_other(before, data):
    after = data.draw(st.permutations(before))[: data.draw(st.integers(0, 8))] + data.draw(
        st.lists(st.tuples(st.integers(1, 3), st.tuples(text, text)), max_size=3)
    )
    found = diff_table("csv", written(before), written(after), ())

    def told(sign, side):
        return Counter(tuple(getattr(c, side).values()) for c in found.keys if c.key.startswith(f"row {sign}"))

    first, second = (Counter((str(n), *cells) for n, cells in table) for table in (before, after))
    assert told("-", "before") == first - second
    assert told("+", "after") == second - first
    if first == second:
        assert found.reason == ("" if before == after else "the same rows in another order")
    else:
        assert found.keys[0].note == f"{(second - first).total()} added, {(first - second).total()} deleted"


@given(rows, st.sampled_from([(), ("id",)]))
def test_nothing_differs_from_itself(table, key):
    assert not diff_table("csv", written(table.items()), written(table.items()), key).keys


@given(st.binary(max_size=200), st.binary(max_size=200), st.sampled_from(["csv", "tsv", "jsonl", "parquet"]),
       st.sampled_from([(), ("id",), ("id", "a")]))
def test_any_bytes_are_told_apart_or_refused(before, after, syntax, key):
    for prefix in (b"", b"id,a\n1,2\n", b'{"id": 1}\n', b"\xff\xfei\0d\0\n\0", b"PAR1"):
        try:
            found = diff_table(syntax, Bytes(prefix + before), Bytes(prefix + after), key)
        except UnreadableContent as error:
            assert error.fields["reason"]
        else:
            assert before == after or found.keys or found.reason
