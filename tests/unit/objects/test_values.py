"""Canonical JSON: one form for a value, and reading it gives the value that writes it."""

from __future__ import annotations

import math

import pytest

from mvcs.errors import InvalidObject
from mvcs.objects.values import canonical_json, parse_json


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ({"b": 1, "a": 2}, b'{"a":2,"b":1}'),
        ({"\u20ac": 1, "\r": 2, "1": 3, "\U0001f600": 4, "\ufb33": 5},
         '{"\\r":2,"1":3,"\u20ac":1,"\U0001f600":4,"\ufb33":5}'.encode()),
        ([1.0, -0.0, 1e-7, 1e21, 0.1], b"[1,0,1e-7,1e+21,0.1]"),
        ([math.nan, math.inf, -math.inf], b'["NaN","Infinity","-Infinity"]'),
        ({"deep": [{"x": math.nan}]}, b'{"deep":[{"x":"NaN"}]}'),
        (2**53 - 1, b"9007199254740991"),
        (2**53, b'"9007199254740992"'),
        (-(2**70), b'"-1180591620717411303424"'),
        ([True, None, ""], b'[true,null,""]'),
    ],
)
def test_a_value_has_one_form(value, form):
    assert canonical_json(value) == form


@pytest.mark.parametrize("value", [1e16, 123456789012345678.0, 1e20, 9007199254740992.0, -1e19, 5e-324, 1.7976931348623157e308])
def test_a_large_float_stays_a_number_when_it_is_read_and_written_again(value):
    """JSON writes floats below 1e21 with plain digits; they must not come back as strings."""
    form = canonical_json({"loss": value})
    assert parse_json(form) == {"loss": value}
    assert canonical_json(parse_json(form)) == form


@pytest.mark.parametrize("content", [
    b"", b"{", b"nul", b"NaN", b"[Infinity]", b"-Infinity", b'{"a":1,"a":2}', b'{"x":{"a":1,"a":1}}', b"\xff", b"1 2",
    b"[" * 100_000,
])
def test_what_is_no_json_is_refused(content):
    with pytest.raises(InvalidObject):
        parse_json(content)


def test_a_number_of_many_digits_is_read_at_once():
    assert parse_json(b"1" * 5000) == math.inf or parse_json(b"1" * 5000) > 1e300
