"""What a machine must have before `make` downloads anything.

Run as `python3 deploy/prerequisites.py` by the system's own Python, so this file imports only the
standard library, nothing of this project, and parses on Pythons that are too old to run the rest.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys

PYTHON_MINIMUM = (3, 11)
JAVA_MINIMUM = 17
JAVA_TIMEOUT_SECONDS = 20


def check() -> list[str]:
    """Return one line for each missing thing, in the order in which they are needed."""
    findings = [_python(), _venv(), _make(), _java(), _maven()]
    return [finding for finding in findings if finding is not None]


def java_major(version_output: str) -> int | None:
    """Read the major version out of what `java -version` prints: 17.0.15 is 17, 1.8.0_402 is 8."""
    found = re.search(r'version "(\d+)(?:\.(\d+))?', version_output)
    if found is None:
        return None
    first, second = int(found.group(1)), found.group(2)
    return int(second) if first == 1 and second is not None else first


def _python() -> str | None:
    if sys.version_info[:2] >= PYTHON_MINIMUM:
        return None
    wanted = ".".join(map(str, PYTHON_MINIMUM))
    found = ".".join(map(str, sys.version_info[:3]))
    return f"Python {wanted} or newer is needed, this is {found} ({sys.executable})"


def _venv() -> str | None:
    # Debian splits ensurepip from Python; `python3 -m venv` fails without it.
    if importlib.util.find_spec("ensurepip") is not None:
        return None
    return "Python's venv is missing (Debian: apt-get install python3-venv)"


def _make() -> str | None:
    if shutil.which("make"):
        return None
    return "make is missing (Debian: apt-get install make)"


def _java() -> str | None:
    advice = f"a JDK {JAVA_MINIMUM} or newer runs the broker (Debian: apt-get install default-jdk)"
    if not shutil.which("java"):
        return f"java is missing: {advice}"
    try:
        answer = subprocess.run(
            ["java", "-version"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=JAVA_TIMEOUT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"java does not answer ({error}): {advice}"
    major = java_major(answer.stdout)
    if answer.returncode != 0 or major is None:
        # On macOS /usr/bin/java exists without a JDK and says so here.
        return f"java does not say its version: {advice}"
    if major < JAVA_MINIMUM:
        return f"java is version {major}: {advice}"
    return None


def _maven() -> str | None:
    if shutil.which("mvn"):
        return None
    return "mvn is missing: Maven downloads the broker (Debian: apt-get install maven)"


def main() -> int:
    """Print what is missing to stderr; 0 when nothing is."""
    missing = check()
    for line in missing:
        print(line, file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
