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
TOLD_TO_ANOTHER_THREAD = """
import signal, threading
from keyfuse_webhook.ending import until_told

wait = until_told()
busy = threading.Thread(target=threading.Event().wait, daemon=True)
busy.start()
told = threading.Timer(0.2, lambda: signal.pthread_kill(busy.ident, signal.{0}))
told.daemon = True
told.start()
wait()
print("told")
"""
ANOTHER_SIGNAL = """
import os, signal, threading
from keyfuse_webhook.ending import until_told

wait = until_told()
signal.signal(signal.SIGUSR1, lambda *_: print("another", flush=True))
os.kill(os.getpid(), signal.SIGUSR1)
threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGTERM)).start()
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


def run(program: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_signal_that_comes_before_anybody_waits_is_kept(name):
    assert run(TOLD_AT_ONCE.format(name)) == (0, "told\n", "")


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_signal_that_reaches_another_thread_is_noticed(name):
    assert run(TOLD_TO_ANOTHER_THREAD.format(name)) == (0, "told\n", "")


def test_other_signals_end_nothing():
    assert run(ANOTHER_SIGNAL) == (0, "another\ntold\n", "")
