"""A process that is stopped in the middle of a write: the others wait as long as they were told to, and say for whom."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

import pytest

import mvcs
from mvcs.errors import LockTimeout
from mvcs.store import environment
from tests.cli.harness import make_project, mvcs_process, ok, sealed, status, write

__all__ = ["sealed"]

WRITER = """
import sys
from mvcs.store.lmdb_store import LmdbStore
store = LmdbStore(sys.argv[1])
with store.write() as transaction:
    print("writing", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def project(tmp_path, sealed):
    return make_project(tmp_path / "p")


@pytest.fixture
def writer(project):
    """A process that holds LMDB's write lock and was stopped (Ctrl-Z), as a function that starts it."""
    started = []

    def start() -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(project / ".mvcs")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        started.append(process)
        assert process.stdout.readline() == "writing\n"
        process.send_signal(signal.SIGSTOP)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def end(process: subprocess.Popen) -> None:
    process.send_signal(signal.SIGCONT)
    process.communicate("\n", timeout=30)


def close_all() -> None:
    for found in list(environment._registry.values()):
        found.close()
    environment._registry.clear()


@pytest.mark.parametrize("words", [["status"], ["log"], ["show"], ["ls"], ["commit", "-m", "x"], ["op"], ["fsck"], ["gc"]])
def test_every_verb_ends_with_who_is_waited_for(project, writer, words):
    write(project, {"train.py": "changed\n"})
    holder = writer()
    done = mvcs_process("--lock-timeout", "0.3", *words, "--json", cwd=project)
    assert (done.code, done.error["code"]) == (4, "lock-timeout"), done
    assert f"process {holder.pid} (" in done.error["details"]["holder"]
    assert done.error["hint"].startswith("mvcs --lock-timeout")
    end(holder)
    assert mvcs_process("--lock-timeout", "30", *words, cwd=project).code == 0
    ok("fsck", cwd=project)


def test_clone_from_it_too(project, writer, tmp_path):
    holder = writer()
    done = mvcs_process("--lock-timeout", "0.3", "clone", str(project), str(tmp_path / "copy"), "--json", cwd=tmp_path)
    assert (done.code, done.error["code"]) == (4, "lock-timeout"), done
    assert not (tmp_path / "copy").exists()
    end(holder)


def test_a_repository_that_was_refused_opens_when_the_writer_has_gone(project, writer):
    """In one process: the wait that was left behind does no harm, neither to a second try nor to a close."""
    close_all()
    holder = writer()
    repo = mvcs.open(project, lock_timeout=0.1)
    for _ in range(2):
        with pytest.raises(LockTimeout):
            list(repo.log())
    repo.close()
    with pytest.raises(LockTimeout):
        mvcs.open(project, lock_timeout=0.1).op_log()
    end(holder)
    assert len(list(repo.log())) == 1
    write(project, {"train.py": "later\n"})
    repo.commit("later")
    assert len(list(mvcs.open(project).log())) == 2
    repo.close()


def test_a_killed_writer_frees_it(project, writer):
    close_all()
    holder = writer()
    with pytest.raises(LockTimeout):
        mvcs.open(project, lock_timeout=0.1).op_log()
    holder.kill()
    holder.communicate()
    assert len(list(mvcs.open(project, lock_timeout=30).log())) == 1


def test_who_has_it_open_already_reads_and_looks_while_another_writes(project, writer):
    """What the look would save for the next one is saved by a later one."""
    with mvcs.open(project) as repo:
        list(repo.log())
        write(project, {"train.py": "changed\n"})
        holder = writer()
        assert [change.path for change in repo.status().changes] == [b"train.py"]
        assert len(list(repo.log())) == 1
        with pytest.raises(LockTimeout), mvcs.open(project, lock_timeout=0.1) as other:
            other.commit("x")
        end(holder)
    assert [item["path"] for item in status(project)["changes"]] == ["train.py"]


def test_two_threads_of_one_process_take_turns(project):
    """The lock is the process's own here; the second waits for the first and is not refused."""
    with mvcs.open(project) as repo:
        store = repo._repository.store
        order = []
        began, go_on = threading.Event(), threading.Event()

        def first() -> None:
            with store.write():
                began.set()
                go_on.wait(30)
                order.append("first")

        thread = threading.Thread(target=first)
        thread.start()
        began.wait(30)
        waiter = threading.Thread(target=lambda: _write(store, order))
        waiter.start()
        go_on.set()
        thread.join()
        waiter.join()
        assert order == ["first", "second"]


def _write(store, order) -> None:
    with store.write():
        order.append("second")
