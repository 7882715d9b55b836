"""Draws history: one lane a line of descent, newest on top."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mvcs.api.results import Logged


def draw(commits: list[Logged]) -> Iterator[tuple[str, Logged | None]]:
    """Yields (lanes, commit); a line without a commit only joins or parts lanes.

    Args:
        commits: Each before its parents.
    """
    lanes: list[bytes | None] = []
    known = {item.oid for item in commits}
    for item in commits:
        if item.oid not in lanes:
            lanes.append(item.oid)
        here = lanes.index(item.oid)
        # Other lanes that waited for this commit end in its lane.
        ended = [i for i, lane in enumerate(lanes) if lane == item.oid and i != here]
        if ended:
            yield _joined(lanes, here, ended, "/"), None
            for i in ended:
                lanes[i] = None
            while lanes[-1] is None:
                lanes.pop()
        yield " ".join("*" if i == here else "|" if lane is not None else " " for i, lane in enumerate(lanes)), item
        parents: list[bytes] = [parent for parent in item.commit.parents if parent in known]
        lanes[here] = parents[0] if parents else None
        begun = []
        for parent in parents[1:]:
            if parent not in lanes:
                begun.append(len(lanes))
                lanes.append(parent)
        if begun:
            yield _joined(lanes, here, begun, "\\"), None
        while lanes and lanes[-1] is None:
            lanes.pop()


def _joined(lanes: list[bytes | None], here: int, others: list[int], sign: str) -> str:
    cells = []
    for i, lane in enumerate(lanes):
        if i in others:
            cells.append(sign)
        else:
            cells.append("|" if lane is not None or i == here else " ")
    text = " ".join(cells)
    if len(others) == 1 and others[0] == here + 1:
        text = text[: 2 * here + 1] + sign + text[2 * here + 2 :]
        text = text[: 2 * here + 2] + " " + text[2 * here + 3 :]
    return text.rstrip()
