"""The identity of values: the same in every format and order, and known without reading where they are stored."""

from __future__ import annotations

import numpy as np
import pytest

import mvcs
from mvcs.errors import ObjectMissing, UnreadableContent
from mvcs.formats.content import Bytes
from mvcs.formats.tensor_file import identity, open_tensors, same_tensor
from mvcs.formats.tensor_statistics import BINS, statistics
from mvcs.ops.desk import StoredContent
from mvcs.store.base import CHUNKS
from mvcs.store.splitters.source import BytesSource
from tests.cli.harness import ok, project, sealed, write
from tests.unit.store import splitter_files as files

__all__ = ["project", "sealed"]

BIG = {"w": ("F32", (800, 800), files.noise(2_560_000)), "b": ("F32", (7,), files.noise(28, 1)), "z": ("F32", (0,), b"")}


def identities(content):
    file = open_tensors(content)
    return {tensor.name: identity(file.source, tensor) for tensor in file.tensors.tensors}


def test_it_is_that_of_the_values_in_every_format():
    found = identities(Bytes(files.safetensors(BIG)))
    assert found == identities(Bytes(files.torch_zip(BIG)))
    assert len(set(found.values())) == 3


@pytest.fixture
def stored(project):
    """A repository with BIG in two formats, the first beside another small tensor."""
    write(project, {"model.pt": files.torch_zip(BIG)})
    ok("commit", "-m", "torch", cwd=project)
    write(project, {"model.pt": files.safetensors({**BIG, "b": ("F32", (7,), files.noise(28, 5))})})
    ok("commit", "-m", "safetensors", cwd=project)
    repo = mvcs.open(project)
    return repo, [StoredContent(repo._repository, repo[rev].weights.files.entries()[0].entry.oid) for rev in ("HEAD~1", "HEAD")]


def test_of_stored_tensors_it_is_known_without_their_chunks(stored):
    """The chunks of a large tensor are taken away: what needs them fails, what is known by their names does not."""
    repo, (first, second) = stored
    store = repo._repository.store
    one, other = open_tensors(first), open_tensors(second)
    tensor = one.tensors.find("w")
    assert identities(Bytes(first.read()))["w"] == identity(one.source, tensor)
    with store.write() as transaction:
        for span in one.source.spans(tensor.offset, tensor.length):
            transaction.delete(CHUNKS, span.oid)
    store.chunks.forget()
    first._opened().close()
    second._opened().close()
    with pytest.raises(ObjectMissing):
        one.source.read_at(tensor.offset, 10)
    assert identity(one.source, tensor)
    assert same_tensor(one, other, "w")
    assert not same_tensor(one, other, "b")
    assert not same_tensor(one, other, "nothing")


def test_a_stored_file_ranges_over_chunks_as_its_recipe_says(stored):
    _, (first, _) = stored
    content = first.read()
    for offset, length in ((0, 1), (0, len(content)), (1000, 1_500_000), (len(content) - 3, 100), (len(content), 5)):
        spans = first.spans(offset, length)
        assert sum(span.length for span in spans) == len(content[offset : offset + length])
        assert first.read_at(offset, length) == content[offset : offset + length]
        parts = [first._repository.store.read_chunk(span.oid)[span.start : span.start + span.length] for span in spans]
        assert b"".join(parts) == content[offset : offset + length]


def test_a_file_that_ends_inside_a_tensor():
    content = files.safetensors(BIG)
    tensor = open_tensors(Bytes(content)).tensors.find("w")
    with pytest.raises(UnreadableContent, match="the file ends inside w"):
        identity(BytesSource(content[:1000]), tensor)


class TestStatistics:
    @pytest.mark.parametrize("dtype", ["f4", "f2", "f8", "i4", "u1", "?"])
    def test_as_numpy_has_them(self, dtype):
        values = np.random.default_rng(1).integers(0, 2 if dtype == "?" else 50, 5000).astype(dtype)
        found = statistics(lambda: (values[at : at + 999] for at in range(0, 5000, 999)))
        wide = values.astype("f8")
        assert (found.count, found.zeros, found.nans, found.infinities) == (5000, int((wide == 0).sum()), 0, 0)
        assert (found.mean, found.std) == (pytest.approx(wide.mean()), pytest.approx(wide.std()))
        assert (found.least, found.largest) == (wide.min(), wide.max())
        assert found.histogram == tuple(np.histogram(wide, BINS)[0])

    def test_what_is_not_finite_is_counted_and_left_out(self):
        found = statistics(lambda: [np.array([np.nan, np.inf, -np.inf, 1, 3, 0], "f4"), np.array([np.nan], "f4")])
        assert (found.count, found.nans, found.infinities, found.zeros) == (7, 2, 2, 1)
        assert (found.mean, found.least, found.largest, sum(found.histogram)) == (4 / 3, 0, 3, 3)

    @pytest.mark.parametrize("blocks", [[], [np.array([np.nan], "f4")]])
    def test_without_a_finite_value_nothing_is_made_up(self, blocks):
        found = statistics(lambda: blocks)
        assert found.to_dict()["mean"] == found.to_dict()["min"] == "NaN"
        assert found.histogram == ()

    def test_integers_are_exact_and_ranges_beyond_floats_are_no_error(self):
        assert statistics(lambda: [np.array([2**62 + 1, 5], "i8")]).largest == 2**62 + 1
        found = statistics(lambda: [np.array([-1.7e308, 1.7e308], "f8")])
        assert (found.histogram[0], found.histogram[-1], found.to_dict()["std"]) == (1, 1, "Infinity")
        assert statistics(lambda: [np.array([3, 3], "f4")]).histogram.count(0) == BINS - 1
