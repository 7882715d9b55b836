"""An ONNX model says where the tensors of the file at its side are; whatever it says, the bytes come back."""

from __future__ import annotations

import os

import pytest
from store_contents import weights
from unit.store.splitter_files import field, onnx, onnx_external

from mvcs.repo.companions import described
from mvcs.repo.reading import read_file
from mvcs.store.lmdb_store import LmdbStore

EACH = 200_000


@pytest.fixture
def store(tmp_path):
    (tmp_path / "store").mkdir()
    made = LmdbStore.create(str(tmp_path / "store"))
    yield made
    made.close()


def model(location: str, *places: tuple[int, int]) -> bytes:
    return onnx(b"".join(
        field(5, onnx_external(f"w{index}", 1, (length // 4,), location=location, offset=str(offset), length=str(length)))
        for index, (offset, length) in enumerate(places)
    ))


def data(step: int) -> bytes:
    """Two tensors of F32 behind each other."""
    return weights(steps=step, count=2, each=EACH // 4, dtype="F32")[-2 * EACH :]


def stored(store, folder, name=b"model.data", near=()):
    with store.batch() as batch:
        _, entry = read_file(str(folder), name, batch, near=lambda: near)
        batch.settle()
        with store.write() as transaction:
            batch.finish(transaction)
    return entry.oid


def test_the_tensors_at_the_side_of_a_model_have_chunks_of_their_own(tmp_path, store):
    (tmp_path / "model.data").write_bytes(data(0))
    (tmp_path / "model.onnx").write_bytes(model("model.data", (0, EACH), (EACH, EACH)))
    first = stored(store, tmp_path)
    assert store.recipe(first).splitter == "onnx@1"
    assert list(store.recipe(first).lengths) == [EACH, EACH]
    (tmp_path / "model.data").write_bytes(data(1))
    second = stored(store, tmp_path, near=(first,))
    depths = [header.depth for _, header, _ in store.chunks.headers(store.recipe(second).chunks())]
    assert depths == [1, 1]
    assert store.read_blob(first) == data(0)
    assert store.read_blob(second) == data(1)


@pytest.mark.parametrize("lie", [
    model("model.data", (0, EACH), (EACH // 2, EACH)), model("model.data", (0, 1 << 40)), model("other.data", (0, EACH)),
    model("../model.data", (0, EACH)), b"", b"\x08\x08" + bytes(100), model("model.data", (0, EACH))[:-3],
], ids=["overlap", "too long", "another file", "outside", "empty", "zeros", "cut short"])
def test_a_model_that_lies_changes_nothing(tmp_path, store, lie):
    (tmp_path / "model.data").write_bytes(data(0))
    (tmp_path / "model.onnx").write_bytes(lie)
    oid = stored(store, tmp_path)
    assert store.recipe(oid).splitter == "fastcdc@1"
    assert store.read_blob(oid) == data(0)


def test_a_model_that_is_no_file_is_not_opened(tmp_path):
    (tmp_path / "model.data").write_bytes(data(0))
    os.mkfifo(tmp_path / "a.onnx")
    (tmp_path / "b.onnx").symlink_to("/dev/zero")
    (tmp_path / "c.onnx").mkdir()
    assert described(os.fsencode(tmp_path / "model.data"), 2 * EACH) is None
