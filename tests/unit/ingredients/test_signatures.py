"""Signatures from the files of models: what real libraries wrote is read, and nothing hostile is run, allocated or told."""

from __future__ import annotations

import io
import json
import pathlib
import pickle
import struct
import tracemalloc
import zipfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvcs.errors import ChangedDuringCapture
from mvcs.formats.signature import problem_of
from mvcs.ingredients.signatures.reading import read_signature

FOLDER = pathlib.Path(__file__).parent / "signatures"
FILES = {str(path.relative_to(FOLDER)): path.read_bytes() for path in sorted(FOLDER.rglob("*")) if path.is_file()}
NAMES = ["age", "income", "été"]


def read(files, declared=None):
    return read_signature([(name, len(content)) for name, content in files.items()], lambda path: io.BytesIO(files[path]), declared or {})


def field(dtype, *shape):
    return {"dtype": dtype, "shape": list(shape)}


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith(("named", "pipeline", "forest", "compressed"))])
def test_feature_names_of_scikit_learn_are_read_in_order(name):
    assert read({name: FILES[name]}) == ({"features": NAMES}, ())


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("nameless")])
def test_features_without_names_are_counted(name):
    assert read({name: FILES[name]}) == ({"feature_count": 3}, ())


def test_a_graph_of_onnx():
    assert read({"graph.onnx": FILES["graph.onnx"]})[0] == {
        "inputs": {"x": field("float32", None, 3)},  # w has a value in the file: it is no input
        "outputs": {
            "y": field("float32", None, 2), "count": field("int64"), "any": {"dtype": "float64", "shape": None},
            "classes": {"dtype": "sequence", "shape": None},
        },
    }


def test_models_of_keras():
    assert read({"f.keras": FILES["functional.keras"]})[0] == {"inputs": {"image": field("float32", None, 28, 28, 1), "age": field("int32", None, 1)}}
    assert read({"s.keras": FILES["sequential.keras"]})[0] == {"inputs": {"row": field("float32", None, 4)}}


def test_signatures_of_mlflow():
    column = field("float64", None)
    assert read({"m/MLmodel": FILES["columns/MLmodel"]})[0] == {
        "inputs": dict.fromkeys(NAMES, column), "outputs": {"0": field("int64", None)}, "features": NAMES,
    }
    assert read({"m/MLmodel": FILES["tensors/MLmodel"]})[0] == {
        "inputs": {"0": field("float32", None, 3, 8)}, "outputs": {"p": field("float64", None, 2)},
    }


