"""Access tokens: what they have to prove, and what they cannot talk us into."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from gateway_hooks.gateway.access import EntraRule
from gateway_hooks.known_caller import CALLER

TENANT = "11111111-2222-3333-4444-555555555555"
V1 = f"https://sts.windows.net/{TENANT}/"
AUDIENCE = "api://gateway"
HOUR_MS = 3_600_000


def bearer(token: str) -> list[tuple[str, str]]:
    """As SDKs send it."""
    return [("authorization", f"Bearer {token}")]


def encoded(part: dict[str, Any]) -> str:
    """A part of a JWT."""
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


async def test_a_good_token_is_its_application(hooked: Any, issuer: Any, rule: Any) -> None:
    """Fingerprint of its `oid` as everywhere else, product and team of the rule."""
    hooks = hooked(rules=[rule], fetch=issuer.fetch)
    assert (await hooks.ask(headers=bearer(issuer.token()))).status == 200
    event = hooks.events[-1]
    assert event["auth_type"] == "entra"
    assert (event["team"], event["product"]) == ("research", "all")
    assert event["key_id"] == hooks.state._fingerprint("caller-object-id")
    assert hooks.inner.seen[-1]["headers"] == []


@pytest.mark.parametrize("name", ["oid", "appid", "azp", "sub"])
async def test_identities_by_claim(hooked: Any, issuer: Any, rule: Any, name: str) -> None:
    """The same order of claims as the fingerprints of unchecked tokens."""
    hooks = hooked(rules=[rule], fetch=issuer.fetch)
    token = issuer.token(**{"oid": None, name: "me"})
    assert (await hooks.ask(headers=bearer(token))).status == 200
    assert hooks.events[-1]["key_id"] == hooks.state._fingerprint("me")


async def test_v1_tokens_and_curves_are_taken(hooked: Any, issuer: Any, rule: Any) -> None:
    """The older issuer of the same directory, and ES256."""
    issuer.add_ec("curve")
    hooks = hooked(rules=[rule], fetch=issuer.fetch)
    assert (await hooks.ask(headers=bearer(issuer.token(iss=V1)))).status == 200
    assert (await hooks.ask(headers=bearer(issuer.token("curve", "ES256")))).status == 200


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"aud": "api://other"}, "token_audience"),
        ({"aud": ["api://other"]}, "token_audience"),
        ({"aud": None}, "token_unreadable"),
        ({"iss": f"https://sts.windows.net/{TENANT}"}, "token_issuer"),
        ({"iss": "https://evil.example/"}, "token_issuer"),
        ({"iss": None}, "token_unreadable"),
        ({"exp": 1_000_000_000}, "token_expired"),
        ({"exp": None}, "token_unreadable"),
        ({"exp": True}, "token_unreadable"),
        ({"exp": 1e300}, "token_unreadable"),
        ({"nbf": 1_900_000_000}, "token_not_yet_valid"),
        ({"roles": None}, "token_role"),
        ({"roles": ["Other"]}, "token_role"),
        ({"roles": None, "scp": "LLM.Use"}, "token_role"),
        ({"oid": None}, "token_without_identity"),
        ({"headers": {"kid": "unknown"}}, "token_unknown_key"),
        ({"headers": {"crit": ["x"], "x": 1}}, "token_unreadable"),
    ],
)
async def test_a_token_has_to_fit_completely(
    hooked: Any, issuer: Any, rule: Any, changed: dict[str, Any], reason: str
) -> None:
    """One claim that does not fit refuses it; the answer is the one of a wrong key."""
    hooks = hooked(rules=[rule], fetch=issuer.fetch)
    answer = await hooks.ask(headers=bearer(issuer.token(**changed)))
    wrong_key = await hooks.ask(headers=[("api-key", "gm_wrong")])
    assert answer.status == 401
    assert answer.body == wrong_key.body
    assert hooks.events[0]["decisions"][0].get("reason") == reason
    assert hooks.inner.seen == []


async def test_forged_signatures_are_refused(hooked: Any, issuer: Any, rule: Any) -> None:
    """No signature, one by the public key as a secret, one by a stranger's key, a swapped body."""
    issuer.add_ec("curve")
    hooks = hooked(rules=[rule], fetch=issuer.fetch)
    good = issuer.token()
    claims = encoded(issuer.claims())
    public = issuer.private["one"].public_key()
    forged = {}
    for alg in ("none", "None", "nOnE", ""):
        forged[f"alg {alg}"] = f"{encoded({'alg': alg, 'kid': 'one'})}.{claims}."
    for encoding in (serialization.Encoding.PEM, serialization.Encoding.DER):
        secret = public.public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)
        signed = f"{encoded({'alg': 'HS256', 'kid': 'one'})}.{claims}"
        mac = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
        forged[f"HS256 {encoding}"] = (
            f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"
        )
    mine, issuer.private["one"] = (
        issuer.private["one"],
        rsa.generate_private_key(public_exponent=65537, key_size=2048),
    )
    forged["stranger's key"] = issuer.token()
    issuer.private["one"] = mine
    head, _, signature = good.split(".")
    forged["swapped claims"] = f"{head}.{encoded(issuer.claims(oid='someone-else'))}.{signature}"
    forged["no signature"] = f"{head}.{claims}."
    forged["another key's id"] = issuer.token("one", headers={"kid": "curve"})
    forged["jku"] = issuer.token(headers={"kid": "x", "jku": "https://evil.example/keys"})
    forged["garbage"] = "ey.ey.ey"
    forged["deep"] = f"{encoded({'alg': 'RS256'})}.{'W' * 8000}.x"
    for name, token in forged.items():
        answer = await hooks.ask(headers=bearer(token))
        assert (answer.status, hooks.inner.seen) == (401, []), name
    assert not any("evil" in url for url in issuer.fetched)
    assert (await hooks.ask(headers=bearer(good))).status == 200


