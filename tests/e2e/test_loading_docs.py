"""Every example of docs/loading.md runs, in a project that has what it names."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import fsspec
import numpy as np
import pytest

import mvcs
from tests.cli.harness import write
from tests.unit.store.splitter_files import safetensors

TEXT = (Path(__file__).parents[2] / "docs" / "loading.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
WEIGHTS = {"encoder.0.weight": ("BF16", (2, 2), bytes(8)), "head.weight": ("F32", (2,), np.float32([1, 2]).tobytes())}


@pytest.fixture
def names(tmp_path, monkeypatch):
    """Runs the examples in order; returns what they have named."""
    folder = write(tmp_path / "m", {
        "model.safetensors": safetensors(WEIGHTS), "ema.safetensors": safetensors({"average": ("U8", (1,), b"1")}),
        "data/train.csv": b"a,b\n1,2\n",
    })
    repo, _ = mvcs.init(folder, model="m", yes=True)
    repo.commit("one")
    monkeypatch.chdir(folder)
    fsspec.filesystem("mvcs").clear_instance_cache()
    found: dict[str, object] = {}
    for example in EXAMPLES:
        if "load_state_dict" in example and importlib.util.find_spec("torch") is None:
            with pytest.raises(mvcs.errors.MvcsError, match="torch is not installed"):
                exec(example, found)
        else:
            exec(example, found)
    yield found
    repo.close()


def test_the_examples_run_and_say_what_they_say(names):
    assert len(EXAMPLES) == 3
    assert names["first"] == b"a,b\n"
    assert names["header"] == "a,b\n"
    weights = names["commit"].weights
    assert set(weights) == {"average", *WEIGHTS}
    assert weights["head.weight"].tolist() == [1, 2]
    assert names["fs"].glob("main/data/*.csv") == ["main/data/train.csv"]
