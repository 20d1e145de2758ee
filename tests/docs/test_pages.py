"""Every command and snippet of the documentation runs, page by page, from top to bottom, in one fresh folder a page.

Sybil was looked at: it brings collecting and a parser of fences, but neither commands with exit codes, nor files by
caption, nor pages that are skipped or slow as a whole, which is all there is here beside thirty lines of reading.

- ```console: a line after `$ ` is a command, and what stands below is what it prints, `...` for what differs;
  `# exit 3` at its end states another exit code than 0.
- ```python: executed, in one namespace a page. A block of text after `<!-- printed -->` is what was printed.
- ```{code-block} yaml with `:caption: mine.yaml` is written to that file.
- `<!-- not run: why -->` before a block leaves it out. `<!-- slow -->` and `<!-- needs: jax -->` before the first
  block are about the page: needs the mark slow, or a package.
"""

from __future__ import annotations

import contextlib
import glob
import importlib.util
import io
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "labmtj/docs/source"
PAGES = [ROOT / "README.md", *sorted(SOURCE.rglob("*.md"))]
PACKAGES = {"jax": "labmtj[train]", "pymeasure": "labmtj[clients]", "qcodes": "labmtj[clients]"}
PACKAGES |= {"distributed": "labmtj[distributed]", "xarray": "labmtj[test]", "playwright": "labmtj[browser]"}


@dataclass
class Block:
    """A fenced block: the number of its first line, its language, its content, its caption, what stands before it."""

    line: int
    language: str
    lines: list[str] = field(default_factory=list)
    caption: str = ""
    said: str = ""

    @property
    def text(self) -> str:
        return "".join(line + "\n" for line in self.lines)


def blocks_of(text: str) -> list[Block]:
    found, inside, fence, said = [], None, "", ""
    for number, line in enumerate(text.splitlines(), start=1):
        begins = re.fullmatch(r"(`{3,})(\{code-block\} *)?([\w-]*)(.*)", line)
        if inside is not None and line.strip() == fence:
            found.append(inside)
            inside = None
        elif inside is not None:
            option = re.fullmatch(r":(\w+): *(.*)", line)
            if option and not inside.lines:
                inside.caption = option[2] if option[1] == "caption" else inside.caption
            elif line or inside.lines:
                inside.lines.append(line)
        elif begins:
            inside, fence = Block(number, begins[3], said=said), begins[1]
        elif line.strip():
            said = line.strip()
    return found


def head(text: str) -> str:
    """What a page says before its first block."""
    return text.partition("\n```")[0]


def needs(text: str) -> list[str]:
    found = re.search(r"<!-- needs: (.*?) -->", head(text))
    return found[1].split() if found else []


def named(path: Path) -> str:
    return path.relative_to(ROOT if path.parent == ROOT else SOURCE).with_suffix("").as_posix()


def runnable() -> list:
    found = []
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        if any(block.language in {"console", "python"} or block.caption for block in blocks_of(text)):
            marks = [pytest.mark.slow] if "<!-- slow -->" in head(text) else []
            marks += [pytest.mark.clients] if {"pymeasure", "qcodes"} & set(needs(text)) else []
            found.append(pytest.param(path, id=named(path), marks=marks))
    return found


class PageFolder:
    """Runs the blocks of a page in its folder."""

    def __init__(self, page: Path, folder: Path) -> None:
        self.page, self.folder = page, folder
        self.names: dict[str, object] = {"__name__": "page"}
        self.printed = ""

    def run(self, block: Block) -> None:
        where = f"{self.page}:{block.line}"
        if block.said.startswith("<!-- not run:"):
            return
        if block.caption:
            (self.folder / block.caption).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / block.caption).write_text(block.text, encoding="utf-8")
        elif block.language == "console":
            for command, shown in commands(block):
                self.command(command, shown, where)
        elif block.language == "python":
            caught = io.StringIO()
            code = compile("\n" * block.line + block.text, str(self.page), "exec")
            with contextlib.redirect_stdout(caught):
                exec(code, self.names)
            self.printed = caught.getvalue()
        elif block.said == "<!-- printed -->":
            assert_shown(block.text, self.printed, where)

    def command(self, command: str, shown: str, where: str) -> None:
        plain, _, stated = command.partition("  # exit ")
        words = [word for text in shlex.split(plain) for word in (sorted(glob.glob(text)) or [text])]
        if words[0] == "labmtj":
            code, output = labmtj(words)
        else:
            words[0] = sys.executable if words[0] in {"python", "python3"} else words[0]
            done = subprocess.run(words, capture_output=True, text=True, check=False)
            code, output = done.returncode, done.stdout + done.stderr
        if code != int(stated or 0):
            pytest.fail(f"{where}: {command}: exit code {code}, not {stated or 0}\n{output}", pytrace=False)
        if shown.strip():
            assert_shown(shown, output, f"{where}: {command}")

    def close(self) -> None:
        for value in self.names.values():
            if hasattr(value, "list_opened_resources"):
                value.close()


