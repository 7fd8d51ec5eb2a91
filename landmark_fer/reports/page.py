"""What report templates are filled with: numbers cited from a manifest, and figures as SVG."""

import json
import logging
from pathlib import Path

import numpy as np
from markupsafe import Markup

from landmark_fer.artifact.card import USE, percent, thinned_rows
from landmark_fer.core.errors import SinkError
from landmark_fer.core.files import atomic_write_text
from landmark_fer.core.templates import render_template
from landmark_fer.figures.canvas import figure_svg
from landmark_fer.figures.comparison import FoldsFigure, HistoryFigure, LearningFigure
from landmark_fer.figures.importance import ImportanceFigure
from landmark_fer.figures.palette import DARK, LIGHT, PAGE
from landmark_fer.figures.per_class import ClassesFigure, ConfusionFigure
from landmark_fer.figures.rejection import RejectionFigure, ReliabilityFigure
from landmark_fer.perception.predictor_file import PREDICTOR_LICENCE

logger = logging.getLogger(__name__)

NOT_MEASURED = "not measured"


class Cited:
    """Values of a manifest, whose numbers become HTML that names their place in it.

    Each number becomes a ``<data>`` element. Its text is the rounded number, its ``value`` the exact one, its
    ``data-of`` the path in the manifest as JSON, and its ``data-scale`` the factor between value and text. A value that
    is missing or no number becomes "not measured".

    Parameters
    ----------
    manifest : dict
    path : tuple, default=()
        Keys and positions that every path begins with.
    """

    def __init__(self, manifest, path=()):
        self.manifest, self.path = manifest, path

    def at(self, *path):
        """Return the value at a path of keys and positions; None if there is none."""
        value = self.manifest
        for step in (*self.path, *path):
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                return None
        return value

    def below(self, *path):
        """Return the values below a path."""
        return Cited(self.manifest, (*self.path, *path))

    def each(self, *path):
        """Return the elements of the list at a path, each as `Cited`."""
        return [self.below(*path, position) for position in range(len(self.at(*path) or ()))]

    def percent(self, *path):
        """Return a share as ``61.3 %``."""
        return self._cite(path, percent, scale=100)

    def points(self, *path, sign="+"):
        """Return a difference of shares in points, ``+1.3``; with an empty `sign`, only negative numbers have one."""
        return self._cite(path, lambda value: f"{100 * value:{sign}.1f}", scale=100)

    def decimal(self, *path, digits=3):
        """Return a number with a fixed number of decimals."""
        return self._cite(path, lambda value: f"{value:,.{digits}f}")

    def count(self, *path):
        """Return a whole number with thousands separators."""
        return self._cite(path, lambda value: f"{value:,}")

    def counts(self, *path):
        """Return the whole numbers in the list at a path."""
        return [each.count() for each in self.each(*path)]

    def megabytes(self, *path):
        """Return a number of bytes as ``5.1 MB``."""
        return self._cite(path, lambda value: f"{value / 1e6:.1f} MB", scale=1e-6)

    def interval(self, *path):
        """Return an interval of shares as ``66.4 % to 69.5 %``."""
        return self.percent(*path, 0) + " to " + self.percent(*path, 1)

    def text(self, *path):
        """Return a value as plain text, which the template escapes."""
        value = self.at(*path)
        return NOT_MEASURED if value is None else str(value)

    def _cite(self, path, form, scale=1):
        value = self.at(*path)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return Markup(NOT_MEASURED)
        place = json.dumps((*self.path, *path), ensure_ascii=False)
        element = Markup('<data value="{}" data-of="{}" data-scale="{}">{}</data>')
        return element.format(repr(value), place, scale, form(value))


def _rejection(curve, facts):
    point = [(facts or {}).get(name) for name in ("threshold", "coverage", "accuracy")]
    return RejectionFigure(np.array(curve), None if None in point else tuple(point), (facts or {}).get("target"))


_FIGURES = {
    "classes": ClassesFigure.from_scores,
    "confusion": ConfusionFigure.from_scores,
    "folds": FoldsFigure,
    "history": HistoryFigure,
    "importance": ImportanceFigure,
    "learning": LearningFigure,
    "rejection": _rejection,
    "reliability": ReliabilityFigure.from_scores,
}


class _Figures:
    """Figures of one page, numbered so that ids in their SVG differ."""

    def __init__(self):
        self._count = 0

    def svg(self, label, kind, *values):
        """Return a figure as SVG, or a sentence if it cannot be drawn, so that the page is still written."""
        self._count += 1
        try:
            figure = _FIGURES[kind](*values).draw(palette=PAGE).figure
            return Markup(figure_svg(figure, label=label, prefix=f"image{self._count}"))
        except Exception as error:  # of matplotlib, or of values in somebody else's manifest
            logger.warning("a figure of the report could not be drawn (%s): %s", label, error)
            return Markup('<p class="dim">could not be drawn ({})</p>').format(error)


def faces_of(name):
    """Return the noun for the faces of a test set, such as ``faces of PublicTest``."""
    if name == "held out":
        return "held-out faces"
    return f"faces {name}" if name.startswith("held out of ") else f"faces of {name}"


def render_page(template, manifest, **values):
    """Return a report as HTML.

    Parameters
    ----------
    template : str
        File name in ``templates``.
    manifest : dict
        The numbers that the page cites.
    **values
        Other variables of the template.
    """
    return render_template(
        __package__,
        template,
        cited=Cited(manifest),
        svg=_Figures().svg,
        faces_of=faces_of,
        join_items=lambda items: ", ".join(f"{name} {value}" for name, value in items.items()),
        thinned_rows=thinned_rows,
        not_measured=NOT_MEASURED,
        light=LIGHT,
        dark=DARK,
        use=USE,
        licence=PREDICTOR_LICENCE,
        **values,
    )


def write_page(path, text):
    """Write a page completely or not at all.

    Raises
    ------
    SinkError
        If it cannot be written.
    """
    try:
        atomic_write_text(Path(path), text)
    except OSError as error:
        raise SinkError(f"{path} could not be written ({error.strerror or error}); choose another --report") from error
