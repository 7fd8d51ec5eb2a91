"""A collecting session in a window: consent, prompts and keys."""

from landmark_fer.collect.screen import draw_notice, draw_screen
from landmark_fer.live.pacing import Pace

KEY_WAIT_S = 0.05  # longest time between two checks of the keys
END_WAIT_S = 3600.0  # how long the last image of a video stays, so that takes can be undone


def ask_consent(window, paragraphs):
    """Show the privacy notice and return whether the person agreed; closing the window means no."""
    screen = draw_notice(paragraphs)
    while not window.closed:
        key = window.show(screen, wait_s=KEY_WAIT_S)
        if key in ("q", "escape"):
            return False
        if key == "enter":
            return True
    return False


class WindowSession:
    """Records one person until all planned takes are stored or the person leaves.

    Parameters
    ----------
    source : Source
    follower : FaceFollower
    window : Window
    controller : TakeController
    store : TakeStore
        The controller's store.
    """

    def __init__(self, source, follower, window, controller, store):
        self.source, self.follower, self.window = source, follower, window
        self.controller, self.store = controller, store
        self._pace, self._screen = Pace(), None

    def run(self):
        """Record the controller's takes.

        Raises
        ------
        SinkError
            If a take cannot be written. The takes before it are stored.
        SourceError
            If the source fails.
        """
        while not (self.controller.ended or self.window.closed):
            frame = self.source.take(KEY_WAIT_S)
            if frame is not None:
                self._process(frame)
            elif self.source.ended:
                self._show_last_screen()
                break
            elif self._screen is not None:
                self.controller.press(self.window.show(self._screen, wait_s=KEY_WAIT_S))

    def _process(self, frame):
        controller, store = self.controller, self.store
        followed = self.follower.follow(frame.image, time_s=frame.time_s)
        state = controller.update(frame, followed)
        folder = str(store.collection.path)
        self._screen = draw_screen(
            frame.image, followed, state, folder=folder, subject=store.subject, n_faces=store.n_faces
        )
        while not self.source.live and not controller.ended and (wait_s := self._pace.wait_s(frame.time_s)) > 0:
            controller.press(self.window.wait(wait_s))
        controller.press(self.window.show(self._screen))

    def _show_last_screen(self):
        """Keep the last screen of a video that has ended, and handle keys."""
        controller, left_s = self.controller, END_WAIT_S
        while self._screen is not None and not (controller.ended or self.window.closed) and left_s > 0:
            controller.press(self.window.show(self._screen, wait_s=KEY_WAIT_S))
            left_s -= KEY_WAIT_S
