"""Collecting in a browser: who sits down before their camera is led by the same director, and kept in the same way.

Nothing here knows of addresses or sockets; the web's part gives images, keys and wishes, and says what is shown.
"""

import itertools
from collections import deque
from dataclasses import dataclass
from threading import RLock

from landmark_fer.collect.director import Director, Shown
from landmark_fer.collect.recorder import Keeper
from landmark_fer.collect.screen import HINTS, example
from landmark_fer.core.errors import InputError, LandmarkFerError
from landmark_fer.datasets.collection import WHERE, notice, read_about
from landmark_fer.datasets.collection_writer import delete_subject
from landmark_fer.live.sources.frames import Frame
from landmark_fer.perception.tracking.following import FaceFollower

HOW = "in the browser"  # somebody agreed
SOURCE = "browser's camera"
ENOUGH_KEYS = 16  # that wait for the next image; more are nobody's fingers

WHERE_ON_THE_WEB = (
    "Your camera's images go from this browser to the computer that runs collect, and are read there in memory. What "
    "is kept lies on that computer, in {path}; it is sent nowhere else, and nothing is kept in this browser."
)


@dataclass(frozen=True)
class Seen:
    """What a visitor is told about a image.

    Attributes
    ----------
    followed : list of (int, Face)
    shown : Shown
    takes : list of dict
        Of this person, that are kept.
    ended : str or None
        Why nothing goes on, as a sentence.
    """

    followed: list
    shown: Shown
    takes: list
    ended: str | None = None


class CollectionServer:
    """A collection that one person adds to by a browser, one sitting after another.

    Parameters
    ----------
    collection : Collection
        Open.
    extractor : FaceExtractor
    subject : str
    plan : callable
        From this person's takes to a list of Ask.
    expressions : sequence of str
        That `plan` may ask for.
    options : dict
        For `Director`: ``countdown_s``, ``seconds``, ``keep_images``.
    """

    def __init__(self, collection, extractor, *, subject, plan, expressions, **options):
        self.collection, self.extractor, self.subject, self.plan = collection, extractor, subject, plan
        self.expressions, self.options = tuple(expressions), options
        self.lock = RLock()  # between a take that is being kept and the wish to delete everything
        self._sittings = []

    def facts(self):
        """Return what the page tells before and beside everything else, as plain values."""
        path, images = self.collection.path, self.options.get("keep_images", False)
        where = WHERE.format(path=path.resolve())
        told = WHERE_ON_THE_WEB.format(path=path.resolve())
        paragraphs = [told if text == where else text for text in notice(path, self.subject, images=images)]
        hints = {name: HINTS[name] for name in self.expressions}
        return {"subject": self.subject, "where": str(path.resolve()), "paragraphs": paragraphs, "hints": hints}

    @staticmethod
    def example(expression):
        """Return a image of the demo's face showing an expression, shape (230, 230, 3), uint8, RGB."""
        return example(expression)

    def agreed(self):
        """Return when this person agreed to be recorded, to the text as it stands today; None if they did not."""
        if not self.collection.consented(self.subject):
            return None
        return read_about(self.collection.path)["consent"][self.subject]["agreed"]

    def kept(self):
        """Return when this person agreed, and their takes."""
        with self.lock:
            return self.agreed(), self.collection.takes(self.subject)

    def agree(self):
        """Keep that this person agreed."""
        with self.lock:
            if not self.collection.consented(self.subject):
                self.collection.agree(self.subject, HOW)

    def sit(self):
        """Return a new `Sitting`."""
        sitting = Sitting(self)
        self._sittings = [*(one for one in self._sittings if not one.closed), sitting]
        return sitting

    def delete(self):
        """Delete everything of this person, end their sitting, and return how many takes it was.

        Raises
        ------
        InputError
            If nothing of them is there.
        SinkError
            If something cannot be deleted.
        """
        with self.lock:
            for sitting in self._sittings:
                sitting.end(f"everything of {self.subject} was deleted")
            return delete_subject(self.collection.path, self.subject)


class Sitting:
    """One visit to a desk: reads images as the web's readers do, one after another.

    Parameters
    ----------
    desk : CollectionServer

    Attributes
    ----------
    closed : bool
    """

    def __init__(self, desk):
        self.closed, self._desk, self._ended = False, desk, None
        self._keeper = keeper = Keeper(desk.collection, subject=desk.subject, source=SOURCE)
        asks, settings = desk.plan(keeper.takes), desk.extractor.settings
        self._director = Director(asks, keeper.keep, keeper.undo, settings=settings, **desk.options)
        self._keys, self._follower = deque(maxlen=ENOUGH_KEYS), None
        self._began_s, self._time_s, self._numbers = None, 0.0, itertools.count()

    def press(self, key):
        """Do what a key is for when the next image comes; from any thread."""
        self._keys.append(key)

    def end(self, sentence):
        """Record nothing more, and say why."""
        self._ended = sentence

    def read(self, image, *, time_s):
        """Return what is to be `Seen` for the next image.

        Parameters
        ----------
        image : ndarray of shape (height, width, 3), uint8
            RGB.
        time_s : float
            When it came, by any clock; a step back counts as standing still.
        """
        if self._follower is None:
            self._follower, self._began_s = FaceFollower(self._desk.extractor), time_s
        self._time_s = max(self._time_s, time_s - self._began_s)
        followed = self._follower.follow(image, time_s=self._time_s)
        shown = Shown("ended")
        with self._desk.lock:
            try:
                self._check()
                while self._keys:
                    self._director.press(self._keys.popleft())
                shown = self._director.update(Frame(image, self._time_s, next(self._numbers)), followed)
                if self._director.ended:
                    self.end("you left; every whole take is kept")
            except LandmarkFerError as error:
                self.end(str(error))
            return Seen(followed, shown, list(self._keeper.takes), self._ended)

    def close(self):
        """Forget the visitor; what was not a whole take is lost."""
        self.closed = True
        if self._follower is not None:
            self._follower.close()

    def _check(self):
        if self._ended is not None:
            raise InputError(self._ended)
        if not self._desk.collection.consented(self._desk.subject):
            raise InputError(f"{self._desk.subject} must agree before being recorded, and has not; agree first")
