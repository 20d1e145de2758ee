"""Signals interrupt anywhere but in places that must be gone through as a whole."""

import signal
import threading
import time

import pytest

from labmtj.interrupts import shielded
from labmtj.protocol.stop import Stopped, StopRequest, stop_on_signals


def test_what_is_to_be_raised_in_a_shielded_place_is_raised_at_its_end():
    done = []

    def place():
        with shielded:
            shielded.interrupt(KeyError("later"))
            with shielded:
                done.append("inner")
            done.append("outer")

    with pytest.raises(KeyError, match="later"):
        place()
    assert ["inner", "outer"] == done
    with shielded:
        done.append("nothing is left over")
    with pytest.raises(KeyError, match="now"):
        shielded.interrupt(KeyError("now"))


def test_other_threads_do_not_shield_the_main_one():
    inside, go_on = threading.Event(), threading.Event()

    def work():
        with shielded:
            inside.set()
            go_on.wait(5)

    thread = threading.Thread(target=work)
    thread.start()
    inside.wait(5)
    with pytest.raises(KeyError):
        shielded.interrupt(KeyError("now"))
    go_on.set()
    thread.join()


def test_a_third_signal_turns_outputs_off_and_interrupts_nothing_more():
    off = []
    with stop_on_signals() as stop:
        stop.panic = lambda: off.append("off")
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(Stopped) as stopped:
            signal.raise_signal(signal.SIGINT)
        assert 131 == stopped.value.exit_code
        assert [] == off
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
    assert ["off", "off"] == off


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_the_exit_code_says_by_which_signal(name, code):
    request = StopRequest()
    request.check()
    request.signalled(getattr(signal, name), None)
    with pytest.raises(Stopped) as stopped:
        request.check()
    assert code == stopped.value.exit_code


def test_a_signal_waits_for_the_item_in_hand_but_not_for_ever(monkeypatch):
    request = StopRequest()
    request.signalled(signal.SIGINT, None)
    request.check_late()
    later = time.monotonic() + 60
    monkeypatch.setattr("time.monotonic", lambda: later)
    with pytest.raises(Stopped):
        request.check_late()
