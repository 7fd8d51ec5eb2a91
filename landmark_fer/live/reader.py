"""Readers: recognize the faces of frames and smooth the results over time."""

import copy
import itertools
from dataclasses import replace

from landmark_fer.core.errors import InputError
from landmark_fer.perception.tracking.following import FaceFollower
from landmark_fer.recognition import OFF
from landmark_fer.recognition.min_quality import check_min_quality, has_quality
from landmark_fer.recognition.results import RecognizedFace
from landmark_fer.recognition.smoothing import Smoother
from landmark_fer.recognition.speech import SpeechDetector, in_video
from landmark_fer.recognition.track_baselines import TrackBaselines

SPEAKS = 0.5  # how surely a face speaks from which it counts for no baseline, and is smoothed longer
AVERAGES = 0.5  # strength of smoothing from which it averages over a face and its mirror image in turns
MEMORY_S = 1.0  # how long the state of a track is kept after its face was last in sight

_CHIP_SETTINGS, _CROP_SETTINGS = ("chip_size",), ("crop_size", "crop_margin")


class LiveReader:
    """Reads the frames of one video: tracks faces, recognizes expressions and smooths them over time.

    The prediction of a track that has a neutral baseline is given it, then the odds of videos (`recognition.speech`),
    then it is smoothed. The last two are left out without smoothing.

    Parameters
    ----------
    recognizer : Recognizer
    smoothing : float, default=0.5
        Strength of the `Smoother`; 0 shows the model's predictions unchanged.
    every : int, optional
        As for `FaceFollower`: detect faces in each n-th frame.
    versus : Recognizer, optional
        A second model to compare with, applied to the same faces.
    min_quality : mapping of str to float, optional
        Leave out faces below these limits, as for `check_min_quality`. They are followed all the same.
    baseline : Baseline or str, default="off"
        As for `TrackBaselines`. The second model has baselines of its own, and a given one if that is of it, too.
    follower : FaceFollower, optional
        Another that follows the faces, such as a record of what one did.

    Attributes
    ----------
    n_left_out : int
        Number of faces of the last image that were left out.
    located : list of (int, Face)
        All faces of the last image with their numbers, also those that were left out.
    in_turns : bool
        Whether more than two faces take turns, as in `FaceFollower`, and a network reads a face and its mirror image in
        turns, from frame to frame; False if it is not set. For cameras, whose frames do not wait. A face that is not
        located in a frame keeps its prediction, and smoothing averages over both images; both are read in each frame
        where it is weaker than `AVERAGES`.

    Raises
    ------
    InputError
        If the two models need faces of different settings, a limit is unknown, or a baseline is of another model.
    """

    still = False

    def __init__(
        self, recognizer, *, smoothing=0.5, every=None, versus=None, min_quality=None, baseline=OFF, follower=None
    ):
        self._min_quality, self.n_left_out = check_min_quality(min_quality), 0
        self.located = []
        self._models = [recognizer] if versus is None else [recognizer, versus]
        self._smoothers = [
            Smoother(model.classes, strength=smoothing, threshold=model.threshold) for model in self._models
        ]
        self._baselines = _make_baselines(self._models, baseline)
        self._follower = follower or FaceFollower(shared_extractor(self._models), every=every)
        self._speech = SpeechDetector()
        self._latest, self._last_seen_s, self._mirrored = {}, {}, {}

    def read(self, image, *, time_s):
        """Return the faces of the video's next frame.

        Parameters
        ----------
        image : ndarray of shape (height, width, 3) in RGB or (height, width), uint8
        time_s : float
            When it was taken, in seconds; never less than in the call before.

        Returns
        -------
        list of RecognizedFace
        """
        self.located = followed = self._follower.follow(image, time_s=time_s)
        good = [(track_id, face) for track_id, face in followed if self._is_good(track_id, face, image.shape)]
        self.n_left_out = len(followed) - len(good)
        located = [(track_id, face) for track_id, face in good if track_id in self._follower.located_numbers]
        speaking = [self._speech.update(track_id, face.landmarks, time_s=time_s) for track_id, face in located]
        mirrored = self._take_sides([track_id for track_id, _ in located])
        faces = _recognize(self._models, located, image.shape, speaking, mirrored)
        self._last_seen_s.update((track_id, time_s) for track_id, _ in good)
        self._last_seen_s = {
            track_id: last_s for track_id, last_s in self._last_seen_s.items() if time_s - last_s <= MEMORY_S
        }
        self._mirrored = {each: side for each, side in self._mirrored.items() if each in self._last_seen_s}
        for each in (*self._smoothers, self._speech):
            each.keep_only(list(self._last_seen_s))
        for baselines in self._baselines:
            baselines.keep_only({*self._last_seen_s, *(track_id for track_id, _ in followed)})
        n_waiting = len(good) - len(located)
        faces = _with_baselines(self._models, self._baselines, faces, time_s, speaking, n_waiting=n_waiting)
        smoothed = {
            face.track_id: self._smooth(face, time_s, speech) for face, speech in zip(faces, speaking, strict=True)
        }
        shown = [smoothed.get(track_id) or _moved_to(face.box, self._latest[track_id]) for track_id, face in good]
        self._latest = {track_id: smoothed.get(track_id) or self._latest[track_id] for track_id, _ in good}
        self._follower.start_detection()
        return shown

    def _take_sides(self, track_ids):
        """Return for each track whether the mirror image of its face is read in this frame; None to read both.

        Weaker smoothing would show how the two differ, from frame to frame.
        """
        if not self.in_turns or self._smoothers[0].strength < AVERAGES:
            return None
        sides = [not self._mirrored.get(track_id, True) for track_id in track_ids]
        self._mirrored.update(zip(track_ids, sides, strict=True))
        return sides

    def _is_good(self, track_id, face, image_shape):
        """Return whether a face is good enough to recognize; one that was not located is as good as it was."""
        if track_id in self._follower.located_numbers:
            return has_quality(face, image_shape, self._min_quality)
        return track_id in self._latest

    def close(self):
        """Stop the detection that runs in the background."""
        self._follower.close()

    @property
    def in_turns(self):
        """Whether more than two faces take turns, and a network reads a face and its mirror image in turns."""
        return self._follower.in_turns

    @in_turns.setter
    def in_turns(self, value):
        """Set it, from the next frame on."""
        self._follower.in_turns = value

    @property
    def baselines(self):
        """The `TrackBaselines` of the first model."""
        return self._baselines[0]

    def request_baseline(self, seconds):
        """Record the neutral baseline of each track during so many seconds from the next frame on.

        The second model's are recorded as well. Another thread may call this.
        """
        for baselines in self._baselines:
            baselines.request(seconds)

    def _smooth(self, face, time_s, speech):
        recognition, *versus = (
            smoother.update(
                face.track_id,
                in_video(personal, speech, threshold=smoother.threshold) if smoother.strength else personal,
                time_s=time_s,
                speaking=speech >= SPEAKS,
            )
            for smoother, personal in zip(self._smoothers, (face.recognition, face.versus), strict=False)
        )
        return replace(face, recognition=recognition, versus=versus[0] if versus else None)


