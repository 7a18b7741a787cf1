"""What an answer means."""

from __future__ import annotations

import pytest

from gateway_hooks.gateway.pool.verdict import Verdict, judge, needs_body


@pytest.mark.parametrize(
    ("method", "status", "body", "refers", "verdict"),
    [
        ("POST", 200, b"", False, Verdict.PASS),
        ("POST", 400, b"content_filter", False, Verdict.PASS),
        ("POST", 401, b"", False, Verdict.PASS),
        ("POST", 429, b"", False, Verdict.THROTTLED),
        ("POST", 500, b"", False, Verdict.FAILED),
        ("POST", 503, b"", False, Verdict.FAILED),
        ("POST", 404, b"DeploymentNotFound", False, Verdict.ELSEWHERE),
        ("POST", 404, b"Resource not found", False, Verdict.PASS),
        ("GET", 404, b"", False, Verdict.ELSEWHERE),
        ("DELETE", 404, b"", True, Verdict.ELSEWHERE),
        ("POST", 404, b"", True, Verdict.ELSEWHERE),
        ("POST", 400, b"previous_response_not_found", True, Verdict.ELSEWHERE),
        ("POST", 400, b"previous_response_not_found", False, Verdict.PASS),
    ],
)
def test_only_what_another_backend_could_do_better_is_tried_again(
    method: str, status: int, body: bytes, verdict: Verdict, *, refers: bool
) -> None:
    """The caller's own mistakes are the caller's answer."""
    assert judge(method, status, body, refers_to_item=refers, own_key=False) is verdict
    if verdict is not Verdict.PASS:
        assert needs_body(method, status, refers_to_item=refers)


def test_a_wrong_key_is_the_callers_fault_only_if_it_is_the_callers() -> None:
    """A key of the gateway that was revoked at one backend is a failure of that backend."""
    assert judge("POST", 401, b"", refers_to_item=False, own_key=True) is Verdict.FAILED
    assert judge("POST", 401, b"", refers_to_item=False, own_key=False) is Verdict.PASS
    assert needs_body("POST", 401, refers_to_item=False)


def test_good_answers_are_never_read_first() -> None:
    """Or they would not stream."""
    for method in ("GET", "POST", "DELETE"):
        for refers in (True, False):
            assert not needs_body(method, 200, refers_to_item=refers)
