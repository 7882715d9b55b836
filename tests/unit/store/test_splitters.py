"""Each format's tensors are found where the format's own library has put them."""

from __future__ import annotations

import io
import os
import pickletools
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from mvcs.errors import InvalidObject
from mvcs.store.splitters.detect import split
from mvcs.store.splitters.layout import UNKNOWN_SHAPE, Layout, Region, element_width, stored_bytes
from mvcs.store.splitters.onnx import external, is_plain, layout_for_external
from mvcs.store.splitters.source import BytesSource, FileSource, Window
from mvcs.store.splitters.torch_pickle import _STEPS, read_storages
from tests.unit.store import splitter_files as make

WEIGHTS = Path(__file__).with_name("weights")
A = struct.pack("<12f", *range(12))
B = struct.pack("<5q", *range(5))
C = struct.pack("<8e", *range(8))
USUAL = {("layer.a", "F32", (3, 4), A), ("layer.b", "I64", (5,), B), ("c", "F16", (8,), C)}


def found(content: bytes) -> Layout:
    layout = split(BytesSource(content))
    assert layout is not None
    return layout


def rows(content: bytes) -> set[tuple[str, str, tuple[int, ...], bytes]]:
    return {(r.name, r.dtype, r.shape, content[r.offset : r.end]) for r in found(content).regions}


def lines(content: bytes) -> list[tuple[str, str, tuple[int, ...]]]:
    return [(r.name, r.dtype, r.shape) for r in found(content).regions]


def weights(name: str) -> bytes:
    return (WEIGHTS / name).read_bytes()


# What the libraries wrote

@pytest.mark.parametrize(("name", "splitter"), [
    ("model.safetensors", "safetensors@1"), ("model.pt", "torch@1"), ("model-protocol4.pt", "torch@1"), ("model.npz", "npz@1"),
])
def test_a_file_of_three_tensors(name, splitter):
    content = weights(name)
    assert found(content).splitter == splitter
    assert rows(content) == USUAL


def test_gguf_with_a_quantised_tensor():
    content = weights("model.gguf")
    assert found(content).splitter == "gguf@1"
    assert rows(content) > USUAL
    region = found(content).find("q")
    assert (region.dtype, region.shape, region.length, region.width) == ("Q8_0", (2, 64), 4 * 34, 1)
    assert content[region.offset + 34 : region.offset + 36] != content[region.offset : region.offset + 2]  # scales
    assert region.end == len(content) or not content[region.end :].strip(b"\0")


def test_onnx_with_subgraphs_and_floats_of_their_own_field():
    content = weights("model.onnx")
    ones = struct.pack("<f", 1)
    assert rows(content) == USUAL | {
        ("cst.value", "F32", (3, 4), ones * 12), ("cst.value#2", "F32", (3, 4), ones * 12),
        ("inner", "F32", (2, 2), ones * 4), ("inner#2", "F32", (2, 2), ones * 4),
        ("floats", "F32", (2, 2), struct.pack("<f", 0.5) * 4),
    }


def test_onnx_with_data_at_its_side():
    regions = external(BytesSource(weights("external.onnx")))
    assert set(regions) == {"external.data"}
    data = weights("external.data")
    layout = layout_for_external(regions["external.data"], len(data))
    assert {(r.name, r.dtype, r.shape, data[r.offset : r.end]) for r in layout.regions} > USUAL
    assert layout_for_external(regions["external.data"], len(data) - 1) is None


def test_a_fortran_array_has_one_dimension():
    content = weights("fortran.npy")
    assert rows(content) == {("array", "F32", (12,), struct.pack("<12f", *(4 * j + i for i in range(4) for j in range(3))))}


def test_a_module_and_a_script_have_the_names_of_a_state_dict():
    names = ["0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var", "1.num_batches_tracked"]
    assert [name for name, _, _ in lines(weights("module.pt"))] == names
    assert lines(weights("script.pt")) == lines(weights("module.pt"))
    assert lines(weights("script.pt"))[-1] == ("1.num_batches_tracked", "I64", ())


