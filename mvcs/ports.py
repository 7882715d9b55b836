"""What the library asks of its surroundings: clock, identity, progress.

Knows: the three protocols and their silent defaults. Refuses to know: the system's clock, the environment, the
terminal; `mvcs.ambient` and the command line hand those in.
"""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> tuple[int, int]:
        """Returns nanoseconds since 1970 in UTC, and the local offset from UTC in minutes."""
        ...


class Progress(Protocol):
    """Hears how far a command is; every call is cheap and may come often."""

    def start(self, label: str, total: int) -> None:
        """A stage begins: `total` is in bytes, 0 if unknown."""
        ...

    def advance(self, count: int) -> None:
        """`count` more bytes are done."""
        ...

    def finish(self) -> None:
        """The stage is over."""
        ...

    def warn(self, message: str) -> None:
        """Something the user should know that is no error."""
        ...


class Silent:
    """Progress that nobody hears; keeps the warnings for the caller."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def start(self, label: str, total: int) -> None:
        """Hears that a stage begins."""

    def advance(self, count: int) -> None:
        """Hears that bytes are done."""

    def finish(self) -> None:
        """Hears that a stage is over."""

    def warn(self, message: str) -> None:
        """Keeps a warning."""
        self.warnings.append(message)


class FixedClock:
    """A clock that stands still, or ticks by a fixed step: for reproducible commits and for tests.

    Args:
        nanoseconds: The first answer, since 1970 in UTC.
        offset: Local offset from UTC in minutes.
        step: Nanoseconds added after each answer.
    """

    def __init__(self, nanoseconds: int, offset: int = 0, step: int = 0) -> None:
        self.nanoseconds = nanoseconds
        self.offset = offset
        self.step = step

    def now(self) -> tuple[int, int]:
        """Returns the fixed time, then ticks."""
        answer = (self.nanoseconds, self.offset)
        self.nanoseconds += self.step
        return answer


def unheard(_count: int) -> None:
    """Hears of bytes, and says nothing."""


def _ignore(_name: str) -> None:
    return


on_reached = _ignore
"""Called at named points of the commands; crash tests put a function here that ends the process."""


def reached(name: str) -> None:
    """Says that a named point has been reached."""
    on_reached(name)
