"""gc, fsck, du, doctor, config, completion, help, version, clone."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

import mvcs
from tests.cli.harness import PROJECT, fails, listed, make_project, mvcs_process, mvcs_run, ok, snapshot, status, write

# clone


def test_a_clone_is_the_same_byte_for_byte(tmp_path):
    project = make_project(tmp_path / "p", {**PROJECT, "big.pt": os.urandom(3_000_000), "empty.py": ""})
    os.chmod(project / "train.py", 0o755)
    (project / "link.py").symlink_to("train.py")
    ok("commit", "-m", "x", cwd=project)
    ok("tag", "v1", "-m", "why", cwd=project)
    ok("branch", "b", "HEAD~1", cwd=project)
    answer = ok("clone", "p", "copy", "--json", cwd=tmp_path).json
    assert set(answer) == {"schema", "path", "branch", "commit", "objects"}
    assert (answer["path"], answer["branch"]) == (str(tmp_path / "copy"), "main")
    assert snapshot(tmp_path / "copy") == snapshot(project)
    subprocess.run(["diff", "-r", "--no-dereference", "--exclude=.mvcs", project, tmp_path / "copy"], check=True)
    for words in (["log", "--all"], ["branch"], ["tag"], ["ls"], ["show", "v1"]):
        assert ok(*words, "--json", cwd=tmp_path / "copy").json == ok(*words, "--json", cwd=project).json
    assert status(tmp_path / "copy")["clean"]
    assert ok("fsck", "--json", cwd=tmp_path / "copy").json["problems"] == []


def test_a_clone_lives_on_without_its_source(tmp_path):
    project = make_project(tmp_path / "p")
    ok("clone", str(project), str(tmp_path / "copy"))
    expected = snapshot(project)
    shutil.rmtree(project)
    (tmp_path / "copy" / "model.pt").unlink()
    ok("restore", ".", cwd=tmp_path / "copy")
    assert snapshot(tmp_path / "copy") == expected
    write(tmp_path / "copy", {"train.py": "mine"})
    ok("commit", "-m", "x", cwd=tmp_path / "copy")


def test_clone_on_a_branch_and_by_default_names(project, tmp_path):
    ok("switch", "-c", "side", cwd=project)
    write(project, {"train.py": "side"})
    ok("commit", "-m", "side", cwd=project)
    ok("switch", "main", cwd=project)
    (tmp_path / "to").mkdir()
    assert ok("clone", "-b", "side", "../proj", "-q", cwd=tmp_path / "to").out == f"{tmp_path}/to/proj\n"
    assert (tmp_path / "to/proj/train.py").read_text() == "side"
    assert ok("branch", "--show-current", "-q", cwd=tmp_path / "to/proj").out == "side\n"


def test_clone_of_the_mvcs_folder_itself(project, tmp_path):
    ok("clone", str(project / ".mvcs"), str(tmp_path / "copy"))
    assert snapshot(tmp_path / "copy") == snapshot(project)


def test_clone_of_an_empty_repository(tmp_path):
    project = make_project(tmp_path / "p", commit=False)
    answer = ok("clone", str(project), str(tmp_path / "copy"), "--json").json
    assert answer["commit"] is None


def test_clone_into_what_is_not_empty(project, tmp_path):
    write(tmp_path / "full", {"x": "mine"})
    fails(4, "not-empty", "clone", str(project), str(tmp_path / "full"))
    assert os.listdir(tmp_path / "full") == ["x"]
    write(tmp_path, {"file": "mine"})
    assert mvcs_run("clone", str(project), str(tmp_path / "file"), "--json").code in {4, 5}
    assert (tmp_path / "file").read_text() == "mine"
    (tmp_path / "empty").mkdir()
    ok("clone", str(project), str(tmp_path / "empty"))


@pytest.mark.parametrize("source", ["nosuch", "proj/nosuch", "proj/train.py", "."])
def test_clone_of_what_is_no_repository(project, tmp_path, source):
    """A typing error below a repository must not clone the repository around it."""
    fails(128, "not-a-repository", "clone", source, "copy", cwd=tmp_path)
    assert not (tmp_path / "copy").exists()


def test_a_clone_of_a_clone_has_the_same_oids(project, tmp_path):
    ok("clone", str(project), str(tmp_path / "one"))
    ok("clone", str(tmp_path / "one"), str(tmp_path / "two"))
    assert ok("rev-parse", "HEAD", cwd=tmp_path / "two").out == ok("rev-parse", "HEAD", cwd=project).out


def test_clone_takes_no_unsaved_work_and_no_local_ledger(project, tmp_path):
    write(project, {"train.py": "unsaved", "notes.txt": "mine"})
    ok("restore", "params.yaml", cwd=project)
    ok("clone", str(project), str(tmp_path / "copy"))
    assert (tmp_path / "copy/train.py").read_text() == PROJECT["train.py"]
    assert not (tmp_path / "copy/notes.txt").exists()
    assert [item["command"].split()[0] for item in ok("op", "--json", cwd=tmp_path / "copy").json["operations"]] == ["clone"]
    fails(1, "nothing-to-undo", "undo", cwd=tmp_path / "copy")


def test_a_clone_writes_its_files_into_its_folder_wherever_the_repository_is(project, tmp_path, monkeypatch):
    """In the past beside MVCS_DIR, over whatever was there."""
    write(tmp_path / "disk", {"train.py": "mine"})
    monkeypatch.setenv("MVCS_DIR", str(tmp_path / "disk" / "copy.mvcs"))
    ok("clone", str(project), str(tmp_path / "copy"))
    assert snapshot(tmp_path / "copy") == snapshot(project)
    assert (tmp_path / "disk/train.py").read_text() == "mine"
    assert sorted(os.listdir(tmp_path / "disk")) == ["copy.mvcs", "train.py"]
    assert status(tmp_path / "copy")["clean"]
    assert status(tmp_path / "copy")["branch"] == "main"
    fails(4, "repository-exists", "clone", str(project), str(tmp_path / "again"))
    assert not (tmp_path / "again").exists()
    monkeypatch.setenv("MVCS_DIR", str(tmp_path / "disk"))
    fails(4, "not-empty", "clone", str(project), str(tmp_path / "again"))
    assert sorted(os.listdir(tmp_path / "disk")) == ["copy.mvcs", "train.py"]


def test_two_projects_with_one_mvcs_dir_are_two_workspaces(tmp_path, monkeypatch):
    """In the past they had one HEAD, and the second committed to the branch of the first."""
    monkeypatch.setenv("MVCS_DIR", str(tmp_path / "disk" / "all.mvcs"))
    for name in ("a", "b"):
        write(tmp_path / name, {"train.py": name})
        ok("init", "--model", name, "--yes", cwd=tmp_path / name)
        ok("commit", "-m", f"of {name}", cwd=tmp_path / name)
    with mvcs.open(tmp_path / "a") as repo:
        assert {key for key in repo.refs if not key.startswith("HEAD/")} >= {"heads/a/main", "heads/b/main"}
        assert repo.refs[f"HEAD/{tmp_path}/a"] == "heads/a/main"
    for name in ("a", "b"):
        assert status(tmp_path / name)["clean"]
        assert b"".join(mvcs.open(tmp_path / name).cat("HEAD:train.py")).decode() == name


def test_a_workspace_that_was_moved_stands_on_its_model_s_main(tmp_path):
    """The name of its HEAD was its old folder's."""
    top = make_project(tmp_path / "top", {"train.py": "x\n"})
    write(top / "models/a", {"model.pt": "w", "train.py": "a\n"})
    ok("init", "--model", "a", "--yes", cwd=top / "models/a")
    ok("commit", "-m", "of a", cwd=top / "models/a")
    first = ok("rev-parse", "HEAD", cwd=top / "models/a").out
    os.rename(top / "models/a", top / "models/b")
    assert (status(top / "models/b")["branch"], status(top / "models/b")["clean"]) == ("main", True)
    assert ok("rev-parse", "HEAD", cwd=top / "models/b").out == first


