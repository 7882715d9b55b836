"""A full disk, too little address space, too small a file limit: a clear error, and nothing is lost."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys

import numpy as np
import pytest
from crash.project import commit_files, files_of, noise, write

import mvcs
from tests.unit.store.splitter_files import safetensors


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 24 MB."""
    point = str(tmp_path / "disk")
    os.makedirs(point)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", point], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mount is not permitted")
    yield point
    subprocess.run(["umount", "-l", point], check=True)


def run(folder: str, *arguments: str, limit: tuple[int, int] | None = None, **variables: str):
    """Runs the command line; returns (exit code, code of the error or None, stderr)."""
    done = subprocess.run(
        [sys.executable, "-m", "mvcs_cli.main", "-C", folder, *arguments, "--json"], capture_output=True, text=True,
        check=False, env={**os.environ, **variables},
        preexec_fn=(lambda: resource.setrlimit(limit[0], (limit[1], limit[1]))) if limit else None,
    )
    assert "Traceback" not in done.stderr
    code = json.loads(done.stderr)["error"]["code"] if done.returncode and done.stderr else None
    return done.returncode, code, done.stderr


def make(folder: str, *, repository: str | None = None) -> None:
    os.makedirs(folder, exist_ok=True)
    write(folder, {"train.py": b"print(1)\n", "model.safetensors": noise(3 << 20, "one")})
    variables = {"MVCS_DIR": repository} if repository else {}
    assert run(folder, "init", "--yes", **variables)[0] == 0
    assert run(folder, "commit", "-m", "one", **variables)[0] == 0
    assert run(folder, "switch", "-c", "other", **variables)[0] == 0
    write(folder, {"model.safetensors": noise(5 << 20, "other"), "data/b.csv": noise(1 << 20, "b")})
    assert run(folder, "commit", "-m", "other", **variables)[0] == 0
    assert run(folder, "switch", "main", **variables)[0] == 0


def fill(point: str, leave: int) -> str:
    """Takes all of the disk but some bytes; returns the file that does."""
    path = os.path.join(point, "filler")
    status = os.statvfs(point)
    with open(path, "wb") as file:
        try:
            file.write(bytes(max(0, status.f_bavail * status.f_frsize - leave)))
        except OSError:
            pass
    return path


def whole(folder: str, monkeypatch, repository: str | None = None) -> None:
    if repository:
        monkeypatch.setenv("MVCS_DIR", repository)
    with mvcs.open(folder) as repo:
        assert repo.fsck().problems == []
        assert repo["main"].files["model.safetensors"] == noise(3 << 20, "one")
        assert repo["other"].files["model.safetensors"] == noise(5 << 20, "other")


@pytest.mark.parametrize("leave", [0, 40_000, 2 << 20])
def test_a_commit_on_a_full_disk(tmp_path, small_disk, monkeypatch, leave):
    """The repository lies on the full disk, the files do not."""
    folder, repository = str(tmp_path / "m"), os.path.join(small_disk, "repository")
    make(folder, repository=repository)
    write(folder, {"model.safetensors": noise(6 << 20, "new"), "train.py": b"print(2)\n"})
    before = files_of(folder)
    filler = fill(small_disk, leave)
    assert run(folder, "commit", "-m", "two", MVCS_DIR=repository)[:2] == (4, "store-full")
    assert run(folder, "status", MVCS_DIR=repository)[0] == 0
    assert run(folder, "log", MVCS_DIR=repository)[0] == 0
    assert files_of(folder) == before
    whole(folder, monkeypatch, repository)
    os.unlink(filler)
    assert run(folder, "commit", "-m", "two", MVCS_DIR=repository)[0] == 0
    with mvcs.open(folder) as repo:
        assert repo.fsck().problems == []
        assert commit_files(repo.head) == before


@pytest.mark.parametrize("leave", [0, 100_000, 5_600_000])
def test_a_switch_where_the_files_do_not_fit(tmp_path, small_disk, monkeypatch, leave):
    """The files lie on the full disk, the repository does not."""
    folder, repository = os.path.join(small_disk, "m"), str(tmp_path / "repository")
    make(folder, repository=repository)
    write(folder, {"notes.txt": b"mine", "data/more.csv": b"1"})
    before = files_of(folder)
    filler = fill(small_disk, leave)
    assert run(folder, "switch", "other", MVCS_DIR=repository)[:2] == (4, "store-full")
    assert files_of(folder) == before
    assert run(folder, "status", MVCS_DIR=repository)[0] == 0
    assert not [path for path in files_of(folder) if ".mvcs-new-" in path]
    os.unlink(filler)
    assert run(folder, "switch", "other", MVCS_DIR=repository)[0] == 0
    assert files_of(folder).items() >= {path: before[path] for path in ("notes.txt", "data/more.csv")}.items()
    whole(folder, monkeypatch, repository)


