"""Weights by tensor on the real MiniLM: merged by name, settled by a strategy, read by workers while others write."""

from __future__ import annotations

import json
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import fsspec
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import mvcs
from tests.cli.harness import mvcs_run, ok, sealed, status

__all__ = ["sealed"]

ROOT = Path(__file__).parents[2]
MODEL = "model/model.safetensors"
WORDS = "embeddings.word_embeddings.weight"
WORKERS = 4

OTHERS = """
import sys
import numpy as np
from safetensors.numpy import load_file, save_file
import mvcs

folder = sys.argv[1]
with mvcs.open(folder) as repo:
    repo.config_set("gc.undo_days", "0")
    for number in range(2):
        tensors = load_file(folder + "/model/model.safetensors")
        tensors["pooler.dense.weight"] = tensors["pooler.dense.weight"] + np.float32(1)
        save_file(tensors, folder + "/model/model.safetensors", {"format": "pt"})
        repo.commit(f"trained on {number}", amend=number > 0)
        repo.gc(thorough=True)
print("done")
"""
"""A training that goes on: each commit but the last is garbage for the gc after the next."""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prepared") / "minilm"
    runpy.run_path(str(ROOT / "examples" / "minilm" / "prepare.py"))["prepare"](folder)
    return folder


@pytest.fixture
def minilm(files, tmp_path, sealed):
    """The project with one commit."""
    folder = tmp_path / "minilm"
    shutil.copytree(files, folder)
    ok("init", "--yes", cwd=folder)
    ok("commit", "-m", "first", cwd=folder)
    return folder


def train(folder, branch, change):
    """Commits the model of main with other tensors on a new branch; returns them all."""
    ok("switch", "main", cwd=folder)
    ok("switch", "-c", branch, cwd=folder)
    tensors = {**load_file(folder / MODEL), **change}
    save_file(tensors, folder / MODEL, {"format": "pt"})
    ok("commit", "-m", branch, cwd=folder)
    return tensors


def top(tensors, seed):
    """The highest layer and the pooler after some steps of training."""
    random = np.random.default_rng(seed)
    return {
        name: values + random.normal(scale=0.01, size=values.shape).astype("f4")
        for name, values in tensors.items() if name.startswith(("encoder.layer.5.", "pooler."))
    }


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        assert (found[name].dtype, found[name].shape) == (values.dtype, values.shape), name
        assert found[name].tobytes() == values.tobytes(), name


def test_branches_that_trained_apart_come_together(minilm):
    """One trained the top, the other has learnt new words: nobody is asked, and no tensor is another one's mixture."""
    base = load_file(minilm / MODEL)
    new = np.random.default_rng(1).normal(scale=0.02, size=(8, 384)).astype("f4")
    ok("switch", "-c", "words", cwd=minilm)
    with open(minilm / "model/vocab.txt", "a") as file:
        file.write("".join(f"[new{number}]\n" for number in range(8)))
    config = json.loads((minilm / "model/config.json").read_text())
    (minilm / "model/config.json").write_text(json.dumps({**config, "vocab_size": config["vocab_size"] + 8}))
    extended = {**base, WORDS: np.concatenate([base[WORDS], new])}
    save_file(extended, minilm / MODEL, {"format": "pt"})
    ok("commit", "-m", "words", cwd=minilm)
    trained = train(minilm, "top", top(base, 2))

    done = ok("merge", "words", "--json", cwd=minilm).json
    assert (done["conflicts"], done["how"], done["stale"]) == (0, "merged", False)
    expected = {**trained, WORDS: extended[WORDS]}
    assert len(expected) == len(base) == 104
    assert_same(load_file(minilm / MODEL), expected)
    assert_same(mvcs.load_tensors(f"HEAD:{MODEL}", repo=minilm), expected)
    assert len((minilm / "model/vocab.txt").read_text().splitlines()) == 30_530
    assert json.loads((minilm / "model/config.json").read_text())["vocab_size"] == 30_530
    assert ok("show", "--json", cwd=minilm).json["origin"]["how"] == "merged:tensors"
    assert status(minilm)["clean"]
    assert ok("fsck", cwd=minilm).code == 0
    rows = ok("diff", "HEAD~1", "HEAD", "--json", cwd=minilm).json["changes"]
    assert [row["key"] for row in rows if row["path"] == MODEL] == [WORDS]


