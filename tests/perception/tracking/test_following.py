"""Face tracking: numbers and boxes stay with their faces, and nothing else is tracked."""

import itertools

import cv2
import numpy as np
import pytest

from landmark_fer.core.errors import InputError
from landmark_fer.core.geometry import interocular_distance
from landmark_fer.core.landmarks import TEMPLATE
from landmark_fer.live.sources.demo import FRAMES_PER_SECOND, MOTIONS, DemoClip
from landmark_fer.perception.extraction import ExtractorSettings, FaceExtractor
from landmark_fer.perception.face_check import FaceCheck
from landmark_fer.perception.images import to_grey
from landmark_fer.perception.tracking.following import FaceFollower
from landmark_fer.perception.tracking.schedule import CutFinder
from landmark_fer.perception.tracking.tracks import box_at, place_of, pose_of


@pytest.fixture(scope="module")
def clip():
    return DemoClip()


@pytest.fixture(scope="module")
def video(clip, extractor):
    """The tracked faces of each frame of the demo."""
    with FaceFollower(extractor) as follower:
        return [follower.follow(clip.image(i), time_s=i / FRAMES_PER_SECOND) for i in range(330)]


@pytest.fixture(scope="module")
def head(astronaut):
    """Two cut-outs, RGB: a face, and the same mirrored, darker and narrower as another person."""
    one = astronaut[60:240, 140:310]
    other = cv2.resize((255 * (one[:, ::-1] / 255.0) ** 1.8).astype(np.uint8), None, fx=0.85, fy=1.0)
    return one, other


