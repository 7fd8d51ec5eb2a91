"""``landmark-fer`` and ``python -m landmark_fer``: run a command by its name, or list the commands."""

import runpy
import sys

from landmark_fer import __version__
from landmark_fer.core.command import run_command
from landmark_fer.core.command_parser import CommandParser

COMMANDS = {
    "fit": "compare models on a data set and save the best one",
    "evaluate": "score a saved model on a data set",
    "report": "write the report of a saved model again",
    "live": "recognize expressions in a camera, video, image, folder, stream or the demo",
    "collect": "record your own expressions to fit a model on them",
    "datasets.geometry_table": "build the bundled table of landmarks again",
}


def main():
    """Run the command that the first argument names, as ``python -m`` does; without one, print the commands.

    Returns
    -------
    int
        The exit status of the list; a command exits with its own.
    """
    if sys.argv[1:2] and sys.argv[1] in COMMANDS:
        runpy.run_module(f"landmark_fer.{sys.argv.pop(1)}", run_name="__main__", alter_sys=True)
    parser = CommandParser("landmark-fer", usage="landmark-fer [--version] [COMMAND ...]", add_help=False)
    parser.add_argument("-h", "--help", action="store_true")
    parser.add_argument("command", nargs="?", choices=COMMANDS)
    parser.parse_args()
    return run_command(_list)


def _list():
    print(f"landmark_fer {__version__}: facial expressions from landmarks and HOG\n")
    width = max(map(len, COMMANDS))
    for name, meaning in COMMANDS.items():
        print(f"  landmark-fer {name:{width}}  {meaning}")
    print("\nadd --help for the options of a command; python -m landmark_fer.COMMAND runs the same without installing")
    return 0


if __name__ == "__main__":
    sys.exit(main())
