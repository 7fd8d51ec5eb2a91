"""Recording of takes: the choice of the face, its track, and whole images."""

from landmark_fer.collect.takes import Recorder, select_track
from tests.collect.test_take_controller import SETTINGS, face, frame


def test_the_largest_face_is_selected_and_kept():
    two = [(1, face(60)), (2, face(90))]
    assert select_track(two) == 2
    assert select_track(two, 1) == 1
    assert select_track(two, 7) == 2
    assert select_track([]) is None


def test_a_recorder_never_mixes_two_people():
    recorder = Recorder(SETTINGS)
    recorder.add(frame(0.0), [(1, face(value=1)), (2, face(60, value=2))])
    recorder.add(frame(0.2), [(2, face(200, value=2))])
    recorder.add(frame(0.4), [(1, face(50, value=1)), (2, face(200, value=2))])
    records, frames, _ = recorder.data()
    assert records["chip"][:, 0, 0].tolist() == [1, 1]
    assert [row["time_s"] for row in frames] == [0.0, 0.4]


def test_whole_images_are_recorded_with_keep_images():
    recorder = Recorder(SETTINGS, keep_images=True)
    recorder.add(frame(0.0), [(1, face())])
    assert [image[:8] for image in recorder.data()[2]] == [b"\x89PNG\r\n\x1a\n"]
