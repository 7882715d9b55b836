"""The door of the command line: the lazy group, the common options, the one place where errors become exit codes."""

from __future__ import annotations

import gc
import os
import sys
from typing import Any

import click

from mvcs.errors import NO_SPACE, InternalError, MvcsError, PathNotFound
from mvcs_cli.commands import ALIASES, COMMANDS, SECTIONS, module_of
from mvcs_cli.printable import indented
from mvcs_cli.ui import Ui
from mvcs_cli.verb import JSON, json_option

EPILOG = """\b
Exit codes: 0 done, 1 the honest no (nothing to commit, damage found), 2 wrong usage, 3 not found,
4 precondition or lost race, 5 not permitted, 6 remote, 7 integrity, 8 internal error, 128 no repository.
"""

_NO_MEMORY = ("can't start new thread", "failed to map segment", "Cannot allocate memory")
"""What Python, the loader of libraries and the system say when address space is short."""


class _Unread(Exception):
    """The reader of stdout has gone; click would end with 1 if it saw the BrokenPipeError."""


class LazyGroup(click.Group):
    """A group that imports a verb only when it is called."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:  # noqa: ANN401 -- click's own
        """Reads the options; `--help` prints here."""
        try:
            return super().make_context(*args, **kwargs)
        except BrokenPipeError as error:
            raise _Unread from error

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 -- click's own
        """Runs the verb."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise _Unread from error

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Returns the verbs in the order of the table."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports a verb."""
        del ctx
        name = ALIASES.get(cmd_name, cmd_name)
        if name not in COMMANDS:
            return None
        import importlib

        command: click.Command = importlib.import_module(module_of(name)).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Finds the verb; an unknown one gets the nearest known ones as a hint."""
        name = args[0]
        if self.get_command(ctx, name) is None:
            import difflib

            near = difflib.get_close_matches(name, [*COMMANDS, *ALIASES], n=3)
            hint = f" Did you mean {' or '.join(near)}?" if near else ""
            message = f"no such command {name!r}.{hint}"
            raise click.UsageError(message, ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the verbs by section from the table alone."""
        del ctx
        for section, verbs in SECTIONS.items():
            with formatter.section(section):
                formatter.write_dl(list(verbs.items()))


