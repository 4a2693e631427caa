"""A computation shared over processes gives what it gives in one."""

import os
import signal

import pytest

from keyfuse_scanner.objectstore.forking import METHOD, fork_map

pytestmark = pytest.mark.skipif(METHOD != "fork", reason="the platform does not fork")


@pytest.mark.parametrize("jobs", [1, 2, 3, 5])
@pytest.mark.parametrize("count", [0, 1, 4, 11])
def test_the_order_is_that_of_the_arguments(jobs: int, count: int) -> None:
    assert fork_map(lambda each: each * each, range(count), jobs) == [n * n for n in range(count)]


def test_several_processes_take_part() -> None:
    assert len(set(fork_map(lambda _: os.getpid(), range(9), 3))) == 3


def test_the_share_of_a_killed_process_is_done_here() -> None:
    here = os.getpid()

    def killed_elsewhere(each: int) -> int:
        if os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        return each

    assert fork_map(killed_elsewhere, range(9), 3) == list(range(9))
