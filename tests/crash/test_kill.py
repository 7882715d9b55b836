"""A command that is killed leaves the old state or the new one, and loses nothing.

At every named point by SIGKILL and by Ctrl-C, and at random times from outside.
"""

from __future__ import annotations

import os
import random
import shutil
import time

import pytest
from crash.project import (
    ROUNDS,
    Before,
    Child,
    check,
    check_whole,
    commit_files,
    copy_project,
    every_commit,
    files_of,
    kept_commits,
    make_project,
    noise,
    pick,
    points_of,
    small_files,
    small_limits,
    use,
    write,
)
from store_contents import weights

import mvcs
from mvcs.errors import NotEmpty, UnfinishedWork
from mvcs.store.splitters import detect

pytestmark = pytest.mark.crash

UNSAVED = {"notes.txt": b"mine", "LICENSE": b"mine\n", "data/more.csv": b"1,2\n"}
"""Work that no commit has, on paths that no branch has different."""
IN_THE_WAY = {**UNSAVED, "train.py": b"print('unsaved')\n", "model.safetensors": noise(900_000, "unsaved")}


def nothing(folder: str) -> None:
    del folder


def small_changes(folder: str) -> None:
    write(folder, {**small_files("new"), "notes.txt": b"mine", "data/a.csv": None})


def large_changes(folder: str) -> None:
    write(folder, {"model.safetensors": noise(2_000_000, "large"), "data/large.csv": noise(900_000, "csv")})


def carried(folder: str) -> None:
    write(folder, UNSAVED)


def in_the_way(folder: str) -> None:
    write(folder, IN_THE_WAY)


def no_undo_window(folder: str) -> None:
    write(folder, UNSAVED)
    with mvcs.open(folder) as repo:
        repo.config_set("gc.undo_days", "0")


def old_runs(folder: str) -> None:
    """Two runs of 2020, one of them with weights that another branch has too, and no undo window."""
    os.environ["MVCS_AUTHOR_DATE"] = "2020-01-01T00:00:00+00:00"
    try:
        with mvcs.open(folder) as repo:
            for number, weights in enumerate([noise(1_100_000, "run"), noise(1_200_000, "other")]):
                repo.switch(f"runs/{number}", create=True, start="main")
                write(folder, {"model.safetensors": weights, "train.py": b"run %d" % number})
                repo.commit(f"run {number}")
            repo.switch("main")
    finally:
        del os.environ["MVCS_AUTHOR_DATE"]
    no_undo_window(folder)


def was_reset(folder: str) -> None:
    write(folder, IN_THE_WAY)
    with mvcs.open(folder) as repo:
        repo.reset("HEAD~1", hard=True)
    write(folder, {"notes.txt": b"changed since", "data/since.csv": b"since"})


def was_undone(folder: str) -> None:
    was_reset(folder)
    with mvcs.open(folder) as repo:
        repo.undo()


def all_saved(folder: str) -> None:
    with mvcs.open(folder) as repo:
        if not repo.status().clean:
            repo.commit("saved")


def stored_apart(folder: str) -> None:
    """Two files of one commit resemble each other, and each is stored by itself."""
    all_saved(folder)
    write(folder, {"model.safetensors": weights(), "twin.safetensors": weights(steps=1)})
    with mvcs.open(folder) as repo:
        repo.commit("twins")
    write(folder, UNSAVED)


def cut_as_before(folder: str) -> None:
    """The same, cut by an mvcs that knew no tensors."""
    split, detect.split = detect.split, lambda source: None
    try:
        stored_apart(folder)
    finally:
        detect.split = split


def in_conflict(folder: str) -> None:
    all_saved(folder)
    with mvcs.open(folder) as repo:
        assert repo.merge("other").conflicts


