"""Collecting in a window: somebody is asked, sees themselves, presses keys; whole takes are kept as they come."""

from landmark_fer.collect.director import Director
from landmark_fer.collect.recorder import Keeper
from landmark_fer.collect.screen import draw_notice, draw_screen
from landmark_fer.live.pacing import Pace

LISTEN_S = 0.05  # keys are heard at least this often
STAY_S = 3600.0  # a video that has ended stands for so long, for whoever wants to undo


def ask_consent(window, paragraphs):
    """Show what somebody has to know, and return whether they agreed; closing the window is a no."""
    screen = draw_notice(paragraphs)
    while not window.closed:
        key = window.show(screen, wait_s=LISTEN_S)
        if key in ("q", "escape"):
            return False
        if key == "enter":
            return True
    return False


class Sitting:
    """One person before the camera, until all takes are there or they leave.

    Parameters
    ----------
    source : Source
    follower : FaceFollower
    window : Window
    collection : Collection
    subject : str
    source_name : str
        As it is kept with the takes.
    interrupts : Interrupts, optional
        Held back while a take is written.
    """

    def __init__(self, source, follower, window, collection, *, subject, source_name, interrupts=None):
        self.source, self.follower, self.window = source, follower, window
        self._keeper = Keeper(collection, subject=subject, source=source_name, interrupts=interrupts)
        self._pace, self._screen = Pace(), None

    def run(self, asks, **options):
        """Lead through what is asked for; `options` as for `Director`.

        Raises
        ------
        SinkError
            If a take cannot be written; those before are kept.
        SourceError
            If the source breaks.
        """
        director = Director(asks, self._keeper.keep, self._keeper.undo, **options)
        while not (director.ended or self.window.closed):
            frame = self.source.take(LISTEN_S)
            if frame is not None:
                self._show(director, frame)
            elif self.source.ended:
                self._stand(director)
                break
            elif self._screen is not None:
                director.press(self.window.show(self._screen, wait_s=LISTEN_S))

    def _show(self, director, frame):
        followed = self.follower.follow(frame.image, time_s=frame.time_s)
        shown = director.update(frame, followed)
        keeper = self._keeper
        about = {"where": str(keeper.collection.path), "subject": keeper.subject, "n_faces": keeper.n_faces}
        self._screen = draw_screen(frame.image, followed, shown, **about)
        while not self.source.live and not director.ended and (wait_s := self._pace.wait_s(frame.time_s)) > 0:
            director.press(self.window.wait(wait_s))
        director.press(self.window.show(self._screen))

    def _stand(self, director):
        """Leave the last image of a video that has ended, until a key is pressed."""
        left = STAY_S
        while self._screen is not None and not (director.ended or self.window.closed) and left > 0:
            director.press(self.window.show(self._screen, wait_s=LISTEN_S))
            left -= LISTEN_S
