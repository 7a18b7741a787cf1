"""Who is let in by a key, and how the others are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway_hooks.gateway.access.key_file import hash_of
from gateway_hooks.gateway.access.key_snapshot import KeySnapshot, SecretFacts
from gateway_hooks.known_caller import CALLER, KnownCaller

DAY_S = 86_400


async def test_a_key_is_taken_wherever_azure_takes_one(hooked: Any, make_key: Any) -> None:
    """Each header, in any case, a bearer token and the query let in and say who called."""
    secret = make_key()
    hooks = hooked()
    for name in ("api-key", "API-KEY", "Ocp-Apim-Subscription-Key", "x-api-key"):
        assert (await hooks.ask(headers=[(name, f"  {secret} ")])).status == 200
    assert (await hooks.ask(headers=[("Authorization", f"bearer  {secret}")])).status == 200
    for name in ("api-key", "Subscription-Key", "%61pi-key"):
        assert (await hooks.ask(query=f"api-version=1&{name}={secret}")).status == 200
    known = KnownCaller("k_checkout", "api_key", "checkout", "payments", "all")
    assert all(scope[CALLER] == known for scope in hooks.inner.seen)
    event = hooks.events[-1]
    assert (event["key_id"], event["key_name"]) == ("k_checkout", "checkout")
    assert (event["team"], event["product"]) == ("payments", "all")


async def test_nothing_further_in_sees_the_key(hooked: Any, make_key: Any) -> None:
    """No header and no query parameter with the key goes on; everything else does, as it came."""
    secret = make_key()
    hooks = hooked()
    headers = [("api-key", secret), ("authorization", f"Bearer {secret}"), ("x-other", "1")]
    await hooks.ask(headers=headers, query=f"a=%20b&api-key={secret}&api-version=2")
    scope = hooks.inner.seen[-1]
    assert scope["headers"] == [(b"x-other", b"1")]
    assert scope["query_string"] == b"a=%20b&api-version=2"
    assert secret not in repr(scope)


@pytest.mark.parametrize(
    ("headers", "query", "reason"),
    [
        ([], "", "no_credential"),
        ([("api-key", "  ")], "", "no_credential"),
        ([("authorization", "Bearer ")], "", "no_credential"),
        ([("api-key", "gm_wrong")], "", "unknown_key"),
        ([("api-key", "SECRET\x00")], "", "unknown_key"),
        ([("api-key", "\xffSECRET")], "", "unknown_key"),
        ([("api-key", "secret")], "", "unknown_key"),
        ([("authorization", "Basic SECRET")], "", "unknown_key"),
        ([("api-key", "SECRET"), ("api-key", "gm_other")], "", "contradicting_credentials"),
        ([("api-key", "SECRET,SECRET")], "", "unknown_key"),
        ([("api-key", "SECRET"), ("Authorization", "Bearer x")], "", "contradicting_credentials"),
        ([("api-key", "SECRET")], "subscription-key=x", "contradicting_credentials"),
        ([], "api-key=SECRET&api-key=y", "contradicting_credentials"),
        ([("api-key", "g" * 20_000)], "", "too_long"),
        ([("authorization", "Bearer a.b.c")], "", "unknown_key"),
    ],
)
async def test_a_stranger_is_refused_unread(
    hooked: Any, make_key: Any, headers: list[tuple[str, str]], query: str, reason: str
) -> None:
    """401 in Azure's form; the body is never asked for; one event says why."""
    secret = make_key()
    hooks = hooked()
    sent = [(name, value.replace("SECRET", secret)) for name, value in headers]
    answer = await hooks.ask(
        headers=sent, query=query.replace("SECRET", secret), body={"stream": True}
    )
    assert (answer.status, answer.error["code"]) == (401, "401")
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert hooks.inner.seen == []
    assert hooks.reads == []
    assert hooks.decision() == f"access_control/denied/{reason}"
    event = hooks.events[-1]
    assert (event["status_code"], event["usage_source"], event["auth_type"]) == (
        401,
        "none",
        "none",
    )
    assert "key_id" not in event


async def test_keys_that_do_not_work_look_alike(hooked: Any, make_key: Any, clock: Any) -> None:
    """Unknown, revoked and expired get the same bytes; only the event tells, and whose it was."""
    now_s = clock.wall_ns() // 1_000_000_000
    revoked, expired = make_key("revoked"), make_key("expired", expires_s=now_s + 10)
    hooks = hooked()
    assert (await hooks.ask(headers=[("api-key", expired)])).status == 200
    hooks.keys.revoke("revoked")
    clock.advance_ms(10_000)
    answers = [
        await hooks.ask(headers=[("api-key", one)]) for one in ("gm_unknown", revoked, expired)
    ]
    assert [one.status for one in answers] == [401, 401, 401]
    assert len({one.body for one in answers}) == 1
    assert len({tuple(one.headers.items()) for one in answers}) == 1
    reasons = [event["decisions"][0]["reason"] for event in hooks.events[-3:]]
    assert reasons == ["unknown_key", "revoked_key", "expired_key"]
    assert [event.get("key_name") for event in hooks.events[-3:]] == [None, "revoked", "expired"]