def test_a_checkpoint_of_many_sorts():
    by_name = {name: rest for name, *rest in lines(weights("checkpoint.pt"))}
    assert by_name["model.layer.a"] == ["F32", (3, 4)]
    assert by_name["tied.0"] == ["F32", (2, 3)]  # two tensors over all of one storage: the first names it
    assert by_name["eight"] == ["F8_E4M3", (4,)]
    assert by_name["bf"] == ["BF16", (2, 2)]
    assert by_name["sixteen"] == ["U16", (3,)]
    assert by_name["scalar"] == ["F32", ()]
    assert by_name["par"] == ["F32", (2, 1, 3)]
    assert by_name["opt.state.0.exp_avg"] == ["F32", (3,)]
    others = sorted((dtype, shape) for name, (dtype, shape) in by_name.items() if name.startswith("data/"))
    # a part of a storage, and the indices and values of a sparse tensor
    assert others == [("F32", (2,)), ("F32", (10,)), ("I64", (2, 2))]
    assert by_name["turned"] == ["F32", (6,)]  # a transposed tensor: not in C order
    assert len(by_name) == 14


@pytest.mark.parametrize("name", ["model-legacy.pt", "compressed.npz", "external.data", "README.md"])
def test_others_are_cut_by_content(name):
    assert split(BytesSource(weights(name))) is None


@pytest.mark.parametrize("name", ["model.pt", "model-protocol4.pt", "checkpoint.pt", "module.pt", "script.pt"])
def test_every_opcode_that_torch_writes_is_known(name):
    with zipfile.ZipFile(WEIGHTS / name) as archive:
        (entry,) = [entry for entry in archive.namelist() if entry.endswith("/data.pkl")]
        raw = archive.read(entry)
    codes = {ord(code.code) for code, _, _ in pickletools.genops(raw)}
    assert codes - {ord(".")} <= set(_STEPS)
    assert read_storages(raw)


def test_nothing_of_a_checkpoint_is_imported_or_called(tmp_path):
    """A pickle that would write a file when it is loaded is read as data."""
    target = tmp_path / "pwned"
    evil = make.name("os", "system") + b"(" + make.text(f"touch {target}") + b"tR"
    pickle = b"\x80\x02}(" + make.text("x") + evil + make.text("t") + make.tensor("0", "FloatStorage", 2, (2,)) + b"u."
    content = make.torch_zip({"t": ("F32", (2,), bytes(8))}, pickle)
    assert lines(content) == [("t", "F32", (2,))]
    assert not target.exists()


def test_no_splitter_loads_pickle():
    script = (
        "import sys; from mvcs.store.splitters.detect import split; from mvcs.store.splitters.source import BytesSource\n"
        "for path in sys.argv[1:]: split(BytesSource(open(path, 'rb').read()))\n"
        "print(' '.join(sys.modules))"
    )
    paths = [str(WEIGHTS / name) for name in ("checkpoint.pt", "model.safetensors", "model.gguf", "model.onnx")]
    loaded = subprocess.run([sys.executable, "-S", "-c", script, *paths], cwd=WEIGHTS.parents[3], capture_output=True, text=True, check=True)
    modules = set(loaded.stdout.split())
    assert "mvcs.store.splitters.torch_pickle" in modules
    assert not modules & {"pickle", "numpy", "torch", "json", "zipfile", "ast", "dataclasses", "pathlib"}


def test_a_format_is_imported_when_it_is_met():
    script = (
        "import sys; from mvcs.store.splitters.detect import split; from mvcs.store.splitters.source import BytesSource\n"
        "split(BytesSource(b'plain text')); print(' '.join(sys.modules))"
    )
    loaded = subprocess.run([sys.executable, "-S", "-c", script], cwd=WEIGHTS.parents[3], capture_output=True, text=True, check=True)
    modules = {name.rpartition(".")[2] for name in loaded.stdout.split() if name.startswith("mvcs.store.splitters.")}
    assert modules == {"detect", "layout", "source"}


# What our own writers wrote

