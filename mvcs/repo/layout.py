"""Where things lie: the repository's folder, the workspace above which it stands. Implements: spec 11.1."""

from __future__ import annotations

import os

from mvcs.errors import NotARepository, UnknownFeature, UnsupportedFilesystem, UnsupportedVersion
from mvcs.objects.hashing import blob_oid
from mvcs.objects.record import Record

FOLDER = ".mvcs"
MAX_WORKSPACE = 200
"""Bytes of a workspace's name in keys."""
PROJECT = "mvcs.toml"

VERSION = 1
FEATURES: frozenset[str] = frozenset()
"""Required features that this version reads."""

NETWORK = (
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre", "gpfs", "beegfs", "pvfs2",
    "ncpfs", "fuse.sshfs", "fuse.s3fs", "fuse.goofys", "fuse.gcsfuse", "fuse.rclone", "fuse.glusterfs",
    "fuse.ceph", "fuse.blobfuse", "fuse.blobfuse2", "fuse.juicefs", "fuse.mount-s3", "virtiofs.remote",
)


class Place(Record):
    """A repository and perhaps a workspace.

    Args:
        repository: Absolute path of the repository's folder.
        top: Folder that workspaces are named from: where `.mvcs` stands.
        workspace: Folder of the nearest mvcs.toml, None outside any.
    """

    __slots__ = ("repository", "top", "workspace")

    def __init__(self, repository: str, top: str, workspace: str | None) -> None:
        self.repository = repository
        self.top = top
        self.workspace = workspace

    @property
    def workspace_id(self) -> str:
        """Name of the workspace in refs: its folder as seen from the top, a dot for the top itself."""
        assert self.workspace is not None
        name = os.path.relpath(self.workspace, self.top)
        if name == ".." or name.startswith("../"):
            name = self.workspace
        raw = os.fsencode(name)
        try:
            raw.decode()
        except UnicodeDecodeError:
            return "~" + blob_oid(raw).hex()[:32]
        # Keys of the tables are short: a deep folder goes by its hash.
        return name if len(raw) <= MAX_WORKSPACE else "~" + blob_oid(raw).hex()[:32]


def find_place(start: str, repository: str | None = None) -> Place:
    """Finds the repository and the workspace of a folder, looking upward.

    Args:
        start: Where to begin.
        repository: The repository's folder, when it was named (MVCS_DIR).

    Raises:
        NotARepository: If there is none.
    """
    start = os.path.abspath(start)
    if not os.path.isdir(start):  # a typing error must not find the repository above it
        raise NotARepository(path=start)
    workspace = _upward(start, PROJECT, os.path.isfile)
    if repository is not None:
        repository = os.path.abspath(repository)
        if not os.path.isfile(os.path.join(repository, "format")):
            raise NotARepository(path=repository)
        return Place(repository, os.path.dirname(repository), workspace)
    top = _upward(start, FOLDER, lambda path: os.path.isfile(os.path.join(path, "format")))
    if top is None and os.path.isfile(os.path.join(start, "format")) and os.path.isdir(os.path.join(start, "meta")):
        return Place(start, os.path.dirname(start), None)
    if top is None:
        raise NotARepository(path=start, hint=_hint_of_worktrees(start, has_project=workspace is not None))
    if workspace is not None and not (workspace + "/").startswith(top.rstrip("/") + "/"):
        workspace = None
    return Place(os.path.join(top, FOLDER), top, workspace)


def _hint_of_worktrees(start: str, *, has_project: bool) -> str | None:
    """Returns the command that reaches the repository of another work tree of Git's, None if none has any."""
    from shlex import quote

    from mvcs.repo.git import GitTree

    git = GitTree.find(start)
    if git is None:
        return None
    below = os.path.relpath(start, git.top)
    for top in git.work_trees():
        folder = os.path.normpath(os.path.join(top, below))
        found = _upward(folder, FOLDER, lambda path: os.path.isfile(os.path.join(path, "format")))
        if found is not None:
            if has_project:
                return f"MVCS_DIR={quote(os.path.join(found, FOLDER))} mvcs ..."
            return f"mvcs -C {quote(found)} ..."  # a repository alone would be no workspace
    return None


def _upward(start: str, name: str, is_it: object) -> str | None:
    assert callable(is_it)
    folder = start
    while True:
        if is_it(os.path.join(folder, name)):
            return folder
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent


def write_format(path: str) -> None:
    """Writes the format file of a new repository, whole or not at all."""
    name = os.path.join(path, "format")
    with open(f"{name}.new", "w", encoding="ascii") as file:
        file.write(f"mvcs {VERSION}\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(f"{name}.new", name)
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def check_format(path: str) -> None:
    """Reads the format file: a line `mvcs VERSION`, then `require NAME` and `optional NAME` lines.

    Raises:
        UnsupportedVersion: If the version is not this one.
        UnknownFeature: If a required feature is not known here.
        NotARepository: If there is no such file.
    """
    try:
        with open(os.path.join(path, "format"), encoding="utf-8", errors="replace") as file:
            lines = [line.split() for line in file.read(65536).splitlines() if line.strip()]
    except FileNotFoundError:
        raise NotARepository(path=path) from None
    head = lines[0] if lines else []
    if head != ["mvcs", str(VERSION)]:
        raise UnsupportedVersion(found=" ".join(head[1:]) or "nothing", known=str(VERSION))
    unknown = tuple(
        " ".join(line[1:]) if line[0] == "require" else " ".join(line)
        for line in lines[1:]
        if line[0] != "optional" and not (line[0] == "require" and " ".join(line[1:]) in FEATURES)
    )
    if unknown:
        raise UnknownFeature(features=unknown)


def filesystem_of(path: str, mounts: str) -> str:
    """Returns the type of the file system that holds a path.

    Args:
        path: Absolute path without symbolic links.
        mounts: Text of /proc/self/mountinfo.
    """
    best, kind = "", ""
    for line in mounts.splitlines():
        left, _, right = line.partition(" - ")
        fields, types = left.split(), right.split()
        if len(fields) < 5 or not types:
            continue
        point = fields[4].replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
        if (path == point or path.startswith(point.rstrip("/") + "/")) and len(point) >= len(best):
            best, kind = point, types[0]
    return kind


def network_of(path: str) -> str | None:
    """Returns the type of the network file system that holds an existing folder, None if it is a local one."""
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            mounts = file.read()
    except OSError:
        return None
    kind = filesystem_of(os.path.realpath(path), mounts)
    return kind if kind in NETWORK else None


def refuse_network(path: str) -> None:
    """Checks that a folder, which need not exist, is going to be on a local file system.

    Raises:
        UnsupportedFilesystem: If it is not: LMDB's locks and maps are not safe there.
    """
    while path and not os.path.isdir(path):
        path = os.path.dirname(path)
    kind = network_of(path)
    if kind is not None:
        raise UnsupportedFilesystem(path=path, filesystem=kind)


def make_folders(path: str) -> None:
    """Makes the folders of a repository that are not the store's own."""
    for name in ("", "mapped", "locks"):
        os.makedirs(os.path.join(path, name), exist_ok=True)
