"""Time and memory of comparing weights by tensor, beside decoding nothing but what changed.

    python benchmarks/tensors.py [--scale S] [--rounds N]

A model of twelve layers (450 MB at scale 1, float32) is committed, then again with three layers trained on. `mvcs diff`
of the two runs in turn with a process that only reads the changed tensors of both sides from the store, A B A B.
Without --scale it writes benchmarks/results/tensors.json.
"""

import argparse
import json
import os
import pathlib
import statistics
import struct
import subprocess
import sys
import tempfile

import numpy as np
from measure import BIN, environment, machine, once, with_memory

HERE = pathlib.Path(__file__).parent
MVCS = str(BIN / "mvcs")
BUDGET, BUDGET_MB = 1.2, 200
LAYERS, TRAINED = 12, (3, 6, 9)
WIDTH, VOCABULARY = 768, 30_522
Shapes = dict[str, tuple[int, ...]]


def shapes(scale: float) -> Shapes:
    """A transformer whose width gives the wanted size."""
    width = max(64, int(WIDTH * scale**0.5) // 64 * 64)
    found: Shapes = {"embed.weight": (int(VOCABULARY * scale**0.5), width)}
    for layer in range(LAYERS):
        at = f"encoder.layer.{layer}"
        for name in ("query", "key", "value", "output"):
            found |= {f"{at}.attention.{name}.weight": (width, width), f"{at}.attention.{name}.bias": (width,)}
        found |= {f"{at}.up.weight": (4 * width, width), f"{at}.up.bias": (4 * width,)}
        found |= {f"{at}.down.weight": (width, 4 * width), f"{at}.down.bias": (width,)}
    return found


def trained(name: str) -> bool:
    return any(f".layer.{layer}." in name for layer in TRAINED)


def write(path: str, of: Shapes, *, later: bool) -> list[tuple[int, int]]:
    """Writes the model; returns offset and bytes of the tensors that training changes."""
    header, at, places = {}, 0, []
    for name, shape in of.items():
        length = 4 * int(np.prod(shape))
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + length]}
        at += length
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(head)) + head)
        for index, (name, shape) in enumerate(of.items()):
            values = np.random.default_rng(index).standard_normal(shape, "f4") * np.float32(0.02)
            if trained(name):
                places.append((file.tell(), values.nbytes))
                if later:
                    values += np.random.default_rng(1000 + index).standard_normal(shape, "f4") * np.float32(1e-4)
            file.write(values.tobytes())
    return places


def decode(folder: str, places: list[tuple[int, int]]) -> None:
    """What diff is measured against: the changed bytes of both sides, read from the store and dropped."""
    import mvcs

    repo = mvcs.open(folder)
    for revision in ("HEAD~1", "HEAD"):
        with repo.open(f"{revision}:model.safetensors") as file:
            for offset, length in places:
                file.seek(offset)
                for at in range(0, length, 1 << 20):
                    file.read(min(1 << 20, length - at))


def main() -> None:
    if sys.argv[1:2] == ["--decode"]:
        decode(sys.argv[2], json.loads(pathlib.Path(sys.argv[3]).read_text()))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    on = machine()
    of = shapes(options.scale or 1.0)
    with tempfile.TemporaryDirectory(prefix="mvcs-bench-") as folder:
        path = os.path.join(folder, "model.safetensors")
        for later in (False, True):
            places = write(path, of, later=later)
            for words in (["init", "--yes"], ["commit", "-m", "later" if later else "first"])[int(later) :]:
                subprocess.run([MVCS, *words, "-q"], cwd=folder, env=environment(folder), check=True)
        size = os.path.getsize(path) / 1e6
        pathlib.Path(folder, "places").write_text(json.dumps(places))
        commands = {
            "diff": [MVCS, "diff", "HEAD~1", "HEAD", "--json"],
            "decode": [sys.executable, __file__, "--decode", folder, os.path.join(folder, "places")],
        }
        seen: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for _ in range(options.rounds):
            for name, command in commands.items():
                seen[name].append(once(command, folder))
        peak = with_memory(commands["diff"], folder)[1]
        told = json.loads(subprocess.run(
            commands["diff"], cwd=folder, env=environment(folder), check=True, capture_output=True,
        ).stdout)["changes"]
    assert {row["key"] for row in told if row.get("driver") == "tensors"} == set(filter(trained, of))
    wall, cpu = ({name: statistics.median(row[at] for row in rows) for name, rows in seen.items()} for at in (0, 1))
    row = {
        "what": "diff of weights / decoding what changed, wall", "mb": round(size, 1),
        "changed_mb": round(sum(length for _, length in places) / 1e6, 1), "budget": BUDGET,
        "value": round(wall["diff"] / wall["decode"], 2), "cpu": round(cpu["diff"] / cpu["decode"], 2),
        "diff_s": round(wall["diff"], 2), "decode_s": round(wall["decode"], 2), "peak_mb": round(peak, 1),
        "budget_mb": BUDGET_MB,
    }
    verdict = "met" if row["value"] <= BUDGET and peak <= BUDGET_MB else "MISSED"
    print(
        f"{size:.0f} MB, {row['changed_mb']} MB changed: diff {row['diff_s']} s, decode {row['decode_s']} s, "
        f"ratio {row['value']} wall, {row['cpu']} CPU (budget {BUDGET}), peak {peak:.0f} MB (budget {BUDGET_MB})  "
        f"{verdict}"
    )
    if options.scale is None:
        (HERE / "results" / "tensors.json").write_text(json.dumps({"machine": on, "rows": [row]}, indent=1) + "\n")


if __name__ == "__main__":
    main()
