"""mvcs remote."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mvcs_cli.ui import Ui
from mvcs_cli.verb import verb

if TYPE_CHECKING:
    from mvcs.api.results import Remote, RemoteChecked


@verb("remote")
@click.argument("action", type=click.Choice(["list", "add", "rm", "check"]), default="list", required=False)
@click.argument("name", required=False)
@click.argument("url", required=False)
@click.option("--endpoint", metavar="URL", default=None, help="Of a server other than AWS.")
@click.option("--region", default=None, help="Of the bucket.")
@click.option("--path-style/--virtual-style", default=None, help="Where the bucket stands in requests.")
@click.option("--sse", type=click.Choice(["AES256", "aws:kms"]), default=None, help="Encryption to ask for.")
@click.option("--kms-key", default=None, help="Key of aws:kms.")
@click.option("--single-writer", is_flag=True, help="Take a server that looks at no conditions: nobody else writes.")
def command(
    ui: Ui, action: str, name: str | None, url: str | None, *, endpoint: str | None, region: str | None,
    path_style: bool | None, sse: str | None, kms_key: str | None, single_writer: bool,
) -> None:
    """List remotes, add NAME at URL (s3://BUCKET/PREFIX or file:///FOLDER), take one out, or try what one keeps.

    Credentials come from where AWS's own tools look for them, and never stand in a URL.
    """
    repo = ui.repo()
    if action == "list":
        _list(ui, repo.remotes)
    elif action == "check":
        _answer(ui, repo.check_remote(name))
    elif name is None or (url is None and action == "add"):
        usage = f"mvcs remote {action} NAME{' URL' if action == 'add' else ''}"
        raise click.UsageError(usage)
    elif action == "rm":
        repo.drop_remote(name, command=ui.command("remote"))
        ui.answer("remote", {"removed": name}, people=lambda: ui.line(f"Removed {name}; what is there stays there."))
    else:
        done = repo.add_remote(
            name, str(url), endpoint=endpoint, region=region, path_style=path_style, sse=sse, kms_key=kms_key,
            single_writer=single_writer,
        )
        _answer(ui, done, f"Next: mvcs {'push' if done.new else 'fetch'} {name}")


def _list(ui: Ui, remotes: list[Remote]) -> None:
    def people() -> None:
        for remote in remotes:
            ui.line(f"{remote.name:<12} {remote.url}")

    ui.listing(
        "remote", "remotes", (remote.to_dict() for remote in remotes), quiet=[remote.name for remote in remotes],
        people=people,
    )


def _answer(ui: Ui, done: RemoteChecked, last: str = "") -> None:
    def people() -> None:
        ui.line(f"{done.remote.name} is {done.remote.url}{' (new)' if done.new else ''}")
        for check in done.checks:
            answer = {True: "yes", False: "NO", None: "not allowed"}[check.holds]
            ui.line(f"  {check.name:<16} {answer}{f': {check.reason}' if check.reason else ''}")
        if last:
            ui.line(last)

    ui.answer("remote", done.to_dict(), people=people, quiet=[done.remote.url])