# gc, fsck, du


def test_gc_keeps_what_undo_may_need(project):
    for index in range(3):
        write(project, {"model.pt": os.urandom(100_000)})
        ok("commit", "--amend", "-m", str(index), cwd=project)
    assert ok("gc", "--json", cwd=project).json["objects"] == 0
    for _ in range(3):
        ok("undo", cwd=project)
    assert ok("fsck", cwd=project).code == 0


def test_gc_removes_what_nothing_reaches(project):
    write(project, {"model.pt": os.urandom(2_000_000)})
    ok("commit", "-m", "heavy", cwd=project)
    ok("reset", "--hard", "HEAD~1", cwd=project)
    ok("config", "gc.undo_days", "0", cwd=project)
    planned = ok("gc", "--dry-run", "--json", cwd=project).json
    assert planned["dry_run"]
    assert planned["bytes"] > 1_900_000
    before = ok("du", "--json", cwd=project).json["total_stored"]
    done = ok("gc", "--thorough", "--json", cwd=project).json
    assert set(done) == {"schema", "objects", "chunks", "bytes", "segments", "collected", "dry_run"}
    assert done["objects"] >= planned["objects"] > 0
    assert ok("du", "--json", cwd=project).json["total_stored"] < before - 1_900_000
    assert ok("fsck", "--json", cwd=project).json["problems"] == []
    assert ok("gc", "--json", cwd=project).json["objects"] == 0
    assert status(project)["clean"]


