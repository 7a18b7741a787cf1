"""Made-up charges for tests of exports."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tests.analytics.samples import attempt, event, load

if TYPE_CHECKING:
    from analytics.load import Loader
    from analytics.store import Store

OCTOBER = datetime(2026, 10, 1, tzinfo=UTC)
BLOCK = "provisioned:sweden-gpt4o"
_COLUMNS = (
    "hour", "key_id", "key_name", "team", "backend", "region", "deployment", "deployment_type",
    "model", "model_version", "meter", "rate_id", "requests", "quantity", "cost", "currency",
)  # fmt: skip


def month_of_traffic(store: Store, loader: Loader) -> None:
    """Traffic of September, October and November 2026, most of it in October."""
    crm = {"key_id": "k_00000000000000c3", "key_name": "crm", "team": "sales"}
    lost = {"key_id": None, "key_name": None, "team": None, "auth_type": "none"}
    whisper = {
        "operation": "transcription", "response_model": "whisper", "input_tokens": None,
        "cached_input_tokens": None, "output_tokens": None, "audio_seconds": 12.345678,
        "usage_source": "derived",
    }  # fmt: skip
    ptu = [attempt(deployment="reserved", deployment_type="ptu")]
    load(
        loader,
        event(1, at=OCTOBER - timedelta(hours=1)),
        event(2, at=OCTOBER),
        event(3, at=OCTOBER + timedelta(hours=1), input_tokens=777_777, **crm),
        event(4, at=OCTOBER + timedelta(days=1), usage_source="estimated", **crm),
        event(5, at=OCTOBER + timedelta(days=1), response_model="gpt-99", request_model=None),
        event(6, at=OCTOBER + timedelta(days=2), **whisper, **crm),
        event(7, at=OCTOBER + timedelta(days=2), **lost),
        event(8, at=OCTOBER + timedelta(days=3), attempts=ptu, deployment="reserved"),
        event(9, at=OCTOBER + timedelta(days=30, hours=23), team='"Legal", and tax'),
        event(10, at=OCTOBER + timedelta(days=31)),
    )
    for hour in range(3):
        at = OCTOBER + timedelta(days=3, hours=hour)
        provisioned(store, at, "k_0123456789abcdef", "search-app", "search", "20.123457")
        provisioned(store, at, "k_00000000000000c3", "crm", "sales", "10")
        provisioned(store, at, None, "idle", None, "19.876543")


def provisioned(  # noqa: PLR0917 - read as a table's row
    store: Store, hour: datetime, key_id: str | None, name: str, team: str | None, hours: str
) -> None:
    """A key's part of an hour of a block of 50 units at 1.10 USD an hour each."""
    charge(
        store, hour=hour, key_id=key_id, key_name=name, team=team, backend="sweden",
        region="swedencentral", deployment="reserved", deployment_type="ptu", model="gpt-4o",
        meter="provisioned", rate_id=BLOCK, requests=0, quantity=Decimal(hours),
        cost=Decimal(hours) * Decimal("1.1"), currency="USD",
    )  # fmt: skip


def charge(store: Store, **values: Any) -> None:
    """One row of charges."""
    names = [name for name in _COLUMNS if name in values]
    with store.transaction() as connection:
        connection.execute(
            f"INSERT INTO charges_hourly ({', '.join(names)}) "  # noqa: S608 - our own names
            f"VALUES ({', '.join(f'${name}' for name in names)})",
            {name: values[name] for name in names},
        )
