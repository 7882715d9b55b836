"""What a file is, by its ingredient and its name: what diffs and merges go by.

Knows: names and endings. Refuses to know: contents; a file that is not what its name says is told by its reader.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SYNTAXES = {".yaml": "yaml", ".yml": "yaml", ".toml": "toml", ".json": "json"}
TABLES = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
BESIDE_TENSORS = frozenset({*SYNTAXES, ".txt", ".md", ".jinja"})
"""Endings of what lies beside weights: a tokenizer, a configuration. In all others tensors are looked for."""
REQUIREMENTS = ("requirements*.txt", "constraints*.txt", "requirements/*.txt", "*/requirements*.txt",
                "*/constraints*.txt", "*/requirements/*.txt")
CONDA = ("environment*.yml", "environment*.yaml", "conda*.yml", "conda*.yaml")
PACKAGES = b".mvcs/packages"
"""Generated entry of the environment."""
SIGNATURE = b".mvcs/signature"
"""Generated entry of the weights."""


def kind_of(path: bytes, ingredient: str) -> tuple[str, str]:
    """Returns (kind, syntax) of a file.

    Args:
        path: Workspace path, or the path of a generated entry inside its ingredient.
        ingredient: Which one it belongs to.

    Returns:
        Kind: config, packages, captured, signature, notebook, table, metrics, tensors, text or bytes; syntax: yaml,
        toml, json, csv, tsv, jsonl, parquet, requirements, conda, or empty.
    """
    text = path.decode("utf-8", "surrogateescape")
    name = text.rpartition("/")[2]
    ending = name[name.rfind(".") :].lower() if "." in name else ""
    if ingredient == "weights" and path == SIGNATURE:
        return "signature", "json"
    if ingredient == "weights" and not text.startswith(".mvcs/"):
        return "bytes" if ending in BESIDE_TENSORS else "tensors", ""
    if ingredient == "environment":
        if path == PACKAGES:
            return "captured", "json"
        if any(fnmatchcase(text, pattern) for pattern in REQUIREMENTS):
            return "packages", "requirements"
        if any(fnmatchcase(name, pattern) for pattern in CONDA):
            return "packages", "conda"
    if ending == ".ipynb":
        return "notebook", ""
    if ending in TABLES:
        return "table", TABLES[ending]
    if ingredient == "metrics" and (ending == ".json" or text.startswith(".mvcs/")):
        return "metrics", "json"
    if text.startswith(".mvcs/"):
        return "config", "json"
    if ending in SYNTAXES and ingredient != "data":
        return "config", SYNTAXES[ending]
    return ("bytes" if ingredient == "data" else "text"), ""


def key_of(path: bytes, keys: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Returns the columns that identify a row of a table; none if mvcs.toml declares none."""
    text = path.decode("utf-8", "surrogateescape")
    return next((columns for pattern, columns in keys.items() if fnmatchcase(text, pattern)), ())