@pytest.fixture
def old_runs(project, monkeypatch):
    """Two runs of long ago, of which nothing in the undo window tells."""
    monkeypatch.setenv("MVCS_AUTHOR_DATE", "2020-01-01T00:00:00+00:00")
    for number in (1, 2):
        ok("switch", "-c", f"runs/{number}", cwd=project)
        write(project, {"model.pt": f"run {number} " * 100_000, "train.py": f"run {number}"})
        ok("commit", "-m", f"run {number}", "--metric", f"auc=0.{number}", cwd=project)
        ok("switch", "main", cwd=project)
    ok("config", "gc.undo_days", "0", cwd=project)
    monkeypatch.setenv("MVCS_AUTHOR_DATE", "2026-03-01T12:00:00+00:00")
    return project


def test_gc_says_whose_weights_it_collects(old_runs):
    one, two = (ok("rev-parse", f"runs/{number}", "-q", cwd=old_runs).out[:12] for number in (1, 2))
    planned = ok("gc", "--dry-run", cwd=old_runs).out
    assert "Would collect the weights of 2 commits (runs/*, older than 30 days): 1.2 MB." in planned
    assert {line.strip() for line in planned.splitlines()[2:]} == {f"{oid}     600 kB  runs/*" for oid in (one, two)}
    with open(old_runs / "mvcs.toml", "a") as file:
        file.write('\n[retention]\n"runs/2" = "forever"\n')
    assert ok("gc", "--dry-run", "--json", cwd=old_runs).json["collected"] == 1
    done = ok("gc", cwd=old_runs).out
    assert "Collected the weights of 1 commit (runs/*, older than 30 days): 600 kB." in done
    assert one not in done
    assert "ollect" not in ok("gc", cwd=old_runs).out
    assert ok("gc", "--json", cwd=old_runs).json["collected"] == 0
    assert ok("fsck", "--json", cwd=old_runs).json["problems"] == []
    assert ok("cat", "runs/2:model.pt", cwd=old_runs).out == "run 2 " * 100_000


def test_show_log_and_checkout_tell_collected_weights(old_runs):
    ok("gc", cwd=old_runs)
    import datetime

    day = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d")
    shown = ok("show", "runs/1", cwd=old_runs).out
    assert f"\n  weights      collected {day} (runs/*, 30 days)\n" in shown
    assert f"\n  {'code':<12} {'5 B':>9}\n" in shown
    assert [ok("show", name, "--json", cwd=old_runs).json["collected"] for name in ("runs/1", "main")] == [True, False]
    assert "auc=0.1" in ok("log", "runs/1", "--metrics", cwd=old_runs).out.replace(" ", "")
    before = snapshot(old_runs)
    oid = ok("rev-parse", "runs/1", "-q", cwd=old_runs).out[:12]
    for words in (["switch", "runs/1"], ["checkout", "runs/1"], ["restore", ".", "--source", "runs/1"], ["reset", "--hard", "runs/1"]):
        error = fails(4, "weights-collected", *words, cwd=old_runs)
        assert error["message"] == f"model.pt of commit {oid} cannot be read: gc collected its weights on {day} (runs/*, 30 days)"
        assert error["details"] == {"paths": ["model.pt"], "commit": oid, "date": day, "rule": "runs/*, 30 days"}
        assert snapshot(old_runs) == before
    assert error["hint"].startswith(f"mvcs restore --source {oid} ")
    ok(*error["hint"].split()[1:], cwd=old_runs)
    assert (old_runs / "train.py").read_text() == "run 1"
    error = fails(4, "weights-collected", "cat", "runs/1:model.pt", cwd=old_runs)
    assert error["hint"] == f"mvcs show {oid}"
    ok(*error["hint"].split()[1:], cwd=old_runs)
    for words in (["du", "runs/1"], ["ls", "runs/1"], ["diff", "main", "runs/1"], ["status"], ["log", "--all", "--graph"]):
        ok(*words, cwd=old_runs)


