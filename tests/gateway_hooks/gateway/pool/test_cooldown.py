"""Who is left alone, and until when."""

from __future__ import annotations

from typing import Any

from gateway_hooks.gateway import Backend
from gateway_hooks.gateway.pool.cooldown import (
    ABSENT_MS,
    LONGEST_MS,
    TROUBLE_MS,
    UNSAID_MS,
    Cooldowns,
)
from gateway_hooks.gateway.pool.pools import Route

A, B = (Backend.parse(f"https://{name}", {}) for name in "ab")
TO_A, TO_B = Route(A), Route(B)


def names(routes: list[Route]) -> str:
    """Who may be called, in order."""
    return "".join(route.backend.name for route in routes)


def test_a_throttled_backend_is_not_called_until_its_time(clock: Any) -> None:
    """For the deployment it spoke of, and no other."""
    cooldowns = Cooldowns(clock)
    cooldowns.throttled(A, "chat", 3000)
    assert names(cooldowns.order([TO_A, TO_B], "chat")) == "b"
    assert names(cooldowns.order([TO_A, TO_B], "other")) == "ab"
    clock.advance_ms(2999)
    assert names(cooldowns.order([TO_A, TO_B], "chat")) == "b"
    assert cooldowns.wait_ms([TO_A], "chat") == 1
    clock.advance_ms(1)
    assert names(cooldowns.order([TO_A, TO_B], "chat")) == "ab"


def test_a_troubled_backend_goes_to_the_end(clock: Any) -> None:
    """It may be the last one that works; an answer brings it back at once."""
    cooldowns = Cooldowns(clock)
    cooldowns.troubled(A, "chat")
    assert names(cooldowns.order([TO_A, TO_B], "chat")) == "ba"
    cooldowns.answered(A, "chat")
    assert names(cooldowns.order([TO_A, TO_B], "chat")) == "ab"
    cooldowns.troubled(A, "chat")
    clock.advance_ms(TROUBLE_MS)
    assert names(cooldowns.order([TO_A, TO_B], "chat")) == "ab"


def test_a_backend_without_the_deployment_goes_to_the_end_for_longer(clock: Any) -> None:
    """Asking again and again for what is not there costs every request a round trip."""
    cooldowns = Cooldowns(clock)
    cooldowns.absent(A, "chat")
    clock.advance_ms(ABSENT_MS - 1)
    assert names(cooldowns.order([TO_A, TO_B], "chat")) == "ba"
    clock.advance_ms(1)
    assert names(cooldowns.order([TO_A, TO_B], "chat")) == "ab"


def test_an_answer_does_not_undo_a_refusal(clock: Any) -> None:
    """A request that was under way when the limit was met says nothing of the limit."""
    cooldowns = Cooldowns(clock)
    cooldowns.throttled(A, "chat", 3000)
    cooldowns.answered(A, "chat")
    assert cooldowns.order([TO_A], "chat") == []


def test_waits_have_a_usual_and_a_longest_length(clock: Any) -> None:
    """An unsaid wait is short; a very long one is asked again after a minute."""
    cooldowns = Cooldowns(clock)
    cooldowns.throttled(A, "chat", None)
    cooldowns.throttled(B, "chat", 86_400_000)
    assert cooldowns.wait_ms([TO_A], "chat") == UNSAID_MS
    assert cooldowns.wait_ms([TO_B], "chat") == LONGEST_MS
    assert cooldowns.wait_ms([TO_A, TO_B], "chat") == UNSAID_MS


def test_memory_is_bounded(clock: Any) -> None:
    """Names of deployments come from callers, so there may be any number of them."""
    cooldowns = Cooldowns(clock)
    for number in range(20_000):
        cooldowns.throttled(A, f"d{number}", 3000)
    assert names(cooldowns.order([TO_A], "d0")) == "a"
    assert cooldowns.order([TO_A], "d19999") == []
