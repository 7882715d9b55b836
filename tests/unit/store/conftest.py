"""Stores on disk for the tests of this folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from blake3 import blake3

from mvcs.store.lmdb_store import LmdbStore

ROOT = Path(__file__).parents[3]


@pytest.fixture
def make_store(tmp_path):
    """Returns a function that makes stores, which are closed in the end."""
    made = []

    def make(name: str = "store", **options) -> LmdbStore:
        path = tmp_path / name
        path.mkdir(exist_ok=True)
        made.append(LmdbStore.create(str(path), **options))
        return made[-1]

    yield make
    for store in made:
        store.close()


@pytest.fixture
def store(make_store):
    return make_store()


@pytest.fixture
def put():
    """Returns a function that stores blobs and returns their oids."""

    def put_all(store, *contents: bytes):
        with store.batch() as batch:
            oids = [batch.put_bytes(content) for content in contents]
            batch.settle()
            with store.write() as transaction:
                batch.finish(transaction)
        return oids[0] if len(oids) == 1 else oids

    return put_all


@pytest.fixture
def noise():
    """Returns a function that gives incompressible bytes, the same for the same seed."""

    def bytes_of(size: int, seed: str = "") -> bytes:
        return blake3(b"noise " + seed.encode()).digest(length=size)

    return bytes_of


@pytest.fixture
def child():
    """Returns a function that runs Python code in a process of its own, which may be killed by a signal."""

    def run(code: str, *arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, "-c", code, *arguments], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True, text=True, timeout=300, check=False,
        )

    return run


@pytest.fixture
def in_fork():
    """Returns a function that calls another one in a forked child and says whether it returned True there."""

    def call(function) -> bool:
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                status = 0 if function() is True else 1
            finally:
                os._exit(status)
        return os.waitpid(pid, 0)[1] == 0

    return call
