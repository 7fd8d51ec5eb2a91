"""Figures on the face: importance of measurements and regions."""

from dataclasses import dataclass

import numpy as np

from landmark_fer.core.geometry import check_landmarks
from landmark_fer.core.landmarks import CLOSED_GROUPS, GROUPS, TEMPLATE
from landmark_fer.figures.canvas import SMALL_LETTERS, add_legend, plain, prepared_axes
from landmark_fer.figures.palette import BLUE, GREEN, GREY, LIGHT, ORANGE, PURPLE, SERIES, SKY, VERMILLION


@dataclass(frozen=True, eq=False)
class ImportanceFigure:
    """Importance of groups of features.

    Attributes
    ----------
    rows : list of dict
        As from `grouped_importance`: ``name, drop, interval``, and ``kind`` where groups are of several kinds.
    """

    rows: list

    def draw(self, axes=None, *, palette=LIGHT):
        """Draw a bar for each group, the largest at the top, with its 95 % interval; return the axes."""
        rows = sorted(self.rows, key=lambda row: row["drop"])
        kinds = sorted({row.get("kind", "") for row in self.rows})
        axes = prepared_axes(axes, palette, height=0.9 + 0.25 * len(rows), grid="x")
        for place, row in enumerate(rows):
            colour = SERIES[kinds.index(row.get("kind", "")) % len(SERIES)]
            drop, (low, high) = 100 * row["drop"], (100 * end for end in row["interval"])
            axes.barh(place, drop, color=colour, alpha=0.8, height=0.7)
            axes.plot([low, high], [place, place], color=palette.ink, linewidth=1.1)
        axes.axvline(0, color=palette.dim, linewidth=0.8)
        axes.set_yticks(range(len(rows)), [plain(row["name"]) for row in rows], fontsize=SMALL_LETTERS)
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
_NUMBERS = 5.5  # points
_WAYS = {"nose_bridge": (1.1, 0), "nostrils": (0, 1), "right_brow": (0, -1), "left_brow": (0, -1)}
_MARGIN = 0.25  # around the points, in parts of their extent, where there is no image


@dataclass(frozen=True, eq=False)
class LandmarksFigure:
    """Landmarks.

    Attributes
    ----------
    points : ndarray of shape (68, 2) or (n, 68, 2)
        Of one face or of several of one image, x before y, in the image's pixels.
    image : ndarray of shape (height, width) or (height, width, 3), uint8, or None
        Grey or RGB.
    numbers : bool
        Whether each point has its number.
    """

    points: np.ndarray
    image: np.ndarray | None = None
    numbers: bool = False

    def __post_init__(self):
        check_landmarks(self.points)

    @classmethod
    def of_scheme(cls):
        """Return the display of the scheme itself: the numbered template."""
        return cls(TEMPLATE, numbers=True)

    @classmethod
    def from_faces(cls, image, faces, *, numbers=False):
        """Return the display of the faces that were found in a image; it may be none."""
        points = np.array([face.landmarks for face in faces]).reshape(len(faces), len(TEMPLATE), 2)
        return cls(points, image, numbers)

    def draw(self, axes=None, *, palette=LIGHT, legend=None):
        """Draw the groups as lines and the points as dots; return the axes.

        Parameters
        ----------
        axes : matplotlib.axes.Axes, optional
        palette : Palette
        legend : bool, optional
            Whether to name the groups; by default where there is no image.
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
            known = dict(zip(labels, handles, strict=True))
            where = {"loc": "upper center", "bbox_to_anchor": (0.5, 0.02), "ncols": 3, "columnspacing": 1.2}
            add_legend(axes, palette, handles=known.values(), labels=known.keys(), **where)
        return axes

    @staticmethod
    def _set_limits(axes, faces):
        low, high = faces.reshape(-1, 2).min(axis=0), faces.reshape(-1, 2).max(axis=0)
        margin = _MARGIN * float((high - low).max()) / 3
        axes.set(xlim=(low[0] - margin, high[0] + margin), ylim=(high[1] + margin, low[1] - margin), aspect="equal")


def _draw_face(axes, face, *, thin):
    for name, group in GROUPS.items():
        indices = [*group, group[0]] if name in CLOSED_GROUPS else list(group)
        looks = {"color": _COLOURS[name], "linewidth": 0.9 if thin else 1.4, "marker": "o"}
        label = name.replace("_", " ")
        axes.plot(face[indices, 0], face[indices, 1], markersize=1.8 if thin else 3.5, label=label, **looks)


def _draw_numbers(axes, face, palette):
    for name, group in GROUPS.items():
        middle = face[list(group)].mean(axis=0)
        for number in group:
            across, down = _way(name, face[number] - (face.mean(axis=0) if name == "jaw" else middle))
            text = {"fontsize": _NUMBERS, "color": palette.ink, "ha": "center", "va": "center_baseline"}
            where = {"xytext": (7 * across, -7 * down), "textcoords": "offset points"}
            axes.annotate(str(number), face[number], **where, **text)


def _way(group, away):
    """Return the direction from a point to its number; `away` is that from the middle of its group."""
    if group in _WAYS:
        return _WAYS[group]
    if group == "inner_lips":
        corner = abs(away[0]) > 3 * abs(away[1])
        return (-np.sign(away[0]), 0) if corner else (0, -0.6 * np.sign(away[1]))
    return away / max(np.hypot(*away), 1e-9)
