"""The same model history through mvcs and five other tools, state by state, in one run.

    python benchmarks/history.py [--scale 0.5] [--rounds 3] [--tools mvcs,git-lfs,...] [--folder DIR] [--no-write]

Needs what benchmarks/peers.sh installs; a tool that is missing is left out, git-lfs is what the ratios are to. Each
round makes every repository anew; in each state the tools take their turn, and the first of one state is the last of
the next. Clones and checkouts are compared byte by byte: a tool that brings back something else ends the run.
Prints ratios beside their budgets and writes benchmarks/results/history-SCALE.json.
"""

import argparse
import contextlib
import filecmp
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from measure import machine
from peers import ALL, OWN, Command, Peer
from states import write_states
from verdicts import judge, table
from watching import TreePeak, warm_pages

HERE = pathlib.Path(__file__).parent
PAST = 5
"""Seconds by which written files are older than the commit: a file as young as the index is read twice by Git."""
Content = dict[str, pathlib.Path]
Sample = dict[str, float]


def run(peer: Peer, commands: list[Command]) -> Sample:
    """Runs commands one after the other; returns their wall, user and system seconds and the peak of memory in MB."""
    spent = {"wall": 0.0, "user": 0.0, "system": 0.0, "anon_mb": 0.0}
    for command in commands:
        with tempfile.TemporaryFile() as log:
            start = time.perf_counter()
            child = subprocess.Popen(
                command, cwd=peer.work, env=peer.environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
            peak = TreePeak(child.pid)
            _, status, used = os.wait4(child.pid, 0)
            spent["wall"] += time.perf_counter() - start
            child.returncode = os.waitstatus_to_exitcode(status)
            spent["anon_mb"] = max(spent["anon_mb"], peak.end())
            spent["user"] += used.ru_utime
            spent["system"] += used.ru_stime
            if child.returncode:
                log.seek(0)
                raise SystemExit(f"{peer.name}: {' '.join(command)} gave {child.returncode}: {log.read(2000)!r}")
    return {key: round(value, 4) for key, value in spent.items()}


def put(peer: Peer, changed: Content) -> None:
    """Brings a state's changes into the work tree, as a training run leaves them: whole files, some seconds old."""
    past = time.time() - PAST
    for path, source in changed.items():
        target = peer.work / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        os.utime(target, (past, past))


def stored(peer: Peer) -> int:
    """Returns the bytes that the repository takes on the disk, each inode once."""
    seen: dict[int, int] = {}
    for folder in peer.stores():
        for root, folders, names in os.walk(folder):
            for name in (*folders, *names):
                info = os.lstat(os.path.join(root, name))
                seen[info.st_ino] = info.st_blocks * 512
    return sum(seen.values())


def compare(peer: Peer, folder: pathlib.Path, content: Content, what: str, extra: bool) -> int:
    """Holds a folder against a state, byte by byte; returns how many files too many there are.

    Args:
        peer: Whose work it is; its own files are not looked at.
        folder: What it wrote.
        content: Where the content of each path lies.
        what: Name of the step, for the message.
        extra: Whether files that the state does not have are no failure.
    """
    found = set()
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in OWN]
        found |= {os.path.relpath(os.path.join(root, name), folder) for name in names if name not in OWN}
    found = {path for path in found if not path.endswith(".dvc")}
    filecmp.clear_cache()
    missing = sorted(set(content) - found)
    wrong = [path for path in sorted(set(content) & found) if not filecmp.cmp(folder / path, content[path], False)]
    more = sorted(found - set(content))
    if wrong or missing or (more and not extra):
        raise SystemExit(f"{peer.name}, {what}: wrong {wrong[:5]}, missing {missing[:5]}, too many {more[:5]}")
    return len(more)


