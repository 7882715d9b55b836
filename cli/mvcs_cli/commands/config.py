"""mvcs config."""

from __future__ import annotations

import click

from mvcs.errors import NotARepository
from mvcs_cli.ui import Ui
from mvcs_cli.verb import verb


@verb("config")
@click.argument("key", required=False)
@click.argument("value", required=False)
@click.option("--user", is_flag=True, help="Write for all repositories of this user.")
@click.option("--unset", is_flag=True, help="Remove the key.")
@click.option("--show-origin", is_flag=True, help="Say where each value comes from.")
def command(ui: Ui, key: str | None, value: str | None, *, user: bool, unset: bool, show_origin: bool) -> None:
    """List configuration, print KEY, or set KEY to VALUE. Flag, environment, repository, user, system: first wins."""
    from mvcs.api import opening as api

    writes = key is not None and key != "list" and (value is not None or unset)
    try:
        repo = ui.repo()
        read = repo.config_get
    except NotARepository:
        if writes and not user:
            raise
        repo, read = None, api.config_get
    if writes:
        given = None if unset else value
        if repo is None:
            api.config_set(str(key), given)
        else:
            repo.config_set(str(key), given, "user" if user else "repository")
    keys = list(api.config_keys()) if key in {None, "list"} else [str(key)]
    found = {} if unset else {name: read(name) for name in keys}

    def people() -> None:
        for name, (shown, origin) in found.items():
            left = f"{name} = {shown}" if key in {None, "list"} else str(shown)
            ui.line(f"{left}  ({origin})" if show_origin else left)

    document = {"config": {name: {"value": shown, "origin": origin} for name, (shown, origin) in found.items()}}
    ui.answer("config", document, people=people, quiet=[str(shown) for shown, _ in found.values()])