@click.group(
    cls=LazyGroup, epilog=EPILOG, invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option("-C", "folder", metavar="DIR", default=None, help="Work as if started in DIR.")
@json_option
@click.option("-q", "--quiet", is_flag=True, help="Answer with the essential only: oids, one a line, or nothing.")
@click.option("--at", metavar="TIME|OP", default=None, help="Read as of a time or an operation.")
@click.option("--lock-timeout", type=float, default=None, metavar="SECONDS", help="How long to wait for others.")
@click.option(
    "--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="Colour; NO_COLOR counts too."
)
@click.version_option(None, "--version", package_name="mvcs", message="mvcs %(version)s")
@click.pass_context
def cli(
    ctx: click.Context, folder: str | None, *, json: str | None, quiet: bool, at: str | None,
    lock_timeout: float | None, color: str,
) -> None:
    """Git for models: code, data, config, environment and weights in one commit."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help(), err=True)
        ctx.exit(2)
    if folder is not None and not os.path.isdir(folder):
        raise PathNotFound(path=folder, where="the file system", hint="")
    ctx.obj = Ui(
        folder=folder, json=json, quiet=quiet, at=at, lock_timeout=lock_timeout, color=color,
        arguments=list(ctx.obj),
    )


def main() -> None:
    """Runs the command line and ends the process with its exit code."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    gc.set_threshold(50_000, 20, 20)  # a command lives short, and makes many objects that no cycle holds
    code = run(sys.argv[1:])
    gc.freeze()  # else Python looks for cycles in all that is left, twice, before it ends: 4 to 7 ms
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Runs one command; returns its exit code."""
    try:
        result = cli.main(
            arguments, prog_name="mvcs", standalone_mode=False, terminal_width=_width(), obj=tuple(arguments)
        )
        sys.stdout.flush()
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.exceptions.Abort:
        return _interrupted()
    except KeyboardInterrupt:
        return _interrupted()
    except click.UsageError as error:
        return _usage(error, arguments)
    except click.ClickException as error:
        return _fail(MvcsError(), error.format_message(), 2, arguments)
    except MvcsError as error:
        return _fail(error, error.message, error.exit_code, arguments)
    except (_Unread, BrokenPipeError):
        # Nobody reads on; keep Python from complaining about it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        if error.errno in NO_SPACE:
            from mvcs.errors import StoreFull

            full = StoreFull(path=str(error.filename or os.getcwd()), free=0)
            return _fail(full, full.message, full.exit_code, arguments)
        if isinstance(error, PermissionError):
            from mvcs.errors import PermissionDenied

            denied = PermissionDenied(path=os.fsdecode(error.filename or ""))
            return _fail(denied, denied.message, denied.exit_code, arguments)
        return _crash(error, arguments)
    except RecursionError:  # only folders are followed by recursion; hostile trees nest them by the thousand
        from mvcs.errors import InvalidObject

        deep = InvalidObject(kind="tree", reason="folders are nested too deep")
        return _fail(deep, deep.message, deep.exit_code, arguments)
    except Exception as error:  # noqa: BLE001 -- the last line of defence: a report instead of a trace
        return _crash(error, arguments)
    return result if isinstance(result, int) else 0


def _width() -> int:
    """Returns the columns of the terminal, at most 100; click would load shutil for it, a tenth of `--help`."""
    given = os.environ.get("COLUMNS", "")
    if given.isdecimal():
        return max(40, min(100, int(given)))
    try:
        return max(40, min(100, os.get_terminal_size().columns))
    except OSError:
        return 100


def _wants_json(arguments: list[str]) -> bool:
    return any(word == JSON or word.startswith(JSON + "=") for word in arguments)


def _interrupted() -> int:
    click.echo("interrupted; nothing was committed that is not whole", err=True)
    return 130


def _usage(error: click.UsageError, arguments: list[str]) -> int:
    from mvcs.errors import UsageError

    text = error.format_message()
    verb = error.ctx.command_path if error.ctx is not None else "mvcs"
    return _fail(UsageError(hint=f"{verb} --help"), text, 2, arguments)


def _fail(error: MvcsError, message: str, code: int, arguments: list[str]) -> int:
    if _wants_json(arguments):
        import json

        document = {**error.to_dict(), "message": message, "exit_code": code}
        click.echo(json.dumps({"schema": "mvcs.error/1", "error": document}), err=True)
        return code
    colour = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    click.echo(click.style("error: ", fg="red", bold=True) if colour else "error: ", err=True, nl=False)
    click.echo(indented(message), err=True)
    if error.hint:
        click.echo(f"hint: {indented(error.hint)}", err=True)
    return code


def _scarce(error: BaseException) -> MvcsError | None:
    """Returns what to tell where the system gave no memory, for a map, a library or the stack of a thread."""
    told = [words for words in _NO_MEMORY if words in str(error)]
    if not told and not isinstance(error, MemoryError):
        return None
    from mvcs.errors import OutOfAddressSpace

    return OutOfAddressSpace(reason=told[0] if told else "cannot allocate memory")


def _crash(error: BaseException, arguments: list[str]) -> int:
    scarce = _scarce(error)
    if scarce is not None:
        return _fail(scarce, scarce.message, scarce.exit_code, arguments)
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile(
        "w", prefix="mvcs-report-", suffix=".txt", delete=False, encoding="utf-8", errors="backslashreplace"
    ) as file:
        file.write(f"mvcs {' '.join(arguments)}\n")
        file.write("".join(traceback.format_exception(error)))
    bug = InternalError(reason=f"{type(error).__name__}: {error}", hint=f"cat {file.name}")
    return _fail(bug, bug.message, 8, arguments)


if __name__ == "__main__":
    main()
