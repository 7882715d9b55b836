"""Any bytes are no layout or a legal one; a plan fills the file; a stream is cut alike in any pieces."""

from __future__ import annotations

from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from mvcs.errors import InvalidObject
from mvcs.store.splitters.detect import split
from mvcs.store.splitters.layout import BITS, BLOCKS, UNKNOWN_SHAPE, Layout, Region
from mvcs.store.splitters.onnx import external, layout_for_external
from mvcs.store.splitters.plan import LARGE, PIECE, RUN, plan
from mvcs.store.splitters.source import BytesSource
from mvcs.store.splitters.stream import cut_by_plan
from mvcs.store.splitters.torch_pickle import read_storages
from tests.unit.store import splitter_files as make

FILES = {
    path.name: path.read_bytes()
    for path in sorted((Path(__file__).parents[1] / "unit" / "store" / "weights").iterdir())
    if path.suffix in {".pt", ".npz", ".npy", ".gguf", ".onnx", ".safetensors"}
}
STARTS = [b"", b"PK\x03\x04", b"GGUF\x03\0\0\0", b"\x93NUMPY\x01\0", b"\x08\x08", b"\x40\0\0\0\0\0\0\0{", b"\x02\0\0\0\0\0\0\0{}"]


def check(content: bytes) -> None:
    """A layout, if there is one, is legal and its plan fills the file."""
    layout = split(BytesSource(content))
    if layout is None:
        return
    assert layout.regions
    assert layout == Layout(layout.splitter, layout.regions, len(content))
    at = 0
    for region in layout.regions:
        assert region.offset >= at
        at = region.end
        assert region.dtype in BITS or region.dtype in BLOCKS or not region.dtype
    assert at <= len(content)
    tiles(layout, len(content))


def tiles(layout: Layout, size: int) -> None:
    at = 0
    covered = dict.fromkeys(range(len(layout.regions)), 0)
    for cut in plan(layout, size):
        assert cut.offset == at
        assert cut.length > 0
        at += cut.length
        assert cut.fastcdc == (cut.length > RUN and (cut.region is None or layout.regions[cut.region].length < LARGE))
        if cut.region is not None:
            region = layout.regions[cut.region]
            assert cut.offset == region.offset + cut.position
            assert cut.position % PIECE == 0
            if region.length >= LARGE:
                assert cut.offset + cut.length <= region.end
                covered[cut.region] += cut.length
        if cut.width:
            assert cut.length <= (RUN if cut.region is None else PIECE)
    assert at == size
    assert all(length == layout.regions[index].length for index, length in covered.items() if layout.regions[index].length >= LARGE)


@settings(max_examples=200)
@given(st.sampled_from(STARTS), st.binary(max_size=300))
def test_any_bytes_are_no_layout_or_a_legal_one(start, rest):
    check(start + rest)
    assert isinstance(external(BytesSource(start + rest)), dict)


@settings(max_examples=400)
@given(st.sampled_from(sorted(FILES)), st.data())
def test_a_changed_file_is_no_layout_or_a_legal_one(name, data):
    content = bytearray(FILES[name])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] = data.draw(st.integers(0, 255) | st.sampled_from([0, 1, 127, 128, 255]))
    check(bytes(content))


@settings(max_examples=200)
@given(st.sampled_from(sorted(FILES)), st.data())
def test_a_cut_off_or_stretched_file_is_no_layout_or_a_legal_one(name, data):
    content = FILES[name]
    at, length = data.draw(st.integers(0, len(content))), data.draw(st.integers(0, 64))
    check(content[:at])
    check(content[:at] + content[at + length :])
    check(content[:at] + data.draw(st.binary(max_size=16)) + content[at:])
    check(content + content[:at])


@settings(max_examples=200)
@given(st.data())
def test_external_data_of_a_changed_model_stay_in_their_file(data):
    content = bytearray(FILES["external.onnx"])
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] = data.draw(st.integers(0, 255))
    for location, regions in external(BytesSource(bytes(content))).items():
        assert not location.startswith("/")
        assert ".." not in location.split("/")
        layout = layout_for_external(regions, 136)
        assert layout is None or layout.regions[-1].end <= 136


OPCODES = [b"(", b"}", b"]", b")", b"0", b"1", b"2", b"N", b"\x88", b"K\x05", b"J\1\0\0\0", b"t", b"\x85", b"\x86", b"\x87", b"u", b"s",
           b"e", b"a", b"q\x00", b"q\x01", b"h\x00", b"h\x01", b"\x94", b"R", b"b", b"\x81", b"Q", b"\x93", make.text("k"),
           make.text("storage"), make.name("torch", "FloatStorage"), make.name("torch._utils", "_rebuild_tensor_v2"),
           make.name("torch._utils", "_rebuild_parameter"), make.storage("0", "FloatStorage", 2), make.tensor("1", "HalfStorage", 4, (2, 2))]


@settings(max_examples=300)
@given(st.lists(st.sampled_from(OPCODES), max_size=60))
@example([b"}", b"q\x00", b"(", make.text("a"), b"h\x00", b"u"])  # a dictionary that holds itself
@example([b"]", b"q\x00", b"h\x00", b"a"])
def test_any_pickle_is_read_to_its_end_or_not_at_all(opcodes):
    pickle = b"\x80\x02" + b"".join(opcodes) + b"."
    check(make.torch_zip({"t": ("F32", (2,), bytes(8)), "u": ("F16", (2, 2), bytes(8))}, pickle))
    try:
        storages = read_storages(pickle)
    except (InvalidObject, ValueError):
        return
    assert set(storages) <= {"0", "1", "k", "storage"}


@st.composite
def layouts(draw: st.DrawFn) -> tuple[Layout, int]:
    sizes = st.integers(0, 20) | st.integers(0, LARGE) | st.integers(LARGE - 2, LARGE + 2) | st.integers(0, 3 * PIECE)
    gaps = st.just(0) | st.integers(0, 200) | st.integers(0, 3 * RUN) | st.integers(RUN - 1, RUN + 1)
    regions, at = [], 0
    for index in range(draw(st.integers(0, 12))):
        at += draw(gaps)
        length = draw(sizes)
        dtype = draw(st.sampled_from(["", "F32", "F16", "U8"]))
        regions.append(Region(f"n{index}", dtype, UNKNOWN_SHAPE, at, length))
        at += length
    size = at + draw(gaps)
    return Layout("x@1", draw(st.permutations(regions)), size), size


@settings(max_examples=200)
@given(layouts())
def test_a_plan_fills_the_file(made):
    tiles(*made)


@settings(max_examples=30, deadline=None)
@given(layouts(), st.integers(1, 3_000_000), st.integers(-300_000, 300_000))
def test_a_stream_is_cut_alike_in_any_pieces(made, step, more):
    """Also if the file has become longer or shorter."""
    layout, size = made
    content = make.noise(max(0, size + more))
    step = max(step, len(content) // 500 + 1)

    def cut(step: int) -> list[tuple[bytes, object]]:
        pieces = [content[at : at + step] for at in range(0, len(content), step)]
        return [(bytes(view), found) for group in cut_by_plan(pieces, plan(layout, size)) for view, found in group]

    once = cut(step)
    assert b"".join(view for view, _ in once) == content
    assert once == cut(4 << 20)
