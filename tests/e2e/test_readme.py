"""README's transcript is what mvcs answers, on the real model when its package can be had."""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[2]


def test_every_answer_in_readme_is_the_one_given():
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "demo.py")], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert "Every answer is the one in README.md." in done.stdout
    assert "Every answer is the one in examples/tweettrader/README.md." in done.stdout


def test_readme_shows_the_commands_that_exist():
    text = (ROOT / "README.md").read_text()
    for command in ("make demo", "make test", "mvcs init", "mvcs commit", "mvcs switch", "mvcs clone", "mvcs undo"):
        assert command in text
    assert text.count("<!-- demo -->") == text.count("<!-- /demo -->") >= 4
