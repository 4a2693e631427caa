"""How often an address may ask: exact, per network, in bounded memory."""

import pytest

from keyfuse_webhook.address_limit import AddressLimit, network_of, plain_address


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


def test_burst_then_one_each_interval():
    clock = Clock()
    limit = AddressLimit(burst=3, period=6, clock=clock)
    assert [limit.wait("192.0.2.1") for _ in range(5)] == [0, 0, 0, 2, 2]
    clock.now += 2
    assert [limit.wait("192.0.2.1") for _ in range(2)] == [0, 2]
    clock.now += 100
    assert [limit.wait("192.0.2.1") for _ in range(4)] == [0, 0, 0, 2]


def test_wait_that_is_told_is_enough():
    clock = Clock()
    limit = AddressLimit(burst=60, period=60, clock=clock)
    while not (wait := limit.wait("192.0.2.1")):
        pass
    clock.now += wait
    assert limit.wait("192.0.2.1") == 0


def test_addresses_do_not_share_a_limit_but_a_network_of_ipv6_does():
    limit = AddressLimit(burst=1, period=60, clock=Clock())
    assert limit.wait("192.0.2.1") == 0
    assert limit.wait("192.0.2.2") == 0
    assert limit.wait("2001:db8::1") == 0
    assert limit.wait("2001:db8::ffff") > 0
    assert limit.wait("2001:db8:0:1::1") == 0


def test_a_full_table_lets_nobody_off_and_forgets_the_idle():
    clock = Clock()
    limit = AddressLimit(burst=1, period=60, clock=clock, most_addresses=3)
    assert [limit.wait(f"192.0.2.{number}") for number in range(3)] == [0, 0, 0]
    assert limit.wait("192.0.2.9") == 0
    assert limit.wait("192.0.2.10") > 0, "the newcomers share one limit"
    assert limit.wait("192.0.2.1") > 0, "who was counted stays counted"
    clock.now += 61
    assert limit.wait("192.0.2.10") == 0
    assert len(limit._idle_at) == 1


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("unix", "unknown"),
        (None, "unknown"),
    ],
)
def test_what_counts_as_one_caller(address, network):
    assert network_of(address) == network


def test_an_address_that_is_none_is_not_kept():
    assert plain_address("x" * 500) is None
    assert plain_address("192.0.2.1") == "192.0.2.1"
