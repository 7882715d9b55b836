"""gc that collects weights, beside others and killed: what gets a name meanwhile keeps its weights or is refused."""

from __future__ import annotations

import os
import time

import pytest
from crash.project import Child, make_project, noise, points_of, small_limits, write

import mvcs
from mvcs import ports
from mvcs.errors import MvcsError
from mvcs.ops.collected import WeightsCollected, collected_commits

pytestmark = pytest.mark.crash
WEIGHTS = noise(700_000, "run")


@pytest.fixture
def folder(tmp_path, monkeypatch) -> str:
    """A project whose branch runs/1 is of 2020; no operation is inside the undo window."""
    with small_limits():
        folder = make_project(str(tmp_path / "m"))
        monkeypatch.setenv("MVCS_AUTHOR_DATE", "2020-01-01T00:00:00+00:00")
        with mvcs.open(folder) as repo:
            repo.switch("runs/1", create=True)
            write(folder, {"model.safetensors": WEIGHTS, "train.py": b"run"})
            repo.commit("a run")
            repo.switch("main")
            repo.config_set("gc.undo_days", "0")
        monkeypatch.delenv("MVCS_AUTHOR_DATE")
    return folder


def gc_child(folder: str, hold: str | None = None, **plan: object) -> Child:
    return Child(folder, [["gc", {"thorough": True}]], hold=hold, **plan)


def is_whole(repo: mvcs.Repo, revision: str) -> bool:
    return repo[revision].weights.files["model.safetensors"] == WEIGHTS


BETWEEN = {
    "a tag": ["tag", {"name": "late", "revision": "runs/1"}],
    "a branch": ["branch", {"name": "late", "start": "runs/1"}],
    "HEAD": ["switch", {"name": "runs/1"}],
    "a commit on it": ["switch", {"name": "late", "create": True, "start": "runs/1"}],
    "a reset": ["reset", {"revision": "runs/1"}],
}


@pytest.mark.parametrize("name", BETWEEN)
def test_what_gets_a_name_between_the_two_markings_keeps_its_weights(folder, name):
    gc = gc_child(folder, "gc marked")
    gc.wait_for("held")
    child = Child(folder, [BETWEEN[name]])
    assert child.end()[-1].startswith("ack")
    gc.go_on()
    gc.end()
    assert gc.acks
    with mvcs.open(folder) as repo:
        assert is_whole(repo, "runs/1")
        assert collected_commits(repo._repository) == {}
        assert [problem.to_dict() for problem in repo.fsck().problems] == []


def test_a_commit_of_the_same_weights_between_the_markings_keeps_the_bytes(folder):
    gc = gc_child(folder, "gc marked")
    gc.wait_for("held")
    write(folder, {"model.safetensors": WEIGHTS})
    with small_limits(), mvcs.open(folder) as repo:
        made = repo.commit("the same bytes").oid.hex()
    gc.go_on()
    gc.end()
    with mvcs.open(folder) as repo:
        assert is_whole(repo, made)
        assert is_whole(repo, "runs/1")
        assert repo.fsck().problems == []


@pytest.mark.parametrize("point", ["gc locked", "gc attested", "gc deleted names"])
@pytest.mark.parametrize("name", BETWEEN)
def test_what_wants_the_weights_while_they_go_waits_and_is_whole_or_refused(folder, point, name):
    gc = gc_child(folder, point)
    gc.wait_for("held")
    child = Child(folder, [BETWEEN[name]])
    time.sleep(0.3)
    gc.go_on()
    gc.end()
    lines = child.end()
    with mvcs.open(folder) as repo:
        assert [problem.to_dict() for problem in repo.fsck().problems] == [], lines
        with pytest.raises(WeightsCollected):
            is_whole(repo, "runs/1")
        assert child.errors == (["weights-collected"] if BETWEEN[name][0] == "switch" else [])
        assert repo.status().problems == []


def test_a_commit_after_gc_stores_again_what_went(folder):
    gc = gc_child(folder, "gc attested")
    gc.wait_for("held")
    write(folder, {"model.safetensors": WEIGHTS})
    child = Child(folder, [["commit", {"message": "the same bytes"}]])
    time.sleep(0.3)
    gc.go_on()
    gc.end()
    child.end()
    with mvcs.open(folder) as repo:
        assert repo.head.id == child.acks[0]
        assert is_whole(repo, "HEAD")
        assert repo.show("runs/1").collected is None
        assert repo.fsck().problems == []


def killing_points(folder: str, tmp_path) -> list[str]:
    import shutil

    copy = shutil.copytree(folder, tmp_path / "points", symlinks=True)
    return points_of(str(copy), [["gc", {"thorough": True}]])


def test_killed_wherever_it_is_it_never_deletes_unattested(folder, tmp_path):
    """Weights that are gone are attested; what is attested and still there is taken by the next gc."""
    import shutil

    points = killing_points(folder, tmp_path)
    assert points.index("gc locked") + 1 == points.index("gc attested") < points.index("gc deleted names")
    for index in range(points.index("gc locked"), len(points)):
        copy = str(shutil.copytree(folder, tmp_path / f"killed-{index}", symlinks=True))
        child = gc_child(copy, kill=index)
        child.end()
        assert not child.acks
        with mvcs.open(copy) as repo:
            attested = set(collected_commits(repo._repository))
            assert bool(attested) == (index >= points.index("gc attested"))
            try:
                there = is_whole(repo, "runs/1")
            except MvcsError:
                there = False
                assert attested
            if index == points.index("gc attested"):
                assert there
                assert repo.show("runs/1").collected is None
            assert [problem.to_dict() for problem in repo.fsck().problems] == []
            repo.gc(thorough=True)
            with pytest.raises(WeightsCollected):
                is_whole(repo, "runs/1")
            assert repo.show("runs/1").collected is not None
            assert [problem.to_dict() for problem in repo.fsck().problems] == []


def test_the_attestation_is_durable_before_anything_is_deleted(folder, monkeypatch):
    """At the point in between: the store says so already, and has lost nothing yet."""
    seen = []

    def look(name: str) -> None:
        if name == "gc attested":
            with mvcs.open(folder) as other:
                seen.append((len(collected_commits(other._repository)), is_whole(other, "runs/1")))

    with small_limits(), mvcs.open(folder) as repo:
        monkeypatch.setattr(ports, "on_reached", look)
        assert repo.gc().collected == 1
    assert seen == [(1, True)]
    assert os.path.isfile(f"{folder}/model.safetensors")
