"""mvcs show."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import click

from mvcs_cli.ui import Ui, local_time, quoted, size
from mvcs_cli.verb import complete_revision, verb

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from mvcs.api.results import Shown

FIELDS_SHOWN = 20


@verb("show")
@click.argument("revision", default="HEAD", shell_complete=complete_revision)
@click.option("--provenance", is_flag=True, help="Show what was recorded about machine and Git.")
def command(ui: Ui, revision: str, *, provenance: bool) -> None:
    """A commit in full: ingredients, where its weights and metrics came from, what changed."""
    found = ui.repo().show(revision)
    ui.answer(
        "show", found.to_dict(), people=lambda: _people(ui, found, provenance=provenance), quiet=[found.oid.hex()]
    )


def _people(ui: Ui, found: Shown, *, provenance: bool) -> None:
    commit = found.commit
    ui.line(f"commit {found.oid.hex()}", fg="yellow")
    ui.line(f"Model:   {commit.model}")
    ui.line(f"Author:  {commit.author}")
    ui.line(f"Date:    {local_time(commit.author.time, commit.author.offset)}")
    for parent in commit.parents:
        ui.line(f"Parent:  {parent.hex()[:12]}")
    ui.line()
    for line in commit.message.rstrip("\n").split("\n"):
        ui.line(f"    {line}")
    ui.line()
    for name, count in found.sizes.items():
        gone = found.collected if name == "weights" else None
        shown = f"{size(count):>9}" if gone is None else f"collected {gone.date} ({gone.rule})"
        ui.line(f"  {name:<12} {shown}")
    if commit.origin is not None:
        ui.line(f"  weights come from recipe {commit.origin.recipe.hex()[:12]} ({commit.origin.how})")
    for name, value in sorted(found.metrics.items()):
        ui.line(f"  metric {name} = {value}")
    for name, value in sorted(found.params.items()):
        ui.line(f"  param {quoted(name)} = {json.dumps(value, ensure_ascii=False)}")
    _signature(ui, found.signature)
    for what in found.stale:
        of = "this recipe" if what == "weights" else "these weights"
        ui.line(f"  STALE: the {what} are not of {of}", fg="red")
    if found.complete is not None:
        ui.line(f"  to make it again: {found.complete}")
    for name, reason in commit.incomplete:
        ui.line(f"  incomplete: {name}: {reason}")
    if provenance:
        _provenance(ui, found.provenance)
    ui.line()
    for change in found.changes:
        ui.line(f"  {change.change:<9} {change.ingredient:<12} {quoted(os.fsdecode(change.path))}")


def _provenance(ui: Ui, recorded: Any) -> None:  # noqa: ANN401 -- JSON
    """Prints what was recorded about machine and Git, a patch as its lines."""
    git = recorded.get("git") if isinstance(recorded, dict) else None
    patch = git.get("patch") if isinstance(git, dict) else None
    if isinstance(git, dict) and patch:
        recorded = {**recorded, "git": {**git, "patch": "below"}}
    ui.line("  provenance: " + json.dumps(recorded))
    for line in patch.rstrip("\n").split("\n") if isinstance(patch, str) else ():
        ui.line(f"    {line}")


def _signature(ui: Ui, signature: Mapping[str, Any]) -> None:
    """Prints what the weights take and give."""
    from mvcs.formats.signature import COUNT, FEATURES, FIELDS, problem_of, told_field

    if problem_of(dict(signature)):
        return
    for part in FIELDS:
        fields = signature.get(part, {})
        for name in sorted(fields)[:FIELDS_SHOWN]:
            ui.line(f"  {part[:-1]} {quoted(name)}: {told_field(fields[name])}")
        if len(fields) > FIELDS_SHOWN:
            ui.line(f"  ... and {len(fields) - FIELDS_SHOWN} more {part} (--json)")
    names = signature.get(FEATURES, [])
    if names:
        more = f", ... and {len(names) - FIELDS_SHOWN} more (--json)" if len(names) > FIELDS_SHOWN else ""
        ui.line(f"  features {', '.join(map(quoted, names[:FIELDS_SHOWN]))}{more}")
    elif COUNT in signature:
        ui.line(f"  {signature[COUNT]} features without names")
