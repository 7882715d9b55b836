"""What a commit gathers beside the files: generated entries, secrets that must not go in, what is missing.

The way: changed files past the secret check, each handler asked, the reasons why the model could not be made again.
Knows: what handlers see of a commit, where their answers go. Refuses to know: what is captured (`mvcs.ingredients`).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mvcs.ambient import variable
from mvcs.ingredients.handlers.config import Config
from mvcs.ingredients.handlers.environment import Environment
from mvcs.ingredients.handlers.files import Files
from mvcs.ingredients.handlers.metrics import Metrics
from mvcs.ingredients.handlers.weights import Weights
from mvcs.objects.hashing import BLOB
from mvcs.objects.record import Record
from mvcs.objects.tree import FILE, IS_BLOB, SYMLINK, Entry
from mvcs.objects.values import canonical_json
from mvcs.ops.parts import is_generated
from mvcs.ops.scope import CommitScope

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mvcs.diff.trees import FileChange
    from mvcs.formats.values import Found as Value
    from mvcs.ingredients.handlers.base import Found, Handler
    from mvcs.objects.commit import Commit
    from mvcs.objects.hashing import Oid
    from mvcs.objects.values import Json
    from mvcs.ops.context import Look
    from mvcs.store.base import Batch

SEARCHED = ("code", "config", "environment", "about")
"""Ingredients whose text is searched for secrets."""
MAX_SEARCHED = 1 << 20
MAX_TOLD = 10
"""Source files that are named as missing."""
ALLOW = "mvcs commit --allow-secret if it is none"


class Given(Record):
    """What the command gave to a commit.

    Args:
        metrics: Name to number.
        params: Name to value, ABSENT to take it out.
        allow_secret: Whether what looks like a secret is recorded and not refused.
    """

    __slots__ = ("allow_secret", "metrics", "params")

    def __init__(
        self, metrics: Mapping[str, float | int], params: Mapping[str, Value], *, allow_secret: bool
    ) -> None:
        self.metrics = metrics
        self.params = params
        self.allow_secret = allow_secret


class Gathered(Record):
    """What was gathered.

    Args:
        edits: Generated entries, by their path in the root tree.
        provenance: What is recorded of machine and commit, by subject.
        incomplete: (ingredient, reason) of what is missing to make the model again.
        warnings: What the user should know.
    """

    __slots__ = ("edits", "incomplete", "provenance", "warnings")

    def __init__(self) -> None:
        self.edits: dict[bytes, Entry | None] = {}
        self.provenance: dict[str, Json] = {}
        self.incomplete: set[tuple[str, str]] = set()
        self.warnings: list[str] = []


def gather(
    seen: Look, changes: list[FileChange], batch: Batch, given: Given, *, tree: Oid, parent: Commit | None,
    searched: list[FileChange],
) -> Gathered:
    """Gathers what a commit of these changes has beside them.

    Args:
        seen: The files as they are.
        changes: What the commit changes.
        batch: Has the contents of changed files; takes generated entries.
        given: What the command gave.
        tree: Root tree that is changed.
        parent: Its commit, whose reasons still hold where nothing is captured anew.
        searched: What is searched for secrets: what no commit has had.

    Raises:
        SecretFound: If a changed file or a parameter has something that looks like a secret.
        BrokenPlugin: If an installed handler cannot be used, or fails.
        ChangedDuringCapture: If a file was changed while a handler read it.
    """
    found = Gathered()
    secrets = _secrets(searched, batch, allow_secret=given.allow_secret)
    before = () if parent is None else parent.incomplete
    scope = CommitScope(seen, changes, tree, before)
    try:
        handlers = _built_in(seen, changes, given)
        for handler in handlers:
            _take(found, batch, handler.ingredient, handler.capture(scope))
        _plugins(found, batch, scope, handlers, seen, before)
    finally:
        scope.close()
    _drop_without_weights(found, scope)
    secrets += _secrets_of_params(given)
    if secrets:
        found.provenance["allowed_secrets"] = secrets
    return found


def _built_in(seen: Look, changes: list[FileChange], given: Given) -> list[Handler]:
    """Returns the handlers of mvcs, one for each kind of ingredient."""
    workspace = seen.workspace
    rules = workspace.project.rules
    elsewhere: dict[str, tuple[str, ...]] = {}
    if rules.references:
        from mvcs.ops.refer import unverifiable

        for ingredient, reason in sorted(unverifiable(workspace)):
            elsewhere[ingredient] = (*elsewhere.get(ingredient, ()), reason)
    declares = os.fsencode(os.path.relpath(workspace.project.file, workspace.root))
    table: list[Handler] = [
        Files("code", needed=True, incomplete=_sources_left_out(seen)), Files("data", needed=True),
        Config(given.params),
        Environment(
            workspace.folder, rules.python, variable("VIRTUAL_ENV"), lambda path: _is_versioned(seen, path),
            os_packages=rules.os_packages, image=rules.image,
        ),
        Weights(rules.signature, declaration_changed=any(change.path == declares for change in changes)),
        Metrics(given.metrics), Files("about"),
    ]
    return table + [Files(ingredient, incomplete=reasons) for ingredient, reasons in elsewhere.items()]


def _sources_left_out(seen: Look) -> tuple[str, ...]:
    """Returns what to say of source files that no pattern takes."""
    from mvcs.ingredients.defaults import SOURCE_ENDINGS

    paths = sorted(os.fsdecode(path) for path in seen.scan.others if path.endswith(SOURCE_ENDINGS))
    shown = [path.encode("utf-8", "surrogateescape").decode("utf-8", "replace") for path in paths[:MAX_TOLD]]
    said = [f"{path} is not in the commit" for path in shown]
    return (*said, f"and {len(paths) - MAX_TOLD} more source files") if len(paths) > MAX_TOLD else tuple(said)


def _plugins(
    found: Gathered, batch: Batch, scope: CommitScope, handlers: list[Handler], seen: Look,
    before: tuple[tuple[str, str], ...],
) -> None:
    """Asks the handlers of plug-ins, where the commit is one that they are asked for; what they said stays else."""
    from mvcs.ingredients.handlers.table import ASKED, ask, plugin_handlers, still_said

    asked = []
    if scope.changed & ASKED:
        workspace = seen.workspace
        without = {name.strip() for name in str(workspace.repository.config.get("capture.without")).split(",")}
        asked = plugin_handlers(handlers, without=without, data=workspace.root)
        for plugin in asked:
            _take(found, batch, plugin.made.ingredient, ask(plugin, scope))
    found.incomplete |= {(name, reason) for name, reason in before if still_said([reason], asked)}


def _take(found: Gathered, batch: Batch, ingredient: str, answer: Found) -> None:
    for name, value in answer.entries.items():
        entry = None
        if value is not None:
            content = canonical_json(value)
            entry = Entry(name.encode(), FILE, IS_BLOB, batch.put_bytes(content), len(content))
        found.edits[f"{ingredient}/.mvcs/{name}".encode()] = entry
    found.incomplete |= {(ingredient, reason) for reason in answer.incomplete}
    found.warnings += answer.warnings
    found.provenance.update(answer.provenance)


def _drop_without_weights(found: Gathered, scope: CommitScope) -> None:
    """Takes out what was captured of weights that are not there."""
    edited = [path for path in found.edits if path.startswith(b"weights/")]
    if ("weights" in scope.changed or edited) and next(scope.entries("weights"), None) is None:
        carried = [b"weights/" + path for path, _ in scope.entries("weights", generated=True)]
        found.edits.update(dict.fromkeys((*edited, *carried)))


def _is_versioned(seen: Look, path: str) -> bool:
    """Whether a path is a file of the model."""
    inside = os.path.relpath(os.path.abspath(path), seen.workspace.root)
    folder, _, name = os.fsencode(inside).rpartition(b"/")
    record = seen.scan.cache.folders.get(folder)
    return record is not None and name in record.names


def _secrets(changes: list[FileChange], batch: Batch, *, allow_secret: bool) -> list[Json]:
    allowed: list[Json] = []
    for change in changes:
        after = change.after
        if after is None or after.ingredient not in SEARCHED or after.entry.kind != IS_BLOB:
            continue
        if after.entry.mode == SYMLINK or after.entry.size > MAX_SEARCHED:
            continue
        if change.before is not None and change.before.entry.oid == after.entry.oid:
            continue
        from mvcs.errors import SecretFound
        from mvcs.ingredients.secrets import find_secrets

        for secret in find_secrets(change.path, batch.load(after.entry.oid, BLOB)):
            path = os.fsdecode(change.path)
            if not allow_secret:
                hint = ALLOW if is_generated(change.path) else None
                raise SecretFound(path=path, line=secret.line, kind=secret.kind, hint=hint)
            name = path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
            allowed.append({"path": name, "line": secret.line, "kind": secret.kind})
    return allowed


def _secrets_of_params(given: Given) -> list[Json]:
    if not given.params:
        return []
    from mvcs.errors import SecretFound
    from mvcs.ingredients.handlers.config import PARAMS
    from mvcs.ingredients.secrets import find_secrets

    place = f"config/.mvcs/{PARAMS}"
    text = "".join(f"{name}: {value}\n" for name, value in given.params.items())
    allowed: list[Json] = []
    for secret in find_secrets(b"params.yaml", text.encode("utf-8", "replace")):
        if not given.allow_secret:
            raise SecretFound(path=place, line=secret.line, kind=secret.kind, hint=ALLOW)
        allowed.append({"path": place, "line": secret.line, "kind": secret.kind})
    return allowed
