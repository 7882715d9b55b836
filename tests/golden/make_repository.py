"""Makes the committed repository of format 1 that every later version must open with unchanged oids.

    python tests/golden/make_repository.py tests/golden/repos/v1

It is made once; the files are committed as bytes. What they must say is in expected.json beside them.
"""

import hashlib
import json
import os
import pathlib
import shutil
import sys
import tempfile

import mvcs
from mvcs.ports import FixedClock

SECOND = 10**9
START = 1_790_000_000 * SECOND


def noise(name: str, size: int) -> bytes:
    """Bytes that do not compress and are the same everywhere."""
    blocks = (hashlib.sha256(f"{name} {number}".encode()).digest() for number in range(size // 32 + 1))
    return b"".join(blocks)[:size]


def write(root: pathlib.Path, name: str, content: bytes) -> pathlib.Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def make(target: pathlib.Path) -> None:
    os.environ.update(MVCS_AUTHOR_NAME="Ada", MVCS_AUTHOR_EMAIL="ada@example.com", HOME="/nowhere")
    work = pathlib.Path(tempfile.mkdtemp()) / "tweets"
    work.mkdir()
    write(work, "train.py", b"print('train')\n")
    write(work, "run.sh", b"#!/bin/sh\nexec python train.py\n").chmod(0o755)
    (work / "latest.py").symlink_to("train.py")
    write(work, "params.yaml", b"lr: 0.1\n")
    write(work, "requirements.txt", b"numpy==2.0\n")
    write(work, "data/rows.csv", b"".join(b"%d,%d\n" % (n, n * n) for n in range(20_000)))
    write(work, "data/\xc3\xa4 name.csv".encode("latin-1").decode("utf-8"), b"1,2\n")
    write(work, "notebook.ipynb", json.dumps({"cells": [{"cell_type": "code", "source": ["x = 1"], "outputs": []}]}).encode())
    write(work, "model.safetensors", noise("weights", 150_000))
    write(work, "metrics.json", b'{"auc": 0.9}\n')
    clock = FixedClock(START, 60, SECOND)
    repo, _ = mvcs.init(work, model="tweets", clock=clock)
    repo.commit("first", tag="v1", metrics={"auc": 0.9, "loss": 1})
    repo.switch("longer", create=True)
    write(work, "params.yaml", b"lr: 0.2\n")
    repo.commit("longer")
    write(work, "model.safetensors", noise("weights", 100_000) + noise("other", 50_000))
    for number in range(300):
        write(work, f"data/many/f{number:03d}.csv", b"%d\n" % number)
    repo.commit("retrained", trained=True)
    repo.switch("main")
    repo.tag("released", "longer", message="for the shop")
    repo.undo()
    repo.redo()
    expected = {
        "refs": repo.refs,
        "commits": {item.oid.hex(): item.commit.message for item in repo.log(every=True)},
        "files": {
            revision: {entry.path.decode(): [entry.entry.oid.hex(), f"{entry.entry.mode:o}", entry.entry.size, entry.ingredient]
                       for entry in repo.ls(revision, generated=True)}
            for revision in ("main", "longer")
        },
        "trees": {revision: repo[revision].tree for revision in ("main", "longer")},
        "stale": {revision: repo[revision].stale for revision in ("main", "longer", "longer~1")},
        "operations": [item.oid.hex() for item in repo.op_log()],
    }
    repo.close()
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name in ("format", "meta/data.mdb"):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(work / ".mvcs" / name, target / name)
    for segment in sorted((work / ".mvcs" / "chunks").iterdir()):
        (target / "chunks" / segment.name).mkdir(parents=True)
        shutil.copy(segment / "data.mdb", target / "chunks" / segment.name / "data.mdb")
    (target / "expected.json").write_text(json.dumps(expected, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    shutil.rmtree(work.parent)


if __name__ == "__main__":
    make(pathlib.Path(sys.argv[1]))
