"""What all tests share."""

from __future__ import annotations

import os
import pathlib
import signal

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("ci", deadline=None, max_examples=60, database=None, print_blob=True,
                          suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
settings.register_profile("dev", settings.get_profile("ci"), max_examples=30)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a background job of a shell hands that down to its children
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Tests that CI must run: those listed in tests/required/*.txt. A skipped one, or one that is not there, fails the run.

_outcomes: dict[str, str] = {}


def required_tests() -> list[str]:
    """Returns the node ids of the tests that must run."""
    folder = pathlib.Path(__file__).parent / "required"
    lines = [line.split("#")[0].strip() for path in sorted(folder.glob("*.txt")) for line in path.read_text().splitlines()]
    return sorted({line for line in lines if line})


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Keeps what became of each test; parameters count for their test."""
    for nodeid in {report.nodeid, report.nodeid.split("[")[0]}:
        if report.skipped:
            _outcomes[nodeid] = "skipped"
        else:
            _outcomes.setdefault(nodeid, report.outcome)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fails a whole run in which a required test did not run."""
    if hasattr(session.config, "workerinput") or session.config.option.collectonly:
        return
    whole = session.config.args == session.config.getini("testpaths") and not session.config.option.keyword
    if not whole or session.config.option.markexpr:
        return
    missed = [name for name in required_tests() if _outcomes.get(name, "not there") in {"skipped", "not there"}]
    for name in missed:
        print(f"required test did not run: {name} ({_outcomes.get(name, 'not there')})")
    if missed:
        session.exitstatus = 1
