"""Which reader a path is read with: the one asked for by name, or the first that recognizes it."""

from importlib import import_module
from pathlib import Path

from landmark_fer.core.errors import DataError, InputError
from landmark_fer.datasets.readers.csv_files import is_csv_path
from landmark_fer.datasets.readers.fer2013 import CSV_PLACES, Fer2013Csv, Fer2013Folders, csv_in_zip
from landmark_fer.datasets.readers.file_index import FileIndex
from landmark_fer.datasets.readers.folders import FolderReader
from landmark_fer.datasets.readers.image_trees import is_tar_path
from landmark_fer.datasets.readers.tars import TarReader

# What each data set is called, and its reader's module and class, in the order in which they are asked whether a path
# is theirs (``recognizes(listing)``, a classmethod). FER2013's csv comes before all of them, a folder for each class
# after. A reader is made with ``path, images=, poses=``.
READERS = {
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
_FRONT = 5000  # files of a tar that are looked at to recognize it
DATASETS = ("auto", "fer2013", *READERS, "folders")


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
        If an option is none of its words.
    DataError
        If there is nothing of the kind.
    """
    if dataset not in DATASETS:
        raise InputError(f"dataset must be one of {', '.join(DATASETS)}, got {dataset!r}")
    path = Path(path)
    if not path.exists():
        raise DataError(f"{path} does not exist; give FER2013's csv (or .csv.gz, .zip) or a folder with one per class")
    if dataset == "fer2013" and _has_images(path):
        return Fer2013Folders(path, images=images, poses=poses)
    if dataset == "fer2013" or (dataset == "auto" and _is_fer2013(path)):
        return Fer2013Csv(_csv_inside(path) or path)
    if dataset == "auto":
        file_index = FileIndex(path, most=_FRONT)
        dataset = next((name for name in READERS if reader_class(name).recognizes(file_index)), "folders")
    if dataset in READERS:
        return reader_class(dataset)(path, images=images, poses=poses)
    if TarReader.recognizes(path):
        return TarReader(path, images=images)
    if path.is_dir() or path.suffix.lower() == ".zip":
        return FolderReader(path, images=images)
    if is_tar_path(path) and not _has_csv(path):
        return TarReader(path, images=images)  # which says what is wrong with it
    if is_csv_path(path):
        return Fer2013Csv(path)
    raise DataError(f"{path} must be a .csv, .tsv, .csv.gz, .tar.gz, .zip or .npz file or a folder with one per class")


def reader_class(name):
    """Return the class of a data set's reader."""
    module, own = READERS[name]
    return getattr(import_module(f"landmark_fer.datasets.readers.{module}"), own)


def _is_fer2013(path):
    if path.is_dir():
        return _csv_inside(path) is not None
    return path.suffix.lower() == ".zip" and csv_in_zip(path) is not None


def _has_images(path):
    """Whether what is called FER2013 is a folder or an archive of images instead of its csv."""
    if path.is_dir():
        return _csv_inside(path) is None
    return not _is_fer2013(path) and not _has_csv(path) and bool(FileIndex(path, most=_FRONT).images)


def _has_csv(path):
    """Whether an archive has a csv near its front."""
    return any(name.lower().endswith(".csv") for name in FileIndex(path, most=_FRONT).others)


def _csv_inside(path):
    """Return the csv of FER2013 in a folder that was unpacked from one of Kaggle's archives, or None."""
    return next((path / place for place in CSV_PLACES if (path / place).is_file()), None)
