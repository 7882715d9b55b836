"""Fixtures of `tests.cli.harness`; a project whose days can be chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import mvcs
from mvcs.ports import FixedClock
from tests.cli.harness import sealed, write

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["sealed"]
DAY = 86400 * 10**9


class Lab:
    """A project, its repository and a clock that stands still until it is told the day."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = FixedClock(20_000 * DAY)
        write(folder, {"train.py": "1", "data/a.csv": "1,2", "model.pt": "weights of main", "metrics.json": '{"auc": 0.5}'})
        self.repo, _ = mvcs.init(folder, model="m", yes=True, clock=self.clock)
        self.repo.commit("main")

    def day(self, number: int) -> None:
        """Goes to the day with this number after the first commit."""
        self.clock.nanoseconds = (20_000 + number) * DAY

    def rules(self, text: str) -> None:
        """Writes [retention] into mvcs.toml, in place of what it had."""
        path = self.folder / "mvcs.toml"
        path.write_text(path.read_text().partition("\n[retention]\n")[0] + "\n[retention]\n" + text)

    def run(self, branch: str, weights: str | bytes, **files: str) -> str:
        """Makes a commit on a branch, made at main if there is none, and goes back to main; returns its oid."""
        self.repo.switch(branch, create=branch not in self.repo.branches)
        write(self.folder, {"model.pt": weights, "train.py": f"train {branch}", **files})
        oid = self.repo.commit(branch, metrics={"auc": 0.75}).oid.hex()
        self.repo.switch("main")
        return oid

    def has(self, oid: str) -> bool:
        """Whether a commit's weights can be read."""
        return not self.repo._repository.store.missing([self.repo[oid].weights.files.entries()[0].entry.oid])

    def problems(self) -> list[dict[str, str]]:
        """What fsck finds."""
        return [problem.to_dict() for problem in self.repo.fsck().problems]


@pytest.fixture
def lab(tmp_path, sealed, monkeypatch):
    """A project with one commit on main, on day 0."""
    monkeypatch.delenv("MVCS_AUTHOR_DATE")
    folder = tmp_path / "m"
    folder.mkdir()
    found = Lab(folder)
    yield found
    found.repo.close()
