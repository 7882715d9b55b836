"""Memory does not grow with a model, and what is the same is not read."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from mvcs.formats.content import Bytes
from mvcs.merge.tensors import merge_tensors
from mvcs.merge.values import leave
from mvcs.store.splitters.source import Span
from tests.unit.store import splitter_files as files

ROOT = pathlib.Path(__file__).parents[3]
ROOM = 60_000
"""kB of anonymous memory that the work may take on top of Python with these modules."""

RUN = """
import os, sys, threading
import ml_dtypes, numpy
from mvcs.merge.tensors import merge_tensors
from mvcs.merge.values import Choice

class File:
    def __init__(self, name):
        self.descriptor = os.open(os.path.join(sys.argv[1], name), os.O_RDONLY)
        self.size = os.fstat(self.descriptor).st_size
    def read_at(self, offset, length):
        return os.pread(self.descriptor, length, offset)

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
    choice = None if sys.argv[2] == "leave" else Choice(sys.argv[2])
    found = merge_tensors(*(File(name) for name in ("base", "ours", "theirs")), lambda conflict: choice)
    size = sum(map(len, found.content.pieces()))
    assert size == found.content.size > 100_000_000
finally:
    over.set()
    thread.join()
print(start, peak, len(found.conflicts))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three states of one tensor of 100 MB: nothing that is as large as a tensor may be held."""
    folder = tmp_path_factory.mktemp("large")
    for seed, name in enumerate(("base", "ours", "theirs")):
        random = np.random.default_rng(seed)
        rows, columns = 25, 1_048_576
        header = b'{"w":{"dtype":"F32","shape":[%d,%d],"data_offsets":[0,%d]}}' % (rows, columns, rows * columns * 4)
        with open(folder / name, "wb") as file:
            file.write(files.raw_safetensors(header))
            for _ in range(rows):
                file.write(random.standard_normal(columns, "f4").tobytes())
    return folder


@pytest.mark.parametrize("strategy", ["leave", "theirs", "avg", "slerp:0.5", "task:1,1", "ties:0.2"])
def test_a_tensor_is_never_in_memory_as_a_whole(folder, strategy):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(folder), strategy], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    start, peak, conflicts = map(int, done.stdout.split())
    assert conflicts == (strategy == "leave")
    assert peak - start < ROOM


class Known(Bytes):
    """Content of which it is known what it is made of, as of stored chunks; it notes what is read."""

    def __init__(self, content: bytes, made_of: dict[int, str]) -> None:
        super().__init__(content)
        self._made_of = made_of
        self.asked: list[tuple[int, int]] = []

    def spans(self, offset, length):
        return [Span(self._made_of[offset], 0, length, length)]

    def read_at(self, offset, length):
        self.asked.append((offset, length))
        return super().read_at(offset, length)


def test_what_is_known_to_be_the_same_is_not_read():
    states = [{"a": 1, "b": 1}, {"a": 2, "b": 1}, {"a": 1, "b": 3}]
    made = [
        files.safetensors({name: ("U8", (100_000,), bytes([value]) * 100_000) for name, value in state.items()})
        for state in states
    ]
    start = len(made[0]) - 200_000
    base, ours, theirs = (
        Known(content, {start: f"a{state['a']}", start + 100_000: f"b{state['b']}"})
        for content, state in zip(made, states, strict=True)
    )
    found = merge_tensors(base, ours, theirs, leave)
    assert found.conflicts == ()
    read = [(offset, length) for offset, length in theirs.asked if offset < start + 100_000 and offset + length > start]
    assert read == [(start, 100_000)]  # compared with ours, which has another; its equality with the base is known
    assert found.content.read() == files.safetensors(
        {"a": ("U8", (100_000,), b"\2" * 100_000), "b": ("U8", (100_000,), b"\3" * 100_000)}
    )
