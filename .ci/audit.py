"""Known vulnerabilities of the locked packages, and an honest answer where nobody could be asked.

Belongs here: running pip-audit and reading its answer. Does not belong: which packages there are (`requirements.lock`).

pip-audit ends with 0 when a package index without advisories (mostly a mirror) answers "unknown" for every package. So
packages are counted, and where the index does not know all of them OSV is asked, the data base that collects advisories
of all indexes. Exit code 1 with vulnerabilities, 0 when all were looked up and none was found, and where advisories
cannot be reached 0 with NOT AUDITED in the first words, or 2 with `--strict`, for machines that must have the answer.
Further arguments go to pip-audit, such as `--ignore-vuln ID`, or `-s osv` to ask nobody else.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ("requirements.lock", "requirements-bootstrap.lock")
#: whom pip-audit asks: the package index, then OSV
SERVICES = ((), ("-s", "osv"))
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


def known_of(packages: list[dict[str, object]]) -> list[dict[str, object]]:
    """Those that somebody has looked up."""
    return [package for package in packages if "vulns" in package]


def main(arguments: list[str]) -> int:
    """Ask, tell, and the exit code."""
    is_strict = "--strict" in arguments
    rest = [argument for argument in arguments if argument != "--strict"]
    found: list[dict[str, object]] = []
    why = []
    for service in SERVICES if "-s" not in rest else ((),):
        answer = asked([*service, *rest])
        if isinstance(answer, str):
            why.append(answer)
            continue
        found = max(answer, found, key=lambda packages: len(known_of(packages)))
        if len(known_of(found)) == len(found):
            break
        unknown = len(answer) - len(known_of(answer))
        why.append(f"{unknown} of {len(answer)} packages, the package index knows no advisories for them")
    else:
        say(f"NOT AUDITED: {'; '.join(why)}")
    known = known_of(found)
    vulnerable = [package for package in known if package["vulns"]]
    for package in vulnerable:
        for one in package["vulns"]:  # type: ignore[attr-defined]
            fixed = ", ".join(one["fix_versions"]) or "no version yet"
            say(f"{package['name']} {package['version']}: {one['id']}, mended in {fixed}")
    is_audited = bool(found) and len(known) == len(found)
    if is_audited:
        say(f"{len(known)} packages audited, {len(vulnerable)} with known vulnerabilities")
    return 1 if vulnerable else 2 if is_strict and not is_audited else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
