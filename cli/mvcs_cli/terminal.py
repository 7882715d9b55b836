"""The progress bar. The only module that imports rich, and late: it costs fifty milliseconds."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn


class Bar:
    """A bar on stderr with bytes, rate and remaining time.

    Args:
        label: What goes on.
        total: Bytes; 0 if unknown.
    """

    def __init__(self, label: str, total: int) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(),
            TimeRemainingColumn(), console=Console(stderr=True), transient=True,
        )
        self._task = self._progress.add_task(label, total=total or None)
        self._progress.start()

    def update(self, done: int) -> None:
        """So many bytes are done."""
        self._progress.update(self._task, completed=done)

    def close(self) -> None:
        """Takes the bar away."""
        self._progress.stop()
