"""TOML files: read with the line of each mistake, edited without losing comments.

The only module that imports tomlkit.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from mvcs.errors import ConfigNotFound, InvalidConfig

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def parse_toml(text: str, file: str) -> dict[str, Any]:
    """Reads TOML.

    Raises:
        InvalidConfig: With file and line, if it is not TOML.
    """
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"\(at line (\d+)", str(error))
        line = int(found[1]) if found else text.count("\n") + 1
        raise InvalidConfig(
            file=file, line=line, reason=re.sub(r" \(at .*\)", "", str(error)), allowed="TOML"
        ) from error


def read_toml(path: str) -> tuple[dict[str, Any], str]:
    """Reads a TOML file; a missing one is empty. Returns (values, text)."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except FileNotFoundError:
        return {}, ""
    except UnicodeDecodeError as error:
        raise InvalidConfig(file=path, line=1, reason="not UTF-8", allowed="UTF-8 text") from error
    return parse_toml(text, path), text


def line_of(text: str, key: str, section: str = "") -> int:
    """Returns the line on which a key is set, as well as it can be told; 1 if not found."""
    inside = not section
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[+\s*([^\]]+?)\s*\]+", line)
        if header:
            if header[1] in {key, f"{section}.{key}".strip(".")}:
                return number
            inside = header[1] == section
        elif inside and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*[=.]", line):
            return number
    return 1


def unknown_key(file: str, text: str, key: str, section: str, allowed: Sequence[str]) -> InvalidConfig:
    """Returns the error for a key that means nothing."""
    where = f"[{section}] " if section else ""
    return InvalidConfig(
        file=file, line=line_of(text, key, section), reason=f"{where}has no {key!r}", allowed=", ".join(allowed)
    )


def quoted(text: str) -> str:
    """Returns a TOML string."""
    import json

    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def add_to_list(path: str, section: str, key: str, values: Sequence[str]) -> list[str]:
    """Appends values to a list in a TOML file, leaving comments and order alone; returns those that were new."""
    import tomlkit

    document, _ = _open(path)
    table = document.setdefault(section, tomlkit.table())
    items = table.setdefault(key, tomlkit.array())
    added = [value for value in values if value not in items]
    for value in added:
        items.append(value)
    if added:
        _save(path, tomlkit.dumps(document))
    return added


def remove_from_lists(path: str, section: str, values: Sequence[str]) -> list[str]:
    """Removes values from all lists of a section; returns those that were there."""
    import tomlkit

    document, _ = _open(path)
    removed = []
    for items in document.get(section, {}).values():
        for value in values:
            if isinstance(items, list) and value in items:
                items.remove(value)
                removed.append(value)
    if removed:
        _save(path, tomlkit.dumps(document))
    return removed


def set_value(path: str, dotted: str, value: object) -> None:
    """Sets a dotted key; None removes it.

    Raises:
        ConfigNotFound: If a key to remove is not there.
    """
    import tomlkit

    document, _ = _open(path)
    table: Any = document
    *parents, last = dotted.split(".")
    for name in parents:
        if value is None and name not in table:
            raise ConfigNotFound(key=dotted)
        table = table.setdefault(name, tomlkit.table())
    if value is not None:
        table[last] = value
    elif last in table:
        del table[last]
    else:
        raise ConfigNotFound(key=dotted)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    _save(path, tomlkit.dumps(document))


def set_entries(path: str, section: str, entries: Mapping[str, Mapping[str, object]]) -> None:
    """Sets keys of a table to inline tables, leaving comments and order alone."""
    import tomlkit

    document, _ = _open(path)
    table = document.setdefault(section, tomlkit.table())
    for key, values in entries.items():
        entry = tomlkit.inline_table()
        entry.update(values)
        table[key] = entry
    _save(path, tomlkit.dumps(document))


def _open(path: str) -> tuple[Any, str]:
    import tomlkit

    _, text = read_toml(path)
    return tomlkit.parse(text), text


def _save(path: str, text: str) -> None:
    temporary = f"{path}.{os.getpid()}.new"
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
