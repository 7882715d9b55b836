"""The committed repository of format 1 opens, and every oid in it is what it was."""

import json
import pathlib
import shutil

import pytest

import mvcs

GOLDEN = pathlib.Path(__file__).parent / "repos" / "v1"
EXPECTED = json.loads((GOLDEN / "expected.json").read_text())


@pytest.fixture
def repo(tmp_path):
    folder = tmp_path / "tweets"
    shutil.copytree(GOLDEN, folder / ".mvcs", ignore=shutil.ignore_patterns("expected.json"))
    for name in ("locks", "mapped"):
        (folder / ".mvcs" / name).mkdir()
    (folder / "mvcs.toml").write_text('model = "tweets"\nfollow_git = false\n')
    with mvcs.open(folder) as found:
        yield found


def test_refs_commits_trees_and_operations_are_unchanged(repo):
    assert repo.refs == EXPECTED["refs"]
    assert {item.oid.hex(): item.commit.message for item in repo.log(every=True)} == EXPECTED["commits"]
    assert {revision: repo[revision].tree for revision in EXPECTED["trees"]} == EXPECTED["trees"]
    assert [item.oid.hex() for item in repo.op_log()] == EXPECTED["operations"]


def test_files_and_staleness_are_unchanged(repo):
    for revision, files in EXPECTED["files"].items():
        found = {
            item.path.decode(): [item.entry.oid.hex(), f"{item.entry.mode:o}", item.entry.size, item.ingredient]
            for item in repo.ls(revision, generated=True)
        }
        assert found == files
    assert {revision: repo[revision].stale for revision in EXPECTED["stale"]} == EXPECTED["stale"]


def test_every_byte_is_there(repo):
    report = repo.fsck()
    assert report.problems == []
    assert report.objects > 30


def test_a_clone_of_it_has_its_bytes(repo, tmp_path):
    mvcs.clone(repo.path, str(tmp_path / "copy"), branch="longer")
    assert (tmp_path / "copy" / "data" / "many" / "f299.csv").read_bytes() == b"299\n"
    assert (tmp_path / "copy" / "latest.py").readlink().name == "train.py"
    assert (tmp_path / "copy" / "run.sh").stat().st_mode & 0o111


def test_new_commits_of_the_same_files_have_the_same_trees(repo, tmp_path):
    """What was cut, compressed and hashed then is cut and hashed the same way now."""
    mvcs.clone(repo.path, str(tmp_path / "copy"), branch="longer")
    (tmp_path / "copy" / "params.yaml").write_text("lr: 0.3\n")
    with mvcs.open(tmp_path / "copy") as copy:
        copy.commit("other")
        (tmp_path / "copy" / "params.yaml").write_text("lr: 0.2\n")
        copy.commit("back")
        assert copy["HEAD"].tree == EXPECTED["trees"]["longer"]
