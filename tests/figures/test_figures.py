"""Figures: values in, axes out; reproducible, on light and dark backgrounds, without a window."""

import dataclasses
import re
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.text import Text
from sklearn.metrics import confusion_matrix

from landmark_fer.core.errors import InputError
from landmark_fer.core.expressions import EXPRESSIONS, UNCERTAIN
from landmark_fer.drawing.text import COLOURS
from landmark_fer.evaluation.rejection import rejection_facts
from landmark_fer.evaluation.scores import score
from landmark_fer.figures.canvas import escape_text, figure_svg, new_figure
from landmark_fer.figures.comparison import (
    CostFigure,
    FoldsFigure,
    HistoryFigure,
    LearningFigure,
    fold_scores,
    write_history,
)
from landmark_fer.figures.importance import ImportanceFigure, LandmarksFigure
from landmark_fer.figures.palette import DARK, EXPRESSION_COLOURS, LIGHT, PAGE, SERIES
from landmark_fer.figures.per_class import ClassesFigure, ConfusionFigure, DistributionFigure, smooth
from landmark_fer.figures.rejection import FEWEST, RejectionFigure, ReliabilityFigure

CLASSES = ("angry", "happy", "neutral")


@pytest.fixture(scope="module")
def predictions():
    """Labels of 300 faces and probabilities whose accuracy rises with confidence."""
    generator = np.random.default_rng(1)
    truth = generator.integers(3, size=300)
    logits = generator.normal(0, 1, (300, 3)) + 1.5 * np.eye(3)[truth]
    return np.array(CLASSES)[truth], np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def history():
    rows = ({"loss": 2 / epoch, "accuracy": 0.3 + 0.02 * epoch} for epoch in range(1, 6))
    return [
        {"epoch": epoch, **row, "validation_loss": row["loss"], "validation_accuracy": row["accuracy"]}
        for epoch, row in enumerate(rows, start=1)
    ]


def every_figure(expressions, probabilities):
    scores = score(expressions, probabilities, CLASSES)
    curve = [{"n": n, "accuracy": 0.4 + n / 1000, "accuracy_interval": (0.3, 0.9)} for n in (100, 200, 400)]
    groups = [("mouth", "landmarks", 0.1), ("eyes", "image", 0.02), ("rim", "image", -0.01)]
    return {
        "confusion": ConfusionFigure.from_scores(scores),
        "reliability": ReliabilityFigure.from_scores(scores),
        "rejection": RejectionFigure.from_facts(rejection_facts(expressions, probabilities, CLASSES)),
        "folds": FoldsFigure({"ls_svm": [0.61, 0.63, 0.6], "embedding_knn": [0.58, 0.57, 0.6]}),
        "learning": LearningFigure({"ls_svm": curve, "embedding_knn": curve}),
        "importance": ImportanceFigure(
            [{"name": name, "kind": kind, "drop": drop, "interval": (drop, drop)} for name, kind, drop in groups]
        ),
        "classes": ClassesFigure.from_scores(scores),
        "distribution": DistributionFigure.from_values(probabilities[:, 0], expressions, CLASSES, name="values"),
        "scheme": LandmarksFigure.of_scheme(),
        "cost": CostFigure([{"name": "ls_svm", "accuracy": 0.6, "ms_per_face": 0.5, "megabytes": 5.0}]),
        "history": HistoryFigure(history()),
        "loss": HistoryFigure(history(), "loss"),
    }


NAMES = (
    "confusion", "reliability", "rejection", "folds", "learning", "importance", "classes", "distribution", "scheme",
    "cost", "history", "loss",
)  # fmt: skip


def values_of(plot):
    return repr({field.name: getattr(plot, field.name) for field in dataclasses.fields(plot)})


def texts_of(axes):
    axes.figure.draw_without_rendering()
    ticks = [label.get_text() for axis in (axes.xaxis, axes.yaxis) for label in axis.get_ticklabels()]
    return [text.get_text() for text in axes.texts] + ticks