def one_round(folder: pathlib.Path, tools: list[type[Peer]], states: list[Content], turn: int) -> dict[str, dict]:
    peers = [tool(folder / tool.name) for tool in tools]
    seen: dict[str, dict[str, Sample]] = {peer.name: {} for peer in peers}
    sizes: dict[str, list[int]] = {peer.name: [] for peer in peers}
    left: dict[str, int] = {}
    whole: list[Content] = []
    warm = 3 * sum(path.stat().st_size for path in states[0].values())

    def in_turn() -> list[Peer]:
        nonlocal turn
        turn += 1
        return peers[turn % len(peers) :] + peers[: turn % len(peers)]

    for number, changed in enumerate(states):
        whole.append({**(whole[-1] if whole else {}), **changed})
        for peer in peers:
            put(peer, changed)
            if number == 0:
                # In the project as it is, as a user does: mvcs then sees which folders are saved models.
                peer.init()
        os.sync()
        for peer in in_turn():
            warm_pages(warm)
            seen[peer.name][f"s{number}"] = run(peer, peer.commit(f"s{number}", changed))
            peer.note()
            sizes[peer.name].append(stored(peer))
    time.sleep(2.1)
    for peer in peers:
        if not peer.clean():
            raise SystemExit(f"{peer.name}: its own commit of s7 is not clean")
    for sample in range(3):
        for peer in in_turn():
            seen[peer.name][f"status {sample}"] = run(peer, peer.status())
    for peer in in_turn():
        warm_pages(warm)
        seen[peer.name]["clone s7"] = run(peer, peer.clone())
        compare(peer, peer.copy, whole[7], "clone of s7", False)
        shutil.rmtree(peer.copy)
    for number in (0, 3):
        for peer in in_turn():
            warm_pages(warm)
            seen[peer.name][f"checkout s{number}"] = run(peer, peer.checkout(number))
            more = compare(peer, peer.work, whole[number], f"checkout of s{number}", peer.leaves_files)
            left[peer.name] = max(left.get(peer.name, 0), more)
    for samples in seen.values():
        rows = [samples.pop(f"status {sample}") for sample in range(3)]
        samples["status"] = {key: statistics.median(row[key] for row in rows) for key in rows[0]}
    return {"steps": seen, "stored": sizes, "files_left": left, "load": os.getloadavg()[0]}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--scale", type=float, default=0.5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tools", default=",".join(tool.name for tool in ALL))
    parser.add_argument("--folder", help="where the repositories are made; the system's folder for temporary files")
    parser.add_argument("--no-write", action="store_true", help="leave benchmarks/results as it is")
    options = parser.parse_args()
    chosen = options.tools.split(",")
    tools = [tool for tool in ALL if tool.name in chosen and tool.found()]
    for name in chosen:
        if name not in {tool.name for tool in tools}:
            print(f"left out: {name} (sh benchmarks/peers.sh installs it)", file=sys.stderr)
    if not {"mvcs", "git-lfs"} <= {tool.name for tool in tools}:
        raise SystemExit("mvcs and git-lfs are needed: sh benchmarks/peers.sh")
    on = {**machine(), "tools": {tool.name: tool.version() for tool in tools}}
    with contextlib.ExitStack() as stack:
        made_in = tempfile.TemporaryDirectory(prefix="mvcs-history-", dir=options.folder)
        folder = pathlib.Path(stack.enter_context(made_in))
        need = (2 + 2.5 * len(tools)) * options.scale * 1e9
        if shutil.disk_usage(folder).free < need:
            raise SystemExit(f"{need / 1e9:.0f} GB of free space are needed in {folder}: choose a smaller --scale")
        states = write_states(folder / "states", options.scale)
        changed = [sum(path.stat().st_size for path in state.values()) for state in states]
        rounds: list[dict[str, dict]] = []
        for number in range(options.rounds):
            rounds.append(one_round(folder / "round", tools, states, number))
            shutil.rmtree(folder / "round")
            rows = judge(rounds, changed)
            made = {"machine": on, "scale": options.scale, "changed_bytes": changed, "verdicts": rows, "rounds": rounds}
            if not options.no_write:
                # After every round: a run that is cut short is still worth reading.
                path = HERE / "results" / f"history-{options.scale:g}.json"
                path.write_text(json.dumps(made, indent=1) + "\n")
            print(f"round {number + 1} of {options.rounds} done", file=sys.stderr, flush=True)
    print(table(rounds, changed, rows))


if __name__ == "__main__":
    main()
