"""Answers that several verbs give in the same words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mvcs.api.results import SwitchResult, UndoResult
    from mvcs_cli.ui import Ui


def switched(ui: Ui, verb: str, done: SwitchResult) -> None:
    """Says where HEAD and the files are now."""

    def people() -> None:
        at = done.commit.hex()[:12] if done.commit is not None else "no commit yet"
        where = f"on branch {done.branch}" if done.branch is not None else "on no branch (mvcs switch -c NAME)"
        ui.line(f"Now {where} at {at}; {done.files} file(s) written.")
        if done.saved is not None:
            ui.line(f"Unsaved work is in {done.saved.hex()[:12]}; mvcs undo brings it back.")

    ui.answer(verb, done.to_dict(), people=people, quiet=[done.commit.hex() if done.commit else ""])


def undone(ui: Ui, verb: str, said: str, done: UndoResult) -> None:
    """Says which refs and files went back, or forth."""

    def people() -> None:
        ui.line(f"{said}: mvcs {done.command}")
        for move in done.moves:
            ui.line(f"  {move.ref}: {short_target(move.old)} -> {short_target(move.new)}")
        if done.files:
            ui.line(f"  {len(done.files)} file(s) written")
        if done.saved is not None:
            ui.line(f"Overwritten work is in {done.saved.hex()[:12]}.")

    ui.answer(verb, done.to_dict(), people=people, quiet=[done.operation.hex()])


def short_target(target: bytes | str | None) -> str:
    """Returns what a ref stands for, in few characters."""
    return target.hex()[:12] if isinstance(target, bytes) else target or "nothing"
