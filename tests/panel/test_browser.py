"""The panel in a real headless Chromium. Belongs here: what only a browser tells: looks, keyboard, contrast, requests.

Screenshots of every page in both languages are kept in `build/panel-screenshots/`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.panel_browser import MISSING, ROOT, browser, free_port, served
from tests.support.panel_marts import write_marts

pytestmark = pytest.mark.browser

SHOTS = ROOT / "build" / "panel-screenshots"
ITEM = "asin=B000TEST01&store=north&marketplace=US"
PAGES = {
    "today": "",
    "asins": "asins?",
    "asin": f"asin?{ITEM}&",
    "performance": "performance?",
    "recovery": "recovery?window=90&",
    "season": "season?",
    "inventory": "inventory?",
    "desk": "desk?",
    "case": "desk?case=case-north-US-B000TEST01&",
    "rules": "rules?",
    "completeness": "completeness?",
    "resources": "resources?",
    "rows": f"rows?of=fct_returns&{ITEM}&",
    "guide": "guide?topic=guides/damaged&",
}
CONTRAST = (Path(__file__).parent / "contrast.js").read_text(encoding="utf-8")
FOCUSED = (Path(__file__).parent / "focused.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("panel")
    write_marts(home / "published" / "marts.duckdb")
    return home


@pytest.fixture(scope="module")
def base(home: Path) -> Iterator[str]:
    """A served panel, as `returnscope panel` starts it."""
    if MISSING:
        pytest.skip(MISSING)
    with served(home, free_port()) as address:
        yield address


@pytest.fixture(scope="module")
def driver(base: str) -> Iterator[Any]:
    with browser() as made:
        yield made


@pytest.fixture
def visit(driver: Any, base: str) -> Callable[[str], float]:
    """Opens a page and waits until it is drawn; the seconds that took."""
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    def is_drawn(_: Any) -> bool:
        app = driver.find_elements(By.CSS_SELECTOR, "[data-testid=stApp][data-test-script-state=notRunning]")
        return bool(app) and bool(driver.find_elements(By.CSS_SELECTOR, "[data-testid=stMain] [data-testid=stHtml]"))

    def open_page(address: str) -> float:
        start = time.monotonic()
        driver.get(base + address)
        WebDriverWait(driver, 30, poll_frequency=0.05).until(is_drawn)
        return time.monotonic() - start

    return open_page


def _shoot(driver: Any, name: str) -> None:
    SHOTS.mkdir(parents=True, exist_ok=True)
    height = driver.execute_script("return document.querySelector('[data-testid=stMainBlockContainer]').scrollHeight")
    driver.set_window_size(1440, min(max(int(height) + 160, 1100), 3600))
    time.sleep(0.3)  # charts are drawn again at the new size
    driver.save_screenshot(str(SHOTS / f"{name}.png"))
    driver.set_window_size(1440, 1100)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_page_is_drawn_legible_and_asks_nobody_else(
    language: str, driver: Any, base: str, visit: Callable[[str], float]
) -> None:
    from selenium.webdriver.common.by import By

    faults: dict[str, object] = {}
    seconds: dict[str, float] = {}
    for name, address in PAGES.items():
        joined = address if "?" in address else f"{address}?"
        seconds[name] = round(visit(f"{joined}lang={language}"), 2)
        _shoot(driver, f"{name}-{language}")
        if errors := driver.find_elements(By.CSS_SELECTOR, "[data-testid=stException]"):
            faults[f"{name}: exception"] = errors[0].text
        if low := driver.execute_script(CONTRAST):
            faults[f"{name}: contrast"] = low
        wide = driver.execute_script("return document.documentElement.scrollWidth - window.innerWidth")
        if wide > 0:
            faults[f"{name}: wider than the window"] = wide
    (SHOTS / f"seconds-{language}.json").write_text(json.dumps(seconds, indent=1), encoding="utf-8")
    assert not faults, json.dumps(faults, ensure_ascii=False, indent=1)
    sent = (json.loads(entry["message"])["message"] for entry in driver.get_log("performance"))
    asked = {call["params"]["request"]["url"] for call in sent if call["method"] == "Network.requestWillBeSent"}
    local = (base, base.replace("http:", "ws:"), "data:", "blob:")
    assert not [url for url in asked if not url.startswith(local)]
    # Streamlit looks for its server's root below each page's address first; nothing else may fail
    wrong = [entry["message"] for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]
    assert not [message for message in wrong if "/_stcore/" not in message]


def test_the_keyboard_reaches_everything(driver: Any, visit: Callable[[str], float]) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    visit("?lang=en")
    reached = []
    for _ in range(60):
        driver.switch_to.active_element.send_keys(Keys.TAB)
        focused = driver.execute_script(FOCUSED)
        if focused:
            reached.append(focused)
    tiles = driver.find_elements(By.CSS_SELECTOR, "a.rs-tile")
    hrefs = {entry["href"] for entry in reached if entry["href"]}
    assert {tile.get_dom_attribute("href") for tile in tiles} <= hrefs
    assert sum("stSidebarNavLink" in str(entry) or "/asins" in str(entry["href"]) for entry in reached) >= 1
    assert {entry["label"] for entry in reached if entry["role"] == "region"} >= {"Reason"}
    unseen = [entry for entry in reached if entry["tag"] == "A" and not entry["seen"]]
    assert not unseen


def test_from_a_tile_to_the_line_of_a_delivery(driver: Any, visit: Callable[[str], float]) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import WebDriverWait

    wait = WebDriverWait(driver, 30)
    visit("?lang=en")
    driver.find_element(By.CSS_SELECTOR, "a.rs-tile").send_keys(Keys.ENTER)
    wait.until(lambda d: "of=fct_returns" in d.current_url and d.find_elements(By.CSS_SELECTOR, ".rs-table a"))
    link = next(a for a in driver.find_elements(By.CSS_SELECTOR, ".rs-table a") if a.text == "open")
    link.send_keys(Keys.ENTER)
    wait.until(lambda d: "/record" in d.current_url and d.find_elements(By.CSS_SELECTOR, ".rs-pairs"))
    shown = driver.find_element(By.CSS_SELECTOR, "[data-testid=stMain]").text
    assert "returns.tsv" in shown
    assert "d" * 64 in shown


def test_language_and_filter_stay_when_pages_change(driver: Any, visit: Callable[[str], float]) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    visit("?lang=zh&store=north&window=7")
    driver.find_element(By.CSS_SELECTOR, '[data-testid="stSidebarNavLink"][href$="/asins"]').click()
    wait = WebDriverWait(driver, 30)
    wait.until(lambda d: "/asins" in d.current_url and d.find_elements(By.CSS_SELECTOR, ".rs-table"))
    wait.until(lambda d: "store=north" in d.current_url and "window=7" in d.current_url)
    table = driver.find_element(By.CSS_SELECTOR, ".rs-table").text
    assert "north" in table
    assert "isles" not in table
    assert "退货" in table


def test_the_server_follows_a_new_release_without_a_restart(
    driver: Any, home: Path, visit: Callable[[str], float]
) -> None:
    from selenium.webdriver.common.by import By

    visit("?lang=en&window=7")
    before = driver.find_element(By.CSS_SELECTOR, ".rs-tile-value").text
    write_marts(home / "published" / "marts.duckdb", release="2026-01-28-000000000002", extra_returns=50)
    visit("?lang=en&window=7")
    after = driver.find_element(By.CSS_SELECTOR, ".rs-tile-value").text
    assert int(after) == int(before) + 50
