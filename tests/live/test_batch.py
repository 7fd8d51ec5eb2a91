"""Folders and videos from Python: the same faces as live, in order, without leftovers."""

import cv2
import numpy as np
import pytest

import landmark_fer
from landmark_fer.artifact.artifact import load_artifact
from landmark_fer.core.errors import InputError, SourceError
from landmark_fer.live.batch import recognize_folder, recognize_video, recognize_videos
from landmark_fer.live.reader import LiveReader, StillReader
from landmark_fer.live.sources.demo import FRAMES_PER_SECOND
from landmark_fer.live.sources.opening import open_source
from landmark_fer.recognition.baseline import Baseline
from landmark_fer.recognition.recognizer import Recognizer

N_FRAMES = 12


@pytest.fixture(scope="module")
def recognizer(saved):
    return Recognizer(saved)


@pytest.fixture(scope="module")
def video(demo_avi):
    return demo_avi


def values(faces):
    return [(face.track_id, face.recognition.to_dict(), face.raw.to_dict()) for face in faces]


def test_a_video_is_read_as_live_reads_it(recognizer, video):
    reader = LiveReader(recognizer, smoothing=0.8, every=1, baseline="auto")
    with open_source(video) as source:
        expected = [(frame.time_s, values(reader.read(frame.image, time_s=frame.time_s))) for frame in source]
    reader.close()
    found = list(recognize_video(video, recognizer=recognizer, smoothing=0.8, every=1))
    assert [(frame.time_s, values(faces)) for frame, faces in found] == expected
    assert len(found) == N_FRAMES and {face.track_id for _, faces in found for face in faces} == {1}
    smooth, raw = found[-1][1][0].recognition, found[-1][1][0].raw
    assert smooth.probabilities != raw.probabilities and smooth.thumbnail is None


@pytest.mark.parametrize(
    ("fps", "indices"),
    [
        (FRAMES_PER_SECOND, list(range(N_FRAMES))),
        (FRAMES_PER_SECOND / 4, [0, 4, 8]),
        (10 * FRAMES_PER_SECOND, list(range(N_FRAMES))),
        (0.1, [0]),
    ],
)
def test_fps_leaves_out_frames(recognizer, video, fps, indices):
    found = list(recognize_video(video, recognizer=recognizer, fps=fps))
    assert [frame.index for frame, _ in found] == indices
    assert found[-1][1][0].track_id == 1


def test_a_video_that_is_left_early_is_closed(recognizer, video, monkeypatch):
    closed = []
    monkeypatch.setattr(LiveReader, "close", lambda self: closed.append(self._follower.close()))
    frames = recognize_video(video, recognizer=recognizer)
    next(frames)
    assert closed == []
    frames.close()
    assert len(closed) == 1


@pytest.mark.parametrize("fps", [0, -1, float("nan")])
def test_impossible_rates_are_refused(recognizer, video, fps):
    with pytest.raises(InputError, match="fps of recognize_video must be over 0"):
        next(recognize_video(video, recognizer=recognizer, fps=fps))


def test_a_video_must_exist_and_be_one(recognizer, tmp_path):
    with pytest.raises(SourceError, match="does not exist"):
        next(recognize_video(tmp_path / "missing.mp4", recognizer=recognizer))
    with pytest.raises(InputError, match="use recognize_folder"):
        next(recognize_video(tmp_path, recognizer=recognizer))


def test_a_folder_of_videos_gives_the_frames_of_each(recognizer, video, tmp_path, caplog):
    (tmp_path / "sub").mkdir()
    for name in ("10.avi", "2.avi", "sub/1.avi"):
        (tmp_path / name).write_bytes(video.read_bytes())
    (tmp_path / "3.mp4").write_bytes(b"no video")
    (tmp_path / "photo.jpg").write_bytes(b"an image")
    found = list(recognize_videos(tmp_path, recognizer=recognizer, fps=5))
    expected = list(recognize_video(video, recognizer=recognizer, fps=5))
    assert [file for file, _, _ in found] == [
        tmp_path / name for name in ("2.avi", "10.avi", "sub/1.avi") for _ in expected
    ]
    assert [values(faces) for _, _, faces in found] == 3 * [values(faces) for _, faces in expected]
    assert "photo.jpg (an image)" in caplog.text and "3.mp4" in caplog.text
    with pytest.raises(SourceError, match="holds no images but 4 videos"):
        (tmp_path / "photo.jpg").unlink()
        next(recognize_folder(tmp_path, recognizer=recognizer))
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match=r"holds no videos \(it is empty\)"):
        next(recognize_videos(tmp_path / "empty", recognizer=recognizer))


