"""What a user gets for a file that cannot be used: one clear error, exit code 3 or 4, nothing touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from labmtj import cli

ROOT = Path(__file__).parents[2]


def refused(arguments, monkeypatch, capsys, tmp_path):
    """Run the command line in this process; its exit code and what it says on standard error."""
    runs = tmp_path / "runs"
    monkeypatch.setattr("sys.argv", ["labmtj", "run", *map(str, arguments), "--out", str(runs)])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert not runs.exists()
    return stop.value.code, capsys.readouterr().err


def edited(name, tmp_path, *changes):
    text = (ROOT / name).read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    path = tmp_path / Path(name).name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("start: 150 mV", "start: 0.15", ":20:23: polarity.start: 0.15 has no unit; a voltage is expected"),
        ("600 mV, read", "600 mV, width: 100 mV, read", "polarity.width: '100 mV' is a voltage; a time is expected"),
        ("- map:  ", "- mapp: ", "there is no step mapp"),
        ("retries: 10", "retires: 10", "did you mean retries?"),
        ("wine/17", "wine/400", "there are wine/0 .. wine/299"),
    ],
)
def test_a_protocol_that_cannot_be_used(old, new, says, monkeypatch, capsys, tmp_path):
    path = edited("protocols/wine.yaml", tmp_path, (old, new))
    code, errors = refused([path], monkeypatch, capsys, tmp_path)
    assert code == 3
    assert says in errors
    assert "Traceback" not in errors


def test_a_protocol_larger_than_the_array(monkeypatch, capsys, tmp_path):
    small = (("{1..15: 1..15}", "{1..10: 1..10}"), ("{rows: 15, cols: 15,", "{rows: 10, cols: 15,"))
    bench = edited("instruments/benches/simulated-15x15.yaml", tmp_path, *small)
    code, errors = refused([ROOT / "protocols/wine.yaml", "--bench", bench], monkeypatch, capsys, tmp_path)
    assert code == 3
    assert "wine.yaml:27:14: program.layer: layer 1 needs 13 x 12 devices, the array has 10 x 15" in errors


def test_a_file_that_is_not_there(monkeypatch, capsys, tmp_path):
    code, errors = refused(["nowhere.yaml"], monkeypatch, capsys, tmp_path)
    shipped = ", ".join(sorted(path.stem for path in (ROOT / "protocols").glob("*.yaml")))
    assert (code, errors) == (3, f"error: nowhere.yaml: there is no such protocol file; shipped ones: {shipped}\n")


def test_a_bench_that_names_an_unknown_model(monkeypatch, capsys, tmp_path):
    change = ("model: keithley_707b", "model: keithley_707x")
    bench = edited("instruments/benches/simulated-15x15.yaml", tmp_path, change)
    code, errors = refused([ROOT / "protocols/wine.yaml", "--bench", bench], monkeypatch, capsys, tmp_path)
    assert code == 3
    assert "there is no instrument model keithley_707x" in errors
    assert "did you mean keithley_707b?" in errors


def test_a_voltage_above_the_limit_has_its_own_exit_code(monkeypatch, capsys, tmp_path):
    arguments = ["protocols/wine.yaml", "--set", "polarity.ceiling=900 mV"]
    code, errors = refused(arguments, monkeypatch, capsys, tmp_path)
    assert code == 4
    assert "900 mV" in errors
    assert "600 mV" in errors


def test_a_run_folder_that_cannot_be_made_has_its_own_exit_code(monkeypatch, capsys, tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setattr("sys.argv", ["labmtj", "run", "protocols/wine.yaml", "--out", str(tmp_path / "file" / "runs")])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 7
    assert "name another with --out" in capsys.readouterr().err
