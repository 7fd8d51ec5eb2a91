"""Allowances by a clock of the test's own; visitors; addresses."""

import pytest

from landmark_fer.live.web.limits import AddressBook, Allowance, Visitors


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_an_allowance_runs_out_and_comes_back(clock):
    allowance = Allowance(2.0, 3, clock=clock)
    assert [allowance.take() for _ in range(5)] == [True, True, True, False, False]
    clock.now += 0.5
    assert allowance.take() and not allowance.take()


def test_an_allowance_never_grows_over_its_burst(clock):
    allowance = Allowance(2.0, 3, clock=clock)
    clock.now += 1000
    assert allowance.full
    assert sum(allowance.take() for _ in range(10)) == 3


def test_in_the_long_run_the_rate_holds(clock):
    allowance, taken = Allowance(5.0, 2, clock=clock), 0
    for _ in range(1000):
        clock.now += 0.01
        taken += allowance.take()
    assert 49 <= taken <= 52


def test_addresses_do_not_take_from_one_another(clock):
    book = AddressBook(1.0, 1, clock=clock)
    assert book.of("one").take() and not book.of("one").take()
    assert book.of("other").take()


def test_a_book_of_addresses_does_not_grow_without_end(clock):
    book = AddressBook(1.0, 1, clock=clock)
    for number in range(3 * AddressBook._MOST):
        book.of(f"address {number}").take()
    assert len(book._allowances) <= AddressBook._MOST + 1
    clock.now += 10  # all are full again
    book.of("a new one")
    assert len(book._allowances) <= 2


def test_there_is_room_for_so_many_visitors_and_again_when_one_leaves():
    visitors = Visitors(2)
    assert [visitors.enter() for _ in range(3)] == [True, True, False]
    visitors.leave()
    assert visitors.enter()
