"""The page in a real browser: cells fill, a cell tells its history, stop and safe do what they say."""

import json
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from labmtj.config import yaml12
from labmtj.config.bench import load_bench
from labmtj.config.source import read
from labmtj.host_state import who
from labmtj.protocol.engine import resume
from labmtj.runs.status import read_status
from labmtj.twin.build import simulated_bench
from labmtj.twin.served.server import BenchServer
from labmtj.watch.serving import PageServer
from labmtj.watch.watching import Watch

sync_api = pytest.importorskip("playwright.sync_api", reason="pip install 'labmtj[browser]'")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.serial,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is here: apt-get install chromium"),
]
FOUR = Path(__file__).parent / "four"
WAIT = 30_000  # [ms]


@pytest.fixture(scope="module")
def chromium():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def processes():
    """Starts `labmtj` with these words."""
    started = []

    def start(*words, **how):
        command = [sys.executable, "-m", "labmtj", *map(str, words)]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **how))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


class Looking:
    """A page that is open in the browser, and all that it has asked for."""

    def __init__(self, browser, watch, *, look_only=False, **context):
        self.server = PageServer(watch, look_only=look_only)
        self.thread = threading.Thread(target=self.server.serve)
        self.thread.start()
        self.page = browser.new_context(**context).new_page()
        self.asked, self.errors = [], []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("dialog", lambda dialog: self.errors.append(f"a dialog: {dialog.message}"))
        self.page.goto(self.server.address)

    def wait(self, script):
        self.page.wait_for_function(script, timeout=WAIT)

    def text(self, selector):
        return self.page.locator(selector).inner_text()

    def centre(self, row, col, size):
        """Where a cell of an array of `size` x `size` is drawn."""
        box = self.page.locator("#map .nsewdrag").bounding_box()
        side = min(box["width"], box["height"])
        left, top = box["x"] + (box["width"] - side) / 2, box["y"] + (box["height"] - side) / 2
        return left + side * (col - 0.5) / size, top + side * (row - 0.5) / size

    def end(self):
        self.page.context.close()
        self.server.close()
        self.thread.join()

    def check(self):
        """Nothing went wrong, and nothing was asked of anybody but the page's own server."""
        here = self.server.address.partition("/?")[0] + "/"
        assert [] == self.errors
        assert [] == [url for url in self.asked if not url.startswith((here, "data:"))]
        assert len(self.asked) > 5


@pytest.fixture
def looking(chromium):
    made = []

    def opened(watch, **how):
        made.append(Looking(chromium, watch, **how))
        return made[-1]

    yield opened
    for one in made:
        one.end()


def drawn(count):
    """A script that is true when a map is drawn on which so many cells have a colour."""
    return (
        "() => { const plot = document.querySelector('#map'); return plot.data && "
        f"plot.data[0].z.flat().filter((value) => value !== null).length >= {count}; }}"
    )


def run_folder(root, process):
    """The folder of a run that has begun."""
    for _ in range(600):
        found = list(root.glob("*/journal.jsonl"))
        if found:
            return found[0].parent
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.05)
    raise AssertionError("no run folder was made")


def long_protocol(folder):
    """Maps without end, for a run that is still at work when the test gets there."""
    path = folder / "long.yaml"
    steps = [{"polarity": {"start": "150 mV", "step": "20 mV", "ceiling": "600 mV", "read": "50 mV"}}]
    steps += [{"map": {"read": "50 mV"}}] * 400
    path.write_text(yaml12.dump({"title": "Long", "format": 1, "steps": steps}), encoding="utf-8")
    return path


