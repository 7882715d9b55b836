"""Memory does not grow with a table."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[3]
BASELINE, ROOM = 30_000, 60_000
"""kB of anonymous memory that Python with these modules may take, and that the work may take on top of it."""

RUN = """
import os, sys, threading
from mvcs.diff.table import diff_table
from mvcs.merge.table import merge_table
from mvcs.merge.values import leave

class File:
    def __init__(self, name):
        self.path = os.path.join(sys.argv[1], name)
        self.size = os.path.getsize(self.path)
    def pieces(self):
        with open(self.path, "rb") as file:
            while piece := file.read(1 << 20):
                yield piece

def anonymous():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon"))

start, peak, over = anonymous(), 0, threading.Event()

def watch():
    global peak
    while not over.wait(0.003):
        peak = max(peak, anonymous())

thread = threading.Thread(target=watch)
thread.start()
try:
    syntax, work, key = sys.argv[2], sys.argv[3], tuple(sys.argv[4:])
    base, ours, theirs = (File(name) for name in ("base", "ours", "theirs"))
    if work == "diff":
        found = diff_table(syntax, base, ours, key)
        result = len(found.keys) + found.more
    else:
        found = merge_table(syntax, base, ours, theirs, leave, key=key)
        assert found.content.size > 15_000_000
        result = len(found.conflicts)
finally:
    over.set()
    thread.join()
print(start, peak, result)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three tables of 20 MB with changes all over them; the sides also have 100,000 rows of their own at the end."""
    made = tmp_path_factory.mktemp("tables")
    for name, step in (("base", 0), ("ours", 7), ("theirs", 11)):
        with open(made / name, "w") as file:
            file.write("id,name,label,note\n")
            for number in range(400_000):
                changed = step and number % step == 0
                file.write(f"{number},name {number},{'other' if changed else 'label'},a note of no use {number * 7 % 1000}\n")
            for number in range(100_000 if step else 0):
                file.write(f"{name}{number},new,label,a note of no use {number}\n")
    return made


@pytest.fixture
def odd(tmp_path):
    """Returns a function that writes three tables of rows."""

    def write(rows_of):
        for name in ("base", "ours", "theirs"):
            with open(tmp_path / name, "w") as file:
                file.writelines(rows_of(name))
        return tmp_path

    return write


def anonymous(folder, syntax, work, *key):
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(folder), syntax, work, *key], cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    start, peak, result = map(int, done.stdout.split())
    return start, peak, result


@pytest.mark.slow
@pytest.mark.parametrize("work, key, expected", [
    ("diff", ("id",), 400_000 // 7 + 1 + 100_000), ("diff", (), 1 + 2 * (400_000 // 7 + 1) + 100_000), ("merge", ("id",), 0), ("merge", (), 1),
])
def test_tables_are_compared_and_merged_in_bounded_memory(folder, work, key, expected):
    start, peak, result = anonymous(folder, "csv", work, *key)
    assert result == expected
    assert 5_000 < start < BASELINE
    assert peak < start + ROOM


@pytest.mark.slow
def test_a_table_of_few_rows_many_times_is_compared_in_bounded_memory(odd):
    def rows(name):
        yield "a,b\n"
        for number in range(3_000_000):
            yield "x,1\n" if number % 3 else "y,2\n" if name == "base" else "z,3\n"

    start, peak, result = anonymous(odd(rows), "csv", "diff")
    assert result == 2_000_001
    assert peak < start + 2 * ROOM


@pytest.mark.slow
def test_a_key_of_few_values_is_refused_in_bounded_memory(odd):
    def rows(name):
        yield "a,b\n"
        for number in range(1_000_000):
            yield f"{number % 3},{name} {number}\n"

    with pytest.raises(AssertionError, match="the key a is not unique"):
        anonymous(odd(rows), "csv", "merge", "a")


@pytest.mark.slow
def test_a_wide_column_added_to_narrow_rows_is_merged_in_bounded_memory(odd):
    def rows(name):
        yield "id,a,text\n" if name == "theirs" else "id,a\n"
        for number in range(30_000):
            yield f"{number},{name if name == 'ours' and number % 7 == 0 else 'x'}" + (f",{'text' * 900}\n" if name == "theirs" else "\n")

    start, peak, result = anonymous(odd(rows), "csv", "merge", "id")
    assert result == 0
    assert peak < start + ROOM


@pytest.mark.slow
def test_a_hundred_thousand_conflicts_are_held_in_bounded_memory(odd):
    def rows(name):
        yield "id,text,label\n"
        for number in range(200_000):
            yield f"{number},{'some text of this row ' * 3}{number},{name if number % 2 else 'x'}\n"

    start, peak, result = anonymous(odd(rows), "csv", "merge", "id")
    assert result == 100_000
    assert peak < start + 2 * ROOM
