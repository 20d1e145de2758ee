"""Every SCPI model under 150 messages, and by hand under ten thousand (pytest -m slow tests/fuzz)."""

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

MODELS = (
    "keithley_2400",
    "keithley_2450",
    "keysight_b2902a",
    "keithley_7001",
    "keysight_b2201a",
    "keysight_34980a",
    "keysight_33522b",
    "keysight_81160a",
    "qdevil_qdac2",
    "kepco_bop_20_20",
    "lakeshore_336",
)
MESSAGES = st.integers(0, 2**64 - 1)  # a composer writes the same message for the same number
QUIET = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}


@pytest.mark.parametrize("model", MODELS)
def test_whatever_is_sent_the_instrument_answers_and_stays_within_its_limits(
    bed_of, composer_of, bounded_memory, model
):
    @seed(3)
    @settings(max_examples=6, phases=[Phase.generate], **QUIET)
    @given(st.lists(MESSAGES, min_size=20, max_size=30), st.binary(max_size=60))
    def run(numbers, noise):
        bed = bed_of(model)
        bed.play(composer_of(bed, model), numbers, noise)

    run()


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_ten_thousand_messages(bed_of, composer_of, bounded_memory, model):
    slowest = []

    @settings(max_examples=100, derandomize=False, **QUIET)
    @given(st.lists(MESSAGES, min_size=80, max_size=120), st.binary(max_size=2000))
    def run(numbers, noise):
        bed = bed_of(model)
        bed.play(composer_of(bed, model), numbers, noise)
        slowest.append(bed.watched.slowest)

    run()
    print(model, max(slowest))
