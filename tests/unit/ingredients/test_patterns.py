"""Which ingredient a path belongs to; which paths are left out; which checkpoints are older."""

from __future__ import annotations

import pytest

from mvcs.ingredients.defaults import LEFT_OUT, PATTERNS, code_in_data, weight_folders
from mvcs.ingredients.patterns import IGNORED, Rules, folder_pattern, literal, pattern_problem, rank

DEFAULTS = Rules(PATTERNS, [("", LEFT_OUT)])


@pytest.mark.parametrize(("path", "ingredient"), [
    ("train.py", "code"), ("src/models/net.py", "code"), ("src/weights/init.py", "code"), ("a/b/c/d.ipynb", "code"),
    ("Makefile", "code"), ("sub/Makefile", "code"), ("run.sh", "code"), ("kernels/x.cu", "code"), ("dvc.yaml", "code"),
    ("data/train.csv", "data"), ("data/x/y/z.bin", "data"), ("data/model.pt", "data"), ("dataset/a.txt", "data"), ("x.parquet", "data"),
    ("sub/data/a.txt", "data"), ("results/a.jsonl", "data"), ("data", None), ("database/x.txt", None),
    ("config.json", "config"), ("configs/deep/a.txt", "config"), ("conf/config.yaml", "config"), ("params.yaml", "config"),
    ("a.toml", "config"), ("setup.cfg", "environment"), ("pyproject.toml", "environment"), ("mvcs.toml", "about"),
    ("requirements.txt", "environment"), ("requirements-dev.txt", "environment"), ("requirements/base.txt", "environment"),
    ("environment.yml", "environment"), ("conda-lock.yml", "environment"), ("Dockerfile", "environment"), ("uv.lock", "environment"),
    ("model.pt", "weights"), ("model.safetensors", "weights"), ("out/m.gguf", "weights"), ("pytorch_model.bin", "weights"),
    ("a.b.c.onnx", "weights"), ("metrics.json", "metrics"), ("out/eval_results.json", "metrics"), ("metrics/a/b", "metrics"),
    ("README", "about"), ("README.md", "about"), ("sub/README.md", "about"), (".github/workflows/ci.yml", "about"), ("LICENSE", "about"),
    ("notes.txt", None), ("image.png", None), ("results.json", None), ("tokenizer.json", None), ("py", None), (".py", "code"),
    (".env", IGNORED), (".env.local", IGNORED), ("wandb/run/config.yaml", IGNORED), ("a/wandb/x.py", IGNORED), (".venv/lib/x.py", IGNORED),
    ("mlruns/0/metrics.json", IGNORED), ("lightning_logs/v0/x.ckpt", IGNORED), ("__pycache__/a.pyc", IGNORED), ("x.pyc", IGNORED),
    ("src/__pycache__/a.py", IGNORED), ("train.log", IGNORED), ("node_modules/x/y.c", IGNORED), (".git/config", IGNORED), ("a.py~", IGNORED),
    ("runs/events.out", IGNORED), ("environment/x", None), ("envs/prod.yaml", "config"), ("wandb.py", "code"), ("env.yaml", "config"),
])
def test_where_the_default_patterns_put_a_path(path, ingredient):
    assert DEFAULTS.place(path) == ingredient


@pytest.mark.parametrize(("first", "second"), [
    ("data/", "*.py"), ("/data/a.py", "data/"), ("/data/", "data/"), ("data/raw/", "data/"), ("data/**/*.py", "data/"), ("requirements.txt", "*.txt"),
    ("*.tar.gz", "*.gz"), ("/model.pt", "*.pt"), ("src/data/**/*.py", "data/"), ("/x\\[1\\]/", "*.csv"),
])
def test_the_more_specific_pattern_wins(first, second):
    assert rank(first, 5) > rank(second, 0)


def test_of_two_equally_specific_patterns_the_first_ingredient_wins():
    rules = Rules({"data": ["*.abc"], "code": ["abcd*"], "weights": ["/q/*.x"], "config": ["/q/a*x"]})
    assert rules.ingredient("abcd.abc") == "code"
    assert Rules({"data": ["a*"], "code": ["*b"]}).ingredient("ab") == "code"


