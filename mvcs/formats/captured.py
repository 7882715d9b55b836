"""The entry that capture writes for an environment: what a rebuild needs, as canonical JSON.

Knows: its fields. Refuses to know: how they are found out (`mvcs.ingredients.environment`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from mvcs.formats.entry import read_entry
from mvcs.formats.pep508 import is_name, normal_name
from mvcs.objects.values import canonical_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mvcs.formats.content import Content
    from mvcs.formats.values import Value
    from mvcs.objects.values import Json

FORM = "captured environment"

PYTHON, IMPLEMENTATION, CUDA, IMAGE = "python", "implementation", "cuda", "image"
_TEXTS = frozenset({PYTHON, IMPLEMENTATION, CUDA, IMAGE})
PACKAGES, OS_PACKAGES = "packages", "os_packages"
MAPS = (PACKAGES, OS_PACKAGES)
"""Fields that are maps of a name to a version; in keys the name follows the field and a dot."""


def write_captured(fields: Mapping[str, Json]) -> bytes:
    """Returns the entry.

    Laws:
        read_captured(write_captured(fields)) is fields.
    """
    return canonical_json(dict(fields))


def read_captured(content: Content) -> dict[str, Json]:
    """Reads an entry; fields that this version does not know are kept.

    Returns:
        Field to value; `python` and `implementation` are text, `cuda` text or null, `packages` and, where declared,
        `os_packages` map a name to a version, `image` is text.

    Raises:
        UnreadableContent: If it is no such entry.
    """
    return read_entry(content, FORM, _problem)


def _problem(found: Json) -> str:
    """Returns why something is no entry, empty if it is one."""
    if not isinstance(found, dict):
        return "not a map"
    for field, value in found.items():
        if field in MAPS:
            if not isinstance(value, dict) or not all(isinstance(version, str) for version in value.values()):
                return f"{field} is no map of names to versions"
            if field == PACKAGES and not all(is_name(name) and normal_name(name) == name for name in value):
                return "a name of a package that is not normalised"
        elif field in _TEXTS and not (isinstance(value, str) or (field == CUDA and value is None)):
            return f"{field} is no text"
        elif "." in field:
            return "a field with a dot in its name"
    if not isinstance(found.get(PACKAGES), dict):
        return f"no {PACKAGES}"
    return ""


def flatten(fields: Mapping[str, Json]) -> dict[str, Value]:
    """Returns key to value: fields, and `packages.NAME`; a map of its own right is not among them."""
    flat: dict[str, Value] = {}
    for field, value in fields.items():
        if field in MAPS and isinstance(value, dict):
            flat.update((f"{field}.{name}", cast("Value", version)) for name, version in value.items())
        else:
            flat[field] = cast("Value", value)  # JSON has nothing that is no value
    return flat


def unflatten(flat: Mapping[str, Value]) -> dict[str, Json]:
    """Returns fields of keys and values.

    Laws:
        unflatten(flatten(fields)) is fields, but for an empty map of OS packages.
    """
    maps: dict[str, dict[str, Json]] = {PACKAGES: {}}
    fields: dict[str, Json] = {}
    for key, value in flat.items():
        field, dot, name = key.partition(".")
        if dot and field in MAPS:
            maps.setdefault(field, {})[name] = cast("Json", value)
        else:
            fields[key] = cast("Json", value)
    fields.update(maps)
    return fields
