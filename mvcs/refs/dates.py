"""Reads the dates that people type after a ref: 2026-03-01, yesterday, 2 hours ago."""

from __future__ import annotations

import re

from mvcs.errors import InvalidRevision

_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800, "month": 2629746, "year": 31556952}
_AGO = re.compile(r"(\d+)[ .]+(second|minute|hour|day|week|month|year)s?[ .]+ago")


def parse_date(text: str, now: int, offset: int) -> int:
    """Returns nanoseconds since 1970 in UTC.

    Args:
        text: An ISO 8601 date or time (local where it names no zone; a bare date is its end), now, today,
            yesterday, or N UNITS ago.
        now: The present, in nanoseconds since 1970 in UTC.
        offset: Local offset from UTC in minutes.

    Raises:
        InvalidRevision: If it is none of these.
    """
    from datetime import UTC, datetime, timedelta, timezone

    words = text.strip().lower()
    if words in {"now", "today"}:
        return now
    if words == "yesterday":
        return now - 86400 * 10**9
    ago = _AGO.fullmatch(words)
    if ago:
        return now - int(ago[1]) * _UNITS[ago[2]] * 10**9
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InvalidRevision(
            revision=text, reason="a date is 2026-03-01, 2026-03-01T12:00, yesterday or 2 hours ago"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone(timedelta(minutes=offset)))
    if len(text.strip()) == 10:
        moment += timedelta(days=1, microseconds=-1)
    # Not timestamp(): a float has too few digits for microseconds.
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000
