"""Writes the CLI reference from the commands themselves: the golden file and the docs page are the same text.

    python -m tests.golden.make_cli_reference
"""

from __future__ import annotations

from pathlib import Path

import click
from mvcs_cli.commands import ALIASES, SECTIONS
from mvcs_cli.commands.help import TOPICS
from mvcs_cli.main import cli

ROOT = Path(__file__).parents[2]
FILES = (ROOT / "tests" / "golden" / "cli_reference.md", ROOT / "docs" / "cli.md")
WIDTH = 100


def help_of(command: click.Command, name: str, parent: click.Context | None = None) -> str:
    """Returns a command's help as the terminal shows it."""
    with click.Context(
        command, info_name=name, parent=parent, terminal_width=WIDTH, max_content_width=WIDTH, **command.context_settings
    ) as ctx:
        return command.get_help(ctx)


def reference() -> str:
    """Returns the page."""
    parts = [
        "# The command line", "",
        "Made from the commands' own help; do not edit. `mvcs help VERB` prints the same.", "",
        "```text", help_of(cli, "mvcs"), "```", "",
        "Short names: " + ", ".join(f"`{short}` is `{verb}`" for short, verb in sorted(ALIASES.items())) + ".", "",
        "Answers are data on stdout. Everything else is on stderr: warnings, and for an error one line `error: ...` and, where a",
        'command helps, one line `hint: ...`; with `--json` one document `{"schema": "mvcs.error/1", "error": {"code", "message",',
        '"hint", "exit_code", "details"}}`, whose `code` never changes its meaning. `--json` answers with one document of the schema',
        "`mvcs.VERB/1`: full oids, times in UTC after RFC 3339, sizes in bytes. With `--json=lines` the rows of a list (of",
        "`conflicts`, `log`, `ls`, `diff`, `blame`, `op log`, `branch`, `tag`) come one a line, without the document around",
        "them. `-q` answers with the essential only.", "",
    ]
    parent = click.Context(cli, info_name="mvcs")
    for section, verbs in SECTIONS.items():
        parts += [f"## {section}", ""]
        for verb in verbs:
            command = cli.get_command(parent, verb)
            assert command is not None
            parts += [f"### mvcs {verb}", "", "```text", help_of(command, verb, parent), "```", ""]
    parts += ["## Topics", ""]
    for topic, text in TOPICS.items():
        parts += [f"### mvcs help {topic}", "", "```text", text.rstrip(), "```", ""]
    return "\n".join(parts)


def main() -> None:
    """Writes both files."""
    for path in FILES:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(reference(), encoding="utf-8")


if __name__ == "__main__":
    main()