SCENARIOS = {
    "merge": (all_saved, ["merge", {"revision": "other", "strategies": {"*": "theirs"}}]),
    "merge with conflicts": (all_saved, ["merge", {"revision": "other"}]),
    "resolve": (in_conflict, ["resolve_conflict", {"path": "train.py", "strategy": "theirs"}]),
    "merge --abort": (in_conflict, ["merge_abort", {}]),
    "revert": (all_saved, ["revert", {"revision": "HEAD"}]),
    "commit of small files": (small_changes, ["commit", {"message": "small"}]),
    "commit of large files": (large_changes, ["commit", {"message": "large", "tag": "big"}]),
    "commit --amend": (small_changes, ["commit", {"message": "again", "amend": True}]),
    "switch": (carried, ["switch", {"name": "other"}]),
    "switch --force": (in_the_way, ["switch", {"name": "other", "force": True}]),
    "switch -c": (carried, ["switch", {"name": "new", "create": True, "start": "HEAD~1"}]),
    "checkout of a tag": (carried, ["checkout", {"revision": "t2"}]),
    "restore": (in_the_way, ["restore", {"paths": ["."]}]),
    "restore --source": (in_the_way, ["restore", {"paths": ["data", "train.py"], "source": "other"}]),
    "reset": (carried, ["reset", {"revision": "HEAD~1"}]),
    "reset --hard": (in_the_way, ["reset", {"revision": "HEAD~2", "hard": True}]),
    "gc": (no_undo_window, ["gc", {"thorough": True}]),
    "gc that collects": (old_runs, ["gc", {"thorough": True}]),
    "gc that keeps undo": (carried, ["gc", {"thorough": True}]),
    "repack": (stored_apart, ["repack", {}]),
    "repack --deep": (cut_as_before, ["repack", {"deep": True}]),
    "undo of a commit": (carried, ["undo", {}]),
    "undo of a reset": (was_reset, ["undo", {}]),
    "redo of a reset": (was_undone, ["redo", {}]),
    "branch and tag": (carried, ["tag", {"name": "now", "message": "now"}]),
}


NO_OPERATION = ("gc", "repack")
"""Verbs that move no ref: before and after look alike."""


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> str:
    with small_limits():
        return make_project(str(tmp_path_factory.mktemp("project") / "m"))


@pytest.fixture(scope="module")
def scenes(project, tmp_path_factory):
    """Name to (folder ready for the command, what is there, the files afterwards, the points, seconds)."""
    made = {}

    def get(name: str):
        if name not in made:
            base = tmp_path_factory.mktemp("scene")
            prepare, step = SCENARIOS[name]
            ready = copy_project(project, str(base / "ready"))
            with small_limits():
                prepare(ready)
            before = Before(ready)
            run = copy_project(ready, str(base / "run"))
            began = time.monotonic()
            points = points_of(run, [step])
            made[name] = (ready, before, files_of(run), points, time.monotonic() - began)
            assert check(run, before, files_of(run)) == ("old" if step[0] in NO_OPERATION else "new")
            shutil.rmtree(run)
        return made[name]

    return get


