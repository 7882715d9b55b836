"""Two containers with one repository: each works, or says what is wrong; neither harms anything."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from crash.project import Child, check_whole, copy_project, make_project, small_limits, write

import mvcs

pytestmark = pytest.mark.crash

UNSHARE = ["unshare", "--pid", "--fork", "--mount-proc"]


def can_unshare() -> bool:
    try:
        return subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


needs_unshare = pytest.mark.skipif(not can_unshare(), reason="PID namespaces are not permitted")


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> str:
    with small_limits():
        return make_project(str(tmp_path_factory.mktemp("project") / "m"))


@pytest.fixture
def folder(project, tmp_path) -> str:
    folder = copy_project(project, str(tmp_path / "m"))
    write(folder, {"train.py": b"print('container')\n"})
    return folder


def apart(folder: str, *arguments: str) -> list[str]:
    return [*UNSHARE, sys.executable, "-m", "mvcs_cli.main", "-C", folder, *arguments, "--json"]


def answer(process: subprocess.Popen) -> tuple[int, str | None, str]:
    _, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    code = json.loads(err)["error"]["code"] if process.returncode and err else None
    return process.returncode, code, err


def start(command: list[str]) -> subprocess.Popen:
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def works_or_says_so(code: int, name: str | None, text: str) -> None:
    assert code in {0, 1} or (code == 4 and name in {"shared-by-namespaces", "lock-timeout", "unfinished-work"}), text


@needs_unshare
@pytest.mark.parametrize("command", [["status"], ["log"], ["commit", "-m", "apart"], ["gc"], ["fsck"]],
                         ids=lambda command: command[0])
def test_beside_a_process_that_holds_the_store_open(folder, command):
    with mvcs.open(folder) as repo:
        reading = repo.cat("other:model.safetensors")
        next(reading)
        works_or_says_so(*answer(start(apart(folder, *command))))
        assert sum(len(piece) for piece in reading) >= 0
        check_whole(repo, {})


@needs_unshare
def test_beside_one_that_is_writing(folder):
    """The outer process has written and holds the repository's lock; the inner one may wait, and not go past it."""
    child = Child(folder, [["commit", {"message": "outer"}]], hold="before meta")
    child.wait_for("held")
    inner = start([*apart(folder, "--lock-timeout", "1")[:-1], "gc", "--json"])
    code, name, text = answer(inner)
    assert (code, name) in {(4, "lock-timeout"), (4, "shared-by-namespaces")}, text
    child.go_on()
    child.end()
    assert child.acks
    with mvcs.open(folder) as repo:
        assert repo.head.id == child.acks[0]
        check_whole(repo, {})


LOOP = """
import os, sys
import mvcs
from mvcs.errors import MvcsError

for number in range(6):
    try:
        with mvcs.open(sys.argv[1]) as repo:
            with open(os.path.join(sys.argv[1], "data", sys.argv[2]), "w") as file:
                file.write(str(number) * 1000)
            print("made", repo.commit(sys.argv[2] + str(number)).oid.hex())
    except MvcsError as error:
        print("refused", error.code, error.exit_code)
"""


@needs_unshare
def test_two_containers_whose_processes_have_the_same_number(folder):
    """Both are process 1 of their own namespace: what LMDB's table of readers tells processes apart by."""
    both = [start([*UNSHARE, sys.executable, "-c", LOOP, folder, name]) for name in ("a.csv", "b.csv")]
    lines = []
    for process in both:
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        lines += [line.split() for line in out.splitlines()]
    made = [line[1] for line in lines if line[0] == "made"]
    refused = {line[1] for line in lines if line[0] == "refused"}
    assert refused <= {"shared-by-namespaces", "nothing-to-commit", "changed-during-capture", "unfinished-work"}
    with mvcs.open(folder) as repo:
        assert set(made) <= {commit.id for commit in repo.head.walk()}
        check_whole(repo, {})
    assert os.path.exists(os.path.join(folder, ".mvcs", "format"))


HOLD = """
import sys
import mvcs
from mvcs.errors import MvcsError

try:
    with mvcs.open(sys.argv[1]) as repo:
        print("open", len(repo.refs), flush=True)
        sys.stdin.readline()
        print("made", repo.commit("held").oid.hex(), flush=True)
except MvcsError as error:
    print("refused", error.code, error.exit_code, flush=True)
"""


@needs_unshare
def test_the_second_of_two_processes_with_one_number_is_refused(folder):
    """Measured: LMDB locks the byte of its process number, and the second process finds it locked."""
    first = subprocess.Popen(
        [*UNSHARE, sys.executable, "-c", HOLD, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert first.stdout is not None
    assert first.stdout.readline().startswith("open")
    second = subprocess.run(
        [*UNSHARE, sys.executable, "-c", HOLD, folder], input="\n", capture_output=True, text=True, check=True
    )
    assert second.stdout.split() == ["refused", "shared-by-namespaces", "4"]
    out, _ = first.communicate("\n", timeout=60)
    assert out.startswith("made")
    with mvcs.open(folder) as repo:
        assert repo.head.id == out.split()[1]
        check_whole(repo, {})