def safetensors(metadata):
    header = json.dumps({"__metadata__": metadata, "t": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(4)


def test_metadata_of_safetensors():
    said = {"inputs": {"x": "float32[?,4]"}, "outputs": {"y": field("int64", None)}, "features": ["b", "a"]}
    assert read({"m.safetensors": safetensors({"signature": json.dumps(said)})})[0] == {
        "inputs": {"x": field("float32", None, 4)}, "outputs": {"y": field("int64", None)}, "features": ["b", "a"],
    }
    assert read({"m.safetensors": safetensors({"format": "pt"})}) == ({}, ())


# Several files, and what is declared


def test_each_part_comes_from_the_file_that_tells_most():
    files = {"model.pkl": FILES["named-5.pkl"], "graph.onnx": FILES["graph.onnx"], "MLmodel": FILES["tensors/MLmodel"]}
    found, warnings = read(files)
    assert (list(found["inputs"]), list(found["outputs"]), found["features"], warnings) == (["0"], ["p"], NAMES, ())


def test_files_that_say_the_same_agree_and_others_say_nothing():
    twice = {"a.pkl": FILES["named-5.pkl"], "b.joblib": FILES["pipeline.joblib"]}
    assert read(twice) == ({"features": NAMES}, ())
    other = FILES["named-5.pkl"].replace(b"income", b"incame")
    found, warnings = read({**twice, "c.pkl": other, "d.pkl": FILES["named-5.pkl"]})
    assert found == {}
    (warning,) = warnings
    assert "a.pkl and c.pkl differ in their features" in warning


def test_what_is_declared_holds_and_the_rest_is_read():
    declared = {"inputs": {"row": field("float32", None)}, "features": ["x"]}
    found, _ = read({"graph.onnx": FILES["graph.onnx"], "a.pkl": FILES["named-5.pkl"]}, declared)
    assert (found["inputs"], found["features"], set(found["outputs"])) == (declared["inputs"], ["x"], {"y", "count", "any", "classes"})
    assert read({"a.pkl": FILES["nameless-5.pkl"]}, {"features": ["x"]})[0] == {"features": ["x"]}


def test_a_file_that_is_not_what_the_commit_has_is_no_doubt_but_an_error():
    def changed(path):
        raise ChangedDuringCapture(path=path)

    with pytest.raises(ChangedDuringCapture):
        read_signature([("a.pkl", 1)], changed, {})


# Hostile files


class Evil:
    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call


def test_a_pickle_is_never_executed(tmp_path):
    ran = tmp_path / "ran"
    call = (pathlib.Path.touch, (ran,))
    state = {"feature_names_in_": Evil(*call), "n_features_in_": 3, "also": Evil(*call)}
    for protocol in range(6):
        content = pickle.dumps([Evil(*call), state], protocol=protocol)
        assert read({"a.pkl": content}) == ({}, ())
        assert read({"a.joblib": zlib.compress(content)}) == ({}, ())
    assert not ran.exists()
    pickle.loads(content)
    assert ran.exists()  # it would have been


def op(name):
    import pickletools

    return next(op.code for op in pickletools.opcodes if op.name == name).encode("latin-1")


LONG = 1 << 60
MEMBER = b'{"config": {"layers": []}}'


def archive(name, content, *, directory=None):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(name, content)
    found = made.getvalue()
    if directory is not None:
        end = found.rindex(b"PK\5\6")
        found = found[: end + 12] + struct.pack("<I", directory) + found[end + 16 :]
    return found


def message(number, content):
    return bytes([number << 3 | 2]) + varint(len(content)) + content


def varint(value):
    made = b""
    while value > 127:
        made, value = made + bytes([value & 127 | 128]), value >> 7
    return made + bytes([value])


INPUT = message(11, message(1, b"x") + message(2, message(1, b"\x08\x01")))
HOSTILE = {
    "a.pkl": {
        "long bytes": op("BINBYTES8") + struct.pack("<Q", LONG) + b"x.", "long text": op("BINUNICODE8") + struct.pack("<Q", LONG) + b"x.",
        "long array": op("BYTEARRAY8") + struct.pack("<Q", LONG) + b"x.", "long integer": op("LONG4") + struct.pack("<i", (1 << 31) - 1) + b".",
        "negative length": op("LONG4") + struct.pack("<i", -1) + b".", "no end": b"]" * 100, "nothing on the stack": b".",
        "no mark": op("TUPLE") + b".", "no memo": op("BINGET") + b"\x05.", "a line without end": op("INT") + b"1" * 100_000,
        "many opcodes": b"N0" * 500_000 + b"N.", "persistent": op("BINPERSID") + b".", "extension": op("EXT1") + b"\x01.",
        "deep": b"]" * 3000 + op("APPEND") * 2999 + b".", "built from nothing": b"N}" + op("BUILD") + b".",
        "a pipeline in itself": b"csklearn.pipeline\nPipeline\n)\x81q\x00}X\x05\x00\x00\x00steps](X\x01\x00\x00\x00ah\x00\x86esb.",
        "out of band": op("NEXT_BUFFER") + b".", "an odd dictionary": b"(NNNd.", "long line in global": b"c" + b"a" * 100_000 + b"\nb\n.",
    },
    "a.joblib": {
        "a bomb": zlib.compress(bytes(64 << 20)), "cut off": zlib.compress(b"x" * 1000)[:20],
        "a wrapper of a size beyond all": pickle.dumps(0)[:0]
        + b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}(X\x05\x00\x00\x00dtypecnumpy\ndtype\nX\x02\x00\x00\x00f8\x85RX\x05\x00\x00\x00shape\x8a\x09"
        + b"\xff" * 8 + b"\x7f\x85ub.",
        "a wrapper of objects for ever": (
            b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}(X\x05\x00\x00\x00dtypecnumpy\ndtype\nX\x02\x00\x00\x00O8\x85RX\x05\x00\x00\x00shapeK\x01\x85ub"
        ) * 3000,
    },
    "a.onnx": {
        "two graphs": message(7, INPUT) * 2, "a long message": b"\x3a" + varint(LONG), "a long number": b"\x3a" + b"\xff" * 20, "a group": b"\x0b",
        "many fields": message(7, b"\x08\x01" * 310_000), "an unknown type": message(7, message(11, message(1, b"x") + message(2, message(1, b"\x08\x7f")))),
        "no type": message(7, message(11, message(1, b"x"))), "a long name": message(7, message(11, message(1, b"x" * 9000) + message(2, message(1, b"\x08\x01")))),
        "no UTF-8": message(7, message(11, message(1, b"\xff") + message(2, message(1, b"\x08\x01")))),
        "many dimensions": message(7, message(11, message(1, b"x") + message(2, message(1, b"\x08\x01" + message(2, message(1, b"") * 65))))),
    },
    "a.keras": {
        "a bomb": archive("config.json", b" " * (64 << 20)), "deep": archive("config.json", b"[" * 100_000), "no such member": archive("other", b"{}"),
        "no layers": archive("config.json", b'{"config": {}}'), "no JSON": archive("config.json", b"{"), "a directory beyond the end": archive("config.json", MEMBER, directory=1 << 19),
        "a list": archive("config.json", b"[]"), "no archive": b"PK\5\6", "a wrong shape": archive("config.json", json.dumps(
            {"config": {"layers": [{"class_name": "InputLayer", "config": {"name": "x", "dtype": "float32", "batch_shape": ["?"]}}]}}
        )),
    },
    "a.skops": {"a bomb": archive("schema.json", b" " * (64 << 20)), "nothing": archive("schema.json", b"{}"), "other names": archive("schema.json", json.dumps(
        {"__class__": "X", "content": {"content": {"feature_names_in_": {"__class__": "ndarray", "type": "json", "content": [{"__class__": "int", "content": "1"}]}}}}
    ))},
    "a.safetensors": {
        "a long header": struct.pack("<Q", LONG) + b"{}", "no metadata": struct.pack("<Q", 2) + b"{}", "not a map": safetensors({"signature": "[]"}), "a field of no type":
        safetensors({"signature": '{"inputs": {"x": "?"}}'}), "one name twice": safetensors({"signature": '{"features": ["a", "a"]}'}), "empty": b"",
        "features that are no names": safetensors({"signature": '{"features": [1]}'}), "a part that is no map": safetensors({"signature": '{"inputs": ["x"]}'}),
    },
    "MLmodel": {
        "no signature": b"flavors: {}\n", "no YAML": b"a: [", "an alias bomb": b"a: &a [x, x]\n" + b"".join(b"%c: &%c [*%c, *%c]\n" % (c + 1, c + 1, c, c) for c in range(97, 120)),
        "a wrong schema": b"signature:\n  inputs: '[1]'\n", "too long": b"#" * (5 << 20), "no JSON": b"signature:\n  inputs: '['\n", "an unknown type":
        b"signature:\n  inputs: '[{\"name\": \"x\", \"type\": \"A B\"}]'\n", "python": b"signature: !!python/object/apply:os.system ['true']\n",
    },
}


@pytest.mark.parametrize(("name", "what"), [(name, what) for name, cases in HOSTILE.items() for what in cases])
def test_a_hostile_file_says_nothing_and_takes_no_memory(name, what, tmp_path):
    path = tmp_path / name
    path.write_bytes(HOSTILE[name][what])
    says_nothing(path)


def says_nothing(path):
    tracemalloc.start()
    try:
        with open(path, "rb") as file:  # a buffered file allocates what is asked for, unlike bytes in memory
            assert read_signature([(path.name, path.stat().st_size)], lambda _: file, {}) == ({}, ())
        assert tracemalloc.get_traced_memory()[1] < 120 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", ["a.keras", "a.skops"])
def test_a_directory_of_an_archive_is_not_read_whatever_its_length(name, tmp_path):
    length = 200 << 20
    with open(tmp_path / name, "wb") as file:
        file.truncate(length)  # takes no room on the disk
        file.seek(length)
        file.write(b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, length, 0, 0))
    says_nothing(tmp_path / name)


@given(st.sampled_from(sorted(FILES)), st.integers(0, 1 << 20), st.binary(min_size=1, max_size=9), st.booleans())
def test_a_damaged_file_says_something_legal_or_nothing(name, place, patch, cut):
    content = bytearray(FILES[name])
    place %= len(content)
    content[place : len(content) if cut else place + len(patch)] = patch
    found, warnings = read({name: bytes(content)})
    assert problem_of(found) == ""
    assert warnings == ()


def test_files_without_a_reader_are_not_opened():
    def opened(path):
        raise AssertionError(path)

    assert read_signature([("model.pt", 10), ("a.bin", 3), ("MLmodel.txt", 1), ("onnx", 1)], opened, {}) == ({}, ())


def test_more_names_than_an_entry_holds_are_not_recorded():
    names = ["x" * 90 + str(number) for number in range(50_000)]
    signature = json.dumps({"features": names[:30_000]})
    assert len(read({"m.safetensors": safetensors({"signature": signature})})[0]["features"]) == 30_000
    found, (warning,) = read({}, {"features": names})
    assert found == {}
    assert "4 MiB" in warning