def test_safetensors_headers_of_any_legal_form():
    header = b' { "__metadata__" : { "a" : "b \\" } {" , "c":"" } ,\n "\\u00e4 \\"x\\"" : {"data_offsets": [ 8 , 12 ],\t"shape":[ ], "dtype":"F32"},"e":{"dtype":"I64","shape":[1,1],"data_offsets":[0,8]}}   '
    content = make.raw_safetensors(header.replace(b" {", b"{", 1), bytes(range(12)))
    assert rows(content) == {("ä \"x\"", "F32", (), bytes(range(8, 12))), ("e", "I64", (1, 1), bytes(range(8)))}


def test_an_element_type_of_the_future_has_bytes_only():
    content = make.raw_safetensors(b'{"a":{"dtype":"F3_NEW","shape":[5],"data_offsets":[0,3]}}', b"abc")
    (region,) = found(content).regions
    assert (region.dtype, region.width) == ("", 0)


def test_elements_below_a_byte_are_packed():
    content = make.raw_safetensors(b'{"a":{"dtype":"F4","shape":[3],"data_offsets":[0,2]}}', b"ab")
    assert lines(content) == [("a", "F4", (3,))]
    assert (stored_bytes("F6_E2M3", 4), stored_bytes("F6_E2M3", 5)) == (3, 4)


def test_a_pickle_whose_memo_does_not_count_is_not_believed():
    one = {"t": ("F32", (2,), bytes(8))}
    for put, told in ((b"q\x00", ("t", "F32", (2,))), (b"q\x01", ("data/0", "", UNKNOWN_SHAPE))):
        pickle = b"\x80\x02}" + put + b"(" + make.text("t") + make.tensor("0", "FloatStorage", 2, (2,)) + b"u."
        assert lines(make.torch_zip(one, pickle)) == [told]


def test_a_storage_whose_pickle_says_another_length_is_bytes_only():
    one = {"t": ("F32", (3,), bytes(12))}
    pickle = b"\x80\x02}(" + make.text("t") + make.tensor("0", "FloatStorage", 2, (2,)) + b"u."
    assert lines(make.torch_zip(one, pickle)) == [("data/0", "", UNKNOWN_SHAPE)]


@pytest.mark.parametrize("pickle", [b"", b"\x80\x02", b"garbage", b"\x80\x02}(u", b"\x80\x02}r\xff\xff\xff\xff.", b"\x80\x02X\xff\xff\xff\xff."])
def test_a_checkpoint_with_an_odd_pickle_has_its_entries(pickle):
    one = {"t": ("F32", (3,), bytes(12))}
    assert lines(make.torch_zip(one, pickle or b"\x80")) == [("data/0", "", UNKNOWN_SHAPE)]


@pytest.mark.parametrize(("shape", "stride", "told"), [
    ((2, 3), (3, 1), (2, 3)), ((2, 3), (1, 2), (6,)), ((6, 1), (1, 7), (6, 1)), ((1, 6), (9, 1), (1, 6)), ((1, 1, 6), (6, 6, 1), (1, 1, 6)),
    ((2, 1, 3), (1, 5, 2), (6,)), ((), (), None), ((6,), (1,), (6,)), ((2, 3), (2, 1), None), ((2, 3), (3, 2), None), ((3,), (1,), None),
])
def test_the_shape_of_a_storage_is_its_tensor_s_if_that_is_all_of_it(shape, stride, told):
    pickle = b"\x80\x02}(" + make.text("w") + make.tensor("0", "FloatStorage", 6, shape, stride=stride) + b"u."
    expected = ("data/0", "F32", (6,)) if told is None else ("w", "F32", told)
    assert lines(make.torch_zip({"w": ("F32", (6,), bytes(24))}, pickle)) == [expected]


@pytest.mark.parametrize("second", [
    make.tensor("0", "FloatStorage", 6, (2,)), make.tensor("0", "FloatStorage", 6, (3, 2)), make.tensor("0", "FloatStorage", 6, (3, 2), stride=(1, 3)),
])
def test_a_storage_of_two_unlike_tensors_has_the_name_of_its_entry(second):
    first = make.tensor("0", "FloatStorage", 6, (2, 3))
    one = {"w": ("F32", (6,), bytes(24))}

    def told(*tensors: bytes) -> list[tuple[str, str, tuple[int, ...]]]:
        body = b"".join(make.text(f"t{index}") + tensor for index, tensor in enumerate(tensors))
        return lines(make.torch_zip(one, b"\x80\x02}(" + body + b"u."))

    assert told(first, first) == [("t0", "F32", (2, 3))]
    assert told(first, second) == told(second, first) == [("data/0", "F32", (6,))]


