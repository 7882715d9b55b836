"""diff --patch, then apply, gives the target: over random trees of text, bytes, links, modes and hard names."""

from __future__ import annotations

import os
import random

import pytest

from tests.cli.harness import make_project, ok, snapshot

NAMES = ["a.py", "b c.py", "data/ü.csv", "data/x.bin", "params.yaml", "model.pt", "deep/er/z.py", 'q"uote.py', "data/nl\n.csv"]
TEXTS = ["", "one\n", "one\r\ntwo\r\n", "no end", "\ufeffmark\n", "a\nb\nc\nd\ne\nf\ng\n", "a\nB\nc\nd\ne\nF\ng\nh\n", "tab\there\n\n\n"]


def fill(folder, chance):
    for name in NAMES:
        path = os.path.join(folder, name)
        if os.path.lexists(path):
            os.unlink(path)
        kind = chance.randrange(6)
        if kind == 0:
            continue
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if kind == 1 and name.endswith(".py"):
            os.symlink("train.py", path) if "/" not in name else os.symlink("../../train.py", path)
            continue
        content = chance.randbytes(chance.choice([1, 300, 70_000])) if kind == 2 else chance.choice(TEXTS).encode()
        if name == "params.yaml":
            content = f"k: {chance.randrange(9)}\nj: [1, 2]  # c\n".encode()
        with open(path, "wb") as file:
            file.write(content)
        os.chmod(path, 0o755 if kind == 3 else 0o644)


def given(chance):
    params = [f"--param={name}={chance.randrange(3)}" for name in "abcd" if chance.randrange(2)]
    return [*params, *(f"--metric=f{number}=0.{chance.randrange(1, 9)}" for number in range(3) if chance.randrange(2))]


@pytest.mark.parametrize("seed", range(12))
def test_a_patch_leads_from_one_state_to_the_other(tmp_path, seed):
    chance = random.Random(seed)
    project = make_project(tmp_path / "p", {"train.py": "x\n", "data/keep.csv": "a\n"}, commit=False)
    fill(project, chance)
    ok("commit", "-m", "one", *given(chance), cwd=project)
    one = ok("rev-parse", "HEAD", cwd=project).out.strip()
    before, first = snapshot(project), ok("show", "--json", cwd=project).json["tree"]
    fill(project, chance)
    ok("commit", "-m", "two", *given(chance), cwd=project)
    wanted, tree = snapshot(project), ok("show", "--json", cwd=project).json["tree"]
    (tmp_path / "patch").write_bytes(ok("diff", one, "HEAD", "--patch", cwd=project).bytes)
    (tmp_path / "back").write_bytes(ok("diff", "HEAD", one, "--patch", cwd=project).bytes)
    ok("switch", "-c", "again", one, cwd=project)
    ok("apply", str(tmp_path / "patch"), cwd=project)
    assert snapshot(project) == wanted
    ok("commit", "-m", "applied", cwd=project)
    assert ok("show", "--json", cwd=project).json["tree"] == tree
    ok("apply", str(tmp_path / "back"), cwd=project)
    assert snapshot(project) == before
    if ok("status", "--json", cwd=project).json["changes"]:
        ok("commit", "-m", "back", cwd=project)
    assert ok("show", "--json", cwd=project).json["tree"] == first
