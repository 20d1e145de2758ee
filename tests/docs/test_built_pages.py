"""The built pages: no warning, nothing loaded from outside, formulae without scripts, every page reached."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from labmtj import __version__
from labmtj.docs.building import HTML, SOURCE, CannotBuild, build, built, digest, is_current
from labmtj.docs.opening import page, topics
from labmtj.errors import InputError, MissingFile

pytest.importorskip("sphinx", reason="pip install 'labmtj[docs]'")


@pytest.fixture(scope="module")
def html(tmp_path_factory) -> Path:
    """The pages of these sources: those built when labmtj was installed here, else built now."""
    if is_current():
        return HTML
    folder = tmp_path_factory.mktemp("docs") / "html"
    build(__version__, html=folder, strict=False)
    return folder


class Loads(HTMLParser):
    """What a browser would fetch of its own accord; links are followed by people only."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name in {"src", "srcset", "poster", "data"} or (name == "href" and tag in {"link", "use", "image"}):
                self.found.append(value or "")
            if name == "style":
                self.found += re.findall(r"url\(['\"]?([^)'\"]*)", value or "")


def test_sphinx_has_no_warning(html):
    assert [] == built(html)["warnings"]


def test_nothing_is_loaded_from_outside_the_machine(html):
    outside = []
    for path in html.rglob("*.html"):
        loads = Loads()
        loads.feed(path.read_text(encoding="utf-8"))
        outside += [f"{path.name}: {value}" for value in loads.found if re.match(r"(\w+:)?//", value)]
    for path in html.rglob("*.css"):
        text = path.read_text(encoding="utf-8")
        outside += [
            f"{path.name}: {url}" for url in re.findall(r"(?:url\(|@import)\s*['\"]?((?:\w+:)?//[^)'\"]*)", text)
        ]
    assert [] == outside


def test_formulae_are_mathml_and_need_no_script(html):
    with_formulae = [path for path in html.rglob("*.html") if "<math" in path.read_text(encoding="utf-8")]
    scripts = [
        path for path in html.rglob("*.html") if re.search(r"<script[^>]*math", path.read_text(encoding="utf-8"))
    ]
    assert [] == scripts
    assert ["explanation/physics.html"] == [
        path.relative_to(html).as_posix() for path in with_formulae if path.stem == "physics"
    ]


def test_every_source_is_a_page_that_the_first_one_leads_to(html):
    names = {path.relative_to(SOURCE).with_suffix("").as_posix() for path in SOURCE.rglob("*.md")} - {"index"}
    assert names == set(topics(html=html))
    start = (html / "index.html").read_text(encoding="utf-8")
    assert [] == [name for name in sorted(names) if f'href="{name}.html"' not in start]


def test_the_search_knows_words_of_the_pages_without_fetching_anything(html):
    index = (html / "searchindex.js").read_text(encoding="utf-8")
    content = json.loads(index.removeprefix("Search.setIndex(").removesuffix(")"))
    assert "array" in content["terms"]
    assert "const DOCUMENTATION_OPTIONS" in (html / "_static/documentation_options.js").read_text(encoding="utf-8")
    assert "SHOW_SEARCH_SUMMARY: false" in (html / "_static/documentation_options.js").read_text(encoding="utf-8")


def test_a_topic_is_found_by_its_name_or_its_path_and_misspelling_gives_the_nearest(html):
    assert page("first-run", html=html) == page("tutorial/first-run", html=html) == html / "tutorial/first-run.html"
    assert page(html=html) == html / "index.html"
    with pytest.raises(InputError, match="did you mean first-run"):
        page("frist-run", html=html)


def test_where_nothing_is_built_it_is_said_what_to_do(tmp_path):
    with pytest.raises(MissingFile, match=r"pip install 'labmtj\[docs\]' .* labmtj docs --build"):
        page(html=tmp_path / "html")


def test_a_warning_is_an_error_and_leaves_the_old_pages(tmp_path):
    source = tmp_path / "source"
    for name in ("conf.py", "contents.py", "mathml.py"):
        source.mkdir(exist_ok=True)
        (source / name).write_bytes((SOURCE / name).read_bytes())
    (source / "_static").mkdir()
    (source / "_static/labmtj.css").touch()
    (source / "index.md").write_text("# Title\n\n[a page](that-is-missing.md)\n", encoding="utf-8")
    old = tmp_path / "html"
    old.mkdir()
    (old / "index.html").write_text("old", encoding="utf-8")
    with pytest.raises(CannotBuild, match=r"that-is-missing"):
        build("1", source=source, html=old)
    assert (old / "index.html").read_text(encoding="utf-8") == "old"


def test_the_digest_changes_with_any_source(tmp_path):
    (tmp_path / "a.md").write_text("a", encoding="utf-8")
    before = digest(tmp_path)
    (tmp_path / "a.md").write_text("b", encoding="utf-8")
    assert before != digest(tmp_path)
