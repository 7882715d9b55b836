"""Patches on their way through the terminal: bytes on stdout, bytes from a file or stdin."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from mvcs.errors import PathNotFound, UnreadableFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mvcs_cli.ui import Ui


def print_patch(ui: Ui, pieces: Iterator[bytes]) -> bool:
    """Writes a patch to stdout; returns whether it has any change."""
    del ui
    any_change = False
    for number, piece in enumerate(pieces):
        sys.stdout.buffer.write(piece)
        any_change = any_change or number > 0
    sys.stdout.buffer.flush()
    return any_change


def read_patch_file(name: str) -> bytes:
    """Reads a patch from a file, or from stdin for a dash.

    Raises:
        PathNotFound: If there is no such file.
        UnreadableFile: If it is a folder, or may not be read.
    """
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        with open(name, "rb") as file:
            return file.read()
    except FileNotFoundError:
        raise PathNotFound(path=name, where="the file system") from None
    except OSError as error:
        raise UnreadableFile(path=name, reason=error.strerror or str(error)) from error
