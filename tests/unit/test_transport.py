"""What a VISA library raises in its own words, where the other end of a session has gone."""

import pytest

from labmtj.bench.transport import GuardedTransport


class Gone:
    """A session of pyvisa-py's HiSLIP whose instrument was switched off."""

    resource_name, timeout, visalib = "TCPIP::192.0.2.11::hislip0::INSTR", 2000.0, object()

    def __init__(self, error):
        self.error = error

    def read_raw(self):
        raise self.error


def test_a_connection_that_is_gone_is_one_whatever_the_library_calls_it():
    with pytest.raises(ConnectionError, match=r"dropped by server"):
        GuardedTransport(Gone(RuntimeError("Connection was dropped by server."))).read()


def test_other_errors_of_a_library_stay_as_they_are():
    with pytest.raises(ValueError, match="something else"):
        GuardedTransport(Gone(ValueError("something else"))).read()