def test_gc_in_a_workspace_without_a_legal_mvcs_toml_takes_nothing(old_runs):
    text = (old_runs / "mvcs.toml").read_text()
    write(old_runs, {"mvcs.toml": text + '\n[retention]\n"runs/*" = "soon"\n'})
    assert "forever" in fails(2, "invalid-config", "gc", cwd=old_runs)["hint"]
    write(old_runs, {"mvcs.toml": text})
    assert ok("cat", "runs/1:model.pt", cwd=old_runs).out == "run 1 " * 100_000


def test_fsck_says_all_is_well(project):
    found = ok("fsck", "--json", cwd=project).json
    assert (found["problems"], found["repaired"]) == ([], [])
    assert found["objects"] > 10
    assert ok("fsck", cwd=project).out == f"Checked {found['objects']} objects: all is well.\n"
    assert ok("fsck", "-q", cwd=project).out == ""


def test_du_adds_up(project):
    found = ok("du", "HEAD", "--json", cwd=project).json
    assert set(found) == {
        "schema", "stored", "counts", "disk", "ingredients", "total_stored", "total_disk", "logical", "codecs", "branches",
        "revision", "ingredients_stored", "files",
    }
    assert found["ingredients"]["weights"] == len(PROJECT["model.pt"])
    assert found["total_stored"] == sum(found["stored"].values())
    assert found["counts"]["commit"] == 1
    assert "weights of HEAD" in ok("du", "HEAD", cwd=project).out


# doctor, config


def test_doctor_inside_and_outside(project, tmp_path):
    inside = {item["what"]: item for item in ok("doctor", "--json", cwd=project).json["findings"]}
    assert set(inside) == {"python", "chunker", "identity", "file system", "disk", "store", "lock", "clock", "configuration", "workspace"}
    assert all(item["ok"] for item in inside.values())
    assert all(set(item) == {"what", "ok", "detail", "hint"} for item in inside.values())
    assert inside["identity"]["detail"] == "Ada <ada@example.org>"
    outside = {item["what"] for item in ok("doctor", "--json", cwd=tmp_path).json["findings"]}
    assert outside == {"python", "chunker", "identity"}


def test_doctor_s_hint_about_the_identity_helps(project, monkeypatch, sealed):
    for name in ("MVCS_AUTHOR_NAME", "MVCS_AUTHOR_EMAIL"):
        monkeypatch.delenv(name)
    (sealed / "gitconfig").unlink()

    def identity():
        return next(item for item in ok("doctor", "--json", cwd=project).json["findings"] if item["what"] == "identity")

    found = identity()
    assert not found["ok"]
    words = found["hint"].replace("NAME", "Somebody").split()
    assert words[0] == "mvcs"
    ok(*words[1:], cwd=project)
    assert identity()["ok"]


def test_doctor_ends_with_1_when_something_is_bad(project):
    write(project, {"mvcs.toml": "x"})
    done = mvcs_run("doctor", cwd=project)
    assert done.code == 1
    assert "BAD workspace" in done.out


def test_config_from_all_places_with_their_origin(project, monkeypatch, sealed):
    def value(key):
        return ok("config", key, "--show-origin", cwd=project).out.strip()

    assert value("lock.timeout") == "60  (default)"
    ok("config", "--user", "lock.timeout", "50", cwd=project)
    assert value("lock.timeout") == f"50  (user {sealed}/config/mvcs/config.toml)"
    ok("config", "lock.timeout", "40", cwd=project)
    assert value("lock.timeout") == f"40  (repository {project}/.mvcs/config.toml)"
    monkeypatch.setenv("MVCS_LOCK_TIMEOUT", "30")
    assert value("lock.timeout") == "30  (environment MVCS_LOCK_TIMEOUT)"
    found = ok("config", "--json", cwd=project).json["config"]
    assert found["lock.timeout"] == {"value": 30, "origin": "environment MVCS_LOCK_TIMEOUT"}
    assert ok("config", "list", "--json", cwd=project).json["config"] == found
    monkeypatch.delenv("MVCS_LOCK_TIMEOUT")
    ok("config", "--unset", "lock.timeout", cwd=project)
    assert ok("config", "lock.timeout", "-q", cwd=project).out == "50\n"


