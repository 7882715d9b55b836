"""mvcs add."""

from __future__ import annotations

import click

from mvcs_cli.ui import Ui, quoted
from mvcs_cli.verb import complete_ingredient, verb


@verb("add")
@click.argument("paths", nargs=-1, required=True)
@click.option("--as", "ingredient", metavar="INGREDIENT", shell_complete=complete_ingredient,
              help="code, data, config, environment, weights, metrics or about.")
def command(ui: Ui, paths: tuple[str, ...], *, ingredient: str | None) -> None:
    """Say which ingredient paths belong to: written into mvcs.toml, stored by the next commit.

    There is no staging area: `mvcs commit` takes every file that belongs somewhere.
    """
    repo = ui.repo()
    found = repo.add([repo.inside(path, ui.cwd) for path in paths], ingredient)

    def people() -> None:
        for path, where in found:
            ui.line(f"{quoted(path)} belongs to {where}")

    document = {"entries": [{"path": path, "ingredient": where} for path, where in found]}
    ui.answer("add", document, people=people, quiet=[quoted(path) for path, _ in found])
