"""The same study on a Dask cluster: the same bytes, and an error for a cluster that is not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from labmtj.errors import BenchError
from labmtj.studies.engine import Means, run_study

distributed = pytest.importorskip("distributed", reason="pip install 'labmtj[distributed]'")
# What distributed and tornado leave open at their ends is theirs.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.serial]

SMALL = ["networks.count=3", "diameters=[40 nm]", "wires=[1 ohm, 5 ohm]", "dies=2", "compare=", "report=false"]


def test_a_local_cluster_gives_the_same_bytes(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "blocks"))
    import study_blocks

    whole = run_study("goodwill", settings=SMALL, out=tmp_path, means=Means(1, block=study_blocks.quick))
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        found = run_study(
            "goodwill",
            settings=SMALL,
            out=tmp_path,
            means=Means(dask=cluster.scheduler_address, block=study_blocks.quick),
        )
    for name in ("study.h5", "study.csv", "ageing.csv"):
        assert (found.folder / name).read_bytes() == (whole.folder / name).read_bytes()


def test_a_cluster_that_is_not_there(tmp_path):
    with pytest.raises(BenchError, match="no Dask scheduler answers"):
        run_study("goodwill", settings=SMALL, out=tmp_path, means=Means(dask="tcp://127.0.0.1:9"))
