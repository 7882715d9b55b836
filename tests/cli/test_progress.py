"""The progress bar: on a terminal, moving while one large file is read, and nowhere else."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys

from tests.cli.harness import write

SPARSE = 3 << 30
"""Bytes of a file that takes no space and more than half a second to read."""


def on_terminal(folder, *words):
    """Runs mvcs with stderr on a terminal; returns (stdout, what the terminal got)."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "mvcs_cli.main", *words], cwd=folder, stdout=subprocess.PIPE, stderr=slave,
        stdin=subprocess.DEVNULL, env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(slave)
    seen = b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        seen += piece
    out = process.communicate()[0]
    os.close(master)
    assert process.returncode == 0
    return out.decode(), seen.decode("utf-8", "replace")


def test_the_bar_moves_while_one_large_file_is_read(project):
    write(project, {"model.pt": b""})
    os.truncate(project / "model.pt", SPARSE)
    out, seen = on_terminal(project, "status")
    assert "model.pt" in out
    assert "reading" in seen
    shown = {float(done) for done, total in re.findall(r"([\d.]+)/([\d.]+) GB", seen) if float(done) < float(total)}
    assert len(shown - {0.0}) >= 2, shown


def test_json_and_quick_commands_draw_nothing(project):
    assert on_terminal(project, "status")[1] == ""
    write(project, {"model.pt": b""})
    os.truncate(project / "model.pt", SPARSE)
    assert on_terminal(project, "status", "--json")[1] == ""
