"""Rate limits with an artificial clock, and the count of visitors."""

import pytest

from landmark_fer.live.pacing import RateLimit
from landmark_fer.live.web.limits import AddressLimits, Visitors


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_a_burst_is_used_up_and_refills(clock):
    limit = RateLimit(2.0, 3, clock=clock)
    assert [limit.take() for _ in range(5)] == [True, True, True, False, False]
    clock.now += 0.5
    assert limit.take() and not limit.take()


def test_a_limit_never_exceeds_its_burst(clock):
    limit = RateLimit(2.0, 3, clock=clock)
    clock.now += 1000
    assert limit.full
    assert sum(limit.take() for _ in range(10)) == 3


def test_the_average_rate_is_limited(clock):
    limit, taken = RateLimit(5.0, 2, clock=clock), 0
    for _ in range(1000):
        clock.now += 0.01
        taken += limit.take()
    assert 49 <= taken <= 52


def test_addresses_have_separate_limits(clock):
    limits = AddressLimits(1.0, 1, clock=clock)
    assert limits.of("one").take() and not limits.of("one").take()
    assert limits.of("other").take()


def test_the_number_of_addresses_is_bounded(clock):
    limits = AddressLimits(1.0, 1, clock=clock)
    for number in range(3 * AddressLimits._MAX_ADDRESSES):
        limits.of(f"address {number}").take()
    assert len(limits._limits) <= AddressLimits._MAX_ADDRESSES + 1
    clock.now += 10  # all are full again
    limits.of("a new one")
    assert len(limits._limits) <= 2


def test_a_visitor_who_leaves_makes_room():
    visitors = Visitors(2)
    assert [visitors.enter() for _ in range(3)] == [True, True, False]
    visitors.leave()
    assert visitors.enter()
