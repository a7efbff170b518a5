"""What the panel reads of `returnscope.toml`: section `[panel]`, and the return rules.

Belongs here: reading that file for the panel. Does not belong: the other settings, who may enter (`access.py`), what a
rule means (`rules.py`).

    [panel.login]
    kind = "oidc"                        # st.login: needs [auth] in .streamlit/secrets.toml; or
    kind = "proxy"                       # a reverse proxy that has checked the visitor and says who it is
    user_header = "X-Forwarded-Email"
    secret_header = "X-Returnscope-Proxy"  # must carry the value of RETURNSCOPE_PROXY_SECRET

    [panel.stores]                       # who sees which stores; "*" is everyone who may enter
    "ana@example.com" = ["main_na"]
    "lead@example.com" = ["*"]
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from panel import data


class ConfigError(ValueError):
    """The configuration file cannot be used; the message names file and key."""


@dataclass(frozen=True)
class Login:
    """How visitors say who they are."""

    kind: str
    user_header: str = ""
    secret_header: str = ""


@dataclass(frozen=True)
class PanelConfig:
    """Section `[panel]`; `stores` is None where no permissions are written down."""

    login: Login | None = None
    stores: dict[str, frozenset[str]] | None = None
    return_rules: tuple[dict[str, Any], ...] = field(default=())


def config_path() -> Path:
    """RETURNSCOPE_CONFIG, else `returnscope.toml` here, else in the home."""
    named = os.environ.get("RETURNSCOPE_CONFIG")
    here = Path(named or "./returnscope.toml").absolute()
    in_home = data.home() / here.name
    return in_home if not named and not here.is_file() and in_home.is_file() else here


def load() -> PanelConfig:
    """The panel's part of the file, which may be absent. Raises ConfigError."""
    path = config_path()
    if not path.is_file():
        return PanelConfig()
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from error
    panel = values.get("panel", {})
    if unknown := set(panel) - {"login", "stores"}:
        raise ConfigError(f"{path}: [panel] does not know {', '.join(sorted(unknown))}")
    return PanelConfig(
        _login(path, panel["login"]) if "login" in panel else None,
        _stores(path, panel["stores"]) if "stores" in panel else None,
        tuple(values.get("return_rules", ())),
    )


def _login(path: Path, values: dict[str, Any]) -> Login:
    kind = values.get("kind")
    if kind == "oidc" and set(values) == {"kind"}:
        return Login("oidc")
    if kind == "proxy" and set(values) == {"kind", "user_header", "secret_header"} and all(values.values()):
        return Login("proxy", str(values["user_header"]), str(values["secret_header"]))
    raise ConfigError(
        f'{path}: [panel.login] is either kind = "oidc" alone, or kind = "proxy" with user_header and secret_header'
    )


def _stores(path: Path, values: dict[str, Any]) -> dict[str, frozenset[str]]:
    for user, stores in values.items():
        if not isinstance(stores, list) or not all(isinstance(store, str) for store in stores):
            raise ConfigError(f'{path}: [panel.stores] "{user}" must be a list of store names, or ["*"]')
    return {user.lower(): frozenset(stores) for user, stores in values.items()}
