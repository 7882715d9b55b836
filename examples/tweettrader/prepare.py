"""Makes the TweetTrader project with an environment of its own to train in.

    python examples/tweettrader/prepare.py FOLDER

The packages are downloaded once into a cache folder.
"""

import pathlib
import shutil
import subprocess
import sys
import venv

HERE = pathlib.Path(__file__).parent
CACHE = pathlib.Path.home() / ".cache" / "mvcs-demo" / "tweettrader"
FILES = (
    "architecture.py", "make_data.py", "params.yaml", "predict.py", "preprocess.py", "requirements.txt", "train.py",
)


def prepare(folder: pathlib.Path) -> None:
    folder.mkdir(parents=True)
    for name in FILES:
        shutil.copy(HERE / name, folder / name)
    venv.create(folder / ".venv", with_pip=False)
    python = folder / ".venv" / "bin" / "python"
    if not any(CACHE.glob("scikit_learn-*.whl")):
        CACHE.mkdir(parents=True, exist_ok=True)
        download = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:", "--dest", str(CACHE)]
        subprocess.run([*download, "-r", str(folder / "requirements.txt")], check=True)
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-index"]
    wanted = ["--find-links", str(CACHE), "-r", str(folder / "requirements.txt")]
    subprocess.run([*install, *wanted], check=True)


if __name__ == "__main__":
    prepare(pathlib.Path(sys.argv[1]))
