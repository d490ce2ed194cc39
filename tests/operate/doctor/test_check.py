"""Checks that break, hang or make no sense."""

import threading

from operate.doctor.check import Check, Finding, examine, failed, ok, warning


def found(*checks: Check[object]) -> dict[str, Finding]:
    return dict(examine(checks, None))


def test_a_check_that_breaks_is_a_finding_without_its_words() -> None:
    def leaky(_: object) -> Finding:
        raise ValueError("the password is hunter2")

    (finding,) = found(Check("it", leaky)).values()
    assert finding == failed("cannot be checked: ValueError", "make doctor")


def test_a_check_that_does_not_end_is_left() -> None:
    forever = threading.Event()

    def wait(_: object) -> Finding:
        forever.wait()
        return ok("at last")

    results = found(Check("slow", wait, seconds=0.05), Check("next", lambda _: ok("done")))
    forever.set()
    assert results["slow"].status == "failed"
    assert "no answer within" in results["slow"].found
    assert results["next"].status == "ok"


def test_what_is_in_vain_is_left_out() -> None:
    results = found(
        Check("first", lambda _: failed("no", "fix")),
        Check("second", lambda _: ok("never asked"), needs="first"),
        Check("third", lambda _: ok("never asked"), needs="second"),
        Check("fourth", lambda _: warning("hm", "fix")),
        Check("fifth", lambda _: ok("never asked"), needs="fourth"),
        Check("sixth", lambda _: None),
        Check("seventh", lambda _: ok("asked")),
    )
    assert list(results) == ["first", "fourth", "seventh"]


def test_each_is_told_before_the_next_is_made() -> None:
    made = []

    def note(name: str) -> Check[object]:
        def run(_: object) -> Finding:
            made.append(name)
            return ok(name)

        return Check(name, run)

    findings = examine([note("a"), note("b")], None)
    assert next(findings)[0] == "a"
    assert made == ["a"]
    assert next(findings)[0] == "b"