class TestEveryFigure:
    @pytest.mark.parametrize("name", NAMES)
    def test_draws_on_given_axes_or_on_a_new_figure(self, name, predictions):
        plot = every_figure(*predictions)[name]
        before = values_of(plot)
        figure = new_figure()
        axes = figure.subplots()
        assert plot.draw(axes) is axes and plot.draw().figure is not figure
        assert values_of(plot) == before

    @pytest.mark.parametrize("name", NAMES)
    def test_the_background_is_that_of_the_palette(self, name, predictions):
        for palette in (LIGHT, DARK):
            figure = every_figure(*predictions)[name].draw(palette=palette).figure
            figure.canvas.draw() if hasattr(figure.canvas, "buffer_rgba") else figure.savefig("/dev/null", format="png")
            background = tuple(round(255 * part) for part in figure.get_facecolor()[:3])
            assert "#{:02x}{:02x}{:02x}".format(*background) == palette.paper

    @pytest.mark.parametrize("name", NAMES)
    def test_the_svg_is_reproducible_and_uses_the_colours_of_the_page(self, name, predictions):
        first, second = (
            figure_svg(each[name].draw(palette=PAGE).figure, label="a figure", prefix="a")
            for each in (every_figure(*predictions), every_figure(*predictions))
        )
        assert first == second
        assert "var(--ink)" in first and "<text" in first
        assert not re.search("#01020[3456]", first)

    def test_every_figure_is_tested(self, predictions):
        assert set(every_figure(*predictions)) == set(NAMES)


class TestConfusion:
    def test_counts_are_those_of_scikit_learn(self, predictions):
        expressions, probabilities = predictions
        predicted = np.array(CLASSES)[probabilities.argmax(axis=1)]
        plot = ConfusionFigure.from_predictions(expressions, predicted, CLASSES)
        np.testing.assert_array_equal(plot.confusion, confusion_matrix(expressions, predicted, labels=CLASSES))
        np.testing.assert_allclose(plot.shares.sum(axis=1), 1)

    def test_cells_show_percentages_and_labels_the_number_of_faces(self):
        texts = texts_of(ConfusionFigure(np.array([[3, 1], [0, 0]]), ("happy", "sad")).draw())
        assert texts[:4] == ["75", "25", "0", "0"]
        assert "happy (4)" in texts and "sad (0)" in texts

    def test_a_prediction_that_is_not_a_class_is_refused(self):
        with pytest.raises(InputError, match="must be among happy, sad, got angry"):
            ConfusionFigure.from_predictions(["happy"], ["angry"], ("happy", "sad"))


class TestCurves:
    def test_reliability_from_probabilities_is_that_of_the_scores(self, predictions):
        computed, scored = ReliabilityFigure.from_probabilities(*predictions, CLASSES), score(*predictions, CLASSES)
        assert (computed.table, computed.error) == (scored["reliability"], scored["ece"])

    def test_bins_with_few_faces_show_no_accuracy(self):
        row = {"low": 0.5, "high": 0.6, "confidence": 0.55}
        table = [row | {"n": FEWEST - 1, "accuracy": 0.0}, row | {"n": FEWEST, "accuracy": 0.5}]
        axes = ReliabilityFigure(table).draw()
        (points,) = (line for line in axes.lines if line.get_marker() == "o")
        assert points.get_ydata().tolist() == [50.0]

    def test_the_rejection_curve_ends_at_full_coverage_and_marks_the_operating_point(self, predictions):
        plot = RejectionFigure.from_probabilities(*predictions, CLASSES)
        facts = rejection_facts(*predictions, CLASSES)
        assert plot.point == tuple(facts[name] for name in ("threshold", "coverage", "accuracy"))
        assert plot.curve[-1, 0] == 1 and np.all(np.diff(plot.curve[:, 0]) > 0)
        marked = [line for line in plot.draw().lines if line.get_linestyle() == "None"]
        np.testing.assert_allclose(marked[0].get_xydata()[0], [100 * facts["coverage"], 100 * facts["accuracy"]])

    def test_two_rejection_curves_share_axes_and_one_target_line(self, predictions):
        plot = RejectionFigure.from_probabilities(*predictions, CLASSES)
        axes = plot.draw(plot.draw(), colour=SERIES[2])
        assert axes.get_legend_handles_labels()[1].count("target: 85 %") == 1

    def test_scores_of_folds_are_those_of_their_own_faces(self, predictions):
        expressions, probabilities = predictions
        folds = [(np.arange(100, 300), np.arange(100)), (np.arange(100), np.arange(100, 300))]
        right = np.array(CLASSES)[probabilities.argmax(axis=1)] == expressions
        expected = [right[:100].mean(), right[100:].mean()]
        np.testing.assert_allclose(fold_scores(probabilities, expressions, CLASSES, folds), expected)
        plot = FoldsFigure.from_probabilities({"one": probabilities}, expressions, CLASSES, folds)
        np.testing.assert_allclose(plot.scores["one"], expected)

    def test_learning_sizes_are_the_ticks_of_the_axis(self, predictions):
        assert "400" in texts_of(every_figure(*predictions)["learning"].draw())


