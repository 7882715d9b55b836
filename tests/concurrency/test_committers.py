"""Several processes commit at once: what was acknowledged is there, what was not was refused, readers never fail."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest
from crash.project import kept_commits, noise, write

import mvcs
from mvcs.errors import BranchInUse
from mvcs.objects.operation import Move
from mvcs.refs.names import head_key

pytestmark = pytest.mark.crash

COMMITTER = """
import os, sys
import mvcs
from mvcs.errors import MvcsError

folder, name, count, shared = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4] == "shared"
made = 0
for number in range(count * 20):
    if made == count:
        break
    with open(os.path.join(folder, "data" , name + ".csv"), "wb") as file:
        file.write(b"%d\\n" % number * (30_000 if number % 2 else 1))
    try:
        with mvcs.open(folder, lock_timeout=60) as repo:
            result = repo.commit(name + str(number))
    except MvcsError as error:
        print("refused", error.code, error.exit_code, flush=True)
        if error.code == "nothing-to-commit":
            made += 1  # another process has committed this file too
        continue
    print("made", result.oid.hex(), flush=True)
    made += 1
"""

READER = """
import sys, time
import mvcs

until = time.monotonic() + float(sys.argv[2])
rounds = 0
with mvcs.open(sys.argv[1]) as repo:
    while time.monotonic() < until:
        newest = next(iter(repo.log(limit=5)))
        repo.status()
        for item in repo.ls(newest.oid.hex()):
            b"".join(repo.cat(newest.oid.hex() + ":" + item.path.decode()))
        rounds += 1
print("rounds", rounds)
"""


def start(script: str, *arguments: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(process: subprocess.Popen) -> list[list[str]]:
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return [line.split() for line in out.splitlines()]


def make(folder: str, model: str, **options: object) -> None:
    os.makedirs(folder, exist_ok=True)
    write(folder, {"train.py": b"print(1)\n", "model.safetensors": noise(600_000, model), "data/start.csv": b"1\n"})
    with mvcs.init(folder, model=model, yes=True)[0] as repo:
        repo.commit("first")


def check(folder: str, answers: list[list[list[str]]], allowed: set[str]) -> None:
    with mvcs.open(folder) as repo:
        assert [problem.to_dict() for problem in repo.fsck().problems] == []
        made = {line[1] for lines in answers for line in lines if line[0] == "made"}
        refused = {(line[1], line[2]) for lines in answers for line in lines if line[0] == "refused"}
        assert made <= kept_commits(repo)
        assert {code for code, _ in refused} <= allowed
        assert {status for code, status in refused if code != "nothing-to-commit"} <= {"4"}
        generations = [repo[oid].fields.generation for oid in made]
        assert len(made) == len(generations)
        for oid in made:
            for path in repo[oid].files:
                assert repo[oid].files[path] is not None


def test_two_in_one_workspace_and_a_reader(tmp_path):
    folder = str(tmp_path / "m")
    make(folder, "m")
    reader = start(READER, folder, "2")
    writers = [start(COMMITTER, folder, name, "5", "shared") for name in ("a", "b")]
    answers = [finish(writer) for writer in writers]
    assert int(finish(reader)[0][1]) >= 1
    check(folder, answers, {"nothing-to-commit", "changed-during-capture"})
    with mvcs.open(folder) as repo:
        files = repo.head.files
        assert {"data/a.csv", "data/b.csv"} <= set(files) or not repo.status().clean


@pytest.fixture
def two(tmp_path) -> list[str]:
    """Two workspaces in one repository."""
    top = str(tmp_path / "project")
    make(top, "top")
    make(os.path.join(top, "one"), "one")
    make(os.path.join(top, "two"), "two")
    return [os.path.join(top, "one"), os.path.join(top, "two")]


def test_two_models_in_one_repository(two):
    reader = start(READER, two[0], "2")
    writers = [start(COMMITTER, folder, "a", "5", "own") for folder in two]
    answers = [finish(writer) for writer in writers]
    finish(reader)
    for folder, lines in zip(two, answers, strict=True):
        assert sum(line[0] == "made" for line in lines) == 5
        check(folder, answers, set())
        with mvcs.open(folder) as repo:
            assert len(list(repo.log())) == 6
            assert repo.status().clean


def test_two_workspaces_on_one_branch(two):
    """Neither may commit: the files of one know nothing of what the other would have committed.

    No command leads there: it is what an older repository may have.
    """
    with open(os.path.join(two[1], "mvcs.toml"), encoding="utf-8") as file:
        text = file.read()
    with open(os.path.join(two[1], "mvcs.toml"), "w", encoding="utf-8") as file:
        file.write(text.replace('model = "two"', 'model = "one"'))
    with mvcs.open(two[1]) as repo:
        with pytest.raises(BranchInUse):
            repo.checkout("main", force=True)
        place = repo._repository
        move = Move(head_key("two"), "heads/two/main", "heads/one/main")
        place.publish(actor=place.actor(), command="by hand", moves=(move,))
    writers = [start(COMMITTER, folder, name, "5", "own") for folder, name in zip(two, "ab", strict=True)]
    answers = [finish(writer) for writer in writers]
    check(two[0], answers, {"branch-in-use"})
    with mvcs.open(two[0]) as repo:
        made = [line[1] for lines in answers for line in lines if line[0] == "made"]
        assert made == []
        assert repo.fsck().problems == []


def test_eight_processes_with_five_commits_each(tmp_path):
    folder = str(tmp_path / "m")
    make(folder, "m")
    writers = [start(COMMITTER, folder, f"w{number}", "5", "shared") for number in range(8)]
    answers = [finish(writer) for writer in writers]
    check(folder, answers, {"nothing-to-commit", "changed-during-capture"})
    with mvcs.open(folder) as repo:
        made = {line[1] for lines in answers for line in lines if line[0] == "made"}
        assert made | {commit.id for commit in repo.head.walk()} == {commit.id for commit in repo.head.walk()}
        repo.status()


def test_one_process_makes_a_repository_anew_where_it_had_one(tmp_path):
    """A notebook goes on after its folder was removed: nothing is written to files that are gone."""
    import shutil

    folder = str(tmp_path / "m")
    make(folder, "m")
    repo = mvcs.open(folder)
    assert repo.status().clean
    shutil.rmtree(folder)
    make(folder, "m")
    done = subprocess.run(
        [sys.executable, "-m", "mvcs_cli.main", "-C", folder, "log", "--json"], capture_output=True, text=True,
        check=True,
    )
    assert len(json.loads(done.stdout)["commits"]) == 1
    done = subprocess.run([sys.executable, "-m", "mvcs_cli.main", "-C", folder, "fsck"], check=False)
    assert done.returncode == 0


def test_waiting_for_a_workspace_ends_in_time(tmp_path):
    folder = str(tmp_path / "m")
    make(folder, "m")
    with mvcs.open(folder) as repo, mvcs.open(folder, lock_timeout=0.2) as other:
        from mvcs.ops.context import open_workspace

        with open_workspace(repo._repository).locked():
            began = time.monotonic()
            write(folder, {"train.py": b"print(2)\n"})
            with pytest.raises(mvcs.errors.UnfinishedWork) as caught:
                other.commit("too early")
            assert time.monotonic() - began < 5
            assert caught.value.exit_code == 4
