"""Laws of merging tables, against a model on plain dictionaries."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvcs.errors import UnreadableContent
from mvcs.formats.content import Bytes
from mvcs.formats.tables import blocks, join, spool
from mvcs.merge import table_rows
from mvcs.merge.table import merge_table
from mvcs.merge.values import Choice, leave

COLUMNS = ("id", "a", "b", "c")
text = st.text(st.sampled_from('xyz ,;\t"\n\ré'), max_size=4)
rows = st.dictionaries(st.integers(1, 12), st.tuples(text, text, text), max_size=8)
edits = st.lists(
    st.one_of(
        st.tuples(st.just("cell"), st.integers(1, 12), st.integers(0, 2), text),
        st.tuples(st.just("delete"), st.integers(1, 12)),
        st.tuples(st.just("add"), st.integers(1, 20), text, text, text),
        st.tuples(st.just("move"), st.integers(1, 12)),
    ), max_size=6,
)


@pytest.fixture(autouse=True, scope="module", params=["small blocks", "as it is"])
def many_blocks(request):
    """Runs everything with blocks and partitions of a few bytes too, so that small tables cross their borders."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "small blocks":
            patch.setattr(blocks, "BLOCK", 64)
            patch.setattr(join, "PARTITION", 24)
            patch.setattr(spool, "HELD", 300)
            patch.setattr(spool, "PIECE", 20)
            patch.setattr(spool, "LARGE", 100)
            patch.setattr(table_rows, "PIECE", 20)
        yield


def edited(table, changes):
    table = dict(table)
    for change in changes:
        match change:
            case "cell", number, column, value if number in table:
                row = list(table[number])
                row[column] = value
                table[number] = tuple(row)
            case "delete", number:
                table.pop(number, None)
            case "add", number, *cells if number not in table:
                table[number] = tuple(cells)
            case "move", number if number in table:
                table[number] = table.pop(number)
    return table


class Dialect:
    def __init__(self, delimiter=",", end="\n", codec="utf-8", quote_all=False, closed=True):
        self.delimiter, self.end, self.codec, self.quote_all, self.closed = delimiter, end, codec, quote_all, closed

    def __repr__(self):
        return repr(vars(self))

    def write(self, table, columns=COLUMNS):
        lines = [columns, *((str(number), *cells) for number, cells in table.items())]
        made = "".join(self.delimiter.join(map(self.cell, line)) + self.end for line in lines)
        return Bytes((made if self.closed else made.removesuffix(self.end)).encode(self.codec))

    def cell(self, text):
        special = self.quote_all or any(mark in text for mark in (self.delimiter, '"', "\r", "\n"))
        return '"' + text.replace('"', '""') + '"' if special else text

    def read(self, content):
        read = csv.reader(io.StringIO(content.read().decode(self.codec), newline=""), delimiter=self.delimiter, strict=True)
        header, *found = read
        assert tuple(header) == COLUMNS
        assert len({row[0] for row in found}) == len(found)
        return {int(row[0]): tuple(row[1:]) for row in found}


class Lines:
    """JSONL of the same tables."""

    def write(self, table, columns=COLUMNS):
        return Bytes("".join(json.dumps(dict(zip(columns, (n, *cells), strict=True)), ensure_ascii=n % 2 == 0) + "\n"
                             for n, cells in table.items()).encode())

    def read(self, content):
        found = [json.loads(line) for line in content.read().decode().split("\n")[:-1]]
        assert len({row["id"] for row in found}) == len(found)
        return {row["id"]: (row["a"], row["b"], row["c"]) for row in found}


dialects = st.builds(Dialect, st.sampled_from(",;\t"), st.sampled_from(["\n", "\r\n"]),
                     st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]), st.booleans(), st.booleans())
forms = st.one_of(dialects, st.builds(Lines))


def syntax_of(form):
    return "jsonl" if isinstance(form, Lines) else "csv"


def model(base, ours, theirs, prefer):
    """Returns (result, conflict keys) by rows and cells, with conflicts settled as preferred."""
    result, conflicts = {}, set()
    for number in {*base, *ours, *theirs}:
        b, o, t = base.get(number), ours.get(number), theirs.get(number)
        if o == t or t == b:
            made = o
        elif o == b:
            made = t
        elif b is None or o is None or t is None:
            conflicts.add(f"id={number}")
            made = {"ours": o, "theirs": t, "base": b}[prefer]
        else:
            cells = []
            for name, bc, oc, tc in zip(COLUMNS[1:], b, o, t, strict=True):
                if oc == tc or tc == bc:
                    cells.append(oc)
                elif oc == bc:
                    cells.append(tc)
                else:
                    conflicts.add(f"id={number}/{name}")
                    cells.append({"ours": oc, "theirs": tc, "base": bc}[prefer])
            made = tuple(cells)
        if made is not None:
            result[number] = made
    return result, conflicts


