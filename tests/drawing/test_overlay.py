"""The overlay: the image is not changed, elements lie inside it, and each option draws its own element."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from landmark_fer.core.expressions import EXPRESSIONS, UNCERTAIN
from landmark_fer.drawing.overlay import draw_frame
from landmark_fer.drawing.overlay_options import CONTROLS, OverlayOptions
from landmark_fer.drawing.scene import ELEMENTS
from landmark_fer.drawing.status import Status
from landmark_fer.drawing.text import COLOURS
from landmark_fer.live.timeline import History
from landmark_fer.recognition.explanation import CueContribution, Explanation
from tests.live.hand_made import make_faces, make_recognition

GREY = np.full((480, 640, 3), 90, np.uint8)
PLAIN = OverlayOptions(landmarks=False, bars=False)
EVERYTHING = OverlayOptions(explain=True, details=True, timeline=True)
FULL_STATUS = Status(paused=True, recording=True, frames_per_second=25.0, message="hi")
WHY = Explanation(
    "happy",
    (
        CueContribution("lip_corners", "lip corners up", 0.2, 0.05, 3.0, 1.7),
        CueContribution("brows", "brows low", 0.2, 0.26, -1.0, -0.6),
    ),
    np.outer(np.linspace(-1, 1, 80), np.ones(80)),
)


def changed(before, after):
    return (before != after).any(axis=2)


def drawn(faces=(), image=GREY, options=PLAIN, **arguments):
    return draw_frame(image, list(faces), options=options, **arguments)


def history_of(*frames):
    history = History()
    for time_s, faces in frames:
        history.add(time_s, faces)
    return history


@pytest.fixture
def everything():
    """A face with every option, and a full status."""
    faces = make_faces(make_recognition(), versus=make_recognition("angry"))
    return {
        "faces": faces,
        "options": EVERYTHING,
        "status": FULL_STATUS,
        "explanations": {1: WHY},
        "history": history_of(*((t / 2, faces) for t in range(20))),
    }


def test_every_prediction_has_a_colour_of_its_own():
    assert set(COLOURS) == {*EXPRESSIONS, UNCERTAIN}
    distances = [np.linalg.norm(np.subtract(COLOURS[a], COLOURS[b])) for a, b in combinations(COLOURS, 2)]
    assert min(distances) > 60


def test_every_option_but_mirror_has_one_element():
    names = [name for elements in ELEMENTS.values() for name in elements]
    assert sorted([*names, "mirror"]) == sorted(control.name for control in CONTROLS if control.is_option)


def test_keys_are_unique():
    keys = [key for control in CONTROLS for key in control.keys]
    assert keys == ["q", "escape", "space", "l", "b", "m", "e", "d", "t", "n", "v", "s", "r", "h"]


def test_the_image_is_not_changed(everything):
    image = GREY.copy()
    image.setflags(write=False)
    after = draw_frame(image, **everything)
    assert after is not image
    assert after.shape == image.shape
    assert after.flags.c_contiguous
    np.testing.assert_array_equal(image, GREY)


def test_an_image_without_faces_is_labelled():
    rows, columns = np.nonzero(changed(GREY, drawn()))
    assert rows.min() > 400
    assert columns.max() < 200
    assert not changed(drawn(make_faces(make_recognition())), GREY)[400:].any()


@pytest.mark.parametrize(
    ("mark", "rows", "columns"),
    [
        ({"frames_per_second": 24.6}, slice(0, 40), slice(0, 200)),
        ({"paused": True}, slice(0, 40), slice(440, 640)),
        ({"recording": True}, slice(0, 40), slice(440, 640)),
        ({"message": "written"}, slice(440, 480), slice(0, 200)),
    ],
)
def test_each_status_has_its_place(mark, rows, columns):
    faces = make_faces(make_recognition(x=500.0, y=250.0))
    check_place(drawn(faces), drawn(faces, status=Status(**mark)), rows, columns)


def test_the_help_panel_is_in_the_middle():
    faces = make_faces(make_recognition(x=500.0, y=250.0))
    check_place(drawn(faces), drawn(faces, options=replace(PLAIN, help=True)), slice(100, 380), slice(150, 490))


def check_place(before, after, rows, columns):
    """Check that two images differ in a part and nowhere else."""
    difference = changed(before, after)
    assert difference[rows, columns].any()
    difference[rows, columns] = False
    assert not difference.any()


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_box_has_the_colour_of_the_expression(expression):
    after = drawn(make_faces(make_recognition(expression)))
    np.testing.assert_array_equal(after[150, 100], COLOURS[expression])


def test_an_uncertain_prediction_is_grey_and_names_the_likeliest_expression():
    sure = make_recognition("happy", 0.4)
    unsure, other = (replace(each, expression=UNCERTAIN) for each in (sure, make_recognition("angry", 0.4)))
    after = drawn(make_faces(unsure))
    grey, *rest = {*map(int, after[150, 100])}
    assert not rest and not (after == COLOURS["happy"]).all(axis=2).any()
    assert 90 < grey < 200
    assert changed(after, drawn(make_faces(other))).any()


def test_landmarks_are_drawn_at_their_coordinates():
    recognition = make_recognition(x=200.0, y=150.0, side=200.0)
    after = drawn(make_faces(recognition), options=replace(PLAIN, landmarks=True))
    x, y = recognition.face.landmarks[30].round().astype(int)
    assert after[y, x].min() > 200
    assert not changed(drawn(make_faces(recognition)), GREY)[y, x]


@pytest.mark.parametrize(("side", "has_points"), [(50.0, False), (110.0, False), (200.0, True)])
def test_points_do_not_hide_the_eyes_of_small_faces(side, has_points):
    faces = make_faces(make_recognition(x=200.0, y=150.0, side=side))
    part = slice(155, int(145 + side)), slice(205, int(195 + side))
    before, after = (drawn(faces, options=replace(PLAIN, landmarks=shown))[part] for shown in (False, True))
    assert (after == 255).all(axis=2).any() == has_points
    assert changed(before, after).any()


def test_the_second_models_prediction_has_a_line_of_its_own_in_its_colour():
    alone, both = (drawn(make_faces(make_recognition(), versus=each)) for each in (None, make_recognition("angry")))
    assert not (alone == COLOURS["angry"]).all(axis=2).any()
    rows, _ = np.nonzero((both == COLOURS["angry"]).all(axis=2))
    own, _ = np.nonzero((both == COLOURS["happy"]).all(axis=2))
    assert own.min() < rows.min() and rows.max() < 81


def test_mirroring_moves_faces_and_keeps_text_readable(generator):
    image = generator.integers(60, 120, (480, 640, 3)).astype(np.uint8)
    recognition = make_recognition(x=100.0, y=200.0, side=140.0)
    options = OverlayOptions(bars=False, mirror=True)
    after, straight = (
        drawn(make_faces(recognition), image, options),
        drawn(make_faces(recognition), image, OverlayOptions(bars=False)),
    )
    np.testing.assert_array_equal(after[350:460], image[350:460, ::-1])
    x, y = recognition.face.landmarks[36].round().astype(int)
    assert after[y, 639 - x].min() > 200
    np.testing.assert_array_equal(after[250, 400], COLOURS["happy"])
    label, label_before = after[175:198, 400:460], straight[175:198, 100:160]
    both = (label == COLOURS["happy"]).all(axis=2), (label_before == COLOURS["happy"]).all(axis=2)
    np.testing.assert_array_equal(*both)


def test_bars_show_the_probabilities_next_to_the_face():
    faces = make_faces(make_recognition("happy", 0.8, x=100.0))
    with_bars = drawn(faces, options=replace(PLAIN, bars=True))
    _, columns = np.nonzero(changed(drawn(faces), with_bars))
    assert columns.min() >= 220
    lengths = {
        name: (with_bars[:, 221:] == COLOURS[name]).all(axis=2).any(axis=0).sum()
        for name in ("happy", "angry", "neutral")
    }
    assert lengths["happy"] == pytest.approx(8 * lengths["angry"], abs=8)
    assert lengths["neutral"] >= lengths["angry"]


def test_panels_do_not_hide_faces_if_there_is_room():
    recognitions = [make_recognition(x=x, y=150.0, side=100.0) for x in (60.0, 270.0, 480.0)]
    faces = make_faces(*recognitions)
    difference = changed(drawn(faces), drawn(faces, options=replace(PLAIN, bars=True)))
    assert difference.any()
    for recognition in recognitions:
        x, y = int(recognition.face.box.x), int(recognition.face.box.y)
        assert difference[y : y + 100, x : x + 100].mean() < 0.1


def test_explanations_are_drawn_only_with_the_option_and_for_their_face():
    faces, explain = make_faces(make_recognition()), replace(PLAIN, explain=True)
    assert not changed(drawn(faces), drawn(faces, explanations={1: WHY})).any()
    assert not changed(drawn(faces), drawn(faces, options=explain)).any()
    assert not changed(drawn(faces), drawn(faces, options=explain, explanations={2: WHY})).any()
    assert changed(drawn(faces), drawn(faces, options=explain, explanations={1: WHY})).any()


def test_the_timeline_is_at_the_bottom():
    faces = make_faces(make_recognition())
    history = history_of(*((t / 2, faces) for t in range(40)))
    difference = changed(drawn(faces), drawn(faces, options=replace(PLAIN, timeline=True), history=history))
    rows, _ = np.nonzero(difference)
    assert rows.min() > 380
    assert not changed(drawn(faces), drawn(faces, options=replace(PLAIN, timeline=True))).any()


@pytest.mark.parametrize("x,y", [(-60.0, -60.0), (600.0, -40.0), (-50.0, 440.0), (590.0, 430.0)])
def test_label_stays_inside(x, y):
    """A label is a filled area of the expression's colour, as large as anywhere else."""

    def filled(place):
        after = draw_frame(GREY, make_faces(make_recognition(**place)), options=PLAIN)
        after[198:242, 248:292] = 0  # the box of the face that lies inside
        return (after == COLOURS["happy"]).all(axis=2)

    inside, at_edge = filled({"x": 250.0, "y": 200.0, "side": 40.0}).sum(), filled({"x": x, "y": y, "side": 40.0}).sum()
    assert at_edge > 0.95 * inside


@pytest.mark.parametrize("shape", [(1, 1, 3), (7, 300, 3), (48, 48, 3), (300, 7, 3), (120, 160, 3), (2160, 3840, 3)])
def test_images_of_any_size(shape, everything):
    image = np.zeros(shape, np.uint8)
    side = float(min(shape[:2])) / 2
    faces = make_faces(make_recognition(x=1.0, y=1.0, side=side), make_recognition("angry", x=2.0, y=2.0, side=side))
    assert draw_frame(image, **everything | {"faces": faces}).shape == shape
    assert draw_frame(image, []).shape == shape


def test_an_image_full_of_faces(everything):
    recognitions = [make_recognition(x=60.0 * (n % 10), y=48.0 * (n // 10), side=45.0) for n in range(100)]
    assert draw_frame(GREY, **everything | {"faces": make_faces(*recognitions)}).shape == GREY.shape


def test_lines_grow_with_the_image():
    def share(factor):
        image = np.zeros((480 * factor, 640 * factor, 3), np.uint8)
        recognition = make_recognition(x=200.0 * factor, y=200.0 * factor, side=150.0 * factor)
        return changed(image, draw_frame(image, make_faces(recognition))).mean()

    assert share(4) == pytest.approx(share(1), rel=0.4)
