"""Plain patterns mean what pathspec says of them, and so what Git does."""

from __future__ import annotations

import pathspec
from hypothesis import example, given
from hypothesis import strategies as st

from mvcs.ingredients.defaults import LEFT_OUT, PATTERNS
from mvcs.ingredients.plain import plain, spread

DEFAULTS = [*LEFT_OUT, *(pattern for patterns in PATTERNS.values() for pattern in patterns)]
PARTS = st.sampled_from(["a", "b", "ab", "a.b", ".a", "a~", "data", "x-1", "..", "é"])
STARRED = st.text("ab.*~-", min_size=1, max_size=5)
PATTERNS_OF = st.one_of(
    st.sampled_from(DEFAULTS),
    st.builds(
        lambda start, parts, end: start + "/".join(parts) + end,
        st.sampled_from(["", "/"]), st.lists(PARTS | STARRED, min_size=1, max_size=3), st.sampled_from(["", "/"]),
    ),
)
PATHS = st.builds(
    lambda parts, end: "/".join(parts) + end,
    st.lists(PARTS | st.text("ab.~-", min_size=1, max_size=4), min_size=1, max_size=4), st.sampled_from(["", "/"]),
)


@given(PATTERNS_OF, PATHS)
@example("data/", "x/data")
@example(".", "./a")
@example("data/", "x/data/")
@example("*.egg-info/", "a.egg-info/x")
@example("/a/b*", "a/bc/d")
@example("a/b", "x/a/b")
def test_a_plain_pattern_matches_what_it_matches_in_git(pattern, path):
    match = plain(pattern)
    if match is not None:
        assert bool(match(*spread(path))) == bool(pathspec.GitIgnoreSpec.from_lines([pattern]).match_file(path))


def test_the_patterns_of_init_are_plain():
    assert [pattern for pattern in DEFAULTS if plain(pattern) is None] == []
