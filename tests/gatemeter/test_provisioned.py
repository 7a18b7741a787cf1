"""`[[provisioned]]` in the settings: what is read, what is filled in, and what is refused."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from analytics.errors import RateCardError
from analytics.provisioned import CAPACITIES
from analytics.provisioned.table import read_blocks
from analytics.query import read_only_query
from analytics.store import Store
from analytics.types import Deployment
from gatemeter.deployments import configured_deployments
from gatemeter.prices import bring_prices
from gatemeter.provisioned import blocks_of, provisioned_deployments
from gatemeter.settings import Settings
from gateway_hooks.errors import SettingsError
from ingest import SystemClock

PAGE = Path(__file__).parent.parent.parent / "docs" / "provisioned.md"
CHAT = """
[[provisioned]]
name = "chat"
deployments = ["chat-ptu"]
model = "gpt-4o"
ptus = 100
price_per_ptu_hour = 0.9
valid_from = 2026-01-01
"""


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEMETER_HOME", str(tmp_path))


def settings(tmp_path: Path, text: str) -> Settings:
    """The settings of a file."""
    (tmp_path / "gatemeter.toml").write_text(text)
    return Settings.load()


def test_a_block_is_read_exactly_and_filled_in(tmp_path: Path) -> None:
    """A price is the digits of the file; what a PTU of the model carries, Azure has published."""
    (block,) = blocks_of(settings(tmp_path, CHAT))
    assert block.price_per_ptu_hour == Decimal("0.9")
    assert block.valid_from == datetime(2026, 1, 1, tzinfo=UTC)
    assert block.input_tokens_per_minute_per_ptu == 2500
    assert block.output_weight == 4
    assert (block.model, block.compared_with, block.currency) == ("gpt-4o", "global", "USD")


def test_what_the_file_says_wins(tmp_path: Path) -> None:
    """A reservation, a capacity of one's own, a time with a zone, and a backend's name."""
    (block,) = blocks_of(
        settings(
            tmp_path,
            """
            [backends."contoso.openai.azure.com"]
            name = "sweden"
            region = "swedencentral"
            [deployments.team]
            model = "gpt-5-2025-08-07"
            [[provisioned]]
            name = "team"
            deployments = ["team"]
            backend = "contoso.openai.azure.com"
            deployment_type = "data_zone"
            ptus = 15
            reservation = { price = "3900.50", term = "month" }
            currency = "EUR"
            valid_from = 2026-01-31T01:00:00+01:00
            valid_to = 2026-02-28
            input_tokens_per_minute_per_ptu = 5000
            output_weight = 7.5
            """,
        )
    )
    assert (block.backend, block.region, block.model) == ("sweden", "swedencentral", "gpt-5")
    assert (block.reservation_price, block.reservation_months) == (Decimal("3900.5"), 1)
    assert block.valid_from == datetime(2026, 1, 31, tzinfo=UTC)
    assert (block.input_tokens_per_minute_per_ptu, block.output_weight) == (5000, Decimal("7.5"))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("ptus = 100", "ptus = 0", "greater than or equal to 1"),
        ("price_per_ptu_hour = 0.9", "", "either price_per_ptu_hour or reservation"),
        (
            "valid_from = 2026-01-01",
            "valid_from = 2026-01-01\nreservation = { price = 1, term = 'year' }",
            "either price_per_ptu_hour or reservation",
        ),
        (
            "valid_from = 2026-01-01",
            "valid_from = 2026-01-01\nvalid_to = 2025-01-01",
            "valid_to is before valid_from",
        ),
        ("valid_from = 2026-01-01", f"valid_from = 2026-01-01\n{CHAT}", "'chat' overlap"),
        ("valid_from = 2026-01-01", "valid_from = 'soon'", "valid_from: is no day such as"),
        ("0.9", "0.0000000000001", "12 decimal places"),
        ('model = "gpt-4o"', 'modle = "gpt-4o"', "modle: is not known here"),
    ],
)
def test_a_block_that_cannot_be_charged_stops_the_start(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    """One line names the block and what is wrong with it."""
    with pytest.raises(SettingsError, match=words) as caught:
        settings(tmp_path, CHAT.replace(old, new))
    assert "gatemeter.toml: [[provisioned]]" in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('model = "gpt-4o"', "", "give its model, or that of deployment 'chat-ptu'"),
        (
            'deployments = ["chat-ptu"]\nmodel = "gpt-4o"',
            'deployments = ["gpt-4o", "o3"]',
            "serves gpt-4o and o3: make it one block for each model",
        ),
        (
            "price_per_ptu_hour = 0.9",
            "valid_to = 2026-02-15\nreservation = { price = 1, term = 'month' }",
            "cuts a month that is paid for; it ends 2026-03-01",
        ),
    ],
)
def test_what_cannot_be_a_block_is_refused(tmp_path: Path, old: str, new: str, words: str) -> None:
    """Nothing is guessed that money depends on."""
    with pytest.raises(SettingsError, match=words):
        blocks_of(settings(tmp_path, CHAT.replace(old, new)))


def test_deployments_of_blocks_are_of_type_ptu(tmp_path: Path) -> None:
    """Their tokens cost nothing on top, without a word about them in the settings."""
    read = settings(tmp_path, CHAT)
    blocks = blocks_of(read)
    assert provisioned_deployments(read, blocks, [Deployment("other", "o3")]) == [
        Deployment("other", "o3"),
        Deployment("chat-ptu", "gpt-4o", None, "ptu"),
    ]
    known = Deployment("chat-ptu", "gpt-4o", "2024-11-20", None, "westeurope")
    (made,) = provisioned_deployments(read, blocks, [known])
    assert made == Deployment("chat-ptu", "gpt-4o", "2024-11-20", "ptu", "westeurope")


@pytest.mark.parametrize(
    "said",
    [
        '[deployments.chat-ptu]\nmodel = "gpt-4o"\ndeployment_type = "global"\n',
        '[backends.sweden]\ndeployment_type = "data_zone"\n',
    ],
)
def test_a_type_that_would_be_charged_twice_is_refused(tmp_path: Path, said: str) -> None:
    """A block's deployment cannot be one that is charged by the token."""
    chat = CHAT if "deployments." in said else f'{CHAT}backend = "sweden"\n'
    read = settings(tmp_path, f"{said}{chat}")
    known = configured_deployments(read)
    with pytest.raises(SettingsError, match="is charged by the hour, but"):
        provisioned_deployments(read, blocks_of(read), known)