def ties(base, ours, theirs, density):
    """TIES-Merging as its paper has it: trim, elect, take the mean of those that agree."""
    changes = []
    for side in (ours, theirs):
        change = side.astype("f8") - base
        keep = np.argsort(-np.abs(change), axis=None, kind="stable")[: int(density * change.size)]
        trimmed = np.zeros(change.size)
        trimmed[keep] = change.flat[keep]
        changes.append(trimmed.reshape(change.shape))
    both = np.stack(changes)
    agree = np.sign(both) == np.where(both.sum(0) >= 0, 1, -1)
    return (base + (both * agree).sum(0) / np.maximum(agree.sum(0), 1)).astype("f4")


def test_what_both_trained_is_a_conflict_that_ties_settles(minilm):
    base = load_file(minilm / MODEL)
    theirs = train(minilm, "theirs", top(base, 3))
    ours = train(minilm, "ours", {**top(base, 4), WORDS: base[WORDS] * np.float32(1.5)})
    both = list(top(base, 0))

    done = mvcs_run("merge", "theirs", "--json", cwd=minilm).json
    assert done["conflicts"] == len(both) == 18
    left = mvcs_run("conflicts", "--json", cwd=minilm).json["conflicts"]
    assert {item["key"]: item["path"] for item in left} == dict.fromkeys(both, MODEL)
    for item in left:
        first, second = (side[item["key"]].astype("f8").ravel() - base[item["key"]].ravel() for side in (ours, theirs))
        norms = np.linalg.norm(first), np.linalg.norm(second)
        told = item["changes"]
        assert (told["ours"], told["theirs"]) == pytest.approx(norms)
        assert told["cosine"] == pytest.approx(first @ second / (norms[0] * norms[1]), abs=1e-12)
        assert told["not_finite"] == 0
        assert item["ours"] == {"dtype": "F32", "shape": list(base[item["key"]].shape)}
    assert_same(load_file(minilm / MODEL), ours)  # until somebody says what becomes of them

    ok("resolve", MODEL, "--with", "ties:0.25", cwd=minilm)
    ok("commit", "-m", "merged", cwd=minilm)
    found = load_file(minilm / MODEL)
    for name in both:
        np.testing.assert_array_max_ulp(found[name], ties(base[name], ours[name], theirs[name], 0.25), 1)
    rest = [name for name in base if name not in both]
    assert_same({name: found[name] for name in rest}, {name: ours[name] for name in rest})
    said = ok("show", "--provenance", "--json", cwd=minilm).json["provenance"]["merge"]["decisions"]
    assert {one["key"]: one["strategy"] for one in said} == dict.fromkeys(both, "ties:0.25")
    assert status(minilm)["clean"]


def anonymous() -> int:
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith("RssAnon"))


def read_on(commit, expected, worker, done) -> int:
    """What a worker of a data loader does: reads its share in batches until told to end; returns its exit code."""
    order = np.random.default_rng(worker).permutation(sorted(expected))
    before, over, rounds = anonymous(), False, 0
    while not over or rounds < 2:
        over = os.path.exists(done)  # then one more round: all was committed and collected before it
        for start in range(0, len(order), 16):
            batch = commit.weights.match(*order[start : start + 16]).load() if worker % 2 else {
                name: commit.weights[name] for name in order[start : start + 16]
            }
            if any(values.flags.writeable or values.tobytes() != expected[name] for name, values in batch.items()):
                return 2
        rounds += 1
    return 0 if anonymous() - before < 32 << 20 else 3


