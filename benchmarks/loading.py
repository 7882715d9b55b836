"""Loading by tensor: first and second load of a 64 MiB tensor, a small one of its file, memory of eight processes.

    python benchmarks/loading.py [NAME...]        tensor memory

A tensor of bf16 (normal, 0.03) stands beside a small one in a safetensors file. In each round decode, first load,
second load and reading the file take turns; a ratio is taken inside one round, and the median of the rounds counts.
"Decode" is all chunks read and verified by one thread, nothing kept or written. The pages of the file that is read are
warm. Memory is the sum of what /proc/PID/smaps_rollup says of eight processes (Pss), without what they had before they
loaded; they begin at once, with nothing mapped yet. Without names it writes benchmarks/results/loading.json.
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import ml_dtypes
import numpy as np
from measure import machine

import mvcs

HERE = pathlib.Path(__file__).parent
ROUNDS = 15
WORKERS = 8
FILE = "model.safetensors"
LARGE, SMALL = 64 << 20, 1000


def make_model(folder: str, tensors: dict[str, int]) -> mvcs.Repo:
    """Commits a model whose tensors have so many bytes; returns its repository."""
    header, data, at = {}, [], 0
    for seed, (name, size) in enumerate(tensors.items()):
        values = np.random.default_rng(seed).standard_normal(size // 2, "f4") * np.float32(0.03)
        data.append(values.astype(ml_dtypes.bfloat16).tobytes())
        header[name] = {"dtype": "BF16", "shape": [size // 2], "data_offsets": [at, at + size]}
        at += size
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 64 + 56)  # tensors at a multiple of 64
    pathlib.Path(folder, FILE).write_bytes(len(head).to_bytes(8, "little") + head + b"".join(data))
    repo, _ = mvcs.init(folder, model="m", yes=True)
    repo.commit("one")
    return repo


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def tensor(folder: str) -> list[dict[str, object]]:
    repo = make_model(folder, {"large": LARGE, "small": SMALL})
    content = pathlib.Path(folder, FILE).read_bytes()
    mapped = repo["main"].weights.path(FILE)

    def decode() -> None:
        with repo["main"].files.open(FILE) as file:
            while file.raw.read(1 << 20):
                pass

    def read() -> None:
        pathlib.Path(folder, FILE).read_bytes()

    rounds: dict[str, list[float]] = {}
    for number in range(ROUNDS + 1):
        os.unlink(mapped)
        commit = repo["main"]
        took = {
            "decode": seconds(decode), "small": seconds(lambda at=commit: at.weights["small"]),
            "first": seconds(lambda at=commit: at.weights["large"]),
            "second": seconds(lambda at=commit: at.weights["large"]),
            "anew": seconds(lambda: repo["main"].weights["large"]),
            "module": seconds(lambda: mvcs.load_tensors("main", ["large"], repo=folder)), "read": seconds(read),
        }
        assert commit.weights["large"].tobytes() == content[-LARGE - SMALL : -SMALL]
        for name, each in took.items():
            if number:  # the first round warms
                rounds.setdefault(name, []).append(each)
    raw = {name: round(statistics.median(each) * 1000, 3) for name, each in rounds.items()}

    def ratio(above: str, below: str) -> float:
        pairs = zip(rounds[above], rounds[below], strict=True)
        return round(statistics.median(first / second for first, second in pairs), 3)

    rows = [
        ("first load of a 64 MiB tensor / its decode", "first", "decode", 1.5),
        ("second load / reading the file", "second", "read", 0.02),
        ("second load, revision looked up anew / reading the file", "anew", "read", None),
        ("second load by mvcs.load_tensors / reading the file", "module", "read", None),
        ("small tensor of an unmapped file / decode of the file", "small", "decode", None),
    ]
    return [{"what": what, "value": ratio(*pair), "budget": budget, "raw": raw} for what, *pair, budget in rows]


def worker(folder: str) -> None:
    """Loads a model and reads all of it; one step per line."""
    repo = mvcs.open(folder)
    repo["main"].files.entries()
    print(pss(), flush=True)
    sys.stdin.readline()
    found = repo["main"].weights.load()
    total = sum(int(array.view("u1")[::512].max()) for array in found.values())
    print(total > 0, flush=True)
    sys.stdin.readline()
    print(pss(), flush=True)
    sys.stdin.readline()


def pss() -> int:
    with open("/proc/self/smaps_rollup") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith("Pss:"))


def memory(folder: str) -> list[dict[str, object]]:
    size = 4 * LARGE
    make_model(folder, {f"layer.{index}": LARGE for index in range(4)}).close()
    command = [sys.executable, __file__, "worker", folder]
    children = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(WORKERS)
    ]

    def step() -> list[str]:
        answers = []
        for child in children:
            assert child.stdout is not None
            answers.append(child.stdout.readline().strip())
        for child in children:
            assert child.stdin is not None
            child.stdin.write("\n")
            child.stdin.flush()
        return answers

    before = sum(map(int, step()))
    assert step() == ["True"] * WORKERS
    after = sum(map(int, step()))
    for child in children:
        child.communicate()
    raw = {"model_mb": size >> 20, "before_mb": before >> 20, "after_mb": after >> 20}
    value = round((after - before) / size, 3)
    what = f"PSS of {WORKERS} processes that load one model / the model"
    return [{"what": what, "value": value, "budget": 1.3, "raw": raw}]


ALL = {"tensor": tensor, "memory": memory}


def main() -> None:
    if sys.argv[1:2] == ["worker"]:
        worker(sys.argv[2])
        return
    on = machine()
    rows: list[dict[str, object]] = []
    for name in sys.argv[1:] or ALL:
        with tempfile.TemporaryDirectory(prefix="mvcs-bench-") as folder:
            for row in ALL[name](folder):
                rows.append(row)
                budget, verdict = row["budget"], ""
                if budget is not None:
                    met = "met" if float(str(row["value"])) <= float(str(budget)) else "MISSED"
                    verdict = f"budget {budget:>6}  {met}"
                print(f"{row['what']:<60} {row['value']:>10}  {verdict}", flush=True)
    if len(sys.argv) == 1:
        (HERE / "results" / "loading.json").write_text(json.dumps({"machine": on, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
