"""What a handler is: the point where capture of one kind of ingredient is said, by mvcs or by a plug-in.

A plug-in names its handler under the entry-point group `mvcs.handlers`. Knows: the protocol and its version. Refuses
to know: what any handler does, when it is asked (`mvcs.ops.capture`).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Protocol

from mvcs.objects.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import BinaryIO

    from mvcs.objects.values import Json

GROUP: Final = "mvcs.handlers"
API_VERSION: Final = 1
MAX_ENTRY: Final = 4 << 20
"""Bytes of a generated entry."""

_NONE: Final[Mapping[str, Json]] = MappingProxyType({})


class Scope(Protocol):
    """A commit in the making, as handlers see it: values and readers, nothing to write with."""

    @property
    def changed(self) -> frozenset[str]:
        """Ingredients of which files changed."""
        ...

    def has(self, ingredient: str) -> bool:
        """Whether the commit has an ingredient: files, or a generated entry that is carried on."""
        ...

    def files(self, ingredient: str) -> Iterator[tuple[str, int]]:
        """Yields (path, bytes) of the plain files of an ingredient, by path; links and references are left out."""
        ...

    def open(self, path: str) -> BinaryIO:
        """Opens a file of the commit for reading, at any place; capture closes it.

        Raises:
            ChangedDuringCapture: If it is not what the commit has any more.
        """
        ...

    def entry(self, ingredient: str, name: str) -> Json:
        """Returns a generated entry as it is carried on from the parent, None if there is none."""
        ...

    def said(self, ingredient: str) -> tuple[str, ...]:
        """Returns what the parent said is missing of an ingredient."""
        ...


class Found(Record):
    """What a handler found.

    Args:
        entries: Name to content of generated entries, at most `MAX_ENTRY` bytes each as canonical JSON; None removes
            one. Those that are not named are carried on from the parent.
        incomplete: What would be missing to make the model again, one reason each.
        warnings: What the user should know, one sentence each.
        provenance: What is recorded of machine and commit, by subject; it is in no hash of the recipe.
    """

    __slots__ = ("entries", "incomplete", "provenance", "warnings")

    def __init__(
        self, entries: Mapping[str, Json] = _NONE, *, incomplete: tuple[str, ...] = (),
        warnings: tuple[str, ...] = (), provenance: Mapping[str, Json] = _NONE,
    ) -> None:
        self.entries = entries
        self.incomplete = incomplete
        self.warnings = warnings
        self.provenance = provenance


class Handler(Protocol):
    """Captures what belongs to one kind of ingredient and is no file of it.

    Attributes:
        api_version: `API_VERSION` as the handler was written for.
        ingredient: Which one it belongs to.
        entries: Names of the generated entries that are its own: INGREDIENT/.mvcs/NAME.
    """

    @property
    def api_version(self) -> int: ...  # noqa: D102 -- said above

    @property
    def ingredient(self) -> str: ...  # noqa: D102 -- said above

    @property
    def entries(self) -> tuple[str, ...]: ...  # noqa: D102 -- said above

    def capture(self, scope: Scope) -> Found:
        """Returns what was found; deterministic: the same commit gives the same entries on every machine.

        What it raises refuses the commit.
        """
        ...
