"""mvcs version."""

from __future__ import annotations

import sys

from mvcs_cli.ui import Ui
from mvcs_cli.verb import verb

STANDS_ON = ("blake3", "click", "lmdb", "msgpack", "networkx", "pyfastcdc", "zstandard")


@verb("version")
def command(ui: Ui) -> None:
    """Versions of mvcs, of the format, and of what it stands on."""
    from importlib.metadata import version

    import mvcs

    parts = {name: version(name) for name in STANDS_ON}
    document = {"mvcs": mvcs.__version__, "format": 1, "python": sys.version.split()[0], "packages": parts}

    def people() -> None:
        ui.line(f"mvcs {mvcs.__version__}, format 1, Python {document['python']}")
        ui.line("  ".join(f"{name} {found}" for name, found in parts.items()))

    ui.answer("version", document, people=people, quiet=[mvcs.__version__])