def scene(*placed, size=(360, 640)):
    """A smooth backdrop with cut-outs, each (image, x, y)."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    grey = 110 + 40 * np.sin(rows / 60) * np.cos(columns / 90)
    image = np.repeat(grey[..., None], 3, axis=2).astype(np.uint8)
    for cutout, x, y in placed:
        image[y : y + cutout.shape[0], x : x + cutout.shape[1]] = cutout
    return image


def numbers(seen):
    return [number for number, _ in seen]


def test_the_first_frame_has_exactly_the_extractors_faces(astronaut, clip, extractor):
    for image in (astronaut, clip.image(262), scene()):
        with FaceFollower(extractor) as follower:
            seen = follower.follow(image, time_s=0.0)
        faces = extractor.extract(image)
        assert numbers(seen) == list(range(1, 1 + len(faces)))
        for (_, followed), face in zip(seen, faces, strict=True):
            assert (followed.box, followed.detector_score) == (face.box, face.detector_score)
            np.testing.assert_array_equal(followed.landmarks, face.landmarks)
            np.testing.assert_array_equal(followed.chip, face.chip)


def test_every_searched_frame_has_exactly_the_extractors_faces(clip, extractor):
    with FaceFollower(extractor, every=1) as follower:
        for i in range(250, 262, 3):
            seen = follower.follow(clip.image(i), time_s=i / FRAMES_PER_SECOND)
            faces = extractor.extract(clip.image(i))
            assert len(seen) == len(faces)
            for _, followed in seen:
                assert any(np.array_equal(followed.chip, face.chip) and followed.box == face.box for face in faces)


def test_faces_of_the_demo_have_permanent_numbers(video):
    for motion in MOTIONS[:-2]:
        full = range(round(motion.full_begin * FRAMES_PER_SECOND) + 1, round(motion.full_end * FRAMES_PER_SECOND))
        assert {tuple(numbers(video[i])) for i in full} == {tuple(range(1, 1 + motion.faces))}, motion.name


def test_no_track_is_left_after_the_faces_of_the_demo_left(video):
    away = next(motion for motion in MOTIONS if motion.faces == 0)
    gone = range(round(away.full_begin * FRAMES_PER_SECOND), round(away.full_end * FRAMES_PER_SECOND))
    assert [i for i in gone if video[i]] == []


def test_tracked_landmarks_and_boxes_agree_with_a_detection(video, clip, extractor):
    for i in range(4, 280, 23):
        faces = extractor.extract(clip.image(i))
        for _, followed in video[i]:
            face = max(faces, key=lambda face: face.box.overlap(followed.box))
            off = np.linalg.norm(followed.landmarks - face.landmarks, axis=1).mean()
            assert off < 0.06 * interocular_distance(face.landmarks)
            assert followed.box.overlap(face.box) > 0.5


def test_tracked_faces_have_the_chip_of_their_landmarks(video, clip, extractor):
    number, followed = video[101][0]
    face = extractor.face_of(to_grey(clip.image(101)), followed.box, followed.landmarks)
    np.testing.assert_array_equal(followed.chip, face.chip)
    assert number == 1
    assert followed.detected


def test_no_face_has_two_tracks(video):
    for seen in video:
        for (_, first), (_, second) in itertools.combinations(seen, 2):
            assert pose_of(first.landmarks).distance(pose_of(second.landmarks)) > 1


def test_tracking_is_reproducible(video, clip, extractor):
    with FaceFollower(extractor) as follower:
        for i in range(30):
            seen = follower.follow(clip.image(i), time_s=i / FRAMES_PER_SECOND)
            for (number, face), (before, face_before) in zip(seen, video[i], strict=True):
                assert number == before
                np.testing.assert_array_equal(face.landmarks, face_before.landmarks)


def test_the_input_image_is_not_modified(astronaut, extractor):
    image = astronaut.copy()
    with FaceFollower(extractor) as follower:
        follower.follow(image, time_s=0.0)
        follower.follow(image, time_s=0.04)
    np.testing.assert_array_equal(image, astronaut)


def test_boxes_move_rotate_and_scale_with_the_face(astronaut_face):
    face = astronaut_face
    place = place_of(face.box, pose_of(face.landmarks))
    turn = 1.3 * np.array([[0.8, -0.6], [0.6, 0.8]])
    moved = face.landmarks @ turn.T + (20, -8)
    box = box_at(place, pose_of(moved))
    assert (box.width, box.height) == pytest.approx((1.3 * face.box.width, 1.3 * face.box.height))
    assert box.centre == pytest.approx(tuple(turn @ face.box.centre + (20, -8)))
    again = box_at(place_of(box, pose_of(moved)), pose_of(face.landmarks))
    assert (again.x, again.y, again.width) == pytest.approx((face.box.x, face.box.y, face.box.width))


def test_a_pose_maps_the_template_to_the_face():
    pose = pose_of(50 * TEMPLATE @ np.array([[0.6, 0.8], [-0.8, 0.6]]) + (200, 100))  # turned clockwise
    assert (pose.x, pose.y, pose.size) == pytest.approx((200, 100, 50))
    assert (np.cos(pose.turn), np.sin(pose.turn)) == pytest.approx((0.6, 0.8))


@pytest.mark.parametrize("rate", [10, 25, 60])
def test_new_faces_are_detected_in_time_at_any_frame_rate(rate, head, extractor):
    with FaceFollower(extractor) as follower:
        for i in range(1 + rate):
            there = i >= 2  # just after the first image was searched
            seen = follower.follow(scene((head[0], 240, 90)) if there else scene(), time_s=i / rate)
            if seen:
                break
    assert numbers(seen) == [1]
    assert (i - 2) / rate <= 0.3


@pytest.mark.parametrize("rate", [10, 40])
@pytest.mark.parametrize(("away_s", "number"), [(0.5, 1), (1.6, 2)])
def test_hidden_faces_retain_their_number_within_the_patience(rate, away_s, number, head, extractor):
    with FaceFollower(extractor, patience_s=1.0) as follower:
        for i in range(round((0.3 + away_s + 0.4) * rate)):
            hidden = 0.3 <= i / rate < 0.3 + away_s
            seen = follower.follow(scene() if hidden else scene((head[0], 240, 90)), time_s=i / rate)
            if hidden:
                assert seen == []
    assert numbers(seen) == [number]


def test_a_face_crossing_the_image_is_one_track(head, extractor):
    with FaceFollower(extractor) as follower:
        for i in range(24):
            seen = follower.follow(scene((head[0], 20 + 18 * i, 60 + 4 * i)), time_s=i / 25)
            assert numbers(seen) == [1]
            assert abs(seen[0][1].box.centre[0] - (20 + 18 * i + 85)) < 30


def test_crossing_faces_retain_their_numbers(head, extractor):
    one, other = head
    with FaceFollower(extractor) as follower:
        for i in range(35):
            x, y = 40 + 12 * i, 440 - 12 * i
            seen = follower.follow(scene((other, y, 100), (one, x, 80)), time_s=i / 25)  # the first passes in front
            boxes = {number: face.box.centre[0] for number, face in seen}
            if i == 0:
                first = min(boxes, key=boxes.get)
    assert len(boxes) == 2
    assert max(boxes, key=boxes.get) == first
    assert set(boxes) == {1, 2}


def test_a_cut_ends_all_tracks_and_starts_a_detection(astronaut, clip, extractor):
    shots = [cv2.resize(astronaut[:480], (640, 480))] * 4 + [clip.image(262)] * 4
    with FaceFollower(extractor, every=100) as follower:
        seen = [follower.follow(image, time_s=i / 25) for i, image in enumerate(shots)]
    assert [numbers(each) for each in seen] == [[1]] * 4 + [[2, 3]] * 4
    np.testing.assert_array_equal(seen[4][0][1].chip, extractor.extract(shots[4])[0].chip)


@pytest.mark.parametrize(
    ("interval_s", "pause_s", "number"), [(0.04, 3600, 2), (0.04, 0.9, 1), (2, 2, 1), (2, 4, 1), (2, 60, 2)]
)
def test_a_pause_between_frames_ends_all_tracks(astronaut, extractor, interval_s, pause_s, number):
    times = [0, interval_s, 2 * interval_s, 2 * interval_s + pause_s]
    with FaceFollower(extractor) as follower:
        seen = [numbers(follower.follow(astronaut, time_s=time_s)) for time_s in times]
    assert seen == [[1], [1], [1], [number]]


def test_another_person_in_the_same_place_begins_a_track(astronaut, extractor):
    """The shots are too alike for a cut; the second one shows a wider face, lit from the other side."""

    def shot(image):
        x, y = extractor.extract(image)[0].box.centre
        return cv2.warpAffine(
            image, np.float32([[1, 0, 240 - x], [0, 1, 200 - y]]), (480, 400), borderMode=cv2.BORDER_REPLICATE
        )

    person = np.ascontiguousarray(astronaut[:400, 60:460])
    shots = [shot(person)] * 4 + [shot(cv2.resize(person[:, ::-1], None, fx=1.2, fy=1.0))] * 4
    finder = CutFinder()
    assert not any(finder.is_cut(to_grey(image)) for image in shots)
    with FaceFollower(extractor) as follower:
        seen = [numbers(follower.follow(image, time_s=i / 25)) for i, image in enumerate(shots)]
    assert seen == [[1]] * 4 + [[2]] * 4


def test_motion_light_and_noise_are_not_cuts(clip, generator):
    finder = CutFinder()
    assert [i for i in range(330) if finder.is_cut(to_grey(clip.image(i)))] == []
    grey = to_grey(clip.image(20))
    assert not finder.is_cut(to_grey(clip.image(329)))
    for factor in (1.0, 0.6, 1.1):
        noise = generator.normal(0, 6, grey.shape)
        assert not finder.is_cut(np.clip(grey * factor + noise, 0, 255).astype(np.uint8))
    for _ in range(3):  # the dark, where nothing but noise is left
        dark = np.clip(generator.normal(4, 3, grey.shape), 0, 255).astype(np.uint8)
        last = finder.is_cut(dark)
    assert not last


def test_images_of_another_size_begin_a_new_shot(astronaut, extractor):
    with FaceFollower(extractor) as follower:
        assert numbers(follower.follow(astronaut, time_s=0.0)) == [1]
        assert numbers(follower.follow(astronaut[:400], time_s=0.04)) == [2]


def test_the_check_distinguishes_faces_from_backgrounds(astronaut, astronaut_face, generator):
    check, grey, landmarks = FaceCheck(), to_grey(astronaut), astronaut_face.landmarks
    box, distance = check.find(grey, landmarks)
    assert box.overlap(astronaut_face.box) > 0.6
    assert distance < 0.15
    slipped, distance = check.find(grey, landmarks + (30, 0))
    assert slipped.overlap(astronaut_face.box) > 0.6
    assert distance > 0.15
    for right, down in ((200, 200), (-120, 250), (150, -40), (-130, 20)):
        assert check.find(grey, landmarks + (right, down))[0] is None
    assert check.find(generator.integers(0, 256, grey.shape, dtype=np.uint8), landmarks)[0] is None


def test_the_whole_image_detector_has_one_track_until_a_cut(astronaut, clip):
    extractor = FaceExtractor(ExtractorSettings(detector="whole"))
    images = [clip.image(0), clip.image(40), clip.image(300), cv2.resize(astronaut, (640, 480))]
    with FaceFollower(extractor) as follower:
        seen = [follower.follow(image, time_s=i / 25) for i, image in enumerate(images[:2])]
        assert [numbers(each) for each in seen] == [[1], [1]]
        np.testing.assert_array_equal(seen[1][0][1].chip, extractor.extract(images[1])[0].chip)
        assert not seen[1][0][1].detected
        assert numbers(follower.follow(images[3], time_s=0.08)) == [2]


def test_faces_found_by_haar_are_tracked(clip):
    extractor = FaceExtractor(ExtractorSettings(detector="haar"))
    with FaceFollower(extractor) as follower:
        for i in range(30):
            seen = follower.follow(clip.image(i), time_s=i / FRAMES_PER_SECOND)
            assert 1 in numbers(seen)


def test_only_each_nth_frame_is_searched(clip, extractor):
    with FaceFollower(extractor, every=10) as follower:
        follower.follow(scene(), time_s=0.0)
        counts = [len(follower.follow(scene_with(clip), time_s=i / 25)) for i in range(1, 12)]
    assert counts == [0] * 10 + [1]  # what was found in the tenth image is taken with the eleventh


def scene_with(clip):
    """The backdrop with the demo's face."""
    return scene((clip.image(12)[90:290, 230:410], 240, 90))


