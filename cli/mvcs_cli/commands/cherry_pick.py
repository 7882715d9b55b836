"""mvcs cherry-pick."""

from __future__ import annotations

from typing import Any

from mvcs_cli.merging import pick_options, picked
from mvcs_cli.ui import Ui
from mvcs_cli.verb import verb


@verb("cherry-pick")
@pick_options
def command(ui: Ui, revision: str, **options: Any) -> int:  # noqa: ANN401 -- click's own
    """Bring what one commit changed into this branch, as a new commit by the same author."""
    return picked(ui, "cherry-pick", revision, **options)
