"""The dates that people type."""

from __future__ import annotations

import pytest

from mvcs.errors import InvalidRevision
from mvcs.refs.dates import parse_date

NOW = 1_772_366_400 * 10**9  # 2026-03-01T12:00:00Z
DAY = 86400 * 10**9


@pytest.mark.parametrize(("text", "offset", "expected"), [
    ("now", 0, NOW), ("today", 0, NOW), ("Yesterday", 0, NOW - DAY), ("1 second ago", 0, NOW - 10**9), ("2 hours ago", 0, NOW - 7200 * 10**9), ("3.days.ago", 0, NOW - 3 * DAY),
    ("1 week ago", 0, NOW - 7 * DAY), ("1 month ago", 0, NOW - 2629746 * 10**9), ("10 years ago", 0, NOW - 315569520 * 10**9), ("5 minutes ago", 0, NOW - 300 * 10**9),
    ("2026-03-01T12:00:00Z", 0, NOW), ("2026-03-01T12:00:00+00:00", 99, NOW), ("2026-03-01T14:00:00+02:00", 0, NOW), ("2026-03-01T12:00", 0, NOW), ("2026-03-01 12:00", 0, NOW),
    ("2026-03-01T13:00", 60, NOW), ("2026-03-01T12:00:00.000001Z", 0, NOW + 1000), ("2026-03-01T12:00:00.123457Z", 0, NOW + 123_457_000), ("2026-03-01T12:00:00.999999Z", 0, NOW + 999_999_000),
    ("2026-02-28", 0, NOW - DAY // 2 - 1000), ("2026-02-28", 60, NOW - DAY // 2 - 3600 * 10**9 - 1000), (" 2026-02-28 ", 0, NOW - DAY // 2 - 1000), ("1969-12-31T23:59:59Z", 0, -(10**9)),
    ("0001-01-01T00:00:00Z", 0, -62135596800 * 10**9), ("9999-12-31", 0, 253402300799999999 * 1000),
])
def test_a_date_is_nanoseconds_in_utc(text, offset, expected):
    assert parse_date(text, NOW, offset) == expected


@pytest.mark.parametrize("text", ["", "soon", "12", "2026-13-01", "2026-02-30", "ago", "x hours ago", "2 parsecs ago", "-1 days ago", "01.03.2026", "2026/03/01", "1.5 hours ago"])
def test_what_is_no_date_says_how_to_write_one(text):
    with pytest.raises(InvalidRevision) as caught:
        parse_date(text, NOW, 0)
    assert "2026-03-01" in caught.value.message
