"""Who may enter. Belongs here: logins, secrets, bindings, store permissions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from panel import access, config
from panel.__main__ import WRONG_USE, address_of, main, refusal
from panel.access import PROXY_SECRET, Refused, Visitor, visit
from panel.config import ConfigError, Login, PanelConfig

SECRET = "a secret of the proxy"
PROXY = PanelConfig(
    Login("proxy", "X-User", "X-Secret"),
    {"ana@example.com": frozenset({"north"}), "lead@example.com": frozenset({"*"}), "new@example.com": frozenset()},
)
OIDC = PanelConfig(Login("oidc"), {"ana@example.com": frozenset({"north"})})


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("[::1]", True), ("localhost", True),
        ("0.0.0.0", False), ("::", False), ("", False), (None, False), ("192.168.1.2", False), ("panel.example", False),
    ],
)  # fmt: skip
def test_loopback(address: str | None, expected: bool) -> None:
    assert access.is_loopback(address) is expected


def test_on_this_machine_no_login_is_needed() -> None:
    assert visit(PanelConfig(), "127.0.0.1", {}, {}) == Visitor(None, None)


def test_wider_without_a_login_is_refused() -> None:
    assert visit(PanelConfig(), "0.0.0.0", {"X-User": "ana@example.com"}, {}) == Refused("open")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-User": "ana@example.com"},
        {"X-User": "ana@example.com", "X-Secret": ""},
        {"X-User": "ana@example.com", "X-Secret": "another secret!!!"},
        {"X-User": "ana@example.com", "X-Secret": SECRET + " "},
        {"X-User": "", "X-Secret": SECRET},
    ],
)
def test_a_name_counts_only_beside_the_secret(headers: dict[str, str]) -> None:
    assert visit(PROXY, "0.0.0.0", headers, {}, {PROXY_SECRET: SECRET}) == Refused("proxy")


def test_the_proxy_says_who_it_is_and_stores_follow() -> None:
    def as_user(name: str) -> Visitor | Refused:
        return visit(PROXY, "0.0.0.0", {"x-user": name, "x-secret": SECRET}, {}, {PROXY_SECRET: SECRET})

    assert as_user("Ana@Example.com") == Visitor("Ana@Example.com", frozenset({"north"}))
    assert as_user("lead@example.com") == Visitor("lead@example.com", None)
    assert as_user("new@example.com") == Refused("no_stores")
    assert as_user("stranger@example.com") == Refused("no_stores")


@pytest.mark.parametrize("secret", ["", "short"])
def test_a_proxy_without_a_real_secret_is_refused(secret: str) -> None:
    assert visit(PROXY, "127.0.0.1", {"X-User": "a", "X-Secret": secret}, {}, {PROXY_SECRET: secret}) == Refused(
        "no_secret"
    )


def test_oidc() -> None:
    assert visit(OIDC, "0.0.0.0", {}, {}) == Refused("sign_in", can_sign_in=True)
    assert visit(OIDC, "0.0.0.0", {}, {"is_logged_in": False, "email": "ana@example.com"}) == Refused("sign_in", True)
    known = {"is_logged_in": True, "email": "ana@example.com", "email_verified": True, "sub": "id-1"}
    assert visit(OIDC, "0.0.0.0", {}, known) == Visitor("ana@example.com", frozenset({"north"}))
    assert visit(OIDC, "0.0.0.0", {}, {**known, "email_verified": "true"}) == Visitor(
        "ana@example.com", frozenset({"north"})
    )
    assert visit(OIDC, "0.0.0.0", {}, {**known, "email": "other@example.com"}) == Refused(
        "no_stores", name="other@example.com"
    )


@pytest.mark.parametrize("verified", [False, None, "false", ""])
def test_an_address_that_the_provider_has_not_verified_is_no_name(verified: object) -> None:
    user = {"is_logged_in": True, "email": "ana@example.com", "email_verified": verified, "sub": "id-1"}
    assert visit(OIDC, "0.0.0.0", {}, user) == Refused("no_stores", name="id-1")
    by_id = PanelConfig(Login("oidc"), {"id-1": frozenset({"isles"})})
    assert visit(by_id, "0.0.0.0", {}, user) == Visitor("id-1", frozenset({"isles"}))
    del user["sub"]
    assert visit(OIDC, "0.0.0.0", {}, user) == Refused("sign_in", True)


def test_a_login_that_would_let_in_everyone_is_refused() -> None:
    user = {"is_logged_in": True, "email": "ana@example.com", "email_verified": True}
    assert visit(PanelConfig(Login("oidc")), "127.0.0.1", {}, user) == Refused("no_users")
    everyone = PanelConfig(Login("oidc"), {"*": frozenset({"*"})})
    assert visit(everyone, "127.0.0.1", {}, user) == Visitor("ana@example.com", None)


@pytest.mark.parametrize(
    "text",
    [
        'panel = {login = {kind = "none"}}',
        '[panel.login]\nkind = "proxy"\nuser_header = "X-User"',
        '[panel.login]\nkind = "proxy"\nuser_header = "X-User"\nsecret_header = ""',
        '[panel.stores]\nana = "north"',
        "[panel]\nlogn = 1",
        "[panel",
    ],
)
def test_a_wrong_configuration_opens_nothing(
    text: str, panel_home: Path, run_page: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    (panel_home / "returnscope.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"returnscope\.toml"):
        config.load()
    app = run_page("today", lang="en")
    assert "returnscope.toml" in app.error[0].value
    assert not app.get("page_link")
    assert main([]) == WRONG_USE
    assert "returnscope.toml" in capsys.readouterr().err


def test_a_wide_binding_shows_no_data(panel_home: Path, run_page: Callable[..., Any]) -> None:
    app = run_page("today", address="0.0.0.0", lang="en")
    assert "no login is configured" in app.error[0].value
    assert len(app.get("html")) == 1  # the style sheet


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "127.0.0.1"),
        (["--server.port", "8600"], "127.0.0.1"),
        (["--server.address", "0.0.0.0"], "0.0.0.0"),
        (["--server.address=::"], "::"),
        (["--server.address=127.0.0.1", "--server.address", "10.0.0.1"], "10.0.0.1"),
        (["--server.address"], ""),
    ],
)
def test_the_address_of_the_command_line(arguments: list[str], expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STREAMLIT_SERVER_ADDRESS", raising=False)
    assert address_of(arguments) == expected


def test_the_command_refuses_before_it_serves(
    panel_home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STREAMLIT_SERVER_ADDRESS", raising=False)
    assert refusal([]) is None
    assert main(["--server.address", "0.0.0.0"]) == WRONG_USE
    assert "[panel.login]" in capsys.readouterr().err
    monkeypatch.setenv("STREAMLIT_SERVER_ADDRESS", "0.0.0.0")
    assert refusal([]) is not None


def test_a_login_by_oidc_needs_its_users_before_it_serves_and_its_secrets_before_it_shows(
    panel_home: Path, run_page: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STREAMLIT_SERVER_ADDRESS", raising=False)
    file = panel_home / "returnscope.toml"
    file.write_text('[panel.login]\nkind = "oidc"\n', encoding="utf-8")
    for address in ("127.0.0.1", "0.0.0.0"):
        assert "[panel.stores]" in (refusal(["--server.address", address]) or "")
        assert "[panel.stores]" in run_page("today", address=address, lang="en").error[0].value
    file.write_text('[panel.login]\nkind = "oidc"\n[panel.stores]\n"ana@example.com" = ["north"]\n', encoding="utf-8")
    assert refusal(["--server.address", "0.0.0.0"]) is None
    for page in ("today", "rows"):
        app = run_page(page, address="0.0.0.0", lang="en")
        assert "[auth] is missing" in app.error[0].value
        assert len(app.get("html")) == 1  # the style sheet


def test_the_shipped_configuration_binds_to_this_machine() -> None:
    import tomllib

    import panel
    from panel.__main__ import DEFAULT_ADDRESS

    file = Path(panel.__file__).parent / ".streamlit" / "config.toml"
    values = tomllib.loads(file.read_text(encoding="utf-8"))
    assert values["server"]["address"] == DEFAULT_ADDRESS
    assert access.is_loopback(DEFAULT_ADDRESS)
    assert values["browser"]["gatherUsageStats"] is False
    assert values["client"]["disableDataExport"] is True
