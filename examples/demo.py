"""Plays the transcript in README.md and fails when an answer is not the one that is written there.

    python examples/demo.py [--keep]

Every line after `$ ` in the blocks between `<!-- demo -->` and `<!-- /demo -->` is run in one shell session, in a
folder made for it. Oids, dates and folder names differ from run to run and are compared by their form only.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).parent.parent
MASKS = (
    (re.compile(r"\b[0-9a-f]{64}\b"), "OID64"),
    (re.compile(r"\b[0-9a-f]{12}\b"), "OID"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?( [+-]\d{4}|Z)?"), "TIME"),
    (re.compile(r"(?<!\S)/\S*?/(?=(minilm|elsewhere)\b)"), "FOLDER/"),
)


def transcript(readme: str) -> list[tuple[str, str]]:
    """Returns (command, expected answer) in order."""
    steps: list[tuple[str, list[str]]] = []
    for part in re.findall(r"<!-- demo -->\n```console\n(.*?)```", readme, re.DOTALL):
        for line in part.splitlines():
            if line.startswith("$ "):
                steps.append((line[2:], []))
            elif steps:
                steps[-1][1].append(line)
    return [(command, "\n".join(lines).strip()) for command, lines in steps]


def masked(text: str) -> str:
    for pattern, name in MASKS:
        text = pattern.sub(name, text)
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def environment(home: str) -> dict[str, str]:
    found = {key: value for key, value in os.environ.items() if not key.startswith(("MVCS_", "GIT_"))}
    scripts = str(pathlib.Path(sys.executable).parent)
    return {
        **found, "HOME": home, "XDG_CONFIG_HOME": home, "PATH": scripts + os.pathsep + found.get("PATH", ""),
        "MVCS_AUTHOR_NAME": "Ada", "MVCS_AUTHOR_EMAIL": "ada@example.com", "NO_COLOR": "1", "COLUMNS": "100",
    }


def play(folder: pathlib.Path, steps: list[tuple[str, str]]) -> int:
    """Runs the steps; returns how many answers differ."""
    where, wrong = str(folder), 0
    for command, expected in steps:
        print(f"$ {command}", flush=True)
        script = f"{command}\nstatus=$?\npwd > {folder}/.where\nexit $status"
        done = subprocess.run(
            ["bash", "-c", script], cwd=where, env=environment(str(folder)), stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, check=False,
        )
        where = (folder / ".where").read_text().strip()
        answer = done.stdout.strip()
        if answer:
            print(answer, flush=True)
        if masked(answer) != masked(expected):
            wrong += 1
            print(f"--- README.md says\n{expected}\n---", flush=True)
    return wrong


def main() -> None:
    sys.path.insert(0, str(ROOT / "examples" / "minilm"))
    from prepare import prepare

    steps = transcript((ROOT / "README.md").read_text())
    if not steps:
        sys.exit("README.md has no transcript")
    with tempfile.TemporaryDirectory(prefix="mvcs-demo-") as name:
        folder = pathlib.Path(name)
        prepare(folder / "minilm")
        wrong = play(folder, steps)
    if wrong:
        sys.exit(f"{wrong} answer(s) differ from README.md")
    print("Every answer is the one in README.md.")


if __name__ == "__main__":
    main()
