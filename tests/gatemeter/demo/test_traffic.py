"""The callers' traffic, straight to simulated backends, without any gateway."""

from __future__ import annotations

from random import Random

import pytest

from gatemeter.demo import acts, media_acts
from gatemeter.demo.cast import CALLERS, MODELS
from gatemeter.demo.customer import Customer
from gatemeter.demo.seen import QUANTITIES, ClientBooks
from gatemeter.demo.traffic import Traffic
from gatemeter.simulator import Deployment, RunningSimulator, SimulatorConfig, running

PLAYBILL = (*acts.PLAYBILL, *media_acts.PLAYBILL)
FREE = {"fetch_response", "image_operation", "ingestion_job", "other"}
DEPLOYMENTS = tuple(Deployment(name, model) for name, model in MODELS.items())


@pytest.mark.parametrize("caller", CALLERS, ids=lambda caller: caller.name)
async def test_what_the_callers_write_down_is_what_the_provider_billed(caller: object) -> None:
    """Every act, played by every kind of caller: the client's books equal the ledger's totals."""
    books = ClientBooks()
    with running(SimulatorConfig(deployments=DEPLOYMENTS)) as simulator:
        customer = Customer.connect(
            caller,  # type: ignore[arg-type]  # parametrize does not tell its type
            simulator.url,
            simulator.ledger.of_client_request,
            books,
            Random(3),  # noqa: S311 - reproducible
        )
        for _, act in PLAYBILL:
            await act(customer)
        await customer.close()
        billed = simulator.ledger.totals()
    written = books.operations()
    for operation, totals in billed.items():
        for name in ("input_tokens", "output_tokens", "characters"):
            assert written[operation][name] == totals[name], (operation, name)
    assert written["transcription"]["audio_seconds"] <= billed["transcription"]["audio_seconds"]
    for operation in FREE & set(written):
        assert not any(written[operation][name] for name in QUANTITIES)


async def test_traffic_begins_with_every_act_and_ends_on_time() -> None:
    """A short run shows every operation; what was begun is finished."""
    books = ClientBooks()
    with running(SimulatorConfig(deployments=DEPLOYMENTS)) as simulator:
        traffic = Traffic(
            simulator.url, simulator.ledger.of_client_request, books, rate=150, seed=5
        )
        await traffic.run(3.0)
        billed = _requests(simulator)
    usual = {"chat", "text_completion", "embeddings", "responses", "speech", "transcription"}
    assert usual | {"image_operation", "ingestion_job", "other"} <= set(books.operations())
    assert books.requests >= max(billed, len(PLAYBILL))


def _requests(simulator: RunningSimulator) -> float:
    return sum(one["requests"] for one in simulator.ledger.totals().values())


async def test_traffic_stops_when_it_is_told() -> None:
    """Without an end of its own."""
    books = ClientBooks()
    with running(SimulatorConfig(deployments=DEPLOYMENTS)) as simulator:
        traffic = Traffic(simulator.url, simulator.ledger.of_client_request, books, rate=50, seed=5)
        traffic.stop()
        await traffic.run(None)
    assert books.requests == 0