class StillReader:
    """Reads single images: faces are neither tracked nor smoothed, and each has a number of its own.

    Parameters
    ----------
    recognizer : Recognizer
    versus : Recognizer, optional
        A second model to compare with, applied to the same faces.
    min_quality : mapping of str to float, optional
        As for `LiveReader`.
    baseline : Baseline or str, default="off"
        A given baseline is used for the face of each image that shows only one; others are of videos.

    Attributes
    ----------
    n_left_out : int
        Number of faces of the last image that were left out.
    located : list of (int, Face)
        All faces of the last image, numbered in it, also those that were left out.

    Raises
    ------
    InputError
        If the two models need faces of different settings, or a limit is unknown.
    """

    still = True

    def __init__(self, recognizer, *, versus=None, min_quality=None, baseline=OFF):
        self._min_quality, self.n_left_out = check_min_quality(min_quality), 0
        self.located = []
        self._models = [recognizer] if versus is None else [recognizer, versus]
        self._baselines = _make_baselines(self._models, OFF if isinstance(baseline, str) else baseline)
        self._extractor = shared_extractor(self._models)
        self._numbers = itertools.count(1)

    def read(self, image, *, time_s=0.0):
        """Return the faces of an image, highest detector score first, as a list of RecognizedFace; ignores the time."""
        faces = self._extractor.extract(image)
        self.located = list(enumerate(faces))
        good = [face for face in faces if has_quality(face, image.shape, self._min_quality)]
        self.n_left_out = len(faces) - len(good)
        faces = _recognize(self._models, [(next(self._numbers), face) for face in good], image.shape)
        faces = _with_baselines(self._models, self._baselines, faces, time_s)
        for baselines in self._baselines:
            baselines.keep_only([])
        return faces

    @property
    def baselines(self):
        """The `TrackBaselines` of the first model."""
        return self._baselines[0]

    def close(self):
        """Do nothing; there is no detection in the background."""