@pytest.mark.parametrize("every", [0, -3])
def test_every_must_be_from_one(every, extractor):
    with pytest.raises(InputError, match=f"every must be a number of images from 1, got {every}"):
        FaceFollower(extractor, every=every)


@pytest.fixture(scope="module")
def finder():
    """An extractor that finds small faces, too."""
    return FaceExtractor(smallest_face=40)


class TestSmallFaces:
    """Faces below the detector's smallest are looked for while no larger face is followed."""

    SMALL = 0.55  # of the cut-out, whose face is 95 pixels wide

    def reduced(self, head):
        return cv2.resize(head[0], None, fx=self.SMALL, fy=self.SMALL, interpolation=cv2.INTER_AREA)

    def test_a_small_face_is_in_the_first_frame(self, finder, extractor, head):
        image = scene((self.reduced(head), 300, 100))
        with FaceFollower(finder) as follower, FaceFollower(extractor) as without:
            assert numbers(follower.follow(image, time_s=0.0)) == [1]
            assert numbers(without.follow(image, time_s=0.0)) == []

    def test_it_keeps_its_number_while_it_moves(self, finder, head):
        with FaceFollower(finder) as follower:
            seen = [
                numbers(follower.follow(scene((self.reduced(head), 200 + 2 * i, 100)), time_s=i / 25))
                for i in range(30)
            ]
        assert seen == [[1]] * 30

    def test_one_that_appears_is_found_within_half_a_second(self, finder, head):
        with FaceFollower(finder) as follower:
            for i in range(40):
                shown = scene((self.reduced(head), 300, 100)) if i >= 10 else scene()
                if numbers(follower.follow(shown, time_s=i / 25)):
                    break
        assert 10 <= i <= 23

    def test_no_small_face_is_searched_for_while_a_larger_one_is_followed(self, finder, head, monkeypatch):
        def fail(grey):
            raise AssertionError("a small face was searched for")

        for part in (finder.small_detector, *finder.small_detector.parts):
            monkeypatch.setattr(part, "find", fail)
        with FaceFollower(finder) as follower:
            for i in range(40):
                image = scene((head[0], 60, 60), (self.reduced(head), 400, 100 + i))
                assert numbers(follower.follow(image, time_s=i / 25)) == [1]