def test_a_folder_gives_each_image_with_its_faces(recognizer, astronaut, tmp_path, caplog):
    (tmp_path / "more").mkdir()
    for name, image in (("more/10.png", astronaut), ("2.png", np.full((90, 90, 3), 128, np.uint8))):
        cv2.imwrite(str(tmp_path / name), image[..., ::-1])
    (tmp_path / "3.png").write_bytes((tmp_path / "more" / "10.png").read_bytes()[:2000])
    (tmp_path / "notes.txt").write_text("no image")
    found = list(recognize_folder(tmp_path, recognizer=recognizer))
    assert [file for file, _ in found] == [tmp_path / "2.png", tmp_path / "more" / "10.png"]
    assert found[0][1] == []
    expected = recognizer.recognize(astronaut)
    assert [each.to_dict() for each in found[1][1]] == [each.to_dict() for each in expected]
    assert found[1][1][0].thumbnail is not None
    assert "3.png" in caplog.text and "notes.txt" in caplog.text


def test_a_folder_is_judged_against_the_neutral_face_of_its_person(astronaut, tmp_path, caplog):
    person = astronaut[:300, :400]  # without the badges, which look like faces
    cv2.imwrite(str(tmp_path / "1.png"), person[..., ::-1])
    recognizer = Recognizer(load_artifact())
    baseline = Baseline.from_images([person], recognizer)
    ((_, (found,)),) = recognize_folder(tmp_path, recognizer=recognizer, baseline=baseline)
    (expected,) = recognizer.recognize(person, baseline=baseline)
    assert found.to_dict() == expected.to_dict() and found.thumbnail is not None
    assert found.without_baseline == recognizer.recognize(person)[0].probabilities
    behind = cv2.resize(person, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
    both = np.vstack([person, np.pad(behind, ((0, 0), (0, 160), (0, 0)))])
    cv2.imwrite(str(tmp_path / "2.png"), both[..., ::-1])
    _, (_, two) = recognize_folder(tmp_path, recognizer=recognizer, baseline=baseline)
    assert [each.without_baseline for each in two] == [None] * 2
    assert "1 image shows several faces, which are predicted without the baseline" in caplog.text
    read = StillReader(recognizer, baseline=baseline).read(both)
    assert [each.recognition.probabilities for each in read] == [each.probabilities for each in two]
    _, (_, (large,)) = recognize_folder(tmp_path, recognizer=recognizer, baseline=baseline, min_quality={"size": 80})
    assert large.face.box.width >= 80 and large.without_baseline


def test_faces_of_low_quality_are_left_out_and_counted(recognizer, video, astronaut, tmp_path, caplog):
    cv2.imwrite(str(tmp_path / "photo.png"), astronaut[..., ::-1])
    size = recognizer.recognize(astronaut)[0].face.box.width
    for limit, n_faces in ((size, 1), (size + 1, 0)):
        caplog.clear()
        ((_, found),) = recognize_folder(tmp_path, recognizer=recognizer, min_quality={"size": limit})
        assert len(found) == n_faces
        assert ("1 faces were left out by min_quality" in caplog.text) == (n_faces == 0)
    plain = list(recognize_video(video, recognizer=recognizer))
    frames = list(recognize_video(video, recognizer=recognizer, min_quality={"size": 1.0}))
    assert [values(faces) for _, faces in frames] == [values(faces) for _, faces in plain]
    frames = list(recognize_video(video, recognizer=recognizer, min_quality={"size": 5000.0}))
    assert [(frame.n_left_out, faces) for frame, faces in frames] == [(1, [])] * N_FRAMES
    with pytest.raises(InputError, match="minimum inside must be a number from 0 to 1"):
        next(recognize_folder(tmp_path, recognizer=recognizer, min_quality={"inside": 90}))


def test_the_bundled_model_is_the_default(astronaut, tmp_path):
    cv2.imwrite(str(tmp_path / "photo.png"), astronaut[..., ::-1])
    ((_, (recognition,)),) = landmark_fer.recognize_folder(tmp_path)
    assert recognition.to_dict() == landmark_fer.recognize(astronaut)[0].to_dict()


def test_an_empty_folder_is_refused(recognizer, tmp_path):
    with pytest.raises(SourceError, match="holds no images"):
        next(recognize_folder(tmp_path, recognizer=recognizer))
