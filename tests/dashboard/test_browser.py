"""The dashboard as readers meet it: the real command, in a real browser.

With GATEMETER_PICTURES set to a folder, the pictures of the documentation are made there.
"""

from __future__ import annotations

import csv
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, ViewportSize, expect, sync_playwright

from tests.dashboard.made_traffic import ago, events, plain_event, with_more_tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.browser

COMMAND = [sys.executable, "-c", "from gatemeter.cli import main; main()", "dashboard"]
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
PATIENCE_MS = 60_000
MOST_BYTES = 300_000
CALLER = {"key_name": "checkout-assistant", "attempts": []}
WIDE: ViewportSize = {"width": 1400, "height": 900}


def chromium() -> str:
    """Where the browser is; without one the tests are skipped, unless a browser is required."""
    found = shutil.which("chromium")
    if found is None:
        if os.environ.get("REQUIRE_BROWSER") == "1":
            pytest.fail("chromium is not installed, and REQUIRE_BROWSER=1 asks for it")
        pytest.skip("chromium is not installed")
    return found


@contextmanager
def serving(folder: Path, home: Path) -> Iterator[str]:
    """The command on a free port, over a store; gives its address."""
    process = subprocess.Popen(
        [*COMMAND, "--port", "0", "--store", str(folder)],
        env={**os.environ, "GATEMETER_HOME": str(home), "GATEMETER_TIMEZONE": "Europe/Berlin"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        words = process.stdout.readline().split()
        assert words[0] == "dashboard:"
        wait_until_up(words[1])
        yield words[1]
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def wait_until_up(address: str) -> None:
    """Streamlit opens its port a moment after its address is known."""
    target = urlsplit(address)
    assert target.hostname is not None
    for _ in range(300):
        try:
            socket.create_connection((target.hostname, target.port or 80), timeout=5).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    pytest.fail("the dashboard did not come up")


@pytest.fixture
def browse(store_folder: Path, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """Opens the dashboard; at the end the browser's console must be empty of errors."""
    problems: list[str] = []
    executable = chromium()
    with serving(store_folder, tmp_path) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(QUIET))

        def open_page(query: str = "", **options: Any) -> Page:
            page = browser.new_page(viewport=WIDE, **options)
            page.set_default_timeout(PATIENCE_MS)
            page.on(
                "console",
                lambda said: problems.append(said.text) if said.type == "error" else None,
            )
            page.on("pageerror", lambda error: problems.append(str(error)))
            page.on("requestfailed", lambda request: problems.append(f"failed: {request.url}"))
            page.goto(address + query)
            return page

        yield open_page
        browser.close()
    assert problems == []


def tile(page: Page, label: str) -> str:
    """The number of a tile."""
    metric = page.get_by_test_id("stMetric").filter(has_text=label)
    return metric.get_by_test_id("stMetricValue").inner_text()


def settle(page: Page) -> None:
    """Wait until Streamlit has drawn what it has to draw."""
    expect(page.get_by_test_id("stMetric").first).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0, timeout=PATIENCE_MS)
    expect(page.locator("svg.marks, canvas.marks").first).to_be_visible(timeout=PATIENCE_MS)


def test_every_page_shows_the_store_and_follows_it(
    browse: Callable[..., Page], fill: Callable[..., int], tmp_path: Path
) -> None:
    """Empty, then filled under the reader's eyes; numbers, filters, file and SQL are right."""
    page = browse()
    expect(page.get_by_text("No events yet.")).to_be_visible(timeout=PATIENCE_MS)

    fill(
        [
            plain_event(ago(minutes=50), 1),
            plain_event(ago(minutes=40), 2, key_name="bot", team="care"),
            plain_event(ago(minutes=30), 3, key_name="bot", team="care"),
        ]
    )
    # Nobody reloads: the page finds the events by itself.
    settle(page)
    assert tile(page, "Spend") == "$0.00840"
    assert tile(page, "Requests") == "3"
    expect(page.get_by_text("Spend over time by key")).to_be_visible()
    expect(page.locator(".gm-legend").first).to_contain_text("bot")

    with page.expect_download() as downloading:
        page.get_by_role("button", name="Download CSV").click()
    downloading.value.save_as(tmp_path / "spend.csv")
    rows = {
        row["key"]: row for row in csv.DictReader((tmp_path / "spend.csv").read_text().splitlines())
    }
    assert Decimal(rows["bot"]["spend"]) == Decimal("0.0056")
    assert Decimal(rows["checkout"]["spend"]) == Decimal("0.0028")

    page.get_by_role("link", name="Throttling").click()
    expect(page.get_by_role("heading", name="429 rate by backend")).to_be_visible()
    expect(page.get_by_text("No backend answered 429 in this selection.")).to_be_visible()
    settle(page)
    assert tile(page, "429 rate") == "0%"

    page.get_by_role("link", name="Explore").click()
    query = page.get_by_label("SQL", exact=True)
    query.fill("SELECT team, sum(cost) AS spend FROM usage_events GROUP BY team ORDER BY team")
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_text("2 rows, in")).to_be_visible(timeout=PATIENCE_MS)
    query.fill("DROP TABLE events")
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_test_id("stAlert")).to_be_visible(timeout=PATIENCE_MS)

    filtered = browse("?team=care&range=Last+6+hours")
    settle(filtered)
    assert tile(filtered, "Requests") == "2"


def test_pictures_of_busy_pages(
    browse: Callable[..., Page], fill: Callable[..., int], tmp_path: Path
) -> None:
    """Two weeks of a company's traffic draw without an error, and make the pictures of the docs."""
    wanted = os.environ.get("GATEMETER_PICTURES")
    per_hour = 120 if wanted else 12
    made = events(until=ago(minutes=15), days=15, per_hour=per_hour)
    fill([with_more_tokens(event, 6) for event in made])
    fill([plain_event(ago(seconds=2), number, **CALLER) for number in range(5)])
    page = browse("?range=Last+7+days")
    for name in ("spend", "throttling"):
        page.get_by_role("link", name=name.title()).click()
        expect(page.get_by_role("heading", name=name.title())).to_be_visible(timeout=PATIENCE_MS)
        settle(page)
        page.wait_for_timeout(2_000)  # charts fade in
        picture = Path(wanted or tmp_path) / f"dashboard-{name}.png"
        page.screenshot(path=picture)
        assert picture.stat().st_size < MOST_BYTES
