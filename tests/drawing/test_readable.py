"""The laws of the overlay: how much of the image it covers, what it never covers, and how small text becomes."""

from dataclasses import replace
from itertools import combinations, pairwise, product

import numpy as np
import pytest

from landmark_fer.core.expressions import EXPRESSIONS, UNCERTAIN
from landmark_fer.drawing import charts, panels, text
from landmark_fer.drawing.layout import Offset, Rectangle
from landmark_fer.drawing.overlay import draw_frame
from landmark_fer.drawing.overlay_options import CONTROLS, OverlayOptions
from landmark_fer.drawing.panel_places import PanelMemory
from landmark_fer.drawing.scene import MAX_SHARE, SHOWN_SIZE, Scene
from landmark_fer.drawing.status import Status
from landmark_fer.drawing.text import DIM, INK, MIN_LETTERS
from landmark_fer.live.timeline import History
from landmark_fer.recognition.explanation import CueContribution, Explanation
from tests.live.hand_made import make_face, make_faces, make_recognition

SIZES = {(320, 240): 2, (640, 360): 1, (640, 480): 2, (1920, 1080): 1}
"""Sizes of images and the number of crowds drawn for each number of faces and combination of options."""

OPTIONS = ("bars", "explain", "details", "timeline")
LONGEST = Status(
    paused=True,
    recording=True,
    frames_per_second=120.0,
    message="the recording cannot be written: /recordings/live-20261129-140000.mp4; free some space",
)
CUES = ("brows drawn together", "lip corners down", "jaw dropped", "upper lip raised", "eyes wide")
WHY = Explanation(
    "surprise",
    tuple(CueContribution(words, words, 0.2, 0.1, 1.0, (-1) ** n * 1.5 / (n + 1)) for n, words in enumerate(CUES)),
    np.outer(np.linspace(-1, 1, 80), np.ones(80)),
)


def crowd(generator, n_faces, size):
    """Return random faces of all sizes, also beyond the edge and over each other."""
    recognitions = []
    for _ in range(n_faces):
        side = size[1] * generator.uniform(0.08, 0.7)
        x, y = (generator.uniform(-0.3 * side, length - 0.7 * side) for length in size)
        probabilities = dict(zip(EXPRESSIONS, generator.dirichlet(np.ones(len(EXPRESSIONS))).tolist(), strict=True))
        recognition = make_recognition(x=x, y=y, side=side)
        expression = generator.choice([*EXPRESSIONS, UNCERTAIN])
        recognitions.append(
            replace(
                recognition,
                expression=str(expression),
                probabilities=probabilities,
                confidence=max(probabilities.values()),
            )
        )
    return make_faces(*recognitions, versus=make_recognition("angry") if generator.random() < 0.2 else None)


def scenes(size, n_faces):
    """Yield faces and the arguments of `draw_frame`, for every combination of options."""
    generator = np.random.default_rng([*size, n_faces])
    for n_crowd, chosen in product(range(SIZES[size]), product((False, True), repeat=len(OPTIONS))):
        faces, history = crowd(generator, n_faces, size), History()
        for time_s in range(5):
            history.add(float(time_s), faces, "marked" if time_s == 2 else None)
        options = OverlayOptions(**dict(zip(OPTIONS, chosen, strict=True)), mirror=n_faces % 2 == 1)
        yield (
            faces,
            {
                "options": options,
                "explanations": {face.track_id: WHY for face in faces},
                "history": history,
                "status": LONGEST if (n_crowd + n_faces) % 2 else Status(frames_per_second=30.0, keys=True),
            },
        )


def boxes_only(arguments):
    """Return the arguments without what may cover only a part of the image."""
    options = replace(arguments["options"], **dict.fromkeys(OPTIONS, False))
    return arguments | {"options": options, "status": None}


