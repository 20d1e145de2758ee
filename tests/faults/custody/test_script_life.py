"""What a bench-top script does to a die is in the ledger as what a run does."""

import pytest

from labmtj.bench.life_ledger import die_key, ledger_path
from labmtj.bench.session import open_bench
from labmtj.config.bench import load_bench
from labmtj.runs.ledger import Ledger


@pytest.mark.usefixtures("state")
def test_what_a_script_does_to_a_die_of_a_real_bench_is_in_the_ledger(twin):
    path = twin.bench("script")
    file = load_bench(path)
    ledger, key = Ledger(ledger_path(file)), die_key(file)
    before = ledger.life(key)
    with open_bench(path) as bench:
        bench.cell(2, 3).pulse("50 mV", width="100 us")
    life = ledger.life(key)
    assert 1 == life.positive[1, 2] - (0 if before is None else before.positive[1, 2])
    assert life.read_dose[1, 2] > (0 if before is None else before.read_dose[1, 2])
    assert ledger.runs(key)[-1].run.startswith("script-")
    assert "done" == ledger.runs(key)[-1].how
