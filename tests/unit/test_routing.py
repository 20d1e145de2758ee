"""Routes: planned, proven, taken, read back."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labmtj.bench.routing import Harness, Line, Router, prove
from labmtj.errors import BenchError, RouteError
from labmtj.records import Role

ROWS, COLS = 4, 3
LINES = [Line("row", n) for n in range(1, ROWS + 1)] + [Line("col", n) for n in range(1, COLS + 1)]
HARNESS = Harness(
    {line: column for column, line in enumerate(LINES, start=11)},
    {Role.DRIVE: "A", Role.SENSE: "B", Role.GROUND: "C"},
)
COLUMNS = set(HARNESS.columns.values())

routes = st.fixed_dictionaries({line: st.sampled_from([Role.DRIVE, Role.SENSE, Role.GROUND]) for line in LINES})


class Relays:
    """A matrix that does what it is told and keeps every state that it went through."""

    def __init__(self):
        self.now = frozenset()
        self.passed = []
        self.stuck_open, self.stuck_closed = frozenset(), frozenset()
        self.fails = False

    def switch(self, steps):
        for action, crosspoints in steps:
            self.now = self.now | set(crosspoints) if action == "close" else self.now - set(crosspoints)
            self.now = (self.now - self.stuck_open) | self.stuck_closed
            self.passed.append(self.now)
            if self.fails:
                raise BenchError("the cable is out")
        return self.now

    def closed(self):
        return self.now

    def open_all(self):
        self.now = frozenset()


def taken(*roles):
    relays = Relays()
    router = Router(relays, HARNESS)
    for one in roles:
        router.take(router.route(one))
    return relays, router


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(routes, min_size=2, max_size=4))
def test_any_sequence_of_routes_is_safe_at_every_step_and_ends_where_it_should(wanted):
    relays, router = taken({}, *wanted)
    assert HARNESS.crosspoints(router.route(wanted[-1])) == relays.now == router.closed
    for state in relays.passed:
        sources = [column for row, column in state if row != "C"]
        assert len(sources) == len(set(sources))  # no line on two sources
        assert {column for _, column in state} == COLUMNS  # no line floats


@settings(max_examples=100, deadline=None, derandomize=True)
@given(routes, routes)
def test_a_line_that_changes_its_source_passes_over_ground(before, after):
    relays, _ = taken({}, before)
    _, router = relays, Router(relays, HARNESS)
    router.take(router.route(before))
    relays.passed.clear()
    router.take(router.route(after))
    for line in LINES:
        if Role.GROUND not in (before[line], after[line]) and before[line] is not after[line]:
            column = HARNESS.columns[line]
            assert any({row for row, c in state if c == column} == {"C"} for state in relays.passed)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(routes)
def test_a_route_that_is_taken_already_moves_nothing(roles):
    relays, router = taken({}, roles)
    relays.passed.clear()
    assert not router.take(router.route(roles))
    assert [] == relays.passed


def test_lines_that_are_not_named_stand_at_ground():
    _, router = taken({Line("row", 2): Role.DRIVE, Line("col", 3): Role.SENSE})
    assert {("A", 12), ("B", 17)} | {("C", c) for c in COLUMNS - {12, 17}} == router.closed


def test_a_line_that_no_relay_leads_to_is_refused():
    _, router = taken()
    with pytest.raises(RouteError, match="no relay leads to row 5, col 9"):
        router.route({Line("row", 5): Role.DRIVE, Line("col", 9): Role.SENSE})
    with pytest.raises(RouteError, match="no matrix row of this bench has what a line is to go to: pulse_col"):
        router.route({Line("row", 1): Role.DRIVE, Line("col", 3): Role.PULSE_COL})


@pytest.mark.parametrize(
    ("kind", "relay", "line"),
    [
        ("stuck_open", ("A", 12), "row 2 relay A12 was closed and the matrix says that it is open"),
        ("stuck_open", ("C", 14), "row 4 relay C14 was closed and the matrix says that it is open"),
        ("stuck_closed", ("C", 17), "col 3 relay C17 was opened and the matrix says that it is closed"),
        ("stuck_closed", ("B", 11), "row 1 relay B11 was opened and the matrix says that it is closed"),
        ("stuck_closed", ("A", 40), "matrix column 40 relay A40 was opened and the matrix says that it is closed"),
    ],
)
def test_a_relay_that_does_not_obey_is_found_and_its_line_named(kind, relay, line):
    relays, router = taken({})
    setattr(relays, kind, frozenset([relay]))
    with pytest.raises(RouteError, match=f"not where they were asked to be: {line}$"):
        router.take(router.route({Line("row", 2): Role.DRIVE, Line("col", 3): Role.SENSE}))


def test_after_a_move_that_failed_half_way_the_relays_are_looked_at_again():
    relays, router = taken({})
    goal = {Line("row", 1): Role.DRIVE}
    relays.fails = True
    with pytest.raises(BenchError, match="the cable is out"):
        router.take(router.route(goal))
    relays.fails = False
    assert router.take(router.route({}))  # the drive relay had closed, though no answer said so
    assert HARNESS.crosspoints(router.route({})) == relays.now


A1, B1, C1 = ("A", 1), ("B", 1), ("C", 1)


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([("close", [B1]), ("open", [A1])], "matrix column 1 would be on sources A and B at once"),
        ([("open", [A1]), ("close", [B1])], "matrix column 1 would float"),
        ([("close", [C1]), ("open", [A1])], "do not lead to the route"),
    ],
)
def test_moves_that_are_not_safe_are_found_before_they_are_made(steps, message):
    with pytest.raises(RouteError, match=message):
        prove(frozenset([A1]), steps, frozenset([B1]), ground="C")


def test_the_order_that_is_safe_is_proven():
    steps = [("close", [C1]), ("open", [A1]), ("close", [B1]), ("open", [C1])]
    prove(frozenset([A1]), steps, frozenset([B1]), ground="C")
