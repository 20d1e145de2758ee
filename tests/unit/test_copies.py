"""Copies of shipped files."""

import pytest

from labmtj.config.bench import load_bench
from labmtj.config.copies import copy_shipped
from labmtj.config.finder import shipped_file
from labmtj.errors import InputError, MissingFile
from labmtj.protocol.examine import examine


def test_a_copy_is_the_shipped_file_with_its_schema_beside_it(tmp_path):
    made = copy_shipped("keithley", tmp_path / "mine.yaml")
    assert made == [tmp_path / "mine.yaml", tmp_path / "bench.schema.json"]
    assert made[0].read_text() == shipped_file("instruments/benches/keithley.yaml").read_text()
    assert load_bench(made[0]).bench.array.rows == 15


def test_what_is_there_is_not_written_over(tmp_path):
    copy_shipped("wine", tmp_path / "mine.yaml")
    with pytest.raises(InputError, match="is there already"):
        copy_shipped("wine", tmp_path / "mine.yaml")
    assert copy_shipped("wine", tmp_path / "other.yaml") == [tmp_path / "other.yaml"]


def test_a_name_that_is_none_is_told_with_the_nearest(tmp_path):
    with pytest.raises(MissingFile, match="wine"):
        copy_shipped("wime", tmp_path / "mine.yaml")
    assert [] == list(tmp_path.iterdir())


def test_addresses_that_are_nobodys_are_warned_of_in_a_file_for_real_instruments(tmp_path):
    mine = tmp_path / "mine.yaml"
    copy_shipped("keithley", mine)
    found = examine(str(mine))
    assert [finding.problem.path for finding in found.findings] == [
        "instruments.smu.address",
        "instruments.matrix.address",
    ]
    assert found.exit_code == 0
    mine.write_text(mine.read_text().replace("192.0.2.", "192.168.7."))
    assert examine(str(mine)).findings == ()