def _moved_to(box, face):
    """Return a RecognizedFace of an earlier frame where the face, which was not located since then, has this box."""
    before = face.raw.face.box
    return face.moved(box.x - before.x, box.y - before.y)


def shared_extractor(recognizers):
    """Return an extractor whose faces every recognizer can read: the first one's, with the crop that another needs.

    Parameters
    ----------
    recognizers : sequence of Recognizer

    Returns
    -------
    FaceExtractor
        The first recognizer's own where its faces suit all.

    Raises
    ------
    InputError
        If the recognizers need chips or crops of different settings.
    """
    extractor = recognizers[0].extractor
    settings = [recognizer.extractor.settings for recognizer in recognizers]
    chip = _common_settings(settings, _CHIP_SETTINGS, "chips")
    crop = _common_settings([each for each in settings if each.crop_size > 0], _CROP_SETTINGS, "crops")
    common = replace(extractor.settings, **chip, **crop)
    if common == extractor.settings:
        return extractor
    shared = copy.copy(extractor)  # shares detector and shape predictor, 100 MB
    shared.settings = common
    return shared


def _common_settings(settings, names, what):
    """Return the values that all extractor settings have for some names; empty where there are no settings."""
    values = [{name: getattr(each, name) for name in names} for each in settings]
    different = [value for index, value in enumerate(values) if value not in values[:index]]
    if len(different) > 1:
        got = " and ".join(", ".join(f"{name} {value:g}" for name, value in each.items()) for each in different)
        raise InputError(f"two models side by side must read {what} of one kind, got {got}; choose another --versus")
    return different[0] if different else {}


def _recognize(recognizers, tracked, image_shape, speaking=None, mirrored=None):
    """Return the predictions of each model for faces, given as (track_id, Face), as a list of RecognizedFace."""
    faces = [face for _, face in tracked]
    options = {"image_shape": image_shape, "speaking": speaking, "mirrored": mirrored}
    predictions = [recognizer.recognize_faces(faces, **options) for recognizer in recognizers]
    versus = predictions[1] if len(predictions) == 2 else [None] * len(faces)
    rows = zip(tracked, predictions[0], versus, strict=True)
    return [RecognizedFace(track_id, raw, raw=raw, versus=other) for (track_id, _), raw, other in rows]


def _make_baselines(recognizers, baseline):
    """Return the TrackBaselines of each model; a given baseline must be of the first one."""
    first, *others = recognizers
    return [
        TrackBaselines(first, baseline),
        *(
            TrackBaselines(other, baseline if isinstance(baseline, str) or baseline.is_of(other) else OFF)
            for other in others
        ),
    ]


def _with_baselines(recognizers, baselines, faces, time_s, speaking=None, *, n_waiting=0):
    """Return the faces of a frame with the predictions of each model given its baselines; ``raw`` stays.

    Faces that speak count for no baseline: their mouths were taken for closed. `speaking` is None for photographs.
    """
    speaking = [None] * len(faces) if speaking is None else speaking
    speakers = [face.track_id for face, speech in zip(faces, speaking, strict=True) if (speech or 0.0) >= SPEAKS]
    plain = [[face.raw for face in faces], [face.versus for face in faces]]
    personal = []
    for recognizer, each, recognitions in zip(recognizers, baselines, plain, strict=False):
        by_track = {face.track_id: one for face, one in zip(faces, recognitions, strict=True)}
        each.update(by_track, time_s, speakers, n_waiting=n_waiting)
        tracks = [each.get(face.track_id) for face in faces]
        rows = zip(recognitions, tracks, speaking, strict=True)
        personal.append([_given(recognizer, *row) for row in rows])
    tracks = [baselines[0].get(face.track_id) or (None, None) for face in faces]
    versus = personal[1] if len(personal) == 2 else plain[1]
    return [
        replace(face, recognition=first, versus=second, baseline=baseline, baseline_origin=origin)
        for face, first, second, (baseline, origin) in zip(faces, personal[0], versus, tracks, strict=True)
    ]


def _given(recognizer, recognition, track, speaking):
    """Return a recognition given the baseline of its track, which may be None or have measurements only.

    In a video, a mouth that opens is no smile; as far as it speaks, the model saw it closed.
    """
    if track is None or not track.baseline.is_of(recognizer):
        return recognition
    opened = 0.0 if speaking is None else (1 - speaking) * track.baseline.opened(recognition.face.landmarks)
    return recognizer.given_baseline(recognition, track.baseline, opened=opened)