@pytest.mark.parametrize("leave", [0, 60_000, 3 << 20])
def test_everything_on_one_full_disk(small_disk, monkeypatch, leave):
    folder = os.path.join(small_disk, "m")
    make(folder)
    before = files_of(folder)
    filler = fill(small_disk, leave)
    assert run(folder, "switch", "other")[:2] == (4, "store-full")
    assert files_of(folder) == before
    assert run(folder, "log")[0] == 0
    run(folder, "gc")
    os.unlink(filler)
    assert run(folder, "switch", "other")[0] == 0
    assert run(folder, "switch", "main")[0] == 0
    assert files_of(folder) == before
    whole(folder, monkeypatch)


COMMANDS = [
    ["status"], ["log"], ["commit", "-m", "limited"], ["switch", "other"], ["fsck"], ["gc"], ["restore", "."],
]


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> str:
    folder = str(tmp_path_factory.mktemp("limits") / "m")
    make(folder)
    return folder


@pytest.mark.parametrize("megabytes", [2048, 600, 250])
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_little_address_space(project, tmp_path, monkeypatch, megabytes, command):
    """It works with smaller maps, or says so."""
    folder = shutil.copytree(project, tmp_path / "m")
    write(str(folder), {"train.py": b"print(3)\n"} if command[0] in {"commit", "restore"} else {})
    code, name, text = run(str(folder), *command, limit=(resource.RLIMIT_AS, megabytes << 20))
    assert code == 0 or (code == 4 and name == "out-of-address-space"), text
    if megabytes == 2048:
        assert code == 0, text
    whole(str(folder), monkeypatch)
    assert run(str(folder), *command)[0] in {0, 1}


@pytest.mark.parametrize("megabytes", [1800, 1200, 800, 400, 200, 100])
def test_weights_in_little_address_space(project, tmp_path, monkeypatch, megabytes):
    """Threads, numpy and its buffers may not fit; what fits is committed."""
    folder = shutil.copytree(project, tmp_path / "m")
    random = np.random.default_rng(megabytes)
    for name in ("a", "b"):
        values = random.standard_normal(3 << 20, "f4")
        (folder / f"{name}.safetensors").write_bytes(safetensors({"w": ("F32", (3 << 20,), values.tobytes())}))
        before = files_of(str(folder))
        code, error, text = run(str(folder), "commit", "-m", name, limit=(resource.RLIMIT_AS, megabytes << 20))
        assert code == 0 or (code == 4 and error == "out-of-address-space"), text
        assert files_of(str(folder)) == before
    whole(str(folder), monkeypatch)
    assert run(str(folder), "commit", "-m", "later")[0] in {0, 1}
    assert run(str(folder), "status")[0] == 0


@pytest.mark.parametrize("size", [0, 4096, 200_000, 4 << 20])
@pytest.mark.parametrize("command", [["commit", "-m", "limited"], ["switch", "other"], ["gc"]], ids=lambda c: c[0])
def test_a_limit_of_the_size_of_files(project, tmp_path, monkeypatch, size, command):
    """Writes fail in the middle, as with a quota."""
    folder = shutil.copytree(project, tmp_path / "m")
    if command[0] == "commit":
        write(str(folder), {"model.safetensors": noise(5 << 20, "limited")})
    before = files_of(str(folder))
    code, name, text = run(str(folder), *command, limit=(resource.RLIMIT_FSIZE, size))
    assert code == 0 or (code == 4 and name == "store-full"), text
    if code:
        assert files_of(str(folder)) == before or command[0] == "switch"
    assert run(str(folder), "status")[0] == 0
    if code:
        assert files_of(str(folder)) == before
    whole(str(folder), monkeypatch)
    assert run(str(folder), *command)[0] in {0, 1}
    with mvcs.open(folder) as repo:
        assert repo.fsck().problems == []
