"""All handlers of a commit: those of mvcs, and those of plug-ins, each asked and its answer checked.

Knows: who owns which generated entry. Refuses to know: where entries go (`mvcs.ops.capture`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.errors import ChangedDuringCapture, IntegrityError, StoreFull
from mvcs.ingredients.handlers.base import API_VERSION, GROUP, MAX_ENTRY, Found
from mvcs.objects.commit import INGREDIENTS
from mvcs.objects.tree import name_problem
from mvcs.objects.values import canonical_json
from mvcs.plugins import Plugin, load_plugins, told

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from mvcs.ingredients.handlers.base import Handler, Scope

ASKED = frozenset({"weights", "data", "environment"})
"""Plug-ins are asked when one of these changed: what training takes or gives. Edits of text look for none."""
PREFIX = "plug-in"
"""Begins what a plug-in says is missing, so that it can be carried on when the plug-in is not asked."""


def plugin_handlers(built_in: Iterable[Handler], *, without: Collection[str], data: str) -> list[Plugin]:
    """Returns the installed handlers, checked against each other and against those of mvcs.

    Args:
        built_in: Handlers that own entries already.
        without: Names of plug-ins that are not used.
        data: Folder of the model: what lies in it is never imported.

    Raises:
        BrokenPlugin: If one cannot be loaded, has no legal ingredient or entries, or one entry has two owners.
    """
    owners = {(handler.ingredient, name): "mvcs" for handler in built_in for name in handler.entries}
    plugins = load_plugins(GROUP, API_VERSION, without=without, data=data)
    for plugin in plugins:
        for key in _entries(plugin):
            if key in owners:
                raise plugin.broken(reason=f"{key[0]}/.mvcs/{key[1]} belongs to {owners[key]}")
            owners[key] = f"{plugin.name} of {plugin.distribution}"
    return plugins


def _entries(plugin: Plugin) -> list[tuple[str, str]]:
    try:
        ingredient, names = plugin.made.ingredient, tuple(plugin.made.entries)
        _ = plugin.made.capture
    except (Exception, SystemExit) as error:  # a stranger's object
        raise plugin.broken(reason=told(error)) from error
    if ingredient not in INGREDIENTS:
        raise plugin.broken(reason=f"its ingredient is none of {', '.join(INGREDIENTS)}")
    for name in names:
        if not isinstance(name, str) or "/" in name or name_problem(name.encode("utf-8", "replace")):
            raise plugin.broken(reason=f"{str(name)[:60]!r} is no name of an entry")
    return [(ingredient, name) for name in names]


def ask(plugin: Plugin, scope: Scope) -> Found:
    """Returns what a plug-in found, checked: only entries of its own, of JSON, bounded.

    Raises:
        BrokenPlugin: If it raises, or answers with something else.
    """
    try:
        found = plugin.made.capture(scope)
        contents = {name: canonical_json(value) for name, value in found.entries.items() if value is not None}
        said = [*found.incomplete, *found.warnings]
        canonical_json(dict(found.provenance))
        strange = set(found.entries) - set(plugin.made.entries)
    except (IntegrityError, StoreFull, ChangedDuringCapture):
        raise  # not of the plug-in
    except (Exception, SystemExit) as error:  # whatever it raises, the commit is refused and names it
        raise plugin.broken(reason=told(error)) from error
    if strange:
        raise plugin.broken(reason=f"{min(map(str, strange))[:60]!r} is no entry of its own")
    large = [name for name, content in contents.items() if len(content) > MAX_ENTRY]
    if large:
        raise plugin.broken(reason=f"{large[0]} is longer than {MAX_ENTRY >> 20} MiB")
    if not all(isinstance(text, str) and len(text) <= 1000 and text.isprintable() for text in said):
        raise plugin.broken(reason="a reason or a warning is one line of text")
    return Found(
        found.entries, incomplete=tuple(f"{PREFIX} {plugin.name}: {text}" for text in found.incomplete),
        warnings=tuple(f"{plugin.name}: {text}" for text in found.warnings),
        provenance={f"{PREFIX} {plugin.name}": dict(found.provenance)} if found.provenance else {},
    )


def still_said(said: Iterable[str], asked: Iterable[Plugin]) -> set[str]:
    """Returns what plug-ins said is missing of an ingredient, without those that were asked again."""
    again = tuple(f"{PREFIX} {plugin.name}: " for plugin in asked)
    return {reason for reason in said if reason.startswith(f"{PREFIX} ") and not reason.startswith(again)}
