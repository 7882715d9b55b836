"""mvcs status: what it tells, that it reads nothing it need not, and that no change escapes it."""

from __future__ import annotations

import os
import stat

import pytest

import mvcs
from mvcs.repo.statcache import forget
from mvcs.store.lmdb_store import LmdbStore
from tests.cli.harness import PROJECT, changes, fails, git, make_project, mvcs_run, ok, status, write


@pytest.fixture
def opened(monkeypatch):
    """Collects the paths of files that are opened for reading."""
    seen: list[str] = []
    real = os.open

    def watch(path, flags, *args, **kwargs):
        descriptor = real(path, flags, *args, **kwargs)
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            seen.append(os.fsdecode(path))
        return descriptor

    monkeypatch.setattr(os, "open", watch)
    return seen


def read_of(opened, project) -> set[str]:
    """Returns the files of the model that were read, and forgets them."""
    found = {os.path.relpath(path, project) for path in opened if path.startswith(f"{project}/") and "/.mvcs/" not in path}
    opened.clear()
    return found


def age(project, seconds: int = 100) -> None:
    """Makes everything older, and lets one status look at it, as if the work had been done a while ago."""
    for folder, folders, names in os.walk(project):
        if ".mvcs" in folders:
            folders.remove(".mvcs")
        for name in names:
            path = os.path.join(folder, name)
            now = os.lstat(path).st_mtime_ns
            os.utime(path, ns=(now, now - seconds * 10**9), follow_symlinks=False)
    status(project)


def test_the_documented_keys(project):
    write(project, {"train.py": "new", "notes.txt": "n"})
    (project / "params.yaml").unlink()
    found = status(project)
    assert found == {
        "schema": "mvcs.status/1", "clean": False, "stale": True, "stale_metrics": False, "model": "m", "branch": "main",
        "commit": ok("rev-parse", "HEAD", cwd=project).out.strip(), "start": None, "follows_git": False, "left_out": [], "problems": [],
        "changes": [{"path": "params.yaml", "ingredient": "config", "change": "deleted"}, {"path": "train.py", "ingredient": "code", "change": "modified"}],
        "untracked": ["notes.txt"], "merging": None, "merges_due": [],
        "unmerged_in_git": [], "left_over": None, "other": None, "complete": None,
    }


def test_for_people_and_for_q(project):
    assert "Clean" in ok("status", cwd=project).out
    assert ok("status", "-q", cwd=project).out == ""
    write(project, {"train.py": "new", "a\nb.py": "x"})
    assert ok("status", "-q", cwd=project).out == '"a\\nb.py"\ntrain.py\n'
    shown = ok("status", cwd=project).out
    assert "modified  train.py" in shown
    assert "weights are stale" in shown
    assert 'Next: mvcs commit -m "..."' in shown


def test_before_the_first_commit(tmp_path):
    project = make_project(tmp_path / "p", commit=False)
    found = status(project)
    assert (found["commit"], found["clean"], found["stale"]) == (None, False, False)
    assert {item["change"] for item in found["changes"]} == {"added"}
    assert "no commit yet" in ok("status", cwd=project).out


