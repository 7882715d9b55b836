"""mvcs init."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from mvcs_cli.ui import Ui, quoted, size
from mvcs_cli.verb import verb

if TYPE_CHECKING:
    from mvcs.api.results import Preview


@verb("init")
@click.argument("directory", required=False)
@click.option("--model", metavar="NAME", help="Name of the model; the folder's by default.")
@click.option("-b", "--branch", metavar="NAME", help="Branch to stand on, made at main if it is new; main by default.")
@click.option("--yes", "-y", is_flag=True, help="Take what there is without asking, however large.")
def command(ui: Ui, directory: str | None, *, model: str | None, branch: str | None, yes: bool) -> None:
    """Make a repository of a training project.

    Looks at the files, says what belongs to which ingredient, and writes that into mvcs.toml, where it can be
    changed. Nothing is stored before the first commit.
    """
    from mvcs.api import init

    folder = os.path.join(ui.cwd, directory) if directory else ui.cwd

    def confirm(preview: Preview) -> bool | None:
        if ui.as_json or not sys.stdin.isatty():
            return None
        _show(ui, preview)
        return click.confirm(f"Take {size(preview.total)} into the model?", err=True)

    repo, preview = init(
        folder, model=model, branch=branch, yes=yes, confirm=confirm, command=ui.command("init"), **ui.options()
    )
    document = {"path": repo.path, **preview.to_dict()}

    def people() -> None:
        ui.line(f"Made {repo.path} for model {preview.model}.")
        _show(ui, preview)
        ui.line("Change mvcs.toml if this is not right, then: mvcs commit -m \"first state\"")

    ui.answer("init", document, people=people, quiet=[repo.path])
    for inner in preview.workspaces:
        ui.warn(
            f"{quoted(inner)} is a workspace of its own: nothing is taken from it unless a pattern names it,"
            f" as {quoted(f'/{inner}/')} does"
        )
    for outer in preview.around:
        ui.warn(
            f"this is inside the workspace {quoted(outer)}, which takes nothing from here unless a pattern names it"
        )
    if "weights" not in preview.files:
        ui.warn("no weights found: say where training writes them with `mvcs add PATH --as weights`")


def _show(ui: Ui, preview: Preview) -> None:
    for name, count in preview.files.items():
        plural = "file" if count == 1 else "files"
        ui.line(f"  {name:<12} {count:>7} {plural:<5} {size(preview.sizes[name]):>9}")
    if preview.left_out:
        names = ", ".join(quoted(path) for path in preview.left_out[:3])
        ui.line(f"  left out: {len(preview.left_out)} older checkpoint(s): {names}")
    if preview.others:
        names = ", ".join(quoted(path) for path in preview.others[:5])
        more = f" and {len(preview.others) - 5} more" if len(preview.others) > 5 else ""
        ui.line(f"  untracked: {names}{more}")
