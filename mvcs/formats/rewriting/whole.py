"""A configuration text made to mean another value, with as few bytes changed as can be.

The result is read again: what is returned means what was asked for, or nothing is returned. Knows: passes, the proof.
Refuses to know: files, merges.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from mvcs.errors import UnreadableContent
from mvcs.formats.config import FORMS, parse_config
from mvcs.formats.encoding import newline_of
from mvcs.formats.rewriting.edits import CannotRewrite, Edits
from mvcs.formats.spelling import CannotSpell, check_json, in_toml, in_yaml
from mvcs.formats.values import ABSENT, same

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mvcs.formats.nodes import Document
    from mvcs.formats.toml import TomlDocument
    from mvcs.formats.values import Found, Value

    Text = Document | TomlDocument

PASSES = 3


def can_spell(syntax: str, value: Found) -> bool:
    """Whether a syntax has text for a value; ABSENT needs none."""
    if value is ABSENT:
        return True
    spell = {"yaml": in_yaml, "toml": in_toml, "json": check_json}[syntax]
    try:
        spell(cast("Value", value))
    except CannotSpell:
        return False
    return True


def rewrite(syntax: str, document: Text, target: Value, sources: Sequence[Text]) -> str:
    """Returns a text that means a value, edited from another one.

    Comments, order, quoting, indentation and the spelling of numbers stay where nothing changed. A new value is
    spelled as in the first of `sources` that has it at the same key, with its comments if the key is new.

    Args:
        syntax: "yaml", "toml" or "json".
        document: The text to start from.
        target: What the result is to mean.
        sources: Other texts of the same syntax.

    Raises:
        UnreadableContent: If no edit gives that value, as where an anchor stands in the way.

    Laws:
        parse_config(syntax, rewrite(syntax, d, v, s)).value is the same as v.
        rewrite(syntax, d, d.value, s) == d.text.
    """
    if same(document.value, target):
        return document.text
    problem = "no edit of the text gives the merged values"
    for spelled in (sources, ()):
        current = document
        try:
            for number in range(PASSES):
                current = parse_config(syntax, _edited(syntax, current, target, spelled, again=number > 0))
                if same(current.value, target):
                    return current.text
        except CannotRewrite as error:
            problem = f"cannot be edited: {error}"
        except CannotSpell:
            problem = f"{FORMS[syntax]} has no such value"
        except UnreadableContent:
            continue
    raise UnreadableContent(format=FORMS[syntax], line=0, reason=problem)


def is_rewritten(syntax: str, document: Text, other: Text) -> bool:
    """Whether a text is another one with its own values put in, and nothing else changed.

    Where an alias or a merge key stands in the way the answer may be no.
    """
    try:
        return _edited(syntax, document, other.value, [other], again=False) == other.text
    except (CannotRewrite, CannotSpell):
        return False


def _edited(syntax: str, document: Text, target: Value, sources: Sequence[Text], *, again: bool) -> str:
    edits = Edits(document.text, newline_of(document.text))
    if syntax == "toml":
        from mvcs.formats.rewriting.toml import edit_toml

        edit_toml(edits, cast("TomlDocument", document), target, cast("Sequence[TomlDocument]", sources))
    else:
        from mvcs.formats.rewriting.speller import JsonSpeller, YamlSpeller
        from mvcs.formats.rewriting.tree import edit_tree

        speller = YamlSpeller() if syntax == "yaml" else JsonSpeller(document.text)
        trees = cast("Sequence[Document]", sources)
        edit_tree(edits, cast("Document", document), target, trees, speller, again=again)
    return edits.apply()