CHANGES = {
    "content": (lambda p: write(p, {"train.py": "other\n"}), {"train.py": ("code", "modified")}),
    "same size": (lambda p: write(p, {"params.yaml": "lr: 0.2\n"}), {"params.yaml": ("config", "modified")}),
    "executable": (lambda p: os.chmod(p / "train.py", 0o755), {"train.py": ("code", "mode")}),
    "other modes": (lambda p: os.chmod(p / "train.py", 0o600), {}),
    "touch": (lambda p: os.utime(p / "train.py"), {}),
    "touch into the future": (lambda p: os.utime(p / "train.py", (2**33, 2**33)), {}),
    "written again": (lambda p: write(p, {"train.py": PROJECT["train.py"]}), {}),
    "replaced by the same": (lambda p: (os.rename(p / "train.py", p / "t"), write(p, {"train.py": PROJECT["train.py"]}), (p / "t").unlink()), {}),
    "deleted": (lambda p: (p / "train.py").unlink(), {"train.py": ("code", "deleted")}),
    "new": (lambda p: write(p, {"data/b.csv": "1"}), {"data/b.csv": ("data", "added")}),
    "new in a new folder": (lambda p: write(p, {"x/y/z.py": "1"}), {"x/y/z.py": ("code", "added")}),
    "renamed": (lambda p: os.rename(p / "train.py", p / "fit.py"), {"train.py": ("code", "deleted"), "fit.py": ("code", "added")}),
    "folder renamed": (lambda p: os.rename(p / "data", p / "dataset"), {"data/train.csv": ("data", "deleted"), "dataset/train.csv": ("data", "added")}),
    "swapped": (lambda p: (os.rename(p / "train.py", p / "t"), os.rename(p / "params.yaml", p / "train.py"), os.rename(p / "t", p / "params.yaml")),
                {"train.py": ("code", "modified"), "params.yaml": ("config", "modified")}),
    "a link now": (lambda p: ((p / "train.py").unlink(), (p / "train.py").symlink_to("README.md")), {"train.py": ("code", "modified")}),
    "a folder now": (lambda p: ((p / "train.py").unlink(), write(p, {"train.py/x.py": "1"})), {"train.py": ("code", "deleted"), "train.py/x.py": ("code", "added")}),
    "emptied": (lambda p: os.truncate(p / "model.pt", 0), {"model.pt": ("weights", "modified")}),
    "grown": (lambda p: os.truncate(p / "model.pt", 5000), {"model.pt": ("weights", "modified")}),
    "an empty folder": (lambda p: (p / "new").mkdir(), {}),
    "an untracked file": (lambda p: write(p, {"notes.txt": "n"}), {}),
}


@pytest.mark.parametrize("aged", [False, True])
@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_told_and_told_again(project, name, aged):
    """The second look relies on what the first one remembered."""
    if aged:
        age(project)
    change, expected = CHANGES[name]
    change(project)
    for _ in range(3):
        assert changes(project) == expected
        assert status(project)["clean"] is (not expected)


@pytest.mark.parametrize("name", CHANGES)
def test_the_cache_changes_no_answer(project, name):
    CHANGES[name][0](project)
    with_cache = status(project)
    with LmdbStore(str(project / ".mvcs")).write() as transaction:
        forget(transaction, ".")
    assert status(project) == with_cache
    assert status(project) == with_cache


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_committed_is_clean_and_comes_back(project, name, tmp_path):
    from tests.cli.harness import snapshot

    CHANGES[name][0](project)
    done = mvcs_run("commit", "-m", "x", cwd=project)
    assert done.code == (0 if CHANGES[name][1] else 1)
    assert status(project)["clean"]
    ok("clone", str(project), str(tmp_path / "copy"))
    here = {path: kind for path, kind in snapshot(project).items() if path != b"notes.txt"}
    assert snapshot(tmp_path / "copy") == here
    assert status(tmp_path / "copy")["clean"]
    ok("checkout", "HEAD", cwd=project)


def test_a_clean_status_reads_no_file(project, opened):
    age(project)
    age(project)
    opened.clear()
    assert status(project)["clean"]
    assert read_of(opened, project) == set()


def test_only_what_changed_is_read(project, opened):
    age(project)
    write(project, {"train.py": "new"})
    opened.clear()
    assert changes(project) == {"train.py": ("code", "modified")}
    assert read_of(opened, project) - {"mvcs.toml"} == {"train.py"}


def test_commit_reads_only_what_changed(project, opened):
    write(project, {"model.pt": os.urandom(300_000)})
    ok("commit", "-m", "w", cwd=project)
    age(project)
    write(project, {"train.py": "new"})
    opened.clear()
    ok("commit", "-m", "x", cwd=project)
    assert read_of(opened, project) - {"mvcs.toml"} == {"train.py"}


