"""Looks for known vulnerabilities in what the lock pins, by pip-audit.

    python tools/audit.py

Exit status: 0 none is known; 1 some are; 3 it could not be looked for, and why is said (no network, no pip-audit):
nobody should take that for a pass.
"""

import json
import subprocess
import sys
from pathlib import Path

LOCK = Path(__file__).resolve().parents[1] / "requirements.lock"
CLEAN, FOUND, NOT_RUN = 0, 1, 3
PATIENCE_S = 300


def main():
    """Run pip-audit and return the exit status."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(LOCK), "--require-hashes", "--disable-pip"]
    try:
        done = subprocess.run(
            [*command, "--format", "json", "--progress-spinner", "off"],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        packages = json.loads(done.stdout)["dependencies"]
    except subprocess.TimeoutExpired:
        return not_run(f"pip-audit gave no answer within {PATIENCE_S} seconds")
    except (ValueError, KeyError):
        lines = (done.stderr or done.stdout).strip().splitlines() or [f"it ended with {done.returncode}"]
        return not_run(lines[-1][:300])
    return verdict(packages)


def verdict(packages):
    """Print what pip-audit found in packages, a list of dictionaries, and return the exit status."""
    found = [(package, each) for package in packages for each in package.get("vulns", ())]
    for package, each in found:
        mended = ", ".join(each.get("fix_versions", ())) or "no version"
        print(f"{package['name']} {package['version']}: {each['id']}, mended in {mended}")
    skipped = [package for package in packages if "skip_reason" in package]
    looked = f"{len(packages) - len(skipped)} of {len(packages)} packages were looked up"
    if found:
        print(f"{len(found)} known vulnerabilities; {looked}")
        return FOUND
    if skipped or not packages:  # pip-audit itself calls that clean
        reason = f", first: {skipped[0]['skip_reason']}" if skipped else ""
        return not_run(f"{looked}{reason}")
    print(f"no known vulnerability; {looked}")
    return CLEAN


def not_run(reason):
    """Say that nothing was looked for, and return the status that means so."""
    print(f"NOT AUDITED: vulnerabilities were not looked for ({reason})")
    return NOT_RUN


if __name__ == "__main__":
    sys.exit(main())
