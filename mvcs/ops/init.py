"""init, add and rm: which files belong to the model, written into mvcs.toml where anybody can read it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mvcs.ambient import config_files, variable
from mvcs.diff.trees import FileChange
from mvcs.errors import (
    InvalidArgument,
    NeedsConfirmation,
    PathInTwoIngredients,
    PathNotFound,
    RepositoryExists,
    UnsavedWork,
)
from mvcs.ingredients.defaults import LEFT_OUT, PATTERNS, code_in_data, weight_folders
from mvcs.ingredients.patterns import Rules, folder_pattern, literal, pattern_problem
from mvcs.objects.commit import INGREDIENTS
from mvcs.objects.editing import find_file
from mvcs.objects.operation import Move
from mvcs.objects.record import Record
from mvcs.ops.context import look, open_workspace
from mvcs.ops.files import Rewrite
from mvcs.ops.recover import recover
from mvcs.ops.trees import changed_tree, edits_of
from mvcs.refs.names import branch_key, check_name, head_key
from mvcs.repo.changes import EMPTY
from mvcs.repo.config import Config
from mvcs.repo.git import GitTree
from mvcs.repo.layout import FOLDER, PROJECT, find_place
from mvcs.repo.project import default_model
from mvcs.repo.reading import Digest
from mvcs.repo.repository import Repository, refuse_past
from mvcs.repo.scan import IGNORE_FILES, Scan, scan
from mvcs.repo.statcache import NO_STATS, StatCache
from mvcs.repo.toml import add_to_list, quoted, remove_from_lists
from mvcs.repo.workspace import DEFAULT_BRANCH
from mvcs.store.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mvcs.objects.editing import Placed
    from mvcs.ops.context import Look
    from mvcs.store.base import Batch

EXPLAINED = {
    "code": "source files; .gitignore holds for these only",
    "data": "what the model is trained and evaluated on",
    "config": "hyperparameters and settings",
    "environment": "what has to be installed",
    "weights": "what training makes",
    "metrics": "how good the weights are",
    "about": "never part of the recipe",
}


class Preview(Record):
    """What init would take.

    Args:
        model: Name of the model.
        patterns: Resolved patterns by ingredient.
        files: Number of files by ingredient.
        sizes: Bytes by ingredient.
        others: Files that no pattern matches.
        left_out: Older checkpoints.
    """

    __slots__ = ("files", "left_out", "model", "others", "patterns", "sizes")

    def __init__(
        self, model: str, patterns: dict[str, tuple[str, ...]], files: dict[str, int], sizes: dict[str, int],
        others: list[str], left_out: list[str],
    ) -> None:
        self.model = model
        self.patterns = patterns
        self.files = files
        self.sizes = sizes
        self.others = others
        self.left_out = left_out

    @property
    def total(self) -> int:
        """Bytes of all ingredients."""
        return sum(self.sizes.values())

    def to_dict(self) -> dict[str, object]:
        """Returns the preview as JSON carries it."""
        return {
            "model": self.model, "total": self.total, "untracked": self.others, "left_out": self.left_out,
            "ingredients": {name: {"files": self.files[name], "bytes": self.sizes[name]} for name in self.files},
        }


def init(
    folder: str, *, model: str | None = None, confirm: Callable[[Preview], bool | None], command: str = "init",
    **options: object,
) -> tuple[Repository, Preview]:
    """Makes a repository, or a further workspace in the one above, and writes mvcs.toml.

    Args:
        folder: The workspace's folder; made if missing.
        model: Name of the model; the folder's by default.
        confirm: Asked above the configured size; True to go on, False to stop, None if nobody can be asked.
        command: The command as typed.
        **options: For the repository.

    Raises:
        RepositoryExists: If the folder is a workspace already.
        NeedsConfirmation: If nobody can be asked.
        UnsupportedFilesystem: On a network file system.
    """
    refuse_past(options)
    folder = os.path.abspath(folder)
    if os.path.isfile(os.path.join(folder, PROJECT)) and os.path.isfile(os.path.join(folder, FOLDER, "format")):
        raise RepositoryExists(path=folder)
    os.makedirs(folder, exist_ok=True)
    above = _repository_above(folder, options)
    existing = os.path.isfile(os.path.join(folder, PROJECT))
    preview = survey(folder, check_name(model, slashes=False) if model else default_model(folder), existing=existing)
    config = Config(config_files(), variable) if above is None else above.config
    limit = config.integer("init.ask_above")
    if preview.total > limit:
        answer = confirm(preview)
        if not answer:
            raise NeedsConfirmation(
                question=f"{folder} has {preview.total / 1e9:.1f} GB for the model; nothing was made"
            )
    repository = above or Repository.create(folder, **options)
    if not existing:
        write_project(folder, preview)
    repository.place = find_place(folder, repository.path if os.path.basename(repository.path) != FOLDER else None)
    workspace = open_workspace(repository)
    if repository.refs().get(head_key(workspace.name)) is None:
        branch = (workspace.git.branch() if workspace.git is not None else None) or DEFAULT_BRANCH
        repository.publish(
            actor=repository.actor(None, folder), command=command,
            moves=(Move(head_key(workspace.name), None, branch_key(workspace.model, branch)),),
        )
    git = GitTree.find(folder)
    if git is not None:
        git.exclude(f"{FOLDER}/")
    return repository, preview


def _repository_above(folder: str, options: dict[str, object]) -> Repository | None:
    from mvcs.errors import NotARepository

    try:
        return Repository.find(folder, **options)
    except NotARepository:
        return None


def survey(folder: str, model: str, *, existing: bool = False) -> Preview:
    """Looks at a folder as a training project: which ingredients it has, and how large they are."""
    found = _walk(folder, PATTERNS)
    paths = [os.fsdecode(path) for path in [*found.unknown, *found.others]]
    patterns = {name: tuple(listed) for name, listed in PATTERNS.items()}
    if existing:
        from mvcs.repo.project import read_project

        project = read_project(folder, pattern_problem)
        patterns, model = dict(project.patterns), project.model
    else:
        patterns["weights"] = (*map(folder_pattern, weight_folders(paths)), *patterns["weights"])
        patterns["code"] = (*patterns["code"], *code_in_data(paths))
    found = _walk(folder, patterns)
    files: dict[str, int] = {}
    sizes: dict[str, int] = {}
    for seen in found.unknown.values():
        files[seen.ingredient] = files.get(seen.ingredient, 0) + 1
        sizes[seen.ingredient] = sizes.get(seen.ingredient, 0) + seen.stats[2]
    order = [name for name in INGREDIENTS if name in files]
    return Preview(
        model, patterns, {name: files[name] for name in order}, {name: sizes[name] for name in order},
        sorted(os.fsdecode(path) for path in found.others), sorted(os.fsdecode(path) for path in found.left_out),
    )


def _walk(folder: str, patterns: dict[str, tuple[str, ...]]) -> Scan:
    def make(ignores: Iterable[tuple[str, list[str]]], git_ignores: Iterable[tuple[str, list[str]]]) -> Rules:
        given = list(ignores)
        if not any(place == "" for place, _ in given):
            given.append(("", list(LEFT_OUT)))
        return Rules(patterns, given, git_ignores)

    with MemoryStore().read() as transaction:
        return scan(folder, StatCache(transaction, "."), b"survey", make, 0)


def write_project(folder: str, preview: Preview) -> None:
    """Writes mvcs.toml with the resolved patterns, and .mvcsignore unless there is one."""
    lines = [
        "# What belongs to this model. Patterns are those of .gitignore; the more specific one wins.",
        "# What matches nothing is listed by `mvcs status` and never taken silently.",
        f"model = {quoted(preview.model)}", "", "[ingredients]",
    ]
    for name in INGREDIENTS:
        listed = preview.patterns.get(name, ())
        rows, row = [], "  "
        for pattern in listed:
            item = f"{quoted(pattern)}, "
            if len(row) + len(item) > 100:
                rows.append(row.rstrip())
                row = "  "
            row += item
        rows.append(row.rstrip())
        lines += [f"# {EXPLAINED[name]}", f"{name} = [", *rows, "]"]
    explained = '# of checkpoint-500/, checkpoint-1000/ ...: "newest" or "all"'
    lines += ["", "[capture]", explained, 'checkpoints = "newest"']
    ignore = os.path.join(folder, os.fsdecode(IGNORE_FILES[0]))
    if not os.path.exists(ignore):
        head = "# Left out of the model, whatever mvcs.toml says. Same syntax as .gitignore.\n"
        _write_new(ignore, head + "\n".join(LEFT_OUT) + "\n")
    # Last, and whole or not at all: a folder that has it is a workspace.
    _write_new(os.path.join(folder, PROJECT), "\n".join(lines) + "\n")


def _write_new(path: str, text: str) -> None:
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(f"{path}.new", path)


# add and rm


def add(repository: Repository, paths: list[str], ingredient: str | None) -> list[tuple[str, str]]:
    """Declares which ingredient paths belong to; nothing is stored before the commit.

    Args:
        repository: Opened from the workspace.
        paths: Files and folders that exist, relative to the workspace's root.
        ingredient: Which one; None to say where each belongs already.

    Returns:
        (path, ingredient) of each.

    Raises:
        PathNotFound: If a path does not exist.
        PathInTwoIngredients: If mvcs.toml gives the very path to another ingredient.
        InvalidArgument: If no ingredient is named and none matches.
    """
    repository.writable()
    workspace = open_workspace(repository)
    if ingredient is not None and ingredient not in INGREDIENTS:
        raise InvalidArgument(argument="--as", value=ingredient, reason=f"one of {', '.join(INGREDIENTS)}")
    found = []
    with workspace.locked():
        for path in paths:
            full = os.path.join(workspace.root, path)
            if not os.path.lexists(full):
                raise PathNotFound(path=path, where="the workspace")
            rules = Rules(workspace.project.patterns, _ignores_above(workspace.root, path))
            if _is_left_out(rules, path, is_folder=os.path.isdir(full) and not os.path.islink(full)):
                raise InvalidArgument(
                    argument="path", value=path, reason=".mvcsignore leaves it out, whatever mvcs.toml says",
                    hint="take its line out of .mvcsignore, then mvcs add",
                )
            pattern = literal(path) + ("/" if os.path.isdir(full) and not os.path.islink(full) else "")
            for owner, listed in workspace.project.patterns.items():
                if ingredient is not None and pattern in listed and owner != ingredient:
                    raise PathInTwoIngredients(
                        path=path, first=owner, second=ingredient, hint=f"mvcs rm --cached {path}"
                    )
            if ingredient is not None:
                add_to_list(workspace.project.file, "ingredients", ingredient, [pattern])
                found.append((path, ingredient))
                continue
            there = rules.ingredient(path)
            if there is None:
                raise InvalidArgument(
                    argument="path", value=path, reason="no pattern matches it",
                    hint=f"mvcs add {path} --as {'|'.join(INGREDIENTS)}",
                )
            found.append((path, there))
    return found


def _ignores_above(root: str, path: str) -> list[tuple[str, list[str]]]:
    """Returns (folder, lines) of each .mvcsignore from the root down to a path."""
    found, folder = [], ""
    for part in ["", *path.split("/")[:-1]]:
        folder += part + "/" if part else ""
        try:
            with open(
                os.path.join(root, folder, os.fsdecode(IGNORE_FILES[0])), encoding="utf-8", errors="surrogateescape"
            ) as file:
                found.append((folder, file.read().splitlines()))
        except OSError:
            continue
    return found


def _is_left_out(rules: Rules, path: str, *, is_folder: bool) -> bool:
    parts = path.split("/")
    above = ["/".join(parts[:end]) + "/" for end in range(1, len(parts))]
    return any(rules.ignores(folder) for folder in above) or rules.ignores(path + ("/" if is_folder else ""))


def remove(
    repository: Repository, paths: list[str], *, cached: bool = False, force: bool = False, command: str = "rm"
) -> list[str]:
    """Takes paths out of the model: from the workspace, or with `cached` by .mvcsignore.

    Args:
        repository: Opened from the workspace.
        paths: Files and folders, relative to the workspace's root.
        cached: Leave the files where they are.
        force: Remove files with unsaved changes too, after saving them as a commit.
        command: The command as typed.

    Returns:
        Files that are out.

    Raises:
        UnsavedWork: If a file has content that no commit has; nothing is removed then.
        PathNotFound: If nothing of the model is there.
    """
    repository.writable()
    workspace = open_workspace(repository)
    with workspace.locked():
        recover(workspace)
        with repository.lock.shared(), repository.store.batch() as batch:
            return _remove(
                look(workspace, Digest() if cached else batch, strict=False), batch, paths, cached=cached, force=force,
                command=command,
            )


def _remove(seen: Look, batch: Batch, paths: list[str], *, cached: bool, force: bool, command: str) -> list[str]:
    workspace = seen.workspace
    known = {path for path, row in seen.scan.cache.rows() if row.stats != NO_STATS}
    chosen: list[bytes] = []
    for path in paths:
        wanted = os.fsencode(path).strip(b"/")
        below = [name for name in known if name == wanted or name.startswith(wanted + b"/")]
        if not below:
            raise PathNotFound(path=path, where="the model's files", hint="mvcs status")
        chosen += below
    changed = {change.path for change in seen.changes if change.after is not None}
    unsaved = sorted(os.fsdecode(path) for path in chosen if path in changed)
    if unsaved and not cached and not force:
        raise UnsavedWork(paths=tuple(unsaved), hint="mvcs commit, or mvcs rm --cached to keep the files")
    patterns = [literal(path) for path in paths]
    if not cached:  # a rewrite like any other, so that undo brings the files back
        edits = edits_of(FileChange(path, placed, None) for path in chosen if (placed := _in_head(seen, path)))
        target = changed_tree(workspace.repository, seen.tree, edits)
        Rewrite(seen, batch, target, force=True, only=set(chosen)).run(moves=(), command=command)
    remove_from_lists(workspace.project.file, "ingredients", [*patterns, *[p + "/" for p in patterns]])
    if cached:
        _append_lines(os.path.join(workspace.root, os.fsdecode(IGNORE_FILES[0])), patterns)
    return sorted(os.fsdecode(path) for path in chosen)


def _in_head(seen: Look, path: bytes) -> Placed | None:
    return None if seen.tree == EMPTY else find_file(seen.workspace.repository.load_tree, seen.tree, path)


def _append_lines(path: str, lines: list[str]) -> None:
    text = ""
    if os.path.exists(path):
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            text = file.read()
    missing = [line for line in lines if line not in text.splitlines()]
    with open(path, "a", encoding="utf-8", errors="surrogateescape") as file:
        file.write(("" if not text or text.endswith("\n") else "\n") + "".join(line + "\n" for line in missing))