def places() -> list[tuple[str, float, str]]:
    """(scenario, where among its points, signal): each scenario's first and last points among them."""
    every = [(name, share / 6, signal) for name in SCENARIOS for share in range(7) for signal in ("SIGKILL", "SIGINT")]
    return pick(every, max(1, ROUNDS * 6 // 10), "places")


@pytest.mark.parametrize("number,place", list(enumerate(places())))
def test_killed_at_a_point(number, place, scenes, tmp_path):
    name, share, signal = place
    ready, before, after, points, _ = scenes(name)
    index = round(share * (len(points) - 1)) if number < 300 else number % len(points)
    folder = copy_project(ready, str(tmp_path / "m"))
    child = Child(folder, [SCENARIOS[name][1]], kill=index, signal=signal)
    lines = child.end()
    assert child.process.returncode in {-9, 130, 0}, lines
    outcome = check(folder, before, after)
    if child.acks and not name.startswith(NO_OPERATION):
        assert outcome == "new"
    use(folder)


@pytest.mark.parametrize("seed", range(max(1, ROUNDS // 4)))
def test_killed_at_any_time(seed, scenes, tmp_path):
    chance = random.Random(seed)
    name = chance.choice(list(SCENARIOS))
    ready, before, after, _, seconds = scenes(name)
    folder = copy_project(ready, str(tmp_path / "m"))
    child = Child(folder, [SCENARIOS[name][1]], warm=True)
    child.wait_for("ready")
    time.sleep(chance.uniform(0, min(seconds, 0.25)))
    child.kill()
    outcome = check(folder, before, after)
    if child.acks and not name.startswith(NO_OPERATION):
        assert outcome == "new"
    use(folder)


def test_one_repository_is_killed_again_and_again(project, tmp_path):
    """Garbage, half-written segments and temporary files of many kills together do no harm either."""
    chance = random.Random(7)
    folder = copy_project(project, str(tmp_path / "m"))
    with mvcs.open(folder) as repo:
        repo.config_set("gc.undo_days", "0")
        acknowledged = every_commit(repo)
    for number in range(max(3, ROUNDS // 6)):
        large = {"model.safetensors": noise(chance.choice([400, 900_000, 1_500_000]), str(chance.randrange(9)))}
        write(folder, {**small_files(str(chance.randrange(9))), **large})
        steps = [["commit", {"message": str(number)}], ["gc", {"thorough": chance.random() < 0.5}]]
        child = Child(folder, steps, kill=chance.randrange(12))
        child.end()
        with mvcs.open(folder) as repo:
            repo.status()
            assert set(child.errors) <= {"nothing-to-commit"}  # by chance the files are what they were
            if child.acks and not child.errors:
                assert repo.head.id == child.acks[0]
            acknowledged |= every_commit(repo)
            check_whole(repo, {oid: acknowledged[oid] for oid in kept_commits(repo)})
            if number % 3 == 2:
                repo.switch("other" if repo.status().head.shown == "main" else "main", force=True)


class TestInit:
    """A killed init is finished by the next one."""

    @pytest.fixture
    def folder(self, tmp_path):
        folder = str(tmp_path / "new")
        os.makedirs(folder)
        write(folder, {**small_files("new"), "model.safetensors": noise(300_000, "w"), "cache.tmp": b"x"})
        return folder

    def finish(self, folder: str) -> str:
        from mvcs.errors import RepositoryExists

        try:
            mvcs.init(folder, model="m", yes=True)
        except RepositoryExists:
            pass
        files = files_of(folder)
        with mvcs.open(folder) as repo:
            made = repo.commit("first")
            kept = commit_files(repo[made.oid.hex()])
            assert kept == {path: found for path, found in files.items() if path != "cache.tmp"}
            assert set(kept) >= {"mvcs.toml", ".mvcsignore", "train.py", "model.safetensors"}
            assert repo.fsck().problems == []
            assert repo.status().clean
        return made.oid.hex()

    @pytest.mark.parametrize("index", range(3))
    def test_at_a_point(self, folder, index):
        Child(folder, [["init", {"path": folder, "model": "m", "yes": True}]], kill=index).end()
        assert self.finish(folder)

    @pytest.mark.parametrize("seed", range(max(1, ROUNDS // 12)))
    def test_at_any_time(self, folder, seed):
        child = Child(folder, [["init", {"path": folder, "model": "m", "yes": True}]])
        time.sleep(random.Random(seed).uniform(0.1, 0.35))
        child.kill()
        assert self.finish(folder)


class TestClone:
    """A killed clone harms nothing but itself."""

    @pytest.mark.parametrize("share", [0, 0.2, 0.4, 0.6, 0.8, 1])
    def test_at_a_point(self, project, tmp_path, share):
        source = copy_project(project, str(tmp_path / "m"))
        before = Before(source)
        points = points_of(source, [["clone", {"source": source, "target": str(tmp_path / "whole")}]])
        target = str(tmp_path / "target")
        kill = round(share * (len(points) - 1))
        Child(source, [["clone", {"source": source, "target": target}]], kill=kill).end()
        assert check(source, before, None) == "old"
        if share == 1:  # at its last point only the mark that tells of it is left to remove
            assert files_of(target) == files_of(str(tmp_path / "whole"))
        self.clone_again(source, target, before)

    def clone_again(self, source: str, target: str, before: Before) -> None:
        """The same command again works, and gives what it gives elsewhere."""
        mvcs.clone(source, target)
        with mvcs.open(target) as repo:
            assert repo.status().clean
            assert commit_files(repo.head) == files_of(target)
            check_whole(repo, {oid: before.commits[oid] for oid in {c.id for c in repo.branches.values()}})
        assert not os.path.exists(os.path.join(target, ".mvcs", "cloning"))

    @pytest.mark.parametrize("point", ["file renamed", "files written beside"])
    def test_the_next_one_is_killed_too(self, project, tmp_path, point):
        """The second removes what the first left, and is killed while it does."""
        source, target = copy_project(project, str(tmp_path / "m")), str(tmp_path / "target")
        before = Before(source)
        steps = [["clone", {"source": source, "target": target}]]
        points = points_of(source, [["clone", {"source": source, "target": str(tmp_path / "whole")}]])
        Child(source, steps, kill=points.index(point)).end()
        assert files_of(target)
        Child(source, steps, kill=0).end()
        assert files_of(target) == {}
        assert os.listdir(target) == [".mvcs"]
        self.clone_again(source, target, before)

    def test_of_what_somebody_put_there_since_nothing_is_removed(self, project, tmp_path):
        source, target = copy_project(project, str(tmp_path / "m")), str(tmp_path / "target")
        steps = [["clone", {"source": source, "target": target}]]
        points = points_of(source, [["clone", {"source": source, "target": str(tmp_path / "whole")}]])
        last = len(points) - 1 - points[::-1].index("file renamed")
        for name, content in {"notes.txt": b"mine", "data/deep/mine.csv": b"1", "train.py": b"print('edited')\n"}.items():
            Child(source, steps, kill=last).end()
            write(target, {name: content})
            here = files_of(target)
            with pytest.raises(NotEmpty) as caught:
                mvcs.clone(source, target)
            assert caught.value.hint == f"mv {target}/{name} elsewhere, then the same command"
            assert files_of(target) == here
            os.unlink(os.path.join(target, name))
            mvcs.clone(source, target)
            shutil.rmtree(target)

    def test_one_that_was_used_since_is_no_half_clone(self, project, tmp_path):
        source, target = copy_project(project, str(tmp_path / "m")), str(tmp_path / "target")
        steps = [["clone", {"source": source, "target": target}]]
        points = points_of(source, [["clone", {"source": source, "target": str(tmp_path / "whole")}]])
        Child(source, steps, kill=len(points) - 1).end()
        with mvcs.open(target) as repo:
            write(target, {"train.py": b"print('used')\n"})
            made = repo.commit("used")
        with pytest.raises(NotEmpty) as caught:
            mvcs.clone(source, target)
        assert caught.value.hint.startswith(f"mvcs -C {target} checkout")
        with mvcs.open(target) as repo:
            assert repo.head.id == made.oid.hex()
            assert repo.status().clean

    def test_one_that_still_runs_is_left_alone(self, project, tmp_path):
        source, target = copy_project(project, str(tmp_path / "m")), str(tmp_path / "target")
        running = Child(source, [["clone", {"source": source, "target": target}]], hold="file renamed")
        running.wait_for("held")
        with pytest.raises(UnfinishedWork, match=f"process {running.process.pid}"):
            mvcs.clone(source, target)
        running.go_on()
        running.end()
        assert not running.errors
        with mvcs.open(target) as repo:
            assert repo.status().clean

    def test_one_that_is_interrupted_leaves_nothing(self, project, tmp_path):
        source = copy_project(project, str(tmp_path / "m"))
        points = points_of(source, [["clone", {"source": source, "target": str(tmp_path / "whole")}]])
        for share in (0, 0.3, 0.6, 0.9):
            for there in (False, True):
                target = str(tmp_path / "deep" / "target")
                if there:
                    os.makedirs(target)
                kill = round(share * (len(points) - 1))
                lines = Child(source, [["clone", {"source": source, "target": target}]], kill=kill, signal="SIGINT").end()
                assert "interrupted" in lines
                assert os.path.isdir(target) is there
                if there:
                    assert os.listdir(target) == []
                    os.rmdir(target)
                    os.rmdir(os.path.dirname(target))
                assert not (tmp_path / "deep").exists()


@pytest.mark.parametrize("left", [[], ["data.mdb"], ["lock.mdb"]], ids=["nothing", "empty data", "a lock"])
def test_a_segment_whose_making_or_removal_was_killed_is_no_damage(project, tmp_path, left):
    folder = copy_project(project, str(tmp_path / "m"))
    before = Before(folder)
    segment = os.path.join(folder, ".mvcs", "chunks", "0077")
    os.makedirs(segment)
    for name in left:
        with open(os.path.join(segment, name), "wb"):
            pass
    assert check(folder, before, None) == "old"
    large_changes(folder)
    use(folder)
