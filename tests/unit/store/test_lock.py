"""The lock: shared with shared, alone when exclusive, freed by the kernel, and a wait that names the holder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from mvcs.errors import LockTimeout, UnfinishedWork
from mvcs.store.lock import FileLock

HOLD = """
import sys
from mvcs.store.lock import FileLock
lock = FileLock(sys.argv[1], 5)
with getattr(lock, sys.argv[2])():
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """Starts processes that hold the lock until they are told to end."""
    running = []

    def start(mode: str) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(tmp_path / "lock"), mode], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert process.stdout.readline() == "held\n"
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture
def lock(tmp_path):
    return FileLock(str(tmp_path / "lock"), 0)


def test_readers_of_presence_share_it(lock, holder):
    holder("shared")
    with lock.shared():
        assert not lock.is_free()


@pytest.mark.parametrize(("theirs", "ours"), [("shared", "exclusive"), ("exclusive", "shared"), ("exclusive", "exclusive")])
def test_a_wait_that_is_over_names_the_holder(lock, holder, theirs, ours):
    process = holder(theirs)
    with pytest.raises(LockTimeout) as caught, getattr(lock, ours)():
        pytest.fail("the lock was given twice")
    assert f"process {process.pid}" in caught.value.fields["holder"]
    assert caught.value.retryable


def test_the_error_can_be_another_one(tmp_path, holder):
    holder("exclusive")
    with pytest.raises(UnfinishedWork), FileLock(str(tmp_path / "lock"), 0, UnfinishedWork).shared():
        pytest.fail("the lock was given twice")


def test_it_is_free_after_use_and_after_an_error(lock):
    with lock.exclusive():
        assert not lock.is_free()
    assert lock.is_free()
    with pytest.raises(ValueError, match="out"), lock.exclusive():
        raise ValueError("out")
    assert lock.is_free()


def test_a_killed_holder_frees_it(lock, holder):
    process = holder("exclusive")
    assert not lock.is_free()
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert lock.is_free()


def test_two_threads_of_one_process_exclude_each_other(lock):
    refused = []

    def other():
        try:
            with lock.shared():
                pass
        except LockTimeout as error:
            refused.append(error)

    with lock.exclusive():
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert len(refused) == 1


def test_one_who_waits_gets_it(tmp_path, holder):
    process = holder("exclusive")
    timer = threading.Thread(target=process.communicate, args=("",))
    timer.start()
    with FileLock(str(tmp_path / "lock"), 60).exclusive():
        held = FileLock(str(tmp_path / "lock"), 0)
        assert not held.is_free()
    timer.join()
    assert held.is_free()
    assert process.returncode == 0


def test_a_forked_child_does_not_keep_it(lock):
    """A worker that was forked while the lock was held has a copy of its descriptor, and lives on."""
    told, tell = os.pipe()
    with lock.exclusive():
        pid = os.fork()
        if pid == 0:
            os.close(tell)
            os.read(told, 1)
            os._exit(0)
    try:
        assert lock.is_free()
    finally:
        os.close(tell)
        os.close(told)
        os.waitpid(pid, 0)


def test_a_forked_child_that_leaves_does_not_free_it(lock):
    with lock.exclusive():
        pid = os.fork()
        if pid == 0:
            try:
                held = lock.exclusive()
                held.__enter__()
            except LockTimeout:
                os._exit(0)
            os._exit(1)
        assert os.waitpid(pid, 0)[1] == 0
        assert not lock.is_free()
    assert lock.is_free()
    entered = lock.exclusive()
    entered.__enter__()
    pid = os.fork()
    if pid == 0:
        entered.__exit__(None, None, None)
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    assert not lock.is_free()
    entered.__exit__(None, None, None)
    assert lock.is_free()
