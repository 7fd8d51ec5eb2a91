"""Registry of data sets, and the choice of the reader for a path: by name, or the first that recognizes it.

To add a data set, write a module with a reader (see `LayoutReader`), add a row to `READERS`, and describe the data set
in data/README.md.
"""

from importlib import import_module
from pathlib import Path

from landmark_fer.core.errors import DataError, InputError
from landmark_fer.datasets.readers.csv_files import is_csv_path
from landmark_fer.datasets.readers.fer2013 import Fer2013Csv, fer2013_csv
from landmark_fer.datasets.readers.file_index import FileIndex
from landmark_fer.datasets.readers.folders import FolderReader, TarReader
from landmark_fer.datasets.readers.image_trees import archive_kind

# Name of each data set, and the module and class of its reader. Readers are called with ``path, images=, poses=``.
# Their classmethod ``recognizes(file_index)`` is called in this order, after the check for FER2013's csv and before
# folders of classes are assumed.
READERS = {
    "fer2013": ("fer2013", "Fer2013Folders"),
    "ck+": ("ck_plus", "CkPlus"),
    "ck48": ("ck_plus", "Ck48"),
    "jaffe": ("jaffe", "Jaffe"),
    "kdef": ("kdef", "Kdef"),
    "raf-db": ("raf_db", "RafDb"),
    "affectnet": ("affectnet", "AffectNet"),
    "ferplus": ("ferplus", "FerPlusFolders"),
    "table": ("tables", "ImageTable"),
    "pixels": ("tables", "PixelTable"),
}
DATASETS = ("auto", *READERS, "folders")

_TAR_FRONT = 5000  # files at the front of a tar that are listed to recognize it


def open_source(path, *, dataset="auto", images="auto", poses="frontal"):
    """Return the reader for a path.

    Parameters
    ----------
    path : path-like
    dataset : str, default="auto"
        One of `DATASETS`; "auto" recognizes the layout.
    images : {"auto", "crops", "scenes"}, default="auto"
    poses : {"frontal", "half", "all"}, default="frontal"
        As for `LayoutReader`.

    Raises
    ------
    InputError
        If an option has another value.
    DataError
        If the path does not exist or holds no such data set.
    """
    if dataset not in DATASETS:
        raise InputError(f"dataset must be one of {', '.join(DATASETS)}, got {dataset!r}")
    path = Path(path)
    if not path.exists():
        raise DataError(f"{path} does not exist; give FER2013's csv (or .csv.gz, .zip) or a folder with one per class")
    if dataset in ("auto", "fer2013") and (csv := fer2013_csv(path)):
        return Fer2013Csv(csv)
    file_index = FileIndex(path, limit=_TAR_FRONT)
    if dataset == "fer2013" and not path.is_dir() and (_has_csv(file_index) or not file_index.images):
        return Fer2013Csv(path)
    if dataset == "auto":
        dataset = next((name for name in READERS if reader_class(name).recognizes(file_index)), "folders")
    if dataset in READERS:
        return reader_class(dataset)(path, images=images, poses=poses)
    if path.is_dir() or archive_kind(path) == "zip":
        return FolderReader(path, images=images)
    if TarReader.recognizes(path) or (archive_kind(path) == "tar" and not _has_csv(file_index)):
        return TarReader(path, images=images)
    if is_csv_path(path):
        return Fer2013Csv(path)
    raise DataError(f"{path} must be a .csv, .tsv, .csv.gz, .tar.gz, .zip or .npz file or a folder with one per class")


def reader_class(name):
    """Return the class of a data set's reader."""
    module, class_name = READERS[name]
    return getattr(import_module(f"landmark_fer.datasets.readers.{module}"), class_name)


def _has_csv(file_index):
    """Return whether an archive has a csv."""
    return any(name.lower().endswith(".csv") for name in file_index.others)
