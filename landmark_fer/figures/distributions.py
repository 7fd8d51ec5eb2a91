"""How a measurement differs from expression to expression."""

from dataclasses import dataclass

import numpy as np

from landmark_fer.core.errors import InputError
from landmark_fer.figures.canvas import SMALL_LETTERS, plain, prepared_axes
from landmark_fer.figures.palette import EXPRESSION_COLOURS, GREY, LIGHT

_OVERLAP = 1.7  # height of the highest hill, in distances between lines


@dataclass(frozen=True, eq=False)
class DistributionFigure:
    """Distributions of a measurement, one for each expression.

    Attributes
    ----------
    name : str
        Of the measurement, with its unit.
    edges : ndarray of shape (b + 1,)
        Of the bins.
    shares : dict of str to ndarray of shape (b,)
        By expression: share of its faces in each bin. What lies beyond the edges is in no bin.
    medians : dict of str to float
    """

    name: str
    edges: np.ndarray
    shares: dict
    medians: dict

    @classmethod
    def from_values(cls, values, expressions, classes=None, *, name="", bins=60, spread=0.995):
        """Return the display of one value a face.

        Parameters
        ----------
        values : ndarray of shape (n,)
            Such as a column of `measure`; NaN is left out.
        expressions : ndarray of shape (n,), str
        classes : sequence of str, optional
            Which to show, in which order; by default all that occur.
        name : str, default=""
        bins : int, default=60
        spread : float, default=0.995
            Share of all faces that lies between the outer edges.

        Raises
        ------
        InputError
            If there is nothing to show.
        """
        values, expressions = np.asarray(values, dtype=float), np.asarray(expressions)
        known = np.isfinite(values)
        names = np.unique(expressions[known]).tolist() if classes is None else list(classes)
        by_name = {each: values[known & (expressions == each)] for each in names}
        by_name = {each: of_it for each, of_it in by_name.items() if len(of_it)}
        if not by_name:
            raise InputError(f"a distribution of {name or 'values'} needs at least one face, got none; give faces")
        tail = (1 - spread) / 2
        low, high = np.quantile(np.concatenate(list(by_name.values())), (tail, 1 - tail))
        edges = np.linspace(low, high if high > low else low + 1, bins + 1)
        shares = {each: np.histogram(of_it, edges)[0] / len(of_it) for each, of_it in by_name.items()}
        return cls(name, edges, shares, {each: float(np.median(of_it)) for each, of_it in by_name.items()})

    def draw(self, axes=None, *, palette=LIGHT):
        """Draw a hill for each expression, the first at the top, with a mark at its median; return the axes."""
        axes = prepared_axes(axes, palette, height=0.9 + 0.38 * len(self.shares), grid="x")
        middles = (self.edges[:-1] + self.edges[1:]) / 2
        highest = max(smooth(each).max() for each in self.shares.values())
        for index, (name, shares) in enumerate(self.shares.items()):
            place = len(self.shares) - 1 - index
            hill = place + _OVERLAP * smooth(shares) / highest
            colour = EXPRESSION_COLOURS.get(name, GREY)
            axes.fill_between(middles, place, hill, color=colour, alpha=0.75, linewidth=0, zorder=2 + index)
            axes.plot(middles, hill, color=palette.ink, linewidth=0.7, zorder=2 + index)
            height = np.interp(self.medians[name], middles, hill)
            axes.plot([self.medians[name]] * 2, [place, height], color=palette.ink, linewidth=1.4, zorder=2 + index)
        names = list(self.shares)[::-1]
        axes.set_yticks(range(len(names)), [plain(name) for name in names], fontsize=SMALL_LETTERS)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set(xlim=(middles[0], middles[-1]), ylim=(-0.1, len(names) - 1 + _OVERLAP + 0.1), xlabel=self.name)
        return axes


def smooth(shares, width=1.5):
    """Return shares of bins smoothed by a Gaussian of `width` bins; the sum stays what it was, the ends aside."""
    reach = np.arange(-int(4 * width), int(4 * width) + 1)
    weights = np.exp(-(reach**2) / (2 * width**2))
    padded = np.pad(shares, len(reach) // 2, mode="edge")
    return np.convolve(padded, weights / weights.sum(), mode="valid")
