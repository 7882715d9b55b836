"""Which files of a real project are which ingredient, before anybody said so.

Knows: the names that training projects use. Refuses to know: how patterns are matched (`patterns`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.ingredients.patterns import literal

if TYPE_CHECKING:
    from collections.abc import Iterable

CODE_ENDINGS = (".py", ".ipynb", ".pyx", ".pyi", ".sh", ".r", ".R", ".jl", ".c", ".cc", ".cpp", ".cu", ".h", ".rs")
SOURCE_ENDINGS = tuple(
    ending.encode() for ending in (
        *CODE_ENDINGS, ".go", ".java", ".scala", ".kt", ".swift", ".js", ".ts", ".lua", ".rb", ".pl", ".m", ".f90",
        ".hpp", ".cuh", ".stan", ".sas", ".do", ".bash", ".ps1", ".sql",
    )
)
"""Of source files of any language: a model lacks those that no pattern takes."""
WEIGHT_ENDINGS = (
    ".safetensors", ".pt", ".pth", ".ckpt", ".gguf", ".onnx", ".h5", ".keras", ".pkl", ".pickle", ".joblib", ".tflite",
    ".pb", ".mlmodel", ".npz", ".bin", ".skops",
)

PATTERNS: dict[str, tuple[str, ...]] = {
    "code": tuple(f"*{ending}" for ending in CODE_ENDINGS) + ("Makefile", "Snakefile", "dvc.yaml", "*.sql"),
    "data": (
        "data/", "dataset/", "datasets/", "*.csv", "*.tsv", "*.parquet", "*.jsonl", "*.arrow", "*.feather", "*.npy",
        "*.tfrecord",
    ),
    "config": (
        "config/", "configs/", "conf/", "hparams/", "*.yaml", "*.yml", "params.json", "config.json", "hparams.json",
        "*.ini", "*.cfg", "*.toml",
    ),
    "environment": (
        "requirements*.txt", "requirements/", "constraints*.txt", "environment*.yml", "environment*.yaml", "conda*.yml",
        "pyproject.toml", "poetry.lock", "uv.lock", "pdm.lock", "Pipfile", "Pipfile.lock", "setup.cfg",
        ".python-version", "Dockerfile", "*.Dockerfile", "pylock*.toml",
    ),
    "weights": tuple(f"*{ending}" for ending in WEIGHT_ENDINGS) + ("MLmodel",),
    "metrics": ("metrics.json", "metrics/", "metrics.csv", "eval_results.json", "all_results.json", "scores.json"),
    "about": (
        "mvcs.toml", ".mvcsignore", "README*", "LICENSE*", "LICENCE*", "CITATION*", "model-card.md", "MODEL_CARD.md",
        ".gitlab-ci.yml", ".github/", "Jenkinsfile", ".pre-commit-config.yaml",
    ),
}
"""Patterns in .gitignore syntax, by ingredient."""

LEFT_OUT = (
    ".git/", ".hg/", ".svn/", ".dvc/", ".venv/", "venv/", "env/", ".tox/", ".nox/", "node_modules/", "__pycache__/",
    "*.pyc", ".ipynb_checkpoints/", ".pytest_cache/", ".mypy_cache/", ".ruff_cache/", ".idea/", ".vscode/", "wandb/",
    "mlruns/", "lightning_logs/", "runs/", "outputs/", "multirun/", "tb_logs/", ".env", ".env.*", "*.egg-info/",
    "build/", "dist/", ".DS_Store", "*.log", "*.tmp", "*.swp", "*~",
)
"""Patterns that `init` writes into .mvcsignore."""

SIDE_FILES = (
    "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
    "vocab.txt", "vocab.json", "merges.txt", "modules.json", "sentence_bert_config.json", "spiece.model",
    "adapter_config.json", "preprocessor_config.json", "config_sentence_transformers.json",
    "model.safetensors.index.json",
)
"""Files that libraries save beside weights; a folder of weights with one of these is weights as a whole."""


def weight_folders(paths: Iterable[str]) -> list[str]:
    """Returns the folders that are a saved model as a whole: weights and their side files, no code.

    Args:
        paths: Paths of all files, with slashes.

    Returns:
        Folders, outermost only, sorted.
    """
    kinds: dict[str, set[str]] = {}
    code: set[str] = set()
    for path in paths:
        folder, _, name = path.rpartition("/")
        if name.endswith(WEIGHT_ENDINGS):
            kinds.setdefault(folder, set()).add("weights")
        elif name in SIDE_FILES:
            kinds.setdefault(folder, set()).add("side")
        if name.endswith(CODE_ENDINGS):
            while folder:
                code.add(folder)
                folder = folder.rpartition("/")[0]
    whole = sorted(
        folder for folder, found in kinds.items() if folder and found == {"weights", "side"} and folder not in code
    )
    return [folder for folder in whole if not any(folder.startswith(other + "/") for other in whole)]


def code_in_data(paths: Iterable[str]) -> list[str]:
    """Returns patterns for source files that lie in folders named like data or configuration."""
    named = {*PATTERNS["data"], *PATTERNS["config"], *PATTERNS["metrics"], *PATTERNS["environment"]}
    found = set()
    for path in paths:
        ending = next((ending for ending in CODE_ENDINGS if path.endswith(ending)), None)
        if ending is None:
            continue
        parts = path.split("/")[:-1]
        # The innermost such folder: its pattern goes as deep as any that would claim the file.
        deepest = max((end for end, part in enumerate(parts, 1) if part + "/" in named), default=0)
        if deepest:
            found.add(f"{literal('/'.join(parts[:deepest]))}/**/*{ending}")
    return sorted(found)