@pytest.mark.parametrize(("shape", "told"), [((3, 4), (12,)), ((12, 1), (12, 1)), ((12,), (12,)), ((2, 3, 2), (12,))])
def test_an_array_in_fortran_order_is_never_taken_for_one_in_c_order(shape, told):
    assert lines(make.npy("<f4", shape, bytes(48), fortran=True)) == [("array", "F32", told)]
    assert lines(make.npy("<f4", shape, bytes(48))) == [("array", "F32", shape)]


def test_names_that_come_twice_name_nothing_twice():
    one = {"x": ("F32", (1,), b"aaaa"), "y": ("F32", (1,), b"bbbb")}
    first, second = (make.tensor(key, "FloatStorage", 1, (1,)) for key in "01")
    pickle = b"\x80\x02}(" + make.text("a.b") + first + make.text("a") + b"}(" + make.text("b") + second + b"uu."
    assert lines(make.torch_zip(one, pickle)) == [("a.b", "F32", (1,)), ("data/1", "F32", (1,))]


def test_big_endian_checkpoints_have_bytes_only():
    content = make.torch_zip({"t": ("F32", (2,), bytes(8))}).replace(b"little", b"big   ")
    crc = lambda raw: struct.pack("<I", __import__("zlib").crc32(raw))  # noqa: E731
    content = content.replace(crc(b"little"), crc(b"big   "))
    assert lines(content) == [("data/0", "", UNKNOWN_SHAPE)]


def test_entries_that_are_no_storages_are_no_regions():
    content = make.torch_zip({"t": ("F32", (2,), bytes(8))}, more={"archive/extra/notes.txt": b"x" * 100, "other": b"y"})
    assert lines(content) == [("t", "F32", (2,))]


def test_archives_with_64_bit_sizes():
    array = make.npy("<f4", (3,), b"abcdefghijkl")
    assert rows(make.zip_of({"a.npy": array}, zip64=True)) == {("a", "F32", (3,), b"abcdefghijkl")}


def test_compressed_members_are_no_regions():
    array = make.npy("<f4", (3,), b"abcdefghijkl")
    content = make.zip_of({"a.npy": array, "b.npy": array}, compressed=("a.npy",))
    assert lines(content) == [("b", "F32", (3,))]


def test_an_archive_that_was_written_to_a_pipe():
    """Sizes then follow the data, and the local headers have none."""

    class Pipe(io.RawIOBase):
        def __init__(self):
            self.content = b""

        def writable(self):
            return True

        def write(self, piece):
            self.content += bytes(piece)
            return len(piece)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w") as archive, archive.open("a.npy", "w") as member:
        member.write(make.npy("<f4", (3,), b"abcdefghijkl"))
    assert rows(pipe.content) == {("a", "F32", (3,), b"abcdefghijkl")}


def test_archives_of_other_things_are_cut_by_content():
    assert split(BytesSource(make.zip_of({"a.txt": b"a" * 100, "data.pkl": b"."}))) is None
    assert split(BytesSource(make.zip_of({"m/data.pkl": b".", "m/data/0": b"aaaa"}))) is None  # no version


@pytest.mark.parametrize(("descr", "dtype", "width"), [
    ("<f4", "F32", 4), ("|u1", "U8", 1), ("|b1", "BOOL", 1), ("<c8", "C64", 8), ("<i8", "I64", 8), ("=f2", "F16", 2),
])
@pytest.mark.parametrize("version", [1, 2, 3])
def test_arrays(descr, dtype, width, version):
    raw = make.noise(6 * width)
    content = make.npy(descr, (2, 3), raw, version=version)
    assert rows(content) == {("array", dtype, (2, 3), raw)}
    assert found(content).regions[0].width == width


