"""mvcs op log, mvcs op show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mvcs_cli.answers import short_target
from mvcs_cli.ui import Ui, local_time
from mvcs_cli.verb import verb

if TYPE_CHECKING:
    from mvcs.api.results import LoggedOperation as Logged


@verb("op")
@click.argument("what", type=click.Choice(["log", "show"]), default="log")
@click.argument("operation", required=False)
@click.option("-n", "--max-count", "limit", type=click.IntRange(min=0), default=20, help="At most so many.")
def command(ui: Ui, what: str, operation: str | None, *, limit: int) -> None:
    """The ledger: `op log` lists what was done, `op show OP` one operation with the refs that it moved."""
    repo = ui.repo()
    if what == "show":
        one = repo.op_show(operation)
        ui.answer("op", one.to_dict(), people=lambda: _one(ui, one), quiet=[one.oid.hex()])
        return
    found = repo.op_log(limit=limit)

    def listed() -> None:
        for item in found:
            _line(ui, item)

    ui.listing(
        "op", "operations", (item.to_dict() for item in found), people=listed,
        quiet=[item.oid.hex() for item in found],
    )


def _line(ui: Ui, item: Logged) -> None:
    op = item.operation
    reason = f"  ({op.reason})" if op.reason else ""
    oid, when = ui.style(item.oid.hex()[:12], fg="yellow"), local_time(op.time, 0)[:19]
    ui.line(f"{oid} {when}Z  {op.actor[0]:<12} mvcs {op.command}{reason}")


def _one(ui: Ui, item: Logged) -> None:
    op = item.operation
    _line(ui, item)
    for move in op.moves:
        ui.line(f"  {move.ref}: {short_target(move.old)} -> {short_target(move.new)}")
    for oid in op.evidence:
        ui.line(f"  keeps {oid.hex()[:12]}")
