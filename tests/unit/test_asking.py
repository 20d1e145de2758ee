"""Questions of a run to a person, as they stand in its journal, and answers from other processes."""

import os
import time

import pytest

from labmtj.cli.questions import Keyboard
from labmtj.errors import InputError, StorageError
from labmtj.runs.asking import NAME, Answer, Question, aborted, give, given, pending

ASK = {"n": 4, "k": "ask", "kind": "confirm", "text": "Lower the probes", "seconds": None, "wall": "2026-11-23T10:00"}
QUESTION = Question(4, "confirm", "Lower the probes", "2026-11-23T10:00")


@pytest.mark.parametrize("last", ["answer", "end", "resume"])
def test_a_question_is_pending_until_it_is_answered_or_the_run_ends(last):
    assert QUESTION == pending([{"n": 0, "k": "run"}, ASK])
    assert pending([ASK, {"n": 5, "k": last, "of": 4}]) is None


def test_an_answer_is_taken_for_the_question_that_it_was_given_to(tmp_path):
    assert given(tmp_path, QUESTION) is None
    give(tmp_path, 3, "yes", who="Ada", how="command")
    assert given(tmp_path, QUESTION) is None
    give(tmp_path, 4, "go on", who="Ada", how="page")  # no answer to a confirm step
    give(tmp_path, 4, "no", who="Bob", how="command")
    give(tmp_path, 4, "yes", who="Ada", how="page")
    assert Answer(4, "no", "Bob", "command") == given(tmp_path, QUESTION)


def test_a_line_that_is_not_whole_is_no_answer_yet(tmp_path):
    (tmp_path / NAME).write_text('scribble\n[4]\n{"of": 4, "answer": "yes", "who": "Ada"')
    assert given(tmp_path, QUESTION) is None
    (tmp_path / NAME).write_text('scribble\n[4]\n{"of": 4, "answer": "yes", "who": "Ada"}\n')
    assert Answer(4, "yes", "Ada", "") == given(tmp_path, QUESTION)


def test_what_answers_nothing_and_what_cannot_be_written_is_said(tmp_path):
    with pytest.raises(InputError, match="'maybe' answers no question"):
        give(tmp_path, 4, "maybe", who="Ada", how="command")
    with pytest.raises(StorageError, match="cannot be written"):
        give(tmp_path / "nowhere", 4, "yes", who="Ada", how="command")


def test_a_run_stays_aborted_until_somebody_lets_it_go_past_the_criterion():
    met = {"n": 9, "k": "abort", "criterion": "shorts", "text": "3 cells have become shorts"}
    assert met == aborted([met, {"n": 10, "k": "end"}])
    assert aborted([met, {"n": 11, "k": "past_abort", "criterion": "shorts"}]) is None


def test_a_keyboard_gives_lines_as_they_are_typed_and_none_once_it_has_ended():
    reading, writing = os.pipe()
    keyboard = Keyboard(reading)
    assert keyboard.line(0.0) is None
    os.write(writing, b"y\n")
    assert "y\n" == keyboard.line(10.0)
    os.close(writing)
    began = time.monotonic()
    assert [None, None] == [keyboard.line(0.05), keyboard.line(0.05)]
    assert time.monotonic() - began >= 0.05  # it does not spin
    os.close(reading)
