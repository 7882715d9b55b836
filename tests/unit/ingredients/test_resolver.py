"""Whether requirements can be satisfied, asked of pip with wheels made here and no network."""

from __future__ import annotations

import shutil
import sys

import pytest

from mvcs.ingredients.resolver import NO, PIP, UNKNOWN, UV, YES, satisfiable
from tests.unit.ingredients.test_environment import make_wheel

TOOLS = [PIP, pytest.param(UV, marks=pytest.mark.skipif(shutil.which("uv") is None, reason="uv is not installed here"))]


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheels")
    make_wheel(folder, "low", "1.0")
    make_wheel(folder, "low", "2.0")
    make_wheel(folder, "needs_old", "1.0", ("low<2",))
    make_wheel(folder, "needs_new", "1.0", ("low>=2",))
    return ["--no-index", f"--find-links {folder}"]


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize(("requirements", "verdict"), [
    (["low==1.0", "needs-old"], YES), (["low", "# comment", ""], YES), ([], YES), (["low==3.0"], NO), (["needs-old", "needs-new"], NO), (["needs-old", "low==2.0"], NO), (["absent"], UNKNOWN),
])
def test_what_wheels_can_tell(index, tool, requirements, verdict):
    answer = satisfiable(sys.executable, [*index, *requirements], tool)
    assert answer.verdict == verdict, answer.message
    assert bool(answer.message) is (verdict != YES)
    if "needs-old" in requirements and verdict == YES:
        assert answer.versions == {"low": "1.0", "needs-old": "1.0"}
    if verdict == NO and len(requirements) > 1:
        assert "low" in answer.message


@pytest.mark.parametrize("tool", TOOLS)
def test_no_connection_is_no_answer(tool):
    answer = satisfiable(sys.executable, ["--index-url http://user:secret@127.0.0.1:9/simple", "low==1.0"], tool, timeout=60)
    assert answer.verdict == UNKNOWN
    assert "secret" not in answer.message


def test_nothing_is_built_and_nothing_else_is_read(index, tmp_path):
    (tmp_path / "setup.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    left = [f"-e {tmp_path}", f"own @ file://{tmp_path}", "git+https://h/o/r", "-r other.txt", "--no-binary :all:", "."]
    answer = satisfiable(sys.executable, [*index, "low", *left])
    assert (answer.verdict, answer.left_out) == (YES, tuple(left))
    assert not (tmp_path / "ran").exists()
    assert satisfiable(sys.executable, [*index, f"-e {tmp_path}"]).verdict == UNKNOWN


def test_a_tool_that_is_not_there_and_one_that_takes_too_long_are_no_answer(index, tmp_path):
    assert satisfiable(str(tmp_path / "python"), [*index, "low"]).verdict == UNKNOWN
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    answer = satisfiable(str(slow), [*index, "low"], timeout=0.5)
    assert (answer.verdict, answer.message) == (UNKNOWN, "no answer within 0.5 s")
