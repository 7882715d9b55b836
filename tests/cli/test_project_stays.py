"""No command takes mvcs.toml away from under the user: without it there is no workspace, and no undo."""

from __future__ import annotations

import pytest

import mvcs
from mvcs.objects.hashing import COMMIT
from mvcs.objects.operation import Move
from mvcs.ops.trees import NewTree, edit_unstored
from tests.cli.harness import fails, listed, make_project, mvcs_run, ok, snapshot, status, write

FILES = {"train.py": "x = 1\n", "params.yaml": "lr: 1\n", "model.bin": b"w" * 100}


def without_project(folder, branch):
    """Takes mvcs.toml out of a branch's newest commit, as another tool may have made it."""
    with mvcs.open(folder) as repo:
        repository = repo._repository
        key = f"heads/{repo.status().model}/{branch}"
        tip = repository.refs().resolve(key)
        old = repository.commit(tip)
        with repository.lock.shared(), repository.store.batch() as batch:
            tree = edit_unstored(repository, NewTree(repository, old.tree, []), {b"about/mvcs.toml": None})
            tree.put(batch)
            made = batch.put_object(COMMIT, old.but(tree=tree.oid).encode())
            repository.publish(actor=("A", ""), command="x", moves=(Move(key, tip, made),), batch=batch)


@pytest.fixture
def project(tmp_path):
    """On main, with a branch `bare` that is one commit ahead and has no mvcs.toml."""
    folder = make_project(tmp_path / "p", FILES)
    ok("switch", "-c", "bare", cwd=folder)
    write(folder, {"params.yaml": "lr: 2\n", "train.py": "x = 2\n"})
    ok("commit", "-m", "bare", cwd=folder)
    ok("switch", "main", cwd=folder)
    without_project(folder, "bare")
    assert "mvcs.toml" not in listed(folder, "bare")
    return folder


def goes_on(folder):
    write(folder, {"train.py": "x = 3\n", "params.yaml": "lr: 3\n"})
    ok("commit", "-m", "on we go", cwd=folder)


@pytest.mark.parametrize("how", [
    ("switch", "bare"), ("switch", "--force", "bare"), ("switch", "-c", "new", "bare"), ("switch", "--detach", "bare"),
    ("checkout", "bare"), ("merge", "bare"), ("merge", "--no-ff", "bare"), ("cherry-pick", "bare"),
    ("reset", "--hard", "bare"), ("restore", "--source", "bare", "."), ("reset", "--only", "about", "bare"),
], ids=" ".join)
@pytest.mark.parametrize("further", [False, True])
def test_what_would_take_it_away_is_refused_and_changes_nothing(project, how, further):
    if further:
        goes_on(project)
    before = snapshot(project), status(project)
    error = fails(4, "workspace-would-go", *how, cwd=project)
    assert error["details"] == {"path": "mvcs.toml"}
    assert "bare" in error["hint"] or how[0] in {"restore", "reset"}
    assert (snapshot(project), status(project)) == before
    assert status(project)["merging"] is None


def test_the_hints_work(project):
    hint = fails(4, "workspace-would-go", "merge", "bare", cwd=project)["hint"]
    assert hint == "mvcs restore --source bare PATH brings single files of it, then mvcs commit"
    assert fails(4, "workspace-would-go", "cherry-pick", "bare", cwd=project)["hint"] == "mvcs cherry-pick bare --only code"
    ok("restore", "--source", "bare", "params.yaml", cwd=project)
    ok("commit", "-m", "its params", cwd=project)
    ok("cherry-pick", "bare", "--only", "code", cwd=project)
    assert (project / "params.yaml").read_text() == "lr: 2\n"
    assert (project / "train.py").read_text() == "x = 2\n"


def test_a_branch_that_was_reset_to_such_a_commit_keeps_the_file(project):
    ok("reset", "bare", cwd=project)
    assert (project / "mvcs.toml").exists()
    error = fails(4, "workspace-would-go", "reset", "--hard", "HEAD", cwd=project)
    assert error["hint"].startswith("mvcs restore --source HEAD")
    ok("undo", cwd=project)
    ok("redo", cwd=project)
    ok("commit", "-m", "with it again", cwd=project)
    assert "mvcs.toml" in listed(project)


def test_a_commit_does_not_drop_it(project):
    error = fails(4, "workspace-would-go", "rm", "--cached", "mvcs.toml", cwd=project)
    assert error["details"] == {"path": "mvcs.toml"}
    assert status(project)["clean"]
    write(project, {".mvcsignore": "/mvcs.toml\n"})
    before = ok("rev-parse", "HEAD", cwd=project).out
    error = fails(4, "workspace-would-go", "commit", "-m", "without it", cwd=project)
    assert error["hint"] == "take mvcs.toml out of .mvcsignore, or mvcs add mvcs.toml --as about"
    assert ok("rev-parse", "HEAD", cwd=project).out == before
    (project / ".mvcsignore").unlink()
    model = status(project)["model"]
    write(project, {"mvcs.toml": f'model = "{model}"\n[ingredients]\ncode = ["*.py"]\nweights = ["*.bin"]\n'})
    fails(4, "workspace-would-go", "commit", "-m", "without it", cwd=project)
    ok("add", "mvcs.toml", "--as", "about", cwd=project)
    ok("commit", "-m", "with it", cwd=project)
    assert "mvcs.toml" in listed(project)


def test_one_that_was_never_part_of_the_model_stays_where_it_is(tmp_path):
    folder = write(tmp_path / "p", FILES)
    ok("init", "--model", "m", "--yes", cwd=folder)
    write(folder, {".mvcsignore": "/mvcs.toml\n"})
    ok("commit", "-m", "first", cwd=folder)
    assert "mvcs.toml" not in listed(folder)
    ok("switch", "-c", "side", cwd=folder)
    goes_on(folder)
    ok("switch", "main", cwd=folder)
    ok("merge", "side", cwd=folder)
    assert (folder / "mvcs.toml").exists()


def test_resolving_a_conflict_does_not_take_it_away(project):
    write(project, {"mvcs.toml": (project / "mvcs.toml").read_text() + "# ours\n"})
    goes_on(project)
    assert mvcs_run("merge", "bare", cwd=project).code == 1
    error = fails(4, "workspace-would-go", "resolve", "mvcs.toml", "--theirs", cwd=project)
    assert error["hint"] == "mvcs resolve mvcs.toml --ours"
    ok("resolve", "mvcs.toml", "--ours", cwd=project)
    for path in ("params.yaml", "train.py"):
        ok("resolve", path, "--theirs", cwd=project)
    ok("commit", cwd=project)
    assert "mvcs.toml" in listed(project)
    assert (project / "params.yaml").read_text() == "lr: 2\n"
