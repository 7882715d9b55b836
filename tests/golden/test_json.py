"""JSON answers keep their keys. A key may be added on purpose; none is renamed, removed or given another type:

    python -m tests.golden.make_json
"""

from __future__ import annotations

import json

import pytest

from tests.cli.harness import sealed
from tests.golden.make_json import FOLDER, answers, render

__all__ = ["sealed"]

RELIED_ON = {
    "commit": {"commit"}, "status": {"clean", "stale", "changes"}, "ls": {"entries"}, "log": {"commits"}, "diff": {"changes"},
}
RELIED_ON_BELOW = {
    "status": ("changes", {"path", "ingredient", "change"}), "ls": ("entries", {"path", "oid", "size", "ingredient"}),
    "log": ("commits", {"commit", "parents", "message", "author", "time"}), "diff": ("changes", {"ingredient", "path", "key", "before", "after"}),
}


def test_every_answer_is_the_golden_one(tmp_path):
    found = answers(tmp_path / "room")
    assert {f"{name}.json" for name in found} == {path.name for path in FOLDER.glob("*.json")}
    for name, answer in found.items():
        assert render(answer) == (FOLDER / f"{name}.json").read_text(encoding="utf-8"), name


@pytest.mark.parametrize("name", RELIED_ON)
def test_the_keys_that_scripts_rely_on_are_there(name):
    answer = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))["answer"]
    assert set(answer) >= RELIED_ON[name]
    if name in RELIED_ON_BELOW:
        key, keys = RELIED_ON_BELOW[name]
        assert answer[key]
        assert all(set(item) >= keys for item in answer[key])
