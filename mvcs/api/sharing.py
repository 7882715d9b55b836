"""A repository and its remotes: one method per verb that moves bytes between places, thin over `mvcs.ops`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.api.looking import Looking

if TYPE_CHECKING:
    from mvcs.ops.fetch import Fetched
    from mvcs.ops.push import Pushed
    from mvcs.ops.remote import RemoteChecked
    from mvcs.repo.remotes import Remote


class Sharing(Looking):
    """The verbs that talk to remotes."""

    @property
    def remotes(self) -> list[Remote]:
        """The named remotes, by name."""
        from mvcs.ops.remote import remotes

        return remotes(self._repository)

    def add_remote(
        self, name: str, url: str, *, endpoint: str | None = None, region: str | None = None,
        path_style: bool | None = None, sse: str | None = None, kms_key: str | None = None, single_writer: bool = False,
    ) -> RemoteChecked:
        """Names a remote, `s3://BUCKET/PREFIX` or `file:///FOLDER`, after it was tried what it keeps."""
        from mvcs.ops.remote import add_remote
        from mvcs.remote.s3_client import S3Settings

        settings = S3Settings(endpoint=endpoint, region=region, path_style=path_style, sse=sse, kms_key=kms_key)
        return add_remote(self._repository, name, url, settings, single_writer=single_writer)

    def check_remote(self, name: str | None = None) -> RemoteChecked:
        """Tries what a remote keeps and what its credentials allow; origin by default."""
        from mvcs.ops.remote import check_remote, default_remote

        return check_remote(self._repository, name or default_remote(self._repository))

    def drop_remote(self, name: str, *, command: str = "remote rm") -> None:
        """Forgets a remote; what is there stays there."""
        from mvcs.ops.remote import drop_remote

        drop_remote(self._repository, name, command=command)

    def push(
        self, remote: str | None = None, names: tuple[str, ...] = (), *, every: bool = False, tags: bool = False,
        delete: bool = False, force_with_lease: bool = False, command: str = "push",
    ) -> Pushed:
        """Sends branches and tags with all that they need; the current branch by default, with its tags."""
        from mvcs.ops.push import push, to_push
        from mvcs.ops.remote import default_remote, open_remote

        opened = open_remote(self._repository, remote or default_remote(self._repository))
        wanted = to_push(self._repository, names, every=every, tags=tags, delete=delete)
        return push(self._repository, opened, wanted, force_with_lease=force_with_lease, command=command)

    def fetch(self, remote: str | None = None, *, command: str = "fetch") -> Fetched:
        """Brings what a remote's branches and tags need; they are named REMOTE/BRANCH here."""
        from mvcs.ops.fetch import fetch
        from mvcs.ops.remote import default_remote, open_remote

        return fetch(
            self._repository, open_remote(self._repository, remote or default_remote(self._repository)), command=command
        )
