"""How a verb is declared: a click command that takes the common options after its name too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mvcs_cli.ui import DOCUMENT, LINES, Ui

if TYPE_CHECKING:
    from collections.abc import Callable

JSON = "--json"


class _Json(click.Option):
    """A flag that also takes a value, but only after its equals sign.

    Where a value may be left out click takes the next word for it: of `--json HEAD` the revision.
    """

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:  # noqa: ANN401 -- click has two names for it
        """Lets the parser know both spellings."""
        super().add_to_parser(parser, ctx)
        match = parser._match_long_opt

        def matched(name: str, value: str | None, state: Any) -> None:  # noqa: ANN401 -- click's own
            if name != JSON or value is None:
                match(name, value, state)
                return
            state.opts[self.name] = value
            state.order.append(self)

        parser._match_long_opt = matched


def json_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds `--json`, with which an answer is one document, and `--json=lines`."""
    return click.option(
        JSON, cls=_Json, is_flag=True, flag_value=DOCUMENT, default=None, type=click.Choice([DOCUMENT, LINES]),
        help=f"Answer with one JSON document; with {JSON}={LINES} a list is a line for each row.",
    )(function)


def verb(name: str, **settings: Any) -> Callable[[Callable[..., Any]], click.Command]:  # noqa: ANN401 -- click's own
    """Makes a command whose function gets the `Ui` first."""

    def make(function: Callable[..., Any]) -> click.Command:
        @click.command(name, context_settings={"help_option_names": ["-h", "--help"]}, **settings)
        @json_option
        @click.option("-q", "--quiet", is_flag=True, help="Answer with the essential only.")
        @click.pass_context
        def run(ctx: click.Context, /, *args: Any, json: str | None, quiet: bool, **kwargs: Any) -> Any:  # noqa: ANN401
            ui = ctx.find_object(Ui)
            assert ui is not None
            ui.json = json or ui.json
            ui.quiet = ui.quiet or quiet
            return function(ui, *args, **kwargs)

        run.help = function.__doc__
        run.params = list(getattr(function, "__click_params__", []))[::-1] + run.params
        return run  # type: ignore[no-any-return]

    return make


def complete_revision(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Completes branches and tags."""
    del param
    from mvcs.api.opening import open_from
    from mvcs.errors import MvcsError

    try:
        folder = (ctx.find_root().params or {}).get("folder")
        repo = open_from(folder or ".")
        names = [*repo.branches, *repo.tags, "HEAD"]
    except MvcsError:
        return []
    return [name for name in names if name.startswith(incomplete) and name.isprintable()]


def complete_ingredient(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Completes the names of ingredients."""
    del ctx, param
    from mvcs.objects.commit import INGREDIENTS

    return [name for name in INGREDIENTS if name.startswith(incomplete)]
