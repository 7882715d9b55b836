"""The tensors of a file by name, also where several of them view one storage."""

from __future__ import annotations

import io

import numpy as np
import pytest

from mvcs.formats.tensors import read_array
from mvcs.store.splitters.layout import UNKNOWN_SHAPE
from mvcs.store.splitters.source import BytesSource
from mvcs.store.splitters.tensors import read_tensors
from tests.unit.store import splitter_files as files


def tensors_of(content):
    found = read_tensors(BytesSource(content))
    assert found is not None
    return {item.name: item for item in found.tensors}


def checkpoint(named, storages):
    """A checkpoint of a flat state dict: name to the pickled tensor, key to the bytes of a storage."""
    items = b"".join(files.text(name) + made for name, made in named.items())
    pickle = b"\x80\x02}(" + items + b"u."
    return files.torch_zip({}, pickle, more={f"archive/data/{key}": raw for key, raw in storages.items()})


RAW = bytes(range(48)) * 2


@pytest.fixture
def viewed():
    return checkpoint(
        {
            "whole": files.tensor("0", "FloatStorage", 24, (4, 6)),
            "tied": files.tensor("0", "FloatStorage", 24, (4, 6)),
            "part": files.tensor("0", "FloatStorage", 24, (2, 3), start=6),
            "turned": files.tensor("0", "FloatStorage", 24, (6, 4), stride=(1, 6)),
            "scalar": files.tensor("0", "FloatStorage", 24, (), start=23),
            "none": files.tensor("0", "FloatStorage", 24, (0, 3)),
            "row": files.tensor("0", "FloatStorage", 24, (1, 6), start=6, stride=(99, 1)),
        },
        {"0": RAW},
    )


def test_every_view_of_a_storage_is_a_tensor(viewed):
    found = tensors_of(viewed)
    at = viewed.index(RAW)
    place = {name: (item.shape, item.offset - at, item.length, item.strides) for name, item in found.items()}
    assert place == {
        "whole": ((4, 6), 0, 96, None), "tied": ((4, 6), 0, 96, None), "part": ((2, 3), 24, 24, None),
        "turned": ((6, 4), 0, 96, (1, 6)), "scalar": ((), 92, 4, None), "none": ((0, 3), 0, 0, None),
        "row": ((1, 6), 24, 24, None),
    }
    assert {item.dtype for item in found.values()} == {"F32"}


@pytest.mark.parametrize("bad", [
    files.tensor("0", "FloatStorage", 24, (5, 5)), files.tensor("0", "FloatStorage", 24, (2, 3), start=20),
    files.tensor("0", "FloatStorage", 24, (2, 2), stride=(1 << 30, 1)), files.tensor("0", "FloatStorage", 24, (0,), start=1 << 30),
])
def test_a_view_that_leaves_its_storage_leaves_the_region(bad):
    (item,) = tensors_of(checkpoint({"bad": bad}, {"0": RAW})).values()
    assert item.length == 96
    assert item.strides is None


def test_what_a_pickle_does_not_name_keeps_the_name_of_its_entry():
    found = tensors_of(checkpoint({"a": files.tensor("0", "FloatStorage", 24, (24,))}, {"0": RAW, "7": b"other"}))
    assert found.keys() == {"a", "data/7"}
    assert (found["data/7"].shape, found["data/7"].elements, found["data/7"].is_packed) == (UNKNOWN_SHAPE, -1, True)


def test_other_formats_have_their_regions():
    content = files.safetensors(files.tensors(40, 80))
    found = read_tensors(BytesSource(content))
    assert found.splitter == "safetensors@1"
    assert [content[item.offset : item.offset + item.length] for item in found.tensors] == [
        raw for _, _, raw in files.tensors(40, 80).values()
    ]
    assert found.find(found.tensors[1].name) is found.tensors[1]
    assert found.find("no such") is None
    assert read_tensors(BytesSource(b"no tensors at all")) is None


@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 4), (1, 6, 4), (24, 1)])
@pytest.mark.parametrize("name", ["npy", "npz"])
def test_arrays_in_fortran_order_have_the_shape_that_numpy_gives_them(shape, name):
    array = np.asfortranarray(np.arange(np.prod(shape), dtype="<f4").reshape(shape))
    out = io.BytesIO()
    np.save(out, array) if name == "npy" else np.savez(out, array=array, other=np.arange(3, dtype="<i8"))
    found = tensors_of(out.getvalue())["array"]
    assert found.shape == shape
    assert (read_array(BytesSource(out.getvalue()), found) == array).all()