@given(rows, edits, edits, forms, st.sampled_from([None, "ours", "theirs", "base"]))
@settings(max_examples=150)
def test_a_merge_by_key_is_that_of_the_model(base, first, second, form, strategy):
    ours, theirs = edited(base, first), edited(base, second)
    contents = [form.write(table) for table in (base, ours, theirs)]
    choose = leave if strategy is None else lambda conflict: Choice(strategy)
    merged = merge_table(syntax_of(form), *contents, choose, key=("id",))
    expected, conflicts = model(base, ours, theirs, strategy or "ours")
    found = form.read(merged.content)
    if ours != theirs:  # the same rows in another order are ours as they are
        assert found == expected
    left = merged.conflicts if strategy is None else merged.decisions
    assert {item.key for item in left} == conflicts
    assert len(left) == len(conflicts)
    assert not (merged.decisions if strategy is None else merged.conflicts)
    if len({content.read() for content in contents}) == 3 and strategy in {None, "ours"}:  # others take rows of ours away
        assert [number for number in found if number in ours] == [number for number in ours if number in found]
        new = [number for number in theirs if number in found and number not in ours]
        order = list(found)
        for at, number in enumerate(theirs):
            if number in new:
                before = [n for n in list(theirs)[:at] if n in ours]
                after = order[order.index(before[-1]) + 1 :] if before else order[max([-1, *map(order.index, kept(order, ours))]) + 1 :]
                assert number in after[: len(new)]


def kept(order, ours):
    return [number for number in order if number in ours]


@given(rows, edits, forms)
def test_one_changed_side_is_taken_byte_for_byte(base, changes, form):
    b, x = form.write(base), form.write(edited(base, changes))
    for sides in ((b, x, x), (b, b, x), (b, x, b), (None, x, x)):
        for key in (("id",), ()):
            merged = merge_table(syntax_of(form), *sides, leave, key=key)
            assert merged.content.read() == x.read()
            assert merged.conflicts == merged.decisions == ()


@given(rows, edits, edits, forms)
def test_conflicts_swap_with_the_sides(base, first, second, form):
    b, o, t = (form.write(table) for table in (base, edited(base, first), edited(base, second)))
    for key in (("id",), ()):
        one = merge_table(syntax_of(form), b, o, t, leave, key=key).conflicts
        two = merge_table(syntax_of(form), b, t, o, leave, key=key).conflicts
        assert {(c.key, repr(c.base), repr(c.ours), repr(c.theirs)) for c in one} == {
            (c.key, repr(c.base), repr(c.theirs), repr(c.ours)) for c in two
        }


@given(rows, edits, edits, dialects)
def test_rows_that_nobody_touched_keep_their_bytes(base, first, second, form):
    form.codec = "utf-8"
    ours, theirs = edited(base, first), edited(base, second)
    contents = [form.write(table) for table in (base, ours, theirs)]
    merged = merge_table("csv", *contents, leave, key=("id",)).content.read()
    for number in base:
        if base[number] == ours.get(number) == theirs.get(number):
            row = form.write({number: base[number]}).read().split(form.end.encode(), 1)[1]
            assert row.removesuffix(form.end.encode()) in merged


@given(rows, edits, edits, dialects, dialects)
def test_a_change_of_how_a_file_is_written_is_merged_with_changes_of_rows(base, first, second, one, other):
    other.delimiter = one.delimiter
    ours, theirs = edited(base, first), edited(base, second)
    contents = [one.write(base), one.write(ours), other.write(theirs)]
    expected, conflicts = model(base, ours, theirs, "ours")
    for swapped in (False, True):
        sides = contents[1:] if not swapped else contents[:0:-1]
        merged = merge_table("csv", contents[0], *sides, leave, key=("id",))
        read = Dialect(other.delimiter, codec=other.codec).read(merged.content)
        assert {c.key for c in merged.conflicts} == conflicts
        if not conflicts and ours != theirs:
            assert read == expected


