"""A process that runs verbs and ends, stops or waits at a named point. Run as `python child.py PLAN`, PLAN in JSON.

PLAN: folder; steps, a list of [verb, arguments]; limits, `module:NAME` to number; and one of
  kill     index of the point, counted over all points, at which the process ends itself by `signal`
  hold     name of the point at which it says so and waits for a line on its input
  points   true: every point that is reached is told
Each answer is one line: `ready`, `point NAME`, `held NAME`, `ack JSON`, `error CODE`.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys


def say(*words: str) -> None:
    os.write(1, (" ".join(words) + "\n").encode())


def set_limits(limits: dict[str, int]) -> None:
    """Makes batches and segments small, so that small tests have many of them."""
    for where, number in limits.items():
        module, name = where.split(":")
        if name == "CAP":  # a default argument, bound long ago
            from mvcs.store.lmdb_store import LmdbStore

            LmdbStore.__init__.__defaults__ = (number,)
            LmdbStore.create.__func__.__defaults__ = (number,)
            continue
        setattr(importlib.import_module(module), name, number)


def set_traps(plan: dict) -> None:
    from mvcs import ports

    count = 0

    def on_reached(name: str) -> None:
        nonlocal count
        if plan.get("points"):
            say("point", name)
        if count == plan.get("kill"):
            count += 1
            os.kill(os.getpid(), getattr(signal, plan.get("signal", "SIGKILL")))
        elif plan.get("hold") == name and count >= 0:
            count = -1
            say("held", name)
            sys.stdin.readline()
        elif count >= 0:
            count += 1

    ports.on_reached = on_reached


def without_lock() -> None:
    """Breaks the law on purpose: a test must notice."""
    from contextlib import contextmanager

    from mvcs.store.lock import FileLock

    held = FileLock._held

    @contextmanager
    def pretended(self, *, exclusive):
        if os.path.basename(self.path) != "lock":
            with held(self, exclusive=exclusive):
                yield
        else:
            yield

    FileLock._held = pretended


def run(plan: dict, verb: str, arguments: dict) -> str:
    import mvcs
    from mvcs import api

    if verb in {"init", "clone"}:
        made = getattr(api, verb)(**arguments)
        return made[0].path if verb == "init" else made.path
    with mvcs.open(plan["folder"]) as repo:
        if plan.get("warm"):
            repo.refs  # noqa: B018 -- opens meta before the parent counts the time
        say("ready")
        if verb == "write":
            for path, text in arguments.items():
                with open(os.path.join(plan["folder"], path), "wb") as file:
                    file.write(text.encode())
            return ""
        result = getattr(repo, verb)(**arguments)
        return result.oid.hex() if verb == "commit" else ""


def main() -> None:
    plan = json.loads(sys.argv[1])
    set_limits(plan.get("limits", {}))
    set_traps(plan)
    if plan.get("no_lock"):
        without_lock()
    from mvcs.errors import MvcsError

    for verb, arguments in plan["steps"]:
        try:
            say("ack", json.dumps(run(plan, verb, arguments)))
        except MvcsError as error:
            say("error", error.code, error.message.replace("\n", " "))
        except KeyboardInterrupt:
            say("interrupted")
            sys.exit(130)


if __name__ == "__main__":
    main()
