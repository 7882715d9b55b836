"""Holds the rounds of benchmarks/history.py against their budgets.

A ratio is taken inside one round, where the same noise hits all tools; what counts is the median of the rounds.
"""

import statistics
from collections.abc import Callable

CPU = {"s0": 0.45, "s2": 0.45, "s3": 0.85, "s4": 0.55, "s6": 1.0, "s7": 0.2}
"""CPU of a commit, as a share of that of git-lfs."""
WALL_OF_BEST = {"s0": 1.0, "s2": 0.85, "s3": 0.85, "s4": 0.85, "s6": 0.85, "s7": 0.85}
"""Wall of a commit, as a share of that of the quickest other tool."""
WALL = {"s1": 3.5, "s5": 3.5}
"""Wall of a commit, as a share of that of git-lfs."""
STORED, MEMORY_MB = 0.25, 200
UNBUDGETED = ("status", "clone s7", "checkout s0", "checkout s3")
Round = dict[str, dict]
Row = dict[str, object]


def cpu(sample: dict[str, float]) -> float:
    return sample["user"] + sample["system"]


def wall(sample: dict[str, float]) -> float:
    return sample["wall"]


def user(sample: dict[str, float]) -> float:
    return sample["user"]


def ratio(rounds: list[Round], tool: str, step: str, of: Callable[[dict[str, float]], float], best: bool) -> float:
    """Returns the median over the rounds of a tool's part of git-lfs, or of the quickest tool but mvcs."""
    found = []
    for one in rounds:
        steps = one["steps"]
        peers = [name for name in steps if name != "mvcs"] if best else ["git-lfs"]
        found.append(of(steps[tool][step]) / max(1e-4, min(of(steps[name][step]) for name in peers)))
    return round(statistics.median(found), 3)


def judge(rounds: list[Round], changed: list[int]) -> list[Row]:
    rows: list[Row] = []

    def add(what: str, value: float, budget: float | None) -> None:
        rows.append({"what": what, "value": value, "budget": budget, "met": budget is None or value <= budget})

    for step in CPU:
        add(f"commit {step}: CPU / git-lfs", ratio(rounds, "mvcs", step, cpu, False), CPU[step])
    for step in WALL_OF_BEST:
        add(f"commit {step}: wall / quickest other", ratio(rounds, "mvcs", step, wall, True), WALL_OF_BEST[step])
    for step in WALL:
        add(f"commit {step}: wall / git-lfs", ratio(rounds, "mvcs", step, wall, False), WALL[step])
    share = statistics.median(one["stored"]["mvcs"][-1] for one in rounds) / sum(changed)
    add("stored after s7 / bytes changed", round(share, 4), STORED)
    steps = rounds[0]["steps"]["mvcs"]
    peaks = {step: max(one["steps"]["mvcs"][step]["anon_mb"] for one in rounds) for step in steps}
    worst = max(peaks, key=lambda step: peaks[step])
    add(f"anonymous memory, worst command ({worst}), MB", round(peaks[worst], 1), MEMORY_MB)
    for step in UNBUDGETED:
        add(f"{step}: CPU / git-lfs", ratio(rounds, "mvcs", step, cpu, False), None)
        add(f"{step}: wall / git-lfs", ratio(rounds, "mvcs", step, wall, False), None)
    return rows


def grid(title: str, columns: list[str], lines: dict[str, list[str]]) -> str:
    text = [f"\n{title}\n", f"| | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    return "\n".join([*text, *(f"| {name} | {' | '.join(cells)} |" for name, cells in lines.items())])


def table(rounds: list[Round], changed: list[int], rows: list[Row]) -> str:
    """Returns what is printed: the verdicts, then all tools in every step, in Markdown."""
    tools = list(rounds[0]["steps"])
    columns = list(rounds[0]["steps"]["mvcs"])
    parts = ["| what | measured | budget |", "|---|---|---|"]
    for row in rows:
        budget = "" if row["budget"] is None else f"{row['budget']:g}"
        parts.append(f"| {row['what']} | {row['value']:g}{'' if row['met'] else ' (missed)'} | {budget} |")
    text = ["\n".join(parts)]
    kinds = {"CPU / git-lfs": cpu, "user CPU / git-lfs": user, "wall / git-lfs": wall}
    for title, of in kinds.items():
        lines = {tool: [f"{ratio(rounds, tool, step, of, False):.2f}" for step in columns] for tool in tools}
        text.append(grid(title, columns, lines))
    seconds = {
        tool: [f"{statistics.median(wall(one['steps'][tool][step]) for one in rounds):.3f}" for step in columns]
        for tool in tools
    }
    text.append(grid("wall, seconds, medians", columns, seconds))
    memory = {
        tool: [f"{statistics.median(one['steps'][tool][step]['anon_mb'] for one in rounds):.0f}" for step in columns]
        for tool in tools
    }
    text.append(grid("peak anonymous memory, MB, medians", columns, memory))
    states = [step for step in columns if step[0] == "s" and step[1:].isdigit()]
    sizes = {
        tool: [f"{rounds[-1]['stored'][tool][at] / 1e6:.1f}" for at in range(len(states))]
        + [f"{rounds[-1]['stored'][tool][-1] / sum(changed):.1%}"]
        for tool in tools
    }
    title = f"repository on disk, MB ({sum(changed) / 1e6:.1f} MB changed in all)"
    text.append(grid(title, [*states, "share"], sizes))
    extra = {tool: left for tool, left in rounds[-1]["files_left"].items() if left}
    if extra:
        text.append("\nFiles of other states that an in-place restore leaves: " + ", ".join(
            f"{tool} {left}" for tool, left in extra.items()
        ))
    return "\n".join(text)
