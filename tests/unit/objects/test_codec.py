"""Only one byte string is accepted for a value, whatever an attacker sends."""

from __future__ import annotations

import msgpack
import pytest

from mvcs.errors import InvalidObject, UnknownFeature
from mvcs.objects.codec import MAX_DEPTH, MAX_NUMBER, MAX_PAYLOAD, Fields, decode, encode

HEAD = b"\xa3tag\x01"


def one_field(field: bytes) -> bytes:
    """An object of kind tag, version 1, with one field."""
    return b"\x93" + HEAD + field


LEGAL = {
    "nil": b"\xc0", "zero": b"\x00", "largest fixint": b"\x7f", "uint8": b"\xcc\x80", "int8": b"\xd0\x80",
    "text": b"\xa1a", "empty text": b"\xa0", "bin": b"\xc4\x01\x00", "empty bin": b"\xc4\x00", "array": b"\x91\x90",
    "int64": b"\xd3\x80" + bytes(7),
}
HOSTILE = {
    "nothing": b"",
    "only a header": b"\x93",
    "cut off": b"\x93" + HEAD,
    "trailing bytes": one_field(b"\xc0\xc0"),
    "a thousand arrays in arrays": b"\x91" * 1000 + b"\xc0",
    "a thousand arrays in a field": one_field(b"\x91" * 1000 + b"\xc0"),
    "a hundred thousand arrays": one_field(b"\x91" * 100_000),
    "an array of 2**32 - 1": one_field(b"\xdd\xff\xff\xff\xff"),
    "an array of 131,073": one_field(b"\xdd\x00\x02\x00\x01" + b"\xc0" * 131_073),
    "a bin of 2**32 - 1 bytes": one_field(b"\xc6\xff\xff\xff\xff"),
    "a text of 2**32 - 1 bytes": one_field(b"\xdb\xff\xff\xff\xff"),
    "a map of 2**32 - 1": one_field(b"\xdf\xff\xff\xff\xff"),
    "an extension of 2**32 - 1 bytes": one_field(b"\xc9\xff\xff\xff\xff\x01"),
    "one in eight bits": one_field(b"\xcc\x01"),
    "one in sixteen bits": one_field(b"\xcd\x00\x01"),
    "one in 32 bits": one_field(b"\xce\x00\x00\x00\x01"),
    "one in 64 bits": one_field(b"\xcf" + bytes(7) + b"\x01"),
    "one with a sign": one_field(b"\xd0\x01"),
    "minus one in eight bits": one_field(b"\xd0\xff"),
    "a short text as str8": one_field(b"\xd9\x01a"),
    "a short text as str16": one_field(b"\xda\x00\x01a"),
    "a short bin as bin16": one_field(b"\xc5\x00\x01a"),
    "a short array as array16": one_field(b"\xdc\x00\x00"),
    "a float": one_field(b"\xcb" + bytes(8)),
    "a short float": one_field(b"\xca" + bytes(4)),
    "true": one_field(b"\xc3"),
    "false": one_field(b"\xc2"),
    "true inside an array": one_field(b"\x91\xc3"),
    "an empty map": one_field(b"\x80"),
    "a map": one_field(b"\x81\xa1a\x01"),
    "an extension": one_field(b"\xd4\x05\x00"),
    "an empty extension": one_field(b"\xc7\x00\x05"),
    "a timestamp": one_field(b"\xd6\xff" + bytes(4)),
    "the byte that is never used": one_field(b"\xc1"),
    "text that is no UTF-8": one_field(b"\xa1\xff"),
    "text with a surrogate": one_field(b"\xa3\xed\xa0\x80"),
    "too many fields": b"\x94" + HEAD + b"\xc0\xc0",
    "too few fields": b"\x92" + HEAD,
    "another kind": b"\x93\xa4tree\x01\xc0",
    "a kind as bin": b"\x93\xc4\x03tag\x01\xc0",
    "no array": b"\xa3tag",
    "no version": b"\x91\xa3tag",
    "version 0": b"\x93\xa3tag\x00\xc0",
    "version -1": b"\x93\xa3tag\xff\xc0",
    "version true": b"\x93\xa3tag\xc3\xc0",
    "version as text": b"\x93\xa3tag\xa11\xc0",
}


