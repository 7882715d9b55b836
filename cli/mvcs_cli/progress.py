"""Progress for people: a bar on a terminal for what takes longer than half a second, warnings on stderr."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from mvcs_cli.printable import indented

if TYPE_CHECKING:
    from mvcs_cli.terminal import Bar

PATIENCE = 0.5
"""Seconds before a bar appears."""


class TerminalProgress:
    """Hears the library; see `mvcs.ports.Progress`.

    Args:
        show: Whether a bar may be drawn.
    """

    def __init__(self, *, show: bool) -> None:
        self._show = show
        self._label = ""
        self._total = 0
        self._done = 0
        self._began = 0.0
        self._bar: Bar | None = None
        self.warnings: list[str] = []

    def start(self, label: str, total: int) -> None:
        """A stage begins."""
        self._label, self._total, self._done, self._began = label, total, 0, time.monotonic()

    def advance(self, count: int) -> None:
        """More bytes are done."""
        self._done += count
        if not self._show:
            return
        if self._bar is None and time.monotonic() - self._began > PATIENCE:
            from mvcs_cli.terminal import Bar

            self._bar = Bar(self._label, self._total)
        if self._bar is not None:
            self._bar.update(self._done)

    def finish(self) -> None:
        """The stage is over."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def warn(self, message: str) -> None:
        """Something the user should know."""
        self.warnings.append(message)
        click.echo(f"warning: {indented(message)}", err=True)
