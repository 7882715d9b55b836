"""Values of tensors, block by block: every type, every order, as numpy and ml_dtypes have them."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

from mvcs.errors import UnreadableContent
from mvcs.formats.tensors import FLOATS, INTEGERS, numpy_dtype, read_array, read_blocks, read_raw
from mvcs.store.splitters.layout import BITS, UNKNOWN_SHAPE
from mvcs.store.splitters.source import BytesSource
from mvcs.store.splitters.tensors import Tensor

READABLE = sorted(FLOATS | INTEGERS | {"C64"})


@pytest.mark.parametrize("dtype", READABLE)
def test_every_type_reads_as_its_bytes_are(dtype):
    raw = bytes(range(256)) if dtype != "BOOL" else bytes([0, 1] * 128)
    width = BITS[dtype] // 8
    tensor = Tensor("t", dtype, (256 // width,), 3, 256)
    found = np.concatenate(list(read_blocks(BytesSource(b"abc" + raw + b"z"), tensor, 7)))
    assert found.dtype == numpy_dtype(dtype)
    assert found.tobytes() == raw
    assert b"".join(read_raw(BytesSource(b"abc" + raw + b"z"), tensor)) == raw


def test_bfloat16_is_the_upper_half_of_float32():
    values = np.array([1.0, -2.5, 65280.0, 0.0], np.float32)
    raw = (values.view(np.uint32) >> 16).astype("<u2").tobytes()
    (block,) = read_blocks(BytesSource(raw), Tensor("t", "BF16", (4,), 0, 8))
    assert block.astype(np.float32).tolist() == values.astype(ml_dtypes.bfloat16).astype(np.float32).tolist()


@pytest.mark.parametrize("elements", [1, 3, 7, 100])
@pytest.mark.parametrize(("shape", "strides", "length"), [
    ((6, 4), (1, 6), 24), ((2, 3), (12, 4), 21), ((3, 4, 2), (8, 1, 4), 24), ((5, 3), (0, 1), 3), ((4,), (5,), 16),
])
def test_any_order_comes_in_c_order(shape, strides, length, elements):
    flat = np.arange(24, dtype="<f4")
    tensor = Tensor("t", "F32", shape, 0, length * 4, strides)
    wanted = np.lib.stride_tricks.as_strided(flat, shape, [4 * step for step in strides])
    source = BytesSource(flat.tobytes())
    assert np.concatenate(list(read_blocks(source, tensor, elements))).tolist() == wanted.reshape(-1).tolist()
    assert read_array(source, tensor).tolist() == wanted.tolist()


def test_scalars_and_empty_tensors():
    source = BytesSource(np.array([7], "<i8").tobytes())
    assert read_array(source, Tensor("t", "I64", (), 0, 8)).tolist() == 7
    assert read_array(source, Tensor("t", "I64", (0, 3), 0, 0)).shape == (0, 3)


@pytest.mark.parametrize(("dtype", "shape"), [("Q4_0", (32,)), ("I4", (8,)), ("F6_E2M3", (4,)), ("", (4,)), ("F32", UNKNOWN_SHAPE)])
def test_what_has_no_elements_of_whole_bytes_says_so(dtype, shape):
    with pytest.raises(UnreadableContent):
        next(read_blocks(BytesSource(bytes(100)), Tensor("t", dtype, shape, 0, 18)))


def test_a_file_that_ends_early():
    with pytest.raises(UnreadableContent, match="ends inside t"):
        list(read_blocks(BytesSource(bytes(10)), Tensor("t", "F32", (4,), 0, 16)))
