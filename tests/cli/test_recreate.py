"""What a commit records so that its model can be made again, and what it says is missing. With a real git."""

from __future__ import annotations

import random
import string

import pytest

from mvcs.repo.git_changes import MAX_PATCH
from tests.cli.harness import PROJECT, fails, git, ok, write


@pytest.fixture
def both(tmp_path):
    """A project in Git and mvcs, with tools beside it that only Git tracks."""
    top = tmp_path / "top"
    write(top, {"model/" + path: content for path, content in PROJECT.items()})
    write(top, {".gitignore": "*.pt\n", "tools/run.txt": "one\ntwo\nthree\n", "tools/big.txt": "x\n"})
    git(top, "init", "-q")
    ok("init", "--model", "m", cwd=top / "model")
    git(top, "add", "-A")
    git(top, "commit", "-qm", "first")
    ok("commit", "-m", "first", cwd=top / "model")
    return top / "model"


def recorded(project):
    shown = ok("show", "--json", cwd=project).json
    return shown["provenance"]["git"], [reason for name, reason in shown["incomplete"] if name == "code"]


def commit(project, text, **more):
    write(project, {"train.py": text, **more})
    return ok("commit", "-m", "x", cwd=project)


def test_the_patch_makes_git_s_commit_the_work_tree_again(both, tmp_path):
    write(both.parent, {"tools/run.txt": "one\n2\nthree", "tools/naïve file.txt": "ä\n", "tools/b.bin": b"\0\1" * 50})
    git(both.parent, "add", "-A")
    commit(both, "print('uncommitted')\n")
    found, code = recorded(both)
    assert found["dirty"] is True
    assert code == []
    other = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(both.parent), str(other))
    (other / "p").write_text(found["patch"])
    git(other, "apply", "p")
    for path in ("tools/run.txt", "tools/naïve file.txt", "tools/b.bin", "model/train.py"):
        assert (other / path).read_bytes() == (both.parent / path).read_bytes()
    assert "diff --git a/tools/run.txt" in ok("show", "--provenance", cwd=both).out


def test_a_clean_work_tree_has_no_patch(both):
    write(both, {"model.pt": b"new"})
    ok("commit", "-m", "x", cwd=both)
    assert recorded(both) == ({"sha": git(both, "rev-parse", "HEAD"), "branch": "main", "dirty": False}, [])


def test_what_the_commit_holds_as_data_is_not_in_the_patch(both):
    commit(both, "print(2)\n", **{"data/train.csv": "a,b\n3,4\n"})
    assert "train.csv" not in recorded(both)[0]["patch"]


def test_provenance_is_in_no_hash_of_the_tree(both):
    commit(both, "print(2)\n")
    first = ok("show", "--json", cwd=both).json
    write(both.parent, {"tools/run.txt": "other\n"})
    ok("commit", "--amend", "-m", "x", cwd=both)
    second = ok("show", "--json", cwd=both).json
    assert first["provenance"] != second["provenance"]
    assert first["tree"] == second["tree"]


def test_what_is_too_large_for_the_patch_is_named(both):
    write(both.parent, {"tools/big.txt": "y" * (MAX_PATCH + 1), "tools/run.txt": "1\n"})
    commit(both, "print(2)\n")
    found, code = recorded(both)
    assert found["left_out"] == {"tools/big.txt": "too many or too large"}
    assert code == ["uncommitted changes of tools/big.txt are recorded nowhere: too many or too large"]
    assert "tools/run.txt" in found["patch"]
    git(both, "commit", "-qam", "all")
    commit(both, "print(3)\n")
    assert recorded(both)[1] == []


def test_a_secret_is_kept_out_of_the_patch_and_does_not_refuse_the_commit(both):
    chance = random.Random(5)
    token = "ghp_" + "".join(chance.choice(string.ascii_letters + string.digits) for _ in range(36))
    write(both.parent, {"tools/run.txt": f"one\n{token}\n"})
    done = commit(both, "print(2)\n")
    assert "tools/run.txt" in done.err
    found, code = recorded(both)
    assert found["left_out"] == {"tools/run.txt": "what looks like a secret (GitHub token)"}
    assert token not in ok("show", "--json", cwd=both).out
    assert len(code) == 1
    git(both, "commit", "-qam", "leaked")
    write(both.parent, {"tools/run.txt": "one\ngone\n"})
    commit(both, "print(3)\n")
    assert token not in ok("show", "--json", cwd=both).out  # what is taken out would be in the patch too