def test_mvcsignore_holds_for_all_and_gitignore_for_code_only():
    lines = ["*.py", "*.csv", "out/"]
    for_all = Rules(PATTERNS, [("", lines)])
    for_code = Rules(PATTERNS, [], [("", lines)])
    assert [for_all.place(path) for path in ("a.py", "a.csv", "out/m.pt", "b.sh")] == [IGNORED, IGNORED, IGNORED, "code"]
    assert [for_code.place(path) for path in ("a.py", "a.csv", "out/m.pt", "out/x.sh")] == [IGNORED, "data", "weights", IGNORED]


@pytest.mark.parametrize("line", ["!", "! ", "\\", "x\\", "[z-a]", "[[:alpha:]]", "x[![:digit:]_]py", "[]q]", "*.log\\"])
def test_a_line_that_is_no_pattern_means_nothing_as_with_git(line, tmp_path, recwarn):
    import subprocess

    lines = [line, "out*.py"]
    rules = Rules(PATTERNS, [("", lines)])
    (tmp_path / ".gitignore").write_text("".join(each + "\n" for each in lines))
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    for path in ("out1.py", "a.py", "x.py", "q"):
        ignored = subprocess.run(["git", "check-ignore", "-q", path], cwd=tmp_path, check=False).returncode == 0
        assert (rules.place(path) == IGNORED) == ignored, path
    assert not recwarn.list


def test_ignore_files_nest_and_the_deepest_that_says_anything_decides():
    rules = Rules(PATTERNS, [("", ["*.csv", "!keep.csv"]), ("sub/", ["!a.csv", "b.csv"]), ("sub/deep/", ["*.csv"])])
    places = {path: rules.place(path) for path in (
        "a.csv", "keep.csv", "sub/a.csv", "sub/b.csv", "sub/c.csv", "sub/keep.csv", "sub/deep/a.csv", "sub/deep/keep.csv", "subx/a.csv",
    )}
    assert places == {
        "a.csv": IGNORED, "keep.csv": "data", "sub/a.csv": "data", "sub/b.csv": IGNORED, "sub/c.csv": IGNORED, "sub/keep.csv": "data",
        "sub/deep/a.csv": IGNORED, "sub/deep/keep.csv": IGNORED, "subx/a.csv": IGNORED,
    }


def test_a_slash_anchors_a_pattern_to_the_folder_of_its_ignore_file():
    rules = Rules({"data": ["**"]}, [("sub/", ["/x", "y/"])])
    assert rules.ignores("sub/x")
    assert not rules.ignores("sub/deep/x")
    assert not rules.ignores("x")
    assert rules.ignores("sub/y/")
    assert rules.ignores("sub/deep/y/")
    assert not rules.ignores("sub/y")


OLDER = {
    "transformers": (["checkpoint-500/", "checkpoint-1000/", "checkpoint-1500/"], ["checkpoint-500", "checkpoint-1000"]),
    "numbers, not text": (["checkpoint-9/", "checkpoint-10/"], ["checkpoint-9"]),
    "lightning": (["epoch=2.ckpt", "epoch=3.ckpt"], ["epoch=2.ckpt"]),
    "lightning's default": (["epoch=0-step=100.ckpt", "epoch=1-step=200.ckpt"], ["epoch=0-step=100.ckpt"]),
    "lightning with a metric": (["m-epoch=01-val_loss=0.31.ckpt", "m-epoch=02-val_loss=0.25.ckpt"], ["m-epoch=01-val_loss=0.31.ckpt"]),
    "megatron": (["global_step100/", "global_step200/"], ["global_step100"]),
    "underscores": (["ckpt_1.pt", "ckpt_2.pt", "model_step_10.pt", "model_step_20.pt"], ["ckpt_1.pt", "model_step_10.pt"]),
    "rows by prefix": (["best_epoch_5.pt", "last_epoch_9.pt"], []),
    "rows by ending": (["step-1.pt", "step-2.safetensors"], []),
    "shards": (["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"], []),
    "shards of a step": (["step-5-00001-of-00002.safetensors", "step-5-00002-of-00002.safetensors"], []),
    "one only": (["checkpoint-500/", "checkpoint-best/"], []),
    "their own numbers": (["step1/", "step2/", "v1.pt", "v2.pt", "fold-1.pt", "fold-2.pt", "layer_1.pt", "layer_2.pt"], []),
    "not weights' names": (["checkpoint-1.txt", "checkpoint-2.txt"], []),
    "a file and a folder": (["checkpoint-1/", "checkpoint-2.pt"], []),
}


