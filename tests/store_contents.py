"""Contents that resemble each other as versions of a model do: weights that are trained on, pruned, renamed, cut short;
tables that get rows."""

from __future__ import annotations

import json

import numpy as np


def weights(seed: int = 0, *, steps: int = 0, pruned: bool = False, names: str = "layer", count: int = 3, each: int = 80_000,
            dtype: str = "BF16", metadata: str = "") -> bytes:
    """A safetensors file of `count` tensors; each step of training changes all of them a little."""
    tensors = {}
    for index in range(count):
        values = np.random.default_rng((seed, index)).standard_normal(each).astype(np.float32) * 0.03
        for step in range(steps):
            values += np.random.default_rng((seed, index, step)).standard_normal(each).astype(np.float32) * 3e-5
        if pruned:
            values[np.random.default_rng((seed, index, 999)).random(each) < 0.3] = 0
        tensors[f"{names}.{index}"] = (dtype, _as(values, dtype).tobytes())
    return safetensors(tensors, metadata)


def _as(values: np.ndarray, dtype: str) -> np.ndarray:
    if dtype == "BF16":
        return (values.view(np.uint32) >> 16).astype(np.uint16)
    if dtype == "U8":
        return (values * 1000).astype(np.int8)
    return values.astype({"F16": "<f2", "F32": "<f4"}[dtype])


def safetensors(tensors: dict[str, tuple[str, bytes]], metadata: str = "") -> bytes:
    """A safetensors file of one-dimensional tensors."""
    width = {"BF16": 2, "F16": 2, "F32": 4, "U8": 1}
    header: dict[str, object] = {"__metadata__": {"note": metadata}} if metadata else {}
    at = 0
    for name, (dtype, raw) in tensors.items():
        header[name] = {"dtype": dtype, "shape": [len(raw) // width[dtype]], "data_offsets": [at, at + len(raw)]}
        at += len(raw)
    head = json.dumps(header, separators=(",", ":")).encode()
    return len(head).to_bytes(8, "little") + head + b"".join(raw for _, raw in tensors.values())


def rows(count: int, seed: int = 0, inserted: tuple[int, ...] = ()) -> bytes:
    """A CSV file; `inserted` are places where a row was put in later."""
    numbers = np.random.default_rng(seed).integers(0, 10**9, (count, 3))
    lines = [b"%d,%d,%d\n" % tuple(row) for row in numbers.tolist()]
    for place in inserted:
        lines.insert(place % (len(lines) + 1), b"new,row,%d\n" % place)
    return b"".join(lines)
