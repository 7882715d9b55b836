"""mvcs log."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mvcs_cli.graph import draw
from mvcs_cli.ui import Ui, local_minute
from mvcs_cli.verb import complete_revision, verb

if TYPE_CHECKING:
    from mvcs.api.results import Logged


@verb("log")
@click.argument("revisions", nargs=-1, shell_complete=complete_revision)
@click.option("-n", "--max-count", "limit", type=click.IntRange(min=0), default=None, help="At most so many.")
@click.option("-1", "one", is_flag=True, help="The newest only.")
@click.option("-5", "five", is_flag=True, help="The newest five.")
@click.option("--all", "every", is_flag=True, help="From all branches and tags.")
@click.option("--graph", is_flag=True, help="Draw branches and merges.")
@click.option("--metrics", is_flag=True, help="Show the metrics of each commit.")
def command(
    ui: Ui, revisions: tuple[str, ...], *, limit: int | None, one: bool, five: bool, every: bool, graph: bool,
    metrics: bool,
) -> None:
    """History, newest first: of HEAD, of revisions, or of ranges A..B and A...B."""
    limit = 1 if one else 5 if five else limit
    repo = ui.repo()
    if graph and not ui.as_json:
        drawn = repo.graph(list(revisions), limit=limit, every=every)
        for left, item in draw(drawn):
            ui.line(f"{left} {_line(ui, item)}" if item is not None else left)
        return
    found = repo.log(list(revisions), limit=limit, every=every, metrics=metrics)

    def people() -> None:
        for item in found:
            ui.line(_line(ui, item))
            if item.metrics:
                ui.line("    " + "  ".join(f"{name}={value}" for name, value in sorted(item.metrics.items())))

    ui.listing(
        "log", "commits", (item.to_dict() for item in found), people=people, quiet=(item.oid.hex() for item in found)
    )


def _line(ui: Ui, item: Logged) -> str:
    author = item.commit.author
    names = f" ({', '.join(item.names)})" if item.names else ""
    return (
        f"{ui.style(item.oid.hex()[:12], fg='yellow')} {local_minute(author.time, author.offset)}"
        f"  {author.name:<12} {item.commit.subject}{ui.style(names, fg='cyan')}"
    )
