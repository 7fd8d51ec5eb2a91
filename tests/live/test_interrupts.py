"""Interrupts: at once, but never in the middle of a block that holds them back."""

import signal
import sys
import threading

import pytest

from landmark_fer.live.pacing import SIGNALS, Interrupts
from landmark_fer.live.session import Session
from tests.live.stand_ins import FixedReader, Rows, images

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals between threads")


@pytest.fixture(autouse=True)
def hang_up_is_not_ignored():
    """Undo what nohup, under which the tests may run, does to SIGHUP."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("number", SIGNALS)
def test_signal_interrupts_at_once(number):
    with Interrupts(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(number)


def test_a_command_that_nohup_starts_outlives_its_terminal():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with Interrupts():
        signal.raise_signal(signal.SIGHUP)
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN


@pytest.mark.parametrize("number", SIGNALS)
def test_signal_waits_for_the_end_of_a_block(number):
    done = []
    with Interrupts() as interrupts, pytest.raises(KeyboardInterrupt):
        with interrupts.held_back():
            signal.raise_signal(number)
            done.append("whole")
        done.append("more")
    assert done == ["whole"]


def test_signal_that_was_held_back_is_raised_when_released():
    with Interrupts() as interrupts:
        interrupts.hold_back()
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            interrupts.release()
        interrupts.release()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_second_signal_interrupts_the_block():
    with Interrupts() as interrupts, pytest.raises(KeyboardInterrupt), interrupts.held_back():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        pytest.fail("still here")


def test_error_inside_a_block_is_raised_instead_of_the_interrupt():
    with Interrupts() as interrupts, pytest.raises(ZeroDivisionError), interrupts.held_back():
        signal.raise_signal(signal.SIGINT)
        _ = 1 / 0


def test_signals_can_be_held_back_to_the_end():
    with Interrupts() as interrupts:
        interrupts.hold_back()
        signal.raise_signal(signal.SIGTERM)


def test_handlers_are_restored():
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
        def write(self, frame, faces=(), explanations=None):
            super().write(frame, faces)
            if frame.index == 3:
                signal.raise_signal(signal.SIGINT)

    first, second = Interrupting(), Rows()
    with Interrupts() as interrupts:
        summary = Session(images(10), FixedReader(1), sinks=[first, second], interrupts=interrupts).run()
    assert summary.frames == len(first.frames) == len(second.frames) == 4