def test_a_run_is_watched_stopped_by_the_button_and_can_be_resumed(tmp_path, processes, looking):
    bench = FOUR / "bench.yaml"
    run = processes("run", long_protocol(tmp_path), "--bench", bench, "--out", tmp_path / "runs")
    folder = run_folder(tmp_path / "runs", run)
    page, other = looking(Watch(run=folder)), looking(Watch(bench=load_bench(bench), runs=tmp_path / "runs"))
    page.wait(drawn(12))
    before = page.text("#facts")
    other.wait(drawn(12))  # whoever else looks sees it, too
    page.wait(f"() => document.querySelector('#facts').innerText !== {json.dumps(before)}")  # it goes on
    page.page.mouse.move(*page.centre(1, 2, 4))
    page.wait("() => document.querySelectorAll('#cell tbody tr').length > 1")
    assert "Cell (1, 2)" in page.text("#cell h3")
    assert "50 mV" in page.text("#cell table")
    page.page.click("#stop")
    assert run.poll() is None  # it asks once more, in the page
    page.page.click("#confirm-no")
    page.page.click("#stop")
    page.page.click("#confirm-yes")
    assert 130 == run.wait(30)
    for one in (page, other):
        one.wait("() => document.querySelector('#state').textContent.startsWith('stopped')")
        assert one.page.locator("#stop").is_disabled()
    assert f"labmtj resume {folder}" in page.text("#notices")
    assert "stop" in page.text("#commands")
    status = read_status(folder)
    assert ("stopped", ()) == (status.how, status.unresolved)
    me = who()
    by = f"asked to stop by labmtj watch ({me['user']} on {me['host']})"
    assert f"stopped after the cell in hand; {by}" == status.error
    assert by in run.stdout.read()
    notices = page.text("#notices")
    assert (1, 0) == (notices.count("asked to stop"), notices.count("it stops after"))
    page.check()
    other.check()


@pytest.mark.slow
def test_a_stopped_run_goes_on_to_its_end_under_the_same_page(tmp_path, finished, looking):
    folder = Path(shutil.copytree(finished, tmp_path / "run"))
    journal = folder / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[: len(lines) // 2]))
    page = looking(Watch(run=folder), color_scheme="dark", viewport={"width": 400, "height": 800})
    page.wait(drawn(1))
    assert page.text("#state").startswith("interrupted")
    resume(folder)
    page.wait("() => document.querySelector('#state').textContent === 'done'")
    page.wait("() => document.querySelector('#accuracy').textContent.includes('array, nominal scale')")
    wide = page.page.evaluate("() => [document.documentElement.scrollWidth, window.innerWidth]")
    assert wide[0] <= wide[1]  # nothing stands out on a phone
    page.check()


def test_keys_move_over_the_cells_of_a_run_that_is_long_over(finished, looking):
    page = looking(Watch(run=finished), look_only=True)
    page.wait(drawn(9))
    page.page.focus("#map")
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "Enter"):
        page.page.keyboard.press(key)
    page.wait("() => document.querySelectorAll('#cell tbody tr').length > 1")
    assert "Cell (2, 2)" in page.text("#cell h3")
    for layer in ("state", "target", "pulses", "readings", "defect"):
        page.page.click(f"[data-layer={layer}]")
        page.wait(f"() => document.querySelector('[data-layer={layer}]').ariaChecked === 'true'")
    assert not page.page.locator("#buttons").is_visible()
    page.check()


def test_safe_turns_a_bench_off_that_others_can_reach(tmp_path, processes, looking):
    log = tmp_path / "twin.jsonl"
    simulated = simulated_bench(str(FOUR / "bench.yaml"), log=log, realtime=True)
    with BenchServer(simulated, hislip_port=0, socket_port=0) as server:
        data = dict(read(FOUR / "bench.yaml").data) | {"visa": "@py"}
        data["instruments"] = {
            name: {**entry, "address": server.resources[name].hislip} for name, entry in data["instruments"].items()
        }
        bench = tmp_path / "bench.yaml"
        bench.write_text(yaml12.dump(data), encoding="utf-8")
        page = looking(Watch(bench=load_bench(bench), runs=tmp_path / "runs"))
        page.wait("() => document.querySelector('#title').textContent.includes('waits for its next run')")
        run = processes("run", long_protocol(tmp_path), "--bench", bench, "--out", tmp_path / "runs")
        threading.Thread(target=run.stdout.read, daemon=True).start()
        page.wait(drawn(2))
        page.wait(drawn(8))  # in real time cells fill one after the other
        assert f"pid {run.pid} of " in page.text("#instruments")
        page.page.click("#safe")
        page.page.click("#confirm-yes")
        assert 5 == run.wait(30)
        page.wait("() => document.querySelector('#notices').textContent.includes('relays open')")
        sources, closed = {}, set()
        for entry in map(json.loads, log.read_text(encoding="utf-8").splitlines()):
            if entry["kind"] == "output":
                sources[entry["channel"]] = entry["volts"]
            elif entry["kind"] == "relays":
                closed = (closed | set(entry.get("close", []))) - set(entry.get("open", []))
        assert sources
        assert ([], set()) == ([volts for volts in sources.values() if abs(volts) > 1e-3], closed)
        page.check()
    simulated.world.log.close()
