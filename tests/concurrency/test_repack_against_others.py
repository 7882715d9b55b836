"""repack beside other processes: nobody's chunk ends up on one that lies too deep, and nobody reads wrong bytes."""

from __future__ import annotations

import pytest
from crash.project import Child, check_whole, every_commit, small_limits, write
from store_contents import weights

import mvcs

pytestmark = pytest.mark.crash


@pytest.fixture
def folder(tmp_path) -> str:
    """Three files of one commit that resemble each other, each stored by itself."""
    folder = str(tmp_path / "m")
    write(folder, {"train.py": b"1", "a.safetensors": weights(), "b.safetensors": weights(steps=1), "c.safetensors": weights(steps=2)})
    with small_limits():
        repo, _ = mvcs.init(folder, model="m", yes=True)
        repo.commit("three")
        repo.close()
    return folder


def commit_new_c(folder: str) -> str:
    write(folder, {"c.safetensors": weights(steps=3)})
    with small_limits(), mvcs.open(folder) as repo:
        return repo.commit("meanwhile").oid.hex()


def check(folder: str, made: str) -> None:
    with small_limits(), mvcs.open(folder) as repo:
        check_whole(repo, every_commit(repo))
        assert repo[made].files["c.safetensors"] == weights(steps=3)
        assert repo[f"{made}~1"].files["c.safetensors"] == weights(steps=2)
        assert repo.status().clean


def test_a_commit_while_repack_is_between_two_turns(folder):
    """What the commit is based on is left alone in the turns that follow."""
    repack = Child(folder, [["repack", {}]], hold="repack let go")
    repack.wait_for("held")
    made = commit_new_c(folder)
    repack.go_on()
    repack.end()
    assert not repack.errors
    check(folder, made)


def test_a_commit_waits_for_a_turn(folder):
    """In a turn records are being replaced; the commit begins when it is over."""
    repack = Child(folder, [["repack", {}]], hold="repack replaced records")
    repack.wait_for("held")
    write(folder, {"c.safetensors": weights(steps=3)})
    with small_limits(), mvcs.open(folder, lock_timeout=1) as repo, pytest.raises(mvcs.errors.LockTimeout):
        repo.commit("too early")
    repack.go_on()
    repack.end()
    made = commit_new_c(folder)
    check(folder, made)


def test_a_repack_waits_for_a_commit(folder):
    write(folder, {"c.safetensors": weights(steps=3)})
    commit = Child(folder, [["commit", {"message": "meanwhile"}]], hold="before meta")
    commit.wait_for("held")
    with small_limits(), mvcs.open(folder, lock_timeout=1) as repo, pytest.raises(mvcs.errors.LockTimeout):
        repo.repack()
    commit.go_on()
    commit.end()
    with small_limits(), mvcs.open(folder) as repo:
        repo.repack()
    check(folder, commit.acks[0])


def test_a_reader_while_records_are_replaced(folder):
    """The directory still has the old lengths, the segment the new records."""
    repack = Child(folder, [["repack", {}]], hold="repack replaced records")
    repack.wait_for("held")
    with small_limits(), mvcs.open(folder) as repo:
        assert repo["HEAD"].files["a.safetensors"] == weights()
        assert repo["HEAD"].files["b.safetensors"] == weights(steps=1)
    repack.go_on()
    repack.end()
    assert not repack.errors
    with small_limits(), mvcs.open(folder) as repo:
        assert repo.fsck().problems == []


def test_two_at_once(folder):
    first = Child(folder, [["repack", {"deep": True}]], hold="repack let go")
    first.wait_for("held")
    second = Child(folder, [["repack", {}]])
    second.end()
    first.go_on()
    first.end()
    assert not first.errors
    assert not second.errors
    with small_limits(), mvcs.open(folder) as repo:
        check_whole(repo, every_commit(repo))
