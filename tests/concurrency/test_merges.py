"""Merges are pure: many at once give what each gives alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from mvcs.errors import UnreadableContent
from mvcs.formats.content import Bytes
from mvcs.merge.drivers import merge_file
from mvcs.merge.values import leave

KINDS = {
    "params.yaml": ("config", "a: {0}\nb: 1\nc:\n  d: {1}\n"), "params.json": ("config", '{{"a": {0}, "b": {{"c": {1}}}}}\n'),
    "pyproject.toml": ("config", "a = {0}\n[b]\nc = {1}\n"), "train.py": ("code", "a = {0}\n\n\nb = 1\n\n\nc = {1}\n"),
    "requirements.txt": ("environment", "numpy==1.{0}\nscipy==1.{1}\n"), "data.csv": ("data", "id,x\n1,{0}\n2,{1}\n"),
}
STATES = [(0, 0), (1, 0), (0, 1), (1, 1), (2, 0), None]


def merge(job):
    path, ingredient, states = job
    base, ours, theirs = (None if state is None else Bytes(state) for state in states)
    try:
        merged = merge_file(path.encode(), ingredient, base, ours, theirs, leave, keys={"*.csv": ("id",)})
    except UnreadableContent as error:
        return error.to_dict()
    found = [(item.key, repr(item.base), repr(item.ours), repr(item.theirs)) for item in merged.conflicts]
    return merged.content.read(), found, list(merged.decisions)


def test_many_at_once_give_what_each_gives_alone():
    jobs = [
        (path, ingredient, tuple(None if state is None else text.format(*state).encode() for state in states))
        for path, (ingredient, text) in KINDS.items()
        for states in ((base, ours, theirs) for base in STATES for ours in STATES[:-1] for theirs in STATES[:-1])
    ]
    alone = [merge(job) for job in jobs]
    assert any(isinstance(result, tuple) and result[1] for result in alone)
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(merge, jobs * 3)) == alone * 3
