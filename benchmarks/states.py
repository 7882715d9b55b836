"""A model's history of eight states, the same bytes for the same scale: what benchmarks/history.py commits.

s0 all new, s1 one line and one parameter, s2 a fine-tune of the upper layers, s3 a fine-tune of all, s4 data with rows
inserted in the middle and new images, s5 an adapter, s6 a third of the weights pruned, s7 the first weights again.
At scale 1.0 it is 298 MB of bf16 weights in 111 tensors, 60 MB of CSV, 40 MB of Parquet, 2,000 images, 60 sources.
"""

import json
import os
import pathlib
import random
import struct
from collections.abc import Iterator

import numpy as np

ENTRIES = 149_000_000
LAYERS = 12
STEP = 1e-3
"""A fine-tune moves each entry by normal noise of this share of its tensor's standard deviation: on bf16 that changes a
quarter of the entries.
"""
Bits = np.ndarray
Tensors = dict[str, Bits]


def bf16(values: np.ndarray) -> Bits:
    """Rounds to the nearest bfloat16, ties to even; returns its bits."""
    bits = np.ascontiguousarray(values, "<f4").view("<u4")
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2")


def fp32(bits: Bits) -> np.ndarray:
    return (bits.astype("<u4") << 16).view("<f4")


def normal(seed: tuple[int, ...], shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape, "f4")


def base_weights(scale: float) -> Tensors:
    """A transformer decoder: embedding, twelve layers of nine tensors, last norm, head."""
    width = max(64, 64 * round(768 * scale**0.5 / 64))
    rows = max(64, round((ENTRIES * scale - LAYERS * 16 * width * width) / (2 * width)))
    shapes: dict[str, tuple[int, ...]] = {"embed.weight": (rows, width), "head.weight": (rows, width)}
    for layer in range(LAYERS):
        shapes |= {f"layers.{layer:02d}.{name}.weight": (width, width) for name in ("q", "k", "v", "o")}
        shapes |= {f"layers.{layer:02d}.{name}.weight": (4 * width, width) for name in ("gate", "up")}
        shapes[f"layers.{layer:02d}.down.weight"] = (width, 4 * width)
        shapes |= {f"layers.{layer:02d}.norm{number}.weight": (width,) for number in (1, 2)}
    shapes["norm.weight"] = (width,)
    made: Tensors = {}
    for number, name in enumerate(sorted(shapes)):
        values = normal((1, number), shapes[name])
        made[name] = bf16(1 + np.float32(0.02) * values if "norm" in name else np.float32(0.02) * values)
    return made


def trained(weights: Tensors, seed: int, chosen: tuple[str, ...] = ("",)) -> Tensors:
    """Moves every entry of the tensors whose names start so."""
    made: Tensors = {}
    for number, (name, bits) in enumerate(weights.items()):
        if not name.startswith(chosen):
            made[name] = bits
            continue
        values = fp32(bits)
        made[name] = bf16(values + np.float32(STEP * values.std()) * normal((seed, number), bits.shape))
    return made


def pruned(weights: Tensors, share: float) -> Tensors:
    """Zeroes the share of each matrix that is smallest."""
    made: Tensors = {}
    for name, bits in weights.items():
        size = bits & 0x7FFF
        limit = np.partition(size.reshape(-1), int(share * size.size))[int(share * size.size)]
        made[name] = np.where(size < limit, np.uint16(0), bits) if bits.ndim > 1 else bits
    return made


def adapter(weights: Tensors) -> Tensors:
    made: Tensors = {}
    for number, (name, bits) in enumerate(weights.items()):
        if name.startswith("layers.") and bits.ndim > 1:
            for side, shape in (("a", (16, bits.shape[1])), ("b", (bits.shape[0], 16))):
                made[f"{name}.lora_{side}"] = bf16(np.float32(0.01) * normal((5, number, ord(side)), shape))
    return made


def write_safetensors(path: pathlib.Path, weights: Tensors, metadata: dict[str, str] | None = None) -> None:
    header: dict[str, object] = {"__metadata__": metadata} if metadata else {}
    at = 0
    for name, bits in weights.items():
        header[name] = {"dtype": "BF16", "shape": list(bits.shape), "data_offsets": [at, at + bits.nbytes]}
        at += bits.nbytes
    raw = json.dumps(header, separators=(",", ":")).encode()
    raw += b" " * (-len(raw) % 8)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(raw)) + raw)
        for bits in weights.values():
            file.write(bits.tobytes())


Columns = dict[str, np.ndarray]


