"""Importance of groups of features, and landmarks drawn on a face."""

from dataclasses import dataclass

import numpy as np

from landmark_fer.core.geometry import check_landmarks
from landmark_fer.core.landmarks import CLOSED_GROUPS, GROUPS, TEMPLATE
from landmark_fer.figures.canvas import SMALL_FONT_SIZE, add_legend, escape_text, prepared_axes
from landmark_fer.figures.palette import BLUE, GREEN, GREY, LIGHT, ORANGE, PURPLE, SERIES, SKY, VERMILLION


@dataclass(frozen=True, eq=False)
class ImportanceFigure:
    """Bar chart of the importance of groups of features.

    Attributes
    ----------
    rows : list of dict
        From `grouped_importance`: ``name, drop, interval``, and ``kind`` if there are groups of several kinds.
    """

    rows: list

    def draw(self, axes=None, *, palette=LIGHT):
        """Draw a bar for each group, largest at the top, with its 95 % interval; return the axes."""
        rows = sorted(self.rows, key=lambda row: row["drop"])
        kinds = sorted({row.get("kind", "") for row in self.rows})
        axes = prepared_axes(axes, palette, height=0.9 + 0.25 * len(rows), grid="x")
        for position, row in enumerate(rows):
            colour = SERIES[kinds.index(row.get("kind", "")) % len(SERIES)]
            drop, (low, high) = 100 * row["drop"], (100 * end for end in row["interval"])
            axes.barh(position, drop, color=colour, alpha=0.8, height=0.7)
            axes.plot([low, high], [position, position], color=palette.ink, linewidth=1.1)
        axes.axvline(0, color=palette.dim, linewidth=0.8)
        axes.set_yticks(range(len(rows)), [escape_text(row["name"]) for row in rows], fontsize=SMALL_FONT_SIZE)
        axes.set(xlabel="points of accuracy lost without it", ylim=(-0.6, len(rows) - 0.4))
        if len(kinds) > 1:
            self._add_kinds(axes, palette, kinds)
        return axes

    @staticmethod
    def _add_kinds(axes, palette, kinds):
        from matplotlib.patches import Patch

        handles = [Patch(color=SERIES[i % len(SERIES)], alpha=0.8, label=kind) for i, kind in enumerate(kinds)]
        add_legend(axes, palette, handles=handles, loc="lower right")


_COLOURS = {
    "jaw": GREY,
    "right_brow": ORANGE,
    "left_brow": ORANGE,
    "nose_bridge": GREEN,
    "nostrils": GREEN,
    "right_eye": SKY,
    "left_eye": BLUE,
    "outer_lips": VERMILLION,
    "inner_lips": PURPLE,
}
_NUMBER_SIZE = 5.5  # points
_NUMBER_DIRECTIONS = {"nose_bridge": (1.1, 0), "nostrils": (0, 1), "right_brow": (0, -1), "left_brow": (0, -1)}
_MARGIN = 0.25  # around the points, as a fraction of their extent, if there is no image


@dataclass(frozen=True, eq=False)
class LandmarksFigure:
    """Landmarks of faces, on an image or on their own.

    Attributes
    ----------
    points : ndarray of shape (68, 2) or (n, 68, 2)
        One face or several faces of one image, x before y, in pixels of the image.
    image : ndarray of shape (height, width) or (height, width, 3), uint8, or None
        Grey or RGB.
    numbers : bool
        Whether to write the number of each point.
    """

    points: np.ndarray
    image: np.ndarray | None = None
    numbers: bool = False

    def __post_init__(self):
        check_landmarks(self.points)

    @classmethod
    def of_scheme(cls):
        """Return the figure of the 68-point scheme: the numbered template."""
        return cls(TEMPLATE, numbers=True)

    @classmethod
    def from_faces(cls, image, faces, *, numbers=False):
        """Return the figure of an image with its detected faces; there may be none."""
        points = np.array([face.landmarks for face in faces]).reshape(len(faces), len(TEMPLATE), 2)
        return cls(points, image, numbers)

    def draw(self, axes=None, *, palette=LIGHT, legend=None):
        """Draw the groups as lines and the points as dots; return the axes.

        Parameters
        ----------
        axes : matplotlib.axes.Axes, optional
        palette : Palette
        legend : bool, optional
            Whether to name the groups; by default if there is no image.
        """
        axes = prepared_axes(axes, palette, width=4.6, height=4.4)
        faces = self.points.reshape(-1, *TEMPLATE.shape)
        if self.image is None:
            self._set_limits(axes, faces)
        else:
            axes.imshow(self.image, cmap="gray", vmin=0, vmax=255)
        for face in faces:
            _draw_face(axes, face, thin=self.image is not None)
            if self.numbers:
                _draw_numbers(axes, face, palette)
        axes.set_axis_off()
        if self.image is None if legend is None else legend:
            handles, labels = axes.get_legend_handles_labels()
            by_label = dict(zip(labels, handles, strict=True))
            layout = {"loc": "upper center", "bbox_to_anchor": (0.5, 0.02), "ncols": 3, "columnspacing": 1.2}
            add_legend(axes, palette, handles=by_label.values(), labels=by_label.keys(), **layout)
        return axes

    @staticmethod
    def _set_limits(axes, faces):
        low, high = faces.reshape(-1, 2).min(axis=0), faces.reshape(-1, 2).max(axis=0)
        margin = _MARGIN * float((high - low).max()) / 3
        axes.set(xlim=(low[0] - margin, high[0] + margin), ylim=(high[1] + margin, low[1] - margin), aspect="equal")


def _draw_face(axes, face, *, thin):
    for name, group in GROUPS.items():
        indices = [*group, group[0]] if name in CLOSED_GROUPS else list(group)
        style = {"color": _COLOURS[name], "linewidth": 0.9 if thin else 1.4, "marker": "o"}
        label = name.replace("_", " ")
        axes.plot(face[indices, 0], face[indices, 1], markersize=1.8 if thin else 3.5, label=label, **style)


def _draw_numbers(axes, face, palette):
    for name, group in GROUPS.items():
        centre = face.mean(axis=0) if name == "jaw" else face[list(group)].mean(axis=0)
        for number in group:
            x, y = _number_direction(name, face[number] - centre)
            style = {"fontsize": _NUMBER_SIZE, "color": palette.ink, "ha": "center", "va": "center_baseline"}
            axes.annotate(str(number), face[number], xytext=(7 * x, -7 * y), textcoords="offset points", **style)


def _number_direction(group, offset):
    """Return the direction from a point to its number; `offset` is the point relative to the centre of its group."""
    if group in _NUMBER_DIRECTIONS:
        return _NUMBER_DIRECTIONS[group]
    if group == "inner_lips":
        corner = abs(offset[0]) > 3 * abs(offset[1])
        return (-np.sign(offset[0]), 0) if corner else (0, -0.6 * np.sign(offset[1]))
    return offset / max(np.hypot(*offset), 1e-9)
