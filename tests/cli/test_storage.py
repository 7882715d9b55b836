"""du, repack, materialise: what people and scripts are told of what is stored; a file opened from Python."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from store_contents import rows, weights

import mvcs
from mvcs.errors import InvalidRevision, PathNotFound
from mvcs.store.usage import WORDS
from tests.cli.harness import ROOT, fails, make_project, mvcs_process, ok, write

FILES = {
    "train.py": "print(1)\n", "model/a.safetensors": weights(), "model/b.safetensors": weights(steps=1),
    "data/train.csv": rows(40_000),
}


@pytest.fixture
def models(tmp_path):
    """A project with two files of weights that resemble each other, each stored by itself."""
    return make_project(tmp_path / "proj", FILES)


def lines(text: str, start: str) -> list[list[str]]:
    """Returns the words of the lines of one table, without its head."""
    table = text[text.index(f"\n{start}") + 1 :].split("\n\n")[0].rstrip("\n").split("\n")
    return [line.split() for line in table[1:]]


# du


def test_du_explains(models):
    out = ok("du", cwd=models).out
    found = ok("du", "--json", cwd=models).json
    stored, contents = found["total_stored"], found["logical"]["contents"]
    assert out.splitlines()[0] == (
        f"{stored / 1e6:.1f} MB stored for {contents / 1e6:.1f} MB of files, each content once, {100 * stored / contents:.1f} %."
    )
    assert [row[0] for row in lines(out, "codec ")] == ["planes", "zstd"]
    assert [row[0] for row in lines(out, "branch ")] == ["main"]
    files = {row[0]: row for row in lines(out, "file ")}
    assert set(files) == {"model/a.safetensors", "model/b.safetensors", "data/train.csv"}
    assert files["model/a.safetensors"][-3:] == ["coded", "by", "planes"]
    assert "weights of HEAD" in out
    assert ".mvcs/chunks" in out
    assert all(line == line.rstrip() for line in out.splitlines())


def test_du_after_repack_says_difference(models):
    before = ok("du", "--json", cwd=models).json
    done = ok("repack", "--json", cwd=models).json
    after = ok("du", "--json", cwd=models).json
    assert done["chunks"] == after["codecs"]["difference"]["chunks"] == 3
    assert done["saved"] == before["total_stored"] - after["total_stored"] > 0
    assert after["logical"] == before["logical"]
    assert after["counts"] == before["counts"]
    (best, *_) = after["files"]["best"]
    assert (best["path"], best["why"]) == ("model/a.safetensors", "difference to other weights")
    assert best["ratio"] == round(best["stored"] / best["size"], 4) < 0.5


def test_du_of_another_revision(models):
    write(models, {"model/c.safetensors": weights(9)})
    ok("commit", "-m", "c", cwd=models)
    for words, count in (([], 4), (["HEAD"], 4), (["HEAD~1"], 3), (["HEAD:model"], 3)):
        found = ok("du", *words, "--json", cwd=models).json
        assert found["revision"] == (words[0] if words else "HEAD")
        assert len(found["files"]["best"]) + len(found["files"]["worst"]) == count
    fails(3, "revision-not-found", "du", "nosuch", cwd=models)


def test_du_of_many_branches_shows_the_heaviest(models):
    for number in range(8):
        ok("switch", "-c", f"b{number}", "main", cwd=models)
        write(models, {"more.bin": os.urandom(20_000 + 5000 * number)})
        ok("commit", "-m", "more", cwd=models)
    out = ok("du", cwd=models).out
    assert [row[0] for row in lines(out, "branch ")] == ["b7", "b6", "b5", "b4", "b3", "and"]
    assert len(ok("du", "--json", cwd=models).json["branches"]) == 9


# repack


def test_repack_says_what_it_did(models):
    before = ok("rev-parse", "HEAD", "HEAD:model", cwd=models).out
    out = ok("repack", cwd=models).out
    assert out.startswith("Stored 3 chunks in ")
    assert ok("repack", cwd=models).out == "Nothing to do: what is stored is as small as a commit would make it.\n"
    assert ok("repack", "--deep", "--json", cwd=models).json == {
        "schema": "mvcs.repack/1", "chunks": 0, "blobs": 0, "saved": 0, "freed": 0,
    }
    assert ok("rev-parse", "HEAD", "HEAD:model", cwd=models).out == before
    assert ok("fsck", "--json", cwd=models).json["problems"] == []
    for path in ("model/a.safetensors", "model/b.safetensors"):
        (models / path).unlink()
    ok("restore", "model", cwd=models)
    for path in ("model/a.safetensors", "model/b.safetensors"):
        assert (models / path).read_bytes() == FILES[path]


def test_repack_makes_no_operation(models):
    before = ok("op", "--json", cwd=models).json
    ok("repack", cwd=models)
    assert ok("op", "--json", cwd=models).json == before


# materialise


def test_materialise_prints_where_the_weights_are(models):
    out = ok("materialise", cwd=models).out
    found = ok("materialise", "--json", cwd=models).json
    assert found["commit"] == ok("rev-parse", "HEAD", "-q", cwd=models).out.strip()
    assert [item["path"] for item in found["files"]] == ["model/a.safetensors", "model/b.safetensors"]
    for item, line in zip(found["files"], out.splitlines(), strict=True):
        assert line.split() == [str(len(FILES[item["path"]])), item["mapped"], item["path"]]
        with open(item["mapped"], "rb") as file:
            assert file.read() == FILES[item["path"]]
    quiet = ok("materialise", "-q", cwd=models).out.splitlines()
    assert quiet == [item["mapped"] for item in found["files"]]


def test_materialise_of_paths_as_seen_from_a_folder(models):
    for words, cwd in ((["data/train.csv"], models), (["train.csv"], models / "data"), (["*.csv"], models / "data")):
        found = ok("materialise", "HEAD", *words, "--json", cwd=cwd).json
        assert [item["path"] for item in found["files"]] == ["data/train.csv"]
    assert len(ok("materialise", "--all", "-q", cwd=models).out.splitlines()) == len(FILES) + 2
    fails(3, "path-not-found", "materialise", "HEAD", "train.csv", cwd=models)
    fails(2, "invalid-argument", "materialise", "HEAD", "data", "--all", cwd=models)


def test_materialise_beyond_the_limit_is_refused_and_its_hint_helps(models):
    ok("config", "mapped.max_bytes", "500000", cwd=models)
    error = fails(2, "invalid-argument", "materialise", cwd=models)
    assert error["hint"] == f"mvcs config mapped.max_bytes {len(FILES['model/a.safetensors']) * 2}"
    ok(*error["hint"].split()[1:], cwd=models)
    assert len(ok("materialise", "-q", cwd=models).out.splitlines()) == 2


def test_materialise_of_collected_weights(models, monkeypatch):
    monkeypatch.setenv("MVCS_AUTHOR_DATE", "2020-01-01T00:00:00+00:00")
    ok("switch", "-c", "runs/1", cwd=models)
    write(models, {"model/b.safetensors": weights(5)})
    ok("commit", "-m", "run", cwd=models)
    ok("switch", "main", cwd=models)
    ok("config", "gc.undo_days", "0", cwd=models)
    monkeypatch.setenv("MVCS_AUTHOR_DATE", "2026-03-01T12:00:00+00:00")
    ok("gc", cwd=models)
    fails(4, "weights-collected", "materialise", "runs/1", cwd=models)
    assert not os.listdir(models / ".mvcs/mapped")
    fails(3, "path-not-found", "materialise", "runs/1", "nosuch", cwd=models)
    worst = {item["path"]: item for item in ok("du", "runs/1", "--json", cwd=models).json["files"]["best"]}
    assert worst["model/b.safetensors"]["why"] == "not here"


def test_materialise_without_a_workspace(models, monkeypatch, tmp_path):
    monkeypatch.setenv("MVCS_DIR", str(models / ".mvcs"))
    done = mvcs_process("materialise", "main", "model/a.safetensors", "-q", cwd=tmp_path)
    assert done.code == 0, done
    with open(done.out.strip(), "rb") as file:
        assert file.read() == FILES["model/a.safetensors"]


MAP = """
import mmap, sys
with open(sys.argv[1], "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
    print(len(mapped), mapped[-4:].hex())
"""


def test_what_is_materialised_can_be_mapped_by_another_process(models):
    path = ok("materialise", "HEAD", "model/a.safetensors", "-q", cwd=models).out.strip()
    done = subprocess.run([sys.executable, "-c", MAP, path], capture_output=True, text=True, check=True)
    content = FILES["model/a.safetensors"]
    assert done.stdout.split() == [str(len(content)), content[-4:].hex()]


# A file opened from Python


def test_open_a_file_of_a_commit(models):
    array = np.arange(100_000.0)
    made = io.BytesIO()
    np.save(made, array)
    write(models, {"weights/w.npy": made.getvalue()})
    ok("commit", "-m", "npy", cwd=models)
    with mvcs.open(models) as repo:
        oid = repo.resolve("HEAD:weights/w.npy")[0]
        for opened in (repo.open("HEAD:weights/w.npy"), repo.open(oid), repo.open(oid[:20]), repo["HEAD"].files.open("weights/w.npy")):
            with opened as file:
                assert np.array_equal(np.load(file, allow_pickle=False), array)
        with repo["HEAD"].weights.files.open("model/a.safetensors") as file:
            file.seek(-100, os.SEEK_END)
            assert file.read() == FILES["model/a.safetensors"][-100:]


def test_open_what_is_no_file(models):
    with mvcs.open(models) as repo:
        for revision, error in (("HEAD", InvalidRevision), ("HEAD:model", PathNotFound), ("HEAD:nosuch", PathNotFound), ("HEAD:", PathNotFound)):
            with pytest.raises(error):
                repo.open(revision)
        with pytest.raises(PathNotFound):
            repo["HEAD"].files.open("nosuch")


# docs/storage.md

PAGE = (ROOT / "docs" / "storage.md").read_text()
WORDING = " ".join(PAGE.split())


def test_the_page_s_python_works(tmp_path, monkeypatch):
    folder = make_project(tmp_path / "churn", {"model.safetensors": weights(each=300_000), "ema.safetensors": weights(each=300_000, steps=1), "data/train.csv": rows(40_000)})
    write(folder, {"model.safetensors": weights(each=300_000, steps=2)})
    ok("commit", "-m", "Trained on", cwd=folder)
    monkeypatch.chdir(folder)
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, object] = {}
    exec(code, names)  # the page is ours
    assert names["first"] == rows(40_000).splitlines(keepends=True)[0]
    names["repo"].close()


def test_the_page_s_answers_have_the_form_of_ours(models):
    """Tables with these heads, words that du has, a repack that says so."""
    shown = {console.split("\n")[0]: console for console in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)}
    out = ok("du", cwd=models).out
    heads = [line.split() for line in re.findall(r"\n\n(.*)", shown["$ mvcs du"])]
    assert len(heads) == 6
    assert heads == [line.split() for line in re.findall(r"\n\n(.*)", out)]
    form = re.compile(r"Stored \d+ chunks in [\d.]+ [kMG]?B less; [\d.]+ [kMG]?B given back to the disk\.\n")
    assert form.fullmatch(ok("repack", cwd=models).out)
    assert form.fullmatch(shown["$ mvcs repack"].partition("\n")[2])
    for word in {*WORDS.values(), "shared with other files", "mixed", "not here"}:
        assert f"`{word}`" in WORDING
