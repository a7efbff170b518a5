"""Sign-in through a real OpenID Connect provider, in a real browser. Belongs here: who gets in, who sees what.

The provider runs on the loopback address and signs what it says; panel, Streamlit and Authlib are those of production.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import RSAKey

from tests.support.oidc_provider import CLIENT, CLIENT_SECRET, Provider, provider
from tests.support.panel_browser import MISSING, browser, free_port, served
from tests.support.panel_marts import write_marts

pytestmark = pytest.mark.browser

ANA = {"sub": "id-ana", "email": "ana@example.com", "email_verified": True}


@pytest.fixture(scope="module")
def signed_in_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("oidc")
    write_marts(home / "published" / "marts.duckdb")
    (home / "returnscope.toml").write_text(
        '[panel.login]\nkind = "oidc"\n\n[panel.stores]\n"ana@example.com" = ["north"]\n'
    )
    return home


@pytest.fixture(scope="module")
def who(signed_in_home: Path) -> Iterator[tuple[Provider, str]]:
    """The provider, and the address of a panel that trusts it."""
    if MISSING:
        pytest.skip(MISSING)
    port = free_port()
    with provider() as made:
        made.redirect_uri = f"http://127.0.0.1:{port}/oauth2callback"
        (signed_in_home / ".streamlit").mkdir()
        (signed_in_home / ".streamlit" / "secrets.toml").write_text(
            f'[auth]\nredirect_uri = "{made.redirect_uri}"\ncookie_secret = "{"c" * 40}"\nclient_id = "{CLIENT}"\n'
            f'client_secret = "{CLIENT_SECRET}"\n'
            f'server_metadata_url = "{made.issuer}/.well-known/openid-configuration"\n'
        )
        # bound to every address: what is refused without a login
        with served(signed_in_home, port, "--server.address", "0.0.0.0") as base:
            yield made, base


@pytest.fixture
def page(who: tuple[Provider, str]) -> Iterator[Callable[[str], str]]:
    """Opens an address in a fresh browser, or presses a button (`press:Sign in`); the text of the page then."""
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    made, base = who
    made.signs_with, made.audience = made.key, CLIENT
    with browser() as driver:

        def is_drawn(_: Any) -> bool:
            app = driver.find_elements(By.CSS_SELECTOR, "[data-testid=stApp][data-test-script-state=notRunning]")
            return bool(app) and bool(driver.find_elements(By.CSS_SELECTOR, "[data-testid=stMain] h1"))

        def go(what: str) -> str:
            if what.startswith("press:"):
                label = what.removeprefix("press:")
                button = next(b for b in driver.find_elements(By.TAG_NAME, "button") if b.text == label)
                old = driver.find_element(By.TAG_NAME, "html")
                button.click()
                WebDriverWait(driver, 60).until(lambda d: d.find_element(By.TAG_NAME, "html") != old)
            else:
                driver.get(base + what)
            WebDriverWait(driver, 60, poll_frequency=0.1).until(is_drawn)
            return str(driver.find_element(By.TAG_NAME, "body").text)

        yield go


def test_who_is_listed_gets_in_and_sees_their_stores(who: tuple[Provider, str], page: Callable[[str], str]) -> None:
    made, _ = who
    made.user = ANA
    shown = page("?lang=en")
    assert "Please sign in" in shown and "Returns" not in shown
    shown = page("press:Sign in")
    assert "Signed in as ana@example.com" in shown and "Returns" in shown
    assert {name: made.asked[-1][name] for name in ("client_id", "response_type", "redirect_uri")} == {
        "client_id": CLIENT, "response_type": "code", "redirect_uri": made.redirect_uri,
    }  # fmt: skip
    assert re.fullmatch(r"[\w-]{43}", made.asked[-1]["code_challenge"])
    shown = page("asins?lang=en")
    assert "north" in shown and "isles" not in shown
    assert "No rows fit" in page("rows?lang=en&of=fct_returns&store=isles")
    shown = page("press:Sign out")
    assert "Please sign in" in shown and "ana@example.com" not in shown
    assert "Please sign in" in page("asins?lang=en")


@pytest.mark.parametrize(
    ("user", "name"),
    [
        ({"sub": "id-1", "email": "stranger@example.com", "email_verified": True}, "stranger@example.com"),
        ({"sub": "id-2", "email": "ana@example.com", "email_verified": False}, "id-2"),
        ({"sub": "id-3", "email": "ana@example.com"}, "id-3"),
    ],
)
def test_who_is_not_listed_sees_nothing(
    user: dict[str, Any], name: str, who: tuple[Provider, str], page: Callable[[str], str]
) -> None:
    who[0].user = user
    page("?lang=en")
    shown = page("press:Sign in")
    assert "no store is assigned" in shown and f"Signed in as {name}" in shown
    assert "Returns" not in shown and "north" not in shown


@pytest.mark.parametrize("fault", ["signature", "audience"])
def test_a_token_that_is_not_the_providers_opens_nothing(
    fault: str, who: tuple[Provider, str], page: Callable[[str], str]
) -> None:
    made, _ = who
    made.user = ANA
    if fault == "signature":
        made.signs_with = RSAKey.generate_key(2048, {"kid": "ours", "use": "sig", "alg": "RS256"})
    else:
        made.audience = "another client"
    page("?lang=en")
    shown = page("press:Sign in")
    assert "Please sign in" in shown and "ana@example.com" not in shown
