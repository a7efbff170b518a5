"""Known vulnerabilities of the locked packages, and an honest answer where nobody could be asked.

Belongs here: running pip-audit and reading its answer. Does not belong: which packages there are (`requirements.lock`).

pip-audit ends with 0 when a package index without advisories answers "unknown" for every package. So packages are
counted: exit code 1 with vulnerabilities, 0 when all were looked up and none was found, and where advisories cannot be
reached 0 with NOT AUDITED in the first word, or 2 with `--strict`, for machines that must have the answer.
Further arguments go to pip-audit, such as `-s osv` or `--ignore-vuln ID`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ("requirements.lock", "requirements-bootstrap.lock")
#: in seconds: every package is one small request, a dead network answers none of them
TIMEOUT = 120


def say(line: str) -> None:
    """Tell people."""
    sys.stdout.write(f"{line}\n")


def asked(arguments: list[str]) -> list[dict[str, object]] | str:
    """What pip-audit says of each package; a text where it could not ask."""
    command = [str(Path(sys.executable).with_name("pip-audit")), "--require-hashes", "--disable-pip"]
    command += [
        "--format",
        "json",
        "--progress-spinner",
        "off",
        *(part for lock in LOCKS for part in ("-r", str(ROOT / lock))),
        *arguments,
    ]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
        return list(json.loads(answer.stdout)["dependencies"])
    except subprocess.TimeoutExpired:
        return f"no answer within {TIMEOUT} seconds"
    except (ValueError, KeyError):
        return (answer.stderr.strip().splitlines() or ["pip-audit said nothing"])[-1]


def main(arguments: list[str]) -> int:
    """Ask, tell, and the exit code."""
    is_strict = "--strict" in arguments
    found = asked([argument for argument in arguments if argument != "--strict"])
    if isinstance(found, str):
        say(f"NOT AUDITED: {found}")
        return 2 if is_strict else 0
    known = [package for package in found if "vulns" in package]
    vulnerable = [package for package in known if package["vulns"]]
    for package in vulnerable:
        for one in package["vulns"]:  # type: ignore[attr-defined]
            fixed = ", ".join(one["fix_versions"]) or "no version yet"
            say(f"{package['name']} {package['version']}: {one['id']}, mended in {fixed}")
    if len(known) < len(found):
        unknown = len(found) - len(known)
        say(f"NOT AUDITED: {unknown} of {len(found)} packages, the package index knows no advisories for them")
    else:
        say(f"{len(known)} packages audited, {len(vulnerable)} with known vulnerabilities")
    return 1 if vulnerable else 2 if is_strict and len(known) < len(found) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
