"""What the system is asked, in which order: bytes are on the disk before anything names them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

import pytest
from crash.project import copy_project, make_project, noise, small_limits, write

pytestmark = pytest.mark.crash

CALLS = "openat,fsync,fdatasync,msync,pwrite64,pwritev,write,writev,rename,renameat,renameat2,close,unlinkat,unlink"


def can_trace() -> bool:
    if shutil.which("strace") is None:
        return False
    return subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True, check=False).returncode == 0


needs_strace = pytest.mark.skipif(not can_trace(), reason="strace or ptrace is not available")


def trace(folder: str, *arguments: str) -> list[tuple[str, str]]:
    """Runs a command; returns (call, path) of what succeeded, in the order in which the calls came back."""
    log = folder + ".strace"
    subprocess.run(
        ["strace", "-f", "-y", "-s", "0", "-e", f"trace={CALLS}", "-o", log, sys.executable, "-m", "mvcs_cli.main",
         "-C", folder, *arguments],
        check=True, capture_output=True,
    )
    events, pending = [], {}
    with open(log, encoding="utf-8", errors="replace") as file:
        for line in file:
            process, _, text = line.strip().partition(" ")
            text = text.strip()
            if text.endswith("<unfinished ...>"):
                pending[process] = text[: -len("<unfinished ...>")]
                continue
            if text.startswith("<... "):
                text = pending.pop(process, "") + text.partition("resumed>")[2]
            call = re.match(r"(\w+)\((.*)\)\s+= (-?\d+)", text)
            if call is None or call[3].startswith("-"):
                continue
            names = re.findall(r"<([^>]*)>", call[2]) + re.findall(r'"([^"]*)"', call[2])
            events.append((call[1], "\0".join(names)))
    return events


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> str:
    with small_limits():
        return make_project(str(tmp_path_factory.mktemp("project") / "m"))


@needs_strace
def test_chunks_are_synced_before_meta_names_them(project, tmp_path):
    folder = copy_project(project, str(tmp_path / "m"))
    write(folder, {"model.safetensors": noise(20 << 20, "large"), "data/a.csv": noise(100_000, "a")})
    events = trace(folder, "commit", "-m", "traced")
    chunks, meta = re.compile(r"/\.mvcs/chunks/\d+/data\.mdb"), re.compile(r"/\.mvcs/meta/data\.mdb")
    syncs = {"fsync", "fdatasync", "msync"}
    writes = {"write", "pwrite64", "pwritev", "writev"}
    written = [i for i, (call, path) in enumerate(events) if call in writes and chunks.search(path)]
    synced = [i for i, (call, path) in enumerate(events) if call in syncs and chunks.search(path)]
    named = [i for i, (call, path) in enumerate(events) if call in writes and meta.search(path)]
    ended = [i for i, (call, path) in enumerate(events) if call in syncs and meta.search(path)]
    assert len(written) >= 2
    assert len(named) >= 2
    # The last page of a transaction is its meta page, written through a descriptor that is synced by each write.
    last_data = [i for i in written if any(i < j for j in synced)]
    assert last_data
    commit = max(named)
    assert max(synced) < commit
    assert max(written) < commit
    assert max(i for i in ended if i < commit + 2) > max(synced)


@needs_strace
def test_files_are_synced_before_they_are_renamed(project, tmp_path):
    folder = copy_project(project, str(tmp_path / "m"))
    events = trace(folder, "switch", "other")
    renamed = [(i, path) for i, (call, path) in enumerate(events) if call.startswith("rename") and ".mvcs-new-" in path]
    assert len(renamed) >= 4
    meta = max(i for i, (call, path) in enumerate(events) if call == "pwrite64" and "/.mvcs/meta/" in path)
    for index, path in renamed:
        temporary = next(part for part in path.split("\0") if ".mvcs-new-" in part)
        synced = [i for i, (call, other) in enumerate(events) if call == "fsync" and temporary in other]
        assert synced
        assert max(synced) < index < meta
        parent = os.path.dirname(temporary)
        assert any(index < i < meta for i, (call, other) in enumerate(events) if call == "fsync" and other == parent)
