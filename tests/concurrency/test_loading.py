"""One model in memory however many processes load it, beside commits and gc; threads, forks and spawned processes."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from store_contents import weights

import mvcs
from mvcs.objects.hashing import blob_oid
from tests.cli.harness import write

ROOT = Path(__file__).parents[2]
WORKERS = 8
COUNT, EACH = 6, 400_000
"""Tensors of a small model, and their elements."""
LARGE = 192 << 20
"""Bytes of the model whose memory is measured: what the processes need for themselves is small beside it."""

WORKER = """
import sys
import numpy, ml_dtypes, mvcs
from mvcs.objects.hashing import blob_oid

def used():
    with open("/proc/self/smaps_rollup") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Pss:"))

def line(*words):
    print(*words, flush=True)
    sys.stdin.readline()

repo = mvcs.open(sys.argv[1])
repo["main"].files["train.py"]
line("ready")
before = used()
line("before", before)
found = repo["main"].weights.load()
line("loaded", *(blob_oid(memoryview(array.view("u1"))).hex() for array in found.values()))
line("after", used())
line("still", *(blob_oid(memoryview(array.view("u1"))).hex() for array in found.values()))
"""

OTHERS = """
import sys
import mvcs

with mvcs.open(sys.argv[1]) as repo:
    repo.config_set("gc.undo_days", "0")
    for number in range(4):
        with open(sys.argv[1] + "/train.py", "w") as file:
            file.write(f"print({number})")
        repo.commit(str(number))
        repo.gc(thorough=True)
print("done")
"""


class Worker:
    """A process that loads the model, one step per line."""

    def __init__(self, folder: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", WORKER, folder], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )

    def hear(self) -> list[str]:
        assert self.process.stdout is not None
        return self.process.stdout.readline().split()[1:]

    def go_on(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def end(self) -> None:
        self.process.communicate("\n" * 9, timeout=60)


def make_model(folder: Path, content: bytes) -> str:
    write(folder, {"model.safetensors": content, "train.py": b"print()"})
    repo, _ = mvcs.init(folder, model="m", yes=True)
    repo.commit("one")
    repo.close()
    return str(folder)


@pytest.fixture
def folder(tmp_path) -> str:
    return make_model(tmp_path / "m", weights(1, count=COUNT, each=EACH))


@pytest.fixture
def wanted() -> dict[str, bytes]:
    content = weights(1, count=COUNT, each=EACH)
    start = len(content) - COUNT * EACH * 2
    return {f"layer.{index}": content[start + index * EACH * 2 :][: EACH * 2] for index in range(COUNT)}


def is_right(found, wanted) -> bool:
    return {name: array.tobytes() for name, array in found.items()} == wanted


def test_eight_processes_have_one_model_in_memory(tmp_path):
    """They begin together, before anybody has mapped it, while another process commits and collects."""
    content = weights(1, count=4, each=LARGE // 8)
    folder = make_model(tmp_path / "m", content)
    each, start = LARGE // 4, len(content) - LARGE
    names = [blob_oid(content[start + at : start + at + each]).hex() for at in range(0, LARGE, each)]
    workers = [Worker(folder) for _ in range(WORKERS)]
    try:
        assert [worker.hear() for worker in workers] == [[]] * WORKERS
        for worker in workers:
            worker.go_on()
        before = sum(int(worker.hear()[0]) for worker in workers)
        others = subprocess.Popen([sys.executable, "-c", OTHERS, folder], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for worker in workers:
            worker.go_on()
        assert [worker.hear() for worker in workers] == [names] * WORKERS
        assert others.communicate(timeout=120)[0] == "done\n"
        for worker in workers:
            worker.go_on()
        after = sum(int(worker.hear()[0]) for worker in workers)
        assert (after - before) * 1024 < 1.3 * LARGE
        with mvcs.open(folder) as repo:
            os.unlink(repo["main"].weights.path("model.safetensors"))
            repo.gc(thorough=True)
        for worker in workers:
            worker.go_on()
        assert [worker.hear() for worker in workers] == [names] * WORKERS
    finally:
        for worker in workers:
            worker.end()


def test_ten_threads(folder, wanted):
    found: list[dict[str, np.ndarray]] = []
    with mvcs.open(folder) as repo:
        commit = repo["main"]

        def work(index: int) -> None:
            mine = commit if index % 2 else repo["main"]
            found.append({name: mine.weights[name] for name in sorted(wanted, reverse=bool(index % 3))})
            found.append(mvcs.load_tensors("main", repo=folder))

        threads = [threading.Thread(target=work, args=(index,)) for index in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(found) == 20
    assert all(is_right(each, wanted) for each in found)
    assert len(os.listdir(os.path.join(folder, ".mvcs", "mapped"))) == 1


def test_arrays_of_before_a_fork_and_loads_after_it(folder, wanted):
    """Workers of a data loader: what the parent has loaded is theirs too, and they load more."""
    with mvcs.open(folder) as repo:
        commit = repo["main"]
        small = commit.weights["layer.0"]
        inherited = {"layer.1": commit.weights["layer.1"]}
        children = []
        for index in range(WORKERS):
            pid = os.fork()
            if pid == 0:
                status = 1
                try:
                    found = {"layer.0": small, **inherited}
                    for name in sorted(wanted, reverse=bool(index % 2)):
                        found[name] = commit.weights[name]
                    status = 0 if is_right(found, wanted) and is_right(mvcs.load_tensors("main", repo=folder), wanted) else 2
                finally:
                    os._exit(status)
            children.append(pid)
        assert [os.waitpid(pid, 0)[1] for pid in children] == [0] * WORKERS
        assert is_right(commit.weights.load(), wanted)
    assert len(os.listdir(os.path.join(folder, ".mvcs", "mapped"))) == 1


def load_in_child(folder: str, queue) -> None:
    found = mvcs.load_tensors("main", repo=folder)
    queue.put({name: blob_oid(array.view("u1").tobytes()).hex() for name, array in found.items()})


def test_spawned_processes(folder, wanted):
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    processes = [context.Process(target=load_in_child, args=(folder, queue)) for _ in range(3)]
    for process in processes:
        process.start()
    found = [queue.get(timeout=60) for _ in processes]
    for process in processes:
        process.join()
    assert found == [{name: blob_oid(raw).hex() for name, raw in wanted.items()}] * 3
