"""Folders named by class numbers, which mean other expressions in each data set.

A reader whose data set has such folders states their meaning in its attribute `folder_codes`.
"""

from landmark_fer.core.errors import DataError
from landmark_fer.datasets.readers.folder_names import most_match, number_above, parts_of


def check_numbers(reader, names):
    """Raise DataError if numbered folders belong to another data set, by the numbers or by the names of files.

    Parameters
    ----------
    reader : LayoutReader
    names : sequence of str
        Names of images.
    """
    for other, other_reader in _numbered_readers().items():
        pattern = other_reader.own_file_name
        if pattern is None or isinstance(reader, other_reader):
            continue
        if most_match(names, lambda name, pattern=pattern: pattern.fullmatch(parts_of(name)[1])):
            raise DataError(
                f"{reader.path} must hold {reader.title}, but its files have names like {parts_of(names[0])[1]} "
                f"of another data set; use --dataset {other}"
            )
    numbers = _numbers_above(names)
    if unknown := sorted(numbers - _valid_numbers(reader)):
        valid = sorted(reader.folder_codes)
        raise DataError(
            f"{reader.path} must have {reader.title}'s folders, {valid[0]} to {valid[-1]}, "
            f"got a folder {unknown[0]} of another data set; {_advice(numbers)}"
        )


def numbers_remark(reader):
    """Return a sentence on how folders are read, for data that nothing but the user's option identifies."""
    return f"folders are read by the numbers of {reader.title}, as --dataset says: {_meaning(reader)}"


def numbers_hint(names):
    """Return advice on images in numbered folders, to be added to a sentence; "" where most are in none."""
    if not most_match(names, lambda name: number_above(name) is not None):
        return ""
    return f"; numbers mean other classes in each data set: {_advice(_numbers_above(names))}"


def _numbered_readers():
    from landmark_fer.datasets.readers.registry import READERS, reader_class

    readers = {name: reader_class(name) for name in READERS}
    return {name: reader for name, reader in readers.items() if getattr(reader, "folder_codes", None)}


def _numbers_above(names):
    return {number for name in names if (number := number_above(name)) is not None}


def _valid_numbers(reader):
    return {*reader.folder_codes, *reader.folder_codes_left_out}


def _meaning(reader):
    return ", ".join(f"{number} {expression}" for number, expression in sorted(reader.folder_codes.items()))


def _advice(numbers):
    matching = {name: reader for name, reader in _numbered_readers().items() if numbers <= _valid_numbers(reader)}
    if not matching:
        return "no known data set has them; name the folders after expressions"
    options = (f"--dataset {name} ({_meaning(reader)})" for name, reader in matching.items())
    return f"name the data set with {' or '.join(options)}"