async def test_expiry_holds_without_a_look_at_the_file(
    hooked: Any, make_key: Any, clock: Any
) -> None:
    """The very moment counts, between two renewals of the snapshot, too."""
    now_s = clock.wall_ns() // 1_000_000_000
    secret = make_key(expires_s=now_s + 1)
    hooks = hooked()
    assert (await hooks.ask(headers=[("api-key", secret)])).status == 200
    clock.advance_ms(999)
    assert (await hooks.ask(headers=[("api-key", secret)])).status == 200
    clock.now_ns = (now_s + 1) * 1_000_000_000
    assert (await hooks.ask(headers=[("api-key", secret)])).status == 401


async def test_guessing_is_told_to_wait_and_locks_nobody_out(
    hooked: Any, make_key: Any, clock: Any
) -> None:
    """After so many wrong keys 429 with Retry-After, for wrong keys of that address alone."""
    secret = make_key()
    hooks = hooked(failures=3, failure_seconds=60)
    wrong = [("api-key", "gm_wrong")]
    statuses = [(await hooks.ask(headers=wrong)).status for _ in range(4)]
    assert statuses == [401, 401, 401, 429]
    refused = await hooks.ask(headers=wrong)
    assert (refused.headers["retry-after"], refused.error["code"]) == ("60", "429")
    assert hooks.decision() == "access_control/denied/too_many_failures"
    assert (await hooks.ask(headers=[("api-key", secret)])).status == 200
    assert (await hooks.ask(headers=wrong, client="192.0.2.2")).status == 401
    clock.advance_ms(60_000)
    assert (await hooks.ask(headers=wrong)).status == 401


async def test_a_websocket_is_refused_before_it_opens(hooked: Any, make_key: Any) -> None:
    """With 401 where the server can say so, else closed; a known caller passes."""
    secret = make_key()
    hooks = hooked()
    path = "/openai/realtime"
    closed = await hooks.ask(path, kind="websocket")
    assert closed.closed == 1008
    extension: dict[str, Any] = {"websocket.http.response": {}}
    answered = await hooks.ask(path, kind="websocket", extensions=extension)
    assert (answered.status, answered.error["code"]) == (401, "401")
    opened = await hooks.ask(path, kind="websocket", query=f"deployment=x&api-key={secret}")
    assert opened.status == 101
    assert hooks.inner.seen[-1]["query_string"] == b"deployment=x"


async def test_anonymous_passes_everybody_and_knows_whom_it_can(hooked: Any, make_key: Any) -> None:
    """The caller's own key goes on untouched; a key of the gateway does not."""
    secret = make_key()
    hooks = hooked(anonymous=True)
    assert (await hooks.ask(headers=[("api-key", "azure-key")])).status == 200
    assert hooks.inner.seen[-1]["headers"] == [(b"api-key", b"azure-key")]
    assert CALLER not in hooks.inner.seen[-1]
    assert (await hooks.ask(headers=[("api-key", secret)])).status == 200
    assert hooks.inner.seen[-1]["headers"] == []
    assert hooks.inner.seen[-1][CALLER].key_name == "checkout"


async def test_without_a_store_nobody_gets_in(hooked: Any, caplog: Any) -> None:
    """A missing file is told of, with what to do, and opens nothing."""
    hooks = hooked()
    assert (await hooks.ask(headers=[("api-key", "gm_x")])).status == 401
    assert ["gatemeter keys create" in one for one in hooks.state.problems()] == [True]
    assert len([one for one in caplog.records if "key store" in one.message]) == 1


async def test_reload_keeps_keys_and_counts(hooked: Any, make_key: Any) -> None:
    """New settings on the same state: no guesser starts anew."""
    make_key()
    first = hooked(failures=2)
    for _ in range(3):
        await first.ask(headers=[("api-key", "gm_wrong")])
    second = hooked(state=first.state, failures=2)
    assert (await second.ask(headers=[("api-key", "gm_wrong")])).status == 429


def test_key_lookup_does_the_same_work_for_any_key() -> None:
    """Unknown, revoked and good secrets take one hash and one lookup; the verdict comes after."""
    asked: list[bytes] = []

    class Counting(dict[bytes, SecretFacts]):
        def get(self, key: bytes, default: Any = None) -> Any:
            asked.append(key)
            return super().get(key, default)

    snapshot = KeySnapshot(Path("/nowhere"))
    revoked = SecretFacts(KnownCaller("k"), is_revoked=True, ends_ns=0)
    snapshot._secrets = Counting({hash_of("gm_revoked"): revoked})
    for text in ("", "gm_unknown", "gm_revoked", "x" * 16_384):
        snapshot.find(text)
    assert asked == [hash_of(text) for text in ("", "gm_unknown", "gm_revoked", "x" * 16_384)]


async def test_a_browser_offers_its_key_as_a_subprotocol(hooked: Any, make_key: Any) -> None:
    """It lets in as any other, contradicts another, and goes no further."""
    secret = make_key()
    hooks = hooked()
    offer = f"realtime, openai-insecure-api-key.{secret}, openai-beta.realtime-v1"
    ask = {"kind": "websocket", "query": "deployment=x"}
    passed = await hooks.ask("/openai/realtime", headers=[("Sec-WebSocket-Protocol", offer)], **ask)
    assert passed.status == 101
    scope = hooks.inner.seen[-1]
    assert scope[CALLER].key_name == "checkout"
    assert scope["subprotocols"] == ["realtime", "openai-beta.realtime-v1"]
    rest = b"realtime, openai-beta.realtime-v1"
    assert scope["headers"] == [(b"sec-websocket-protocol", rest)]
    two = [("Sec-WebSocket-Protocol", offer), ("api-key", "gm_other")]
    assert (await hooks.ask("/openai/realtime", headers=two, **ask)).closed == 1008
