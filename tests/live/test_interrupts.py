"""Interrupts: at once, but never in the middle of what must be whole."""

import signal
import sys
import threading

import pytest

from landmark_fer.live.pacing import SIGNALS, Interrupts
from landmark_fer.live.session import Session
from tests.live.stand_ins import FixedReader, Rows, images

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals between threads")


@pytest.mark.parametrize("number", SIGNALS)
def test_signal_interrupts_at_once(number):
    with Interrupts(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(number)


@pytest.mark.parametrize("number", SIGNALS)
def test_signal_waits_for_what_must_be_whole(number):
    done = []
    with Interrupts() as interrupts, pytest.raises(KeyboardInterrupt):
        with interrupts.held_back():
            signal.raise_signal(number)
            done.append("whole")
        done.append("more")
    assert done == ["whole"]


def test_second_signal_comes_through():
    with Interrupts() as interrupts, pytest.raises(KeyboardInterrupt), interrupts.held_back():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        pytest.fail("still here")


def test_error_inside_goes_before_the_interrupt():
    with Interrupts() as interrupts, pytest.raises(ZeroDivisionError), interrupts.held_back():
        signal.raise_signal(signal.SIGINT)
        _ = 1 / 0


def test_held_back_to_the_end():
    with Interrupts() as interrupts:
        interrupts.hold_back()
        signal.raise_signal(signal.SIGTERM)


def test_handlers_are_put_back():
    before = [signal.getsignal(number) for number in SIGNALS]
    with Interrupts():
        assert [signal.getsignal(number) for number in SIGNALS] != before
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_outside_of_the_main_thread_nothing_changes():
    ended = []

    def work():
        with Interrupts() as interrupts, interrupts.held_back():
            ended.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert ended == [True]


def test_session_gives_an_interrupted_frame_to_every_sink():
    class Interrupting(Rows):
        def write(self, frame, seen, **options):
            super().write(frame, seen)
            if frame.index == 3:
                signal.raise_signal(signal.SIGINT)

    first, second = Interrupting(), Rows()
    with Interrupts() as interrupts:
        tally = Session(images(10), FixedReader(1), sinks=[first, second], interrupts=interrupts).run()
    assert tally.frames == len(first.frames) == len(second.frames) == 4
