"""mvcs doctor."""

from __future__ import annotations

import sys

from mvcs.errors import NotARepository
from mvcs_cli.ui import Ui
from mvcs_cli.verb import verb


@verb("doctor")
def command(ui: Ui) -> int:
    """Is this machine, and this set-up, fit for a repository? Ends with 1 if not."""
    try:
        found = ui.repo().doctor()
    except NotARepository:
        from mvcs.api.opening import doctor

        found = doctor()

    def people() -> None:
        for item in found:
            mark = ui.style("ok ", fg="green") if item.ok else ui.style("BAD", fg="red")
            ui.line(f"{mark} {item.what:<14} {item.detail}" + (f"  (hint: {item.hint})" if item.hint else ""))

    ui.answer("doctor", {"findings": [item.to_dict() for item in found]}, people=people)
    sys.stdout.flush()
    return 0 if all(item.ok or item.what == "identity" for item in found) else 1