@pytest.fixture(scope="module")
def four_faces(clip):
    """Two seconds of a video that shows four motions of the demo at half size."""
    first = (0, 60, 115, 170)
    videos = [[cv2.resize(clip.image(i + j), None, fx=0.5, fy=0.5) for j in range(50)] for i in first]
    return [np.vstack([np.hstack(tiles[:2]), np.hstack(tiles[2:])]) for tiles in zip(*videos, strict=True)]


def followed_in_turns(extractor, images, *, rate, in_turns=True):
    """Yield the faces of each image, and the numbers of those that were located in it."""
    with FaceFollower(extractor) as follower:
        follower.in_turns = in_turns
        for index, image in enumerate(images):
            yield follower.follow(image, time_s=index / rate), follower.located_numbers


def test_more_than_two_faces_take_turns(extractor, four_faces):
    seen = list(followed_in_turns(extractor, four_faces, rate=25))
    every_frame = list(followed_in_turns(extractor, four_faces, rate=25, in_turns=False))
    assert {len(located) for _, located in seen[1:]} == {2}
    for (_, before), (faces, located) in itertools.pairwise(seen[1:]):
        assert before | located == {1, 2, 3, 4} == set(numbers(faces))
    for (faces, _), (others, all_numbers) in zip(seen, every_frame, strict=True):
        assert all_numbers == {1, 2, 3, 4}
        for (_, face), (_, other) in zip(faces, others, strict=True):
            off = np.linalg.norm(face.landmarks - other.landmarks, axis=1).mean()
            assert off < 0.1 * interocular_distance(other.landmarks)
            assert face.box.overlap(other.box) > 0.8


