"""Which ingredient a path belongs to, and which paths are left out.

The only module that imports pathspec. The more specific pattern wins: first the one whose folders before any
wildcard go deeper, then the longer one, then the order in which ingredients are listed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mvcs.ingredients.plain import Match, plain, spread
from mvcs.objects.commit import INGREDIENTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

_SUFFIX = re.compile(r"\*\.[A-Za-z0-9_.]+")
_WILD = re.compile(r"(?<!\\)[*\[]")

_SET = re.compile(r"\[[!^]?\]?(?:\[:\w+:\]|[^\]\[])*\]")
_CLASS = re.compile(r"\[:(\w+):\]")
_CLASSES = {
    "alpha": "a-zA-Z", "digit": "0-9", "alnum": "a-zA-Z0-9", "upper": "A-Z", "lower": "a-z", "xdigit": "0-9a-fA-F",
    "space": " \t\r\n\v\f", "blank": " \t",
}

IGNORED = "ignored"
"""Answer of `Rules.place` for a path that is left out."""

# Names that trainers number by themselves; anything else (step1/, model-00001-of-00002) is somebody's own name.
_DIRECTORY = re.compile(r"(?:checkpoint|ckpt|global_step)[-_]?(\d+)")
_FILE = re.compile(
    r"(?:.*?[-_.])??(?:checkpoint|ckpt|epoch|step|iter)[-_=](\d+)(?!.*-of-\d)(.*)\.(ckpt|pt|pth|safetensors|bin|h5|keras)"
)


class _Rule:
    __slots__ = ("_match", "_pattern", "folder", "ingredient", "rank")

    def __init__(self, pattern: str, ingredient: str, order: int) -> None:
        self.ingredient = ingredient
        self.folder = anchored_folder(pattern)
        self.rank = rank(pattern, order)
        self._pattern = pattern
        self._match: Match | None = None

    def matches(self, whole: str, folders: str) -> object:
        """Whether it matches what `spread` returned."""
        if self._match is None:
            self._match = _matcher(self._pattern)  # late: most are never asked
        return self._match(whole, folders)


def rank(pattern: str, order: int) -> tuple[int, int, int]:
    """Returns the specificity of a pattern; the higher wins."""
    body = pattern.strip("/")
    wild = _WILD.search(body)
    literal = body if wild is None else body[: wild.start()].rpartition("/")[0]
    depth = len([part for part in literal.split("/") if part])
    if wild is None and "/" not in pattern.strip("/") and not pattern.startswith("/") and not pattern.endswith("/"):
        depth = 0  # a bare name matches at any depth
    return depth, len(pattern), -order


def anchored_folder(pattern: str) -> str:
    """Returns the folder, with a slash, that a pattern names from the root on, before any wildcard; empty if none."""
    if not pattern.startswith("/"):
        return ""
    body = pattern[1:]
    wild = _WILD.search(body)
    folder = body.rstrip("/") if wild is None else body[: wild.start()].rpartition("/")[0]
    return re.sub(r"\\(.)", r"\1", folder) + "/"


def literal(path: str) -> str:
    """Returns the pattern that matches one path and, but for characters that no pattern can hold, no other."""
    escaped = ""
    for char in path.strip("/"):
        if not (char.isprintable() or char == " "):
            escaped += "?"  # line ends, and bytes that are no UTF-8: neither TOML nor an ignore file could keep them
        else:
            escaped += "\\" + char if char in "*?[]!#\\" else char
    return "/" + (escaped[:-1] + "\\ " if escaped.endswith(" ") else escaped)


def folder_pattern(folder: str) -> str:
    """Returns the pattern of a folder; that of a numbered checkpoint holds for the later ones too."""
    above, _, name = folder.rpartition("/")
    numbered = _DIRECTORY.fullmatch(name)
    if numbered is None:
        return literal(folder) + "/"
    return (literal(above) if above else "") + "/" + name[: numbered.start(1)] + "*/"


def _compile(pattern: str) -> re.Pattern[str]:
    from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

    try:
        compiled = GitIgnoreSpecPattern(pattern).regex
    except re.error as error:
        raise ValueError(str(error)) from error
    return compiled if compiled is not None else re.compile(r"(?!)")


def _matcher(pattern: str) -> Match:
    found = plain(pattern)
    if found is not None:
        return found
    compiled = _compile(pattern)
    return lambda whole, folders: compiled.match(whole[1:] if whole == folders else whole[1:-1])


class Rules:
    """Everything that decides about paths.

    Args:
        patterns: .gitignore patterns by ingredient.
        ignores: (folder, lines) of each .mvcsignore; folder with a trailing slash, empty for the root.
        git_ignores: (folder, lines) of each .gitignore; they hold for code only.
        newest_only: Whether only the newest of numbered checkpoints is taken.
    """

    def __init__(
        self, patterns: Mapping[str, Sequence[str]], ignores: Iterable[tuple[str, Sequence[str]]] = (),
        git_ignores: Iterable[tuple[str, Sequence[str]]] = (), *, newest_only: bool = True,
    ) -> None:
        self.newest_only = newest_only
        self._suffixes: dict[str, _Rule] = {}
        self._others: list[_Rule] = []
        for order, ingredient in enumerate(INGREDIENTS):
            for pattern in patterns.get(ingredient, ()):
                made = _Rule(pattern, ingredient, order)
                if _SUFFIX.fullmatch(pattern):
                    before = self._suffixes.get(pattern[1:])
                    if before is None or before.rank < made.rank:
                        self._suffixes[pattern[1:]] = made
                else:
                    self._others.append(made)
        self._others.sort(key=lambda rule: rule.rank, reverse=True)
        self._ignores = [_Ignores(folder, lines) for folder, lines in ignores]
        self._git_ignores = [_Ignores(folder, lines) for folder, lines in git_ignores]

    def reaches(self, folder: str) -> bool:
        """Whether a pattern names the folder of another workspace, or what is in it."""
        return any(rule.folder.startswith(folder + "/") for rule in self._others)

    def ingredient(self, path: str, within: str | None = None) -> str | None:
        """Returns the ingredient of a path by the patterns alone; `within` another workspace by those that name it."""
        best = self._by_suffix(path) if within is None else None
        whole, folders = spread(path)
        for rule in self._others:
            if best is not None and rule.rank < best.rank:
                break
            if (within is None or rule.folder.startswith(within + "/")) and rule.matches(whole, folders):
                return rule.ingredient
        return None if best is None else best.ingredient

    def _by_suffix(self, path: str) -> _Rule | None:
        name = path.rpartition("/")[2]
        best: _Rule | None = None
        dot = name.find(".")
        while dot >= 0:
            found = self._suffixes.get(name[dot:])
            if found is not None and (best is None or found.rank > best.rank):
                best = found
            dot = name.find(".", dot + 1)
        return best

    def ignores(self, path: str) -> bool:
        """Whether .mvcsignore leaves a path out; folders end with a slash."""
        return _decide(self._ignores, path)

    def git_ignores(self, path: str) -> bool:
        """Whether .gitignore leaves a path out, which counts for code alone; folders end with a slash."""
        return _decide(self._git_ignores, path)

    def place(self, path: str, within: str | None = None) -> str | None:
        """Returns the ingredient of a file, IGNORED, or None if nothing matches it.

        Args:
            path: Relative to the root.
            within: Folder of another workspace that the file is in; only patterns that name it count there.
        """
        if self._ignores and self.ignores(path):
            return IGNORED
        found = self.ingredient(path, within)
        if found == "code" and self._git_ignores and self.git_ignores(path):
            return IGNORED
        return found

    def older_checkpoints(self, names: Iterable[tuple[str, bool]]) -> set[str]:
        """Returns the names in one folder that are numbered checkpoints and not the newest of their row.

        Args:
            names: (name, whether it is a folder).
        """
        if not self.newest_only:
            return set()
        rows: dict[tuple[str, ...], list[tuple[int, str]]] = {}
        for name, is_folder in names:
            if is_folder:
                match = _DIRECTORY.fullmatch(name)
                if match:
                    rows.setdefault((name[: match.start(1)],), []).append((int(match[1]), name))
            else:
                match = _FILE.fullmatch(name)
                if match:
                    rows.setdefault((name[: match.start(1)], match[3]), []).append((int(match[1]), name))
        older: set[str] = set()
        for row in rows.values():
            newest = max(row)[0]
            older.update(name for number, name in row if number != newest)
        return older


class _Ignores:
    """The lines of one ignore file.

    Args:
        folder: Where it is, with a slash; empty for the root.
        lines: Its lines.
    """

    def __init__(self, folder: str, lines: Sequence[str]) -> None:
        self.folder = folder
        self._lines = [line for line in lines if line and not line.startswith("#")]
        self._answer: Callable[[str], bool | None] | None = None

    def decide(self, path: str) -> bool | None:
        """Whether a path, relative to the folder, is left out; None if no line says anything about it."""
        if self._answer is None:
            self._answer = self._compiled()  # late: .gitignore is asked for code only
        return self._answer(path)

    def _compiled(self) -> Callable[[str], bool | None]:
        matches = [match for line in self._lines if (match := plain(line)) is not None]

        def by_any(path: str) -> bool | None:
            whole, folders = spread(path)
            return any(match(whole, folders) for match in matches) or None

        if len(matches) == len(self._lines):
            return by_any
        import pathspec

        spec = pathspec.GitIgnoreSpec([found for line in self._lines if (found := _as_git_reads(line)) is not None])
        return lambda path: spec.check_file(path).include


def _as_git_reads(line: str) -> GitIgnoreSpecPattern | None:
    """Returns a line of an ignore file as a pattern; None if it is not one: to Git such a line means nothing."""
    from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

    try:
        return GitIgnoreSpecPattern(_SET.sub(_spelled_out, line))
    except (ValueError, re.error):
        return None


def _spelled_out(found: re.Match[str]) -> str:
    """Returns a set of characters without classes by name, which pathspec does not know."""
    return _CLASS.sub(lambda name: _CLASSES.get(name[1], name[0]), found[0])


def _decide(files: Sequence[_Ignores], path: str) -> bool:
    # The deepest file that says anything about the path decides, as in Git.
    for file in sorted(files, key=lambda file: -len(file.folder)):
        if path.startswith(file.folder):
            answer = file.decide(path[len(file.folder) :])
            if answer is not None:
                return answer
    return False


def pattern_problem(pattern: object) -> str | None:
    """Returns why a pattern cannot be used, or None."""
    if not isinstance(pattern, str) or not pattern.strip():
        return "a pattern is a non-empty string"
    if pattern.startswith("!"):
        return "a pattern says what belongs; put exceptions into .mvcsignore"
    if ".." in pattern.split("/") or pattern.startswith("//"):
        return "a pattern stays inside the workspace"
    if plain(pattern) is not None:
        return None
    try:
        _compile(pattern)
    except ValueError as error:
        return str(error)
    return None
