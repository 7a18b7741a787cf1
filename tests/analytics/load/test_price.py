"""Money: known truths, exactness, and what costs nothing or has no price."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from analytics.ratecard import seed
from analytics.types import Deployment
from tests.analytics.samples import attempt, event, load

if TYPE_CHECKING:
    from pathlib import Path

    from analytics.load import Loader
    from analytics.store import Store
    from tests.analytics.samples import FakeClock

MILLION = 1_000_000


@dataclass
class Case:
    """A request, and what it costs (None: it has no price)."""

    what: str
    cost: str | None
    fields: dict[str, Any] = field(default_factory=dict)
    place: dict[str, Any] = field(default_factory=dict)


def tokens(model: str, **usage: int) -> dict[str, Any]:
    """The fields of a request that reported these tokens and no others."""
    usual = {"input_tokens": None, "cached_input_tokens": None, "output_tokens": None}
    return {"response_model": model, **usual, **usage}


GPT_4O = tokens(
    "gpt-4o-2024-11-20",
    input_tokens=MILLION, cached_input_tokens=MILLION // 2, output_tokens=MILLION // 10,
)  # fmt: skip
DALL_E_3 = tokens("dall-e-3", images=1) | {"operation": "image_generation"}
WHISPER = tokens("whisper-1", audio_seconds=3600) | {"operation": "transcription"}
SMALL = tokens("gpt-4.1-mini-2025-04-14", input_tokens=MILLION)

CASES = [
    Case("a million tokens of gpt-4.1-mini", "0.40", SMALL),
    Case("cached input and output of gpt-4o", "2.875", GPT_4O),
    Case("the same in a European data zone", "3.1625", GPT_4O,
         {"deployment_type": "data_zone", "region": "Sweden Central"}),
    Case("an older version in Sweden alone", "3.2315",
         GPT_4O | {"response_model": "gpt-4o-2024-08-06"},
         {"deployment_type": "regional", "region": "swedencentral"}),
    Case("the same on provisioned throughput", "0", GPT_4O, {"deployment_type": "ptu"}),
    Case("the same in a batch", "1.75", GPT_4O, {"deployment_type": "batch"}),
    Case("a type that nobody knows is global", "0.40", SMALL, {"deployment_type": None}),
    Case("a region that nobody knows", None, SMALL,
         {"deployment_type": "regional", "region": None}),
    Case("a region without this model", None, SMALL,
         {"deployment_type": "regional", "region": "mexicocentral"}),
    Case("priority", "0.70", SMALL | {"service_tier": "priority"}),
    Case("the default tier by name", "0.40", SMALL | {"service_tier": "default"}),
    Case("a tier that is not sold", None, SMALL | {"service_tier": "express"}),
    Case("a short prompt", "0.68", tokens("gpt-5.4", input_tokens=272_000)),
    Case("a long prompt, billed wholly as one", "1.360005",
         tokens("gpt-5.4", input_tokens=272_001)),
    Case("an unknown model", None, tokens("gpt-99", input_tokens=1)),
    Case("a model by its deployment's name", "0.40",
         SMALL | {"response_model": None, "request_model": "gpt-4.1-mini"}),
    Case("embeddings", "0.13",
         tokens("text-embedding-3-large", input_tokens=MILLION) | {"operation": "embeddings"}),
    Case("gpt-4o-mini", "0.15", tokens("gpt-4o-mini-2024-07-18", input_tokens=MILLION)),
    Case("a realtime response", "0.0278", tokens("gpt-realtime",
         input_tokens=1000, cached_input_tokens=500, audio_input_tokens=400, output_tokens=300,
         audio_output_tokens=200) | {"operation": "realtime"}),
    Case("audio", "0.05625", tokens("gpt-4o-audio-preview-2024-12-17",
         input_tokens=2000, audio_input_tokens=1000, output_tokens=500, audio_output_tokens=125)),
    Case("pictures by token", "41.5", tokens("gpt-image-1",
         input_tokens=200_000, image_input_tokens=100_000, output_tokens=MILLION)
         | {"operation": "image_generation", "images": 3}),
    Case("a picture", "0.04", DALL_E_3 | {"image_size": "1024x1024"}),
    Case("pictures", "0.12", DALL_E_3 | {"images": 3}),
    Case("a fine picture", "0.08", DALL_E_3 | {"image_quality": "hd"}),
    Case("a large and fine picture", "0.12",
         DALL_E_3 | {"image_quality": "hd", "image_size": "1792x1024"}),
    Case("a picture of a size that is not sold", None, DALL_E_3 | {"image_size": "1x1"}),
    Case("an hour of Whisper", "0.36", WHISPER),
    Case("a second and a half of it", "0.00015", WHISPER | {"audio_seconds": 1.5}),
    Case("more of it than there is time", None, WHISPER | {"audio_seconds": 1e300}),
    Case("speech", "15", tokens("tts-1", characters=MILLION) | {"operation": "speech"}),
    Case("fine speech", "30", tokens("tts-1-hd", characters=MILLION) | {"operation": "speech"}),
    Case("more cached than there was input", "0.10", SMALL | {"cached_input_tokens": 2 * MILLION}),
    Case("cached without a total", "0.10",
         tokens("gpt-4.1-mini", cached_input_tokens=MILLION)),
    Case("nothing used", "0", tokens("gpt-4o", input_tokens=0, output_tokens=0)),
    Case("nobody knows what was used", None, tokens("gpt-4o") | {"usage_source": "none"}),
    Case("throttled", "0", SMALL | {"status_code": 429}, {"status_code": 429}),
    Case("failed", "0", SMALL | {"status_code": 500}, {"status_code": 500}),
    Case("turned away by the content filter", "0.40",
         SMALL | {"status_code": 400, "error_code": "content_filter", "usage_source": "estimated"},
         {"status_code": 400}),
    Case("a wrong request", "0", SMALL | {"status_code": 400}, {"status_code": 400}),
    Case("an answer that the gateway withheld", "0.40", SMALL | {"status_code": 403}),
    Case("the client left", "0.40", SMALL | {"status_code": 499, "client_disconnected": True},
         {"status_code": None}),
    Case("out of a cache", "0", SMALL | {"cache_hit": True}),
    Case("an earlier response read again", "0", SMALL | {"operation": "fetch_response"}),
    Case("something that uses nothing", "0", tokens("gpt-4o") | {"operation": "other"}),
]  # fmt: skip


def test_known_costs(loader: Loader, store: Store) -> None:
    """Every kind of request costs what the price lists say, to the last digit."""
    load(
        loader, *(event(n, attempts=[attempt(**c.place)], **c.fields) for n, c in enumerate(CASES))
    )
    costs = store.frame("SELECT cost FROM events ORDER BY started_at")["cost"].to_list()
    wrong = {
        case.what: (case.cost, cost)
        for case, cost in zip(CASES, costs, strict=True)
        if cost != (None if case.cost is None else Decimal(case.cost))
    }
    assert wrong == {}


def test_what_the_gateway_itself_turned_away_is_not_billed(loader: Loader, store: Store) -> None:
    """A prompt that a policy blocked looks like Azure's own refusal, but no backend has seen it.

    A withheld answer was seen by one, and is billed.
    """
    denied = [{"policy": "content_safety", "action": "denied", "reason": "violence"}]
    filtered: dict[str, Any] = {
        "status_code": 400, "error_code": "content_filter", "decisions": denied,
    }  # fmt: skip
    load(
        loader,
        event(1, **filtered, attempts=None, usage_source="none", input_tokens=None,
              cached_input_tokens=None, output_tokens=None),
        event(2, **filtered, attempts=[attempt(status_code=200)]),
    )  # fmt: skip
    rows = store.frame("SELECT billed, cost, decisions FROM usage_events ORDER BY started_at")
    assert rows["billed"].to_list() == [False, True]
    assert rows["cost"][0] == 0
    assert rows["cost"][1] > 0
    assert rows["decisions"].to_list() == [denied, denied]


def test_charges_name_their_rate_and_where_it_comes_from(loader: Loader, store: Store) -> None:
    """Who asks why something costs what it does finds the rate, its source and its version."""
    load(loader, event(1, **GPT_4O))
    rows = store.frame(
        """
        SELECT c.meter, c.quantity, r.price, c.cost, r.source, r.source_version, r.source_name
        FROM charges_hourly AS c JOIN rates AS r USING (rate_id) ORDER BY c.meter
        """
    ).rows(named=True)
    assert [(row["meter"], row["quantity"], row["cost"]) for row in rows] == [
        ("cached_input", MILLION // 2, Decimal("0.625")),
        ("input", MILLION // 2, Decimal("1.25")),
        ("output", MILLION // 10, Decimal(1)),
    ]
    assert all(row["quantity"] * row["price"] == row["cost"] for row in rows)
    assert {row["source"] for row in rows} == {"azure-genai-prices"}
    assert all(row["source_version"] and row["source_name"] for row in rows)


def test_what_has_no_price_is_visible_with_its_reason(loader: Loader, store: Store) -> None:
    """Unpriced usage is never zero and never out of sight."""
    load(
        loader,
        event(1, **tokens("gpt-99", input_tokens=7)),
        event(2, **SMALL, attempts=[attempt(deployment_type="regional", region=None)]),
        event(3, **tokens("gpt-4o"), usage_source="none"),
        event(4, **tokens("text-embedding-3-large", input_tokens=10, output_tokens=5)),
    )
    rows = store.frame(
        "SELECT model, meter, reason, requests, quantity FROM unpriced_usage ORDER BY model, meter"
    ).rows()
    assert rows == [
        ("gpt-4.1-mini", "input", "region_unknown", 1, MILLION),
        ("gpt-4o", "unknown", "usage_unknown", 1, 1),
        ("gpt-99", "input", "unknown_model", 1, 7),
        ("text-embedding-3-large", "output", "no_rate", 1, 5),
    ]
    assert store.frame("SELECT count(*) FROM events WHERE cost IS NULL").item() == 4


def test_configuration_says_what_a_deployment_serves(
    loader: Loader, store: Store, clock: FakeClock
) -> None:
    """A deployment's name tells nothing; its configuration tells what it serves, and where."""
    seed(
        store,
        clock,
        deployments=[Deployment("prod", "gpt-4o", "2024-05-13", "regional", "swedencentral")],
    )
    clock.advance(minutes=1)
    usage = tokens("some-model", input_tokens=MILLION) | {"deployment": "prod"}
    load(loader, event(1, **usage, attempts=[]))
    row = store.frame("SELECT model, model_version, deployment_type, region, cost FROM events").row(
        0
    )
    assert row == ("gpt-4o", "2024-05-13", "regional", "swedencentral", Decimal("6.05"))


