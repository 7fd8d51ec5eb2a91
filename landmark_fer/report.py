"""``python -m landmark_fer.report``: write the report of a saved model again, from what is saved."""

import argparse
import sys

from landmark_fer.doorway import run_door


def main(argv=None):
    """Run the command and return its exit status."""
    options = _parser().parse_args(argv)
    return run_door(lambda: _run(options), stopped="stopped; an earlier report is unchanged")


def _parser():
    parser = argparse.ArgumentParser("python -m landmark_fer.report", description="Write a saved model's report again.")
    parser.add_argument("model", metavar="DIR", nargs="?", help="artifact folder (default: the bundled artifact)")
    parser.add_argument("--out", metavar="FILE.html", help="default: report.html in the folder")
    return parser


def _run(options):
    from landmark_fer.recognition.artifact import DEFAULT_ARTIFACT
    from landmark_fer.recognition.report import report_artifact

    print(f"wrote {report_artifact(options.model or DEFAULT_ARTIFACT, options.out)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
