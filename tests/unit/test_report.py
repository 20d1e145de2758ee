import os
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from labmtj.errors import StorageError
from labmtj.records import Defect
from labmtj.report import maps, svg
from labmtj.report.content import defects_in_words, duration, number, percent
from labmtj.report.page import write_report
from labmtj.runs.store import build_store

HOSTILE = "<script>alert('\"&amp;')</script>"
VOID = {"meta", "link", "br", "img", "path", "use"}


class Outline(HTMLParser):
    """Tags in order, identifiers, and whether every tag is closed."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.ids, self.labels, self.open = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.tags.append(tag)
        self.ids += [found["id"]] if "id" in found else []
        if tag == "svg":
            self.labels.append((found.get("role"), found.get("aria-label")))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag


@pytest.fixture
def page(make_run):
    return write_report(make_run()).read_text(encoding="utf-8")


def test_the_page_shows_the_figures_of_the_run(page):
    for text in ("97.97 %", "93.33 %", "25.00 %", "f = 0.91", "75.00 %", "3 of 4 devices", "1 missed, 0 disturbed"):
        assert text in page
    for text in ("01:02:05", "wine/17", "A very small bench", "smu 4400293", "seed 5", "diameter 40 nm", "0.75"):
        assert text in page
    assert "1 changed at the last verify" in page
    assert "0.9912" in page


def test_the_page_has_a_drawing_of_everything_with_a_title_and_labels(page):
    titles = ["target", "read back", "resistance", "write pulses"]
    for title in [f"Layer 1: {title}" for title in [*titles, "bit-serial inputs"]]:
        assert f">{title}</text>" in page
    for title in ("Accuracy against the scale", "Confusion matrix", "R_P of every cell", "TMR of every cell"):
        assert f">{title}</text>" in page
    for label in ("resistance (kohm)", "row (word line)", "column (bit line)", "accuracy (%)", "TMR (%)"):
        assert f">{label}</text>" in page
    assert "0 (2)" in page
    assert "S short, O open, K stuck" in page


def test_every_drawing_has_a_text_for_those_who_do_not_see_it(page):
    labels = Outline(page).labels
    assert 11 == len(labels)
    assert all(role == "img" and label for role, label in labels)
    assert "Confusion matrix of 2 classes: 3 of 4 right, 1 wrong." in [label for _, label in labels]


def test_the_page_is_well_formed_and_no_identifier_stands_twice(page):
    outline = Outline(page)
    assert [] == outline.open
    assert len(outline.ids) == len(set(outline.ids))
    assert 1 == outline.tags.count("h1")


def test_the_page_needs_nothing_from_elsewhere(page):
    assert {"http://www.w3.org/2000/svg"} == set(re.findall(r"https?://[^\"'\s<)]+", page))
    assert {"script", "link", "img", "iframe"}.isdisjoint(Outline(page).tags)
    assert all(target.startswith("#") for target in re.findall(r'href="([^"]*)"', page))
    assert "@import" not in page


def test_drawings_take_the_colour_of_the_text_around_them(page):
    assert svg.INK not in page
    assert "currentColor" in page
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page


def test_texts_from_files_are_escaped(make_run):
    page = write_report(make_run(title=HOSTILE)).read_text(encoding="utf-8")
    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(&#x27;&quot;&amp;amp;&#x27;)&lt;/script&gt;") == 3


def test_provenance_and_files_are_folded_in(page):
    for text in ("abc123", "00ff", "title: Three by three", "diameter: 40 nm, seed: 5", "<details>"):
        assert text in page


def test_steps_have_their_bench_time(page):
    assert re.search(r"program</td><td>layer 1; 3/4 cells; 3 pulses</td><td class=\"number\">00:00:02<", page)


def test_the_same_run_gives_the_same_page(make_run):
    folder = make_run()
    first = write_report(folder).read_bytes()
    assert first == write_report(folder).read_bytes()


def test_a_run_that_died_has_a_page_that_says_so(make_run):
    page = write_report(make_run(finished=False)).read_text(encoding="utf-8")
    assert "This run was not finished" in page
    assert "not finished</td>" in page
    assert "R_P of every cell" in page
    assert "Confusion matrix" not in page
    assert [] == Outline(page).open


def test_the_page_follows_a_journal_that_is_newer_than_the_store(make_run):
    folder = make_run()
    stored = build_store(folder)
    stored.write_bytes(b"old")
    os.utime(stored, (0, 0))
    assert "97.97 %" in write_report(folder).read_text(encoding="utf-8")


def test_a_page_that_cannot_be_written_is_a_storage_error(make_run):
    folder = make_run()
    (folder / "report.html.new").mkdir()
    with pytest.raises(StorageError, match=r"report\.html: the report cannot be written"):
        write_report(folder)


def test_a_map_marks_defects_and_wrong_cells():
    defect = np.array([[Defect.SHORT, Defect.OPEN, Defect.STUCK], [0, 0, 0]])
    wrong = np.array([[False, False, False], [False, True, True]])
    states = np.array([[np.nan, np.nan, 1.0], [0.0, 1.0, np.nan]])
    with svg.styled():
        plain = maps.state_map(states, title="t", marks=maps.Marks(defect), alt="a", key="k")
        marked = maps.state_map(states, title="t", marks=maps.Marks(defect, wrong), alt="a", key="k")
    assert all(f">{letter}</text>" in plain for letter in "SOK")
    assert (1, 2) == tuple(plain.count(colour) for colour in maps.COLOURS.values())
    assert 4 == marked.count("#ffffff") - plain.count("#ffffff")


def test_a_map_without_any_value_is_an_empty_one():
    empty = np.full((2, 2), np.nan)
    with svg.styled():
        for spread in maps.Spread:
            drawn = maps.value_map(
                empty,
                title="t",
                label="x",
                marks=maps.Marks(np.zeros((2, 2), dtype=int)),
                alt="a",
                key="k",
                spread=spread,
            )
            assert ">t</text>" in drawn


def test_a_large_map_is_an_image_within_the_drawing():
    values = np.arange(70.0 * 70.0).reshape(70, 70)
    marks = maps.Marks(np.zeros((70, 70), dtype=int))
    with svg.styled():
        drawn = maps.value_map(values, title="t", label="x", marks=marks, alt="a", key="k")
    assert "data:image/png;base64," in drawn
    assert len(drawn) < 100_000


def test_numbers_are_written_for_people():
    assert "97.97 %" == percent(0.9797)
    assert "\u2013" == percent(None)
    assert "0.4583" == number(0.458333)
    assert "\u2013" == number(float("nan"))
    assert "27:46:40" == duration(100_000)
    assert "1 short, 2 stuck" == defects_in_words(np.array([0, 1, 3, 3]))
    assert "no defects" == defects_in_words(np.array([0]))
