"""A collecting session in a window: consent, prompts and keys."""

from landmark_fer.collect.screen import draw_notice, draw_screen
from landmark_fer.collect.take_controller import TakeController
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
    store : TakeStore
    """

    def __init__(self, source, follower, window, store):
        self.source, self.follower, self.window, self.store = source, follower, window, store
        self._pace, self._screen = Pace(), None

    def run(self, plan, **options):
        """Record the takes of a plan; `options` as for `TakeController`.

        Raises
        ------
        SinkError
            If a take cannot be written. The takes before it are stored.
        SourceError
            If the source fails.
        """
        controller = TakeController(plan, self.store, **options)
        while not (controller.ended or self.window.closed):
            frame = self.source.take(KEY_WAIT_S)
            if frame is not None:
                self._process(controller, frame)
            elif self.source.ended:
                self._show_last_screen(controller)
                break
            elif self._screen is not None:
                controller.press(self.window.show(self._screen, wait_s=KEY_WAIT_S))

    def _process(self, controller, frame):
        followed = self.follower.follow(frame.image, time_s=frame.time_s)
        state, store = controller.update(frame, followed), self.store
        folder = str(store.collection.path)
        self._screen = draw_screen(
            frame.image, followed, state, folder=folder, subject=store.subject, n_faces=store.n_faces
        )
        while not self.source.live and not controller.ended and (wait_s := self._pace.wait_s(frame.time_s)) > 0:
            controller.press(self.window.wait(wait_s))
        controller.press(self.window.show(self._screen))

    def _show_last_screen(self, controller):
        """Keep the last screen of a video that has ended, and handle keys."""
        left_s = END_WAIT_S
        while self._screen is not None and not (controller.ended or self.window.closed) and left_s > 0:
            controller.press(self.window.show(self._screen, wait_s=KEY_WAIT_S))
            left_s -= KEY_WAIT_S
