"""Where a file with known tensors is cut, and that a stream is cut there whatever happens to the file."""

from __future__ import annotations

import pytest

from mvcs.errors import InvalidObject
from mvcs.objects.hashing import blob_oid
from mvcs.store.splitters.detect import split
from mvcs.store.splitters.layout import UNKNOWN_SHAPE, Layout, Region
from mvcs.store.splitters.plan import LARGE, PIECE, RUN, Cut, plan
from mvcs.store.splitters.source import BytesSource
from mvcs.store.splitters.stream import cut_by_plan
from tests.unit.store import splitter_files as make


def region(name: str, offset: int, length: int, dtype: str = "") -> Region:
    return Region(name, dtype, UNKNOWN_SHAPE, offset, length)


def cuts(size: int, *regions: Region) -> list[Cut]:
    return list(plan(Layout("x@1", regions, size), size))


def chunks(content: bytes) -> set[bytes]:
    layout = split(BytesSource(content))
    assert layout is not None
    groups = cut_by_plan([content], plan(layout, len(content)))
    return {blob_oid(view) for group in groups for view, _ in group}


def new_bytes(old: bytes, new: bytes) -> int:
    """Bytes of chunks that the old content does not have."""
    known = chunks(old)
    layout = split(BytesSource(new))
    views = [view for group in cut_by_plan([new], plan(layout, len(new))) for view, _ in group]
    return sum(len(view) for view in views if blob_oid(view) not in known)


def test_the_constants_are_those_of_the_first_version():
    assert (LARGE, PIECE, RUN) == (65_536, 1_048_512, 262_144)
    assert PIECE + 48 + 16 == 256 * 4096


def test_a_large_region_is_cut_at_its_ends_and_in_pieces_from_its_start():
    start, length = 1001, 2 * PIECE + 4
    assert cuts(start + length + 7, region("w", start, length, "F32")) == [
        Cut(0, start),
        Cut(start, PIECE, region=0, position=0, width=4),
        Cut(start + PIECE, PIECE, region=0, position=PIECE, width=4),
        Cut(start + 2 * PIECE, 4, region=0, position=2 * PIECE, width=4),
        Cut(start + length, 7),
    ]


def test_a_region_is_large_from_64_kib_on():
    below = cuts(LARGE + 9, region("b", 10, LARGE - 1))
    assert [(cut.offset, cut.length, cut.region) for cut in below] == [(0, 10, None), (10, LARGE - 1, 0), (LARGE + 9, 0, None)][:2]
    joined = cuts(10 + 2 * LARGE, region("b", 10, LARGE - 1), region("c", 9 + LARGE, LARGE))
    assert [(cut.offset, cut.region) for cut in joined] == [(0, None), (10, 0), (9 + LARGE, 1), (9 + 2 * LARGE, None)]


def test_small_regions_and_the_gaps_between_them_make_runs():
    # By their names none of these ends a run.
    regions = [region(f"n{index}", 100 + 1000 * index, 900, "F32") for index in range(5)]
    found = cuts(100 + 5000, *regions)
    assert found == [Cut(0, 100), Cut(100, 4900, region=0, width=4), Cut(5000, 100)]


def test_a_run_is_at_most_256_kib_and_ends_at_a_region():
    regions = [region(f"n{index}", 8 + 60_000 * index, 60_000, "F16") for index in range(9)]
    found = cuts(8 + 540_000, *regions)
    assert max(cut.length for cut in found) <= RUN
    assert {cut.offset for cut in found} <= {0, *(one.offset for one in regions)}
    assert sum(cut.length for cut in found) == 540_008
    assert {cut.width for cut in found[1:]} == {2}


def test_the_width_of_a_run_is_told_if_all_its_regions_share_it_and_are_aligned():
    def width(*regions: Region) -> int:
        (cut,) = cuts(max(one.end for one in regions), *regions)
        return cut.width

    assert width(region("n0", 0, 8, "F32"), region("n1", 8, 8, "F32")) == 4
    assert width(region("n0", 0, 8, "F32"), region("n1", 8, 8, "F16")) == 0
    assert width(region("n0", 0, 8, "F32"), region("n1", 8, 8)) == 0
    assert width(region("n0", 0, 8, "F32"), region("n1", 12, 8, "F32")) == 4  # padding of one element
    assert width(region("n0", 0, 8, "F32"), region("n1", 11, 8, "F32")) == 0
    assert width(region("n0", 0, 7, "F32"), region("n1", 7, 1, "U8")) == 0
    assert width(region("n0", 0, 7, "F32")) == 0


