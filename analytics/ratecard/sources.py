"""Every source of rates, in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analytics.ratecard import azure_prices, builtin, openai_prices, rates_file
from analytics.ratecard.contract import contract_rates

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from analytics.ratecard.discounts import Discount
    from analytics.ratecard.rate import Rate

NO_FILE = "none"
# Counts up when we read more of the same price list.
_READER = "2"


def source_versions(file: Path | None) -> dict[str, str]:
    """The version of each source as it is installed here; imports and contracts are the store's.

    Raises:
        RateCardError: the operator's file cannot be used.
    """
    return {
        builtin.SOURCE: builtin.VERSION,
        azure_prices.SOURCE: f"{azure_prices.azure_source_version()}+{_READER}",
        openai_prices.SOURCE: openai_prices.openai_source_version(),
        rates_file.SOURCE: rates_file.read_rates_file(file).version if file else NO_FILE,
    }


def gather_rates(file: Path | None, sources: Collection[str] | None = None) -> list[Rate]:
    """The rates of some sources (None: of all) as they are installed here.

    Raises:
        RateCardError: the operator's file cannot be used.
    """
    wanted = set(source_versions(file)) if sources is None else set(sources)
    rates = builtin.builtin_rates() if builtin.SOURCE in wanted else []
    if wanted & {azure_prices.SOURCE, openai_prices.SOURCE}:
        azure = azure_prices.azure_rates()
        rates += azure if azure_prices.SOURCE in wanted else []
        if openai_prices.SOURCE in wanted:
            rates += openai_prices.openai_rates({rate.model for rate in azure})
    if rates_file.SOURCE in wanted and file:
        rates += rates_file.read_rates_file(file).rates
    return rates


def discounts_of(file: Path | None) -> tuple[Discount, ...]:
    """The discounts of the operator's file.

    Raises:
        RateCardError: the file cannot be used.
    """
    return rates_file.read_rates_file(file).discounts if file else ()


def rates_without_store(file: Path | None) -> list[Rate]:
    """What a store that is made now would hold.

    Raises:
        RateCardError: the operator's file cannot be used.
    """
    rates = gather_rates(file)
    return rates + contract_rates(rates, discounts_of(file), source_versions(file)["file"])
