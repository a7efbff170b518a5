"""Who may enter and which stores they see.

Belongs here: the decision. Does not belong: reading the configuration (`config.py`), the views that hide other stores'
rows (`data.py`).

Without a login the panel may be reached from this machine only: it is bound to the loopback address and refuses to show
anything when it is bound wider. A name in a proxy's header counts only beside the secret that the proxy shares with the
panel, so that nobody can walk in by sending the header.
"""

from __future__ import annotations

import hmac
import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass

from panel.config import Login, PanelConfig

#: environment variable with the secret that a proxy must send
PROXY_SECRET = "RETURNSCOPE_PROXY_SECRET"  # noqa: S105  the name of a variable, not a secret
#: a shorter secret can be guessed
_SECRET_LENGTH = 16


@dataclass(frozen=True)
class Visitor:
    """Who looks; `stores` None means all of them. `name` is None on this machine without a login."""

    name: str | None
    stores: frozenset[str] | None


@dataclass(frozen=True)
class Refused:
    """Why nothing is shown: a key of the texts under `access`, and whether signing in would help.

    name: who was recognised by an OIDC login and is refused all the same; they can sign out again.
    """

    reason: str
    can_sign_in: bool = False
    name: str | None = None


def is_loopback(address: str | None) -> bool:
    """Whether a server bound to this address can be reached from this machine only; no address means everywhere."""
    if not address:
        return False
    if address.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return False


def misconfigured(config: PanelConfig, address: str | None, environ: Mapping[str, str] | None = None) -> str | None:
    """Why a panel with this configuration must not be served at this address, as a key of the texts; None: it may.

    With OIDC the configuration must say who may enter: anyone can have an account at a public provider.
    """
    env = os.environ if environ is None else environ
    if config.login is None:
        return None if is_loopback(address) else "open"
    if config.login.kind == "proxy" and len(env.get(PROXY_SECRET, "")) < _SECRET_LENGTH:
        return "no_secret"
    if config.login.kind == "oidc" and config.stores is None:
        return "no_users"
    return None


def visit(
    config: PanelConfig,
    address: str | None,
    headers: Mapping[str, str],
    user: Mapping[str, object],
    environ: Mapping[str, str] | None = None,
) -> Visitor | Refused:
    """Who looks, or why they may not.

    headers: of the request. user: what OIDC knows (`is_logged_in`, `email`, `email_verified`, `sub`), empty without it.
    """
    env = os.environ if environ is None else environ
    if reason := misconfigured(config, address, env):
        return Refused(reason)
    if config.login is None:
        return Visitor(None, None)
    name = _by_proxy(config.login, headers, env) if config.login.kind == "proxy" else _by_oidc(user)
    if name is None:
        return Refused("sign_in" if config.login.kind == "oidc" else "proxy", config.login.kind == "oidc")
    stores = _stores_of(config, name)
    if stores is not None and not stores:
        return Refused("no_stores", name=name if config.login.kind == "oidc" else None)
    return Visitor(name, stores)


def _by_proxy(login: Login, headers: Mapping[str, str], env: Mapping[str, str]) -> str | None:
    sent = {name.lower(): value for name, value in headers.items()}
    secret = sent.get(login.secret_header.lower(), "")
    if not hmac.compare_digest(secret.encode(), env[PROXY_SECRET].encode()):
        return None
    return sent.get(login.user_header.lower()) or None


def _by_oidc(user: Mapping[str, object]) -> str | None:
    """The e-mail address where the provider has verified it, else the provider's own id (`sub`).

    Some providers let people put any address into their profile, so one that is not said to be verified is no name.
    """
    if not user.get("is_logged_in"):
        return None
    is_verified = str(user.get("email_verified")).lower() == "true"  # some providers send it as text
    name = user.get("email") if is_verified else user.get("sub")
    return str(name) if name else None


def _stores_of(config: PanelConfig, name: str) -> frozenset[str] | None:
    if config.stores is None:
        return None
    stores = config.stores.get(name.lower(), frozenset()) | config.stores.get("*", frozenset())
    return None if "*" in stores else stores