def test_after_a_checkout_nothing_old_is_read(project, opened):
    write(project, {"model.pt": os.urandom(300_000)})
    ok("commit", "-m", "w", cwd=project)
    age(project)
    ok("switch", "-c", "side", cwd=project)
    write(project, {"train.py": "side"})
    ok("commit", "-m", "side", cwd=project)
    ok("switch", "main", cwd=project)
    opened.clear()
    assert status(project)["clean"]
    assert "model.pt" not in read_of(opened, project)


def test_a_rewrite_within_the_same_tick_and_size_is_noticed(project):
    """The racy rule: a file written just before the look may be written again without its stat telling."""
    for index in range(40):
        write(project, {"params.yaml": f"lr: {index % 10}.0\n"})
        first = os.stat(project / "params.yaml")
        assert changes(project) == {"params.yaml": ("config", "modified")}
        with open(project / "params.yaml", "r+b") as file:
            file.write(b"lr: 0.1\n")
        os.utime(project / "params.yaml", ns=(first.st_atime_ns, first.st_mtime_ns))
        assert changes(project) == {}, index


def test_a_rewrite_just_after_a_commit_is_noticed(project):
    for index in range(20):
        write(project, {"params.yaml": f"lr: {index:03}\n"})
        ok("commit", "-m", str(index), cwd=project)
        write(project, {"params.yaml": f"lr: x{index:02}\n"})
        assert changes(project) == {"params.yaml": ("config", "modified")}, index


