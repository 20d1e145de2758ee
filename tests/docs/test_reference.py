"""The generated reference: as the program is now, complete, and with examples that the command line takes."""

from __future__ import annotations

import re
import shlex

import pytest
import typer

from labmtj import errors
from labmtj.cli import app
from labmtj.docs.building import SOURCE
from labmtj.docs.reference.commands import EXIT_CODES, commands
from labmtj.docs.reference.errors import WHAT_TO_DO, tree
from labmtj.docs.reference.pages import pages
from labmtj.protocol.kinds import STEPS

ROOT = typer.main.get_command(app)
COMMANDS = dict(commands(ROOT))


@pytest.fixture(scope="module")
def made():
    return pages(ROOT)


def test_committed_pages_are_what_would_be_made_now(made):
    # if not: labmtj docs --reference
    stale = [name for name, text in made.items() if (SOURCE / f"reference/{name}.md").read_text("utf-8") != text]
    assert [] == stale


def test_every_step_has_a_section_with_an_example_and_no_field_is_without_words(made):
    page = made["protocol-steps"]
    assert [] == [name for name in STEPS if f"\n## {name}\n" not in page or f"- {name}:" not in page]
    silent = [
        line
        for name in ("protocol-steps", "bench-file", "study-files")
        for line in made[name].splitlines()
        if line.startswith("| `") and not line.rstrip(" |").endswith((".", "?", ":"))
    ]
    assert [] == silent


def test_every_class_of_error_says_what_to_do():
    assert set(WHAT_TO_DO) == {kind.__name__ for _, kind in tree(errors.LabmtjError)}


def test_every_exit_code_of_an_error_is_in_the_table():
    assert {kind.exit_code for _, kind in tree(errors.LabmtjError)} - {1} <= {code for code, _ in EXIT_CODES}


def test_every_option_says_what_it_does():
    silent = [
        f"{' '.join(path)} {one.name}"
        for path, command in COMMANDS.items()
        for one in command.params
        if one.name != "help" and not getattr(one, "help", None)
    ]
    assert [] == silent


def test_every_example_of_a_command_is_one_that_it_takes():
    examples = [
        line.strip()
        for command in COMMANDS.values()
        for line in (command.help or "").splitlines()
        if re.match(r"  +labmtj ", line)
    ]
    assert len(examples) >= len(COMMANDS)
    for example in examples:
        words = shlex.split(re.sub(r"   +.*", "", example))[1:]
        path = next(tuple(words[:length]) for length in (2, 1) if tuple(words[:length]) in COMMANDS)
        COMMANDS[path].make_context("labmtj", words[len(path) :])  # raises what the command line would say
