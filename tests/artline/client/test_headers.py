"""Retry-After and Server-Timing, as written by whoever stands between."""

import math
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artline.client._headers import retry_after, server_timing

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)


@settings(deadline=None)
@given(st.integers(0, 10**9))
def test_seconds(seconds: int) -> None:
    assert retry_after(f" {seconds} ") == seconds


@settings(deadline=None)
@given(st.integers(-(10**6), 10**6))
def test_a_moment_counts_from_the_answers_own_clock(seconds: int) -> None:
    then = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert retry_after(then, format_datetime(NOW, usegmt=True)) == max(0, seconds)


def test_a_moment_without_a_date_counts_from_now() -> None:
    then = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    assert retry_after(then) == pytest.approx(3600, abs=60)


@pytest.mark.parametrize("value", [None, "", "soon", "-3", "1.5", "²", "٣", "Mon, 99 Nov 2026"])
def test_what_says_nothing(value: str | None) -> None:
    assert retry_after(value) is None


@settings(deadline=None)
@given(st.text(), st.text())
def test_any_text_is_a_wait_or_nothing(value: str, date: str) -> None:
    wait = retry_after(value, date)
    assert wait is None or (wait >= 0 and not math.isnan(wait))


names = st.from_regex(r"[a-zA-Z][\w\-]{0,10}", fullmatch=True).filter(str.isascii)
texts = st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]))


@settings(deadline=None)
@given(st.dictionaries(names, st.tuples(st.floats(0, 1e9), texts), min_size=1))
def test_what_is_written_is_read(metrics: dict[str, tuple[float, str]]) -> None:
    def quoted(text: str) -> str:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    header = ", ".join(f"{k};dur={d!r};desc={quoted(t)}" for k, (d, t) in metrics.items())
    read = server_timing(header)
    assert {k: (float(v["dur"]), v["desc"]) for k, v in read.items()} == metrics


@settings(deadline=None)
@given(texts)
def test_any_header_is_read_without_a_fault(header: str) -> None:
    assert isinstance(server_timing(header), dict)


def test_the_forms_that_servers_write() -> None:
    assert server_timing("") == {}
    assert server_timing("miss, db;dur=53.2 , a ; desc = cold;dur=1;dur=2") == {
        "miss": {},
        "db": {"dur": "53.2"},
        "a": {"desc": "cold", "dur": "1"},
    }


@pytest.mark.parametrize(
    "header", [";a  " * 15000 + "!", "a" + ";a  " * 15000 + "!", 'a;b=",' * 10000]
)
def test_no_header_takes_long(header: str) -> None:
    assert len(server_timing(header)) <= 1


def test_what_follows_a_fault_is_read() -> None:
    assert server_timing("a;, b c, d;dur=1") == {"d": {"dur": "1"}}


def test_a_wait_of_any_length_is_a_number() -> None:
    assert retry_after("9" * 400) == pytest.approx(1e9)
