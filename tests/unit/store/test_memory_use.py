"""Memory does not grow with the file."""

from __future__ import annotations

import os

import pytest
from blake3 import blake3

PEAK = 200_000
"""kB of anonymous memory that any command may use."""

INGEST = """
import os, sys, threading
from mvcs.store.lmdb_store import LmdbStore

def anonymous():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon"))

peak, over = 0, threading.Event()

def watch():
    global peak
    while not over.wait(0.005):
        peak = max(peak, anonymous())

thread = threading.Thread(target=watch)
thread.start()
store = LmdbStore.create(sys.argv[1])
descriptor = os.open(sys.argv[2], os.O_RDONLY)
with store.batch() as batch:
    oid, size = batch.put_file(descriptor, os.path.getsize(sys.argv[2]))
    batch.settle()
    with store.write() as transaction:
        batch.finish(transaction)
out = os.open(sys.argv[3], os.O_WRONLY | os.O_CREAT)
assert store.export(oid, out) == size
over.set()
thread.join()
print(oid.hex(), peak)
"""


@pytest.mark.slow
def test_a_file_of_300_mb_is_stored_and_written_in_200_mb(tmp_path, child):
    path, out = tmp_path / "file", tmp_path / "out"
    hasher = blake3()
    with open(path, "wb") as file:
        for i in range(75):
            piece = blake3(b"%d" % i).digest(length=4 << 20)
            hasher.update(piece)
            file.write(piece)
    result = child(INGEST, str(tmp_path / "store"), str(path), str(out))
    assert result.returncode == 0, result.stderr
    oid, peak = result.stdout.split()
    assert oid == hasher.hexdigest()
    assert os.path.getsize(out) == 75 * (4 << 20)
    assert 10_000 < int(peak) <= PEAK