@pytest.fixture
def places(monkeypatch):
    """The rectangles of labels and panels of the last image."""
    drawn = {"label": [], "panel": [], "timeline": []}
    draw, write, timeline = panels.Panel.draw, Scene.write_label, charts.draw_timeline

    def draw_panel(panel, canvas, rectangle):
        drawn["panel"].append(rectangle)
        draw(panel, canvas, rectangle)

    def write_label(scene, text, place, ground, letters):
        drawn["label"].append(place)
        write(scene, text, place, ground, letters)

    def draw_timeline(canvas, rectangle, *arguments, **options):
        drawn["timeline"].append(rectangle)
        timeline(canvas, rectangle, *arguments, **options)

    monkeypatch.setattr(panels.Panel, "draw", draw_panel)
    monkeypatch.setattr(Scene, "write_label", write_label)
    monkeypatch.setattr(charts, "draw_timeline", draw_timeline)
    return drawn


@pytest.fixture
def font_sizes(monkeypatch):
    """The font sizes that were used."""
    used, mask = set(), text._mask

    def note(line, size):
        used.add(size)
        return mask(line, size)

    monkeypatch.setattr(text, "_mask", note)
    return used


@pytest.mark.parametrize("n_faces", [0, 1, 2, 4, *(pytest.param(n, marks=pytest.mark.slow) for n in (3, 5, 6))])
@pytest.mark.parametrize("size", SIZES, ids=lambda size: "{}x{}".format(*size))
def test_the_overlay_leaves_the_image_to_be_seen(size, n_faces, places, font_sizes):
    image = np.full((size[1], size[0], 3), 120, np.uint8)
    for faces, arguments in scenes(size, n_faces):
        without = draw_frame(image, faces, **boxes_only(arguments)) if faces else image
        for rectangles in places.values():
            rectangles.clear()
        covered = (draw_frame(image, faces, **arguments) != without).any(axis=2)
        assert covered.mean() <= MAX_SHARE
        check_places(places, faces, arguments["options"].mirror, Rectangle(0, 0, *size))
        assert len(places["panel"]) <= len(faces)
    reduced = max(1.0, size[0] / SHOWN_SIZE[0], size[1] / SHOWN_SIZE[1])  # as a new window shows the image
    assert not font_sizes or min(font_sizes) >= round(MIN_LETTERS * reduced)


def check_places(places, faces, mirror, image):
    """Check that panels and the timeline lie inside and cover no face, no text and no other panel."""
    movable = places["panel"] + places["timeline"]
    others = [box_of(face, image.width, mirror) for face in faces] + places["label"]
    for place in movable:
        assert place.inside(image) == place
        assert not any(place.overlaps(other) for other in others)
    assert not any(one.overlaps(other) for one, other in combinations(movable, 2))


def box_of(face, width, mirror):
    """Return the pixels that lie wholly inside a face's box."""
    box = face.recognition.face.box
    x = width - box.x - box.width if mirror else box.x
    left, top = int(np.ceil(x)), int(np.ceil(box.y))
    return Rectangle(left, top, int(x + box.width) - left, int(box.y + box.height) - top)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: "{}x{}".format(*size))
def test_one_face_has_a_panel_with_each_option_alone(size, places):
    """The laws hold for an overlay that never draws; this one must."""
    width, height = size
    faces = make_faces(make_recognition(x=0.3 * width, y=0.25 * height, side=0.35 * height))
    for name in ("bars", "explain", "details"):
        options = OverlayOptions(**{"bars": False, name: True})
        draw_frame(np.zeros((height, width, 3), np.uint8), faces, options=options, explanations={1: WHY})
        assert len(places["panel"]) == 1, name
        places["panel"].clear()


def test_everything_fits_together_on_a_large_image(places):
    faces = make_faces(make_recognition(x=250.0, y=150.0, side=170.0))
    options = OverlayOptions(explain=True, details=True)
    before = draw_frame(np.zeros((480, 640, 3), np.uint8), faces, options=options, explanations={1: WHY})
    assert len(places["panel"]) == 1
    assert (before != 0).any()


def jitter(n_frames, places):
    """Return a face near the middle, moved by a few pixels, and the offset of its panel, for each frame."""
    generator, memory, offsets = np.random.default_rng(3), PanelMemory(), []
    for n_cues in generator.integers(1, 5, n_frames):
        x, y, side = (275, 170, 130) + generator.normal(0, 3, 3)
        faces = make_faces(make_recognition(x=x, y=y, side=side))
        why = replace(WHY, measurements=WHY.measurements[:n_cues])
        places["panel"].clear()
        image = np.zeros((480, 640, 3), np.uint8)
        options = OverlayOptions(explain=True)
        draw_frame(image, faces, options=options, explanations={1: why}, memory=memory)
        offsets.append(Offset.of(places["panel"][0], box_of(faces[0], 640, False)))
    return offsets


