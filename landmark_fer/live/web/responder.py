"""Responses to the images of one video, with the details and explanations that clients ask for."""

import time

from landmark_fer.drawing.blur import hide_chips
from landmark_fer.live.observers import ExplanationSchedule, explain_within
from landmark_fer.live.web.protocol import explanation_response, image_response


class Responder:
    """Makes the responses to the images of one video. It explains at the pace of the window, and within a limit.

    Parameters
    ----------
    limit : RateLimit
        Of the seconds for explanations; others may share it.
    extras : frozenset of str, default=frozenset()
    per_frame : int or None, default=1
        As for `ExplanationSchedule`.
    blurred : bool, default=False
        Whether heat maps are on plain grey, because the faces are not to be seen.

    Attributes
    ----------
    extras : frozenset of str
        The `EXTRAS` in responses. Another thread may replace it.
    """

    def __init__(self, limit, *, extras=frozenset(), per_frame=1, blurred=False):
        self.extras, self._blurred = extras, blurred
        self._schedule, self._explanations = ExplanationSchedule(per_frame=per_frame, explain=explain_within(limit)), {}

    def respond(self, image, faces, arrived_s, time_s=None):
        """Return the JSON values of `ImageResponse`.

        Parameters
        ----------
        image : ndarray of shape (height, width, 3), uint8
        faces : list of RecognizedFace
        arrived_s : float
            When the image arrived, by `time.monotonic`.
        time_s : float, optional
            Time in the video, by default `arrived_s`.
        """
        extras = self.extras
        explanations = {}
        if "explain" in extras:
            explanations = self._explain(faces, arrived_s if time_s is None else time_s)
        seconds = time.monotonic() - arrived_s
        return image_response(image, faces, seconds=seconds, details="details" in extras, explanations=explanations)

    def _explain(self, faces, time_s):
        """Return the latest explanations of the faces that can be read, as JSON values by track id."""
        faces = [face for face in faces if face.recognition.reason is None]
        new = self._schedule.update(faces, time_s)
        shown = [face for face in faces if face.track_id in new]
        for face in hide_chips(shown) if self._blurred else shown:
            self._explanations[face.track_id] = explanation_response(new[face.track_id], face.recognition.face.chip)
        self._explanations = {track_id: self._explanations[track_id] for track_id in self._schedule.latest}
        return self._explanations
