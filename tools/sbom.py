"""Writes what a release is made of (SBOM), in CycloneDX 1.6 JSON, from what is installed and from the lock's hashes.

python tools/sbom.py dist/landmark_fer.cdx.json
"""

import json
import re
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path

from lock import LOCK, ROOT, SOURCES, requirements
from packages import installed
from packaging.utils import canonicalize_name


def main(path):
    """Write the SBOM and return the exit status."""
    packages, missing = installed(requirements(SOURCES))
    if missing:
        print(f"install {', '.join(SOURCES)} first: {', '.join(missing)} is missing", file=sys.stderr)
        return 2
    bill = bill_of(packages, version(), locked_hashes(LOCK.read_text()))
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(json.dumps(bill, indent=1, ensure_ascii=False) + "\n")
    print(f"{path}: {len(packages)} components")
    return 0


def version():
    """Return the version of landmark_fer, without importing it."""
    text = (ROOT / "landmark_fer" / "__init__.py").read_text()
    return re.search(r'^__version__ = "([^"]+)"', text, flags=re.M)[1]


def locked_hashes(text):
    """Return {(name, version): sorted SHA-256 hashes} of a lock: one of them is the installed file's."""
    found = {}
    for entry in re.split(r"\n(?=\S)", text.replace("\\\n", " ")):
        if match := re.match(r"([\w.-]+)==([^\s;]+)", entry):
            hashes = sorted(re.findall(r"--hash=sha256:([0-9a-f]{64})", entry))
            found[canonicalize_name(match[1]), match[2]] = hashes
    return found


def bill_of(packages, release, hashes):
    """Return the SBOM as a dictionary."""
    root = f"pkg:pypi/landmark-fer@{release}"
    reference = {package.name: f"pkg:pypi/{package.name}@{package.version}" for package in packages}
    needed = {name for package in packages for name in package.requires}
    direct = [reference[package.name] for package in packages if package.name not in needed]
    wanted = {canonicalize_name(each.name) for each in requirements(SOURCES)}
    direct = sorted({*direct, *(reference[name] for name in wanted if name in reference)})
    links = [{"ref": root, "dependsOn": direct}]
    for package in packages:
        depends = [reference[name] for name in package.requires if name in reference]
        links.append({"ref": reference[package.name], "dependsOn": depends})
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid4()}",
        "version": 1,
        "metadata": {
            "timestamp": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            "component": {
                "type": "application",
                "bom-ref": root,
                "name": "landmark-fer",
                "version": release,
                "purl": root,
                "licenses": [{"license": {"id": "MIT"}}],
            },
        },
        "components": [_component(package, hashes.get((package.name, package.version), ())) for package in packages],
        "dependencies": links,
    }


def _component(package, hashes):
    purl = f"pkg:pypi/{package.name}@{package.version}"
    component = {"type": "library", "bom-ref": purl, "name": package.name, "version": package.version, "purl": purl}
    if package.summary:
        component["description"] = package.summary
    if package.expression:
        component["licenses"] = [{"expression": package.expression}]
    elif package.licence != "not said":
        component["licenses"] = [{"license": {"name": package.licence}}]
    if hashes:  # of all files of the version: which of them a machine took, its installer knows
        component["properties"] = [{"name": "landmark_fer:locked-sha256", "value": each} for each in hashes]
    return component


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
