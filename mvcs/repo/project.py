"""mvcs.toml: the model's name, which files are which ingredient, how they are captured, whose weights are kept.

Knows: the keys and their types. Refuses to know: what patterns match.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from mvcs.errors import InvalidConfig, InvalidName
from mvcs.objects.commit import INGREDIENTS
from mvcs.objects.record import Record
from mvcs.refs.names import check_name
from mvcs.repo.layout import PROJECT
from mvcs.repo.rules import Rules, read_rules
from mvcs.repo.toml import line_of, read_toml, unknown_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CHECKPOINTS = ("newest", "all")
_TOP: dict[str, type] = {
    "model": str, "root": str, "follow_git": bool, "ingredients": dict, "capture": dict, "retention": dict,
    "merge": dict, "metrics": dict, "environment": dict, "references": dict,
    "signature": dict,
}
"""A table that nothing reads is refused: a rule that somebody relies on must not do nothing."""
_CAPTURE: dict[str, type] = {"checkpoints": str}

FOREVER = "forever"
MAX_DAYS = 36_500
"""A hundred years; what is to stay longer stays for ever."""


class Rule(Record):
    """How long the branches of a pattern keep their weights.

    Args:
        pattern: fnmatch pattern of branch names; a star matches slashes too.
        days: Days; None for ever.
    """

    __slots__ = ("days", "pattern")

    def __init__(self, pattern: str, days: int | None) -> None:
        self.pattern = pattern
        self.days = days


DEFAULT_RULE = Rule("runs/*", 30)


class Project(Record):
    """A workspace's mvcs.toml.

    Args:
        file: Its path.
        model: Name of the model.
        root: Absolute folder that paths and patterns start from.
        follow_git: Whether a Git work tree's branch is the branch.
        patterns: .gitignore patterns by ingredient.
        newest_only: Whether only the newest of numbered checkpoints is taken.
        retention: How long which branches keep their weights; the first rule that matches holds.
        rules: How contents are compared and merged.
        text: The file's content.
    """

    __slots__ = ("file", "follow_git", "model", "newest_only", "patterns", "retention", "root", "rules", "text")

    def __init__(
        self, file: str, model: str, root: str, *, follow_git: bool, patterns: Mapping[str, tuple[str, ...]],
        newest_only: bool, retention: tuple[Rule, ...], rules: Rules, text: str,
    ) -> None:
        self.file = file
        self.model = model
        self.root = root
        self.follow_git = follow_git
        self.patterns = patterns
        self.newest_only = newest_only
        self.retention = retention
        self.rules = rules
        self.text = text


def default_model(folder: str) -> str:
    """Returns a legal model name made of a folder's name."""
    name = "".join(c if c.isalnum() or c in "-_." else "-" for c in os.path.basename(os.path.abspath(folder)))
    name = name.strip("-.") or "model"
    try:
        return check_name(name, slashes=False)
    except InvalidName:
        return "model"


def read_project(folder: str, problem_of: Callable[[object], str | None] | None = None) -> Project:
    """Reads the mvcs.toml of a workspace.

    Args:
        folder: Folder of the file.
        problem_of: Tells what is wrong with a pattern; None where patterns are not going to be used.

    Raises:
        InvalidConfig: With file, line and what is allowed.
    """
    file = os.path.join(folder, PROJECT)
    values, text = read_toml(file)
    _check(file, text, "", values, _TOP)
    model = values.get("model", default_model(folder))
    try:
        check_name(model, slashes=False)
    except InvalidName as error:
        raise InvalidConfig(file=file, line=line_of(text, "model"), reason=error.message, allowed="a name") from error
    root = os.path.normpath(os.path.join(folder, values.get("root", ".")))
    if not os.path.isdir(root) or not (folder + "/").startswith(root.rstrip("/") + "/"):
        raise InvalidConfig(
            file=file, line=line_of(text, "root"), reason=f"root {root} does not hold this file",
            allowed="a folder at or above mvcs.toml",
        )
    capture = values.get("capture", {})
    _check(file, text, "capture", capture, _CAPTURE)
    if capture.get("checkpoints", "newest") not in CHECKPOINTS:
        raise InvalidConfig(
            file=file, line=line_of(text, "checkpoints", "capture"), reason="checkpoints is one of two words",
            allowed=", ".join(CHECKPOINTS),
        )
    return Project(
        file, model, root, follow_git=values.get("follow_git", True),
        patterns=_patterns(file, text, values.get("ingredients", {}), problem_of),
        newest_only=capture.get("checkpoints", "newest") == "newest",
        retention=_retention(file, text, values.get("retention", {})),
        rules=read_rules(file, text, values), text=text,
    )


def _check(file: str, text: str, section: str, values: Mapping[str, Any], allowed: Mapping[str, type]) -> None:
    for key, value in values.items():
        if key not in allowed:
            raise unknown_key(file, text, key, section, sorted(allowed))
        if type(value) is not allowed[key]:
            raise InvalidConfig(
                file=file, line=line_of(text, key, section), reason=f"{key} is a {type(value).__name__}",
                allowed=f"a {allowed[key].__name__}",
            )


def _patterns(
    file: str, text: str, table: Mapping[str, Any], problem_of: Callable[[object], str | None] | None
) -> dict[str, tuple[str, ...]]:
    owner: dict[str, str] = {}
    found: dict[str, tuple[str, ...]] = {}
    for ingredient, patterns in table.items():
        if ingredient not in INGREDIENTS:
            raise unknown_key(file, text, ingredient, "ingredients", INGREDIENTS)
        line = line_of(text, ingredient, "ingredients")
        if not isinstance(patterns, list):
            raise InvalidConfig(file=file, line=line, reason=f"{ingredient} is no list", allowed="a list of patterns")
        for pattern in patterns:
            problem = "a pattern is a string" if not isinstance(pattern, str) else None
            if problem is None and problem_of is not None:
                problem = problem_of(pattern)
            if problem is not None:
                raise InvalidConfig(
                    file=file, line=line, reason=f"{ingredient}: {pattern!r}: {problem}", allowed="a .gitignore pattern"
                )
            if pattern in owner:
                raise InvalidConfig(
                    file=file, line=line, reason=f"{pattern!r} is in {owner[pattern]} and in {ingredient}",
                    allowed="one ingredient for each pattern",
                )
            owner[pattern] = ingredient
        found[ingredient] = tuple(patterns)
    return found


def _retention(file: str, text: str, table: Mapping[str, Any]) -> tuple[Rule, ...]:
    rules = []
    for pattern, days in table.items():
        line = line_of(text, pattern, "retention")
        problem = _no_branch(pattern)
        if problem is not None:
            raise InvalidConfig(
                file=file, line=line, reason=f"{pattern!r} fits no branch: {problem}",
                allowed="a pattern of branch names, such as runs/*",
            )
        if days != FOREVER and (type(days) is not int or not 0 <= days <= MAX_DAYS):
            raise InvalidConfig(
                file=file, line=line, reason=f"{pattern}: {days!r} is no number of days",
                allowed=f'0 to {MAX_DAYS}, or "{FOREVER}"',
            )
        rules.append(Rule(pattern, None if days == FOREVER else days))
    if DEFAULT_RULE.pattern not in table:
        rules.append(DEFAULT_RULE)
    return tuple(rules)


def _no_branch(pattern: str) -> str | None:
    """Returns why no branch can have a name that a pattern matches, None if one can."""
    try:
        check_name(re.sub(r"\[!?\]?[^\]]*\]|[*?]", "x", pattern))
    except InvalidName as error:
        return str(error.fields["reason"])
    return None
