"""Measures commands side by side in one run, A B A B, and says on which machine."""

import datetime
import importlib.metadata
import os
import pathlib
import platform
import resource
import statistics
import subprocess
import sys
import threading
import time

BIN = pathlib.Path(sys.executable).parent
PACKAGES = ("blake3", "click", "lmdb", "msgpack", "networkx", "pyfastcdc", "zstandard")


def environment(home: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("MVCS_", "GIT_", "PYTHON"))}
    return {
        **kept, "HOME": home, "XDG_CONFIG_HOME": home, "PATH": f"{BIN}{os.pathsep}{kept.get('PATH', '')}",
        "MVCS_AUTHOR_NAME": "Ada", "MVCS_AUTHOR_EMAIL": "ada@example.com", "OPENBLAS_NUM_THREADS": "1",
    }


def once(command: list[str], cwd: str) -> tuple[float, float]:
    """Runs a command; returns wall and CPU seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    silent = subprocess.DEVNULL
    subprocess.run(command, cwd=cwd, env=environment(cwd), stdout=silent, stderr=silent, check=True)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def side_by_side(commands: dict[str, list[str]], cwd: str, rounds: int) -> dict[str, dict[str, float]]:
    """Runs commands in turn; returns the medians of each."""
    seen: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for command in commands.values():
        once(command, cwd)
    for _ in range(rounds):
        for name, command in commands.items():
            seen[name].append(once(command, cwd))
    return {
        name: {
            "wall_ms": round(statistics.median(wall for wall, _ in rows) * 1000, 2),
            "cpu_ms": round(statistics.median(cpu for _, cpu in rows) * 1000, 2),
            "best_wall_ms": round(min(wall for wall, _ in rows) * 1000, 2),
        }
        for name, rows in seen.items()
    }


class AnonymousPeak:
    """Samples the anonymous resident memory of a child process every two milliseconds."""

    def __init__(self, pid: int) -> None:
        self.peak_kb = 0
        self._path = f"/proc/{pid}/status"
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def _watch(self) -> None:
        while not self._over.is_set():
            try:
                with open(self._path) as file:
                    for line in file:
                        if line.startswith("RssAnon"):
                            self.peak_kb = max(self.peak_kb, int(line.split()[1]))
            except OSError:
                return
            time.sleep(0.002)

    def end(self) -> float:
        """Returns the peak in MB."""
        self._over.set()
        self._thread.join()
        return self.peak_kb / 1000


def with_memory(command: list[str], cwd: str) -> tuple[float, float]:
    """Runs a command; returns wall seconds and peak anonymous MB."""
    start = time.perf_counter()
    child = subprocess.Popen(command, cwd=cwd, env=environment(cwd), stdout=subprocess.DEVNULL)
    peak = AnonymousPeak(child.pid)
    if child.wait() != 0:
        raise SystemExit(f"{command} failed")
    return time.perf_counter() - start, peak.end()


def machine() -> dict[str, object]:
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(), "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9),
        "kernel": platform.release(), "python": platform.python_version(),
        "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
        "git": subprocess.run(["git", "--version"], capture_output=True, text=True, check=True).stdout.split()[-1],
        "load": [round(number, 2) for number in os.getloadavg()],
    }
