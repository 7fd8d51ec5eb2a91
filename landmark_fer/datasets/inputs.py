"""Command-line options for data sets: types for their paths, and options on their layout."""

from pathlib import Path

from landmark_fer.core.paths import Input, lies_in

_ARCHIVES = (".zip", ".tar", ".tgz", ".npz")  # hold all of their images


def files_of_data(text):
    """Return the paths that `load_dataset` reads for one path: itself, and FER+'s votes next to a csv."""
    from landmark_fer.datasets.readers.ferplus import FERPLUS_NAME

    return [Path(text), Path(text).parent / FERPLUS_NAME]


def is_of_data(path, file):
    """Return whether a file belongs to a data set: it lies in its folder, or is an image, which a csv may name."""
    from landmark_fer.perception.image_formats import head_of, is_image

    if lies_in(file, path):
        return True
    return path.is_file() and path.suffix.lower() not in _ARCHIVES and is_image(str(file), lambda: head_of(file))


def bundled_table():
    """Return the name and path of the data that are read by default."""
    from landmark_fer.datasets.geometry_table import table_path

    return "the bundled table", table_path()


def add_layout_options(group):
    """Add the options on the layout of a data set to an argument parser or a group of it."""
    add = group.add_argument
    add(
        "--labels",
        choices=("fer2013", "ferplus"),
        default="auto",
        help="ferplus: majority of the votes in fer2013new.csv",
    )
    add("--dataset", metavar="NAME", default="auto", help="ck+, jaffe, ... (default: recognized); see data/README.md")
    add(
        "--images",
        choices=("auto", "crops", "scenes"),
        default="auto",
        help="cropped faces, or images to detect faces in",
    )
    add("--poses", choices=("frontal", "half", "all"), default="frontal", help="head poses to use (default: frontal)")


DATA = Input(files=files_of_data, holds=is_of_data)
DATA_OR_TABLE = Input(files=files_of_data, holds=is_of_data, default=bundled_table)
