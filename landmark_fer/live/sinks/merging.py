"""One table of several logs, with the video of each row as its first column."""

import csv
import json

from landmark_fer.core.files import atomic_file
from landmark_fer.core.optional_packages import import_optional
from landmark_fer.live.sinks.base import by_suffix

COLUMN = "video"


def merge_logs(logs, path):
    """Write the rows of logs of one format, and of the same columns, as one file, which replaces an earlier one.

    Parameters
    ----------
    logs : dict of str to Path
        Path of each log by the name of its video. Without logs nothing is written.
    path : Path
        Its suffix is that of the logs, a key of `MERGERS`.
    """
    if logs:
        with atomic_file(path) as new:
            by_suffix(MERGERS, path, "log")(logs, new)


def _merge_csv(logs, path):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        for index, (video, log) in enumerate(logs.items()):
            with open(log, newline="", encoding="utf-8") as rows:
                rows = csv.reader(rows)
                columns = next(rows)
                if index == 0:
                    writer.writerow([COLUMN, *columns])
                writer.writerows([video, *row] for row in rows)


def _merge_jsonl(logs, path):
    with open(path, "w", newline="\n", encoding="utf-8") as file:
        for index, (video, log) in enumerate(logs.items()):
            with open(log, encoding="utf-8") as lines:
                header = json.loads(next(lines))["header"]
                if index == 0:
                    header |= {"source": None, "columns": [COLUMN, *header["columns"]]}
                    file.write(json.dumps({"header": header}) + "\n")
                file.writelines(json.dumps({COLUMN: video, **json.loads(line)}) + "\n" for line in lines)


def _merge_parquet(logs, path):
    parquet = import_optional("pyarrow.parquet", purpose=f"{path}, a Parquet file,")
    import pyarrow

    first = parquet.read_schema(next(iter(logs.values())))
    schema = first.insert(0, pyarrow.field(COLUMN, pyarrow.string())).remove_metadata()
    with parquet.ParquetWriter(path, schema) as writer:
        for video, log in logs.items():
            table = parquet.read_table(log)
            names = pyarrow.array([video] * table.num_rows, pyarrow.string())
            writer.write_table(table.add_column(0, schema.field(0), names).replace_schema_metadata(None))


MERGERS = {".csv": _merge_csv, ".jsonl": _merge_jsonl, ".parquet": _merge_parquet}
"""The function for each suffix of a log."""
