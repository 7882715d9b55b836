"""The one module that reads `MVCS_*` variables and the system clock.

Knows: the environment of this process. Refuses to know: what anything is used for.
"""

from __future__ import annotations

import os
import time


class SystemClock:
    """The system's clock, in the local time zone."""

    def now(self) -> tuple[int, int]:
        """Returns nanoseconds since 1970 in UTC, and the local offset from UTC in minutes."""
        nanoseconds = time.time_ns()
        return nanoseconds, time.localtime(nanoseconds // 10**9).tm_gmtoff // 60


def variable(name: str) -> str | None:
    """Returns an environment variable, None when unset or empty; read at call time, never at import."""
    return os.environ.get(name) or None


def user_at_host() -> tuple[str, str]:
    """Returns (user, user@host) as the last resort for an identity; never fails."""
    import socket

    user = variable("USER") or variable("LOGNAME") or variable("USERNAME")
    if user is None:
        try:
            import pwd

            user = pwd.getpwuid(os.getuid()).pw_name
        except (ImportError, KeyError):
            user = "unknown"
    try:
        host = socket.gethostname() or "localhost"
    except OSError:
        host = "localhost"
    return user, f"{user}@{host}"


def config_files() -> list[tuple[str, str]]:
    """Returns the (origin, path) of the user's and the system's configuration files, nearest first."""
    home = variable("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    return [("user", os.path.join(home, "mvcs", "config.toml")), ("system", "/etc/mvcs/config.toml")]


def inherited(extra: dict[str, str], without: tuple[str, ...] = ()) -> dict[str, str]:
    """Returns the environment for a child process."""
    return {**{key: value for key, value in os.environ.items() if key not in without}, **extra}
