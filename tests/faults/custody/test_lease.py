"""Two processes want one instrument (row 9)."""

import json
import os
import signal
import time
from pathlib import Path

import pytest

from labmtj.bench.doctor import Verdict, examine
from labmtj.bench.lease import Leases, canonical, holder, lock_of
from labmtj.bench.session import open_bench
from labmtj.config.bench import load_bench
from labmtj.errors import Busy
from labmtj.host_lock import HostLock

OPEN = """
from labmtj.bench.session import open_bench
context = open_bench({bench!r})
opened = context.__enter__()
"""
HOLD = """
from pathlib import Path
from labmtj.bench.lease import Leases
leases = Leases("contended", Path("nowhere"))
leases.take_address("smu", "TCPIP::192.0.2.11::INSTR")
leases.take_identity("smu", "2636B/7")
"""


@pytest.fixture
def leases(state):
    taken = []

    def make():
        taken.append(Leases("contended", state / "a.fence"))
        return taken[-1]

    yield make
    for entry in taken:
        entry.release()


def refusal(leases, address):
    """How long it takes to be refused, and with which words."""
    began = time.monotonic()
    with pytest.raises(Busy) as caught:
        leases.take_address("smu", address)
    return time.monotonic() - began, str(caught.value)


@pytest.mark.parametrize(
    "address", ["TCPIP::192.0.2.11::INSTR", "tcpip0::192.0.2.11::inst0::instr", "TCPIP0::192.0.2.11::INSTR"]
)
def test_an_address_is_the_same_however_it_is_written(address):
    assert "tcpip0::192.0.2.11::inst0::instr" == canonical(address)


def test_a_name_that_only_the_library_knows_is_an_address_too():
    assert "my source" == canonical(" My source ")


@pytest.mark.serial
def test_a_bench_in_use_is_refused_at_once_under_every_alias(twin, make_worker):
    worker, bench = make_worker(), twin.bench("first")
    worker.do(OPEN.format(bench=str(bench)))
    for alias in (bench, twin.bench("second", link="socket")):
        entries = twin.entries()
        began = time.monotonic()
        with pytest.raises(Busy) as caught, open_bench(alias):
            raise AssertionError
        assert time.monotonic() - began < 3 * 0.2
        text = str(caught.value)
        assert f"in use by pid {worker.process.pid} of " in text
        assert all(word in text for word in (" on ", " since 20", "worker.py"))
        assert 6 == caught.value.exit_code
        assert entries == twin.entries()
    worker.do("context.__exit__(None, None, None)")


def test_the_second_address_of_an_instrument_is_known_by_its_serial_number(leases):
    first, second = leases(), leases()
    first.take_address("smu", "TCPIP::192.0.2.11::INSTR")
    first.take_identity("smu", "2636B/7")
    assert second.take_address("smu", "GPIB0::26::INSTR") is None
    with pytest.raises(Busy, match="2636B/7"):
        second.take_identity("smu", "2636B/7")
    first.release()
    second.take_identity("smu", "2636B/7")
    second.release()
    assert "2636B/7" == leases().take_address("smu", "GPIB0::26::INSTR")


def contend(worker, leases, tries):
    """Try to get an instrument that a process holds, under its address and others: the longest refusal [s]."""
    longest = 0.0
    for number in range(tries):
        mine = leases()
        if number % 2:
            mine.take_address("smu", f"GPIB0::{number % 30}::INSTR")
            began = time.monotonic()
            with pytest.raises(Busy) as caught:
                mine.take_identity("smu", "2636B/7")
            seconds, text = time.monotonic() - began, str(caught.value)
        else:
            seconds, text = refusal(mine, "TCPIP::192.0.2.11::INSTR")
        assert f"pid {worker.process.pid} of" in text
        longest = max(longest, seconds)
        mine.release()
    return longest


@pytest.mark.serial
def test_nobody_gets_what_another_process_holds(make_worker, leases):
    worker = make_worker()
    worker.do(HOLD)
    assert contend(worker, leases, 20) < 3 * 0.2
    worker.do("leases.release()")
    leases().take_address("smu", "TCPIP::192.0.2.11::INSTR")


@pytest.mark.slow
@pytest.mark.serial
def test_500_tries_under_two_names_and_nobody_gets_what_a_living_process_holds(make_worker, leases, capsys):
    longest = 0.0
    for _ in range(10):
        worker = make_worker()
        worker.do(HOLD)
        longest = max(longest, contend(worker, leases, 50))
        worker.signal(signal.SIGKILL)
        worker.process.wait()
        mine = leases()
        mine.take_address("smu", "TCPIP::192.0.2.11::INSTR")
        mine.take_identity("smu", "2636B/7")
        mine.release()
    with capsys.disabled():
        print(f"\n500 tries, the longest refusal {1000 * longest:.1f} ms")
    assert longest < 0.2


def test_a_lock_is_freed_by_its_holder_alone_and_its_file_stays(tmp_path):
    first, second = HostLock(tmp_path / "a.lock"), HostLock(tmp_path / "a.lock")
    assert first.take()
    first.write("somebody")
    assert not second.take()
    assert "somebody" == second.read()
    inherited = os.dup(first.handle)
    first.close()
    assert not second.take()  # whoever has inherited the handle still holds it
    os.close(inherited)
    assert second.take()
    assert "somebody" == second.read()
    assert 0o666 == (tmp_path / "a.lock").stat().st_mode & 0o777
    second.release()
    assert first.take()


def test_a_lease_tells_who_has_it(leases):
    mine = leases()
    mine.take_address("smu", "GPIB0::1::INSTR")
    said = holder(lock_of(canonical("GPIB0::1::INSTR")))
    assert os.getpid() == said["pid"]
    assert {"wall", "user", "host", "command", "bench", "fence"} <= said.keys()
    json.dumps(said)


@pytest.mark.serial
def test_a_doctor_too_takes_the_bench_says_what_does_not_answer_and_gives_it_back(twin, state):
    bench = load_bench(twin.bench("examined", matrix={"address": "TCPIP::127.0.0.1::1::SOCKET"}))
    findings = examine(bench)
    verdicts = {}
    for finding in findings:
        verdicts[finding.subject] = finding
        if finding.subject == "matrix":
            break
    assert (Verdict.GOOD, Verdict.BAD) == (verdicts["smu"].verdict, verdicts["matrix"].verdict)
    assert "switch matrix off and on at its front panel" in verdicts["matrix"].text
    with pytest.raises(Busy, match="in use by pid"), open_bench(bench):
        raise AssertionError
    findings.close()
    leases = Leases("next", Path("nowhere"))
    leases.take_address("smu", bench.bench.instruments["smu"].address)
    leases.release()
