"""Repricing ten million events, against storing as many.

Fills a store with a month of events, as a consumer stores them, changes the price of every meter,
and prints how long the run took: until reports of money are right, and until every event is. The
load beside it says what the same machine does in the same run.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from analytics import Store
from analytics.load import Loader
from analytics.ratecard import seed
from analytics.repricing import reprice
from analytics.types import Advance, Batch
from consume import make_lines

MONTH = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
LOADED = 100_000
RATES = """
[[rates]]
model = "gpt-4o"
per_million_tokens = {{ input = {price}, cached_input = 0.5, output = 4 }}
"""
