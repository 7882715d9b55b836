"""Plays the transcripts in README.md and in examples/, and fails when an answer is not the one written there.

    python examples/demo.py [--write] [minilm|tweettrader]

Every line after `$ ` in the blocks between `<!-- demo -->` and `<!-- /demo -->` is run in one shell session, in a
folder made for it. Oids, dates and folder names differ from run to run and are compared by their form only; sizes too
where the packages of the day decide them. `--write` puts the answers of this run into the files.
"""

import os
import pathlib
import re
import runpy
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).parent.parent
MASKS = (
    (re.compile(r"\b[0-9a-f]{64}\b"), "OID64"),
    (re.compile(r"\b[0-9a-f]{12}\b"), "OID"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?( [+-]\d{4}|Z)?"), "TIME"),
    (re.compile(r"(?<!\S)/\S*?/(?=(minilm|elsewhere|tweettrader)\b)"), "FOLDER/"),
)
SIZES = (re.compile(r" *\b\d+(\.\d+)? (B|kB|MB)\b"), " SIZE")
TRANSCRIPTS = {"minilm": ("README.md", MASKS), "tweettrader": ("examples/tweettrader/README.md", (*MASKS, SIZES))}
BLOCK = re.compile(r"(<!-- demo -->\n```console\n)(.*?)(```)", re.DOTALL)


def transcript(readme: str) -> list[tuple[str, str]]:
    """Returns (command, expected answer) in order."""
    steps: list[tuple[str, list[str]]] = []
    for _, part, _ in BLOCK.findall(readme):
        for line in part.splitlines():
            if line.startswith("$ "):
                steps.append((line[2:], []))
            elif steps:
                steps[-1][1].append(line)
    return [(command, "\n".join(lines).strip()) for command, lines in steps]


def masked(text: str, masks: tuple[tuple[re.Pattern[str], str], ...]) -> str:
    for pattern, name in masks:
        text = pattern.sub(name, text)
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def environment(home: str) -> dict[str, str]:
    others = ("MVCS_", "GIT_", "VIRTUAL_ENV")
    found = {key: value for key, value in os.environ.items() if not key.startswith(others)}
    scripts = str(pathlib.Path(sys.executable).parent)
    return {
        **found, "HOME": home, "XDG_CONFIG_HOME": home, "PATH": scripts + os.pathsep + found.get("PATH", ""),
        "MVCS_AUTHOR_NAME": "Ada", "MVCS_AUTHOR_EMAIL": "ada@example.com", "NO_COLOR": "1", "COLUMNS": "100",
    }


def play(folder: pathlib.Path, steps: list[tuple[str, str]]) -> list[str]:
    """Runs the steps; returns their answers."""
    where, answers = str(folder), []
    for command, _ in steps:
        print(f"$ {command}", flush=True)
        script = f"{command}\nstatus=$?\npwd > {folder}/.where\nexit $status"
        done = subprocess.run(
            ["bash", "-c", script], cwd=where, env=environment(str(folder)), stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, check=False,
        )
        where = (folder / ".where").read_text().strip()
        answers.append(done.stdout.strip())
        if answers[-1]:
            print(answers[-1], flush=True)
    return answers


def written(readme: str, answers: list[str]) -> str:
    """Returns a page with these answers in place of its own."""
    rest = iter(answers)

    def block(found: re.Match[str]) -> str:
        lines = []
        for line in found[2].splitlines():
            if line.startswith("$ "):
                answer = next(rest)
                lines += [line, *(answer.splitlines() if answer else [])]
        return found[1] + "\n".join(line.rstrip() for line in lines) + "\n" + found[3]

    return BLOCK.sub(block, readme)


def run(name: str, *, write: bool) -> int:
    """Plays one transcript; returns how many answers differ."""
    page, masks = TRANSCRIPTS[name]
    prepare = runpy.run_path(str(ROOT / "examples" / name / "prepare.py"))["prepare"]
    text = (ROOT / page).read_text()
    steps = transcript(text)
    if not steps:
        sys.exit(f"{page} has no transcript")
    with tempfile.TemporaryDirectory(prefix="mvcs-demo-") as top:
        folder = pathlib.Path(top)
        prepare(folder / name)
        answers = play(folder, steps)
        if write:
            shown = [answer.replace(str(folder), "/tmp/mvcs-demo") for answer in answers]
            (ROOT / page).write_text(written(text, shown))
            return 0
    wrong = 0
    for (command, expected), answer in zip(steps, answers, strict=True):
        if masked(answer, masks) != masked(expected, masks):
            wrong += 1
            print(f"--- {page} says of: {command}\n{expected}\n--- and the answer is\n{answer}\n---", flush=True)
    print(f"Every answer is the one in {page}." if not wrong else f"{wrong} answer(s) differ from {page}.", flush=True)
    return wrong


def main() -> None:
    words = sys.argv[1:]
    names = [name for name in words if name in TRANSCRIPTS] or list(TRANSCRIPTS)
    if sum(run(name, write="--write" in words) for name in names):
        sys.exit(1)


if __name__ == "__main__":
    main()
