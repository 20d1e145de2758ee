"""Raising a limit asks for its new value, by whatever way it would be raised; lowering one does not."""

import pytest
from typer.testing import CliRunner

from labmtj.bench.life_ledger import die_key, ledger_path
from labmtj.cli import app
from labmtj.config.bench import load_bench
from labmtj.errors import InputError, LimitExceeded
from labmtj.protocol.load import load_protocol
from labmtj.protocol.raising import Confirmation, confirmations, raised_in_ledger
from labmtj.runs.ledger import Ledger

UP = {"cell_voltage": "800 mV"}


def load(confirm, *overrides):
    return load_protocol("wine", overrides=list(overrides), confirm=confirm)


def asked(answer):
    questions = []

    def ask(question):
        questions.append(question)
        return answer

    return questions, Confirmation(ask=ask)


def test_a_setting_above_the_bench_file_is_confirmed_by_its_new_value():
    questions, confirm = asked("800 mV")
    job = load(confirm, 'limits.cell_voltage="800 mV"')
    assert (0.8, 0.8) == (job.protocol.limits.cell_voltage, job.bench.bench.limits.cell_voltage)
    (question,) = questions
    assert question.startswith("This raises cell_voltage from 700 mV to 800 mV (what")
    assert question.endswith("Type the new value (800 mV) to go on: ")
    assert ["typed"] == [how for _, how in confirm.settled]


@pytest.mark.parametrize("answer", ["", "yes", "y", "700 mV", "0.8", "800", "900 mV", "none"])
def test_any_other_answer_refuses(answer):
    with pytest.raises(LimitExceeded, match="is not the new value; nothing was sent"):
        load(asked(answer)[1], 'limits.cell_voltage="800 mV"')


@pytest.mark.parametrize(
    ("setting", "given"),
    [
        ('limits.cell_voltage="800 mV"', {"cell_voltage": "0.8 V"}),
        ('limits.terminal_voltage="2 V"', {"terminal_voltage": "2 V"}),
        ('limits.line_compliance="4 mA"', {"line_compliance": "4 mA"}),
        ("limits.damage=1.0e-4", {"damage": "1e-4"}),
        ("limits.damage=", {"damage": "none"}),
        ("limits.pulses=2000000", {"pulses": "2000000"}),
    ],
)
def test_every_limit_can_be_raised_by_an_option_and_not_without(setting, given):
    confirm = Confirmation(given)
    load(confirm, setting)
    assert [("option", *given)] == [(how, limit.name) for limit, how in confirm.settled]
    with pytest.raises(LimitExceeded, match="nobody has confirmed it; nothing was sent"):
        load(Confirmation({"other": "1"}), setting)


def test_without_anybody_to_confirm_a_looser_limit_is_refused_as_ever():
    with pytest.raises(LimitExceeded, match="looser than the bench's limit 700 mV"):
        load(None, 'limits.cell_voltage="800 mV"')


def test_a_tighter_limit_and_other_settings_need_nobody():
    confirm = Confirmation()
    job = load(confirm, 'limits.cell_voltage="600 mV"', "simulation.die.seed=3", "limits.pulses=10")
    assert (0.6, 0.7, 10) == (
        job.protocol.limits.cell_voltage,
        job.bench.bench.limits.cell_voltage,
        job.bench.bench.limits.pulses,
    )
    assert [] == confirm.settled


def test_a_bench_file_that_allows_more_than_the_ledger_remembers_of_a_die_is_confirmed(tmp_path, monkeypatch):
    monkeypatch.setenv("LABMTJ_LEDGER", str(tmp_path / "ledger.db"))
    file = load_bench("keithley")
    assert [] == raised_in_ledger(file)
    known = {"cell_voltage": 0.6, "line_compliance": 3e-3, "pulse_energy": 1e-9}
    Ledger(ledger_path(file)).begin(die_key(file), "one", tmp_path, shape=(15, 15), limits=known)
    more = raised_in_ledger(file)
    assert [("cell_voltage", 0.6, 0.7), ("pulse_energy", 1e-9, None)] == [(m.name, m.before, m.after) for m in more]
    with pytest.raises(LimitExceeded, match=r"pulse_energy from 1 nJ to none \(what the ledger remembers of any die"):
        Confirmation({"cell_voltage": "700 mV"}).settle(more)
    Confirmation({"cell_voltage": "700 mV", "pulse_energy": "none"}).settle(more)


def test_options_name_limits():
    assert UP == confirmations(["cell_voltage=800 mV"])
    for option in ("cell_voltage", "sell_voltage=800 mV"):
        with pytest.raises(InputError, match="write, for example, --confirm-limit"):
            confirmations([option])


def test_a_run_without_a_terminal_refuses_with_its_exit_code_and_makes_no_folder(tmp_path):
    arguments = ["run", "wine", "--set", 'limits.cell_voltage="800 mV"', "--out", str(tmp_path)]
    result = CliRunner().invoke(app, arguments)
    assert 4 == result.exception.exit_code
    assert '--confirm-limit cell_voltage="800 mV"' in str(result.exception)
    assert [] == list(tmp_path.iterdir())
