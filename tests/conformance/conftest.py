"""Buckets of a real server."""

from servers.buckets import bucket, credentials, proxy, server  # noqa: F401 -- fixtures
