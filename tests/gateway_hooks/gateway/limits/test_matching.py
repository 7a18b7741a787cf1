"""Which limits apply to whom, and by which counter."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from gateway_hooks.errors import SettingsError
from gateway_hooks.gateway.limits.matching import Matcher, Subject
from gateway_hooks.gateway.limits.settings import Limit


def _counters(limit: Limit, subject: Subject) -> list[str]:
    return [demand.counter for demand in Matcher([limit]).demands(subject)]


def test_another_spelling_of_a_deployment_is_no_way_around_its_limit() -> None:
    """Azure takes names in any case, so limits and counters do."""
    limit = Limit(name="a", per=("deployment",), deployments=("GPT-4*",), requests_per_minute=1)
    lower = _counters(limit, Subject(deployment="gpt-4o"))
    assert lower == _counters(limit, Subject(deployment="GPT-4O"))
    assert lower == ["a:gpt-4o"]
    assert _counters(limit, Subject(deployment="o3")) == []


def test_a_deployment_that_nobody_could_read_is_limited() -> None:
    """A body too long to be read does not slip through the filters."""
    limit = Limit(name="a", deployments=("gpt-4*",), requests_per_minute=1)
    assert _counters(limit, Subject(deployment=None)) == ["a"]


def test_names_from_callers_cannot_take_another_counter() -> None:
    """Separators and length in a name lead to a counter of its own."""
    limit = Limit(name="a", per=("deployment", "key"), requests_per_minute=1)
    one = _counters(limit, Subject("x", deployment="b:c"))
    other = _counters(limit, Subject("c:x", deployment="b"))
    assert one != other
    assert len(_counters(limit, Subject("x", deployment="m" * 5000))[0]) < 100


def test_a_limit_that_limits_nothing_is_refused() -> None:
    """Settings that cannot mean anything stop the start and say what to do."""
    with pytest.raises(ValidationError, match="set one of tokens_per_minute"):
        Limit(name="empty")
    with pytest.raises(ValidationError, match="Mars"):
        Limit(name="zone", tokens_per_day=1, time_zone="Mars/Base")
    twice = Limit(name="twice", requests_per_minute=1)
    with pytest.raises(SettingsError, match="twice"):
        Matcher([twice, twice])
