"""mvcs blame."""

from __future__ import annotations

import json

import click

from mvcs_cli.tensors import made
from mvcs_cli.ui import Ui, local_minute
from mvcs_cli.verb import complete_revision, verb


@verb("blame")
@click.argument("file", metavar="REV:PATH", shell_complete=complete_revision)
@click.argument("key", required=False)
def command(ui: Ui, file: str, key: str | None) -> None:
    """The commit that last set a key of config, a package, a metric, a field of the signature, a tensor, or a line.

    Of a table whose rows mvcs.toml tells apart, a cell (id=17/label) or those of a row (id=17); of a notebook whose
    cells have ids, a cell by its id. Without KEY all of the file; of one without keys and lines, such as a pickle, the
    commit that last changed it. What was captured has the path that diff prints: config/.mvcs/params,
    metrics/.mvcs/values. REV:FILE//TENSOR is the same as REV:FILE TENSOR.
    """
    found = ui.repo().blame(file, key)

    def people() -> None:
        width = max((len(item.key or "") for item in found), default=0)
        for item in found:
            author = item.commit.author
            when = local_minute(author.time, author.offset)
            row = f"{item.oid.hex()[:12]} {when} {author.name:<16.16}"
            if item.key is None:
                origin = f"  (recipe {item.origin.recipe.hex()[:12]}, {item.origin.how})" if item.origin else ""
                ui.line(f"{row} the whole file{origin}  {item.commit.subject}")
                continue
            value = item.to_dict()["value"]
            shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            if isinstance(value, dict) and "dtype" in value:
                shown = made(value)
            ui.line(f"{row} {item.key:<{width}}  {shown}")

    ui.listing(
        "blame", "keys", (item.to_dict() for item in found), people=people, quiet=(item.oid.hex() for item in found)
    )
