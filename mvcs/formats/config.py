"""Configuration files: bytes to typed values, for YAML, TOML and JSON.

Reading tells types apart as the file does: 1, 1.0, "1" and true are four values. Knows: which syntax is read where.
Refuses to know: paths, differences.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mvcs.errors import InvalidArgument, UnreadableContent
from mvcs.formats.encoding import read_text
from mvcs.formats.scalars import plain_scalar

if TYPE_CHECKING:
    from mvcs.formats.content import Content
    from mvcs.formats.encoding import Encoding
    from mvcs.formats.nodes import Document
    from mvcs.formats.toml import TomlDocument
    from mvcs.formats.values import Value

FORMS: Final = {"yaml": "YAML", "toml": "TOML", "json": "JSON"}
"""Names of formats by syntax."""


def read_config(syntax: str, content: Content) -> Value:
    """Reads a configuration file.

    Args:
        syntax: "yaml", "toml" or "json".
        content: The file.

    Returns:
        Its value: a map as a rule. An empty YAML file is an empty map. Keys of YAML that are no strings are
        `OtherKey`. Values that an alias names twice are one object: change none.

    Raises:
        UnreadableContent: If it is not of the syntax, has a key twice, or is beyond the bounds
            (see `mvcs.formats.bounds`); fields `format`, `line`, `reason`.
    """
    text, _ = read_text(content, FORMS[syntax])
    return parse_config(syntax, text).value


def read_document(syntax: str, content: Content) -> tuple[Document | TomlDocument, Encoding]:
    """Reads a configuration file with the places of its values.

    Raises:
        UnreadableContent: As `read_config` does.
    """
    text, encoding = read_text(content, FORMS[syntax])
    return parse_config(syntax, text), encoding


def parse_config(syntax: str, text: str) -> Document | TomlDocument:
    """Returns what a text of a syntax means, with the places of its values.

    Raises:
        UnreadableContent: As `read_config` does.
    """
    if syntax == "json":
        from mvcs.formats.json import read_json

        return read_json(text)
    if syntax == "toml":
        from mvcs.formats.toml import read_toml

        return read_toml(text)
    from mvcs.formats.yaml import read_yaml

    return read_yaml(text)


def parse_scalar(text: str) -> Value:
    """Reads a value from the command line by YAML's rules.

    `1e-4` is a float, `true` a bool, `null` nothing, `"1"` or `'1'` a string, `[1, 2]` a list, `{a: 1}` a map; all
    else is a string as it stands, colons and hashes included. Nothing at all is the empty string.

    Raises:
        InvalidArgument: If it starts with a quote or a bracket and is not one value; fields `argument`, `value`,
            `reason`.
    """
    stripped = text.strip()
    if not stripped:
        return ""
    if stripped[0] not in "[{\"'":
        return plain_scalar(stripped)
    from mvcs.formats.yaml import read_yaml

    try:
        document = read_yaml(stripped)
    except UnreadableContent as error:
        reason = f"{error.fields['reason']}; put a string that starts so into quotes"
        raise InvalidArgument(argument="value", value=text, reason=reason) from error
    if document.root.flow and document.root.end == len(stripped):
        return document.value
    raise InvalidArgument(argument="value", value=text, reason="more than one value; put a string into quotes")