@pytest.mark.parametrize("descr", [">f4", "<U3", "<c16", "<M8[ns]", [("x", "<f4"), ("y", "<i8")], "|V7"])
def test_arrays_whose_elements_have_no_name_here_are_bytes(descr):
    header = repr({"descr": descr, "fortran_order": False, "shape": (2,)}).encode()
    assert rows(make.raw_npy(header, b"0123456789")) == {("array", "", UNKNOWN_SHAPE, b"0123456789")}


@pytest.mark.parametrize("header", [
    b"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }   \n", b'{"shape":(2,1),"fortran_order":False,"descr":"<f4"}', b"{ 'shape' : ( 2 , 1 , ) , 'descr':'<f4','fortran_order':True}",
])
def test_headers_of_other_writers(header):
    assert lines(make.raw_npy(header, bytes(8))) == [("array", "F32", (2, 1))]


def test_a_number_is_an_array_too():
    assert lines(make.npy("<f8", (), bytes(8))) == [("array", "F64", ())]


def test_an_array_of_objects_is_cut_by_content():
    assert split(BytesSource(make.npy("|O", (2,), b"\x80\x04."))) is None


@pytest.mark.parametrize("version", [2, 3])
def test_gguf_walks_over_metadata_of_every_type(version):
    values = [(0, b"\1"), (1, b"\1"), (2, b"\1\0"), (3, b"\1\0"), (4, bytes(4)), (5, bytes(4)), (6, bytes(4)), (7, b"\1"),
              (8, make.gguf_text(b"word")), (10, bytes(8)), (11, bytes(8)), (12, bytes(8)),
              (9, struct.pack("<IQ", 8, 2) + make.gguf_text(b"a") + make.gguf_text(b"")),
              (9, struct.pack("<IQ", 9, 1) + struct.pack("<IQ", 2, 3) + bytes(6))]
    metadata = b"".join(make.gguf_text(b"key%d" % kind) + struct.pack("<I", kind) + raw for kind, raw in values)
    metadata += make.gguf_text(b"general.alignment") + struct.pack("<II", 4, 64)
    raw = make.noise(40)
    content = make.gguf({"w": (0, (5, 2), raw), "k": (12, (256,), bytes(144))}, metadata, len(values) + 1, version, align=64)
    assert rows(content) == {("w", "F32", (2, 5), raw), ("k", "Q4_K", (256,), bytes(144))}
    assert found(content).regions[0].offset % 64 == 0


def test_gguf_version_1_and_big_endian_are_cut_by_content():
    good = make.gguf({"w": (0, (2,), bytes(8))})
    assert split(BytesSource(good))
    assert split(BytesSource(good[:4] + struct.pack("<I", 1) + good[8:])) is None
    assert split(BytesSource(good[:4] + struct.pack(">I", 3) + good[8:])) is None


def test_onnx_in_functions_and_training_graphs():
    node = make.field(2, "out") + make.field(5, make.field(1, "value") + make.field(5, make.onnx_tensor("", 1, (1,), b"abcd")))
    graph = make.field(5, make.onnx_tensor("w", 1, (1,), b"efgh"))
    content = make.onnx(make.field(1, node)) + make.field(20, make.field(1, graph)) + make.field(25, make.field(1, "f") + make.field(7, node))
    assert rows(content) == {("out.value", "F32", (1,), b"abcd"), ("w", "F32", (1,), b"efgh"), ("out.value#2", "F32", (1,), b"abcd")}


def test_onnx_with_packed_dimensions():
    packed = make.field(1, make.varint(300) + make.varint(2)) + make.field(2, 3) + make.field(8, "w") + make.field(9, bytes(600))
    assert lines(make.onnx(make.field(5, packed))) == [("w", "I8", (300, 2))]


@pytest.mark.parametrize("location", ["../up", "/etc/passwd", "a/../../b", "", "c:\\x", "a//b", "./a", "nul\0", "a/"])
def test_external_data_outside_of_the_folder_are_not_told(location):
    assert not is_plain(location)
    graph = make.field(5, make.onnx_external("w", 1, (2,), location=location, offset="0", length="8"))
    assert external(BytesSource(make.onnx(graph))) == {}


