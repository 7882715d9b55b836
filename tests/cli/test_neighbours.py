"""A workspace inside another's root: each file is taken by one of them, unless a pattern says otherwise by name."""

from __future__ import annotations

import shutil

import pytest

from tests.cli.harness import changes, listed, make_project, mvcs_run, ok, snapshot, status, write

INNER = {"train.py": "inner\n", "model.pt": b"inner weights", "src/deep.py": "x\n", "data/i.csv": "1\n", "notes.txt": "n"}


@pytest.fixture
def outer(tmp_path):
    """A workspace at the top, and one in models/a, each with a commit."""
    top = make_project(tmp_path / "top", {"train.py": "outer\n", "model.pt": b"outer weights", "src/top.py": "x\n"})
    write(top / "models/a", INNER)
    ok("init", "--model", "a", "--yes", cwd=top / "models/a")
    ok("commit", "-m", "inner", cwd=top / "models/a")
    return top


def test_the_outer_one_takes_nothing_from_the_inner_one(outer):
    assert status(outer)["clean"]
    assert status(outer)["untracked"] == []
    write(outer, {"train.py": "outer again\n", "models/b.py": "not in a workspace\n", "models/a/train.py": "inner again\n"})
    assert changes(outer) == {"train.py": ("code", "modified"), "models/b.py": ("code", "added")}
    assert changes(outer / "models/a") == {"train.py": ("code", "modified")}
    ok("commit", "-m", "outer", cwd=outer)
    assert not [path for path in listed(outer) if path.startswith("models/a")]
    assert set(listed(outer / "models/a")) == {"train.py", "model.pt", "src/deep.py", "data/i.csv", "mvcs.toml", ".mvcsignore"}
    before = snapshot(outer / "models/a")
    ok("checkout", "HEAD~1", cwd=outer)
    ok("checkout", "main", cwd=outer)
    assert snapshot(outer / "models/a") == before


@pytest.mark.parametrize(("pattern", "taken"), [
    ("/models/a/train.py", {"train.py"}), ("/models/a/", {*INNER, "mvcs.toml", ".mvcsignore"}), ("/models/a/*.py", {"train.py"}),
    ("/models/a/src/", {"src/deep.py"}), ("/models/a/**/*.py", {"train.py", "src/deep.py"}), ("*.py", set()), ("models/", set()),
    ("/models/", set()), ("/models/*/train.py", set()), ("models/a/", set()), ("/models/aa/", set()),
])
def test_a_pattern_that_names_the_inner_folder_takes_from_it_that_and_no_more(outer, pattern, taken):
    text = (outer / "mvcs.toml").read_text()
    (outer / "mvcs.toml").write_text(text.replace("code = [", f'code = [\n  "{pattern}",', 1).replace('  "*.py",', "", pattern == "*.py"))
    found = {path for path, (_, change) in changes(outer).items() if change == "added"}
    assert found == {f"models/a/{path}" for path in taken}


def test_add_names_it(outer):
    done = ok("add", "models/a/data", "--as", "data", "--json", cwd=outer)
    assert done.json["entries"] == [{"path": "models/a/data", "ingredient": "data"}]
    assert changes(outer)["models/a/data/i.csv"] == ("data", "added")
    ok("add", "models/a/src", "--as", "code", cwd=outer)
    assert mvcs_run("add", "models/a/train.py", cwd=outer).code == 2  # no pattern of this workspace names it


def test_a_name_with_wildcards_of_its_own(tmp_path):
    top = make_project(tmp_path / "top", {"train.py": "x\n"})
    write(top / "we[i]rd*", {"mvcs.toml": 'model = "w"\n', "x.py": "x"})
    assert status(top)["clean"]
    ok("add", "we[i]rd*/x.py", "--as", "code", cwd=top)
    assert changes(top)["we[i]rd*/x.py"] == ("code", "added")


