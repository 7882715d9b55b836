"""What one requirement says, and which of two versions is the newer.

The only module that imports packaging. Knows: names, extras, specifiers, markers, versions. Refuses to know: files.
Implements: PEP 440, PEP 503, PEP 508.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mvcs.objects.record import Record

if TYPE_CHECKING:
    from packaging.version import Version

MAX_LENGTH = 1 << 16
"""Characters of one requirement."""

ANY = "*"
"""Value of a package that is asked for in any version."""

_SEPARATORS = re.compile(r"[-_.]+")
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?", re.IGNORECASE)
_VALUE = re.compile(
    r"(?P<extras>\[[^\]]*\])?\s*(?P<operator>===?|~=|>=|=)?\s*(?P<version>[^\s,;=<>~*@\[\]]+)(?:=[^\s,;=]+)?"
    r"(?:\s@\s\S+)?(?:\s+--hash=\S+)*(?:\s*;\s*(?P<marker>.*))?"
)


class Requirement(Record):
    """One requirement.

    Args:
        name: Normalised name.
        value: Extras, versions and URL in canonical form, ANY if there are none.
        marker: Where it holds, in canonical form; empty for everywhere.
    """

    __slots__ = ("marker", "name", "value")

    def __init__(self, name: str, value: str, marker: str) -> None:
        self.name = name
        self.value = value
        self.marker = marker


def normal_name(name: str) -> str:
    """Returns the name by which a package is known, whatever its spelling (PEP 503)."""
    return _SEPARATORS.sub("-", name).lower()


def is_name(name: str) -> bool:
    """Whether a package can have this name."""
    return len(name) <= 200 and _NAME.fullmatch(name) is not None


def parse_requirement(text: str) -> Requirement:
    """Reads a requirement.

    Raises:
        ValueError: If it is none, with the reason as its text.
    """
    from packaging.requirements import Requirement as Parsed

    if len(text) > MAX_LENGTH:
        reason = f"a requirement of more than {MAX_LENGTH} characters"
        raise ValueError(reason)
    try:
        parsed = Parsed(text)
        marker = "" if parsed.marker is None else str(parsed.marker)
        versions = str(parsed.specifier)
    except RecursionError as error:
        reason = "a marker with too many parentheses"
        raise ValueError(reason) from error
    except ValueError as error:
        raise ValueError(str(error).split("\n", 1)[0]) from error
    extras = ",".join(sorted({normal_name(extra) for extra in parsed.extras}))
    value = (f"[{extras}]" if extras else "") + versions + (f"@ {parsed.url}" if parsed.url else "")
    return Requirement(normal_name(parsed.name), value or ANY, marker)


def value_of(requirement: Requirement) -> str:
    """Returns a requirement without its name, as one string."""
    return f"{requirement.value}; {requirement.marker}" if requirement.marker else requirement.value


def typed_requirement(name: str, text: str) -> str | None:
    """Returns the requirement on a package that somebody typed: "1.27", "==1.27", "*" or with its name.

    Args:
        name: Normalised name.
        text: What was typed.

    Returns:
        A requirement with its name, None if it is none on this package.
    """
    typed = text.strip()
    if typed in {"", ANY}:
        return name
    separator = " " if typed.startswith("@") else ""
    for candidate in (f"{name}=={typed}" if typed[0].isdigit() else "", name + separator + typed, typed):
        try:
            if candidate and parse_requirement(candidate).name == name:
                return candidate
        except ValueError:
            continue
    return None


def file_name_package(file: str) -> str | None:
    """Returns the normalised name of the package that a wheel or source archive has, None if its name says none."""
    from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename

    try:
        return str(parse_wheel_filename(file)[0] if file.endswith(".whl") else parse_sdist_filename(file)[0])
    except (InvalidWheelFilename, InvalidSdistFilename, ValueError):
        return None


def parse_version(text: str) -> Version | None:
    """Returns a version that can be ordered, None if it is none."""
    from packaging.version import Version

    try:
        return Version(text)
    except ValueError:  # also more digits than an integer is read from
        return None


def order(first: str, second: str) -> int | None:
    """Compares the versions of two values of one package.

    A pin and a lower bound compare where no version satisfies both.

    Args:
        first: A value such as "==1.26.4", "[cuda]>=2; extra", "2.1.0+cu121" or "1.0 @ git+https://...".
        second: Another.

    Returns:
        Negative if the second is newer, positive if the first is, 0 if they have the same version; None where that
        cannot be said: ranges, other extras, another marker.

    Laws:
        order(a, b) = -order(b, a).
    """
    one, other = _VALUE.fullmatch(first), _VALUE.fullmatch(second)
    if one is None or other is None or (one["extras"], one["marker"]) != (other["extras"], other["marker"]):
        return None
    left, right = parse_version(one["version"]), parse_version(other["version"])
    if left is None or right is None:
        return None
    sign = (left > right) - (left < right)
    kinds = (_kind(one["operator"]), _kind(other["operator"]))
    if kinds[0] == kinds[1] or (kinds == ("pin", ">=") and sign < 0) or (kinds == (">=", "pin") and sign > 0):
        return sign
    return None


def _kind(operator: str | None) -> str:
    return "pin" if operator in {None, "==", "==="} else str(operator)
