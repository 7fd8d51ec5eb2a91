"""Parts of the overlay: timelines, placement of panels, text, heat maps."""

import numpy as np
import pytest

from landmark_fer.drawing.charts import draw_timeline, timeline_height
from landmark_fer.drawing.layout import Rectangle, place_panel
from landmark_fer.drawing.panels import heat_image
from landmark_fer.drawing.text import COLOURS, ink_on, text_size, write
from landmark_fer.live.timeline import History
from tests.live.hand_made import make_faces, make_recognition

IMAGE = Rectangle(0, 0, 640, 480)


def faces_of(*expressions):
    return make_faces(*(make_recognition(expression) for expression in expressions))


class TestTimeline:
    def test_bands_are_at_their_times(self):
        history = History(seconds=10)
        for step in range(101):
            history.add(step / 10, faces_of("happy" if step < 50 else "angry"))
        canvas = np.zeros((40, 500, 3), np.uint8)
        draw_timeline(canvas, Rectangle(0, 0, 500, timeline_height(1, 10)), history, 10)
        columns = {
            name: np.flatnonzero((canvas == COLOURS[name]).all(axis=2).any(axis=0)) for name in ("happy", "angry")
        }
        assert columns["happy"].max() < columns["angry"].min()
        assert np.ptp(columns["happy"]) == pytest.approx(np.ptp(columns["angry"]), abs=4)
        assert columns["angry"].max() > 490

    def test_faces_in_sight_come_before_the_newest(self):
        history, (first, second) = History(seconds=10), faces_of("happy", "angry")
        for step in range(100):
            history.add(step / 10, [first, second] if step < 50 else [first])
        canvas = np.zeros((40, 500, 3), np.uint8)
        draw_timeline(canvas, Rectangle(0, 0, 500, timeline_height(1, 10)), history, 10)
        assert (canvas == COLOURS["happy"]).all(axis=2).any() and not (canvas == COLOURS["angry"]).all(axis=2).any()

    def test_an_empty_history_is_an_empty_timeline(self):
        canvas = np.zeros((40, 300, 3), np.uint8)
        draw_timeline(canvas, Rectangle(0, 0, 300, 40), History(), 10)
        assert canvas.max() < 200


class TestPlacement:
    def test_a_panel_is_on_the_right_if_that_is_free(self):
        box = Rectangle(200, 100, 100, 100)
        assert place_panel(box, (120, 90), IMAGE, [box], gap=6) == (306, 100, 120, 90)

    def test_a_panel_is_on_the_left_if_the_right_is_occupied(self):
        box, other = Rectangle(200, 100, 100, 100), Rectangle(310, 80, 200, 300)
        assert place_panel(box, (120, 90), IMAGE, [box, other], gap=6) == (74, 100, 120, 90)

    def test_a_panel_is_as_near_as_possible(self):
        box, others = Rectangle(200, 100, 100, 100), [Rectangle(0, 0, 640, 100), Rectangle(0, 100, 640, 150)]
        assert place_panel(box, (120, 90), IMAGE, [box, *others], gap=6) == (200, 256, 120, 90)

    def test_a_panel_is_not_nearer_to_another_face(self):
        box, other = Rectangle(200, 100, 100, 100), Rectangle(400, 100, 100, 100)
        assert place_panel(box, (90, 90), IMAGE, [box, other], gap=6).x == 306
        assert place_panel(box, (90, 90), IMAGE, [box, other], gap=6, others=[other]).x == 104

    def test_a_panel_is_within_reach(self):
        box, other = Rectangle(0, 100, 100, 100), Rectangle(0, 0, 640, 400)
        assert place_panel(box, (90, 70), IMAGE, [box, other], gap=6).y == 406
        assert place_panel(box, (90, 70), IMAGE, [box, other], gap=6, reach=100) is None

    @pytest.mark.parametrize("x", [-50, 0, 300, 560, 700])
    def test_a_panel_always_lies_inside_the_image(self, x):
        box = Rectangle(x, 400, 150, 150)
        place = place_panel(box, (200, 150), IMAGE, [box], gap=6)
        assert place.inside(IMAGE) == place and not place.overlaps(box)

    @pytest.mark.parametrize(("box", "size"), [((0, 0, 640, 480), (100, 100)), ((0, 0, 50, 50), (641, 20))])
    def test_there_is_no_panel_without_room(self, box, size):
        assert place_panel(Rectangle(*box), size, IMAGE, [Rectangle(*box)], gap=6) is None


class TestText:
    def test_larger_text_is_wider_and_higher(self):
        widths, heights = zip(*(text_size("surprise 98%", size) for size in (9, 14, 30)), strict=True)
        assert sorted(widths) == list(widths) and sorted(heights) == list(heights)

    @pytest.mark.parametrize("corner", [(-20, 5), (5, -5), (45, 5), (5, 45), (-500, -500), (500, 500)])
    def test_text_beyond_the_edge_is_cut_off(self, corner):
        canvas, larger = np.zeros((50, 50, 3), np.uint8), np.zeros((250, 250, 3), np.uint8)
        write(canvas, "happy", corner, 14, (255, 255, 255))
        write(larger, "happy", (corner[0] + 100, corner[1] + 100), 14, (255, 255, 255))
        np.testing.assert_array_equal(canvas, larger[100:150, 100:150])

    def test_text_contrasts_with_every_colour(self):
        for colour in COLOURS.values():
            assert abs(np.dot(np.subtract(colour, ink_on(colour)), (0.299, 0.587, 0.114))) > 80


class TestHeat:
    def test_orange_is_for_the_prediction_and_blue_against(self):
        heat = np.zeros((80, 80))
        heat[:40], heat[40:] = 1.0, -1.0
        image = heat_image(np.full((80, 80), 120, np.uint8), heat, 60).astype(int)
        assert image.shape == (60, 60, 3)
        assert (image[:25, :, 0] > image[:25, :, 2] + 50).all()
        assert (image[35:, :, 2] > image[35:, :, 0] + 50).all()

    def test_no_heat_leaves_the_chip_unchanged(self):
        image = heat_image(np.full((80, 80), 120, np.uint8), np.zeros((80, 80)), 80)
        assert (image == 120).all()
