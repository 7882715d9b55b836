"""[retention] of mvcs.toml: the order of the file, the default, and what is refused with its line."""

from __future__ import annotations

import pytest

from mvcs.errors import InvalidConfig
from mvcs.ops.retention import rule_of
from mvcs.repo.project import DEFAULT_RULE, MAX_DAYS, Rule, read_project


def rules(tmp_path, text):
    (tmp_path / "mvcs.toml").write_text(f'model = "m"\n{text}')
    return read_project(str(tmp_path)).retention


@pytest.mark.parametrize("text", ["", "[retention]\n"])
def test_runs_keep_their_weights_for_thirty_days_unless_told_otherwise(tmp_path, text):
    assert rules(tmp_path, text) == (Rule("runs/*", 30),) == (DEFAULT_RULE,)


def test_rules_come_in_the_order_of_the_file_and_the_default_last(tmp_path):
    text = '[retention]\n"b/*" = 1\n"a/*" = "forever"\nplain = 0\n'
    assert rules(tmp_path, text) == (Rule("b/*", 1), Rule("a/*", None), Rule("plain", 0), DEFAULT_RULE)
    text = f'[retention]\n"runs/*" = "forever"\n"*" = {MAX_DAYS}\n'
    assert rules(tmp_path, text) == (Rule("runs/*", None), Rule("*", MAX_DAYS))


@pytest.mark.parametrize(("branch", "pattern"), [
    ("runs/1", "runs/*"), ("runs/deep/er", "runs/*"), ("runs", "*"), ("main", "main"), ("Runs/1", "*"), ("exp/7", "exp/[0-9]"), ("exp/77", "*"),
])
def test_the_first_pattern_that_matches_the_whole_name(branch, pattern):
    found = rule_of((Rule("main", 1), Rule("runs/*", 2), Rule("exp/[0-9]", 3)), branch)
    assert (found.pattern, found.days is None) == (pattern, pattern == "*")


@pytest.mark.parametrize(("line", "reason"), [
    ('"runs/*" = "30"', "is no number of days"), ('"runs/*" = 30.5', "is no number of days"), ('"runs/*" = true', "is no number of days"),
    ('"runs/*" = -1', "is no number of days"), (f'"runs/*" = {MAX_DAYS + 1}', "is no number of days"), ('"runs/*" = "Forever"', "is no number of days"),
    ('"runs/*" = [30]', "is no number of days"), ("runs.deep = 30", "is no number of days"), ('"runs/*" = 2026-01-01', "is no number of days"),
    ('"" = 30', "fits no branch"), ('"/runs/*" = 30', "fits no branch"), ('"runs//x" = 30', "fits no branch"), ('"runs/[" = 30', "fits no branch"),
    ('"my runs/*" = 30', "fits no branch"), ('"-*" = 30', "fits no branch"), ('"HEAD" = 30', "fits no branch"), ('"runs/.*" = 1', "fits no branch"),
])
def test_what_cannot_hold_is_refused_with_its_line(tmp_path, line, reason):
    with pytest.raises(InvalidConfig) as caught:
        rules(tmp_path, f'[retention]\n"fine/*" = 1\n{line}\n')
    assert reason in caught.value.fields["reason"]
    assert caught.value.fields["file"] == str(tmp_path / "mvcs.toml")
    assert caught.value.fields["line"] == (2 if line.startswith('""') else 4)
    assert caught.value.fields["allowed"]


def test_the_table_must_be_one(tmp_path):
    with pytest.raises(InvalidConfig):
        rules(tmp_path, "retention = 30\n")