@given(rows, edits, edits, st.data())
def test_a_merge_run_again_with_decisions_settles_those_alone(base, first, second, data):
    form = Dialect()
    contents = [form.write(table) for table in (base, edited(base, first), edited(base, second))]
    left = merge_table("csv", *contents, leave, key=("id",)).conflicts
    chosen = {c.key: data.draw(st.sampled_from(["ours", "theirs", "base"])) for c in left if data.draw(st.booleans())}
    again = merge_table(
        "csv", *contents, lambda c: Choice(chosen[c.key]) if c.key in chosen else None, key=("id",)
    )
    assert [c.key for c in again.conflicts] == [c.key for c in left if c.key not in chosen]
    assert {d.key: d.strategy for d in again.decisions} == chosen


@given(rows, st.lists(st.tuples(text, text, text), max_size=4), st.lists(st.tuples(text, text, text), max_size=4), forms,
       st.sampled_from(["append", "union"]))
def test_appended_rows_follow_each_other(base, first, second, form, strategy):
    ours = base | {100 + number: row for number, row in enumerate(first)}
    theirs = base | {200 + number: row for number, row in enumerate(second)}
    contents = [form.write(table) for table in (base, ours, theirs)]
    merged = merge_table(syntax_of(form), *contents, lambda conflict: Choice(strategy))
    assert form.read(merged.content) == base | ours | theirs
    assert list(form.read(merged.content)) == [*ours, *(number for number in theirs if number >= 200)]
    left = merge_table(syntax_of(form), *contents, leave)
    assert [c.key for c in left.conflicts] == ([None] if first and second else [])


@given(rows, edits, edits, st.booleans(), st.booleans(), st.sets(st.integers(1, 20)), st.sampled_from(["csv", "jsonl"]))
def test_columns_added_by_either_side_are_there_with_its_cells(base, first, second, ours_adds, theirs_adds, filled, syntax):
    """A row that one side deleted is a conflict if the other filled a cell of its new column there."""
    sides, contents = [], []
    for number, (changes, adds) in enumerate(((first, ours_adds), (second, theirs_adds))):
        table = edited(base, [change for change in changes if change[0] != "add"])
        name = f"n{number}"
        sides.append({n: {"id": str(n), **dict(zip("abc", cells, strict=True)),
                          **({name: f"new {n}" if n in filled else ""} if adds else {})} for n, cells in table.items()})
        contents.append(written(sides[-1].values(), [*COLUMNS, *([name] if adds else [])], syntax))
    before = {n: {"id": str(n), **dict(zip("abc", cells, strict=True))} for n, cells in base.items()}
    merged = merge_table(syntax, written(before.values(), COLUMNS, syntax), *contents, leave, key=("id",))
    found = {int(row["id"]): row for row in parsed(merged.content.read(), syntax)}
    clashing = {int(c.key.removeprefix("id=").split("/")[0].strip('"')) for c in merged.conflicts}
    ours, theirs = sides
    for number in base:
        if number in clashing:
            continue
        if number in ours and number in theirs:
            for name in ("n0", "n1"):
                side = ours if name == "n0" else theirs
                assert found[number].get(name) == side[number].get(name)
        else:
            assert number not in found
            kept = ours.get(number) or theirs.get(number) or {}
            assert not kept.get("n0") and not kept.get("n1")
    assert {row.get("id") for row in found.values()} >= {str(n) for n in base if n in ours and n in theirs}


def written(table, columns, syntax):
    if syntax == "jsonl":
        return Bytes("".join(json.dumps(row) + "\n" for row in table).encode())
    form = Dialect()
    lines = [list(columns), *([row[name] for name in columns] for row in table)]
    return Bytes("".join(",".join(map(form.cell, line)) + "\n" for line in lines).encode())


def parsed(raw, syntax):
    if syntax == "jsonl":
        return [json.loads(line) for line in raw.decode().split("\n")[:-1]]
    return list(csv.DictReader(io.StringIO(raw.decode(), newline=""), strict=True))


@given(st.binary(max_size=200), st.binary(max_size=200), st.binary(max_size=200), st.sampled_from(["csv", "tsv", "jsonl"]),
       st.sampled_from([(), ("id",), ("id", "a")]))
@settings(max_examples=300)
def test_any_bytes_are_merged_or_refused(base, ours, theirs, syntax, key):
    for prefix in (b"", b"id,a\n1,2\n", b'{"id": 1}\n', b"\xff\xfei\0d\0\n\0"):
        contents = [Bytes(prefix + side) for side in (base, ours, theirs)]
        try:
            merged = merge_table(syntax, *contents, leave, key=key)
        except UnreadableContent as error:
            assert error.fields["reason"]
        else:
            assert merged.conflicts or merged.content.size or b"" in {base, ours, theirs}
