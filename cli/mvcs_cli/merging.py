"""Answers and options that merge, cherry-pick, revert and resolve share."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import click

from mvcs.errors import InvalidArgument
from mvcs_cli.ui import quoted
from mvcs_cli.verb import complete_ingredient, complete_revision

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mvcs.api.results import Left, MergeResult
    from mvcs_cli.ui import Ui

SHOWN = 20


def pick_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the argument and the options that cherry-pick and revert share."""
    for add in reversed((
        click.argument("revision", shell_complete=complete_revision),
        click.option(
            "--only", metavar="INGREDIENTS", shell_complete=complete_ingredient, help="Only these, with commas."
        ),
        click.option(
            "--parent", type=int, metavar="N", help="Of a merge commit: the parent that changes are counted from."
        ),
        click.option("-s", "--strategy", "strategies", multiple=True, metavar="PATTERN=S", help="As in merge."),
        click.option("--dry-run", is_flag=True, help="Only say what it would give; 1 if conflicts would be left."),
    )):
        function = add(function)
    return function


def picked(
    ui: Ui, verb: str, revision: str, *, only: str | None, parent: int | None, strategies: tuple[str, ...],
    dry_run: bool,
) -> int:
    """Runs cherry-pick or revert and says what it gave; returns the exit code."""
    repo = ui.repo()
    run = {"cherry-pick": repo.cherry_pick, "revert": repo.revert}[verb]
    done = run(
        revision, only=ingredients_of(only), parent=parent, strategies=strategies_of(strategies), dry_run=dry_run,
        command=ui.command(verb),
    )
    return merged(ui, verb, revision, done, dry_run=dry_run)


def strategies_of(given: Sequence[str]) -> dict[str, str]:
    """Reads PATTERN=STRATEGY options.

    Raises:
        InvalidArgument: If one is not of that form.
    """
    made: dict[str, str] = {}
    for text in given:
        pattern, equals, strategy = text.rpartition("=")
        if not equals or not pattern:
            raise InvalidArgument(argument="--strategy", value=text, reason="write PATTERN=STRATEGY")
        made[pattern] = strategy
    return made


def ingredients_of(given: str | None) -> tuple[str, ...]:
    """Reads a list of ingredients with commas; an empty one is one without a name, which no verb takes for all."""
    return () if given is None else tuple(name.strip() for name in given.split(","))


def merged(ui: Ui, verb: str, name: str, done: MergeResult, *, dry_run: bool = False) -> int:
    """Says what a merge gave; returns the exit code."""
    for note in done.notes:
        ui.warn(note)

    def people() -> None:
        at = done.commit.hex()[:12] if done.commit is not None else ""
        said = {
            "up-to-date": f"Already up to date at {at}.", "merged": f"Made {at} with {name}.",
            "fast-forward": f"Moved forward to {name}{' at ' + at if at else ''}.",
            "aborted": f"Back at {at}.", "would-merge": f"{name} would merge without conflicts.",
            "settled": "All conflicts are settled. Next: mvcs commit",
            "conflicts": f"{len(done.conflicts)} conflict(s):",
        }[done.how]
        ui.line(said)
        for package, version in done.chosen.items():
            ui.line(f"  chosen: {package} {version}")
        for item in done.conflicts[:SHOWN]:
            key = "" if item.conflict.key is None else f": {item.conflict.key}"
            reason = f" ({item.conflict.reason})" if item.conflict.reason else ""
            ui.line(f"  {quoted(os.fsdecode(item.path))}{key}{reason}", fg="red")
        if len(done.conflicts) > SHOWN:
            ui.line(f"  ... and {len(done.conflicts) - SHOWN} more: mvcs conflicts --skip {SHOWN}")
        if dry_run and done.how == "conflicts":
            ui.line(f"Next: mvcs {ui.command(verb, without='--dry-run')}, and settle them then")
            return
        if done.how == "conflicts":
            ui.line("Next: mvcs conflicts, mvcs resolve PATH[:KEY] --ours|--theirs|--set V or edit, then mvcs commit")
            return
        for path in done.changes[:SHOWN]:
            ui.line(f"  {quoted(path)}")
        if len(done.changes) > SHOWN:
            ui.line(f"  ... and {len(done.changes) - SHOWN} more files")

    ui.answer(verb, done.to_dict(), people=people, quiet=[] if done.commit is None else [done.commit.hex()])
    return 1 if done.conflicts else 0


def shown_value(value: object) -> str:
    """Returns a value of a conflict in one line."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    first, newline, _ = text.partition("\n")
    short = first if len(first) <= 60 else first[:57] + "..."
    return short + (" ..." if newline else "")


def told(ui: Ui, left: Left) -> None:
    """Prints one conflict as a small table of its three values."""
    conflict = left.item.conflict.to_dict()
    key = "" if conflict["key"] is None else f": {conflict['key']}"
    note = "  (edited: commit takes it as it is)" if left.edited else ""
    note = "  (edited, but conflict markers are left: commit refuses it)" if left.marked else note
    ui.line(f"{quoted(os.fsdecode(left.item.path))}{key}{note}", bold=True)
    if conflict.get("reason"):
        ui.line(f"  {conflict['reason']}")
    for side in ("base", "ours", "theirs"):
        missing = "nothing" if getattr(left.item.conflict, side) is not None and conflict[side] is None else None
        ui.line(f"  {side:<7} {missing or shown_value(conflict[side])}")
    facts = left.item.conflict.facts
    if facts:
        ui.line(f"  {'changes':<7} {', '.join(f'{name} {_number(value)}' for name, value in facts.items())}")


def _number(value: object) -> str:
    """Returns a number of a conflict as people read it."""
    return "none" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
