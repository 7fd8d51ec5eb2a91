"""``python -m landmark_fer``: list the commands."""

import sys

from landmark_fer import __version__
from landmark_fer.core.command import run_command

COMMANDS = {
    "fit": "compare models on a data set and save the best one",
    "evaluate": "score a saved model on a data set",
    "report": "write the report of a saved model again",
    "live": "recognize expressions in a camera, video, image, folder, stream or the demo",
    "collect": "record your own expressions to fit a model on them",
    "datasets.geometry_table": "build the bundled table of landmarks again",
}


def main():
    """Print the commands and return the exit status."""
    return run_command(_list)


def _list():
    print(f"landmark_fer {__version__}: facial expressions from landmarks and HOG\n")
    width = max(map(len, COMMANDS))
    for name, meaning in COMMANDS.items():
        print(f"  python -m landmark_fer.{name:{width}}  {meaning}")
    print("\nadd --help for the options of a command")
    return 0


if __name__ == "__main__":
    sys.exit(main())
