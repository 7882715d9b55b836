"""mvcs resolve."""

from __future__ import annotations

import os

import click

from mvcs.errors import EditorFailed, InvalidArgument
from mvcs_cli.merging import merged
from mvcs_cli.ui import Ui
from mvcs_cli.verb import verb


@verb("resolve")
@click.argument("path", metavar="PATH[:KEY]")
@click.option("--ours", is_flag=True, help="Take what this branch has.")
@click.option("--theirs", is_flag=True, help="Take what the merged one has.")
@click.option("--base", is_flag=True, help="Take what both came from.")
@click.option("--with", "choice", metavar="S", help="Take what a strategy gives, see mvcs help merge.")
@click.option("--set", "value", metavar="V", help="Take this value.")
@click.option("--relock", metavar="TOOL", type=click.Choice(["pip", "uv"]), help="Packages: what pip or uv chooses.")
@click.option("--edit", is_flag=True, help="Open the file in an editor; the file is then right as it is.")
@click.option("--edited", is_flag=True, help="The file is right as it is: you have edited it.")
def command(
    ui: Ui, path: str, *, ours: bool, theirs: bool, base: bool, choice: str | None, value: str | None,
    relock: str | None, edit: bool, edited: bool,
) -> int:
    """Settle the conflicts of a file, or of one key in it. The file is written accordingly.

    A word about a key stays when its whole file is settled later: name the key to settle it anew.
    """
    sides = [name for name, said in (("ours", ours), ("theirs", theirs), ("base", base)) if said]
    if len(sides) + sum((choice is not None, value is not None, relock is not None, edit, edited)) != 1:
        raise click.UsageError("say one of --ours, --theirs, --base, --with, --set, --relock, --edit, --edited")  # noqa: EM101
    repo = ui.repo()
    known = {item.item.path.decode("utf-8", "surrogateescape") for item in repo.conflicts()}
    name, key = _split(repo.inside, ui.cwd, path, known)
    if edit:
        full = os.path.join(repo.root, name)
        before = _bytes(full)
        try:
            click.edit(filename=full)
        except click.ClickException as error:
            raise EditorFailed(path=name, reason=error.format_message()) from error
        if _bytes(full) == before:  # whoever leaves an editor without a change has decided nothing
            ui.answer(
                "resolve", {"commit": None, "conflicts": len(repo.conflicts(name)), "how": "unchanged"},
                people=lambda: ui.line("The file is as it was; nothing is settled (--edited if it is right so)."),
            )
            return 1
    strategy = "set" if value is not None else "edited" if edited or edit else choice or "".join(sides)
    strategy = "relock" if relock is not None else strategy
    done = repo.resolve_conflict(name, key, strategy=strategy, value=relock or value, command=ui.command("resolve"))
    merged(ui, "resolve", name, done)
    return 0


def _bytes(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None


def _split(inside: object, cwd: str, text: str, known: set[str]) -> tuple[str, str | None]:
    """Splits PATH[:KEY] at the last colon before which there is a file, or a path with conflicts."""
    assert callable(inside)
    end = len(text)
    while end > 0:
        path = text if text[:end] in known and end == len(text) else inside(text[:end], cwd)
        if path in known or text[:end] in known or os.path.lexists(os.path.join(cwd, text[:end])):
            whole = text[:end] if path not in known and text[:end] in known else path
            return whole, _key(text, text[end + 1 :]) if end < len(text) else None
        end = text.rfind(":", 0, end)
    before, colon, key = text.partition(":")
    return inside(before, cwd), _key(text, key) if colon else None


def _key(text: str, key: str) -> str:
    """Checks the key of PATH:KEY; an empty one is more likely a slip, and the whole file is settled without a colon."""
    if not key:
        reason = 'there is no key after the colon (one that is empty is "")'
        raise InvalidArgument(argument="PATH[:KEY]", value=text, reason=reason, hint="mvcs conflicts")
    return key