def test_a_changed_file_with_its_old_times_set_back_is_noticed(project):
    age(project)
    before = os.stat(project / "params.yaml")
    write(project, {"params.yaml": "lr: 9.9\n"})
    os.utime(project / "params.yaml", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert changes(project) == {"params.yaml": ("config", "modified")}


def test_a_new_file_in_a_folder_whose_time_was_set_back_is_noticed(project):
    age(project)
    before = os.stat(project / "data")
    write(project, {"data/new.csv": "1"})
    os.utime(project / "data", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert changes(project) == {"data/new.csv": ("data", "added")}


def test_three_thousand_files_in_one_folder(tmp_path, opened):
    """Kept in buckets: single changes, additions and removals are told exactly, before and after a commit."""
    files = {f"data/{index:04}.csv": f"{index}\n" for index in range(3000)}
    project = make_project(tmp_path / "p", {"train.py": "x\n", **files})
    age(project)
    opened.clear()
    assert status(project)["clean"]
    assert read_of(opened, project) == set()
    write(project, {"data/1234.csv": "changed"})
    assert changes(project) == {"data/1234.csv": ("data", "modified")}
    (project / "data/0007.csv").unlink()
    write(project, {"data/9999.csv": "new", "data/notes.md": "n"})
    expected = {"data/0007.csv": ("data", "deleted"), "data/1234.csv": ("data", "modified"), "data/9999.csv": ("data", "added"), "data/notes.md": ("data", "added")}
    for _ in range(2):
        assert changes(project) == expected
    ok("commit", "-m", "x", cwd=project)
    assert status(project)["clean"]
    ok("undo", cwd=project)
    assert changes(project) == expected
    ok("restore", "data/0007.csv", cwd=project)
    expected.pop("data/0007.csv")
    assert changes(project) == expected


def test_a_folder_shrinks_below_and_grows_above_the_bucket_limit(tmp_path):
    project = make_project(tmp_path / "p", {"train.py": "x\n", **{f"data/{index}.csv": "x" for index in range(600)}})
    for index in range(500):
        (project / f"data/{index}.csv").unlink()
    assert len(changes(project)) == 500
    ok("commit", "-m", "few", cwd=project)
    write(project, {f"data/again{index}.csv": "y" for index in range(700)})
    assert len(changes(project)) == 700
    ok("commit", "-m", "many", cwd=project)
    assert status(project)["clean"]
    assert len(ok("ls", "-q", cwd=project).out.splitlines()) == 600 - 500 + 700 + 3


def test_left_out_and_ignored_stay_so_at_every_look(project):
    """What was committed and is now left out is deleted for the model, also at the second look and in the commit."""
    write(project, {"out/epoch=1.ckpt": "1"})
    ok("commit", "-m", "one", cwd=project)
    age(project)
    write(project, {"out/epoch=2.ckpt": "2", ".mvcsignore": "train.csv\n"})
    expected = {"out/epoch=1.ckpt": ("weights", "deleted"), "out/epoch=2.ckpt": ("weights", "added"), "data/train.csv": ("data", "deleted"), ".mvcsignore": ("about", "modified")}
    for _ in range(3):
        assert changes(project) == expected
        assert status(project)["left_out"] == ["out/epoch=1.ckpt"]
    ok("commit", "-m", "two", cwd=project)
    for _ in range(2):
        assert status(project)["clean"]
        assert status(project)["left_out"] == ["out/epoch=1.ckpt"]
    assert "data/train.csv" not in ok("ls", "-q", cwd=project).out


def test_a_read_only_repository_can_be_looked_at(project):
    """The cache is a convenience: what cannot be written is no error."""
    write(project, {"train.py": "new"})
    assert changes(project)
    import subprocess
    import sys

    for path in [project / ".mvcs", *(project / ".mvcs").rglob("*")]:
        path.chmod(path.stat().st_mode & ~0o222)
    drop = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    done = subprocess.run([*drop, sys.executable, "-m", "mvcs_cli.main", "status", "--json"], cwd=project, capture_output=True, text=True, check=False)
    for path in [project / ".mvcs", *(project / ".mvcs").rglob("*")]:
        path.chmod(path.stat().st_mode | 0o200)
    assert done.returncode in {0, 5}, done  # an honest answer or an honest refusal
    assert "internal" not in done.stderr


def test_the_python_api_says_the_same(project):
    write(project, {"train.py": "new"})
    with mvcs.open(project) as repo:
        found = repo.status()
        assert {"schema": "mvcs.status/1", **found.to_dict()} == status(project)
        assert not found.clean


def test_status_inside_a_git_work_tree_says_so(tmp_path):
    git(tmp_path, "init", "-q")
    project = make_project(tmp_path)
    assert status(project)["follows_git"]
    assert "follows Git" in ok("status", cwd=project).out


class TestNoPlainFiles:
    """What stands where a file is looked for is not followed, and nobody waits for it."""

    @pytest.mark.parametrize("target", ["nowhere", "data", "a.ipynb"])
    def test_a_link_for_a_notebook(self, project, target):
        (project / "a.ipynb").symlink_to(target)
        (project / "data").mkdir(exist_ok=True)
        assert "a.ipynb" in ok("status", cwd=project).out
        ok("diff", cwd=project)
        ok("commit", "-m", "a link", cwd=project)
        assert ok("status", "--json", cwd=project).json["clean"]

    def test_a_pipe_in_place_of_a_conflicted_file(self, project):
        write(project, {"params.yaml": "lr: 1\n"})
        ok("commit", "-m", "base", cwd=project)
        ok("switch", "-c", "other", cwd=project)
        write(project, {"params.yaml": "lr: 2\n"})
        ok("commit", "-m", "theirs", cwd=project)
        ok("switch", "main", cwd=project)
        write(project, {"params.yaml": "lr: 3\n"})
        ok("commit", "-m", "ours", cwd=project)
        assert mvcs_run("merge", "other", cwd=project).code == 1
        (project / "params.yaml").unlink()
        os.mkfifo(project / "params.yaml")
        for command in (["status"], ["conflicts"], ["diff"], ["resolve", "params.yaml", "--theirs"], ["commit"], ["merge", "--abort"]):
            done = mvcs_run(*command, cwd=project)
            assert done.code in {0, 1, 4}, done

    def test_a_folder_is_no_patch(self, project):
        fails(4, "unreadable-file", "apply", ".", cwd=project)