class TestDistribution:
    def test_medians_and_shares_are_those_of_the_values(self):
        values = np.concatenate([np.linspace(0, 1, 101), np.linspace(2, 3, 101), [np.nan]])
        names = np.array(["happy"] * 101 + ["sad"] * 102)
        plot = DistributionFigure.from_values(values, names, spread=1.0)
        assert plot.medians == {"happy": 0.5, "sad": 2.5}
        assert all(each.sum() == pytest.approx(1) for each in plot.shares.values())
        assert plot.shares["happy"][plot.edges[:-1] > 1].sum() == 0

    def test_smoothing_keeps_constants_and_the_sum(self):
        np.testing.assert_allclose(smooth(np.full(40, 0.3)), 0.3)
        peak = np.zeros(41)
        peak[20] = 1
        assert smooth(peak).sum() == pytest.approx(1) and smooth(peak).argmax() == 20

    def test_equal_values_are_drawn_and_no_values_refused(self):
        DistributionFigure.from_values(np.ones(5), np.array(["happy"] * 5)).draw()
        with pytest.raises(InputError, match="at least one face"):
            DistributionFigure.from_values(np.array([np.nan]), np.array(["happy"]), name="width")


class TestLandmarks:
    def test_the_scheme_numbers_every_point_once(self):
        assert sorted(text.get_text() for text in LandmarksFigure.of_scheme().draw().texts) == sorted(
            map(str, range(68))
        )

    def test_points_are_drawn_in_pixels_of_the_image(self, astronaut, astronaut_face):
        axes = LandmarksFigure.from_faces(astronaut, [astronaut_face]).draw()
        np.testing.assert_array_equal(axes.images[0].get_array(), astronaut)
        drawn = np.vstack([line.get_xydata() for line in axes.lines])
        assert {tuple(point) for point in drawn} == {tuple(point) for point in astronaut_face.landmarks}
        assert axes.get_legend() is None

    def test_an_image_without_a_face_is_drawn_alone(self, astronaut):
        axes = LandmarksFigure.from_faces(astronaut, []).draw()
        assert len(axes.images) == 1 and not axes.lines

    def test_wrong_shapes_are_refused(self):
        with pytest.raises(InputError, match="must have shape"):
            LandmarksFigure(np.zeros((5, 2)))


class TestRejection:
    @pytest.mark.parametrize("lowest", [0.2, 0.64, 0.8, 0.95, 1.0])
    def test_the_legend_covers_neither_the_target_nor_the_curve(self, lowest):
        coverage = np.linspace(0.05, 1, 20)
        curve = np.column_stack([coverage, 1 - coverage, 1 - (1 - lowest) * coverage])
        axes = RejectionFigure(curve, (0.6, 0.5, curve[9, 2]), 0.85).draw()
        axes.figure.savefig("/dev/null", format="png")
        low, high = axes.get_ylim()
        assert 0 <= low < 100 * lowest and high > 100
        if lowest > 0.5:  # a steep curve crosses every corner
            legend = axes.get_legend().get_window_extent()
            points = axes.transData.transform(100 * curve[:, [0, 2]])
            assert not any(legend.contains(*point) for point in points)
            assert legend.y1 < axes.transData.transform((0, 85))[1]


def text_extent(annotation):
    """Return the bounding box of the text of an annotation, without its line."""
    return Text.get_window_extent(annotation)


