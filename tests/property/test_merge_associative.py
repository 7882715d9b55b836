"""Three changes of different things give the same result whichever two are merged first, and whoever merges."""

from __future__ import annotations

import json
import tomllib
from itertools import permutations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mvcs.formats.content import Bytes
from mvcs.merge.config import merge_config
from mvcs.merge.packages import merge_packages
from mvcs.merge.text import merge_text
from mvcs.merge.values import leave

SIDES = (0, 1, 2)
OWNERS = st.lists(st.sampled_from([*SIDES, None]), min_size=1, max_size=24)
"""Which side changes each thing, None for nobody."""
FATES = st.integers(0, 2)
"""Changed, taken out, or another one put in behind it."""


def merged_all(merge, base: bytes, sides: list[bytes]) -> list[bytes]:
    """The results of all orders in which three sides can be merged."""
    def join(first: bytes, second: bytes) -> bytes:
        found = merge(Bytes(base), Bytes(first), Bytes(second))
        assert found.conflicts == ()
        return found.content.read()

    results = []
    for one, two, three in permutations(sides):
        results += [join(join(one, two), three), join(one, join(two, three))]
    return results


@given(OWNERS, st.data())
def test_text(owners, data):
    def written(side):
        lines = []
        for number, (owner, fate) in enumerate(zip(owners, fates, strict=True)):
            mine = owner is not None and owner == side
            lines += [] if mine and fate == 1 else [b"changed %d by %d\n" % (number, side)] if mine and fate == 0 else [b"line %d\n" % number]
            lines += [b"new %d by %d\n" % (number, side)] if mine and fate == 2 else []
            lines += [b"between %d, %d\n" % (number, row) for row in range(3)]  # so that the changes do not touch
        return b"".join(lines)

    fates = data.draw(st.lists(FATES, min_size=len(owners), max_size=len(owners)))
    results = merged_all(lambda *states: merge_text(*states, leave), written(None), [written(side) for side in SIDES])
    assert set(results) == {results[0]}
    for number, (owner, fate) in enumerate(zip(owners, fates, strict=True)):
        if owner is not None:
            text = (b"changed %d by %d\n", b"line %d\n", b"new %d by %d\n")[fate]
            wanted = text % number if fate == 1 else text % (number, owner)
            assert (wanted in results[0].splitlines(keepends=True)) == (fate != 1)


def valued(owners, fates, side):
    found = {}
    for number, (owner, fate) in enumerate(zip(owners, fates, strict=True)):
        mine = owner is not None and owner == side
        if not (mine and fate == 1):
            found[f"k{number}"] = {"value": -1 if mine and fate == 0 else number}
        if mine and fate == 2:
            found[f"new{number}"] = side
    return found


@pytest.mark.parametrize("syntax", ["json", "yaml", "toml"])
@given(OWNERS, st.data())
def test_configuration_by_key(syntax, owners, data):
    fates = data.draw(st.lists(FATES, min_size=len(owners), max_size=len(owners)))

    def written(side) -> bytes:
        value = valued(owners, fates, side)
        if syntax == "json":
            return json.dumps(value, indent=2).encode() + b"\n"
        if syntax == "yaml":
            text = "".join(f"{key}: {json.dumps(item)}\n" for key, item in value.items())
            return (text or "{}\n").encode()
        flat = [(key, item) for key, item in value.items() if not isinstance(item, dict)]
        nested = [(key, item) for key, item in value.items() if isinstance(item, dict)]
        return "".join([*(f"{key} = {item}\n" for key, item in flat), *(f"[{key}]\nvalue = {item['value']}\n" for key, item in nested)]).encode()

    read = {"json": json.loads, "yaml": yaml.safe_load, "toml": lambda content: tomllib.loads(content.decode())}[syntax]
    results = merged_all(lambda *states: merge_config(syntax, *states, leave), written(None), [written(side) for side in SIDES])
    for result in results:
        assert read(result) == read(results[0])
    for number, (owner, fate) in enumerate(zip(owners, fates, strict=True)):
        if owner is not None:
            found = read(results[0]) or {}
            assert found.get(f"k{number}") == (None if fate == 1 else {"value": -1 if fate == 0 else number})
            assert found.get(f"new{number}") == (owner if fate == 2 else None)


@given(OWNERS, st.data())
def test_packages(owners, data):
    fates = data.draw(st.lists(FATES, min_size=len(owners), max_size=len(owners)))

    def written(side) -> bytes:
        return "".join(
            f"{key}=={item['value'] + 2 if isinstance(item, dict) else 1}.0\n" for key, item in valued(owners, fates, side).items()
        ).encode()

    results = merged_all(lambda *states: merge_packages(*states, leave), written(None), [written(side) for side in SIDES])
    assert len({tuple(sorted(result.splitlines())) for result in results}) == 1
