"""mvcs commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mvcs.errors import InvalidArgument
from mvcs_cli.ui import Ui, size
from mvcs_cli.verb import verb

if TYPE_CHECKING:
    from mvcs.formats.values import Found


@verb("commit")
@click.option("-m", "--message", multiple=True, help="The message; several are paragraphs. None: from the changes.")
@click.option("--amend", is_flag=True, help="Take the place of HEAD's commit.")
@click.option("--metric", "metrics", multiple=True, metavar="NAME=VALUE", help="A metric of these weights.")
@click.option("--param", "params", multiple=True, metavar="NAME=VALUE", help="A parameter; NAME= takes it out.")
@click.option("--trained", is_flag=True, help="Declare that the weights come from the recipe as it is.")
@click.option("--tag", metavar="NAME", help="Tag the commit in the same step.")
@click.option("--no-merge", is_flag=True, help="Beside Git: leave out the data and weights of what Git has merged.")
@click.option("--no-checkout", is_flag=True, help="Beside Git: take files of the branch before as this one's.")
@click.option("--allow-secret", is_flag=True, help="Commit what looks like a secret; it is recorded.")
@click.option("--author", metavar="'NAME <EMAIL>'", help="Who made it, if not you.")
def command(
    ui: Ui, *, message: tuple[str, ...], amend: bool, metrics: tuple[str, ...], params: tuple[str, ...], trained: bool,
    tag: str | None, no_merge: bool, no_checkout: bool, allow_secret: bool, author: str | None,
) -> None:
    """Make the files as they are a state of the model: code, data, config, environment, weights and metrics."""
    values = dict(_metric(text) for text in metrics)
    done = ui.repo().commit(
        "\n\n".join(message) if message else None, author=author, amend=amend, metrics=values,
        params=dict(_param(text) for text in params), trained=trained, tag=tag, no_merge=no_merge,
        no_checkout=no_checkout, allow_secret=allow_secret, command=ui.command("commit"),
    )
    for warning in done.warnings:
        ui.warn(warning)

    def people() -> None:
        where = done.branch or "no branch"
        ui.line(f"[{where} {done.oid.hex()[:12]}] {done.commit.subject}")
        plural = "file" if done.files == 1 else "files"
        total, new = size(done.total_bytes), size(done.new_bytes)
        ui.line(f"  {done.files} {plural} changed; {total} in all, {new} new in the store")

    ui.answer("commit", done.to_dict(), people=people, quiet=[done.oid.hex()])


def _metric(text: str) -> tuple[str, float | int]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise InvalidArgument(argument="--metric", value=text, reason="write NAME=VALUE")
    try:
        return name, int(value)
    except ValueError:
        pass
    try:
        return name, float(value)
    except ValueError:
        raise InvalidArgument(argument="--metric", value=text, reason="the value is a number") from None


def _param(text: str) -> tuple[str, Found]:
    """Reads a parameter: its value as YAML has it, nothing to take it out."""
    from mvcs.formats.config import parse_scalar
    from mvcs.formats.values import ABSENT

    name, equals, value = text.partition("=")
    if not equals or not name:
        raise InvalidArgument(argument="--param", value=text, reason="write NAME=VALUE")
    return name, parse_scalar(value) if value else ABSENT