def test_a_panel_stays_next_to_a_face_that_moves(places):
    offsets = np.array([offset[:2] for offset in jitter(60, places)])
    assert np.ptp(offsets, axis=0).max() <= 2  # pixels


@pytest.mark.parametrize("middle", [145.0, 153.0, 158.0, 163.0, 170.0])
def test_a_panel_stays_where_it_is_next_to_a_face_that_sways(middle, places):
    """Also where a panel only just fits on one side of the face."""
    memory, seen = PanelMemory(), []
    for x in middle + 5 * np.sin(np.linspace(0, 12 * np.pi, 300)):
        places["panel"].clear()
        faces = make_faces(make_recognition(x=x, y=132.0, side=104.0))
        draw_frame(np.zeros((300, 400, 3), np.uint8), faces, memory=memory)
        (panel,) = places["panel"]
        seen.append((panel.height, panel.x > x))
    assert sum(one != next_one for one, next_one in pairwise(seen)) <= 1


def test_a_panel_stays_where_another_place_has_little_more(places):
    memory, rows = PanelMemory(), set()
    for x in np.repeat([150.0, 176.0, 150.0, 176.0], 30):
        recognition = make_recognition(x=x, y=100.0, side=106.0)
        recognition = replace(recognition, probabilities=dict.fromkeys(EXPRESSIONS, 1 / 7))
        places["panel"].clear()
        draw_frame(np.zeros((300, 400, 3), np.uint8), make_faces(recognition), memory=memory)
        rows.add(places["panel"][0].y)
    assert len(rows) == 1


def test_a_panel_below_a_face_stays_there_while_the_mouth_opens(places):
    memory, seen = PanelMemory(), []
    for drop in (0, 4, 8, 4, 0):
        recognition = make_recognition(x=100.0, y=40.0, side=100.0)
        landmarks = recognition.face.landmarks * np.float32((1, 1 + drop / 140))
        faces = make_faces(replace(recognition, face=replace(recognition.face, landmarks=landmarks)))
        places["panel"].clear()
        draw_frame(np.zeros((240, 320, 3), np.uint8), faces, memory=memory)
        seen.append((places["panel"][0].x, places["panel"][0].y - 140 - drop))
    assert len({x for x, _ in seen}) == 1 and np.ptp([y for _, y in seen]) <= 1