async def test_times_have_a_small_leeway(hooked: Any, issuer: Any, rule: Any, clock: Any) -> None:
    """A minute either way, also for a token that is remembered."""
    now = clock.wall_ns() // 1_000_000_000
    hooks = hooked(rules=[rule], fetch=issuer.fetch)
    assert (await hooks.ask(headers=bearer(issuer.token(nbf=now + 59)))).status == 200
    token = issuer.token(exp=now + 1)
    clock.advance_ms(59_000)
    assert (await hooks.ask(headers=bearer(token))).status == 200
    clock.advance_ms(2_000)
    assert (await hooks.ask(headers=bearer(token))).status == 401


async def test_rules_give_products_by_role(hooked: Any, issuer: Any, rule: Any) -> None:
    """The first that fits counts; a claim may name the team."""
    big = EntraRule(
        tenant=TENANT,
        audiences=(AUDIENCE,),
        roles=("LLM.Use", "LLM.Big"),
        product="big",
        team_claim="department",
    )
    scoped = EntraRule(tenant=TENANT, audiences=(AUDIENCE,), scopes=("llm",), product="scoped")
    hooks = hooked(rules=[big, rule, scoped], fetch=issuer.fetch)
    for changed in (
        {"roles": ["LLM.Big", "LLM.Use"], "department": "legal"},
        {},
        {"roles": None, "scp": "other llm"},
    ):
        await hooks.ask(headers=bearer(issuer.token(**changed)))
    found = [(event.get("product"), event.get("team")) for event in hooks.events]
    assert found == [("big", "legal"), ("all", "research"), ("scoped", None)]


async def test_keys_are_fetched_once_and_by_the_settings(
    hooked: Any, issuer: Any, rule: Any
) -> None:
    """Discovery, then keys; many tokens need no more."""
    hooks = hooked(rules=[rule], fetch=issuer.fetch)
    for _ in range(3):
        assert (await hooks.ask(headers=bearer(issuer.token(jti=str(_))))).status == 200
    assert issuer.fetched == [
        f"https://login.microsoftonline.com/{TENANT}/v2.0/.well-known/openid-configuration",
        "https://login.microsoftonline.com/keys",
    ]


