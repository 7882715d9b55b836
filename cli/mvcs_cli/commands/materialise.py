"""mvcs materialise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mvcs.errors import NotARepository
from mvcs_cli.ui import Ui, quoted
from mvcs_cli.verb import complete_revision, verb

if TYPE_CHECKING:
    from mvcs.api import Repo


@verb("materialise")
@click.argument("revision", default="HEAD", shell_complete=complete_revision)
@click.argument("paths", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Every file, not the weights alone.")
def command(ui: Ui, revision: str, paths: tuple[str, ...], *, every: bool) -> None:
    """Write the weights of REV (HEAD if not said) as read-only files for mapping, and say where they are.

    PATHS are files and folders, or patterns, in which * stands for any characters. What is written is verified, shared
    by all processes, and dropped when all of it is larger than mapped.max_bytes, the least recently used first; then
    the same command makes it again.
    """
    repo = ui.repo()
    done = repo.materialise(revision, [_inside(repo, path, ui.cwd) for path in paths], every=every)

    def people() -> None:
        for file in done.files:
            ui.line(f"{file.size:>12}  {file.mapped}  {quoted(file.path)}")
        if not done.files:
            ui.line("Nothing to write: the commit has no weights (mvcs materialise --all).")

    ui.answer("materialise", done.to_dict(), people=people, quiet=[file.mapped for file in done.files])


def _inside(repo: Repo, path: str, cwd: str) -> str:
    try:
        return repo.inside(path, cwd)
    except NotARepository:  # a repository without a workspace: paths are those of the commit
        return path