@pytest.mark.parametrize(("url", "shown"), [
    ("https://user:secret@example.org/x.git", "https://example.org/x.git"), ("https://user:se@cret@example.org/x.git", "https://example.org/x.git"), ("https://example.org/x.git?private_token=secret", "https://example.org/x.git"),
    ("ssh://git:secret@example.org/x.git", "ssh://git@example.org/x.git"), ("git@example.org:x.git", "git@example.org:x.git"), ("ssh://git@example.org/x.git", "ssh://git@example.org/x.git"),
])
def test_the_repository_s_url_has_no_credentials(both, url, shown):
    git(both, "remote", "add", "upstream", url)
    commit(both, "print(2)\n")
    assert recorded(both)[0]["url"] == shown


def test_submodules_are_recorded_by_what_is_checked_out(both, tmp_path):
    lib = tmp_path / "lib"
    write(lib, {"a.txt": "1\n"})
    for words in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "one")):
        git(lib, *words)
    git(both.parent, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(lib), "libs/my lib")
    git(both.parent, "commit", "-qm", "lib")
    commit(both, "print(2)\n")
    one = git(lib, "rev-parse", "HEAD")
    assert recorded(both)[0]["submodules"] == {"libs/my lib": one}
    inside = both.parent / "libs/my lib"
    write(inside, {"a.txt": "2\n"})
    commit(both, "print(3)\n")
    found, code = recorded(both)
    assert found["left_out"] == {"libs/my lib": "a submodule with uncommitted changes of its own"}
    assert len(code) == 1
    git(inside, "commit", "-qam", "two")
    commit(both, "print(4)\n")
    found, code = recorded(both)
    assert found["submodules"] == {"libs/my lib": git(inside, "rev-parse", "HEAD")} != {"libs/my lib": one}
    assert "+Subproject commit" in found["patch"]
    assert code == []


def test_sources_that_no_pattern_takes_are_named(both):
    write(both, {"prior.stan": "model {}\n", "notes.xyz": "no source\n"})
    commit(both, "print(2)\n")
    assert recorded(both)[1] == ["prior.stan is not in the commit"]
    ok("add", "prior.stan", "--as", "code", cwd=both)
    commit(both, "print(3)\n")
    assert recorded(both)[1] == []


def test_the_system_is_declared_in_mvcs_toml(both):
    image = "docker.io/library/python@sha256:" + "1" * 64
    text = (both / "mvcs.toml").read_text()
    write(both, {"mvcs.toml": f'{text}\n[environment]\nos_packages = ["ffmpeg", "libgl1=1.6.0-1"]\nimage = "{image}"\n', "model.pt": b"2"})
    ok("commit", "-m", "declared", cwd=both)
    entry = ok("cat", "HEAD:@environment/.mvcs/packages", cwd=both)
    assert entry.json["os_packages"] == {"ffmpeg": "", "libgl1": "1.6.0-1"}
    assert entry.json["image"] == image
    changed = {(item["path"], item["key"]) for item in ok("diff", "HEAD~1", "HEAD", "--only", "environment", "--json", cwd=both).json["changes"]}
    assert ("environment/.mvcs/packages", "image") in changed


@pytest.mark.parametrize(("line", "told"), [('image = 3', "image"), ('image = "a b"', "image"), ('os_packages = "ffmpeg"', "os_packages"), ('os_packages = ["a", "a"]', "os_packages"), ('os_packages = ["a="]', "os_packages"), ('os_packages = [1]', "os_packages"), ('docker = "x"', "docker")])
def test_a_declaration_that_cannot_be_used_is_refused_with_its_line(both, line, told):
    text = (both / "mvcs.toml").read_text()
    write(both, {"mvcs.toml": f"{text}\n[environment]\n{line}\n"})
    assert told in fails(2, "invalid-config", "status", cwd=both)["message"]


def test_show_and_status_count_the_parts_that_are_there(both):
    shown = ok("show", "--json", cwd=both).json["complete"]
    assert shown == {"parts": ["code", "data", "config", "environment", "weights"], "lacking": ["environment"]}
    assert "to make it again: 4 of 5 parts, not environment" in ok("show", cwd=both).out
    assert "4 of 5 parts, not environment" in ok("status", cwd=both).out
    assert ok("status", "--json", cwd=both).json["complete"] == shown
    commit(both, "print('newer than the weights')\n")
    assert ok("show", "--json", cwd=both).json["complete"]["lacking"] == ["environment", "weights"]
    (both / "model.pt").unlink()
    ok("commit", "-m", "no weights", cwd=both)
    assert ok("show", "--json", cwd=both).json["complete"] is None