async def test_a_rollover_is_followed(hooked: Any, issuer: Any, rule: Any, clock: Any) -> None:
    """A new key id is looked up, at most once a minute however many ids are made up."""
    hooks = hooked(rules=[rule], fetch=issuer.fetch)
    assert (await hooks.ask(headers=bearer(issuer.token()))).status == 200
    issuer.add_rsa("two")
    for number in range(20):
        token = issuer.token(headers={"kid": f"made up {number}"})
        assert (await hooks.ask(headers=bearer(token))).status == 401
    assert len(issuer.fetched) == 2
    clock.advance_ms(60_000)
    assert (await hooks.ask(headers=bearer(issuer.token("two")))).status == 200
    assert len(issuer.fetched) == 4


async def test_a_key_that_is_withdrawn_ends_its_tokens(
    hooked: Any, issuer: Any, rule: Any, clock: Any
) -> None:
    """When keys were renewed, and what is remembered has been forgotten, minutes later."""
    issuer.add_rsa("two")
    hooks = hooked(rules=[rule], fetch=issuer.fetch)
    token = issuer.token(exp=clock.wall_ns() // 1_000_000_000 + 10 * 3600)
    assert (await hooks.ask(headers=bearer(token))).status == 200
    del issuer.published[0]
    clock.advance_ms(HOUR_MS + 1)
    await hooks.ask(headers=bearer(issuer.token("two")))
    signing = next(iter(hooks.state._signing.values()))
    await signing._task
    assert (await hooks.ask(headers=bearer(token))).status == 401


async def test_an_issuer_that_is_down_stops_nobody_it_has_let_in(
    hooked: Any, issuer: Any, rule: Any, clock: Any, caplog: Any
) -> None:
    """The last keys stay in force; it is told of once."""
    hooks = hooked(rules=[rule], fetch=issuer.fetch)
    assert (await hooks.ask(headers=bearer(issuer.token()))).status == 200
    issuer.is_down = True
    for hours in range(1, 4):
        clock.advance_ms(HOUR_MS + 60_000)
        token = issuer.token(jti=str(hours))
        assert (await hooks.ask(headers=bearer(token))).status == 200
        await next(iter(hooks.state._signing.values()))._task
    assert len([one for one in caplog.records if "signing keys" in one.message]) == 1
    assert len(list(hooks.state.problems())) == 1


async def test_before_any_key_is_known_nobody_is_called_a_stranger(
    hooked: Any, issuer: Any, rule: Any, clock: Any
) -> None:
    """503 with Retry-After while the issuer cannot be reached, then 200."""
    issuer.is_down = True
    hooks = hooked(rules=[rule], fetch=issuer.fetch)
    for _ in range(50):
        answer = await hooks.ask(headers=bearer(issuer.token()))
        assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    assert len(issuer.fetched) == 1
    assert hooks.decision() == "access_control/denied/signing_keys_unavailable"
    issuer.is_down = False
    clock.advance_ms(5000)
    assert (await hooks.ask(headers=bearer(issuer.token()))).status == 200


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "https://evil.example/"},
        {"jwks_uri": "http://169.254.169.254/keys"},
        {"jwks_uri": "file:///etc/passwd"},
        {"published": [{"kty": "oct", "kid": "one", "k": "c2VjcmV0"}]},
        {"published": []},
    ],
)
async def test_a_strange_configuration_gives_no_keys(
    hooked: Any, issuer: Any, rule: Any, change: dict[str, Any]
) -> None:
    """Another issuer's, keys over plain http, secrets as keys, none at all."""
    for name, value in change.items():
        setattr(issuer, name, value)
    hooks = hooked(rules=[rule], fetch=issuer.fetch)
    assert (await hooks.ask(headers=bearer(issuer.token()))).status == 503
    assert len(list(hooks.state.problems())) == 1
    assert not any("169.254" in url for url in issuer.fetched)


async def test_settings_changed_forget_what_was_checked(
    hooked: Any, issuer: Any, rule: Any
) -> None:
    """A rule that is taken away ends its tokens at once; signing keys are not fetched again."""
    hooks = hooked(rules=[rule], fetch=issuer.fetch)
    token = issuer.token()
    assert (await hooks.ask(headers=bearer(token))).status == 200
    other = rule.model_copy(update={"roles": ("Other",)})
    reloaded = hooked(rules=[other], state=hooks.state)
    assert (await reloaded.ask(headers=bearer(token))).status == 401
    assert len(issuer.fetched) == 2
    assert CALLER not in (reloaded.inner.seen or [{}])[-1]
