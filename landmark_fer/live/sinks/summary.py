"""Summary of a session as an HTML page."""

import json
import logging
from collections import Counter
from html import escape
from pathlib import Path

from landmark_fer.artifact.folders import write_whole
from landmark_fer.core.errors import SinkError
from landmark_fer.core.expressions import UNCERTAIN, in_order
from landmark_fer.core.paths import check_place
from landmark_fer.figures.palette import DARK, EXPRESSION_COLOURS, LIGHT
from landmark_fer.live.sinks.base import by_suffix, wall_time
from landmark_fer.live.timeline import Timelines

NOTICE = "What is counted is the expression that a face shows, as a model sees it, not what the person feels."

_WIDTH, _HEIGHT, _STRIP = 1000, 40, 6  # of a timeline's image; the strip shows where in the video it lies

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Expressions: {title}</title>
<style>
:root {{ color-scheme: light dark; {light} --empty: #f1f1f1; }}
@media (prefers-color-scheme: dark) {{
  :root {{ {dark} --empty: #26282b; }}
}}
body {{ font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 50rem; margin: 0 auto; padding: 1rem; overflow-wrap: anywhere; }}
h1 {{ font-size: 1.5rem; margin: 0; }} h2 {{ font-size: 1.15rem; margin: 0 0 .25rem; }}
p {{ margin: .25rem 0; }} .dim {{ color: var(--dim); font-size: .9rem; }}
.notice {{ border-left: 4px solid var(--dim); padding-left: .75rem; margin: 1rem 0; }}
section {{ margin: 1.75rem 0; break-inside: avoid; }}
svg {{ display: block; width: 100%; height: 3rem; }}
.track {{ fill: var(--empty); stroke: var(--line); }} .strip {{ fill: var(--line); }} .place {{ fill: var(--ink); }}
.times {{ display: flex; justify-content: space-between; font-variant-numeric: tabular-nums; }}
table {{ border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }}
caption {{ text-align: left; }}
th, td {{ padding: .15rem .5rem .15rem 0; text-align: right; font-weight: normal; white-space: nowrap;
  border-top: 1px solid var(--line); }}
th:first-child {{ text-align: left; }}
td:nth-child(2) {{ width: 100%; min-width: 3rem; }}
i {{ display: inline-block; width: .8em; height: .8em; margin-right: .4em; border: 1px solid var(--line); }}
b {{ display: block; height: .8em; border: 1px solid var(--line); box-sizing: border-box; }}
pre {{ white-space: pre-wrap; font-size: .8rem; }}
i, b, svg {{ print-color-adjust: exact; -webkit-print-color-adjust: exact; }}
@media print {{ body {{ max-width: none; padding: 0; }} details {{ display: none; }} }}
</style>
</head>
<body>
<h1>Expressions: {title}</h1>
<p class="dim">{when}</p>
<p class="notice">{notice}</p>
{sections}
<details><summary>Made with</summary><pre>{facts}</pre></details>
</body>
</html>
"""


def render_summary(timelines, *, title, when, facts=None):
    """Return the page of finished timelines as HTML.

    Parameters
    ----------
    timelines : Timelines
    title : str
        What was looked at.
    when : str
        When it was looked at.
    facts : dict, optional
        What the answers were made with, as from `log_facts`.

    Returns
    -------
    str
    """
    tracks = sorted(timelines.tracks.items())
    sections = [_track(track_id, track, timelines) for track_id, track in tracks]
    if len(tracks) + timelines.n_others > 1:
        sections.insert(0, _all_faces(timelines))
    return _PAGE.format(
        light=LIGHT.css_variables(),
        dark=DARK.css_variables(),
        title=escape(title),
        when=escape(when),
        notice=NOTICE,
        sections="\n".join(sections) or "<p>No face was seen.</p>",
        facts=escape(json.dumps(facts or {}, indent=1, ensure_ascii=False)),
    )


def clock(seconds, *, fine=False):
    """Return seconds as ``m:ss`` or ``h:mm:ss``, with tenths where `fine`."""
    tenths = round(seconds * 10) if fine else 10 * round(seconds)
    hours, rest = divmod(tenths, 36000)
    minutes, rest = divmod(rest, 600)
    text = f"{hours}:{minutes:02}" if hours else f"{minutes}"
    return f"{text}:{rest // 10:02}" + (f".{rest % 10}" if fine else "")


def _all_faces(timelines):
    every = [*timelines.tracks.values(), timelines.others]
    seconds = sum((track.seconds for track in every), start=Counter())
    faces = len(timelines.tracks) + timelines.n_others
    note = f"<p>The {timelines.n_others} briefest are counted here only.</p>" if timelines.n_others else ""
    said = f"{faces} faces, {clock(seconds.total(), fine=True)} together"
    return f'<section>\n<h2>All faces</h2>\n<p class="dim">{said}</p>{note}\n{_shares(seconds)}\n</section>'


def _track(track_id, track, timelines):
    begin, end = track.segments[0].begin, track.segments[-1].end
    changes = f"{track.changes} change{'' if track.changes == 1 else 's'} of expression"
    place = f"from {clock(begin)} to {clock(end)} of {clock(timelines.end)}"
    said = f"{place}, seen for {clock(track.seconds.total(), fine=True)}; {changes}"
    fine = end - begin < 60
    times = "".join(
        f"<span>{clock(begin + share * (end - begin), fine=fine)}</span>" for share in (0, 0.25, 0.5, 0.75, 1)
    )
    return (
        f'<section>\n<h2>Face {track_id}</h2>\n<p class="dim">{said}</p>\n{_image(track_id, track, timelines)}\n'
        f'<p class="dim times">{times}</p>\n{_shares(track.seconds)}\n</section>'
    )


def _image(track_id, track, timelines):
    """Return a track's timeline as SVG, over a strip that shows where in the video it lies."""
    begin, end = track.segments[0].begin, track.segments[-1].end
    place = _bar(begin, end, (timelines.begin, timelines.end), _HEIGHT - _STRIP, _STRIP, 'class="place"')
    said = ", ".join(f"{name} {share:.0%}" for name, _, share in _rows(track.seconds))
    bars = [
        _bar(segment.begin, segment.end, (begin, end), 0, _HEIGHT - 2 * _STRIP, _fill(segment.expression), segment)
        for segment in track.segments
    ]
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="Timeline of face {track_id}: {escape(said)}">'
        f'<rect class="track" width="{_WIDTH}" height="{_HEIGHT - 2 * _STRIP}"/>{"".join(bars)}'
        f'<g><title>when in the whole time</title><rect class="strip" y="{_HEIGHT - _STRIP}" width="{_WIDTH}" '
        f'height="{_STRIP}"/>{place}</g></svg>'
    )


def _bar(begin, end, span, y, height, looks, segment=None):
    """Return a rectangle from one time to another on an axis that spans two times; it is never too thin to be seen."""
    scale = _WIDTH / max(span[1] - span[0], 1e-6)
    x, width = (begin - span[0]) * scale, max((end - begin) * scale, 1.0)
    where = f'x="{x:.1f}" y="{y}" width="{width:.1f}" height="{height}" {looks}'
    if segment is None:
        return f"<rect {where}/>"
    title = f"{segment.expression}, {clock(begin, fine=True)} to {clock(end, fine=True)}"
    return f"<rect {where}><title>{escape(title)}</title></rect>"


def _shares(seconds):
    rows = [
        f'<tr><th scope="row"><i style="background:{EXPRESSION_COLOURS[name]}"></i>{escape(name)}</th>'
        f'<td><b style="width:{share:.1%};background:{EXPRESSION_COLOURS[name]}"></b></td>'
        f"<td>{share:.1%}</td><td>{clock(spent, fine=True)}</td></tr>"
        for name, spent, share in _rows(seconds)
    ]
    head = '<tr><th scope="col">expression</th><td></td><th scope="col">of the time</th><th scope="col">time</th></tr>'
    return f"<table><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table>"


def _rows(seconds):
    """Return (expression, seconds, share) of what was shown, in the order of the expressions, what is unsure last."""
    total = seconds.total() or 1.0
    names = [*in_order(seconds), *([UNCERTAIN] if UNCERTAIN in seconds else [])]
    return [(name, seconds[name], seconds[name] / total) for name in names]


def _fill(expression):
    return f'fill="{EXPRESSION_COLOURS[expression]}"'


logger = logging.getLogger(__name__)

SUFFIXES = {".html": "HTML", ".htm": "HTML"}


class SummaryWriter:
    """Writes one HTML file when it is closed: shares of time, changes and a timeline for each face.

    It is written beside its place and renamed, and only if there was a frame: a start that fails, and a kill, leave
    what stood there.

    Parameters
    ----------
    path : path-like
        Its suffix is a key of `SUFFIXES`.
    classes : sequence of str
        Expressions that the model tells apart.
    facts : dict, optional
        What the answers were made with, as from `log_facts`; kept on the page.
    frames_per_second : float, optional
        Nominal, of the source: how long the last frame lasts where nothing else tells.

    Attributes
    ----------
    timelines : Timelines
    """

    takes_annotated = False

    def __init__(self, path, classes, *, facts=None, frames_per_second=25.0):
        self.path, self.classes, self.facts = Path(path), tuple(classes), facts
        by_suffix(SUFFIXES, path, "summary")
        check_place(self.path)
        self.timelines = Timelines(1 / frames_per_second)
        self._walls = None

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        try:
            self.close()
        except SinkError as error:
            if kind is None:
                raise
            logger.warning("%s", error)

    def write(self, frame, seen):
        """Take a frame's answers.

        Parameters
        ----------
        frame : Frame
        seen : sequence of RecognizedFace
        """
        self._walls = (self._walls[0] if self._walls else frame.wall_s, frame.wall_s)
        self.timelines.add(frame.time_s, {face.track_id: face.recognition.expression for face in seen})

    def close(self):
        """Write the page.

        Raises
        ------
        SinkError
            If it cannot be written.
        """
        if self._walls is None:
            return
        self.timelines.finish()
        begin, end = (wall_time(wall_s)[:19].replace("T", " ") for wall_s in self._walls)
        title = (self.facts or {}).get("source") or "summary"
        facts = {"classes": self.classes, **(self.facts or {})}
        page = render_summary(self.timelines, title=title, when=f"Looked at from {begin} to {end}, UTC", facts=facts)
        self._walls = None
        try:
            write_whole(self.path, page)
        except OSError as error:
            raise SinkError(f"{self.path} cannot be written ({error.strerror}); give another --summary") from error
