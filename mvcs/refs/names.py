"""The grammar of ref keys: (space, model, name...) joined by slashes.

Knows: which names are legal, which spaces exist. Refuses to know: what refs stand for. Implements: spec 10.1.
"""

from __future__ import annotations

import unicodedata

from mvcs.errors import InvalidName

HEADS = "heads"
TAGS = "tags"
VERSIONS = "versions"
STAGES = "stages"
DEPLOYMENTS = "deployments"
REMOTES = "remotes"
HEAD = "HEAD"
MERGING = "merging"
"""Space of the merges in progress, one at the most for each workspace."""
PREPARED = "prepared"
"""Space of what the next commit of a workspace takes beside its files."""
SPACES = (HEADS, TAGS, VERSIONS, STAGES, DEPLOYMENTS, REMOTES, HEAD, MERGING, PREPARED)

WORKSPACE = "workspace/"
"""Prefix of moves that record what the files held; no refs (spec 10.4)."""

MAX_NAME = 200
"""Bytes of UTF-8 in the name of a branch or tag."""
MAX_MODEL = 100
"""Bytes of UTF-8 in a name without folders: a model, a stage, a remote. LMDB's keys end at 511."""

_FORBIDDEN = set(" ~^:?*[\\@#\x7f\"'<>|")
_WINDOWS = {"con", "prn", "aux", "nul", *(f"com{i}" for i in range(1, 10)), *(f"lpt{i}" for i in range(1, 10))}


def check_name(name: str, *, slashes: bool = True) -> str:
    """Checks the name of a branch, tag, model or stage.

    Args:
        name: The name.
        slashes: Whether it may have folders.

    Returns:
        The name.

    Raises:
        InvalidName: With the rule that it breaks.
    """
    problem = _problem(name, slashes=slashes)
    if problem:
        raise InvalidName(name=name, reason=problem)
    return name


def _problem(name: str, *, slashes: bool) -> str:
    if not name or name in {HEAD, "@"}:
        return "empty or reserved"
    if any(0xD800 <= ord(char) <= 0xDFFF for char in name):
        return "not valid Unicode"
    most = MAX_NAME if slashes else MAX_MODEL
    if len(name.encode()) > most:
        return f"longer than {most} bytes"
    if unicodedata.normalize("NFC", name) != name:
        return "not in Unicode form NFC"
    bad = next((char for char in name if char in _FORBIDDEN or ord(char) < 32), None)
    if bad is not None:
        return f"has {bad!r}"
    if "/" in name and not slashes:
        return "has a slash"
    if ".." in name or name.endswith(".") or name.startswith("-"):
        return "has .., ends with a dot or begins with a dash"
    if len(name) == 64 and all(char in "0123456789abcdef" for char in name):
        return "looks like an oid"
    for part in name.split("/"):
        if not part or part.startswith(".") or part.endswith(".lock"):
            return "has an empty part, or one that begins with a dot or ends with .lock"
        if part.split(".")[0].lower() in _WINDOWS:
            return f"{part!r} is reserved on Windows"
    return ""


def branch_key(model: str, branch: str) -> str:
    """Returns the key of a branch."""
    return f"{HEADS}/{model}/{branch}"


def tag_key(model: str, tag: str) -> str:
    """Returns the key of a tag."""
    return f"{TAGS}/{model}/{tag}"


def head_key(workspace: str) -> str:
    """Returns the key of a workspace's HEAD."""
    return f"{HEAD}/{workspace}"


def merging_key(workspace: str) -> str:
    """Returns the key of a workspace's merge in progress."""
    return f"{MERGING}/{workspace}"


def prepared_key(workspace: str) -> str:
    """Returns the key of what the next commit of a workspace takes beside its files."""
    return f"{PREPARED}/{workspace}"


def remote_key(remote: str, key: str) -> str:
    """Returns the ref that says where a ref of a remote stood when it was last seen."""
    return f"{REMOTES}/{remote}/{key}"


def split_key(key: str) -> tuple[str, str, str]:
    """Returns (space, model, name) of a branch or tag; missing parts are empty."""
    parts = key.split("/", 2)
    return parts[0], parts[1] if len(parts) > 1 else "", parts[2] if len(parts) > 2 else ""


def shown(key: str) -> str:
    """Returns a key as people say it: branch main, tag v1."""
    space, _, name = split_key(key)
    return {HEADS: f"branch {name}", TAGS: f"tag {name}"}.get(space, key)
