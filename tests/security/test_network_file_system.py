"""A workspace on a real network file system: sshfs over a pipe to sftp-server, no network and no sshd between."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

import mvcs
from mvcs.ops.context import open_workspace
from mvcs.repo.repository import Repository
from tests.cli.harness import PROJECT, fails, mvcs_process, mvcs_run, ok, status, write

SERVER = "/usr/lib/openssh/sftp-server"


@pytest.fixture
def mounted(tmp_path):
    """(folder on the mount, the folder that it shows)."""
    if shutil.which("sshfs") is None or not os.path.exists(SERVER):
        pytest.skip("sshfs and openssh-sftp-server are not installed")
    behind, point = tmp_path / "behind", tmp_path / "mount"
    behind.mkdir()
    point.mkdir()
    connect = tmp_path / "connect"
    connect.write_text(f"#!/bin/sh\nexec {SERVER}\n")
    connect.chmod(0o755)
    done = subprocess.run(
        ["sshfs", "-o", f"ssh_command={connect}", f"server:{behind}", str(point)],
        capture_output=True, text=True, check=False, timeout=30, stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        pytest.skip(f"FUSE is not permitted: {done.stderr.strip()}")
    try:
        assert os.path.ismount(point)
        yield point, behind
    finally:  # also where a test has failed and a store is open on it
        unmount = "fusermount3" if shutil.which("fusermount3") else "fusermount"
        subprocess.run([unmount, "-u", "-z", str(point)], check=True, timeout=30)


@pytest.fixture
def workspace(mounted, tmp_path, monkeypatch):
    """A project on the mount, whose repository lies on the local disk."""
    folder = write(mounted[0] / "p", PROJECT)
    (folder / "train.py").chmod(0o755)
    (folder / "alias.py").symlink_to("train.py")
    local = tmp_path / "local"
    local.mkdir()
    monkeypatch.setenv("MVCS_DIR", str(local / "p.mvcs"))
    ok("init", "--model", "m", "--yes", str(folder))
    return folder


def stored_below(folder: Path) -> list[str]:
    """Files of a repository below a folder, LMDB's before all."""
    return [str(path) for path in folder.rglob("*") if path.suffix == ".mdb" or ".mvcs" in path.parts]


def mapped_files() -> set[str]:
    """Files of LMDB that this process has mapped."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    return {line.split(maxsplit=5)[5] for line in lines if line.endswith(".mdb")}


def same(first: Path, second: Path) -> bool:
    return subprocess.run(["diff", "-r", "--no-dereference", first, second], capture_output=True, check=False).returncode == 0


def test_init_on_it_is_refused_and_leaves_nothing(mounted):
    point, behind = mounted
    write(point / "p", PROJECT)
    error = fails(4, "unsupported-filesystem", "init", "--yes", str(point / "p"))
    assert "fuse.sshfs, a network file system" in error["message"]
    assert error["hint"] == "MVCS_DIR=/local/disk/project.mvcs mvcs init"
    assert stored_below(behind) == []
    assert not (behind / "p" / "mvcs.toml").exists()


def test_a_repository_named_by_mvcs_dir_on_it_is_refused(mounted, tmp_path, monkeypatch):
    point, behind = mounted
    write(tmp_path / "local", PROJECT)
    monkeypatch.setenv("MVCS_DIR", str(point / "deep" / "p.mvcs"))
    fails(4, "unsupported-filesystem", "init", "--yes", str(tmp_path / "local"))
    assert list(behind.iterdir()) == []


def test_clone_onto_it_is_refused_and_leaves_nothing(mounted, tmp_path):
    point, behind = mounted
    source = write(tmp_path / "source", PROJECT)
    ok("init", "--yes", str(source))
    ok("commit", "-m", "first", cwd=source)
    fails(4, "unsupported-filesystem", "clone", str(source), str(point / "copy"))
    assert list(behind.iterdir()) == []


def test_a_workspace_on_it_works_with_the_repository_on_a_local_disk(workspace, mounted, tmp_path):
    """init, commit, edit, status, checkout: in processes of their own, as people do it."""
    behind = mounted[1]
    assert mvcs_process("commit", "-m", "first", cwd=workspace).code == 0
    first = tmp_path / "first"
    shutil.copytree(behind / "p", first, symlinks=True)
    write(workspace, {"train.py": "print('more')\n", "data/new.csv": "c\n3\n", "model.pt": os.urandom(400_000)})
    (workspace / "metrics.json").unlink()
    assert {item["path"]: item["change"] for item in status(workspace)["changes"]} == {
        "train.py": "modified", "data/new.csv": "added", "model.pt": "modified", "metrics.json": "deleted",
    }
    assert mvcs_process("commit", "-m", "second", cwd=workspace).code == 0
    assert status(workspace)["clean"]
    second = tmp_path / "second"
    shutil.copytree(behind / "p", second, symlinks=True)
    assert mvcs_process("checkout", "HEAD~1", cwd=workspace).code == 0
    assert same(first, behind / "p")
    assert same(first, workspace)
    assert os.access(workspace / "train.py", os.X_OK)
    assert mvcs_process("checkout", "main", cwd=workspace).code == 0
    assert same(second, workspace)
    assert not same(first, workspace)
    assert status(workspace)["clean"]
    assert mvcs_run("doctor", cwd=workspace).code == 0
    ok("fsck", cwd=workspace)
    assert stored_below(behind) == []
    with mvcs.open(workspace) as repo:
        repo.status()
        assert b"".join(repo.cat("HEAD:model.pt")) == (second / "model.pt").read_bytes()  # maps a segment, too
        maps = mapped_files()
    assert {os.path.basename(os.path.dirname(path)) for path in maps} == {"meta", "0001"}
    assert all(path.startswith(str(tmp_path / "local")) for path in maps)


def test_its_own_clock_says_which_files_are_racy(workspace, mounted):
    """The server's clock is not this machine's; sftp tells whole seconds."""
    found = open_workspace(Repository.find(str(workspace)))
    before = sorted(os.listdir(mounted[1] / "p"))
    assert found.clock() > 0
    assert found.clock() % 10**9 == 0
    assert sorted(os.listdir(mounted[1] / "p")) == before


def test_an_edit_in_the_same_second_is_seen(workspace):
    ok("commit", "-m", "first", cwd=workspace)
    for text in ("print('aaaaa')\n", "print('bbbbb')\n", "print('ccccc')\n", "print('train')\n"):
        (workspace / "train.py").write_text(text)
        changed = [item["path"] for item in status(workspace)["changes"]]
        assert changed == ([] if text == PROJECT["train.py"] else ["train.py"])
