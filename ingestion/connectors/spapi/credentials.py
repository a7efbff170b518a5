"""Credentials of Login with Amazon, and the guarantee that they show nowhere.

Belongs here: where secrets come from, who may read the file they lie in, and taking them out of texts. Does not belong:
using them (`client.py`).

They come from the environment (`RETURNSCOPE_SPAPI_…`, listed in `data_contracts.settings`), else from a TOML file that
only its owner may read::

    client_id = "amzn1.application-oa2-client..."
    client_secret = "..."
    [accounts.acme]
    refresh_token = "..."

The `<ACCOUNT>` of a variable is the account in capitals, everything but letters and digits as `_`.
An account is one seller's consent in one region. Stores of one seller name it by `options.account`; without it a
store's own id is its account.
"""

from __future__ import annotations

import logging
import os
import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingestion.failures import PermanentFailure

_HIDDEN = "[hidden]"
#: what must not be shown even where its value is not known here: tokens of Login with Amazon, and the query of any
#: address, because that is where a presigned address carries its signature
_TOKEN = re.compile(r"Atz[a-z]\|[\w\-+/=|.]+", re.IGNORECASE)
_QUERY = re.compile(r"(https?://[^\s?\"'<>]+)\?[^\s\"'<>)]*", re.IGNORECASE)
_SIGNED = re.compile(
    r"(X-Amz-(?:Signature|Credential|Security-Token)|Signature|AWSAccessKeyId)=[^&\s\"'<>)]+", re.IGNORECASE
)


@dataclass(frozen=True)
class Credentials:
    """What a token request needs; neither `repr` nor `str` shows a value."""

    account: str
    client_id: str = field(repr=False)
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)


class Redactor:
    """Takes secrets out of texts that came from outside: answers, exceptions, documents."""

    def __init__(self, credentials: Credentials) -> None:
        self._secrets = {credentials.client_secret, credentials.refresh_token}

    def learn(self, secret: str) -> None:
        """One more secret, such as an access token."""
        self._secrets.add(secret)

    def clean(self, text: str) -> str:
        """The text without any secret known here or recognisable by its form."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            if secret:
                text = text.replace(secret, _HIDDEN)
        text = _TOKEN.sub(_HIDDEN, text)
        text = _QUERY.sub(rf"\1?{_HIDDEN}", text)
        return _SIGNED.sub(rf"\1={_HIDDEN}", text)


class _WithoutQueries(logging.Filter):
    """httpx logs each address in full at INFO; a presigned one must not be logged."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, its addresses cut before the query."""
        record.msg, record.args = _QUERY.sub(rf"\1?{_HIDDEN}", record.getMessage()), None
        return True


def hide_queries_in_logs() -> None:
    """Cut the query off addresses that the HTTP library logs; calling it again changes nothing."""
    for name in ("httpx", "httpcore"):
        logger = logging.getLogger(name)
        if not any(isinstance(one, _WithoutQueries) for one in logger.filters):
            logger.addFilter(_WithoutQueries())


def load_credentials(home: Path, account: str, environ: Mapping[str, str] | None = None) -> Credentials:
    """Credentials of an account. Raises PermanentFailure naming what is missing, never a value."""
    env = os.environ if environ is None else environ
    own = f"RETURNSCOPE_SPAPI_REFRESH_TOKEN_{re.sub(r'[^A-Z0-9]', '_', account.upper())}"
    stated = env.get("RETURNSCOPE_SPAPI_SECRETS")
    path = Path(stated) if stated else home / "secrets.toml"
    filed = _read_private(path) if stated or path.exists() else {}
    accounts = filed.get("accounts")
    of_account = accounts.get(account) if isinstance(accounts, dict) else None
    values = {
        "client id": env.get("RETURNSCOPE_SPAPI_CLIENT_ID") or filed.get("client_id"),
        "client secret": env.get("RETURNSCOPE_SPAPI_CLIENT_SECRET") or filed.get("client_secret"),
        f"refresh token of account {account}": env.get(own)
        or env.get("RETURNSCOPE_SPAPI_REFRESH_TOKEN")
        or (of_account.get("refresh_token") if isinstance(of_account, dict) else None),
    }
    missing = [name for name, value in values.items() if not isinstance(value, str) or not value.strip()]
    if missing:
        raise PermanentFailure(
            f"SP-API credentials are incomplete: no {', no '.join(missing)}",
            f"environment and {path}",
            f"Set RETURNSCOPE_SPAPI_CLIENT_ID, RETURNSCOPE_SPAPI_CLIENT_SECRET and {own}, or write them into that file "
            "(chmod 600).",
        )
    client_id, client_secret, refresh_token = (str(value).strip() for value in values.values())
    return Credentials(account, client_id, client_secret, refresh_token)


def _read_private(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())  # of the opened file, so that nobody swaps it between check and reading
            if not stat.S_ISREG(found.st_mode) or stat.S_IMODE(found.st_mode) & 0o077:
                raise PermanentFailure(
                    f"The secrets file may be read by others (mode {stat.S_IMODE(found.st_mode):03o})",
                    str(path),
                    f"Run: chmod 600 {path}. If others had access, renew the client secret in Seller Central.",
                )
            if found.st_uid not in (os.geteuid(), 0):
                raise PermanentFailure(
                    "The secrets file belongs to another user",
                    str(path),
                    "Make the file yours (chown), so that nobody else can change what this program sends.",
                )
            return tomllib.loads(file.read().decode("utf-8"))
    except OSError as error:
        raise PermanentFailure(
            f"The secrets file cannot be read: {error.strerror}",
            str(path),
            "Check RETURNSCOPE_SPAPI_SECRETS and the file's owner.",
        ) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        # without the parser's message and cause: it may quote the line, and the line may be the secret
        raise PermanentFailure("The secrets file is not valid TOML", str(path), "Correct its syntax.") from None
