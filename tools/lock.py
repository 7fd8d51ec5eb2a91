"""Pins every dependency by version and hash: ``requirements.lock`` from the readable requirements.

    python -m pip install uv
    python tools/lock.py            resolve again: the newest versions that the requirements allow
    python tools/lock.py --check    does the lock still satisfy the requirements? Needs no network

One file serves Linux, macOS and Windows and Python 3.11 to 3.13 (environment markers). To install exactly what was
tested: ``python -m pip install --require-hashes -r requirements.lock``. The oldest versions that are supported stand in
``requirements-oldest.txt``, made from the lower bounds by the same command.
"""

import argparse
import re
import subprocess
import sys
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
LOCK, OLDEST = ROOT / "requirements.lock", ROOT / "requirements-oldest.txt"
SOURCES = ("requirements.txt", "requirements-web.txt", "requirements-export.txt")
"""What users install; tools of developers, Keras and the notebooks are not pinned."""

_HEADINGS = {
    LOCK: "Made by tools/lock.py from {}. Install: python -m pip install --require-hashes -r requirements.lock",
    OLDEST: "Made by tools/lock.py from the lower bounds in {}, for Python 3.11: constraints that the tests pass with.",
}


def main():
    """Make or check the files and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare the lock with the requirements")
    if parser.parse_args().check:
        wrong = problems(LOCK.read_text(), SOURCES)
        wrong += problems(OLDEST.read_text(), SOURCES, hashes=False)
        print("\n".join(dict.fromkeys(wrong)) or "the locks satisfy the requirements")
        return int(bool(wrong))
    common = ("--python-version", "3.11", "--no-header", "--no-emit-index-url", "--no-emit-find-links", "--quiet")
    write(LOCK, SOURCES, *common, "--universal", "--generate-hashes")
    write(OLDEST, SOURCES, *common, "--resolution", "lowest-direct", "--no-annotate")
    return 0


def write(path, sources, *options):
    """Resolve requirements with uv and write what comes."""
    command = ["uv", "pip", "compile", *options, *sources]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"uv could not resolve {', '.join(sources)}: {done.stderr.strip()}")
    path.write_text(f"# {_HEADINGS[path].format(', '.join(sources))}\n{done.stdout}")
    print(f"{path.name}: {len(pins(done.stdout))} packages")


def pins(text):
    """Return {name: [(version, marker, number of hashes)]} of a lock."""
    found = {}
    for entry in re.split(r"\n(?=\S)", text.replace("\\\n", " ")):
        line = entry.split("#")[0].strip()
        if "==" in line:
            requirement = Requirement(line.split("--hash")[0].strip())
            (each,) = requirement.specifier
            pin = each.version, requirement.marker, line.count("--hash=sha256:")
            found.setdefault(canonicalize_name(requirement.name), []).append(pin)
    return found


def requirements(names):
    """Yield the requirements in some files, and in those that they include."""
    for name in names:
        for line in (ROOT / name).read_text().splitlines():
            line = line.split("#")[0].strip()
            if line.startswith("-r "):
                yield from requirements([line[3:].strip()])
            elif line:
                yield Requirement(line)


def problems(text, names, *, hashes=True):
    """Return sentences on what a lock lacks, allows or names against the requirements."""
    locked, found = pins(text), []
    for requirement in requirements(names):
        if not hashes and requirement.marker is not None and not requirement.marker.evaluate():
            continue  # made for one kind of machine
        versions = locked.get(canonicalize_name(requirement.name), [])
        if not versions:
            found.append(f"{requirement.name} is required and not locked; run tools/lock.py")
        bad = [version for version, _, _ in versions if not requirement.specifier.contains(version, prereleases=True)]
        found += [f"{requirement} is required and {version} is locked; run tools/lock.py" for version in bad]
    if hashes:
        bare = [name for name, versions in locked.items() if not all(count for *_, count in versions)]
        found += [f"{name} is locked without a hash; run tools/lock.py" for name in bare]
    if "://" in text:
        found.append("the lock names a host, which not everybody reaches; make it without --emit-index-url")
    return found


if __name__ == "__main__":
    sys.exit(main())
