"""A mapped file shares the blocks of the workspace's file where the file system can: tried on a real XFS."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

import mvcs
from mvcs.api import init
from mvcs.objects.hashing import blob_oid
from mvcs.ports import FixedClock
from mvcs.store.mapped import mapped_file

SIZE = 40 << 20


@pytest.fixture(scope="module")
def xfs(tmp_path_factory):
    """A folder on an XFS of its own, which shares blocks."""
    if os.geteuid() != 0 or shutil.which("mkfs.xfs") is None:
        pytest.skip("needs root and mkfs.xfs")
    folder = tmp_path_factory.mktemp("xfs")
    image, mount = folder / "image", folder / "mount"
    mount.mkdir()
    with open(image, "wb") as file:
        file.truncate(400 << 20)
    subprocess.run(["mkfs.xfs", "-q", "-m", "reflink=1", image], check=True)
    done = subprocess.run(["mount", "-o", "loop", image, mount], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"cannot mount: {done.stderr}")
    yield mount
    subprocess.run(["umount", "-l", mount], check=True)


def used(folder) -> int:
    os.sync()
    status = os.statvfs(folder)
    return (status.f_blocks - status.f_bfree) * status.f_frsize


@pytest.fixture
def repo(xfs, noise):
    folder = xfs / "m"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "train.py").write_text("x = 1\n")
    (folder / "model.safetensors").write_bytes(noise(SIZE))
    made, _ = init(str(folder), model="m", yes=True)
    made.commit("one")
    made.close()
    with mvcs.open(str(folder)) as opened:
        yield opened


@pytest.mark.parametrize("way", ["materialise", "mapped"])
def test_a_mapped_file_takes_no_space_of_its_own(repo, xfs, noise, way):
    before = used(xfs)
    files = repo["HEAD"].files
    path = files.mapped("model.safetensors") if way == "mapped" else repo["HEAD"].materialise()["model.safetensors"]
    assert used(xfs) - before < SIZE // 10
    with open(path, "rb") as file:
        assert file.read() == noise(SIZE)
    assert os.stat(path).st_mode & 0o777 == 0o444
    with open(os.path.join(repo.root, "model.safetensors"), "r+b") as file:  # training goes on
        file.write(b"other")
    with open(path, "rb") as file:
        assert file.read() == noise(SIZE)


def test_a_file_of_the_same_size_with_other_bytes_is_not_taken(repo, xfs, noise):
    path = os.path.join(repo.root, "model.safetensors")
    with open(path, "r+b") as file:
        file.seek(SIZE // 2)
        file.write(b"other")
    before = used(xfs)
    with open(repo["HEAD"].files.mapped("model.safetensors"), "rb") as file:
        assert file.read() == noise(SIZE)
    assert used(xfs) - before > SIZE // 2


@pytest.mark.parametrize("donor", ["missing", "link", "folder", "fifo", "elsewhere"])
def test_without_a_donor_that_can_be_cloned_it_is_written(tmp_path, make_store, put, noise, donor):
    store = make_store()
    content = noise(3 << 20)
    oid = put(store, content)
    path = tmp_path / "donor"
    (tmp_path / "real").write_bytes(content)
    {"missing": lambda: None, "link": lambda: path.symlink_to(tmp_path / "real"), "folder": path.mkdir,
     "fifo": lambda: os.mkfifo(path), "elsewhere": lambda: path.write_bytes(content)}[donor]()
    mapped = mapped_file(store, oid, FixedClock(0), donor=str(path))
    with open(mapped, "rb") as file:
        assert blob_oid(file.read()) == oid
