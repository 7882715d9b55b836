"""Buckets of a real server, and projects that share them."""

from __future__ import annotations

import pytest
from servers.buckets import bucket, credentials, proxy, server  # noqa: F401 -- fixtures

import mvcs
from mvcs.ops.fetch import fetch
from mvcs.ops.push import push
from mvcs.ops.remote import OpenRemote
from mvcs.ports import FixedClock
from mvcs.remote.s3_client import S3Settings
from mvcs.repo.remotes import Remote
from mvcs.repo.repository import Repository
from tests.cli.harness import write


class Machine:
    """A workspace with its repository on a machine of its own."""

    def __init__(self, folder, url, settings):
        self.folder = folder
        self._remote = Remote("origin", url, settings)
        folder.mkdir()
        write(folder, {"train.py": b"print(1)\n"})
        self.repo = mvcs.init(folder, model="m", yes=True, clock=FixedClock(1_790_000_000 * 10**9, step=10**9))[0]
        self.repository: Repository = self.repo._repository

    def commit(self, files, message="change"):
        write(self.folder, files)
        self.repo.commit(message)
        return bytes.fromhex(self.repo.resolve("HEAD")[0])

    def opened(self):
        return OpenRemote(self.repository, self._remote)

    def push(self, *branches, **options):
        refs = self.repository.refs()
        wanted = {key: refs.resolve(key) for key in [f"heads/m/{name}" for name in branches or ["main"]]}
        return push(self.repository, self.opened(), wanted, **options)

    def fetch(self):
        return fetch(self.repository, self.opened())

    def remote_refs(self):
        return {key.removeprefix("remotes/origin/"): oid for key, oid in self.repository.refs().under("remotes/origin/")}

    def close(self):
        self.repo.close()


@pytest.fixture(params=["folder", "bucket"])
def place(request, tmp_path):
    """(URL, settings) of an empty remote."""
    if request.param == "folder":
        (tmp_path / "remote").mkdir()
        return f"file://{tmp_path}/remote", S3Settings()
    return f"s3://{request.getfixturevalue('bucket')}/models", S3Settings(endpoint=request.getfixturevalue("server"))


@pytest.fixture
def machine(tmp_path, place):
    """Makes machines that share one remote."""
    made = []

    def make(name, at=None):
        url, settings = at or place
        made.append(Machine(tmp_path / name, url, settings))
        return made[-1]

    yield make
    for one in made:
        one.close()
