"""Five points of cell (2, 4) through the matrix with every driver, held against the twin's own network."""

import pytest

pytestmark = pytest.mark.clients
LIMIT = 1e-3  # [A]


def test_pymeasure_with_a_2400_reads_what_the_network_says(pymeasured, fresh, wire, sweep):
    fresh("k2400")
    network = wire("A")
    smu = pymeasured("Keithley2400", "k2400")
    smu.source_mode = "voltage"
    smu.source_voltage_range = 2
    smu.compliance_current = LIMIT
    smu.current_nplc = 1
    smu.enable_source()
    found = sweep(lambda volts: setattr(smu, "source_voltage", volts), lambda: smu.current)
    smu.disable_source()
    network.compare(("k2400", "1"), found, meter_range=None)


@pytest.mark.filterwarnings("ignore:Keithley2400Legacy is a legacy version:FutureWarning")
def test_pymeasures_older_2400_reads_what_the_network_says(pymeasured, fresh, wire, sweep):
    fresh("k2400")
    network = wire("A")
    smu = pymeasured("Keithley2400Legacy", "k2400")
    smu.apply_voltage(2, LIMIT)
    smu.measure_current(nplc=1, current=LIMIT, auto_range=False)
    smu.enable_source()
    found = sweep(lambda volts: setattr(smu, "source_voltage", volts), lambda: smu.current)
    smu.disable_source()
    network.compare(("k2400", "1"), found)


def test_pymeasure_with_a_2450_reads_what_the_network_says(pymeasured, fresh, wire, sweep):
    fresh("k2450")
    network = wire("B")
    smu = pymeasured("Keithley2450", "k2450")
    smu.apply_voltage(2, LIMIT)
    smu.measure_current(nplc=1, current=LIMIT, auto_range=False)
    smu.enable_source()
    found = sweep(lambda volts: setattr(smu, "source_voltage", volts), lambda: smu.current)
    smu.disable_source()
    network.compare(("k2450", "1"), found)


@pytest.mark.filterwarnings("ignore:It is not known whether this device support SCPI:FutureWarning")
def test_pymeasure_with_a_2636b_reads_what_the_network_says(pymeasured, fresh, wire, sweep):
    fresh("k2636")
    network = wire("C")
    smu = pymeasured("Keithley2600", "k2636").ChA
    smu.apply_voltage(2, LIMIT)
    smu.measure_current(nplc=1, current=LIMIT, auto_range=False)
    smu.source_output = "ON"
    found = sweep(lambda volts: setattr(smu, "source_voltage", volts), lambda: smu.current)
    smu.source_output = "OFF"
    network.compare(("k2636", "a"), found)


def test_qcodes_with_a_2400_reads_what_the_network_says(qcodesed, fresh, wire, sweep):
    fresh("k2400")
    network = wire("A")
    smu = qcodesed("Keithley2400", "k2400")
    smu.mode("VOLT")
    smu.rangev(2)
    smu.compliancei(LIMIT)
    smu.rangei(LIMIT)
    smu.nplci(1)
    smu.output(True)
    found = sweep(smu.volt, smu.curr)
    smu.output(False)
    network.compare(("k2400", "1"), found)


def test_qcodes_with_a_2450_reads_what_the_network_says(qcodesed, fresh, wire, sweep):
    fresh("k2450")
    network = wire("B")
    smu = qcodesed("Keithley2450", "k2450")
    smu.source_function("voltage")
    smu.sense_function("current")
    smu.source.range(2)
    smu.source.limit(LIMIT)
    smu.sense.range(LIMIT)
    smu.sense.nplc(1)
    smu.output_enabled(True)
    found = sweep(smu.source.voltage, smu.sense.current)
    smu.output_enabled(False)
    network.compare(("k2450", "1"), found)


def test_qcodes_with_a_2636b_reads_what_the_network_says(qcodesed, fresh, wire, sweep):
    fresh("k2636")
    network = wire("C")
    smu = qcodesed("Keithley2636B", "k2636").smua
    smu.sourcerange_v(2)
    smu.measurerange_i(LIMIT)
    smu.limiti(LIMIT)
    smu.nplc(1)
    smu.output("on")
    found = sweep(smu.volt, smu.curr)
    smu.output("off")
    network.compare(("k2636", "a"), found)


def test_both_channels_of_a_2636b_see_the_cell_alone(qcodesed, fresh, wire, sweep):
    fresh("k2636")
    network = wire("C", sense="F")
    smu = qcodesed("Keithley2636B", "k2636")
    for channel in (smu.smua, smu.smub):
        channel.sourcerange_v(0.2)
        channel.limiti(LIMIT)
        channel.nplc(1)
        channel.volt(0)
        channel.output("on")
    smu.smub.measurerange_i(1e-5)
    found = sweep(smu.smua.volt, smu.smub.curr)
    for channel in (smu.smua, smu.smub):
        channel.output("off")
    # The second channel is 0 V but for its offset, which drives the fifteen cells of the column.
    network.compare(("k2636", "a"), found, source_range=0.2, meter_range=1e-5, meter=("k2636", "b"), sharp=0.15)
    assert 5e-6 < -found[-1] < 5e-5


def test_qcodes_with_a_b2902a_reads_what_the_network_says(qcodesed, fresh, wire, sweep):
    fresh("b2902")
    network = wire("D")
    smu = qcodesed("KeysightB2962A", "b2902").ch1
    smu.source_mode("voltage")
    smu.current_limit(LIMIT)
    smu.enable(True)
    found = sweep(smu.source_voltage, smu.current)
    smu.enable(False)
    network.compare(("b2902", "1"), found, source_range=None, meter_range=None)
