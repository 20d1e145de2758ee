"""The hook that builds the pages when labmtj is installed: it never breaks an installation."""

from __future__ import annotations

from pathlib import Path

import pytest

from labmtj.docs.building import SOURCE, missing_tools
from labmtj.docs.hook import DocumentationHook

PACKAGE = SOURCE.parents[1]


def hook(root: Path) -> DocumentationHook:
    class Metadata:
        version = "1.2.3"

    return DocumentationHook(str(root), {}, None, Metadata(), "", "wheel")


def test_where_the_pages_cannot_be_built_there_is_a_warning_and_no_error(tmp_path, capsys):
    hook(tmp_path).initialize("standard", {})
    said = capsys.readouterr()
    assert "installed without it" in said.out + said.err


def test_a_page_that_is_wrong_is_a_warning_and_the_others_are_there(tmp_path, capsys):
    if missing_tools():
        pytest.skip("needs Sphinx: pip install 'labmtj[docs]'")
    docs = tmp_path / "labmtj/docs"
    (docs / "source").mkdir(parents=True)
    (docs / "building.py").write_bytes((PACKAGE / "docs/building.py").read_bytes())
    (docs / "source/conf.py").write_text('extensions = ["myst_parser"]\n', encoding="utf-8")
    (docs / "source/index.md").write_text("# Title\n\n[a page](missing.md)\n", encoding="utf-8")
    hook(tmp_path).initialize("editable", {})
    said = capsys.readouterr()
    assert "missing.md" in said.out + said.err
    assert (docs / "html/index.html").is_file()


def test_nothing_of_labmtj_is_imported_by_what_the_hook_loads():
    # it runs where labmtj's dependencies are not
    text = (PACKAGE / "docs/building.py").read_text("utf-8") + (PACKAGE / "docs/hook.py").read_text("utf-8")
    assert "import labmtj" not in text
    assert "from labmtj" not in text