@pytest.mark.parametrize("field", LEGAL.values(), ids=LEGAL.keys())
def test_the_canonical_form_is_accepted(field):
    assert encode(("tag", 1, *decode("tag", one_field(field), 1))) == one_field(field)


@pytest.mark.parametrize("payload", HOSTILE.values(), ids=HOSTILE.keys())
def test_anything_else_is_refused_with_a_clear_error(payload):
    with pytest.raises(InvalidObject):
        decode("tag", payload, 1)


def test_nesting_has_a_limit():
    deepest, deeper = b"\x91" * MAX_DEPTH + b"\x90", b"\x91" * (MAX_DEPTH + 1) + b"\x90"
    with pytest.raises(InvalidObject, match="nested"):
        decode("tag", one_field(deeper), 1)
    with pytest.raises(InvalidObject, match="nested"):
        decode("tag", one_field(deepest), 1)
    assert decode("tag", one_field(b"\x91" * (MAX_DEPTH - 1) + b"\x90"), 1)


def test_a_payload_over_the_limit_is_neither_read_nor_written():
    content = bytes(MAX_PAYLOAD - 11)  # head, array, and five bytes of bin header make exactly the limit
    payload = encode(("tag", 1, content))
    assert len(payload) == MAX_PAYLOAD
    assert decode("tag", payload, 1) == [content]
    with pytest.raises(InvalidObject, match="more than"):
        encode(("tag", 1, content + b"\0"))
    with pytest.raises(InvalidObject, match="more than"):
        decode("tag", msgpack.packb(("tag", 1, content + b"\0")), 1)


def test_what_nobody_could_decode_is_not_encoded():
    for field in ("\udc80", 2**64, -(2**63) - 1):
        with pytest.raises(InvalidObject):
            encode(("tag", 1, field))


def test_a_newer_version_is_not_called_damage():
    """Whatever else changed in it, the answer is to upgrade, not to repair."""
    for payload in (b"\x93\xa3tag\x02\xc0", b"\x95\xa3tag\x02\xc0\xc0\xc0", b"\x92\xa3tag\xcc\xff"):
        with pytest.raises(UnknownFeature) as caught:
            decode("tag", payload, 1)
        assert "tag-" in str(caught.value)


class TestFields:
    """Fields are taken in order, each with its type."""

    def test_each_type_is_told_from_the_others(self):
        takers = ("text", "raw", "number", "array")
        for taken, value in zip(takers, ("a", b"a", 1, []), strict=True):
            for taker in takers:
                fields = Fields("tag", [value])
                if taker == taken:
                    assert getattr(fields, taker)("field") == value
                else:
                    with pytest.raises(InvalidObject):
                        getattr(fields, taker)("field")

    def test_integers_have_sixty_four_bits_with_their_sign(self):
        assert Fields("tag", [MAX_NUMBER]).number("size") == MAX_NUMBER
        assert Fields("tag", [-(2**63)]).number("time", least=None) == -(2**63)
        with pytest.raises(InvalidObject):
            Fields("tag", [2**63]).number("size")
        with pytest.raises(InvalidObject):
            Fields("tag", [2**63]).number("time", least=None)
        with pytest.raises(InvalidObject):
            Fields("tag", [-1]).number("size")

    def test_an_oid_has_thirty_two_bytes(self):
        assert Fields("tag", [bytes(32)]).oid("target") == bytes(32)
        for length in (0, 31, 33):
            with pytest.raises(InvalidObject):
                Fields("tag", [bytes(length)]).oid("target")
        assert Fields("tag", [None]).oid_or_none("target") is None

    def test_too_few_and_too_many_are_refused(self):
        with pytest.raises(InvalidObject, match="missing"):
            Fields("tag", []).text("name")
        with pytest.raises(InvalidObject, match="too many"):
            Fields("tag", ["a"]).done()
        with pytest.raises(InvalidObject):
            Fields("tag", "not an array")
