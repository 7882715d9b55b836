"""Reads generated entries: canonical JSON, a map of fields.

Knows: JSON, how long an entry may be. Refuses to know: what fields mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.errors import InvalidObject, UnreadableContent
from mvcs.objects.values import parse_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from mvcs.formats.content import Content
    from mvcs.objects.values import Json

MAX_BYTES = 4 << 20


def read_entry(content: Content, form: str, problem_of: Callable[[Json], str]) -> dict[str, Json]:
    """Reads an entry; fields that this version does not know are kept.

    Args:
        content: The entry.
        form: What it is, for errors.
        problem_of: Says why a value is no such entry, nothing if it is one.

    Raises:
        UnreadableContent: If it is no such entry.
    """
    if content.size > MAX_BYTES:
        raise UnreadableContent(format=form, line=0, reason=f"longer than {MAX_BYTES >> 20} MiB")
    try:
        found = parse_json(content.read())
    except InvalidObject as error:
        raise UnreadableContent(format=form, line=0, reason=str(error.fields["reason"])) from error
    problem = problem_of(found)
    if problem or not isinstance(found, dict):
        raise UnreadableContent(format=form, line=0, reason=problem)
    return found
