"""Small writers of weight files, so that tests can write what no library would."""

from __future__ import annotations

import io
import json
import struct
import zipfile

STORAGES = {"F32": "FloatStorage", "F16": "HalfStorage", "BF16": "BFloat16Storage", "I64": "LongStorage", "U8": "ByteStorage"}
SIZES = {"F32": 4, "F16": 2, "BF16": 2, "I64": 8, "U8": 1, "F64": 8}

Tensors = dict[str, tuple[str, tuple[int, ...], bytes]]


def noise(size: int, seed: int = 0) -> bytes:
    from blake3 import blake3

    return blake3(b"weights %d" % seed).digest(length=size)


def tensors(*sizes: int, dtype: str = "F32") -> Tensors:
    """One-dimensional tensors t000, t001 ... of so many bytes."""
    each = SIZES[dtype]
    return {
        f"t{index:03}": (dtype, (size // each,), noise(size // each * each, index)) for index, size in enumerate(sizes)
    }


def safetensors(contents: Tensors, metadata: dict[str, str] | None = None) -> bytes:
    header: dict[str, object] = {"__metadata__": metadata} if metadata else {}
    at = 0
    for name, (dtype, shape, raw) in contents.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + len(raw)]}
        at += len(raw)
    return raw_safetensors(json.dumps(header, separators=(",", ":")).encode(), b"".join(raw for _, _, raw in contents.values()))


def raw_safetensors(header: bytes, data: bytes = b"") -> bytes:
    return len(header).to_bytes(8, "little") + header + data


# Pickles as torch writes them, opcode by opcode

def text(word: str) -> bytes:
    raw = word.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def number(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def name(module: str, attribute: str) -> bytes:
    return f"c{module}\n{attribute}\n".encode()


def storage(key: str, kind: str, count: int) -> bytes:
    return b"(" + text("storage") + name("torch", kind) + text(key) + text("cpu") + number(count) + b"tQ"


def tensor(key: str, kind: str, count: int, shape: tuple[int, ...], start: int = 0, stride: tuple[int, ...] | None = None) -> bytes:
    if stride is None:
        stride, step = (), 1
        for length in reversed(shape):
            stride, step = (step, *stride), step * length
    sizes = b"(" + b"".join(map(number, shape)) + b"t"
    strides = b"(" + b"".join(map(number, stride)) + b"t"
    arguments = b"(" + storage(key, kind, count) + number(start) + sizes + strides + b"\x89" + name("collections", "OrderedDict") + b")Rt"
    return name("torch._utils", "_rebuild_tensor_v2") + arguments + b"R"


def state_dict(contents: Tensors) -> bytes:
    body = b"".join(
        text(key) + tensor(str(index), STORAGES[dtype], len(raw) // SIZES[dtype], shape)
        for index, (key, (dtype, shape, raw)) in enumerate(contents.items())
    )
    return b"\x80\x02}(" + body + b"u."


def torch_zip(contents: Tensors, pickle: bytes | None = None, root: str = "archive", more: dict[str, bytes] | None = None) -> bytes:
    entries = {f"{root}/data.pkl": state_dict(contents) if pickle is None else pickle, f"{root}/byteorder": b"little"}
    entries |= {f"{root}/data/{index}": raw for index, (_, _, raw) in enumerate(contents.values())}
    return zip_of(entries | {f"{root}/version": b"3\n"} | (more or {}), align=64)


def zip_of(entries: dict[str, bytes], align: int = 0, compressed: tuple[str, ...] = (), zip64: bool = False) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for entry, raw in entries.items():
            info = zipfile.ZipInfo(entry)
            info.compress_type = zipfile.ZIP_DEFLATED if entry in compressed else zipfile.ZIP_STORED
            if align:
                padding = -(out.tell() + 30 + len(entry) + 4) % align
                info.extra = b"FB" + struct.pack("<H", padding) + b"Z" * padding
            with archive.open(info, "w", force_zip64=zip64) as member:
                member.write(raw)
    return out.getvalue()


def npy(dtype: str, shape: tuple[int, ...], raw: bytes, fortran: bool = False, version: int = 1) -> bytes:
    header = repr({"descr": dtype, "fortran_order": fortran, "shape": shape}).encode()
    return raw_npy(header + b"\n", raw, version)


def raw_npy(header: bytes, raw: bytes = b"", version: int = 1) -> bytes:
    return b"\x93NUMPY" + bytes((version, 0)) + len(header).to_bytes(2 if version == 1 else 4, "little") + header + raw


# GGUF

def gguf_text(word: bytes) -> bytes:
    return struct.pack("<Q", len(word)) + word


def gguf(contents: dict[str, tuple[int, tuple[int, ...], bytes]], metadata: bytes = b"", keys: int = 0, version: int = 3, align: int = 32) -> bytes:
    """Tensors are (type of GGML, lengths with the row first, bytes)."""
    table, data = b"", b""
    for key, (kind, lengths, raw) in contents.items():
        data += bytes(-len(data) % align)
        table += gguf_text(key.encode()) + struct.pack(f"<I{len(lengths)}QIQ", len(lengths), *lengths, kind, len(data))
        data += raw
    head = struct.pack("<4sIQQ", b"GGUF", version, len(contents), keys) + metadata + table
    return head + bytes(-len(head) % align) + data


# Protocol Buffers

def varint(value: int) -> bytes:
    out = b""
    while value >= 0x80:
        out += bytes((value & 0x7F | 0x80,))
        value >>= 7
    return out + bytes((value,))


def field(number: int, value: int | bytes | str) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    raw = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(raw)) + raw


def onnx_tensor(label: str, kind: int, shape: tuple[int, ...], raw: bytes) -> bytes:
    return b"".join(field(1, length) for length in shape) + field(2, kind) + field(8, label) + field(9, raw)


def onnx_external(label: str, kind: int, shape: tuple[int, ...], **notes: str) -> bytes:
    head = b"".join(field(1, length) for length in shape) + field(2, kind) + field(8, label)
    return head + b"".join(field(13, field(1, key) + field(2, value)) for key, value in notes.items()) + field(14, 1)


def onnx(graph: bytes, version: int = 8) -> bytes:
    return field(1, version) + field(2, "maker") + field(7, graph)


def onnx_of(contents: Tensors) -> bytes:
    kinds = {"F32": 1, "F16": 10, "I64": 7}
    return onnx(b"".join(field(5, onnx_tensor(key, kinds[dtype], shape, raw)) for key, (dtype, shape, raw) in contents.items()))
