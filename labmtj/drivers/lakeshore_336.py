"""Lake Shore 336 temperature controller as a thermometer; its heaters are not touched.

Commands: Lake Shore Model 336 User's Manual, Rev. 1.5 (2011), section 6.6 (KRDG?, RDGST?; the page is unverified;
form of *IDN?: Model 335 User's Manual, page 108; bits of RDGST?: Model 340 User's Manual, page 9-40). It speaks no
SCPI and has no error queue; what it does not understand it does not answer. One query a message.
"""

from __future__ import annotations

from labmtj.config.model import ThermometerModel
from labmtj.drivers.exchange import Link, Meaning
from labmtj.drivers.identity import check_identity
from labmtj.errors import BadReply, BenchError, InputError

_FAULTS = {
    1: "no valid reading",
    16: "a temperature below the sensor's range",
    32: "a temperature above the sensor's range",
    64: "no signal of the sensor",
    128: "a signal beyond the input's range",
}


class LakeShoreLink(Link):
    """Exchanges with a Lake Shore instrument: a query, its reply."""

    def query(self, query: str) -> str:
        """The reply to one query."""
        return self._converse(query, query, 1, Meaning.READ)[0].strip()

    def values(self, queries: list[str], *, after: str = "") -> list[str]:
        """Replies to queries, one a message."""
        del after
        return [self.query(query) for query in queries]

    def check_power(self) -> None:
        """Nothing is set, so nothing is lost."""

    def _settle(self, command: str, reply: str, count: int) -> list[str]:
        del command, count
        return [reply]

    def _first_error(self) -> tuple[int, str]:
        """There is no queue of errors: nothing is known."""
        return 0, ""


class LakeShore336:
    """A controller of which the inputs are read."""

    LINK = LakeShoreLink

    def __init__(self, link: LakeShoreLink, model: ThermometerModel) -> None:
        self.link, self.model = link, model

    def identify(self) -> str:
        """Check that this is the model it should be; return its serial number. Raises BenchError if it is not."""
        return check_identity(self.link, self.model)

    def setup(self) -> None:
        """Nothing is set: inputs, curves and heaters stay as somebody arranged them."""

    def temperature(self, name: str) -> float:
        """Measure the temperature [K] of an input. Raises BenchError where its reading is none."""
        if name not in self.model.channels:
            raise InputError(f"{self.link.name} has no input {name}: {', '.join(self.model.channels)}")
        query = f"RDGST? {name}"
        reply = self.link.query(query)
        if not reply.isdecimal():
            raise BadReply(self.link.name, query, reply, "a number of status bits")
        wrong = [text for bit, text in _FAULTS.items() if int(reply) & bit]
        if wrong:
            raise BenchError(f"{self.link.name}: input {name} has {' and '.join(wrong)}: look at the sensor")
        query = f"KRDG? {name}"
        kelvin = self.link.parse(query, self.link.query(query))
        if not kelvin > 0:
            raise BadReply(self.link.name, query, f"{kelvin:g}", "a temperature above 0 K")
        return kelvin