def commands(block: Block) -> list[tuple[str, str]]:
    """Commands of a console block, a backslash at the end going on in the next line, with what they print."""
    found: list[tuple[str, str]] = []
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, shown = part.replace("\\\n", " ").partition("\n")
        found.append((command, shown))
    return found


def labmtj(words: list[str]) -> tuple[int, str]:
    """Exit code, and standard output and error in one, of our own command in this process."""
    from labmtj.cli import main

    caught, before = io.StringIO(), sys.argv
    sys.argv = list(words)
    try:
        with contextlib.redirect_stdout(caught), contextlib.redirect_stderr(caught):
            main()
    except SystemExit as end:
        return int(end.code or 0), caught.getvalue()
    finally:
        sys.argv = before
    return 0, caught.getvalue()


def assert_shown(shown: str, output: str, where: str) -> None:
    """What a page shows is what was printed, but for space and for `...`."""
    pattern = ".*?".join(re.escape(" ".join(part.split())) for part in shown.split("..."))
    flat = " ".join(output.split())
    loose = re.sub(r"(\\ )*\.\*\?(\\ )*", ".*?", pattern)
    if not re.fullmatch(loose, flat, re.DOTALL):
        pytest.fail(f"{where} shows\n{shown}\nbut what was printed is\n{output}", pytrace=False)


@pytest.mark.parametrize("page", runnable())
def test_what_a_page_shows_is_what_happens(page, tmp_path, monkeypatch):
    text = page.read_text(encoding="utf-8")
    for package in needs(text):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"needs {package}: pip install '{PACKAGES.get(package, package)}'")
    monkeypatch.chdir(tmp_path)
    for name, value in {"LABMTJ_STATE": tmp_path / ".state", "LABMTJ_RUNS": tmp_path / "runs"}.items():
        monkeypatch.setenv(name, str(value))
    for name, value in {"COLUMNS": "120", "NO_COLOR": "1", "TERM": "dumb"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    folder = PageFolder(page, tmp_path)
    try:
        for block in blocks_of(text):
            folder.run(block)
    finally:
        folder.close()


def test_what_is_not_run_says_why_and_is_little(capsys):
    found = [
        f"{named(path)}:{block.line}: {block.said.removeprefix('<!-- not run:').removesuffix('-->').strip()}"
        for path in PAGES
        for block in blocks_of(path.read_text(encoding="utf-8"))
        if block.said.startswith("<!-- not run")
    ]
    with capsys.disabled():
        print("\nnot run:", *(found or ["nothing"]), sep="\n  ")
    assert all(line.rpartition(": ")[2] for line in found)
    assert len(found) <= 20  # chosen: a reader can still count them


def test_no_block_is_of_a_language_that_is_neither_run_nor_shown():
    # sh or bash would look like commands and not be run; write console
    odd = [
        f"{named(path)}:{block.line}: {block.language}"
        for path in PAGES
        if path.parent != ROOT
        for block in blocks_of(path.read_text(encoding="utf-8"))
        if block.language not in {"console", "python", "text", "yaml", "json", ""}
    ]
    assert [] == odd


def test_yaml_that_is_shown_is_a_file_that_is_used():
    loose = [
        f"{named(path)}:{block.line}"
        for path in PAGES
        if path.parent.name in {"tutorial", "howto"}
        for block in blocks_of(path.read_text(encoding="utf-8"))
        if block.language == "yaml" and not block.caption and not block.said.startswith("<!-- not run:")
    ]
    assert [] == loose
