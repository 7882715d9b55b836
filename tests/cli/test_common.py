"""What holds for every verb: options, streams, exit codes, JSON, hints, terminals, signals."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from mvcs_cli.commands import ALIASES, COMMANDS

from tests.cli.harness import fails, make_project, mvcs_process, mvcs_run, ok, write

READING = {
    "blame": ["params.yaml"],
    "status": [], "log": [], "show": [], "diff": [], "ls": [], "cat": ["HEAD:train.py"], "rev-parse": ["HEAD"], "branch": [], "tag": [], "op": [],
    "fsck": [], "du": [], "materialise": [], "doctor": [], "config": [], "completion": ["bash"], "help": ["revisions"], "version": [],
    "remote": [],
}
"""Verbs that only look, with arguments that succeed in the project."""
WRITING = {
    "merge": ["HEAD"],
    "init": ["fresh"], "add": ["train.py", "--as", "code"], "rm": ["train.py"], "commit": ["-m", "x"], "branch": ["b"], "switch": ["-c", "b"],
    "checkout": ["HEAD"], "restore": ["train.py"], "tag": ["t"], "reset": ["HEAD"], "undo": [], "redo": [], "gc": [], "repack": [], "clone": [".", "copy"],
}
"""Verbs that change something, with arguments that are right."""
STATEFUL = {
    "apply": ["-"], "conflicts": [], "resolve": ["params.yaml", "--ours"], "cherry-pick": ["HEAD"], "revert": ["HEAD"],
    "push": ["origin"], "fetch": ["origin"],
}
"""Verbs that need a patch, a clean workspace, a merge in progress or a remote; their tests have them."""
NEEDS = {**READING, **WRITING, **STATEFUL}
OUTSIDE = {"init", "clone", "doctor", "completion", "help", "version", "config"}
"""Verbs that work without a repository."""


def test_the_table_of_verbs_is_whole():
    assert set(NEEDS) == set(COMMANDS)


@pytest.mark.parametrize("verb", sorted(READING))
def test_json_is_one_document_with_its_schema_and_nothing_else(project, verb):
    done = ok(verb, *READING[verb], "--json", cwd=project)
    assert len(done.out.splitlines()) == 1
    assert done.json["schema"] == f"mvcs.{verb}/1"
    assert done.err == ""
    before = ok("--json", verb, *READING[verb], cwd=project)
    if verb not in {"doctor"}:  # tells free space
        assert before.json == done.json


@pytest.mark.parametrize("verb", sorted(set(WRITING) - {"undo", "redo"}))
def test_json_of_verbs_that_write(project, verb):
    write(project, {"params.yaml": "lr: 5\n"})
    done = mvcs_process(verb, *WRITING[verb], "--json", cwd=project)
    assert done.code == 0, done
    assert len(done.out.splitlines()) == 1
    assert done.json["schema"] == f"mvcs.{verb}/1"
    assert done.err == ""


@pytest.mark.parametrize("verb", sorted({*READING, *WRITING} - {"help", "completion", "cat", "version"}))
def test_q_says_the_essential_in_plain_lines(project, verb):
    write(project, {"params.yaml": "lr: 5\n"})
    if verb in {"undo", "redo"}:
        ok("commit", "-m", "x", cwd=project)
        if verb == "redo":
            ok("undo", cwd=project)
    done = ok(verb, *NEEDS[verb], "-q", cwd=project if verb != "clone" else project)
    assert "hint" not in done.out
    for line in done.out.splitlines():
        assert line == line.strip()
        assert "  " not in line


@pytest.mark.parametrize("verb", sorted(set(NEEDS) - OUTSIDE))
def test_outside_a_repository_every_verb_ends_with_128(tmp_path, verb):
    error = fails(128, "not-a-repository", verb, *NEEDS[verb], cwd=tmp_path)
    assert error["hint"] == "mvcs init"
    assert str(tmp_path) in error["message"]
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("verb", sorted(COMMANDS))
def test_an_unknown_option_is_wrong_usage(tmp_path, verb):
    error = fails(2, "usage-error", verb, *NEEDS[verb], "--frobnicate", cwd=tmp_path)
    assert error["hint"] == f"mvcs {verb} --help"


@pytest.mark.parametrize("verb", sorted(COMMANDS))
def test_help_of_every_verb(tmp_path, verb):
    done = mvcs_run(verb, "--help", cwd=tmp_path)
    assert done.code == 0
    assert done.out.startswith(f"Usage: mvcs {verb} ")
    assert "--json" in done.out
    assert max(map(len, done.out.splitlines())) <= 100
    assert mvcs_run(verb, "-h", cwd=tmp_path).out == done.out
    assert mvcs_run("help", verb, cwd=tmp_path).out == done.out


@pytest.mark.parametrize("verb", sorted(WRITING))
def test_verbs_that_write_refuse_the_past_and_change_nothing(project, verb):
    write(project, {"params.yaml": "lr: 5\n"})
    before, refs = sorted(os.listdir(project)), ok("op", "--json", cwd=project).json
    error = fails(2, "invalid-argument", "--at", "2026-01-01", verb, *WRITING[verb], cwd=project)
    assert "--at" in error["message"]
    assert sorted(os.listdir(project)) == before
    assert ok("op", "--json", cwd=project).json == refs


def test_verbs_that_read_can_look_into_the_past(project):
    first = ok("rev-parse", "HEAD", cwd=project).out
    operation = ok("op", "log", "-n", "1", "-q", cwd=project).out.strip()
    write(project, {"train.py": "new"})
    ok("commit", "-m", "second", cwd=project)
    ok("branch", "later", cwd=project)
    ok("tag", "later-tag", cwd=project)
    for at in (operation, operation[:12]):
        assert ok("--at", at, "rev-parse", "HEAD", cwd=project).out == first
        assert len(ok("--at", at, "log", "-q", cwd=project).out.splitlines()) == 1
        assert ok("--at", at, "branch", "-q", cwd=project).out == "main\n"
        assert ok("--at", at, "tag", "-q", cwd=project).out == ""
        assert ok("--at", at, "cat", "HEAD:train.py", cwd=project).out == "print('train')\n"
        assert [item["path"] for item in ok("--at", at, "status", "--json", cwd=project).json["changes"]] == ["train.py"]
    assert ok("--at", "now", "rev-parse", "HEAD", cwd=project).out == ok("rev-parse", "HEAD", cwd=project).out
    fails(3, "revision-not-found", "--at", "2001-01-01", "log", cwd=project)
    fails(2, "invalid-revision", "--at", "no date", "log", cwd=project)
    fails(3, "revision-not-found", "--at", "0" * 64, "log", cwd=project)
    fails(3, "revision-not-found", "--at", "00000000", "log", cwd=project)


# Exit codes

EXITS = [
    (0, ["status"]), (0, ["diff"]), (0, ["diff", "--exit-code"]), (0, ["fsck"]), (0, ["doctor"]), (0, ["config", "user.name"]), (0, ["--version"]),
    (0, ["--help"]), (0, ["help"]), (1, ["commit", "-m", "x"]), (1, ["redo"]), (1, ["diff", "main~0", "other", "--exit-code"]), (2, ["nosuch"]), (2, []),
    (2, ["log", "-n", "x"]), (2, ["log", "-n", "-1"]), (2, ["commit", "--metric", "x"]), (2, ["commit", "--metric", "x=y"]), (2, ["commit", "--metric", "=1"]),
    (2, ["add"]), (2, ["branch", "a b"]), (2, ["branch", "-x"]), (2, ["tag", "a..b"]), (2, ["switch"]), (2, ["reset", "--hard", "--soft"]),
    (2, ["config", "lock.timeout", "soon"]), (2, ["completion", "tcsh"]), (2, ["op", "list"]), (2, ["help", "nosuch"]), (2, ["init", "--model", "a/b", "x"]),
    (2, ["rev-parse"]), (2, ["rev-parse", "HEAD^{"]), (2, ["diff", "--only", "nosuch"]), (2, ["ls", "HEAD:@nosuch"]), (2, ["commit", "--amend", "--author", "x", "-m", "y"]),
    (2, ["--lock-timeout", "x", "status"]), (2, ["--color", "red", "status"]), (3, ["log", "nosuch"]), (3, ["show", "nosuch"]), (3, ["cat", "HEAD:nosuch"]),
    (3, ["cat", "HEAD:data"]), (3, ["switch", "nosuch"]), (3, ["checkout", "nosuch"]), (3, ["branch", "b", "nosuch"]), (3, ["branch", "-d", "nosuch"]),
    (3, ["branch", "-m", "nosuch", "x"]), (3, ["tag", "-d", "nosuch"]), (3, ["tag", "t", "nosuch"]), (3, ["restore", "nosuch"]), (3, ["restore", "-s", "nosuch", "train.py"]),
    (3, ["reset", "nosuch"]), (3, ["config", "nosuch"]), (3, ["config", "nosuch", "x"]), (3, ["config", "--unset", "user.name"]), (3, ["add", "nosuch", "--as", "data"]),
    (3, ["rm", "nosuch"]), (3, ["op", "show", "nosuch"]), (3, ["op", "show", "0000"]), (3, ["ls", "HEAD:nosuch"]), (3, ["clone", "-b", "nosuch", ".", "copy"]),
    (3, ["diff", "main", "nosuch"]), (3, ["du", "nosuch"]), (3, ["materialise", "nosuch"]), (3, ["-C", "nosuch", "status"]), (4, ["init"]), (4, ["branch", "other"]), (4, ["switch", "-c", "other"]),
    (4, ["tag", "v1"]), (4, ["branch", "-d", "main"]), (4, ["branch", "-m", "other"]), (4, ["branch", "-f", "main", "other"]), (4, ["clone", ".", "data"]),
    (128, ["clone", "nosuch", "copy"]), (128, ["fsck", "--repair-from", "nosuch"]), (2, ["switch", "-c", "MAIN"]), (2, ["branch", "Other"]), (2, ["tag", "V1"]),
    (2, ["branch", "v1"]), (2, ["tag", "main"]), (2, ["switch", "-c", "v1"]), (2, ["commit", "--amend", "-m", "x", "--tag", "Main"]), (4, ["commit", "--amend", "-m", "x", "--tag", "v1"]),
    (2, ["branch", "-m", "other", "MAIN"]),
]


@pytest.fixture
def busy(project):
    """The project with another branch and a tag."""
    ok("tag", "v1", cwd=project)
    ok("switch", "-c", "other", cwd=project)
    write(project, {"train.py": "other\n"})
    ok("commit", "-m", "other", cwd=project)
    ok("switch", "main", cwd=project)
    return project


@pytest.mark.parametrize(("code", "words"), EXITS, ids=lambda value: " ".join(value) if isinstance(value, list) else str(value))
def test_exit_codes(busy, monkeypatch, code, words):
    monkeypatch.chdir(busy)
    monkeypatch.delenv("MVCS_AUTHOR_EMAIL")
    operations = ok("op", "--json", cwd=busy).json
    done = mvcs_run(*words)
    assert done.code == code, done
    if code and words and "--exit-code" not in words:
        assert done.out == ""
        lines = done.err.splitlines()
        assert lines[0].startswith("error: "), done
        assert all(line.startswith(("error: ", "hint: ")) for line in lines), done
        again = mvcs_run("--json", *words)
        assert (again.code, again.out) == (code, "")
        assert again.error["message"] == lines[0].removeprefix("error: ")
        assert (again.error["hint"] != "") == (len(lines) == 2)
        assert set(again.error) == {"code", "message", "hint", "exit_code", "details"}
        assert ok("op", "--json", cwd=busy).json == operations


@pytest.mark.parametrize(("code", "words"), [(0, ["status"]), (1, ["commit"]), (2, ["frob"]), (3, ["log", "x"]), (4, ["init"]), (128, ["-C", "/", "log"])])
def test_exit_codes_of_the_process(project, code, words):
    done = mvcs_process(*words, cwd=project)
    assert done.code == code, done
    assert (done.err == "") == (code == 0)


def test_a_bug_ends_with_8_and_names_a_report(project, monkeypatch):
    import mvcs.ops.status

    def broken(repository):
        raise ZeroDivisionError("by a test \udcff")

    monkeypatch.setattr(mvcs.ops.status, "status", broken)
    done = mvcs_run("status", cwd=project)
    assert (done.code, done.out) == (8, "")
    assert "error: internal error: ZeroDivisionError" in done.err
    report = done.err.split("hint: cat ")[1].strip()
    with open(report, encoding="utf-8") as file:
        assert "Traceback" in file.read()
    os.unlink(report)


# Streams


def test_an_unknown_verb_gets_the_nearest_ones_as_a_hint():
    assert "Did you mean commit?" in mvcs_run("comit").err
    assert "Did you mean" not in mvcs_run("qqqqqq").err


def test_without_a_verb_there_is_help_on_stderr():
    done = mvcs_run()
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("Usage: mvcs ")


@pytest.mark.parametrize("alias", sorted(ALIASES))
def test_an_alias_is_its_verb(project, alias):
    verb = ALIASES[alias]
    assert mvcs_run(alias, "--help", cwd=project).out.replace(f"mvcs {alias}", f"mvcs {verb}") == mvcs_run(verb, "--help", cwd=project).out


@pytest.mark.parametrize("verb", ["status", "log", "show", "diff", "branch", "op", "ls"])
def test_colour_only_where_it_is_wanted(busy, monkeypatch, verb):
    write(busy, {"train.py": "x"})
    assert "\x1b" not in ok(verb, cwd=busy).out  # no terminal
    assert ("\x1b" in ok("--color", "always", verb, cwd=busy).out) == (verb not in {"branch", "ls"})
    assert "\x1b" not in ok("--color", "never", verb, cwd=busy).out
    assert "\x1b" not in ok("--color", "always", verb, "--json", cwd=busy).out


def test_no_color_counts_on_a_terminal(busy):
    """A pseudo-terminal: colour and human answers; NO_COLOR and TERM=dumb take the colour away."""
    import pty

    def shown(**variables: str) -> bytes:
        main, side = pty.openpty()
        child = subprocess.Popen([sys.executable, "-m", "mvcs_cli.main", "log"], cwd=busy, stdout=side, stderr=side, stdin=side,
                                 env={**os.environ, "TERM": "xterm", **variables})
        os.close(side)
        out = b""
        while True:
            try:
                piece = os.read(main, 4096)
            except OSError:
                break
            if not piece:
                break
            out += piece
        os.close(main)
        assert child.wait() == 0
        return out

    assert b"\x1b[" in shown()
    assert b"\x1b[" not in shown(NO_COLOR="1")
    assert b"\x1b[" not in shown(TERM="dumb")


@pytest.mark.parametrize("verb", [["status"], ["log"], ["op"], ["ls"], ["cat", "HEAD:train.py"], ["show"], ["diff", "main", "other"], ["help"], ["log", "--json"], ["--help"]])
def test_a_reader_that_goes_away_is_141(busy, verb):
    """The pipe's reader is closed before anything is written, as `| head -0` would."""
    read, wrote = os.pipe()
    os.close(read)
    try:
        done = subprocess.run([sys.executable, "-m", "mvcs_cli.main", *verb], cwd=busy, stdout=wrote, stderr=subprocess.PIPE, check=False)
    finally:
        os.close(wrote)
    assert (done.returncode, done.stderr) == (141, b"")


