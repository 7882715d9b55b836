"""What reflogs tell, from their text alone."""

from __future__ import annotations

import pytest

from mvcs.repo.gitlog import GitLog

A, B, C, D, E, F = (digit * 40 for digit in "abcdef")


def log(**refs: list[tuple[str, str]]) -> GitLog:
    """Makes a log from entries in the order in which they came."""
    lines = []
    for ref, entries in refs.items():
        name = ref if ref == "HEAD" else f"refs/heads/{ref}"
        lines += [f"{name}@{{{number}}}\t{sha}\t{what}" for number, (sha, what) in enumerate(reversed(entries))]
    return GitLog(lines)


def test_commits_of_a_branch_follow_each_other_and_merges_end_them():
    found = log(exp=[(A, "branch: Created from main"), (B, "commit: one"), (C, "commit: two"), (D, "commit (merge): m"), (E, "commit: three")])
    assert list(found.after("exp", A)) == [B, C]
    assert (found.merge_after("exp", C), found.merge_after("exp", A)) == (D, None)
    assert list(found.after("other", A)) == []


def test_a_fast_forward_or_a_reset_is_no_commit():
    found = log(exp=[(A, "branch: Created from HEAD"), (B, "merge x: Fast-forward"), (A, "reset: moving to HEAD~1"), (C, "pull: Fast-forward")])
    assert list(found.after("exp", A)) == []
    assert found.now(B, rebased=True) == B


@pytest.mark.parametrize("what", ["rebase (finish): refs/heads/exp onto x", "pull --rebase (finish): refs/heads/exp onto x", "rebase -i (finish): refs/heads/exp onto x", "rebase finished: refs/heads/exp onto x"])
def test_amended_and_rebased_commits_have_others_in_their_place(what):
    found = log(exp=[(A, "commit (initial): x"), (B, "commit (amend): x"), (C, what)])
    assert (found.now(A, rebased=True), found.now(A, rebased=False)) == (C, B)


def test_heads_own_log_tells_of_branches_that_are_gone():
    found = log(HEAD=[
        (A, "commit (initial): x"), (A, "checkout: moving from main to exp"), (B, "commit: exp"), (A, "checkout: moving from exp to main"), (C, "commit: main"),
        (B, "checkout: moving from main to exp"), (C, "rebase (start): checkout main"), (D, "rebase (pick): exp"), (D, "rebase (finish): returning to refs/heads/exp"),
    ])
    assert (list(found.after("exp", A)), list(found.after("main", A))) == ([B], [C])
    assert found.now(B, rebased=True) == D


def test_a_rebase_that_went_to_another_branch_first_says_nothing_of_this_one():
    found = log(HEAD=[
        (A, "commit (initial): x"), (B, "checkout: moving from exp to main"), (C, "rebase (start): checkout main"), (D, "rebase (pick): exp"),
        (D, "rebase (finish): returning to refs/heads/exp"),
    ])
    assert found.now(B, rebased=True) == B


def test_entries_that_go_round_in_circles_end():
    found = log(exp=[(A, "commit: x"), (B, "commit (amend): y"), (A, "commit (amend): x")])
    assert found.now(A, rebased=True) in {A, B}
    assert set(found.after("exp", A)) == {A, B}


@pytest.mark.parametrize(("what", "source"), [("branch: Created from HEAD", "main"), ("branch: Created from dev", "dev"), ("branch: Created from refs/heads/dev", "dev")])
def test_where_a_branch_was_made_from(what, source):
    found = log(new=[(B, what)], HEAD=[(A, "commit (initial): x"), (B, "commit: y"), (B, "checkout: moving from main to new"), (B, "checkout: moving from x to new")])
    assert found.source("new") == source
    assert found.source("unknown") is None


def test_what_is_no_entry_is_passed_over():
    assert list(GitLog(["", "x", "HEAD@{0}\tshort\tcommit: x", f"HEAD@{{1}}\t{A}"]).after(None, A)) == []