def test_config_of_the_user_needs_no_repository(tmp_path):
    ok("config", "--user", "user.name", "Somebody", cwd=tmp_path)
    assert "user.name" in ok("config", cwd=tmp_path).out
    fails(128, "not-a-repository", "config", "user.name", "Somebody", cwd=tmp_path)


def test_config_keeps_comments(project):
    write(project, {".mvcs/config.toml": "# mine\n[lock]\ntimeout = 9 # nine\n"})
    ok("config", "gc.undo_days", "5", cwd=project)
    text = (project / ".mvcs/config.toml").read_text()
    assert "# mine" in text
    assert "# nine" in text


# completion, help, version


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell):
    found = ok("completion", shell, "--json").json
    assert found["shell"] == shell
    assert "_MVCS_COMPLETE" in found["script"]


@pytest.mark.parametrize(("words", "expected"), [
    ("mvcs sw", {"switch"}), ("mvcs switch ", {"main", "side", "v1", "HEAD"}), ("mvcs switch si", {"side"}), ("mvcs add x --as w", {"weights"}), ("mvcs log --gr", {"--graph"}),
    ("mvcs diff --only en", {"environment"}),
])
def test_completion_knows_verbs_names_and_ingredients(project, words, expected):
    ok("branch", "side", cwd=project)
    ok("tag", "v1", cwd=project)
    typed = words.split(" ")
    env = {**os.environ, "_MVCS_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(len(typed) - 1)}
    code = "from mvcs_cli.main import main; main()"
    import sys

    done = subprocess.run([sys.executable, "-c", f"import sys; sys.argv = ['mvcs']; {code}"], cwd=project, env=env, capture_output=True, text=True, check=False)
    assert {line.split(",")[1] for line in done.stdout.splitlines()} == expected, done


def test_help_topics(project):
    topics = ok("help").out.rsplit("Topics: ", 1)[1]
    for topic in ("names", "revisions", "exit-codes", "environment"):
        assert topic in topics
        assert len(ok("help", topic).out) > 100
        assert ok("help", topic, "--json").json["topic"] == topic
    assert "MVCS_DIR" in ok("help", "environment").out
    for number in ("0", "1", "2", "3", "4", "5", "6", "7", "8", "128", "130", "141"):
        assert f"{number} " in ok("help", "exit-codes").out


def test_version():
    found = ok("version", "--json").json
    assert (found["mvcs"], found["format"]) == (mvcs.__version__, 1)
    assert ok("version", "-q").out == f"{mvcs.__version__}\n"
    assert ok("--version").out == f"mvcs {mvcs.__version__}\n"
    assert set(found["packages"]) >= {"lmdb", "blake3", "msgpack"}


def test_the_command_mvcs_is_the_same(project):
    assert mvcs_process("ls", "-q", cwd=project).out == subprocess.run([pathlib.Path(sys.executable).parent / "mvcs", "ls", "-q"], cwd=project, capture_output=True, text=True, check=True).stdout
    assert set(listed(project)) == set(mvcs_process("ls", "-q", cwd=project).out.split())


def test_undo_brings_a_file_back_that_is_hidden_by_now(project):
    """It lies there again, and is as hidden as any file that the patterns hide."""
    write(project, {"data/late.csv": "a\n1\n"})
    ok("restore", "data/late.csv", cwd=project)
    assert not (project / "data/late.csv").exists()
    with open(project / ".mvcsignore", "a") as file:
        file.write("/data/late.csv\n")
    ok("undo", cwd=project)
    assert (project / "data/late.csv").read_text() == "a\n1\n"
    assert [item["path"] for item in ok("status", "--json", cwd=project).json["changes"]] == [".mvcsignore"]