def test_long_gaps_are_left_to_cutting_by_content():
    found = cuts(10 * RUN, region("w", 2 * RUN, LARGE), region("n", 4 * RUN, 10), region("m", 7 * RUN, 10))
    by_content = [(cut.offset, cut.length) for cut in found if cut.fastcdc]
    assert by_content == [
        (0, 2 * RUN), (2 * RUN + LARGE, 2 * RUN - LARGE), (4 * RUN + 10, 3 * RUN - 10), (7 * RUN + 10, 3 * RUN - 10)
    ]
    assert all(cut.region is None and not cut.width for cut in found if cut.fastcdc)
    assert not [cut for cut in cuts(RUN + 10, region("n", RUN, 10)) if cut.fastcdc]


def test_the_header_has_a_chunk_of_its_own():
    old = make.safetensors(make.tensors(*[3000] * 200))
    new = make.safetensors(make.tensors(*[3000] * 200), {"note": "x" * 60})
    assert new_bytes(old, new) == 8 + int.from_bytes(new[:8], "little")


def test_a_small_tensor_that_is_added_changes_the_runs_around_it():
    """Two hundred tensors of 24 KB, as adapters have: without ends of runs by name half of the file would be new."""
    contents = make.tensors(*[24_000] * 200)
    added = dict(sorted([*contents.items(), ("t100x", ("F32", (6000,), make.noise(24_000, 999)))]))
    old, new = make.safetensors(contents), make.safetensors(added)
    assert new_bytes(old, new) < 0.15 * len(new)


def test_the_same_weights_in_another_format_are_the_same_chunks():
    contents = make.tensors(300_000, 2_500_000, 64, 70_000, 128)
    old = make.safetensors(contents)
    small = 4096
    assert new_bytes(old, make.torch_zip(contents)) < small
    assert new_bytes(old, make.onnx_of(contents)) < small
    arrays = {name + ".npy": make.npy("<f4", shape, raw) for name, (_, shape, raw) in contents.items()}
    assert new_bytes(old, make.zip_of(arrays)) < small
    assert new_bytes(old, make.gguf({name: (0, shape, raw) for name, (_, shape, raw) in contents.items()})) < small


def test_a_file_that_is_smaller_than_its_layout_has_no_plan():
    layout = Layout("x@1", [region("a", 0, 100)], 100)
    with pytest.raises(InvalidObject):
        list(plan(layout, 99))
    assert [cut.length for cut in plan(layout, 150)] == [100, 50]


# Streams

CONTENT = make.safetensors(make.tensors(300_000, 5_000_000, 64, 70_000, 128), {"pad": make.noise(200_000).hex()})


def streamed(content: bytes, step: int) -> list[tuple[bytes, Cut]]:
    layout = split(BytesSource(CONTENT))
    pieces = [content[at : at + step] for at in range(0, len(content), step)]
    groups = list(cut_by_plan(pieces, plan(layout, len(CONTENT))))
    assert all(groups)
    assert max((sum(len(view) for view, _ in group) for group in groups), default=0) < (4 << 20) + PIECE
    return [(bytes(view), cut) for group in groups for view, cut in group]


def test_a_stream_is_cut_alike_in_any_pieces():
    whole = streamed(CONTENT, len(CONTENT))
    assert b"".join(view for view, _ in whole) == CONTENT
    for step in (1_000, 65_536, 1 << 20, 4 << 20):
        assert streamed(CONTENT, step) == whole
    for view, cut in whole:
        assert CONTENT[cut.offset : cut.offset + cut.length] == view
        assert not cut.fastcdc
    header = [len(view) for view, cut in whole if cut.region is None]
    assert len(header) > 2  # of 400 KB, cut by content
    assert max(header) <= RUN


@pytest.mark.parametrize("left", [0, 1, 5, 300_000, 400_100, 401_000, 2_000_000, len(CONTENT) - 1])
def test_all_bytes_come_out_of_a_file_that_became_shorter(left):
    found = streamed(CONTENT[:left], 100_000)
    assert b"".join(view for view, _ in found) == CONTENT[:left]
    assert [len(view) for view, _ in found] == [cut.length for _, cut in found]


@pytest.mark.parametrize("more", [1, RUN, RUN + 1, 5 << 20])
def test_all_bytes_come_out_of_a_file_that_became_longer(more):
    grown = CONTENT + make.noise(more)
    found = streamed(grown, 1 << 20)
    assert b"".join(view for view, _ in found) == grown
    after = [cut for _, cut in found if cut.offset >= len(CONTENT)]
    assert [cut.length for cut in after] == [RUN] * (more // RUN) + [more % RUN] * bool(more % RUN)
    assert all(cut.region is None for cut in after)


def test_empty_pieces_are_no_end():
    groups = cut_by_plan([b"", b"ab", b"", b"c"], [Cut(0, 1), Cut(1, 2)])
    assert [[(bytes(view), cut) for view, cut in group] for group in groups] == [[(b"a", Cut(0, 1)), (b"bc", Cut(1, 2))]]
