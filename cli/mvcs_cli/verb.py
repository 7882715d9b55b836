"""How a verb is declared: a click command that takes the common options after its name too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mvcs_cli.ui import Ui

if TYPE_CHECKING:
    from collections.abc import Callable


def verb(name: str, **settings: Any) -> Callable[[Callable[..., Any]], click.Command]:  # noqa: ANN401 -- click's own
    """Makes a command whose function gets the `Ui` first."""

    def make(function: Callable[..., Any]) -> click.Command:
        @click.command(name, context_settings={"help_option_names": ["-h", "--help"]}, **settings)
        @click.option("--json", "as_json", is_flag=True, help="Answer with one JSON document.")
        @click.option("-q", "--quiet", is_flag=True, help="Answer with the essential only.")
        @click.pass_context
        def run(ctx: click.Context, /, *args: Any, as_json: bool, quiet: bool, **kwargs: Any) -> Any:  # noqa: ANN401
            ui = ctx.find_object(Ui)
            assert ui is not None
            ui.as_json = ui.as_json or as_json
            ui.quiet = ui.quiet or quiet
            return function(ui, *args, **kwargs)

        run.help = function.__doc__
        run.params = list(getattr(function, "__click_params__", []))[::-1] + run.params
        return run  # type: ignore[no-any-return]

    return make


def complete_revision(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Completes branches and tags."""
    del param
    from mvcs.api import open as open_repo
    from mvcs.errors import MvcsError

    try:
        folder = (ctx.find_root().params or {}).get("folder")
        repo = open_repo(folder)
        names = [*repo.branches, *repo.tags, "HEAD"]
    except MvcsError:
        return []
    return [name for name in names if name.startswith(incomplete) and name.isprintable()]


def complete_ingredient(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Completes the names of ingredients."""
    del ctx, param
    from mvcs.objects.commit import INGREDIENTS

    return [name for name in INGREDIENTS if name.startswith(incomplete)]
