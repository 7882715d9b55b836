"""Tables of mvcs.toml that say how contents are compared and merged, which interpreter trains, what a model takes.

Knows: keys and types. Refuses to know: what a strategy does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from mvcs.errors import InvalidConfig
from mvcs.formats.strategies import SPELLINGS, STRATEGIES, tensor_strategy
from mvcs.objects.commit import INGREDIENTS
from mvcs.objects.editing import unsafe_path
from mvcs.objects.record import Record
from mvcs.repo.toml import line_of, unknown_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mvcs.objects.values import Json

DIRECTIONS = ("higher", "lower")
REFERENCE_KEYS = ("url", "as", "version", "etag", "sha256", "crc64nvme", "sha1", "crc32c", "md5")


class Rules(Record):
    """How contents are compared and merged.

    Args:
        keys: Path pattern to the columns that identify a row of a table.
        strategies: (pattern, strategy) for merge conflicts, in order.
        directions: Metric to "higher" or "lower": which is better.
        python: Interpreter that trains, relative to the project; None if not said.
        os_packages: Packages of the system that training needs, to their versions; empty where any will do.
        image: Base image that training runs in; empty if not said.
        references: Path to what mvcs.toml says of data that is kept elsewhere.
        signature: What mvcs.toml says of the model's inputs and outputs, in the form of the generated entry.
    """

    __slots__ = (
        "directions", "image", "keys", "os_packages", "python", "references", "signature", "strategies",
    )

    def __init__(
        self, *, keys: Mapping[str, tuple[str, ...]], strategies: tuple[tuple[str, str], ...],
        directions: Mapping[str, str], python: str | None, references: Mapping[str, Declared],
        signature: Mapping[str, Json], os_packages: Mapping[str, str], image: str,
    ) -> None:
        self.keys = dict(keys)
        self.strategies = strategies
        self.directions = dict(directions)
        self.python = python
        self.references = dict(references)
        self.signature = dict(signature)
        self.os_packages = dict(os_packages)
        self.image = image


def read_rules(file: str, text: str, values: Mapping[str, Any]) -> Rules:
    """Reads [merge], [metrics], [environment], [references] and [signature].

    Raises:
        InvalidConfig: With file, line and what is allowed.
    """
    reading = _Reading(file, text)
    merge = reading.table(values, "merge", ("keys", "strategies"))
    metrics = reading.table(values, "metrics", ("directions",))
    environment = reading.table(values, "environment", ("python", "os_packages", "image"))
    keys: dict[str, tuple[str, ...]] = {}
    for pattern, columns in reading.map(merge, "merge", "keys").items():
        names = [columns] if isinstance(columns, str) else columns
        if not isinstance(names, list) or not names or not all(isinstance(name, str) and name for name in names):
            reading.refuse("keys", "merge", f"{pattern!r} has no columns", "a list of column names")
        keys[pattern] = tuple(names)
    strategies = []
    for pattern, strategy in reading.map(merge, "merge", "strategies").items():
        if strategy not in STRATEGIES and not (isinstance(strategy, str) and tensor_strategy(strategy)):
            known = ", ".join((*STRATEGIES, *SPELLINGS))
            reading.refuse("strategies", "merge", f"{pattern!r} is {strategy!r}", known)
        strategies.append((pattern, strategy))
    directions = {}
    for name, direction in reading.map(metrics, "metrics", "directions").items():
        if direction not in DIRECTIONS:
            reading.refuse("directions", "metrics", f"{name!r} is {direction!r}", ", ".join(DIRECTIONS))
        directions[name] = direction
    python = environment.get("python")
    if python is not None and (not isinstance(python, str) or not python):
        reading.refuse("python", "environment", "python is no path", "the path of an interpreter")
    image = environment.get("image", "")
    if not isinstance(image, str) or any(char.isspace() or not char.isprintable() for char in image):
        reading.refuse("image", "environment", "image is no name of one", "NAME@sha256:DIGEST")
    return Rules(keys=keys, strategies=tuple(strategies), directions=directions, python=python,
                 references=_references(reading, values), signature=_signature(reading, values),
                 os_packages=_os_packages(reading, environment), image=image)


def _os_packages(reading: _Reading, environment: Mapping[str, Any]) -> dict[str, str]:
    """Returns name to version of what is written as the package managers do: `ffmpeg` or `libgl1=1.6.0-1`."""
    listed = environment.get("os_packages", [])
    found: dict[str, str] = {}
    for text in listed if isinstance(listed, list) else [None]:
        name, equals, version = text.partition("=") if isinstance(text, str) else ("", "", "")
        plain = all(char.isprintable() and not char.isspace() for char in name + version)
        if not name or not plain or bool(equals) != bool(version) or name in found:
            allowed = 'a list of names, each once: ["ffmpeg", "libgl1=1.6.0-1"]'
            reading.refuse("os_packages", "environment", f"os_packages has {text!r}", allowed)
        found[name] = version
    return found


def _references(reading: _Reading, values: Mapping[str, Any]) -> dict[str, Declared]:
    found: dict[str, Declared] = {}
    for path, table in reading.map(values, "", "references").items():
        if not isinstance(table, dict) or not isinstance(table.get("url"), str):
            reading.refuse(path, "references", f"{path!r} has no url", "a table as mvcs add URL writes it")
        size = table.get("size")
        texts = {key: value for key, value in table.items() if key != "size"}
        wrong = [key for key, value in texts.items() if key not in REFERENCE_KEYS or not isinstance(value, str)]
        if wrong or type(size) is not int or not 0 <= size < 1 << 63:
            reading.refuse(
                path, "references", f"{path!r}: {wrong[0] if wrong else 'size'}", ", ".join((*REFERENCE_KEYS, "size"))
            )
        problem = unsafe_path(path.encode("utf-8", "surrogateescape"))
        ingredient = texts.pop("as", "data")
        if problem is not None or ingredient not in INGREDIENTS:
            reading.refuse(path, "references", f"{path!r}: {problem or ingredient}", "a path in the project")
        found[path] = Declared(ingredient, size, texts)
    return found


def _signature(reading: _Reading, values: Mapping[str, Any]) -> dict[str, Json]:
    table = reading.table(values, "signature", ("inputs", "outputs", "features"))
    if not table:
        return {}
    from mvcs.formats.signature import FIELDS, FORM, declared_field, problem_of

    found: dict[str, Json] = {}
    for part in (part for part in FIELDS if part in table):
        fields: dict[str, Json] = {}
        for name, text in reading.map(table, "signature", part, "a table of names and types").items():
            field = declared_field(text)
            if field is None:
                reading.refuse(part, "signature", f"{part}: {name!r} is {text!r}", FORM)
            fields[name] = field
        found[part] = fields
    if "features" in table:
        found["features"] = table["features"]
    problem = problem_of(found)
    if problem:
        key = next((key for key in table if problem.startswith(key)), "signature")
        reading.refuse(key, "signature", problem, "names, each once")
    return found


class Declared(Record):
    """What mvcs.toml says of data that is kept elsewhere.

    Args:
        ingredient: Which one it belongs to.
        size: Bytes.
        texts: url, version, etag and checksums.
    """

    __slots__ = ("ingredient", "size", "texts")

    def __init__(self, ingredient: str, size: int, texts: Mapping[str, str]) -> None:
        self.ingredient = ingredient
        self.size = size
        self.texts = dict(texts)


class _Reading:
    def __init__(self, file: str, text: str) -> None:
        self._file = file
        self._text = text

    def refuse(self, key: str, section: str, reason: str, allowed: str) -> NoReturn:
        raise InvalidConfig(file=self._file, line=line_of(self._text, key, section), reason=reason, allowed=allowed)

    def table(self, values: Mapping[str, Any], name: str, allowed: tuple[str, ...]) -> dict[str, Any]:
        found = values.get(name, {})
        if not isinstance(found, dict):
            self.refuse(name, "", f"{name} is no table", f"a table with {', '.join(allowed)}")
        for key in found:
            if key not in allowed:
                raise unknown_key(self._file, self._text, key, name, allowed)
        return found

    def map(
        self, table: Mapping[str, Any], section: str, key: str, allowed: str = "a table of patterns"
    ) -> dict[str, Any]:
        found = table.get(key, {})
        if not isinstance(found, dict):
            self.refuse(key, section, f"{key} is no table", allowed)
        return found
