"""Commits as a file system: what reads URLs reads a commit, at any place, and never writes."""

from __future__ import annotations

import io
import os
import pickle

import fsspec
import numpy as np
import pyarrow.csv
import pyarrow.dataset
import pyarrow.fs
import pyarrow.parquet
import pytest
import safetensors.numpy
from store_contents import rows, weights

import mvcs
from mvcs.bridges.filesystem import MvcsFileSystem
from mvcs.store.base import CHUNKS
from mvcs.store.segments import PLACE
from tests.cli.harness import snapshot, write

CSV = b"a,b\n1,2\n3,4\n"
FILES = {
    "train.py": b"print(1)\n", "model/a.safetensors": weights(1, dtype="F32"), "data/train.csv": CSV, "data/deep/b.csv": b"a,b\n5,6\n",
    "data/odd:name.csv": b"x\n", "data/large.csv": rows(120_000),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A project on `main` and `feature/x`; the current folder is below it."""
    folder = write(tmp_path / "m", FILES)
    os.symlink("train.py", folder / "again.py")
    repo, _ = mvcs.init(folder, model="m", yes=True)
    repo.commit("one", tag="v1.0")
    repo.switch("feature/x", create=True)
    write(folder, {"data/train.csv": b"a,b\n7,8\n"})
    repo.commit("two")
    repo.switch("main")
    monkeypatch.chdir(folder / "data")
    fsspec.filesystem("mvcs").clear_instance_cache()
    yield folder
    repo.close()


@pytest.fixture
def fs(folder):
    return fsspec.filesystem("mvcs")


def test_fsspec_knows_the_protocol(fs):
    assert type(fs) is MvcsFileSystem
    with fsspec.open("mvcs://main/data/train.csv") as file:
        assert file.read() == CSV
    with fsspec.open("mvcs://main/data/train.csv", "rt") as file:
        assert file.read() == CSV.decode()
    assert fsspec.get_mapper("mvcs://main/data")["train.csv"] == CSV


@pytest.mark.parametrize(("url", "content"), [
    ("mvcs://HEAD/data/train.csv", CSV), ("mvcs://v1.0/data/train.csv", CSV), ("mvcs://feature/x~1/data/train.csv", CSV),
    ("mvcs://feature/x/data/train.csv", b"a,b\n7,8\n"), ("mvcs://feature/x:data/train.csv", b"a,b\n7,8\n"),
    ("mvcs://main:data/train.csv", CSV), ("mvcs://main/data/odd:name.csv", b"x\n"), ("mvcs://main:data/odd:name.csv", b"x\n"),
    ("main/data/train.csv", CSV), ("mvcs://main@{0}/data/train.csv", CSV),
])
def test_where_a_revision_ends(fs, url, content):
    assert fs.cat_file(url) == content


def test_a_branch_that_moves_is_seen(folder, fs):
    assert fs.cat_file("main/data/train.csv") == CSV
    write(folder, {"data/train.csv": b"new"})
    with mvcs.open(folder) as repo:
        repo.commit("three")
    assert fs.cat_file("main/data/train.csv") == b"new"


def test_folders(fs):
    assert fs.ls("", detail=False) == ["feature/x", "main", "v1.0"]
    assert fs.ls("main/data", detail=False) == ["main/data/deep", "main/data/large.csv", "main/data/odd:name.csv", "main/data/train.csv"]
    assert fs.ls("main", detail=False) == [f"main/{name}" for name in (".mvcsignore", "data", "model", "mvcs.toml", "train.py")]
    assert fs.ls("main:data/deep", detail=False) == ["main:data/deep/b.csv"]
    assert fs.ls("main/train.py", detail=False) == ["main/train.py"]
    assert fs.glob("mvcs://main/**/*.csv") == ["main/data/deep/b.csv", "main/data/large.csv", "main/data/odd:name.csv", "main/data/train.csv"]
    assert fs.glob("mvcs://feature/x/model/?.safetensors") == ["feature/x/model/a.safetensors"]
    assert fs.find("v1.0/model") == ["v1.0/model/a.safetensors"]
    assert fs.du("main/data/deep") == 8
    assert [fs.isdir(path) for path in ("", "main", "main/data", "main/train.py", "nosuch")] == [True, True, True, False, False]


def test_files(fs):
    info = fs.info("mvcs://main/data/train.csv")
    assert info == {
        "name": "main/data/train.csv", "size": len(CSV), "type": "file", "ingredient": "data",
        "oid": mvcs.open().resolve("main:data/train.csv")[0],
    }
    assert fs.ukey("main/data/train.csv") == info["oid"]
    assert fs.modified("main/data/train.csv").timestamp() == mvcs.open()["main"].fields.committer.time // 1000 / 1e6
    assert fs.exists("main/data/train.csv")
    assert [fs.exists(path) for path in ("main/nosuch", "nosuch/train.py", "main/again.py", "main/data/train.csv/x")] == [False] * 4


@pytest.mark.parametrize("path", ["main/nosuch.csv", "nosuch/train.py", "main:nosuch", "main:@data", "main/again.py", "main/data/nosuch/"])
def test_what_is_not_there(fs, path):
    for ask in (fs.open, fs.info, fs.ls):
        with pytest.raises(FileNotFoundError):
            ask(path)


def test_a_folder_is_no_file(fs):
    with pytest.raises(IsADirectoryError):
        fs.open("main/data")


WRITES = {
    **{f"open {mode}": lambda fs, mode=mode: fs.open("main/data/train.csv", mode) for mode in ("wb", "ab", "r+b", "xb", "w")},
    "rm": lambda fs: fs.rm("main/data", recursive=True), "rm_file": lambda fs: fs.rm_file("main/train.py"), "rmdir": lambda fs: fs.rmdir("main/data"),
    "delete": lambda fs: fs.delete("main/train.py"), "pipe_file": lambda fs: fs.pipe_file("main/new", b"x"),
    "pipe": lambda fs: fs.pipe({"main/new": b"x"}), "write_bytes": lambda fs: fs.write_bytes("main/new", b"x"),
    "write_text": lambda fs: fs.write_text("main/new", "x"), "touch": lambda fs: fs.touch("main/new"),
    "touch what is there": lambda fs: fs.touch("main/train.py", truncate=False), "mkdir": lambda fs: fs.mkdir("main/new"),
    "makedirs": lambda fs: fs.makedirs("main/new", exist_ok=True), "makedir": lambda fs: fs.makedir("main/new"), "mkdirs": lambda fs: fs.mkdirs("main/new"),
    "copy": lambda fs: fs.copy("main/train.py", "main/b.py"), "cp": lambda fs: fs.cp("main/train.py", "main/b.py"),
    "cp_file": lambda fs: fs.cp_file("main/train.py", "main/b.py"), "mv": lambda fs: fs.mv("main/train.py", "main/b.py"),
    "move": lambda fs: fs.move("main/train.py", "main/b.py"), "rename": lambda fs: fs.rename("main/train.py", "main/b.py"),
    "put": lambda fs: fs.put("train.csv", "main/b.csv"), "put_file": lambda fs: fs.put_file("train.csv", "main/b.csv"),
    "upload": lambda fs: fs.upload("train.csv", "main/b.csv"),
}


@pytest.mark.parametrize("write_it", WRITES.values(), ids=WRITES)
def test_nothing_is_written(folder, fs, write_it):
    before = fs.find("main"), snapshot(folder)
    with pytest.raises(PermissionError, match="commits are read-only"):
        write_it(fs)
    assert (fs.find("main"), snapshot(folder)) == before


def test_what_reads_leaves_copies_where_they_are_asked_for(fs, tmp_path):
    fs.get("main/data/deep", str(tmp_path / "deep"), recursive=True)
    assert (tmp_path / "deep" / "b.csv").read_bytes() == b"a,b\n5,6\n"


def test_a_range_decodes_its_own_chunks_only(folder, fs):
    content = FILES["data/large.csv"]
    with mvcs.open(folder) as repo:
        store = repo._repository.store
        recipe = store.recipe(bytes.fromhex(repo.resolve("main:data/large.csv")[0]))
        chunk = recipe.chunk(len(recipe.lengths) // 2)
        with store.read() as transaction:
            number = PLACE.unpack(transaction.get(CHUNKS, chunk))[0]
        with store.segments.environment(number).write() as segment:
            (table,) = segment._tables
            segment.put(table, chunk, bytes(segment.get(table, chunk))[:-1] + b"?")
    assert fs.cat_file("main/data/large.csv", 0, 1000) == content[:1000]
    assert fs.tail("main/data/large.csv", 1000) == content[-1000:]
    with fs.open("main/data/large.csv") as file:
        file.seek(-20, 2)
        assert file.read() == content[-20:]
    with pytest.raises(mvcs.errors.ObjectCorrupt):
        fs.cat_file("main/data/large.csv")


@pytest.mark.parametrize("form", ["option", "url", "MVCS_DIR", "repository"])
def test_a_repository_that_is_named(folder, tmp_path, monkeypatch, form):
    monkeypatch.chdir(tmp_path)
    url, options = "mvcs://main/data/deep", {}
    if form == "url":
        url = f"mvcs://{folder}//main/data/deep"
    elif form == "MVCS_DIR":
        monkeypatch.setenv("MVCS_DIR", str(folder / ".mvcs"))
    else:
        options = {"repo": folder if form == "option" else str(folder / ".mvcs")}
    fs, path = fsspec.url_to_fs(url, **options)
    (found,) = fs.glob(f"{path}/*.csv")
    assert fs.cat_file(found) == b"a,b\n5,6\n"
    assert found.endswith("main/data/deep/b.csv")
    again = pickle.loads(pickle.dumps(fs))
    assert again.cat_file(found) == b"a,b\n5,6\n"


def test_a_repository_that_is_named_comes_before_the_one_of_the_environment(folder, tmp_path, monkeypatch):
    other, _ = mvcs.init(write(tmp_path / "other", {"data/train.csv": b"other"}), model="m", yes=True)
    other.commit("other")
    monkeypatch.setenv("MVCS_DIR", other._repository.path)
    fs = fsspec.filesystem("mvcs")
    for _ in range(2):
        assert fs.cat_file(f"mvcs://{folder}//main/data/train.csv") == CSV
        assert fs.cat_file("mvcs://main/data/train.csv") == b"other"
    assert fsspec.filesystem("mvcs", repo=folder).cat_file("main/data/train.csv") == CSV
    other.close()


def test_branches_of_a_repository_in_the_url(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fs = fsspec.filesystem("mvcs")
    assert fs.ls(f"mvcs://{folder}//", detail=False) == [f"{folder}//{name}" for name in ("feature/x", "main", "v1.0")]


def test_outside_of_any_repository(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(mvcs.errors.NotARepository):
        fsspec.filesystem("mvcs", skip_instance_cache=True).ls("main")


# Libraries


def test_pyarrow_reads_tables(folder, fs):
    table = pyarrow.csv.read_csv(fs.open("mvcs://main/data/train.csv"))
    assert table.to_pydict() == {"a": [1, 3], "b": [2, 4]}
    arrow = pyarrow.fs.PyFileSystem(pyarrow.fs.FSSpecHandler(fs))
    found = pyarrow.dataset.dataset("main/data/deep", format="csv", filesystem=arrow).to_table()
    assert found.to_pydict() == {"a": [5], "b": [6]}
    named = pyarrow.dataset.dataset(f"{folder}//main/data/deep", format="csv", filesystem=arrow).to_table()
    assert named == found


def test_parquet_by_column(folder, fs):
    out = io.BytesIO()
    table = pyarrow.table({"a": list(range(1000)), "b": ["x"] * 1000})
    pyarrow.parquet.write_table(table, out)
    write(folder, {"data/t.parquet": out.getvalue()})
    with mvcs.open(folder) as repo:
        repo.commit("a table")
    with fs.open("main/data/t.parquet") as file:
        assert pyarrow.parquet.read_table(file, columns=["a"]) == table.select(["a"])


def test_safetensors_and_numpy_load(fs):
    with fs.open("main/model/a.safetensors") as file:
        found = safetensors.numpy.load(file.read())
    arrays = mvcs.load_tensors("main")
    assert {name: array.tobytes() for name, array in found.items()} == {name: array.tobytes() for name, array in arrays.items()}
    assert np.loadtxt(fs.open("main/data/train.csv"), delimiter=",", skiprows=1).tolist() == [[1, 2], [3, 4]]


def test_pandas(folder):
    pandas = pytest.importorskip("pandas")
    assert pandas.read_csv("mvcs://main/data/train.csv").to_dict("list") == {"a": [1, 3], "b": [2, 4]}
    assert pandas.read_csv("mvcs://feature/x/data/train.csv", storage_options={"repo": str(folder)})["a"].tolist() == [7]


def test_torch_load(folder, fs):
    torch = pytest.importorskip("torch")
    out = io.BytesIO()
    torch.save({"w": torch.arange(5)}, out)
    write(folder, {"model/w.pt": out.getvalue()})
    with mvcs.open(folder) as repo:
        repo.commit("a checkpoint")
    with fs.open("main/model/w.pt") as file:
        assert torch.load(file)["w"].tolist() == list(range(5))
