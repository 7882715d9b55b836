"""A blob as a file: what libraries do with files works, and a range touches its own chunks only."""

from __future__ import annotations

import io
import json
import random
import threading
import zipfile

import numpy as np
import pytest
from store_contents import weights

from mvcs.errors import ObjectCorrupt
from mvcs.store.base import CHUNKS
from mvcs.store.blob_file import blob_file
from mvcs.store.segments import PLACE, TABLE


@pytest.fixture
def stored(store, put):
    """Returns a function that stores bytes and opens them."""
    return lambda content: blob_file(store.open(put(store, content)))


@pytest.mark.parametrize("size", [0, 1, 20_000, 300_000, 3 << 20])
def test_it_reads_as_a_file_of_the_same_bytes(stored, noise, size):
    content = noise(size)
    file, like = stored(content), io.BytesIO(content)
    assert (file.readable(), file.seekable(), file.writable()) == (True, True, False)
    chance = random.Random(size)
    for _ in range(60):
        if chance.random() < 0.5:
            whence = chance.choice([0, 1, 2])
            here = like.tell()
            target = chance.randrange(size + 10)
            offset = {0: target, 1: target - here, 2: target - size}[whence]
            assert file.seek(offset, whence) == like.seek(offset, whence)
        length = chance.choice([0, 1, 10, 5000, 100_000, 2 << 20])
        assert file.read(length) == like.read(length)
        assert file.tell() == like.tell()
    file.seek(0)
    assert file.read() == content
    file.seek(0)
    buffer = bytearray(size)
    assert file.readinto(buffer) == size
    assert buffer == content


def test_a_closed_file_and_one_that_is_written_to(stored, noise):
    with stored(noise(300_000)) as file:
        with pytest.raises(io.UnsupportedOperation):
            file.write(b"x")
        with pytest.raises(ValueError):
            file.seek(-1)
        raw = file.raw
    for call in (file.read, file.tell, raw.tell, lambda: raw.seek(0), lambda: raw.readinto(bytearray(1))):
        with pytest.raises(ValueError, match="closed"):
            call()


def test_lines(stored):
    lines = [b"%d,%d\n" % (i, i * i) for i in range(60_000)]
    assert list(stored(b"".join(lines))) == lines


def test_numpy_and_zipfile_read_it(stored):
    arrays = {"a": np.arange(200_000.0), "b": np.ones((300, 40), np.float16)}
    made = io.BytesIO()
    np.savez(made, **arrays)
    with np.load(stored(made.getvalue()), allow_pickle=False) as found:
        assert {name: found[name].tolist() for name in found} == {name: array.tolist() for name, array in arrays.items()}
    with zipfile.ZipFile(stored(made.getvalue())) as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == ["a.npy", "b.npy"]
    made = io.BytesIO()
    np.save(made, arrays["a"])
    assert np.load(stored(made.getvalue()), allow_pickle=False).tolist() == arrays["a"].tolist()


def test_one_tensor_of_a_safetensors_file(stored):
    content = weights(count=3, each=400_000)
    file = stored(content)
    length = int.from_bytes(file.read(8), "little")
    header = json.loads(file.read(length))
    begin, end = header["layer.2"]["data_offsets"]
    file.seek(8 + length + begin)
    assert file.read(end - begin) == content[8 + length + begin : 8 + length + end]


def damage(store, oid, spared: range) -> int:
    """Damages every chunk that has no byte in a range; returns how many."""
    recipe = store.recipe(oid)
    at = count = 0
    for index, length in enumerate(recipe.lengths):
        if at + length <= spared.start or at >= spared.stop:
            chunk = recipe.chunk(index)
            with store.read() as transaction:
                number = PLACE.unpack(transaction.get(CHUNKS, chunk))[0]
            with store.segments.environment(number).read() as segment:
                record = segment.get(TABLE, chunk)
            store.segments.overwrite(number, chunk, record[:50])
            count += 1
        at += length
    return count


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_a_range_touches_its_own_chunks_only(store, put, place):
    """Up to the last byte of a chunk: no buffer reads on into the next one."""
    content = weights(count=4, each=600_000)
    oid = put(store, content)
    start = len(content) - (4 - place) * 1_200_000
    wanted = range(start, start + 1_200_000)
    assert damage(store, oid, wanted) >= 6
    file = blob_file(store.open(oid))
    for begin, end in ((0, 1_200_000), (5, 6), (1_199_990, 1_200_000), (1_048_000, 1_049_000)):
        file.seek(wanted.start + begin)
        assert file.read(end - begin) == content[wanted.start + begin : wanted.start + end]
    with pytest.raises(ObjectCorrupt):
        file.seek(0)
        file.read()


def test_several_threads_read_one_file_and_lose_nothing(store, put, noise):
    """They share its position: each byte goes to exactly one of them."""
    content = noise(4 << 20)
    file = blob_file(store.open(put(store, content)))
    found: list[bytes] = []
    size = 32_768

    def work():
        while piece := file.read(size):
            found.append(piece)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == sorted(content[at : at + size] for at in range(0, len(content), size))


def test_threads_with_a_file_each(store, put):
    contents = [weights(steps=step, each=300_000) for step in range(3)]
    oids = put(store, *contents)
    wrong = []

    def work(seed):
        chance = random.Random(seed)
        for _ in range(25):
            which = chance.randrange(3)
            with blob_file(store.open(oids[which])) as file:
                at = chance.randrange(len(contents[which]))
                file.seek(at)
                if file.read(70_000) != contents[which][at : at + 70_000]:
                    wrong.append((seed, which, at))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
