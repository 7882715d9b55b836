"""YAML 1.2: text to values at their places. The only module that imports PyYAML.

libyaml, through PyYAML, gives events; what they mean is decided here, so that no object is ever
constructed and no tag but those of the core schema is known. One document to a file. Aliases and merge keys are
followed; what they expand to is bounded. A file without any value is an empty map. Knows: what YAML means.
Refuses to know: files, how a text is changed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from mvcs.errors import UnreadableContent
from mvcs.formats.bounds import MAX_DEPTH, MAX_KEYS, MAX_VALUES, weight
from mvcs.formats.nodes import Document, Member, Node
from mvcs.formats.scalars import plain_scalar
from mvcs.formats.spelling import CannotSpell, other_key

if TYPE_CHECKING:
    from typing import Protocol

    from mvcs.formats.values import Value

    class Mark(Protocol):
        """A place in the text."""

        index: int
        line: int

    class Event(Protocol):
        """What libyaml finds; each kind has some of these."""

        start_mark: Mark
        end_mark: Mark
        anchor: str | None
        tag: str | None
        value: str
        implicit: tuple[bool, bool]
        style: str | None
        flow_style: bool | None
        version: tuple[int, int] | None

_CORE: Final = "tag:yaml.org,2002:"
_PROPERTIES = re.compile(r"(?:!<[^>\s]*>|[&!][^\s,\[\]{}]*|#[^\n\r]*|\s+)*")
_COLON = re.compile(r"[ \t]*:")


def read_yaml(text: str) -> Document:
    """Reads YAML.

    Raises:
        UnreadableContent: If it is not YAML 1.2 of one document, has a key twice, a tag that means an object,
            a key that is no scalar, or more of anything than the bounds allow.
    """
    return _Composer(text).document()


def _unreadable(line: int, reason: str) -> UnreadableContent:
    return UnreadableContent(format="YAML", line=line, reason=reason)


class _Composer:
    def __init__(self, text: str) -> None:
        import yaml

        self._text = text
        self._error = yaml.YAMLError
        self._anchors: dict[str, Node] = {}
        self._events = yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))

    def _next(self) -> Event:
        try:
            event: Event = next(self._events)
        except self._error as error:
            raise self._problem(error) from error
        return event

    def _problem(self, error: Exception) -> UnreadableContent:
        mark = getattr(error, "problem_mark", None)
        reason = getattr(error, "problem", None) or getattr(error, "reason", None) or "not readable"
        if mark is not None:
            return _unreadable(mark.line + 1, str(reason))
        position = getattr(error, "position", None)
        line = self._text[:position].count("\n") + 1 if isinstance(position, int) else 0
        return _unreadable(line, str(reason))

    def document(self) -> Document:
        self._next()  # the stream starts
        start = self._next()
        if type(start).__name__ == "StreamEndEvent":
            return Document(self._text, Node({}, len(self._text), len(self._text)), written=False)
        if start.version is not None and tuple(start.version) != (1, 2):
            raise _unreadable(start.start_mark.line + 1, "another version of YAML than 1.2")
        event = self._next()
        written = not (type(event).__name__ == "ScalarEvent" and event.start_mark.index == event.end_mark.index)
        root = self._node(event, MAX_DEPTH)
        self._next()  # the document ends
        end = self._next()
        if type(end).__name__ != "StreamEndEvent":
            raise _unreadable(end.start_mark.line + 1, "more than one document")
        if not written:
            root = Node({}, root.start, root.end)
        return Document(self._text, root, written=written)

    def _node(self, event: Event, room: int) -> Node:
        kind = type(event).__name__
        line = event.start_mark.line + 1
        if kind == "AliasEvent":
            node = self._anchors.get(event.anchor or "")
            if node is None:
                raise _unreadable(line, f"the alias *{(event.anchor or '')[:100]} has no anchor before it")
            if node.height > room:
                raise _unreadable(line, f"more than {MAX_DEPTH} levels deep")
            return node
        if kind != "ScalarEvent" and not room:
            raise _unreadable(line, f"more than {MAX_DEPTH} levels deep")
        if kind == "ScalarEvent":
            node = self._scalar(event, line)
        elif kind == "SequenceStartEvent":
            node = self._list(event, line, room - 1)
        else:
            node = self._map(event, line, room - 1)
        if event.anchor is not None or event.tag is not None:
            node.outer, node.free = event.start_mark.index, False
            if event.anchor is not None:
                self._anchors[event.anchor] = node
        if node.size > MAX_VALUES or node.keys > MAX_KEYS:
            most = f"{MAX_VALUES} values" if node.size > MAX_VALUES else f"{MAX_KEYS} keys"
            raise _unreadable(line, f"more than {most}, aliases expanded")
        return node

    def _own_start(self, event: Event) -> int:
        # Where a value starts behind its anchor and tag.
        start: int = event.start_mark.index
        if event.anchor is None and event.tag is None:
            return start
        found = _PROPERTIES.match(self._text, start)
        assert found is not None
        return found.end()

    def _scalar(self, event: Event, line: int) -> Node:
        text: str = event.value
        value: Value = text
        if event.tag is not None:
            value = _tagged(event.tag, text, line)
        elif event.implicit[0]:  # without quotes
            value = plain_scalar(text)
        end: int = event.end_mark.index
        start = min(self._own_start(event), end)
        node = Node(value, start, end, flow=event.style not in {"|", ">"})
        if not node.flow:
            body = self._text[start:end]
            header = body[: body.find("\n")] if "\n" in body else body
            if "+" in header.split("#")[0]:
                node.end = end - (2 if body.endswith("\r\n") else 1 if body.endswith(("\n", "\r")) else 0)
            else:
                node.end = start + len(body.rstrip("\r\n"))
        node.size = weight(text)
        return node

    def _list(self, event: Event, line: int, room: int) -> Node:
        _check_tag(event.tag, "seq", line)
        values: list[Value] = []
        node = Node(values, self._own_start(event), 0, flow=bool(event.flow_style))
        node.height = 1
        while type(event := self._next()).__name__ != "SequenceEndEvent":
            item = self._node(event, room)
            values.append(item.value)
            alias = type(event).__name__ == "AliasEvent"
            _add(node, item, alias=alias)
            node.last = Node(None, event.start_mark.index, event.end_mark.index if alias else item.end)
        node.end = event.end_mark.index if node.flow or node.last is None else node.last.end
        return node

    def _map(self, event: Event, line: int, room: int) -> Node:
        _check_tag(event.tag, "map", line)
        values: dict[str, Value] = {}
        node = Node(values, self._own_start(event), 0, flow=bool(event.flow_style))
        node.height = 1
        merged: list[dict[str, Value]] = []
        while type(event := self._next()).__name__ != "MappingEndEvent":
            key = self._key(event)
            start, line = event.start_mark.index, event.start_mark.line + 1
            colon = _COLON.match(self._text, event.end_mark.index)
            event = self._next()
            item = self._node(event, room)
            alias = type(event).__name__ == "AliasEvent"
            span = (event.start_mark.index, event.end_mark.index) if alias else None
            if key in node.members:
                raise _unreadable(line, f"the key {'<<' if key is None else str(key)[:100]!r} twice")
            node.members[key] = Member(key, start, colon.end() if colon else -1, item, span)
            node.end = span[1] if span else max(item.end, colon.end() if colon else 0)
            _add(node, item, alias=alias)
            if key is None:
                merged += _merged(item.value, line)
            else:
                values[key] = item.value
        for each in merged:
            node.free = False
            for key, value in each.items():
                values.setdefault(key, value)
        node.keys += len(values)
        if node.flow or not node.members:
            node.end = event.end_mark.index
        return node

    def _key(self, event: Event) -> str | None:
        line = event.start_mark.line + 1
        if type(event).__name__ != "ScalarEvent":
            raise _unreadable(line, "a key that is no scalar")
        if event.anchor is not None:
            raise _unreadable(line, "an anchor at a key")
        if event.tag is None and event.implicit[0] and event.value == "<<":
            return None
        value = self._scalar(event, line).value
        if isinstance(value, str):
            return value
        try:
            return other_key(value)
        except CannotSpell as error:
            raise _unreadable(line, "a key of bytes") from error


def _add(node: Node, item: Node, *, alias: bool) -> None:
    node.size += item.size
    node.keys += item.keys
    node.height = max(node.height, item.height + 1)
    node.free = node.free and item.free and not alias


def _merged(value: Value, line: int) -> list[dict[str, Value]]:
    found = value if isinstance(value, list) else [value]
    maps = [each for each in found if isinstance(each, dict)]
    if len(maps) != len(found):
        raise _unreadable(line, "a merge key (<<) takes a map or a list of maps")
    return maps


def _check_tag(tag: str | None, name: str, line: int) -> None:
    if tag not in {None, "!", _CORE + name}:
        raise _unreadable(line, f"the tag {str(tag)[:100]}")


def _tagged(tag: str, text: str, line: int) -> Value:
    name = tag.removeprefix(_CORE)
    if name in {"!", "str"}:
        return text
    value = plain_scalar(text)
    kinds: dict[str, tuple[type, ...]] = {"null": (type(None),), "bool": (bool,), "int": (int,), "float": (float, int)}
    if name in kinds and isinstance(value, kinds[name]) and isinstance(value, bool) == (name == "bool"):
        return float(value) if name == "float" and isinstance(value, int) else value
    if name == "binary":
        import binascii

        try:
            return binascii.a2b_base64("".join(text.split()), strict_mode=True)
        except ValueError as error:
            raise _unreadable(line, "!!binary that is not base64") from error
    raise _unreadable(line, f"the tag {tag[:100]}" if name not in kinds else f"!!{name} for {text[:40]!r}")