def test_four_workers_read_through_the_mapping_while_others_commit_and_collect(minilm, tmp_path):
    expected = {name: values.tobytes() for name, values in load_file(minilm / MODEL).items() if name != WORDS}
    done = tmp_path / "done"
    with mvcs.open(minilm) as repo:
        commit = repo["main"]
        mapped = commit.weights.path(MODEL)
        children = []
        for worker in range(WORKERS):
            pid = os.fork()
            if pid == 0:
                code = 1
                try:
                    code = read_on(commit, expected, worker, done)
                finally:
                    os._exit(code)
            children.append(pid)
        try:
            others = subprocess.run(
                [sys.executable, "-c", OTHERS, str(minilm)], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
            )
        finally:
            done.touch()
            ended = [os.waitpid(pid, 0)[1] for pid in children]
        assert (others.stdout, others.stderr) == ("done\n", "")
        assert ended == [0] * WORKERS
        assert os.listdir(os.path.dirname(mapped)) == [os.path.basename(mapped)]
        assert repo["main"].id != commit.id
        now = repo["main"].weights["pooler.dense.weight"]
        assert (now == commit.weights["pooler.dense.weight"] + np.float32(1) + np.float32(1)).all()


@pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")  # it counts the cores
def test_a_data_loader_of_torch_reads_tensors_in_its_workers(minilm):
    data = pytest.importorskip("torch.utils.data")
    expected = load_file(minilm / MODEL)
    with mvcs.open(minilm) as repo:
        commit = repo["main"]

        class Tensors(data.Dataset):
            def __len__(self):
                return len(commit.weights)

            def __getitem__(self, index):
                name = list(commit.weights)[index]
                return name, commit.weights[name].tobytes()

        batches = data.DataLoader(Tensors(), batch_size=13, num_workers=WORKERS, multiprocessing_context="fork")
        found = {name: raw for names, raws in batches for name, raw in zip(names, raws, strict=True)}
    assert found == {name: values.tobytes() for name, values in expected.items()}


def test_pandas_reads_a_table_of_a_commit(minilm, monkeypatch):
    pandas = pytest.importorskip("pandas")
    expected = pandas.read_csv(minilm / "data/iris.csv")
    (minilm / "data/iris.csv").write_text("since then\n")
    monkeypatch.chdir(minilm)
    fsspec.filesystem("mvcs").clear_instance_cache()
    for url in ("mvcs://main/data/iris.csv", f"mvcs://{minilm}//main/data/iris.csv"):
        found = pandas.read_csv(url)
        assert len(found) == 150
        pandas.testing.assert_frame_equal(found, expected)


def test_torch_loads_the_model_and_may_write_to_its_own(minilm, monkeypatch):
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file as load_torch

    expected = load_torch(minilm / MODEL)
    monkeypatch.chdir(minilm)
    state = mvcs.load_state_dict("main")
    assert state.keys() == expected.keys()
    assert all(torch.equal(state[name], expected[name]) for name in expected)
    pooler = torch.nn.Linear(384, 384)
    pooler.load_state_dict({name: state[f"pooler.dense.{name}"] for name in ("weight", "bias")}, assign=True)
    inputs = torch.ones(384)
    pooled = pooler(inputs)
    assert torch.equal(pooled, torch.nn.functional.linear(inputs, expected["pooler.dense.weight"], expected["pooler.dense.bias"]))
    pooled.sum().backward()
    torch.optim.SGD(pooler.parameters(), lr=0.1).step()
    assert not torch.equal(state["pooler.dense.weight"], expected["pooler.dense.weight"])
    assert torch.equal(mvcs.load_state_dict("main", "pooler.*")["pooler.dense.weight"], expected["pooler.dense.weight"])

    torch.save(expected, minilm / "model" / "pytorch_model.bin")
    (minilm / MODEL).unlink()
    ok("commit", "-m", "as a checkpoint", cwd=minilm)
    again = mvcs.load_state_dict("main")
    assert all(torch.equal(again[name], expected[name]) for name in expected)
    fsspec.filesystem("mvcs").clear_instance_cache()
    with fsspec.open("mvcs://main/model/pytorch_model.bin") as file:
        loaded = torch.load(file)
    assert all(torch.equal(loaded[name], expected[name]) for name in expected)
    _, row = ok("diff", "HEAD~1", "HEAD", "--json", cwd=minilm).json["changes"]
    assert (row["from"], row["reason"]) == (MODEL, "the same tensors, written as torch instead of safetensors")
