"""Collecting sessions in a browser, independent of the transport: they take images and keys and return states."""

import itertools
from collections import deque
from dataclasses import dataclass
from threading import RLock

from landmark_fer.collect.examples import HINTS
from landmark_fer.collect.take_controller import SessionState, TakeController
from landmark_fer.collect.takes import TakeStore
from landmark_fer.core.errors import InputError, LandmarkFerError
from landmark_fer.datasets.collection import WHERE, notice, read_description
from landmark_fer.datasets.collection_writer import delete_subject
from landmark_fer.live.sources.frames import Frame
from landmark_fer.perception.tracking.following import FaceFollower

CONSENT_METHOD = "in the browser"
SOURCE = "browser's camera"
MAX_KEYS = 16  # that wait for the next image

WHERE_ON_THE_WEB = (
    "Your camera's images go from this browser to the computer that runs collect, which reads them in memory. Recorded "
    "data stay on that computer, in {path}. Nothing is sent anywhere else, and nothing is stored in this browser."
)


@dataclass(frozen=True)
class FrameResult:
    """The result of one image of a visitor.

    Attributes
    ----------
    followed : list of (int, Face)
    state : SessionState
    takes : list of dict
        The subject's stored takes.
    ended : str or None
        Reason why the session is over.
    """

    followed: list
    state: SessionState
    takes: list
    ended: str | None = None


class CollectionService:
    """Records one subject into a collection, one visitor session after another.

    Parameters
    ----------
    collection : Collection
        Open.
    extractor : FaceExtractor
    subject : str
    planner : Planner
    countdown_s, seconds, keep_images
        As for `TakeController`.
    """

    def __init__(self, collection, extractor, *, subject, planner, countdown_s=3.0, seconds=2.0, keep_images=False):
        self.collection, self.extractor, self.subject, self.planner = collection, extractor, subject, planner
        self.countdown_s, self.seconds, self.keep_images = countdown_s, seconds, keep_images
        self.lock = RLock()  # no take is written while everything is deleted
        self._sessions = []

    @property
    def expressions(self):
        """The expressions that can be planned."""
        return tuple(self.planner.expressions)

    def facts(self):
        """Return the JSON values that the page needs about the collection: subject, folder, privacy notice, hints."""
        path = self.collection.path.resolve()
        on_the_web = {WHERE.format(path=path): WHERE_ON_THE_WEB.format(path=path)}
        paragraphs = notice(self.collection.path, self.subject, images=self.keep_images)
        return {
            "subject": self.subject,
            "folder": str(path),
            "paragraphs": [on_the_web.get(text, text) for text in paragraphs],
            "hints": {name: HINTS[name] for name in self.expressions},
        }

    def consent_date(self):
        """Return when the subject agreed to today's privacy notice; None if they did not."""
        if not self.collection.consented(self.subject):
            return None
        return read_description(self.collection.path)["consent"][self.subject]["agreed"]

    def overview(self):
        """Return the subject's consent date and takes."""
        with self.lock:
            return self.consent_date(), self.collection.takes(self.subject)

    def agree(self):
        """Store the subject's consent."""
        with self.lock:
            if not self.collection.consented(self.subject):
                self.collection.agree(self.subject, CONSENT_METHOD)

    def start_session(self):
        """Return a new `VisitorSession`."""
        session = VisitorSession(self)
        self._sessions = [*(other for other in self._sessions if not other.closed), session]
        return session

    def delete(self):
        """Delete all data of the subject, end their sessions, and return the number of deleted takes.

        Raises
        ------
        InputError
            If there is nothing to delete.
        SinkError
            If something cannot be deleted.
        """
        with self.lock:
            for session in self._sessions:
                session.end(f"all data of {self.subject} were deleted")
            return delete_subject(self.collection.path, self.subject)


class VisitorSession:
    """One visitor's session; reads images one after another, like the readers of ``live``.

    Parameters
    ----------
    service : CollectionService

    Attributes
    ----------
    closed : bool
    """

    def __init__(self, service):
        self.closed, self._service, self._ended = False, service, None
        self._store = TakeStore(service.collection, subject=service.subject, source=SOURCE)
        self._controller = TakeController(
            service.planner.plan_missing(self._store.takes),
            self._store,
            settings=service.extractor.settings,
            countdown_s=service.countdown_s,
            seconds=service.seconds,
            keep_images=service.keep_images,
        )
        self._keys, self._follower = deque(maxlen=MAX_KEYS), None
        self._start_s, self._time_s, self._numbers = None, 0.0, itertools.count()

    def press(self, key):
        """Queue a key for the next image; thread-safe."""
        self._keys.append(key)

    def end(self, reason):
        """End the session; nothing is recorded afterwards."""
        self._ended = reason

    def read(self, image, *, time_s):
        """Process an image and return its `FrameResult`.

        Parameters
        ----------
        image : ndarray of shape (height, width, 3), uint8
            RGB.
        time_s : float
            Time of arrival by any clock. If the clock goes back, the session's time stands still.
        """
        if self._follower is None:
            self._follower, self._start_s = FaceFollower(self._service.extractor), time_s
        self._time_s = max(self._time_s, time_s - self._start_s)
        followed = self._follower.follow(image, time_s=self._time_s)
        state = SessionState("ended")
        with self._service.lock:
            try:
                self._check()
                while self._keys:
                    self._controller.press(self._keys.popleft())
                state = self._controller.update(Frame(image, self._time_s, next(self._numbers)), followed)
                if self._controller.ended:
                    self.end("you left; all complete takes are stored")
            except LandmarkFerError as error:
                self.end(str(error))
            return FrameResult(followed, state, list(self._store.takes), self._ended)

    def close(self):
        """Release the follower; an incomplete take is lost."""
        self.closed = True
        if self._follower is not None:
            self._follower.close()

    def _check(self):
        if self._ended is not None:
            raise InputError(self._ended)
        if not self._service.collection.consented(self._service.subject):
            raise InputError(f"{self._service.subject} must agree before being recorded, and has not; agree first")
