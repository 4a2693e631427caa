"""The end of a process: it notices that it is told to, and comes even where something hangs."""

import signal
import subprocess
import sys

import pytest

HANGS = """
import threading
from keyfuse_webhook.ending import end_for_certain, until_told

wait = until_told()
print("ready", flush=True)
wait()
end_for_certain(0.2)

def stuck_for_good():
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()

stuck_for_good()
"""
TOLD_AT_ONCE = """
import os, signal
from keyfuse_webhook.ending import until_told

wait = until_told()
os.kill(os.getpid(), signal.{0})
os.kill(os.getpid(), signal.{0})
wait()
print("told")
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_hangs_is_ended_and_tells_where(number):
    process = subprocess.Popen(
        [sys.executable, "-c", HANGS], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    _, told = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "stuck_for_good" in told


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_signal_that_comes_before_anybody_waits_is_kept(name):
    done = subprocess.run(
        [sys.executable, "-c", TOLD_AT_ONCE.format(name)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "told\n", "")