def test_no_face_waits_for_its_turn_in_slow_videos_or_with_one_other(extractor, four_faces):
    for images, rate, n in ((four_faces[:8], 10, 4), ([image[:240] for image in four_faces[:8]], 25, 2)):
        for faces, located in followed_in_turns(extractor, images, rate=rate):
            assert located == set(numbers(faces)) == set(range(1, 1 + n))


def test_a_face_whose_turn_it_is_not_is_expected_where_it_moves(extractor, head):
    one, other = head
    still = [(one, 20, 20), (other, 420, 20)]
    images = [scene((one, 20 + 4 * index, 170), *still, size=(360, 640)) for index in range(40)]
    places = [
        (index, faces[2][1].box.x, 3 in located)
        for index, (faces, located) in enumerate(followed_in_turns(extractor, images, rate=25))
        if index >= 10 and len(faces) == 3
    ]
    assert len(places) == 30
    assert {located for _, _, located in places} == {True, False}
    start = np.median([x - 4 * index for index, x, _ in places])
    assert max(abs(x - 4 * index - start) for index, x, _ in places) < 6


def test_faces_take_turns_while_the_clock_stands_still(extractor, four_faces):
    with FaceFollower(extractor) as follower:
        follower.in_turns = True
        for index, image in enumerate(four_faces[:8]):
            before, faces = follower.located_numbers, follower.follow(image, time_s=1.0)
            assert set(numbers(faces)) == {1, 2, 3, 4}
            assert index == 0 or len(follower.located_numbers) == 2
            assert index == 0 or before | follower.located_numbers == {1, 2, 3, 4}
