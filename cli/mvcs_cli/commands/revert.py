"""mvcs revert."""

from __future__ import annotations

from typing import Any

from mvcs_cli.merging import pick_options, picked
from mvcs_cli.ui import Ui
from mvcs_cli.verb import verb


@verb("revert")
@pick_options
def command(ui: Ui, revision: str, **options: Any) -> int:  # noqa: ANN401 -- click's own
    """Take back what one commit changed, as a new commit."""
    return picked(ui, "revert", revision, **options)
