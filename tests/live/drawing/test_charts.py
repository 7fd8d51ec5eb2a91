"""The parts of the drawing: letters, places, history, heat."""

import numpy as np
import pytest

from landmark_fer.core.expressions import UNCERTAIN
from landmark_fer.live.drawing.charts import History, Run, draw_strip, heat_image, strip_height
from landmark_fer.live.drawing.overlay import Rectangle, beside
from landmark_fer.live.drawing.text import COLOURS, ink_on, largest_size, text_size, write
from tests.live.hand_made import make_recognition, make_seen

IMAGE = Rectangle(0, 0, 640, 480)


def seen(*expressions):
    return make_seen(*(make_recognition(expression) for expression in expressions))


class TestHistory:
    def test_runs_of_one_expression_are_joined_and_meet_at_a_change(self):
        history = History()
        for time_s, expression in enumerate(("happy", "happy", "sad", UNCERTAIN, UNCERTAIN)):
            history.add(time_s / 2, seen(expression))
        assert history.runs() == {1: [Run(0, 1, "happy"), Run(1, 1.5, "sad"), Run(1.5, 2, UNCERTAIN)]}

    def test_a_face_that_is_away_leaves_a_gap(self):
        history = History()
        for time_s, faces in ((0, seen("happy")), (0.5, seen("happy")), (1, []), (1.5, seen("happy"))):
            history.add(time_s, faces)
        assert history.runs() == {1: [Run(0, 0.5, "happy"), Run(1.5, 1.5, "happy")]}

    def test_nothing_is_claimed_of_a_pause_between_frames(self):
        history = History()
        for time_s in (0, 0.5, 5, 5.5):
            history.add(time_s, seen("happy"))
        assert history.runs() == {1: [Run(0, 0.5, "happy"), Run(5, 5.5, "happy")]}

    def test_what_is_older_is_forgotten(self):
        history = History(seconds=10)
        for time_s in range(60):
            history.add(time_s, seen("happy", "sad") if time_s < 30 else seen("happy"))
        assert history.runs() == {1: [Run(49, 59, "happy")]}

    def test_memory_stays_small(self):
        history = History(seconds=2)
        for step in range(2000):
            history.add(step / 20, seen(("happy", "sad")[step % 2]))
        assert len(history.runs()[1]) <= 42

    def test_time_that_steps_back_begins_anew(self):
        history = History()
        for time_s in (10, 10.5, 0):
            history.add(time_s, seen("happy"))
        assert history.runs() == {1: [Run(0, 0, "happy")]}

    def test_before_the_first_frame_there_is_nothing(self):
        assert History().runs() == {} and History().now is None


class TestStrip:
    def test_bands_lie_where_their_times_are(self):
        history = History(seconds=10)
        for step in range(101):
            history.add(step / 10, seen("happy" if step < 50 else "angry"))
        canvas = np.zeros((40, 500, 3), np.uint8)
        draw_strip(canvas, Rectangle(0, 0, 500, strip_height(1, 10)), history, 10)
        columns = {
            name: np.flatnonzero((canvas == COLOURS[name]).all(axis=2).any(axis=0)) for name in ("happy", "angry")
        }
        assert columns["happy"].max() < columns["angry"].min()
        assert np.ptp(columns["happy"]) == pytest.approx(np.ptp(columns["angry"]), abs=4)
        assert columns["angry"].max() > 490

    def test_an_empty_history_is_an_empty_strip(self):
        canvas = np.zeros((40, 300, 3), np.uint8)
        draw_strip(canvas, Rectangle(0, 0, 300, 40), History(), 10)
        assert canvas.max() < 200


class TestPlaces:
    def test_a_panel_goes_to_the_right_where_that_is_free(self):
        box = Rectangle(200, 100, 100, 100)
        place, hidden = beside(box, (120, 90), IMAGE, [(box, 1.0)], gap=6)
        assert place == (306, 100, 120, 90) and hidden == 0

    def test_it_goes_elsewhere_where_the_right_is_taken(self):
        box, other = Rectangle(200, 100, 100, 100), Rectangle(310, 80, 200, 300)
        place, hidden = beside(box, (120, 90), IMAGE, [(box, 1.0), (other, 1.0)], gap=6)
        assert place == (74, 100, 120, 90) and hidden == 0

    @pytest.mark.parametrize("x", [-50, 0, 300, 560, 700])
    def test_it_always_lies_inside(self, x):
        box = Rectangle(x, 400, 150, 150)
        place, _ = beside(box, (200, 150), IMAGE, [(box, 1.0)], gap=6)
        assert place.inside(IMAGE) == place

    def test_what_it_hides_is_said(self):
        box = Rectangle(0, 0, 640, 480)
        _, hidden = beside(box, (100, 100), IMAGE, [(box, 1.0), (box, 2.0)], gap=6)
        assert hidden == pytest.approx(3)


class TestLetters:
    def test_larger_letters_take_more_room(self):
        widths, heights = zip(*(text_size("surprise 98%", size) for size in (9, 14, 30)), strict=True)
        assert sorted(widths) == list(widths) and sorted(heights) == list(heights)

    def test_the_largest_size_that_fits(self):
        size = largest_size(["a long line of text"], 60, least=5, most=40)
        assert text_size("a long line of text", size)[0] <= 62
        assert largest_size(["a"], 600, least=5, most=40) == 40
        assert largest_size(["a long line of text"], 3, least=5, most=40) == 5

    @pytest.mark.parametrize("corner", [(-20, 5), (5, -5), (45, 5), (5, 45), (-500, -500), (500, 500)])
    def test_what_lies_beyond_the_edge_is_cut_off(self, corner):
        canvas, larger = np.zeros((50, 50, 3), np.uint8), np.zeros((250, 250, 3), np.uint8)
        write(canvas, "happy", corner, 14, (255, 255, 255))
        write(larger, "happy", (corner[0] + 100, corner[1] + 100), 14, (255, 255, 255))
        np.testing.assert_array_equal(canvas, larger[100:150, 100:150])

    def test_letters_on_any_colour_can_be_read(self):
        for colour in COLOURS.values():
            assert abs(np.dot(np.subtract(colour, ink_on(colour)), (0.299, 0.587, 0.114))) > 80


class TestHeat:
    def test_orange_speaks_for_and_blue_against(self):
        heat = np.zeros((80, 80))
        heat[:40], heat[40:] = 1.0, -1.0
        image = heat_image(np.full((80, 80), 120, np.uint8), heat, 60).astype(int)
        assert image.shape == (60, 60, 3)
        assert (image[:25, :, 0] > image[:25, :, 2] + 50).all()
        assert (image[35:, :, 2] > image[35:, :, 0] + 50).all()

    def test_no_heat_leaves_the_chip(self):
        image = heat_image(np.full((80, 80), 120, np.uint8), np.zeros((80, 80)), 80)
        assert (image == 120).all()
