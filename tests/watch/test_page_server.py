"""Who may ask the page's server for something: this machine, this page, with the token; and what commands it takes."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from labmtj.cli import app
from labmtj.errors import Busy, InputError
from labmtj.host_lock import HostLock
from labmtj.host_state import who
from labmtj.runs.asking import given
from labmtj.runs.claim import claimed
from labmtj.watch import commands
from labmtj.watch.server import STATIC
from labmtj.watch.serving import PageServer
from labmtj.watch.standing import holder_of
from labmtj.watch.watching import Watch

OTHERS = ["0.0.0.0", "192.0.2.1", "::", "::1", "127.0.0.1.example.org", "", "localhost.localdomain", "2130706433"]


class Page(httpx.Client):
    """A client of a page that is served, with the token in its cookie if it is known."""

    def __init__(self, path, *, look_only=False, known=True):
        self.watch = Watch(run=path)
        self.watch.look()
        self.server = PageServer(self.watch, look_only=look_only)
        self.thread = threading.Thread(target=self.server.serve)
        self.thread.start()
        self.here = f"http://127.0.0.1:{self.server.port}"
        super().__init__(base_url=self.here, trust_env=False)
        if known:
            assert 200 == self.get(f"/?token={self.server.token}").status_code

    def command(self, name, content, **headers):
        return self.post(f"/{name}", json=content, headers={"origin": self.here} | headers)

    def end(self):
        self.close()
        self.server.close()
        self.thread.join()


@pytest.fixture
def open_page(finished):
    made = []

    def opened(path=finished, **how):
        made.append(Page(path, **how))
        return made[-1]

    yield opened
    for page in made:
        page.end()


def test_nothing_is_given_without_the_token(open_page):
    client = open_page(known=False)
    for path in ("/", "/?token=", "/?token=another", "/news", "/cell?row=1&col=1", "/static/watch.js"):
        answer = client.get(path)
        assert (403, "labmtj watch" in answer.text) == (answer.status_code, True), path
    assert 403 == client.command("stop", {}).status_code


def test_the_token_in_the_address_opens_the_page_and_a_cookie_goes_on_with_it(open_page):
    client = open_page(known=False)
    cookie = client.get(f"/?token={client.server.token}").headers["set-cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert cookie.startswith(f"labmtj-watch-{client.server.port}=")
    news = client.get("/news?since=0&epoch=-1").json()
    assert ("done", False) == (news["parts"]["run"]["how"], news["look_only"])


def test_a_name_that_was_made_to_lead_here_is_refused(open_page):
    client = open_page()
    for host in ("example.org", f"example.org:{client.server.port}", "127.0.0.1:1", "127.0.0.1", "0.0.0.0:8765"):
        assert 421 == client.get("/news", headers={"host": host}).status_code, host
    assert 200 == client.get("/news", headers={"host": f"localhost:{client.server.port}"}).status_code


def test_another_page_in_the_same_browser_is_refused(open_page):
    client = open_page()
    for origin in ("http://example.org", "null", "http://127.0.0.1:1", client.here.replace("http", "https")):
        assert 403 == client.get("/news", headers={"origin": origin}).status_code, origin
        assert 403 == client.command("stop", {}, origin=origin).status_code, origin
    assert 403 == client.get("/static/watch.js", headers={"sec-fetch-site": "cross-site"}).status_code


def test_a_command_is_a_post_of_json_from_this_page_and_nothing_else(open_page):
    client = open_page()
    for path in ("/stop", "/safe", "/answer"):
        assert 405 == client.get(path).status_code
        assert 403 == client.post(path, json={}).status_code  # without an Origin
        assert 415 == client.post(path, data={"a": "form"}, headers={"origin": client.here}).status_code
        assert 413 == client.post(path, json={"x": "y" * 5000}, headers={"origin": client.here}).status_code
        assert 400 == client.post(path, json=[], headers={"origin": client.here}).status_code


def test_a_page_that_only_looks_refuses_every_command(open_page):
    client = open_page(look_only=True)
    for path in ("/stop", "/safe", "/answer"):
        answer = client.command(path[1:], {})
        assert (403, True) == (answer.status_code, "only looks" in answer.json()["error"])
    assert client.get("/news").json()["look_only"]


def test_the_policy_lets_nothing_load_from_elsewhere(open_page):
    answer = open_page().get("/")
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    assert ("'none'", "'self'", "'self'") == (policy["default-src"], policy["script-src"], policy["connect-src"])
    assert "'none'" == policy["frame-ancestors"]
    assert "unsafe-eval" not in str(policy)
    assert ("no-referrer", "nosniff") == (answer.headers["referrer-policy"], answer.headers["x-content-type-options"])
    for path in STATIC.iterdir():
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert ("http://" in text, "https://" in text) == (False, False), path.name


def test_only_files_of_the_page_are_served(open_page):
    client = open_page()
    assert "plotly.js" in client.get("/static/plotly.min.js").text[:200]
    for name in ("..%2fserver.py", "nothing.js", "%2e%2e/server.py", "bench.yaml"):
        assert 404 == client.get(f"/static/{name}").status_code
    assert 404 == client.get("/cell?row=0&col=1").status_code
    assert 404 == client.get("/cell?row=x&col=1").status_code


@pytest.mark.parametrize("host", OTHERS)
def test_another_address_than_loopback_is_refused(host, finished):
    with pytest.raises(InputError, match="loopback only"):
        PageServer(Watch(run=finished), host=host)


def test_a_port_that_somebody_has_is_refused(finished):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(Busy, match="name another"):
            PageServer(Watch(run=finished), port=taken.getsockname()[1])


def test_a_run_that_nobody_has_cannot_be_stopped_and_needs_no_safety(open_page):
    client = open_page()
    assert 409 == client.command("stop", {}).status_code
    said = client.command("safe", {}).json()
    assert (True, True) == (said["ok"], "nothing to switch off" in said["text"])
    said = client.command("answer", {"number": 3, "answer": "yes"}).json()
    assert "does not ask" in said["error"]


def test_the_answer_to_a_question_reaches_the_run_that_waits(entries, folder, open_page):
    asks = {"n": 3, "k": "ask", "step": 1, "kind": "confirm", "text": "lid closed?", "wall": "2026-11-23T10:00:00"}
    folder.write([*entries[:3], asks])
    with claimed(folder.path):
        client = open_page(folder.path)
        question = client.get("/news").json()["parts"]["run"]["question"]
        assert (3, "lid closed?", ["yes", "no"]) == (question["number"], question["text"], question["answers"])
        for wrong in ({"number": 2, "answer": "yes"}, {"number": 3, "answer": "perhaps"}):
            assert 400 == client.command("answer", wrong).status_code
        client.command("answer", {"number": 3, "answer": "yes"})
    from labmtj.runs.asking import question_of

    found = given(folder.path, question_of(asks))
    assert ("yes", "page") == (found.answer, found.how)


COUNTS = """
import signal, time
signal.signal(signal.SIGINT, lambda *_: print("asked", flush=True))
print("ready", flush=True)
time.sleep(60)
"""


def sleeper(folder, *, wall=None):
    """A process that stands in the lock of a run, and that says whenever it is asked to stop."""
    process = subprocess.Popen([sys.executable, "-c", COUNTS], stdout=subprocess.PIPE, text=True)
    assert "ready\n" == process.stdout.readline()
    lock = HostLock(folder / "run.lock")
    assert lock.take()
    said = who() | {"pid": process.pid} | ({} if wall is None else {"wall": wall})
    lock.write(json.dumps(said))
    return process, lock


def test_stop_is_one_signal_to_the_process_of_the_run_however_many_people_press_it(entries, folder, open_page):
    folder.write(entries[:3])
    process, lock = sleeper(folder.path)
    try:
        pages = [open_page(folder.path) for _ in range(2)]
        with ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(lambda n: pages[n % 2].command("stop", {}).json()["text"], range(6)))
        assert 1 == sum(answer.startswith("asked to stop") for answer in answers)
        assert 5 == sum(answer.startswith(f"{who()['user']} has asked it to stop at") for answer in answers)
        (told,) = [said for said in pages[0].watch.commands if said["what"] == "stop"]
        assert (str(folder.path), process.pid, "page") == (told["run"], told["of"], told["how"])
        process.terminate()
        assert "asked\n" == process.communicate(timeout=10)[0]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        lock.release()


def test_a_later_process_with_the_same_number_is_never_signalled(entries, folder):
    folder.write(entries[:3])
    process, lock = sleeper(folder.path, wall="2026-11-01T10:00:00.000+00:00")  # before that process began
    try:
        assert holder_of(folder.path, ended=False) is None
        with pytest.raises(Busy, match="no process has this run"):
            commands.stop(folder.path, "bench", None, [])
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        lock.release()


def test_the_command_says_what_cannot_be_watched(finished, tmp_path):
    study = tmp_path / "study"
    study.mkdir()
    (study / "study.json").write_text("{}", encoding="utf-8")
    result = CliRunner().invoke(app, ["watch", str(study)])
    assert (True, True) == (isinstance(result.exception, InputError), "labmtj status" in str(result.exception))
    assert 2 == CliRunner().invoke(app, ["watch"]).exit_code
    assert 2 == CliRunner().invoke(app, ["watch", str(finished), "--bench", "lines"]).exit_code
    result = CliRunner().invoke(app, ["watch", str(finished), "--host", "0.0.0.0"])
    assert isinstance(result.exception, InputError)


def test_a_page_that_is_closed_before_it_serves_ends_at_once(finished):
    server = PageServer(Watch(run=finished))
    with server.closed_by_ctrl_c():
        signal.raise_signal(signal.SIGINT)
        server.serve()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_ctrl_c_ends_the_page_and_leaves_the_run_folder_as_it_was(finished, tmp_path):
    copy = shutil.copytree(finished, tmp_path / "run")
    before = {path.name: path.stat().st_mtime_ns for path in copy.iterdir()}
    command = [sys.executable, "-m", "labmtj", "watch", str(copy), "--json"]
    environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    page = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True)
    said = json.loads(page.stdout.readline())
    assert said["address"] == f"http://127.0.0.1:{said['port']}/?token={said['token']}"
    page.send_signal(signal.SIGINT)
    rest = page.communicate(timeout=20)
    assert (0, ("", "")) == (page.returncode, rest)
    assert before == {path.name: path.stat().st_mtime_ns for path in Path(copy).iterdir()}
