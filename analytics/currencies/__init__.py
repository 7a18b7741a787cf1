"""Currencies: charges are in their rate's, answers in a chosen one, by dated exchange rates."""

from analytics.currencies.convert import Converted, converted
from analytics.currencies.exchange_rates import ExchangeRate, ExchangeRates
from analytics.currencies.rates_file import read_exchange_rates
from analytics.currencies.renew import exchange_rates_of, renew_exchange_rates
from analytics.currencies.unconverted import Unconverted

__all__ = [
    "Converted",
    "ExchangeRate",
    "ExchangeRates",
    "Unconverted",
    "converted",
    "exchange_rates_of",
    "read_exchange_rates",
    "renew_exchange_rates",
]