@pytest.mark.parametrize("name", OLDER)
def test_which_numbered_checkpoints_are_older(name):
    names, older = OLDER[name]
    listed = [(item.rstrip("/"), item.endswith("/")) for item in names]
    assert Rules({}).older_checkpoints(listed) == set(older)
    assert Rules({}, newest_only=False).older_checkpoints(listed) == set()


def test_a_folder_of_weights_and_side_files_is_a_saved_model_as_a_whole():
    paths = [
        "model/model.safetensors", "model/config.json", "model/1_Pooling/config.json", "model/README.md", "other/a.pt", "confonly/config.json",
        "withcode/model.pt", "withcode/config.json", "withcode/run.py", "deep/withcode/below/x.py", "deep/withcode/model.bin",
        "deep/withcode/config.json", "model/sub/model.bin", "model/sub/vocab.txt", "model.pt", "config.json",
    ]
    assert weight_folders(paths) == ["model"]


def test_source_files_in_folders_named_like_data_stay_code():
    found = code_in_data(["data/prepare.py", "data/raw/x.csv", "src/data/make.py", "src/a/config/b/c.py", "x/metrics/auc.py", "src/net.py", "my data/x.py"])
    assert found == ["/data/**/*.py", "/src/a/config/**/*.py", "/src/data/**/*.py", "/x/metrics/**/*.py"]
    rules = Rules({**PATTERNS, "code": (*PATTERNS["code"], *found)})
    for path in ("data/prepare.py", "data/new/later.py", "src/data/make.py", "src/a/config/b/c.py", "x/metrics/auc.py"):
        assert rules.ingredient(path) == "code"
    assert rules.ingredient("data/raw/x.csv") == "data"


@pytest.mark.parametrize("path", ["a", "a/b", "a b ", " a", "#a", "!a", "a[1]", "a*b", "a?b", "back\\slash", 'quo"te', "tab\t", "line\nbreak", "é", "🙂", "w\udcff"])
def test_a_literal_pattern_matches_its_path(path):
    rules = Rules({"weights": [literal(path)]}, [])
    assert rules.ingredient(path) == "weights"
    assert rules.ingredient("deeper/" + path) is None
    assert rules.ingredient(path + "x") is None
    ignoring = Rules({"data": ["*"]}, [("", [literal(path)])])
    assert ignoring.place(path) == IGNORED
    assert "\n" not in literal(path)
    literal(path).encode()  # fits into a file


def test_a_literal_pattern_is_no_wildcard():
    assert Rules({"weights": [literal("a[12]*")]}).ingredient("a1x") is None
    assert Rules({"weights": [literal("a?")]}).ingredient("ab") is None


@pytest.mark.parametrize(("folder", "pattern"), [
    ("model", "/model/"), ("out/checkpoint-500", "/out/checkpoint-*/"), ("checkpoint-5", "/checkpoint-*/"), ("a/global_step10", "/a/global_step*/"),
    ("checkpoint-best", "/checkpoint-best/"), ("x [1]", "/x \\[1\\]/"),
])
def test_the_pattern_of_a_numbered_checkpoint_holds_for_later_ones(folder, pattern):
    assert folder_pattern(folder) == pattern
    assert Rules({"weights": [pattern]}).ingredient(folder + "/config.json") == "weights"


@pytest.mark.parametrize("pattern", ["", "  ", "!x", "../x", "a/../b", "//x", "[z-a]", "x\\", 5, None, ["x"]])
def test_patterns_that_cannot_be_used(pattern):
    assert pattern_problem(pattern)


@pytest.mark.parametrize("pattern", ["*.py", "/a/", "a/**/b", "**", "[ab].x", "a..b", "..."])
def test_patterns_that_can_be_used(pattern):
    assert pattern_problem(pattern) is None


def test_every_default_pattern_can_be_used_and_belongs_to_one_ingredient():
    every = [pattern for listed in PATTERNS.values() for pattern in listed]
    assert len(set(every)) == len(every)
    assert [pattern_problem(pattern) for pattern in every] == [None] * len(every)