def test_external_data_without_offset_or_length():
    graph = make.field(5, make.onnx_external("w", 1, (2,), location="d/w.bin"))
    assert external(BytesSource(make.onnx(graph))) == {"d/w.bin": (Region("w", "F32", (2,), 0, 8),)}


def test_tensors_that_share_external_data_are_one_region():
    graph = b"".join(make.field(5, make.onnx_external(label, 1, (2,), location="d")) for label in "ab")
    regions = external(BytesSource(make.onnx(graph)))["d"]
    assert [region.name for region in regions] == ["a", "b"]
    assert layout_for_external(regions, 8).regions == regions[:1]
    half = Region("c", "F32", (1,), 4, 4)
    assert layout_for_external((*regions, half), 8) is None


@pytest.mark.parametrize("content", [b"", b"\x08", b"\x08\x01", b"not a model", make.field(1, 8), make.field(1, 1) + make.field(2, b"meta")])
def test_external_of_no_model_is_nothing(content):
    assert external(BytesSource(content)) == {}


# Layouts

def test_a_layout_is_sorted_and_found_by_name():
    one, two = Region("a", "F32", (2,), 8, 8), Region("b", "", UNKNOWN_SHAPE, 0, 8)
    layout = Layout("x@1", [one, two], 16)
    assert layout.regions == (two, one)
    assert (layout.find("a"), layout.find("c")) == (one, None)
    assert layout == Layout("x@1", [two, one], 16)
    assert layout != Layout("x@1", [two], 16)


@pytest.mark.parametrize("regions", [
    [Region("a", "", UNKNOWN_SHAPE, 0, 17)], [Region("a", "", UNKNOWN_SHAPE, -1, 4)], [Region("a", "", UNKNOWN_SHAPE, 4, -1)],
    [Region("a", "", UNKNOWN_SHAPE, 0, 8), Region("b", "", UNKNOWN_SHAPE, 7, 2)],
    [Region("a", "", UNKNOWN_SHAPE, 0, 8), Region("a", "", UNKNOWN_SHAPE, 8, 2)],
    [Region("a", "F32", (3,), 0, 8)], [Region("a", "F32", (-2, -1), 0, 8)], [Region("a", "", (-3,), 0, 8)],
    [Region("a" * 5000, "", UNKNOWN_SHAPE, 0, 8)], [Region("a", "", (1,) * 65, 0, 8)],
])
def test_an_illegal_layout_is_refused(regions):
    with pytest.raises(InvalidObject):
        Layout("x@1", regions, 16)


def test_widths():
    assert [element_width(dtype) for dtype in ("F32", "BF16", "F8_E4M3", "F64", "BOOL", "F4", "Q4_K", "", "X")] == [4, 2, 1, 8, 1, 1, 1, 0, 0]


# Sources

def test_a_file_is_read_without_moving_in_it(tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(weights("model.safetensors"))
    descriptor = os.open(path, os.O_RDONLY)
    try:
        source = FileSource(descriptor, path.stat().st_size)
        assert split(source) == split(BytesSource(path.read_bytes()))
        assert os.lseek(descriptor, 0, os.SEEK_CUR) == 0
        assert source.read_at(source.size - 2, 10) == path.read_bytes()[-2:]
        assert source.read_at(source.size + 5, 10) == b""
    finally:
        os.close(descriptor)


def test_what_cannot_be_read_is_no_doubt(tmp_path):
    descriptor = os.open(tmp_path, os.O_RDONLY)
    try:
        with pytest.raises(IsADirectoryError):
            split(FileSource(descriptor, 100))
    finally:
        os.close(descriptor)


def test_a_window_reads_no_more_than_it_needs():
    class Counted(BytesSource):
        read = 0

        def read_at(self, offset, length):
            self.read += length
            return super().read_at(offset, length)

    source = Counted(bytes(10 << 20))
    window = Window(source, 0, source.size)
    window.take(4)
    window.skip(9 << 20)
    assert window.take(8) == bytes(8)
    assert source.read <= 2 * 65536
    assert window.at == (9 << 20) + 12
