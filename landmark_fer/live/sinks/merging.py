"""One table of several logs, with the video of each row as its first column."""

import contextlib
import csv
import json

from landmark_fer.core.errors import DataError, plain_reason
from landmark_fer.core.files import atomic_file
from landmark_fer.core.optional_packages import import_optional
from landmark_fer.live.sinks.base import by_suffix
from landmark_fer.live.sinks.logs import COLUMNS

COLUMN = "video"


def merge_logs(logs, path):
    """Write the rows of logs of one format, and of the same columns, as one file, which replaces an earlier one.

    Parameters
    ----------
    logs : dict of str to Path
        Path of each log by the name of its video. Without logs nothing is written.
    path : Path
        Its suffix is that of the logs, a key of `MERGERS`.

    Raises
    ------
    DataError
        If a log was changed or damaged after it was written.
    """
    if logs:
        with atomic_file(path) as new:
            by_suffix(MERGERS, path, "log")(logs, new)


# What readers raise for content that is not that of a log.
_NO_LOG = (ValueError, LookupError, TypeError, AttributeError, RecursionError, StopIteration, csv.Error)


@contextlib.contextmanager
def _reading(log, *errors):
    """Raise DataError with the name of a log if its content, or one of these errors, is not that of a log."""
    try:
        yield
    except (*errors, *_NO_LOG) as error:
        raise DataError(
            f"{log} must be a log as live wrote it, and cannot be read ({plain_reason(error)}); delete it, and give "
            "the same command again, which writes it again"
        ) from error


def _check_columns(columns, first):
    if tuple(columns[: len(COLUMNS)]) != COLUMNS:
        raise ValueError(f"its columns do not begin with {', '.join(COLUMNS)}")
    if columns != first:
        raise ValueError(f"its {len(columns)} columns are not those of the other logs")


def _merge_csv(logs, path):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer, first = csv.writer(file, lineterminator="\n"), None
        for index, (video, log) in enumerate(logs.items()):
            with open(log, newline="", encoding="utf-8") as rows, _reading(log):
                rows = csv.reader(rows)
                columns = next(rows)
                first = first or columns
                _check_columns(columns, first)
                if index == 0:
                    writer.writerow([COLUMN, *columns])
                for row in rows:
                    writer.writerow([video, *(cell for _, cell in zip(columns, row, strict=True))])


def _merge_jsonl(logs, path):
    first = None
    with open(path, "w", newline="\n", encoding="utf-8") as file:
        for index, (video, log) in enumerate(logs.items()):
            with open(log, encoding="utf-8") as lines, _reading(log):
                header = json.loads(next(lines))["header"]
                first = first or header["columns"]
                _check_columns(header["columns"], first)
                if index == 0:
                    header |= {"source": None, "columns": [COLUMN, *header["columns"]]}
                    file.write(json.dumps({"header": header}) + "\n")
                file.writelines(json.dumps({COLUMN: video, **json.loads(line)}) + "\n" for line in lines)


def _merge_parquet(logs, path):
    parquet = import_optional("pyarrow.parquet", purpose=f"{path}, a Parquet file,")
    import pyarrow

    log = next(iter(logs.values()))
    with _reading(log, OSError), log.open("rb") as file:
        first = parquet.read_schema(file)
    schema = first.insert(0, pyarrow.field(COLUMN, pyarrow.string())).remove_metadata()
    with path.open("wb") as merged, parquet.ParquetWriter(merged, schema) as writer:
        for video, log in logs.items():
            with _reading(log, OSError), log.open("rb") as file:
                table = parquet.read_table(file)
                _check_columns(table.column_names, first.names)
                table = table.cast(first)
            names = pyarrow.array([video] * table.num_rows, pyarrow.string())
            writer.write_table(table.add_column(0, schema.field(0), names).replace_schema_metadata(None))


MERGERS = {".csv": _merge_csv, ".jsonl": _merge_jsonl, ".parquet": _merge_parquet}
"""The function for each suffix of a log."""
