"""The CLI reference is what the commands say. A difference is either a mistake or a change to be made on purpose:

    python -m tests.golden.make_cli_reference
"""

from __future__ import annotations

import pytest
from mvcs_cli.commands import COMMANDS

from tests.golden.make_cli_reference import FILES, reference


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_reference_is_what_the_commands_say(path):
    assert path.read_text(encoding="utf-8") == reference()


def test_every_verb_and_every_line_of_the_table_is_in_it():
    text = reference()
    for verb, line in COMMANDS.items():
        assert f"### mvcs {verb}\n" in text
        assert line in text