def test_the_deployment_that_answered_is_the_one_that_is_billed(
    loader: Loader, store: Store
) -> None:
    """What spills over from provisioned throughput is paid by the token."""
    full = attempt(deployment="ptu", deployment_type="ptu", status_code=429)
    spilled = attempt(deployment="standard", deployment_type="global")
    load(loader, event(1, **SMALL, deployment="ptu", attempts=[full, spilled]))
    row = store.frame("SELECT billed_deployment, deployment_type, cost FROM events").row(0)
    assert row == ("standard", "global", Decimal("0.4"))


def test_a_rate_holds_from_its_first_to_its_last_day(
    loader: Loader, store: Store, clock: FakeClock, tmp_path: Path
) -> None:
    """A request is priced by its own day, whenever it is stored."""
    file = tmp_path / "rates.toml"
    file.write_text(
        """
        [[rates]]
        model = "gpt-4.1-mini"
        valid_from = 2026-11-20
        valid_to = 2026-11-21
        per_million_tokens = { input = 7 }
        """
    )
    seed(store, clock, file=file)
    days = [datetime(2026, 11, day, hour, tzinfo=UTC) for day, hour in ((19, 23), (20, 0), (21, 0))]
    load(loader, *(event(n, at=day, **SMALL) for n, day in enumerate(days)))
    costs = store.frame("SELECT cost FROM events ORDER BY started_at")["cost"].to_list()
    assert costs == [Decimal("0.4"), Decimal(7), Decimal("0.4")]


