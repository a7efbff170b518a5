"""`python -m panel`: starts the panel, or says why it must not be started that way.

Belongs here: the check before the start. Further arguments go to Streamlit (`--server.port 8600`). The same check
is made again for every visit (`app.py`), so starting Streamlit by other means opens nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from panel import access, config
from panel.text import Words

WRONG_USE = 2
#: what panel/.streamlit/config.toml binds to when no argument says otherwise
DEFAULT_ADDRESS = "127.0.0.1"


def address_of(arguments: Sequence[str]) -> str:
    """The address that these arguments make Streamlit bind to."""
    address = os.environ.get("STREAMLIT_SERVER_ADDRESS", DEFAULT_ADDRESS)
    for index, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name in ("--server.address", "--server-address"):
            address = value if equals else (arguments[index + 1] if index + 1 < len(arguments) else "")
    return address


def refusal(arguments: Sequence[str]) -> str | None:
    """Why the panel must not be started with these arguments; None when it may."""
    try:
        reason = access.misconfigured(config.load(), address_of(arguments))
    except config.ConfigError as error:
        return str(error)
    return None if reason is None else Words("en")(f"access.{reason}")


def main(arguments: Sequence[str]) -> int:
    """Become Streamlit; the exit code otherwise."""
    if why := refusal(arguments):
        sys.stderr.write(f"Error: {why}\n")
        return WRONG_USE
    from streamlit.web import cli

    from panel import warm

    warm.libraries()
    warm.once_serving()
    sys.argv = ["streamlit", "run", str(Path(__file__).with_name("app.py")), *arguments]
    return int(cli.main(standalone_mode=False) or 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