def test_an_interrupt_is_130(project):
    """Ctrl-C while the command waits for a lock."""
    import fcntl
    import signal
    import time

    with open(project / ".mvcs" / "lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        child = subprocess.Popen([sys.executable, "-m", "mvcs_cli.main", "gc"], cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        while True:  # until it waits: it has the lock file open
            assert child.poll() is None
            try:
                if any(os.readlink(f"/proc/{child.pid}/fd/{fd}").endswith("/.mvcs/lock") for fd in os.listdir(f"/proc/{child.pid}/fd")):
                    break
            except FileNotFoundError:
                pass
            time.sleep(0.01)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=60)
    assert (child.returncode, out) == (130, b""), err
    assert b"interrupted" in err
    assert b"Traceback" not in err


def test_a_lock_that_is_held_is_told_with_its_holder(project):
    import fcntl

    with open(project / ".mvcs" / "lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        write(project, {"train.py": "x"})
        done = mvcs_process("--lock-timeout", "0.1", "commit", "-m", "x", "--json", cwd=project)
        assert done.code == 4
        assert done.error["code"] == "lock-timeout"
        assert str(os.getpid()) in done.error["details"]["holder"]
        assert mvcs_run("status", "--json", cwd=project).code == 0  # reading waits for nobody


def test_options_come_before_and_after_the_verb(project):
    write(project, {"train.py": "x"})
    assert ok("--json", "status", cwd=project).out == ok("status", "--json", cwd=project).out
    assert ok("-q", "status", cwd=project).out == ok("status", "-q", cwd=project).out == "train.py\n"


def test_c_works_as_if_started_there(project, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert mvcs_run("-C", "proj", "ls", "-q").out == mvcs_run("ls", "-q", cwd=project).out
    monkeypatch.chdir(project / "data")
    assert mvcs_run("-C", "..", "restore", "train.py", "-q").code == 0
    assert mvcs_run("-C", "../..", "log").code == 128
    error = fails(3, "path-not-found", "-C", "nosuch", "status")
    assert "nosuch" in error["message"]


def test_mvcs_dir_names_the_repository(tmp_path, monkeypatch):
    monkeypatch.setenv("MVCS_DIR", str(tmp_path / "elsewhere" / "m.mvcs"))
    make_project(tmp_path / "p")
    assert not (tmp_path / "p" / ".mvcs").exists()
    assert ok("status", "--json", cwd=tmp_path / "p").json["clean"]
    monkeypatch.setenv("MVCS_DIR", str(tmp_path / "nosuch"))
    fails(128, "not-a-repository", "status", cwd=tmp_path / "p")


def test_the_ledger_has_the_command_as_typed(project):
    write(project, {"train.py": "x"})
    ok("--lock-timeout", "5", "commit", "-m", "two words", "--metric", "auc=1", cwd=project)
    assert ok("op", "log", "-n", "1", "--json", cwd=project).json["operations"][0]["command"] == "commit -m 'two words' --metric auc=1"


def test_bytes_that_are_no_utf8_are_wrong_usage_or_kept_never_a_bug(project):
    write(project, {"train.py": "x"})
    done = mvcs_process("commit", b"-m", b"caf\xe9", "--json", cwd=project)
    assert (done.code, done.error["code"]) == (2, "invalid-argument"), done
    for words in (["log", b"\xff"], ["branch", b"\xff"], ["tag", b"\xff"], ["cat", b"HEAD:\xff"], ["add", b"\xff", "--as", "data"], ["switch", b"\xff"],
                  ["config", "user.name", b"\xff"], ["-C", b"\xff", "status"], ["clone", b"\xff", "x"], ["help", b"\xff"], [b"\xff"], ["restore", b"\xff"]):
        done = mvcs_process(*words, "--json", cwd=project)
        assert done.code in {0, 2, 3, 128}, (words, done)
    env = {**os.environb, b"MVCS_AUTHOR_NAME": b"Jos\xe9"}
    done = mvcs_process("commit", "-m", "x", "--json", cwd=project, env=env)
    assert done.code == 0, done  # an identity is never refused
    assert json.loads(ok("log", "-n", "1", "--json", cwd=project).out)["commits"][0]["author"] == "Jos\ufffd <ada@example.org>"