def table(first: int, rows: int, seed: int) -> Columns:
    source = np.random.default_rng([2, seed])
    made: Columns = {
        "id": np.arange(first, first + rows), "user": source.integers(1_000_000, size=rows),
        "label": source.integers(8, size=rows), "score": source.random(rows),
    }
    return made | {f"x{number}": source.standard_normal(rows, "f4") for number in range(3)}


def with_rows(base: Columns, extra: Columns) -> Columns:
    """Inserts rows in one place in the middle."""
    middle = len(base["id"]) // 2
    return {name: np.concatenate([base[name][:middle], extra[name], base[name][middle:]]) for name in base}


def write_csv(path: pathlib.Path, columns: Columns) -> None:
    names = list(columns)
    with path.open("w") as file:
        file.write(",".join(names) + "\n")
        for start in range(0, len(columns["id"]), 50_000):
            rows = zip(*(columns[name][start : start + 50_000].tolist() for name in names), strict=True)
            file.writelines(
                f"{number},user{user:06d},class_{label},{score:.6f},{x0:.4f},{x1:.4f},{x2:.4f}\n"
                for number, user, label, score, x0, x1, x2 in rows
            )


def write_parquet(path: pathlib.Path, columns: Columns) -> bool:
    """Returns False, and writes nothing, where pyarrow is not installed."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        return False
    pyarrow.parquet.write_table(pyarrow.table(columns), path)
    return True


def write_images(folder: pathlib.Path, numbers: range) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        source = random.Random(number)
        raw = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + source.randbytes(source.randrange(22_000, 31_000))
        (folder / f"{number:05d}.jpg").write_bytes(raw)


def source_lines(number: int) -> Iterator[str]:
    chosen = random.Random(number)
    yield f'"""Step {number} of the training."""\n\nimport numpy as np\n'
    for index in range(chosen.randrange(15, 60)):
        yield f"\n\ndef step_{number}_{index}(values, rate={chosen.random():.4f}):"
        yield f"    return np.tanh(values * {chosen.random():.6f}) - rate * {chosen.randrange(100)}"


def write_project(folder: pathlib.Path) -> None:
    (folder / "src").mkdir(parents=True)
    for number in range(60):
        (folder / "src" / f"part_{number:02d}.py").write_text("\n".join(source_lines(number)) + "\n")
    (folder / "params.yaml").write_text("lr: 0.0002\nbatch: 32\nepochs: 3\nseed: 7\n")
    (folder / "requirements.txt").write_text("numpy==2.4.6\ntorch==2.13.0\n")
    (folder / "README.md").write_text("# A model\n")
    (folder / "metrics.json").write_text('{"accuracy": 0.91, "loss": 0.31}\n')
    (folder / "model").mkdir()
    (folder / "model" / "config.json").write_text('{"layers": 12, "dtype": "bfloat16"}\n')


def write_states(folder: pathlib.Path, scale: float) -> list[dict[str, pathlib.Path]]:
    """Writes what each state changes, and returns by state where the content of each changed path lies."""
    states = [folder / f"s{number}" for number in range(8)]
    weights = pathlib.Path("model", "model.safetensors")
    write_project(states[0])
    base = base_weights(scale)
    write_safetensors(states[0] / weights, base)

    (states[1] / "src").mkdir(parents=True)
    lines = (states[0] / "src/part_07.py").read_text().split("\n")
    lines[6] = "def step_7_0(values, rate=0.5):"
    (states[1] / "src/part_07.py").write_text("\n".join(lines))
    (states[1] / "params.yaml").write_text("lr: 0.0001\nbatch: 32\nepochs: 3\nseed: 7\n")

    upper = ("layers.10", "layers.11", "layers.09.gate", "layers.09.up", "layers.09.down", "norm", "head")
    frozen = trained(base, 12, upper)
    write_safetensors(states[2] / weights, frozen)
    full = trained(frozen, 13)
    write_safetensors(states[3] / weights, full)
    write_safetensors(states[5] / "model/adapter.safetensors", adapter(base))
    (states[5] / "model/adapter_config.json").write_text('{"r": 16, "lora_alpha": 32}\n')
    write_safetensors(states[6] / weights, pruned(full, 0.3))
    (states[7] / "model").mkdir(parents=True)
    os.link(states[0] / weights, states[7] / weights)

    rows, images = round(1_050_000 * scale), round(2000 * scale)
    columns = table(0, rows, 0)
    grown = with_rows(columns, table(rows, rows // 100, 1))
    for state, content, numbers in ((0, columns, range(images)), (4, grown, range(images, images + images // 10))):
        write_images(states[state] / "data/images", numbers)
        write_csv(states[state] / "data/train.csv", content)
        write_parquet(states[state] / "data/features.parquet", content)
    return [
        {path.relative_to(state).as_posix(): path for path in sorted(state.rglob("*")) if path.is_file()}
        for state in states
    ]
