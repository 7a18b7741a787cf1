"""The settings' prices in the store: bringing them, and reading a card that has some."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from analytics import RateCardError, StoreBusy
from analytics.address import without_password
from analytics.currencies import renew_exchange_rates
from analytics.provisioned import refuse_token_prices, seed_blocks
from analytics.ratecard import read_card
from analytics.ratecard.seed import seed
from gatemeter.deployments import configured_deployments
from gatemeter.provisioned import blocks_of, provisioned_deployments
from ingest.retries import Backoff

if TYPE_CHECKING:
    from analytics import Store
    from analytics.ratecard import RateCard
    from gatemeter.settings import Settings
    from ingest.clock import Clock

logger = logging.getLogger("gatemeter.prices")
_SEED_TRIES = 8


def bring_prices(store: Store, clock: Clock, settings: Settings) -> None:
    """Give the store the prices, deployments, blocks and exchange rates of the settings.

    Raises:
        AnalyticsError: a file of rates cannot be used, or the store stayed busy.
        SettingsError: a provisioned block cannot be charged.
    """
    blocks = blocks_of(settings)
    deployments = provisioned_deployments(settings, blocks, configured_deployments(settings))
    backoff = Backoff()
    for tries in range(1, _SEED_TRIES + 1):
        try:
            added = seed(store, clock, file=settings.rates_file, deployments=deployments)
            if blocks:
                refuse_token_prices(read_card(store.cursor()), blocks)
            seed_blocks(store, clock, blocks)
            renewed = renew_exchange_rates(
                store, clock, file=settings.exchange_rates_file, currency=settings.currency
            )
        except StoreBusy:
            if tries == _SEED_TRIES:
                raise
            clock.sleep(backoff.delay(tries))
        else:
            break
    if added:
        logger.info("rates added", extra={"rates": added})
    if renewed:
        logger.info("exchange rates renewed", extra={"rates": renewed})


def priced_card(store: Store) -> RateCard:
    """The store's rate card.

    Raises:
        RateCardError: it has no prices yet, which no answer about a price should be made from.
    """
    card = read_card(store.cursor())
    if not card.rates:
        raise RateCardError(
            f"the store at {without_password(store.url)} has no prices yet: "
            "`gatemeter consume --once` brings them"
        )
    return card
