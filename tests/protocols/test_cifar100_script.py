"""The script for the user's copy of CIFAR-100 runs on an archive of the same form that the test makes."""

from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("jax", reason="pip install 'labmtj[train]'")
SCRIPT = Path(__file__).parents[2] / "protocols" / "scripts" / "cifar100.py"
SMALL = (
    "seeds=2",
    "variation=[5 %]",
    "neuron_network.epochs=1",
    "neuron_network.batch=50",
    "neuron_network.hidden=[8]",
    "neuron_network.body=[4]",
    "device.calibration=[neuron]",
    "inference.dies=1",
    "curves=null",
    "transfer=null",
    "distillation=null",
    "report=false",
)


def records(count: int) -> dict[bytes, object]:
    random = np.random.RandomState(count)
    labels = (np.arange(count) % 100).tolist()
    return {b"data": random.randint(0, 256, (count, 3072)).astype(np.uint8), b"fine_labels": labels}


@pytest.mark.slow
def test_the_script_of_cifar_100_compares_networks_on_the_user_s_copy(tmp_path):
    with tarfile.open(tmp_path / "cifar-100-python.tar.gz", "w:gz") as archive:
        for name, count in (("train", 300), ("test", 100)):
            content = pickle.dumps(records(count), 2)
            member = tarfile.TarInfo(f"cifar-100-python/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path), *SMALL],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "LABMTJ_RUNS": str(tmp_path / "runs")},
    )
    assert (done.returncode, done.stderr) == (0, "")
    parts = [line.split()[0] for line in done.stdout.splitlines()[:-1]]
    assert parts == ["software", "inference", "training"]
    assert "h of processor time" in done.stdout.splitlines()[-1]


def test_without_a_folder_the_script_says_what_it_needs():
    done = subprocess.run([sys.executable, str(SCRIPT)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "cifar-100-python.tar.gz" in done.stderr
