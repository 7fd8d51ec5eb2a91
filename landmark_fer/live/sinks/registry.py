"""Recording: the sinks by their names; what keeps rows is in `logs`, images in `video`.

A sink is a context manager with ``takes_annotated`` (whether its frames have the drawn image) and
``write(frame, seen)``, where `seen` is a list of SeenFace. It raises SinkError where it cannot go on.
"""

from landmark_fer.live.sinks.logs import COLUMNS, LOGS, VERSUS_COLUMNS, CsvLog, JsonlLog, log_facts, open_log
from landmark_fer.live.sinks.video import CODECS, VideoRecorder

__all__ = [
    "CODECS",
    "COLUMNS",
    "LOGS",
    "VERSUS_COLUMNS",
    "CsvLog",
    "JsonlLog",
    "VideoRecorder",
    "log_facts",
    "open_log",
]
