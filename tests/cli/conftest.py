"""Fixtures of `tests.cli.harness`."""

from tests.cli.harness import project, repo, sealed

__all__ = ["project", "repo", "sealed"]
