"""mvcs completion."""

from __future__ import annotations

import click

from mvcs_cli.ui import Ui
from mvcs_cli.verb import verb


@verb("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(ui: Ui, shell: str) -> None:
    """Print what makes your shell complete mvcs: eval "$(mvcs completion bash)" in ~/.bashrc."""
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    root = click.get_current_context().find_root().command
    source = kind(root, {}, "mvcs", "_MVCS_COMPLETE").source()
    lines = source.split("\n")
    ui.answer("completion", {"shell": shell, "script": source}, people=lambda: ui.text(source), quiet=lines)
