"""Addresses of remotes: `s3://BUCKET[/PREFIX]` and `file:///FOLDER`.

Knows: what an address may be. Refuses to know: credentials, which never stand in one.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from mvcs.errors import InvalidArgument, RemoteNotFound

if TYPE_CHECKING:
    from mvcs.remote.home import Home
    from mvcs.remote.s3_client import S3Settings

SCHEMES = ("s3", "file")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


def check_url(url: str) -> str:
    """Returns an address in its one form: no slash at its end, a folder absolute.

    Raises:
        InvalidArgument: If it is none, or carries credentials.
    """
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise InvalidArgument(argument="URL", value=url, reason=str(error)) from error
    if "@" in parts.netloc or parts.query:
        raise InvalidArgument(
            argument="URL", value="...", reason="credentials stand in no address; AWS's own settings have them",
            hint="aws configure",
        )
    if parts.scheme not in SCHEMES or parts.fragment:
        raise InvalidArgument(
            argument="URL", value=url, reason="a remote is s3://BUCKET/PREFIX or file:///FOLDER",
            hint=f"mvcs remote add origin file://{quote(os.path.abspath(url))}" if not parts.scheme else "",
        )
    path = unquote(parts.path) if parts.scheme == "file" else parts.path
    if parts.scheme == "file":
        if parts.netloc not in {"", "localhost"} or not path.startswith("/"):
            raise InvalidArgument(argument="URL", value=url, reason="a folder is file:///PATH, with three slashes")
        return f"file://{quote(os.path.normpath(path))}"
    if not _BUCKET.fullmatch(parts.netloc):
        raise InvalidArgument(argument="URL", value=url, reason=f"{parts.netloc!r} is no name of a bucket")
    words = [word for word in path.split("/") if word]
    if any(word in {".", ".."} or not word.isprintable() for word in words):
        raise InvalidArgument(argument="URL", value=url, reason="a prefix has no dots alone between slashes")
    return "/".join(["s3:/", parts.netloc, *words])


def open_home(url: str, settings: S3Settings | None = None) -> Home:
    """Returns the place that an address names.

    Raises:
        InvalidArgument: If it is no address.
        RemoteNotFound: If there is no such folder.
        RemoteError: If boto3 is not installed.
    """
    url = check_url(url)
    parts = urlsplit(url)
    if parts.scheme == "file":
        from mvcs.remote.folder import FolderHome

        path = unquote(parts.path)
        if not os.path.isdir(path):
            raise RemoteNotFound(url=url, reason="there is no such folder", hint=f"mkdir -p {quote(path)}")
        return FolderHome(path)
    from mvcs.remote.s3 import S3Home
    from mvcs.remote.s3_client import S3Settings

    prefix = parts.path.lstrip("/")
    return S3Home(parts.netloc, prefix + "/" if prefix else "", settings or S3Settings())
