"""One member of a ZIP archive, bounded: its directory before it is read, its content before it is unpacked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any, BinaryIO

MAX_DIRECTORY = 1 << 20
MAX_MEMBER = 4 << 20
_TAIL = (1 << 16) + 22 + 20 + 56


def read_json_member(file: BinaryIO, size: int, name: str) -> Any:  # noqa: ANN401 -- of a stranger's file
    """Returns the JSON document of a member.

    Raises:
        ValueError: If it is no JSON, is beyond the bounds, or the archive is damaged.
        KeyError: If there is no such member.
    """
    import zipfile
    import zlib

    _check_directory(file, size)
    try:
        with zipfile.ZipFile(file) as archive, archive.open(name) as member:
            content = member.read(MAX_MEMBER + 1)
    except (zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(str(error)) from error
    if len(content) > MAX_MEMBER:
        raise ValueError("too long")  # noqa: EM101 -- the caller asks only whether it can be read
    return json.loads(content)


def _check_directory(file: BinaryIO, size: int) -> None:
    """Checks how long the directory says it is: the standard library reads it in one piece."""
    file.seek(max(size - _TAIL, 0))
    tail = file.read(_TAIL)
    end = tail.rfind(b"PK\5\6")
    if end < 0:
        raise ValueError("no archive")  # noqa: EM101 -- as above
    length = int.from_bytes(tail[end + 12 : end + 16], "little")
    wide = tail[max(end - 76, 0) : end]
    if wide[-20:-16] == b"PK\6\7":
        length = int.from_bytes(wide[40:48], "little") if wide[:4] == b"PK\6\6" else MAX_DIRECTORY + 1
    if length > MAX_DIRECTORY:
        raise ValueError("too long a directory")  # noqa: EM101 -- as above
