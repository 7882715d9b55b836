"""Time and memory of merging weights by tensor: two fine-tunes of a model of 450 MB, one `mvcs merge` each.

    python benchmarks/tensor_merge.py [--scale S] [CASE...]    disjoint conflicts ours avg slerp task ties

A base and two sides of F32 tensors are made and committed in the run. `disjoint`: each side changed other tensors; in
all other cases both changed every tensor. Each merge is a process of its own, whose wall seconds, CPU seconds and peak
of anonymous memory are told; it is undone before the next one. With scale 1 and all cases it writes
benchmarks/results/tensor_merge.json.
"""

import argparse
import json
import pathlib
import resource
import subprocess
import tempfile
import time

import numpy as np
from measure import BIN, AnonymousPeak, environment, machine

HERE = pathlib.Path(__file__).parent
BUDGET_MB = 200
ROWS, LAYERS = 1024, 27
"""Each layer has a matrix of 16 MB times the scale, and a bias."""
CASES = {
    "disjoint": [], "conflicts": [], "ours": ["--weights", "*=ours"], "avg": ["--weights", "avg"],
    "slerp": ["--weights", "slerp:0.5"], "task": ["--weights", "task:0.5,0.5"], "ties": ["--weights", "ties:0.2"],
}


def write(path: pathlib.Path, scale: float, side: int, *, disjoint: bool) -> None:
    """Writes a model tensor by tensor; side 0 is the base."""
    shape = (ROWS, int(4096 * scale))
    header: dict[str, object] = {}
    at = 0
    for layer in range(LAYERS):
        for name, lengths in ((f"layer.{layer}.weight", shape), (f"layer.{layer}.bias", (ROWS,))):
            end = at + 4 * int(np.prod(lengths))
            header[name] = {"dtype": "F32", "shape": lengths, "data_offsets": [at, end]}
            at = end
    raw = json.dumps(header).encode()
    raw += b" " * (-len(raw) % 8)
    with open(path, "wb") as file:
        file.write(len(raw).to_bytes(8, "little") + raw)
        for layer in range(LAYERS):
            for number, lengths in enumerate((shape, (ROWS,))):
                values = np.random.default_rng([layer, number]).standard_normal(lengths, "f4") * np.float32(0.02)
                if side and (not disjoint or layer % 2 == side % 2):
                    noise = np.random.default_rng([layer, number, side]).standard_normal(lengths, "f4")
                    values += noise * np.float32(0.0005)
                file.write(values.tobytes())


def mvcs(folder: pathlib.Path, *words: str) -> None:
    subprocess.run(
        [BIN / "mvcs", *words], cwd=folder, env=environment(str(folder.parent)), check=True, stdout=subprocess.DEVNULL
    )


def prepare(folder: pathlib.Path, scale: float, *, disjoint: bool) -> None:
    folder.mkdir()
    model = folder / "model.safetensors"
    (folder / "train.py").write_text("x = 1\n")
    write(model, scale, 0, disjoint=disjoint)
    mvcs(folder, "init", "--yes", "-q")
    mvcs(folder, "commit", "-q", "-m", "base")
    for side, name in ((1, "theirs"), (2, "ours")):
        mvcs(folder, "switch", "-q", "main")
        mvcs(folder, "switch", "-q", "-c", name)
        write(model, scale, side, disjoint=disjoint)
        mvcs(folder, "commit", "-q", "-m", name)


def merge(folder: pathlib.Path, *words: str) -> tuple[float, float]:
    """Merges; returns wall seconds and peak anonymous MB. One that leaves conflicts ends with 1."""
    start = time.perf_counter()
    child = subprocess.Popen(
        [BIN / "mvcs", "merge", "theirs", *words], cwd=folder, env=environment(str(folder.parent)),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    peak = AnonymousPeak(child.pid)
    if child.wait() not in {0, 1}:
        raise SystemExit(f"merge {words} failed")
    return time.perf_counter() - start, peak.end()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("cases", nargs="*", choices=[[], *CASES])
    asked = parser.parse_args()
    on, rows = machine(), []
    with tempfile.TemporaryDirectory(prefix="mvcs-bench-") as top:
        for disjoint in (True, False):
            cases = [name for name in asked.cases or CASES if (name == "disjoint") == disjoint]
            if not cases:
                continue
            folder = pathlib.Path(top, "disjoint" if disjoint else "both")
            prepare(folder, asked.scale, disjoint=disjoint)
            size = (folder / "model.safetensors").stat().st_size / 1e6
            for case in cases:
                before = resource.getrusage(resource.RUSAGE_CHILDREN)
                wall, peak = merge(folder, *CASES[case])
                after = resource.getrusage(resource.RUSAGE_CHILDREN)
                cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
                mvcs(folder, "undo", "-q")
                rows.append({
                    "what": case, "mb": round(size, 1), "wall_s": round(wall, 1), "cpu_s": round(cpu, 1),
                    "peak_mb": round(peak, 1), "budget_mb": BUDGET_MB,
                })
                told = f"{case:<10} {size:6.1f} MB {wall:7.1f} s wall {cpu:7.1f} s CPU {peak:7.1f} MB"
                print(told, "met" if peak <= BUDGET_MB else "MISSED", flush=True)
    if asked.scale == 1 and not asked.cases:
        path = HERE / "results" / "tensor_merge.json"
        path.write_text(json.dumps({"machine": on, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