def test_the_consumer_brings_blocks_and_refuses_prices_beside_them(tmp_path: Path) -> None:
    """Blocks and types stand in the store; a rate of one's own for the same tokens stops it."""
    read = settings(tmp_path, CHAT)
    with Store.open(str(tmp_path / "store")) as store:
        bring_prices(store, SystemClock(), read)
        assert [one.block for one in read_blocks(store)] == ["chat"]
        types = store.frame("SELECT deployment, deployment_type FROM deployments").rows()
        assert types == [("chat-ptu", "ptu")]
        rates = tmp_path / "rates.toml"
        rates.write_text(
            '[[rates]]\nmodel = "gpt-4o"\ndeployment_type = "ptu"\n'
            "per_million_tokens = { input = 1.0 }\n"
        )
        both = settings(tmp_path, f'rates_file = "{rates}"\n{CHAT}')
        with pytest.raises(RateCardError, match="charges the same tokens of type ptu"):
            bring_prices(store, SystemClock(), both)


def test_the_example_of_the_page_can_be_used(tmp_path: Path) -> None:
    """Blocks written as the documentation shows are read."""
    example = PAGE.read_text().split("```toml\n")[1].split("```")[0]
    assert len(blocks_of(settings(tmp_path, example))) >= 2


def test_the_page_s_table_is_what_is_filled_in() -> None:
    """Whoever sizes a block by the documentation gets these figures."""
    rows = re.findall(
        r"^\| ([\w.-]+) \| ([\d,]+) \| (\d+) \| (\d+), (\d+) \| (\d+), (\d+) \|$",
        PAGE.read_text(),
        re.MULTILINE,
    )
    assert {
        row[0]: [int(text.replace(",", "")) for text in row[1:]] for row in rows
    } == {
        model: [
            one.input_tokens_per_minute, int(one.output_weight), *one.sizes("global"),
            *one.sizes("regional"),
        ]
        for model, one in CAPACITIES.items()
    }  # fmt: skip


def test_the_page_s_query_runs(tmp_path: Path) -> None:
    """Whoever pastes it gets an answer."""
    query = PAGE.read_text().split("```sql\n")[1].split("```")[0]
    Store.open(str(tmp_path / "store")).close()
    assert read_only_query(str(tmp_path / "store"), query).columns == ["payer", "ptu_hours", "cost"]


def test_a_block_is_about_the_entries_of_its_own_time(tmp_path: Path) -> None:
    """A deployment that was a standard one before the block was bought is no contradiction."""
    history = """
[[deployments.chat-ptu]]
model = "gpt-4o"
deployment_type = "global"
valid_to = 2026-01-01
"""
    bought = '[[deployments.chat-ptu]]\nmodel = "gpt-4o"\nvalid_from = 2026-01-01\n'
    for text in (history, history + bought):
        read = settings(tmp_path, text + CHAT)
        entries = provisioned_deployments(read, blocks_of(read), configured_deployments(read))
        assert [(one.deployment_type, one.valid_from) for one in entries] == [
            ("global", None),
            ("ptu", datetime(2026, 1, 1, tzinfo=UTC)),
        ]
    clash = settings(tmp_path, history.replace("2026-01-01", "2026-01-02") + CHAT)
    with pytest.raises(SettingsError, match='"chat": is charged by the hour'):
        provisioned_deployments(clash, blocks_of(clash), configured_deployments(clash))
