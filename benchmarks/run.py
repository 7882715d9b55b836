"""The budgets of the core, as ratios in one run.

    python benchmarks/run.py [NAME...]        start-up status-10k status-100k rewrite history commit-1g checkout-512m

Prints a table and writes benchmarks/results/core.json with machine, versions and date.
"""

import json
import os
import pathlib
import statistics
import struct
import subprocess
import sys
import tempfile
import time

from measure import BIN, environment, machine, once, side_by_side, with_memory

HERE = pathlib.Path(__file__).parent
MVCS = str(BIN / "mvcs")
PASS = [sys.executable, "-c", "pass"]


def run(*words: str, cwd: str) -> str:
    done = subprocess.run([MVCS, *words], cwd=cwd, env=environment(cwd), capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"mvcs {' '.join(words)}: {done.stderr}")
    return done.stdout


def small_repository(folder: str) -> None:
    pathlib.Path(folder, "train.py").write_text("print('x')\n")
    pathlib.Path(folder, "params.yaml").write_text("lr: 0.1\n")
    pathlib.Path(folder, "model.safetensors").write_bytes(os.urandom(100_000))
    run("init", "--yes", cwd=folder)
    for number in range(6):
        pathlib.Path(folder, "params.yaml").write_text(f"lr: 0.{number}\n")
        run("commit", "-m", f"step {number}", cwd=folder)
    time.sleep(2.1)


def many_files(folder: str, count: int, folders: int) -> None:
    for number in range(folders):
        os.makedirs(f"{folder}/data/d{number:04d}")
    for number in range(count):
        with open(f"{folder}/data/d{number % folders:04d}/f{number:06d}.txt", "w") as file:
            file.write(f"file {number}\n" * 3)
    run("init", "--yes", cwd=folder)
    run("commit", "-m", "all", cwd=folder)
    time.sleep(2.1)
    run("status", cwd=folder)


def startup(folder: str) -> list[dict[str, object]]:
    small_repository(folder)
    commands = {
        "pass": PASS, "--help": [MVCS, "--help"], "log -5": [MVCS, "log", "-5"], "status": [MVCS, "status"],
    }
    seen = side_by_side(commands, folder, 21)
    budgets = {"--help": 5, "log -5": 7, "status": 7}
    return [
        {
            "what": f"`{name}` / `python -c pass`, wall", "budget": budget, "raw": {**seen[name], "pass": seen["pass"]},
            "value": round(seen[name]["wall_ms"] / seen["pass"]["wall_ms"], 2),
        }
        for name, budget in budgets.items()
    ]


def status_10k(folder: str) -> list[dict[str, object]]:
    many_files(folder, 10_000, 100)
    seen = side_by_side({"status": [MVCS, "status"]}, folder, 9)["status"]
    return [{"what": "status of 10,000 clean files, ms", "value": seen["wall_ms"], "budget": 150, "raw": seen}]


def status_100k(folder: str) -> list[dict[str, object]]:
    many_files(folder, 100_000, 1000)
    pathlib.Path(folder, ".gitignore").write_text(".mvcs/\n")
    git = ["git", "-c", "gc.auto=0", "-c", "user.name=a", "-c", "user.email=a@b", "-C", folder]
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "all"], ["status"]):
        subprocess.run([*git, *words], check=True, capture_output=True, env=environment(folder))
    # Beside Git the branch is Git's: have the same branch, then compare like with like.
    run("status", cwd=folder)
    seen = side_by_side({"mvcs": [MVCS, "status"], "git": ["git", "status"]}, folder, 9)
    return [{
        "what": "status of 100,000 clean files / `git status`", "budget": 3.5, "raw": seen,
        "value": round(seen["mvcs"]["wall_ms"] / seen["git"]["wall_ms"], 2),
    }]


def rewrite(folder: str) -> list[dict[str, object]]:
    """One changed file among 100,000: bytes of every record that is written."""
    sys.path.insert(0, str(HERE.parent))
    from mvcs.store.base import OBJECTS, STAT
    from mvcs.store.lmdb_store import LmdbStore

    many_files(folder, 100_000, 1000)

    def records() -> dict[tuple[str, bytes], bytes]:
        store = LmdbStore(os.path.join(folder, ".mvcs"))
        with store.read() as transaction:
            found = {(table, key): value for table in (OBJECTS, STAT) for key, value in transaction.items(table)}
        store.close()
        return found

    before = records()
    pathlib.Path(folder, "data/d0500/f000500.txt").write_text("changed\n")
    run("commit", "-m", "one", cwd=folder)
    after = records()
    written = sum(len(key[1]) + len(value) for key, value in after.items() if before.get(key) != value)
    return [{"what": "one changed file among 100,000: kB written", "value": round(written / 1000, 1), "budget": 150,
             "raw": {"records": sum(before.get(key) != value for key, value in after.items())}}]


