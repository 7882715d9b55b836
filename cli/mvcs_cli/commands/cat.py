"""mvcs cat."""

from __future__ import annotations

import sys

import click

from mvcs_cli.ui import Ui
from mvcs_cli.verb import complete_revision, verb


@verb("cat")
@click.argument("revision", metavar="REV:PATH", shell_complete=complete_revision)
def command(ui: Ui, revision: str) -> None:
    """Content of a file in a commit, byte for byte."""
    pieces = ui.repo().cat(revision)
    if ui.as_json:
        import base64

        content = b"".join(pieces)
        document = {"revision": revision, "size": len(content), "base64": base64.b64encode(content).decode()}
        ui.answer("cat", document, people=lambda: None)
        return
    for piece in pieces:
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()
