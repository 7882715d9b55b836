"""mvcs add."""

from __future__ import annotations

import os
import re

import click

from mvcs_cli.ui import Ui, quoted
from mvcs_cli.verb import complete_ingredient, verb

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
"""What a URL begins with, and names of files hardly ever do: a file that is there is a file."""


@verb("add")
@click.argument("paths", nargs=-1, required=True)
@click.option("--as", "ingredient", metavar="INGREDIENT", shell_complete=complete_ingredient,
              help="code, data, config, environment, weights, metrics or about.")
@click.option("--to", metavar="PATH", help="Of a URL: the path that it stands for; the folder of a prefix.")
@click.option("--verify", is_flag=True, help="Of a URL: read it once and remember its SHA-256.")
def command(ui: Ui, paths: tuple[str, ...], *, ingredient: str | None, to: str | None, verify: bool) -> None:
    """Say which ingredient paths belong to: written into mvcs.toml, stored by the next commit.

    There is no staging area: `mvcs commit` takes every file that belongs somewhere. Of an http, https or s3 URL only
    where it is, its version, size and checksums are stored.
    """
    repo = ui.repo()
    found = []
    urls = [path for path in paths if _URL.match(path) and not os.path.lexists(os.path.join(ui.cwd, path))]
    for url in urls:
        found += repo.add_url(url, ingredient or "data", to=to, verify=verify)
    found += repo.add([repo.inside(path, ui.cwd) for path in paths if path not in urls], ingredient)

    def people() -> None:
        for path, where in found:
            ui.line(f"{quoted(path)} belongs to {where}")

    document = {"entries": [{"path": path, "ingredient": where} for path, where in found]}
    ui.answer("add", document, people=people, quiet=[quoted(path) for path, _ in found])