COUNTS = st.integers(0, 2**31)
USAGE = st.fixed_dictionaries(
    {
        "response_model": st.sampled_from(
            ["gpt-4o", "gpt-4.1-mini-2025-04-14", "o3-mini", "gpt-99"]
        ),
        "input_tokens": COUNTS,
        "cached_input_tokens": COUNTS,
        "output_tokens": COUNTS,
        "team": st.sampled_from(["a", "b", None]),
        "usage_source": st.sampled_from(["reported", "estimated"]),
        "status_code": st.sampled_from([200, 200, 429]),
    },
    optional={"cache_write_tokens": COUNTS, "image_input_tokens": COUNTS},
)


@settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(batch=st.lists(USAGE, min_size=1, max_size=20))
def test_every_breakdown_adds_up_to_the_total(
    loader: Loader, store: Store, batch: list[dict[str, Any]]
) -> None:
    """However spend is cut, the parts add up to the whole, to the last digit."""
    first = store.frame("SELECT count(*) FROM events").item()
    load(loader, *(event(first + number, **usage) for number, usage in enumerate(batch)))
    total = store.frame("SELECT sum(cost) FROM charges_hourly").item()
    for by in ("team", "model", "meter", "usage_source", "deployment", "rate_id"):
        parts = store.frame(f"SELECT sum(cost) FROM spend_daily GROUP BY {by}").to_series()  # noqa: S608 - our own names
        assert sum((part or Decimal(0) for part in parts), Decimal(0)) == (total or Decimal(0))
    priced = "SELECT sum(cost) FROM events WHERE cost IS NOT NULL"
    known = "SELECT sum(cost) FROM charges_hourly WHERE model <> 'gpt-99'"
    assert store.frame(priced).item() == (store.frame(known).item() or Decimal(0))


@pytest.mark.parametrize("meter", ["cached_input", "cache_write"])
def test_a_part_without_a_price_is_billed_as_what_it_is_part_of(
    loader: Loader, store: Store, meter: str
) -> None:
    """Cached tokens of a model without a cached price are not free: Azure bills them as input."""
    usage = tokens(
        "text-embedding-3-large",
        input_tokens=MILLION,
        **{f"{meter}_tokens" if meter == "cache_write" else "cached_input_tokens": 1000},
    )
    load(loader, event(1, **usage))
    assert store.frame("SELECT cost FROM events").item() == Decimal("0.13")
    rates = store.frame("SELECT DISTINCT r.meter FROM charges_hourly JOIN rates r USING (rate_id)")
    assert rates.to_series().to_list() == ["input"]