def test_an_mvcs_toml_that_comes_or_goes_counts_at_once(tmp_path):
    """What is below was seen before, and only the folder of the file itself has another time now."""
    top = make_project(tmp_path / "top", {"train.py": "x\n", "sub/a.py": "a\n", "sub/deep/b.py": "b\n"})
    assert status(top)["clean"]
    (top / "sub/mvcs.toml").write_text('model = "s"\n')
    gone = {"sub/a.py": ("code", "deleted"), "sub/deep/b.py": ("code", "deleted")}
    assert changes(top) == gone
    assert changes(top) == gone
    (top / "sub/deep/c.py").write_text("c\n")
    assert changes(top) == gone
    (top / "sub/mvcs.toml").unlink()
    assert changes(top) == {"sub/deep/c.py": ("code", "added")}
    (top / "sub/mvcs.toml").symlink_to("../mvcs.toml")  # a link is no workspace
    assert "sub/a.py" not in changes(top)


def test_a_switch_to_what_was_committed_before_overwrites_nothing_of_the_inner_one(tmp_path):
    top = make_project(tmp_path / "top", {"train.py": "x\n", "sub/a.py": "old\n"})
    ok("init", "--model", "s", "--yes", cwd=top / "sub")
    ok("commit", "-m", "its own", cwd=top / "sub")
    ok("commit", "-m", "given away", cwd=top)
    write(top, {"sub/a.py": "unsaved work\n"})
    done = mvcs_run("checkout", "HEAD~1", "--json", cwd=top)
    assert (done.code, done.error["code"]) == (4, "unsaved-work")
    assert (top / "sub/a.py").read_text() == "unsaved work\n"


def test_two_models_with_one_root_share_what_both_name_and_nothing_else(tmp_path):
    write(tmp_path, {"src/common.py": "x", "data/d.csv": "1", "models/a/a.py": "a", "models/b/b.py": "b", "models/b/model.pt": "w"})
    for name in ("a", "b"):
        write(tmp_path, {f"models/{name}/mvcs.toml": (
            f'model = "{name}"\nroot = "../.."\n[ingredients]\ncode = ["*.py"]\ndata = ["data/"]\nweights = ["*.pt"]\nabout = ["mvcs.toml"]\n'
        )})
    for name in ("a", "b"):
        ok("init", cwd=tmp_path / "models" / name)
        ok("commit", "-m", name, cwd=tmp_path / "models" / name)
    shared = {"src/common.py", "data/d.csv"}
    assert set(listed(tmp_path / "models/a")) == {*shared, "models/a/a.py", "models/a/mvcs.toml"}
    assert set(listed(tmp_path / "models/b")) == {*shared, "models/b/b.py", "models/b/mvcs.toml", "models/b/model.pt"}


def test_init_says_which_files_change_hands(tmp_path):
    top = make_project(tmp_path / "top", {"train.py": "x\n"})
    write(top / "models/a", {"train.py": "a\n"})
    inner = mvcs_run("init", "--yes", cwd=top / "models/a")
    assert f"warning: this is inside the workspace {top}, which takes nothing from here unless a pattern names it" in inner.err
    write(tmp_path / "other", {"train.py": "x\n", "sub/mvcs.toml": 'model = "s"\n', "sub/x.py": "x\n"})
    outer = mvcs_run("init", "--yes", cwd=tmp_path / "other")
    assert "warning: sub is a workspace of its own: nothing is taken from it unless a pattern names it, as /sub/ does" in outer.err
    assert "code               1 file " in outer.out
    assert "workspace" not in mvcs_run("init", "--yes", str(tmp_path / "alone")).err


def test_a_repository_inside_a_workspace_is_none_of_its_files(tmp_path):
    top = make_project(tmp_path / "top", {"train.py": "x\n"})
    make_project(tmp_path / "lib", {"lib.py": "x\n", "model.pt": b"w"})
    shutil.copytree(tmp_path / "lib", top / "lib")
    assert status(top)["clean"]
    assert status(top / "lib")["clean"]
