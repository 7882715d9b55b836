"""Time and memory of tables: three versions of a CSV file of 100 MB are compared and merged.

    python benchmarks/tables.py [CASE...]        scattered column reversed quoted jsonl

Each case is a base, ours and theirs of about 100 MB each, made in the run; each work is a process of its own, whose
wall seconds, CPU seconds and peak of anonymous memory are told. Without arguments it writes
benchmarks/results/tables.json.
"""

import json
import os
import pathlib
import resource
import sys
import tempfile
from collections.abc import Iterator

from measure import machine, with_memory

HERE = pathlib.Path(__file__).parent
BUDGET_S, BUDGET_MB = 30, 150
ROWS = {"scattered": 2_000_000, "column": 2_000_000, "reversed": 2_000_000, "quoted": 1_400_000, "jsonl": 1_000_000}
Row = list[str]


def base_rows(count: int) -> Iterator[Row]:
    for number in range(count):
        scrambled = number * 2654435761 % 4294967296
        yield [
            str(number), f"user{scrambled % 1_000_000}", f"{scrambled / 4294967296:.6f}", "abcdefgh"[scrambled % 8] * 8,
            f"2024-{number % 12 + 1:02d}-{number % 28 + 1:02d}",
        ]


def side_rows(count: int, side: str) -> Iterator[Row]:
    """One cell in 100 changed by ours, another in 150 by theirs, fifty by both; rows come and go."""
    for row in base_rows(count):
        number = int(row[0])
        if number % 1000 == (7 if side == "ours" else 13):
            continue
        if side == "ours" and number % 100 == 0:
            row[2] = "9.5"
        if side == "theirs" and number % 150 == 0:
            row[3] = "zzz"
        if side == "theirs" and number % 300 == 0 and number < 15_000:
            row[2] = "7.5"
        yield row
    for number in range(1000):
        yield [f"{side}{number}", "new", "0.5", "x", "2025-01-01"]


def write(path: str, rows: Iterator[Row], case: str, side: str) -> None:
    names = ["id", "name", "score", "label", "day"]
    extra = case == "column" and side == "theirs"
    with open(path, "w", newline="") as file:
        if case != "jsonl":
            file.write(",".join(names + ["split"] * extra) + "\n")
        for row in [*rows][::-1] if case == "reversed" and side == "theirs" else rows:
            if case == "jsonl":
                file.write(json.dumps(dict(zip(names, row, strict=True))) + "\n")
            elif case == "quoted":
                file.write(f'{row[0]},"{row[1]}, ""{row[3]}""\n2nd line",{row[2]},"{row[3]}","{row[4]}"\n')
            else:
                file.write(",".join(row + ["train"] * extra) + "\n")


class File:
    """Content of a file on the disk."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.size = os.path.getsize(path)

    def read(self) -> bytes:
        return pathlib.Path(self.path).read_bytes()

    def pieces(self) -> Iterator[bytes]:
        with open(self.path, "rb") as file:
            while piece := file.read(1 << 20):
                yield piece


def work(name: str, folder: str, syntax: str) -> None:
    """What the measured process does."""
    from mvcs.diff.table import diff_table
    from mvcs.merge.table import merge_table
    from mvcs.merge.values import leave

    base, ours, theirs = (File(os.path.join(folder, side)) for side in ("base", "ours", "theirs"))
    if name == "diff by key":
        assert diff_table(syntax, base, theirs, ("id",)).keys
    elif name == "diff without key":
        assert diff_table(syntax, base, theirs).keys
    else:
        merged = merge_table(syntax, base, ours, theirs, leave, key=("id",))
        assert len(merged.conflicts) >= 50
        assert sum(map(len, merged.content.pieces())) == merged.content.size


def measure(case: str, folder: str) -> list[dict[str, object]]:
    count = ROWS[case]
    write(os.path.join(folder, "base"), base_rows(count), case, "base")
    for side in ("ours", "theirs"):
        write(os.path.join(folder, side), side_rows(count, side), case, side)
    size = os.path.getsize(os.path.join(folder, "base")) / 1e6
    rows: list[dict[str, object]] = []
    for name in ("diff by key", "diff without key", "merge by key"):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        syntax = "jsonl" if case == "jsonl" else "csv"
        wall, peak = with_memory([sys.executable, __file__, "--work", name, folder, syntax], folder)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        rows.append({
            "what": f"{name}, {case}", "rows": count, "mb": round(size, 1), "wall_s": round(wall, 1),
            "cpu_s": round(cpu, 1), "peak_mb": round(peak, 1), "budget_s": BUDGET_S, "budget_mb": BUDGET_MB,
        })
        verdict = "met" if wall <= BUDGET_S and peak <= BUDGET_MB else "MISSED"
        print(f"{name + ', ' + case:<30} {size:6.1f} MB {count:>9} rows {wall:7.1f} s wall {cpu:7.1f} s CPU "
              f"{peak:7.1f} MB  {verdict}", flush=True)
    return rows


def main() -> None:
    if sys.argv[1:2] == ["--work"]:
        work(*sys.argv[2:5])
        return
    on = machine()
    rows = []
    for case in sys.argv[1:] or ROWS:
        with tempfile.TemporaryDirectory(prefix="mvcs-bench-") as folder:
            rows += measure(case, folder)
    if len(sys.argv) == 1:
        path = HERE / "results" / "tables.json"
        path.write_text(json.dumps({"machine": on, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