def history(folder: str) -> list[dict[str, object]]:
    """Merge bases on 100,000 commits, rows cold, in-process."""
    sys.path.insert(0, str(HERE.parent))
    from mvcs.dag.bases import merge_bases
    from mvcs.dag.history import StoredHistory
    from mvcs.objects.hashing import Oid, blob_oid
    from mvcs.store.base import GRAPH
    from mvcs.store.lmdb_store import LmdbStore

    store = LmdbStore.create(os.path.join(folder, "store"))
    trunk, side, head = 10_000, 45_000, struct.Struct("<Iq")
    oids = [Oid(blob_oid(number.to_bytes(4, "big"))) for number in range(trunk + 2 * side)]
    with store.write() as transaction:
        for number, oid in enumerate(oids):
            if number < trunk:
                generation, parent = number + 1, number - 1
            else:
                step = (number - trunk) % side
                generation, parent = trunk + 1 + step, trunk - 1 if step == 0 else number - 1
            transaction.put(GRAPH, oid, head.pack(generation, number) + (oids[parent] if parent >= 0 else b""))
    ours, theirs = oids[trunk + side - 1], oids[-1]
    near = oids[trunk + side - 51]
    times: dict[str, list[float]] = {"near": [], "far": []}
    for _ in range(5):
        for name, pair in {"near": (ours, near), "far": (ours, theirs)}.items():
            start = time.perf_counter()
            with store.read() as transaction:
                found = merge_bases(StoredHistory(transaction), *pair)
            times[name].append((time.perf_counter() - start) * 1000)
            assert found == [near if name == "near" else oids[trunk - 1]]
    store.close()
    return [
        {"what": f"merge base on 100,000 commits, {name}, ms", "value": round(statistics.median(rows), 2),
         "budget": {"near": 5, "far": 1000}[name], "raw": [round(row, 2) for row in rows]}
        for name, rows in times.items()
    ]


def warm_pages(folder: str) -> None:
    """Touches and frees 3 GB of page cache: on virtual machines the first touch of a page costs more than a copy of it,
    and whichever command came second would get the pages that the first one paid for.
    """
    path = os.path.join(folder, "warm.bin")
    with open(path, "wb") as file:
        for _ in range(3 * 64):
            file.write(bytes(16 << 20))
        file.flush()
        os.fsync(file.fileno())
    os.unlink(path)


def commit_1g(folder: str) -> list[dict[str, object]]:
    source = os.path.join(folder, "source.bin")
    with open(source, "wb") as file:
        for _ in range(1024):
            file.write(os.urandom(1 << 20))
    os.sync()
    walls: dict[str, list[float]] = {"mvcs": [], "cp": []}
    peak = 0.0
    for number in range(9):
        work = os.path.join(folder, f"work{number}")
        os.makedirs(work)
        os.link(source, os.path.join(work, "model.safetensors"))
        run("init", "--yes", cwd=work)
        warm_pages(folder)
        walls["cp"].append(once(["sh", "-c", f"cp {source} {folder}/copy{number}.bin && sync"], folder)[0])
        warm_pages(folder)
        wall, memory = with_memory([MVCS, "commit", "-m", "1 GB"], work)
        walls["mvcs"].append(wall)
        peak = max(peak, memory)
    # What a page costs changes within minutes on virtual machines: only what stands side by side compares.
    ratio = statistics.median(mvcs / cp for mvcs, cp in zip(walls["mvcs"], walls["cp"], strict=True))
    raw = {name: [round(wall, 3) for wall in rows] for name, rows in walls.items()}
    return [
        {
            "what": "commit of a 1 GB random file / `cp` and `sync`, wall", "value": round(ratio, 2), "budget": 2,
            "raw": raw,
        },
        {"what": "commit of a 1 GB random file: peak anonymous MB", "value": round(peak, 1), "budget": 200, "raw": {}},
    ]


def checkout_512m(folder: str) -> list[dict[str, object]]:
    source, work = os.path.join(folder, "source.bin"), os.path.join(folder, "work")
    os.makedirs(work)
    target = os.path.join(work, "model.safetensors")
    with open(source, "wb") as file:
        for _ in range(512):
            file.write(os.urandom(1 << 20))
    subprocess.run(["cp", source, target], check=True)
    run("init", "--yes", cwd=work)
    run("commit", "-m", "512 MB", cwd=work)
    walls: dict[str, list[float]] = {"mvcs": [], "cp": []}
    for number in range(5):
        warm_pages(folder)
        walls["cp"].append(once(["sh", "-c", f"cp {source} {folder}/copy{number}.bin && sync"], folder)[0])
        os.unlink(target)
        warm_pages(folder)
        walls["mvcs"].append(once(["sh", "-c", f"{MVCS} restore model.safetensors && sync"], work)[0])
    subprocess.run(["cmp", source, target], check=True)
    ratio = (statistics.median(walls["mvcs"]) - 0.08) / statistics.median(walls["cp"])
    raw = {name: [round(wall, 3) for wall in rows] for name, rows in walls.items()}
    return [{
        "what": "checkout of 512 MB of raw weights, less 80 ms / `cp` and `sync`, wall", "value": round(ratio, 2),
        "budget": 1.3, "raw": raw,
    }]


ALL = {
    "start-up": startup, "status-10k": status_10k, "status-100k": status_100k, "rewrite": rewrite, "history": history,
    "commit-1g": commit_1g, "checkout-512m": checkout_512m,
}


def main() -> None:
    rows: list[dict[str, object]] = []
    on = machine()
    for name in sys.argv[1:] or ALL:
        with tempfile.TemporaryDirectory(prefix="mvcs-bench-") as folder:
            for row in ALL[name](folder):
                rows.append(row)
                verdict = "met" if float(str(row["value"])) <= float(str(row["budget"])) else "MISSED"
                print(f"{row['what']:<60} {row['value']:>10}  budget {row['budget']:>6}  {verdict}", flush=True)
    if len(sys.argv) == 1:
        path = HERE / "results" / "core.json"
        path.write_text(json.dumps({"machine": on, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
