"""``python -m landmark_fer.report``: write the report of a saved model again."""

import shlex
import sys

from landmark_fer.artifact.manifest import ARTIFACT_HELP, ARTIFACT_OR_BUNDLED, artifact_path
from landmark_fer.core.command import run_command
from landmark_fer.core.command_parser import CommandParser
from landmark_fer.core.paths import Output, check_paths
from landmark_fer.datasets.inputs import DATA
from landmark_fer.perception.predictor_file import PREDICTOR


def main(argv=None):
    """Run the command and return its exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = _parser()
    options = parser.parse_args(arguments)
    return run_command(lambda: _run(parser, options, arguments), stopped="stopped; an earlier report is unchanged")


def _parser():
    parser = CommandParser(
        "python -m landmark_fer.report", description="Write the report of a saved model again, without fitting it."
    )
    add = parser.add_argument
    add(
        "model",
        type=ARTIFACT_OR_BUNDLED,
        metavar="DIR",
        nargs="?",
        help=f"{ARTIFACT_HELP} (default: default)",
    )
    add(
        "--out",
        type=Output(),
        metavar="FILE.html",
        help="the report (default: report.html in DIR, or in the current folder for an installed bundled model)",
    )
    add(
        "--data",
        action="append",
        type=DATA,
        metavar="PATH",
        help="the data that the model was fitted on: measure the importance of face regions and add it to the "
        "manifest; repeat it as for fit",
    )
    add("--jobs", type=int, metavar="N", help="number of processes that read --data (default: one per core)")
    add(
        "--predictor",
        type=PREDICTOR,
        metavar="FILE",
        help="68-point shape predictor for --data (default: the installed one)",
    )
    return parser


def _run(parser, options, arguments):
    check_paths(parser, options)
    from landmark_fer.reports.model_report import report_artifact

    folder = artifact_path(options.model)
    if options.data:
        _measure(folder, options, arguments)
    print(f"wrote {report_artifact(folder, options.out)}")
    return 0


def _measure(folder, options, arguments):
    from landmark_fer.evaluation.tables import format_importance
    from landmark_fer.report.importance import measure_importance

    importance = measure_importance(
        folder,
        options.data,
        command=shlex.join(["python", "-m", "landmark_fer.report", *arguments]),
        shape_predictor=options.predictor,
        jobs=options.jobs,
    )
    leak_free = ", none with a near-duplicate in training" if importance["leak_free"] else ""
    print(f"regions exchanged between {importance['n']:,} faces of {importance['faces']}{leak_free}:\n")
    print(f"{format_importance(importance['rows'])}\n")


if __name__ == "__main__":
    sys.exit(main())