def test_panels_do_not_change_because_another_one_does(places):
    faces = make_faces(*(make_recognition(x=90.0 + 450 * (n % 2), y=48.0 + 240 * (n // 2)) for n in range(4)))
    memory, seen = PanelMemory(), set()
    for n_cues in (1, 5, 3) * 12:
        why = dict.fromkeys(range(1, 5), WHY)
        why[1] = replace(WHY, measurements=WHY.measurements[:n_cues])
        places["panel"].clear()
        arguments = {"options": OverlayOptions(explain=True, bars=False), "explanations": why, "memory": memory}
        draw_frame(np.zeros((480, 900, 3), np.uint8), faces, **arguments)
        seen.add(tuple(places["panel"][1:]))
    assert len(seen) == 1 and len(seen.pop()) == 3


def test_a_panel_has_no_empty_row_once_its_face_is_alone(places):
    memory, faces = PanelMemory(), make_faces(make_recognition(x=60.0), make_recognition(x=400.0))
    heights = []
    for shown, with_memory in ((faces, memory), (faces[:1], memory), (faces[:1], None)):
        places["panel"].clear()
        draw_frame(np.zeros((480, 640, 3), np.uint8), shown, memory=with_memory)
        heights.append(places["panel"][0].height)
    assert heights[0] > heights[1] == heights[2]


def test_columns_of_a_panel_are_apart():
    blocks = panels.Bars({"happy": 0.2, "neutral": 0.8}, ("neutral",)), panels.Details((("size", "90 px"),))
    panel = panels.Panel(blocks, 13, side_by_side=True)
    widths = [block.size(13)[0] for block in blocks]
    assert panel.size[0] - sum(widths) - 4 * charts.margin_of(13) >= 13


def label_of(places, memory=None, **place):
    """Return the label of a face in an image of 640x480, and the face's box."""
    places["label"].clear()
    faces = make_faces(make_recognition(**place))
    image = np.zeros((480, 640, 3), np.uint8)
    draw_frame(image, faces, options=OverlayOptions(landmarks=False, bars=False), memory=memory)
    return places["label"][0], box_of(faces[0], 640, False)


@pytest.mark.parametrize("x", [0.0, 250.0, 490.0])
@pytest.mark.parametrize("y", [-30.0, 0.0, 10.0, 150.0, 330.0])
@pytest.mark.parametrize("side", [60.0, 150.0, 400.0])
def test_a_label_leaves_its_face_to_be_seen(places, x, y, side):
    label, box = label_of(places, x=x, y=y, side=side)
    assert label.shared_area(box) <= 0.25 * label.area


def test_a_label_on_a_face_as_large_as_the_image_is_at_its_top(places):
    label, _ = label_of(places, x=-20.0, y=-20.0, side=700.0)
    assert label.y == 0


def test_a_label_stays_on_its_side_of_a_face_that_moves(places):
    memory, generator = PanelMemory(), np.random.default_rng(5)
    height = label_of(places, x=250.0, y=150.0)[0].height
    for middle, spread in ((0.75 * height, 0.07 * height), (0.95 * height, 0.07 * height)):
        below = []
        for y in middle + generator.uniform(-spread, spread, 50):
            label, box = label_of(places, memory, x=250.0, y=float(y))
            below.append(label.y >= box.bottom)
        assert np.count_nonzero(np.diff(below)) <= 1
    assert not label_of(places, memory, x=250.0, y=150.0)[0].y >= 150, "above again where there is room"


def test_panels_of_a_smaller_crowd_show_more(places):
    alone, memory = make_faces(make_recognition(x=100.0, y=100.0)), PanelMemory()
    four = make_faces(*(make_recognition(x=100.0 + 300 * (n % 2), y=100.0 + 190 * (n // 2)) for n in range(4)))
    image = np.zeros((480, 640, 3), np.uint8)
    options = OverlayOptions(details=True)
    draw_frame(image, four, options=options, memory=memory)
    small = places["panel"][0]
    places["panel"].clear()
    draw_frame(image, alone, options=options, memory=memory)
    assert places["panel"][0].area > small.area


@pytest.mark.parametrize("bars", [False, True])
def test_each_of_four_faces_has_its_explanation(bars, places):
    boxes = (430.0, 320.0, 125.0), (80.0, 75.0, 120.0), (425.0, 90.0, 140.0), (120.0, 325.0, 90.0)
    faces = make_faces(*(make_recognition(x=x, y=y, side=side) for x, y, side in boxes))
    status = Status(frames_per_second=30.0, message="#1 #2 #3 #4 baseline auto")
    arguments = {"options": OverlayOptions(bars=bars, explain=True), "explanations": dict.fromkeys(range(1, 5), WHY)}
    draw_frame(np.zeros((480, 640, 3), np.uint8), faces, status=status, **arguments)
    assert len(places["panel"]) == 4


@pytest.mark.parametrize(
    "place", [(10, 20, 30, 40), (200, 20, 30, 40), (10, 300, 30, 40), (120, 120, 30, 40), (100, 60, 30, 40)]
)
def test_offsets_give_back_the_place(place):
    box, bounds = Rectangle(100, 100, 80, 90), Rectangle(0, 0, 640, 480)
    assert Offset.of(Rectangle(*place), box).place(place[2:], box, bounds) == place


def test_bars_are_bright_where_the_label_names_them():
    recognition = make_recognition("sad", 0.5)
    recognition = replace(recognition, probabilities={"angry": 0.1, "sad": 0.45, "neutral": 0.45})
    assert recognition.label == "sad or neutral"
    assert panels.Bars.of(recognition).named == ("sad", "neutral")
    assert panels.Bars.of(replace(recognition, expression=UNCERTAIN)).named == (recognition.likeliest,)
    unread = panels.Bars.of(replace(recognition, expression=UNCERTAIN, reason="too dark"))
    assert unread.named == ()
    canvas = np.zeros((80, 200, 3), np.uint8)
    unread.draw(canvas, 0, 0, 200, MIN_LETTERS)
    assert (np.ptp(canvas, axis=2) == 0).all(), "grey"


def test_the_largest_bars_stay_in_the_order_of_all():
    bars = panels.Bars(
        dict(zip(EXPRESSIONS, np.random.default_rng(2).dirichlet(np.ones(len(EXPRESSIONS))), strict=True)), ()
    )
    for n_bars in range(1, len(EXPRESSIONS)):
        shown = bars.cut(panels.PanelForm(n_bars, 0, False, 0)).probabilities
        assert list(shown) == [name for name in EXPRESSIONS if name in shown] and len(shown) == n_bars
        assert min(shown.values()) >= max(p for name, p in bars.probabilities.items() if name not in shown)


def test_a_face_that_cannot_be_read_has_no_explanation(places):
    recognition = replace(make_recognition(x=250.0, y=150.0, side=170.0), expression=UNCERTAIN, reason="too dark")
    options = OverlayOptions(bars=False, explain=True)
    draw_frame(np.zeros((480, 640, 3), np.uint8), make_faces(recognition), options=options, explanations={1: WHY})
    assert not places["panel"]


def test_the_heat_map_is_mirrored_with_the_face(monkeypatch):
    shown = []

    def note(chip, heat, side):
        shown.append((chip, heat))
        return np.zeros((side, side, 3))

    monkeypatch.setattr(panels, "heat_image", note)
    explanation, faces = replace(WHY, heat=np.tri(80)), make_faces(make_recognition(x=250.0, y=150.0, side=170.0))
    for mirror in (False, True):
        options = OverlayOptions(bars=False, explain=True, mirror=mirror)
        draw_frame(np.zeros((480, 640, 3), np.uint8), faces, options=options, explanations={1: explanation})
    for plain, mirrored in zip(*shown, strict=True):
        np.testing.assert_array_equal(mirrored, plain[:, ::-1])


def test_text_is_12_pixels_high():
    opaque = text._mask("lg", MIN_LETTERS)[..., 0].max(axis=1) > 0.5
    assert np.ptp(np.flatnonzero(opaque)) + 1 >= 12


def luminance(colour):
    """Return the relative luminance of an RGB colour (WCAG 2)."""
    share = np.asarray(colour) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4) @ (0.2126, 0.7152, 0.0722)


@pytest.mark.parametrize("ink", [INK, DIM])
def test_text_contrasts_with_a_panel_on_any_image(ink):
    canvas = np.full((4, 4, 3), 255, np.uint8)
    charts.shade(canvas, Rectangle(0, 0, 4, 4))
    assert (luminance(ink) + 0.05) / (luminance(canvas[0, 0]) + 0.05) >= 4.5


@pytest.mark.parametrize("size", [(192, 144), *SIZES], ids=lambda size: "{}x{}".format(*size))
def test_the_list_of_keys_is_complete(size, monkeypatch, font_sizes):
    written, write = [], charts.write

    def note(canvas, line, corner, letters, ink):
        width, height = text.text_size(line, letters)
        assert Rectangle(*corner, width, height).inside(Rectangle(0, 0, *size)) == (*corner, width, height)
        written.append(line)
        write(canvas, line, corner, letters, ink)

    monkeypatch.setattr(charts, "write", note)
    draw_frame(np.zeros((size[1], size[0], 3), np.uint8), [], options=OverlayOptions(help=True))
    assert {control.label for control in CONTROLS} <= set(written)
    assert min(font_sizes) >= MIN_LETTERS


@pytest.fixture
def key_lists(monkeypatch):
    """The rectangles of the lists of keys that were drawn."""
    drawn = []
    monkeypatch.setattr(charts.KeyList, "draw", lambda keys, canvas, rectangle: drawn.append(rectangle))
    return drawn


@pytest.mark.parametrize("size", [(640, 360), (640, 480), (1920, 1080)], ids=lambda size: "{}x{}".format(*size))
@pytest.mark.parametrize("x", [0.05, 0.3, 0.36, 0.6])
def test_the_list_of_keys_covers_no_face_where_there_is_room(size, x, key_lists):
    width, height = size
    faces = make_faces(make_recognition(x=x * width, y=0.25 * height, side=0.5 * height))
    draw_frame(np.zeros((height, width, 3), np.uint8), faces, options=OverlayOptions(help=True))
    assert not key_lists[0].overlaps(box_of(faces[0], width, False))


def test_the_list_of_keys_stays_where_it_is_while_faces_move(key_lists):
    memory = PanelMemory()
    for shift in 12 * np.sin(np.linspace(0, 4 * np.pi, 50)):
        faces = make_faces(*(make_recognition(x=80.0 + 330 * n + shift, y=150.0, side=190.0) for n in range(2)))
        draw_frame(np.zeros((480, 640, 3), np.uint8), faces, options=OverlayOptions(help=True), memory=memory)
    assert len(set(key_lists)) == 1


def test_a_message_is_at_the_top_while_a_face_is_at_the_bottom(places):
    memory, rows = PanelMemory(), []
    for y in (150.0, 310.0, 290.0, 150.0, 0.0):
        places["label"].clear()
        faces = make_faces(make_recognition(x=20.0, y=y, side=160.0))
        image, status = np.zeros((480, 640, 3), np.uint8), Status(message="saved /images/live.png")
        draw_frame(image, faces, status=status, options=OverlayOptions(bars=False), memory=memory)
        rows.append(places["label"][-1].y > 240)
    assert rows == [True, False, False, False, True]


def test_the_list_of_keys_replaces_panels_and_timeline(places):
    faces, history = make_faces(make_recognition()), History()
    history.add(0.0, faces)
    options = OverlayOptions(explain=True, details=True, timeline=True, help=True)
    draw_frame(np.zeros((480, 640, 3), np.uint8), faces, options=options, explanations={1: WHY}, history=history)
    assert not places["panel"] and not places["timeline"]


@pytest.mark.parametrize(
    ("size", "n_keys"), [((320, 240), 3), ((640, 480), len(CONTROLS)), ((1920, 1080), len(CONTROLS))]
)
def test_the_keys_are_named_at_the_bottom(size, n_keys, monkeypatch):
    written, write = [], Scene.write_label

    def note(scene, line, *arguments):
        written.append(line)
        write(scene, line, *arguments)

    monkeypatch.setattr(Scene, "write_label", note)
    image = np.zeros((size[1], size[0], 3), np.uint8)
    draw_frame(image, [], status=Status(keys=True))
    assert any(line.startswith("h all keys") for line in written)
    assert sum(line.count(",") for line in written) + 1 >= n_keys
    written.clear()
    draw_frame(image, [], status=Status(keys=True, message="saved"))
    assert not any("all keys" in line for line in written)


def test_details_name_pose_quality_and_measurements():
    from landmark_fer.drawing.details import describe

    rows = dict(describe(make_face(side=120.0), (480, 640)))
    assert rows["size"] == "120 px" and rows["inside"] == "100%"
    assert [angle[-1] for angle in rows["yaw pitch roll"].split()] == ["°"] * 3
    assert float(rows["mouth opening"]) >= 0


@pytest.mark.parametrize("width", [30, 80, 200, 1000])
def test_shortened_text_keeps_its_ends_and_fits(width):
    line = "saved /images/live-20261129-140000.png"
    short = text.shortened(line, width, MIN_LETTERS)
    assert text.text_size(short, MIN_LETTERS)[0] <= width + 1
    assert short == line or (text.ELLIPSIS in short and line.startswith(short.split(text.ELLIPSIS)[0]))


def test_lines_hold_whole_words():
    line = "show a neutral face for 2 seconds and look into the camera"
    lines = text.lines_of(line, 200, MIN_LETTERS, n_lines=5)
    assert " ".join(lines) == line and len(lines) > 1
    assert all(text.text_size(each, MIN_LETTERS)[0] <= 201 for each in lines)
    assert len(text.lines_of(line, 200, MIN_LETTERS, n_lines=2)) == 2