class TestCost:
    def test_labels_of_close_models_do_not_overlap(self):
        rows = [{"name": f"model {i}", "accuracy": 0.6 + i / 500, "ms_per_face": 1.0, "megabytes": 5.0} for i in (0, 1)]
        rows.append({"name": "far", "accuracy": 0.2, "ms_per_face": 50.0})
        axes = CostFigure(rows).draw()
        axes.figure.savefig("/dev/null", format="png")
        boxes = [text.get_window_extent() for text in axes.texts]
        assert len(boxes) == 3
        assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])

    def test_labels_of_many_models_avoid_markers_stay_inside_and_have_lines(self):
        near = (
            ("dropout_mlp", 57.9, 4.11),
            ("ls_svm", 57.5, 4.82),
            ("embedding_knn", 56.8, 4.18),
            ("mlp", 56.8, 3.86),
            ("rules", 43, 0.06),
        )
        rows = [
            {
                "name": name,
                "accuracy": of / 100,
                "ms_per_face": time,
                "accuracy_interval": [(of - 2) / 100, (of + 2) / 100],
            }
            for name, of, time in near
        ]
        axes = CostFigure(rows).draw()
        axes.figure.savefig("/dev/null", format="png")
        marks = [axes.transData.transform((row["ms_per_face"], 100 * row["accuracy"])) for row in rows]
        names = [text_extent(text) for text in axes.texts]
        assert len(names) == 5 and not any(name.contains(*mark) for name in names for mark in marks)
        frame = axes.get_window_extent()
        assert all(frame.x0 <= name.x0 and name.x1 <= frame.x1 for name in names)
        assert any(text.arrow_patch is not None for text in axes.texts)

    def test_time_ticks_are_plain_numbers(self):
        for fastest, slowest in ((1.7, 4.1), (0.06, 5.5), (1.0, 2000.0)):
            times = [{"name": "a", "accuracy": 0.5, "ms_per_face": time} for time in (fastest, slowest)]
            axes = CostFigure(times).draw()
            axes.figure.draw_without_rendering()
            low, high = axes.get_xlim()
            shown = [label.get_text() for label in axes.get_xticklabels() if low <= float(label.get_text()) <= high]
            assert 2 <= len(shown) <= 10


class TestSvg:
    def test_names_are_escaped_in_html_and_formulas(self):
        odd = ("<b>$x_1$</b>", "a & $b$")
        svg = figure_svg(ConfusionFigure(np.eye(2, dtype=int), odd).draw(palette=PAGE).figure, label='"<', prefix="p")
        assert "<b>" not in svg and "&lt;b&gt;$x_1$&lt;/b&gt;" in svg and "a &amp; $b$" in svg
        assert 'aria-label="&quot;&lt;"' in svg
        assert escape_text("$") == r"\$"

    def test_it_refers_to_nothing_outside_and_its_ids_have_the_prefix(self, predictions):
        for name, plot in every_figure(*predictions).items():
            svg = figure_svg(plot.draw(palette=PAGE).figure, label=name, prefix=name)
            assert "http" not in svg and "@import" not in svg and "DejaVu" not in svg
            names = re.findall(r'\bid="([^"]+)"', svg)
            assert all(each.startswith(f"{name}-") for each in names)
            references = re.findall(r'href="([^"]+)"|url\(([^)]+)\)', svg)
            assert {("".join(each))[1:] for each in references} <= set(names)

    def test_settings_of_matplotlib_do_not_change(self, predictions):
        import matplotlib

        before = dict(matplotlib.rcParams)
        figure_svg(every_figure(*predictions)["classes"].draw(palette=PAGE).figure, label="", prefix="a")
        assert dict(matplotlib.rcParams) == before


class TestColours:
    def test_expressions_have_the_same_colours_in_figures_and_live(self):
        assert set(EXPRESSION_COLOURS) == {*EXPRESSIONS, UNCERTAIN} == set(COLOURS)
        for name, colour in EXPRESSION_COLOURS.items():
            assert colour == "#{:02x}{:02x}{:02x}".format(*COLOURS[name])

    def test_text_has_enough_contrast(self):
        for palette in (LIGHT, DARK):
            assert contrast(palette.ink, palette.paper) > 12
            assert contrast(palette.dim, palette.paper) > 4.5


def contrast(first, second):
    """Return the contrast of two colours as the Web Content Accessibility Guidelines define it."""

    def luminance(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted(map(luminance, (first, second)))
    return (high + 0.05) / (low + 0.05)


def test_importing_loads_no_matplotlib_and_drawing_registers_no_pyplot_figure():
    code = """
import sys
from landmark_fer.figures.comparison import FoldsFigure
assert "matplotlib" not in sys.modules
FoldsFigure({"a": [0.1, 0.2]}).draw().figure.savefig("/dev/null", format="png")
from matplotlib import pyplot
assert pyplot.get_fignums() == []
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_training_curves_are_written_as_a_png(tmp_path):
    write_history(history(), tmp_path / "curves.png", title="$ in a name")
    assert (tmp_path / "curves.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
