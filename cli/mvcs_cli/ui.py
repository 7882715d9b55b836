"""What every verb has in its hands: the repository, and one way to answer for people and for scripts."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from mvcs_cli.printable import indented, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from mvcs.api import Repo


DOCUMENT, LINES = "document", "lines"
"""Forms of JSON."""
STREAMED = 8 << 10
"""Characters of a long answer that are printed at once."""


class Ui:
    """One command's surroundings.

    Args:
        folder: Where to work; the current folder by default.
        json: "document" to answer with one JSON document, "lines" with a line for each row; None for people.
        quiet: Answer with the essential only.
        at: A time or operation to read as of.
        lock_timeout: Seconds to wait for locks.
        color: auto, always or never.
        arguments: The command as typed.
    """

    def __init__(
        self, *, folder: str | None, json: str | None, quiet: bool, at: str | None, lock_timeout: float | None,
        color: str, arguments: list[str],
    ) -> None:
        self.cwd = os.path.abspath(folder) if folder is not None else os.getcwd()
        self.json = json
        self.quiet = quiet
        self.at = at
        self.lock_timeout = lock_timeout
        self.arguments = arguments
        out = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self.colour = color == "always" or (color == "auto" and out)
        self._escape = f"<{os.urandom(8).hex()}>" if self.colour else ""

    @property
    def as_json(self) -> bool:
        """Whether the answer is for a program."""
        return self.json is not None

    def command(self, verb: str, *, without: str = "") -> str:
        """Returns the command as typed from its verb on, perhaps without an option: for the ledger, and for hints."""
        import shlex

        words = self.arguments
        start = words.index(verb) if verb in words else 0
        text = " ".join([verb, *(shlex.quote(word) for word in words[start + 1 :] if word != without)])[:1000]
        return text.encode("utf-8", "backslashreplace").decode()  # names may be any bytes, the ledger is text

    def options(self) -> dict[str, Any]:
        """Returns the options that a repository is opened with."""
        from mvcs_cli.progress import TerminalProgress

        progress = TerminalProgress(show=not self.quiet and not self.as_json and sys.stderr.isatty())
        return {"progress": progress, "lock_timeout": self.lock_timeout, "at": self.at}

    def repo(self) -> Repo:
        """Opens the repository around the working folder."""
        from mvcs.api.opening import open_from

        return open_from(self.cwd, **self.options())

    # Answers

    def answer(
        self, verb: str, document: Mapping[str, object], *, people: Callable[[], object], quiet: Iterable[str] = ()
    ) -> None:
        """Answers once, in the form that was asked for.

        Args:
            verb: Names the schema: mvcs.VERB/1.
            document: The JSON document.
            people: Prints the answer for people.
            quiet: Lines for `--quiet`.
        """
        if self.as_json:
            import json

            self.line(json.dumps({"schema": f"mvcs.{verb}/1", **document}))
        elif self.quiet:
            for line in quiet:
                self.line(line)
        else:
            people()

    def listing(
        self, verb: str, name: str, rows: Iterable[Mapping[str, object]], *, people: Callable[[], object],
        quiet: Iterable[str] = (), head: Mapping[str, object] | None = None,
    ) -> None:
        """Answers with a list, which may be long: only a few of its rows are in memory as text at a time.

        In lines the list is all that is told.

        Args:
            verb: Names the schema: mvcs.VERB/1.
            name: Of the list in the JSON document.
            rows: The list.
            people: Prints the answer for people.
            quiet: Lines for `--quiet`.
            head: What the JSON document has before the list.
        """
        if not self.as_json:
            self.answer(verb, {}, people=people, quiet=quiet)
            return
        kept = ""
        for text in self._texts(verb, name, rows, head or {}):
            kept += text
            if len(kept) > STREAMED:
                click.echo(kept, nl=False)
                kept = ""
        click.echo(kept, nl=False)

    def _texts(
        self, verb: str, name: str, rows: Iterable[Mapping[str, object]], head: Mapping[str, object]
    ) -> Iterator[str]:
        import json

        if self.json == LINES:
            for row in rows:
                yield json.dumps(row) + "\n"
            return
        above = json.dumps({"schema": f"mvcs.{verb}/1", **head})
        yield f"{above[:-1]}, {json.dumps(name)}: ["
        for index, row in enumerate(rows):
            yield (", " if index else "") + json.dumps(row)
        yield "]}\n"

    def line(self, text: str = "", **style: Any) -> None:  # noqa: ANN401 -- click's own
        """Prints a line of data."""
        shown = printable(text)
        if self.colour:
            shown = (click.style(shown, **style) if style else shown).replace(self._escape, "\x1b")
        click.echo(shown, color=self.colour)

    def text(self, text: str) -> None:
        """Prints lines of mvcs's own."""
        click.echo(text)

    def style(self, text: str, **style: Any) -> str:  # noqa: ANN401 -- click's own
        """Returns text in colour where colour is wanted, for `line`."""
        # `line` shows every escape sequence that it is given; ours it knows by a word that nobody can guess.
        return click.style(printable(text), **style).replace("\x1b", self._escape) if self.colour else text

    def warn(self, text: str) -> None:
        """Says something that is no data and no error."""
        if not self.as_json:
            click.echo(f"warning: {indented(text)}", err=True)


def size(count: int) -> str:
    """Returns bytes as people read them: 1.2 GB."""
    number = float(count)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if number < 1000 or unit == "TB":
            return f"{number:.0f} {unit}" if unit == "B" or number >= 100 else f"{number:.1f} {unit}"
        number /= 1000
    return ""


def quoted(path: str) -> str:
    """Returns a path in one line: as it is where it can be read, else quoted as Git does."""
    if path.isprintable() and '"' not in path:
        return path
    escapes = {"\n": "\\n", "\t": "\\t", "\r": "\\r", '"': '\\"', "\\": "\\\\"}
    parts = []
    for char in path:
        if char in escapes:
            parts.append(escapes[char])
        elif char.isprintable():
            parts.append(char)
        else:
            parts.extend(f"\\{byte:03o}" for byte in os.fsencode(char))
    return '"' + "".join(parts) + '"'


def local_time(nanoseconds: int, offset: int) -> str:
    """Returns a time as its author's clock showed it."""
    from datetime import datetime, timedelta, timezone

    zone = timezone(timedelta(minutes=offset))
    return datetime.fromtimestamp(nanoseconds // 10**9, zone).strftime("%Y-%m-%d %H:%M:%S %z")


def local_minute(nanoseconds: int, offset: int) -> str:
    """Returns a time to the minute as its author's clock showed it."""
    return local_time(nanoseconds, offset)[:16]
