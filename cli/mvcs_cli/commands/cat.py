"""mvcs cat."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from mvcs_cli.tensors import tell_statistics
from mvcs_cli.ui import Ui
from mvcs_cli.verb import complete_revision, verb

if TYPE_CHECKING:
    from collections.abc import Iterable


@verb("cat")
@click.argument("revision", metavar="REV:PATH", shell_complete=complete_revision)
@click.option("--npy", is_flag=True, help="Of a tensor: all its values, as a file of numpy.")
def command(ui: Ui, revision: str, *, npy: bool) -> None:
    """Content of a file in a commit, byte for byte.

    Of a tensor, REV:FILE//TENSOR, what its values are like: their number, mean, deviation, least and largest, zeros,
    NaN, infinities, and on a terminal a histogram. With --npy the values; types that numpy does not have, such as BF16,
    as float32, which holds them exactly.
    """
    if npy:
        array = ui.repo().npy(revision)
        if array.widened:
            ui.warn(f"{array.tensor.dtype} is written as float32")
        _write(array.pieces())
        return
    if "//" in revision:
        shown = ui.repo().tensor(revision)
        ui.answer("cat", shown.to_dict(), people=lambda: tell_statistics(ui, shown))
        return
    pieces = ui.repo().cat(revision)
    if ui.as_json:
        import base64

        content = b"".join(pieces)
        document = {"revision": revision, "size": len(content), "base64": base64.b64encode(content).decode()}
        ui.answer("cat", document, people=lambda: None)
        return
    _write(pieces)


def _write(pieces: Iterable[bytes]) -> None:
    for piece in pieces:
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()
