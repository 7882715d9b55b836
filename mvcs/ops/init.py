"""init: which files belong to the model, written into mvcs.toml where anybody can read it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mvcs.ambient import config_files, variable
from mvcs.errors import FollowsGit, NeedsConfirmation, NotEmpty, RepositoryExists
from mvcs.ingredients.defaults import LEFT_OUT, PATTERNS, code_in_data, weight_folders
from mvcs.ingredients.patterns import Rules, folder_pattern, pattern_problem
from mvcs.objects.commit import INGREDIENTS
from mvcs.objects.operation import Move
from mvcs.objects.record import Record
from mvcs.ops.branch import no_twin
from mvcs.ops.context import open_workspace
from mvcs.ops.moves import refuse_taken
from mvcs.refs.names import HEADS, branch_key, check_name, head_key
from mvcs.repo.config import Config
from mvcs.repo.git import GitTree
from mvcs.repo.layout import FOLDER, PROJECT, Place, find_place
from mvcs.repo.project import default_model
from mvcs.repo.repository import Repository, refuse_past
from mvcs.repo.scan import IGNORE_FILES, Scan, scan
from mvcs.repo.statcache import StatCache
from mvcs.repo.toml import quoted
from mvcs.repo.workspace import DEFAULT_BRANCH
from mvcs.store.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


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
        workspaces: Folders in it that are workspaces of their own.
        around: Folders of workspaces that it is inside of.
    """

    __slots__ = ("around", "files", "left_out", "model", "others", "patterns", "sizes", "workspaces")

    def __init__(
        self, model: str, patterns: dict[str, tuple[str, ...]], files: dict[str, int], sizes: dict[str, int],
        others: list[str], left_out: list[str], workspaces: list[str],
    ) -> None:
        self.model = model
        self.patterns = patterns
        self.files = files
        self.sizes = sizes
        self.others = others
        self.left_out = left_out
        self.workspaces = workspaces
        self.around: list[str] = []

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
    folder: str, *, model: str | None = None, branch: str | None = None, confirm: Callable[[Preview], bool | None],
    command: str = "init", **options: object,
) -> tuple[Repository, Preview]:
    """Makes a repository, or a further workspace in the one above, and writes mvcs.toml.

    Args:
        folder: The workspace's folder; made if missing.
        model: Name of the model; the folder's by default.
        branch: Branch to stand on; main by default, beside Git Git's. One that is not there begins where main is.
        confirm: Asked above the configured size; True to go on, False to stop, None if nobody can be asked.
        command: The command as typed.
        **options: For the repository.

    Raises:
        RepositoryExists: If the folder is a workspace already.
        NeedsConfirmation: If nobody can be asked.
        BranchInUse: If another workspace of the model stands on the branch; nothing is made then.
        FollowsGit: If a branch is named and Git decides about it.
        UnsupportedFilesystem: On a network file system.
    """
    refuse_past(options)
    folder = os.path.abspath(folder)
    if os.path.isfile(os.path.join(folder, PROJECT)) and os.path.isfile(os.path.join(folder, FOLDER, "format")):
        raise RepositoryExists(path=folder)
    if os.path.lexists(folder) and not os.path.isdir(folder):
        raise NotEmpty(path=folder)
    os.makedirs(folder, exist_ok=True)
    above = _repository_above(folder, options)
    existing = os.path.isfile(os.path.join(folder, PROJECT))
    preview = survey(folder, check_name(model, slashes=False) if model else default_model(folder), existing=existing)
    moves = _stand(folder, above, preview.model, branch, existing=existing)
    config = Config(config_files(), variable) if above is None else above.config
    limit = config.integer("init.ask_above")
    if preview.total > limit:
        answer = confirm(preview)
        if not answer:
            raise NeedsConfirmation(
                question=f"{folder} has {preview.total / 1e9:.1f} GB for the model; nothing was made"
            )
    repository = above or Repository.create(_home(folder, existing=existing), **options)
    if not existing:
        write_project(folder, preview)
    repository.place = find_place(folder, variable("MVCS_DIR"))
    workspace = open_workspace(repository)
    if repository.refs().get(head_key(workspace.name)) is None:
        key, made = moves
        repository.publish(
            actor=repository.actor(None, folder), command=command,
            moves=(*made, Move(head_key(workspace.name), None, key)),
        )
    git = GitTree.find(folder)
    if git is not None:
        git.exclude(f"{FOLDER}/")
    preview.around = _around(folder, repository.place.top)
    return repository, preview


def _around(folder: str, top: str) -> list[str]:
    """Returns the folders of workspaces that a new one is inside of, the nearest first."""
    found, above = [], os.path.dirname(folder)
    while (above + "/").startswith(top.rstrip("/") + "/"):
        if os.path.isfile(os.path.join(above, PROJECT)):
            found.append(above)
        above = os.path.dirname(above)
    return found


def _stand(
    folder: str, above: Repository | None, model: str, branch: str | None, *, existing: bool
) -> tuple[str, tuple[Move, ...]]:
    """Returns the key of the branch that a new workspace stands on, and the move that makes it where it is new."""
    from mvcs.repo.project import read_project

    project = read_project(folder) if existing else None
    git = GitTree.find(folder if project is None else project.root) if project is None or project.follow_git else None
    if git is not None:
        if branch is not None:
            raise FollowsGit(branch=branch, command=f"git switch {branch} && mvcs init")
        return branch_key(model, git.branch() or DEFAULT_BRANCH), ()
    key, first = branch_key(model, check_name(branch or DEFAULT_BRANCH)), branch_key(model, DEFAULT_BRANCH)
    if above is None:
        return key, ()
    refs = above.refs()
    again = Place(above.place.repository, above.place.top, folder).workspace_id
    if refs.get(head_key(again)) is None:
        refuse_taken(above, refs, key, again, "mvcs init --branch NAME")
    start = refs.resolve(first)
    if refs.resolve(key) is not None or start is None:
        return key, ()
    no_twin(refs, model, HEADS, branch or DEFAULT_BRANCH)
    return key, (Move(key, None, start),)


def _home(folder: str, *, existing: bool) -> str:
    """Returns the folder that gets the repository: the root that mvcs.toml names, so that its other models find it."""
    if not existing:
        return folder
    from mvcs.repo.project import read_project

    return read_project(folder).root


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
        sorted(os.fsdecode(path) for path in found.workspaces),
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
