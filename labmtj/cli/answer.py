"""`labmtj answer`."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

import typer

from labmtj.cli.arguments import AsJson, RunFolder


class Word(StrEnum):
    """What may be answered."""

    YES = "yes"
    NO = "no"
    GO_ON = "go-on"


def answer(
    run: RunFolder,
    word: Annotated[Word, typer.Argument(help="To a confirm step yes or no, to a pause step go-on.", metavar="ANSWER")],
    name: Annotated[str, typer.Option("--as", metavar="NAME", help="Who answers; else LABMTJ_OPERATOR, or you.")] = "",
    as_json: AsJson = False,
) -> None:
    """Answer a run that waits for a person: a confirm or a pause step of its protocol.

    `labmtj status` says what it waits for. For instance, from another terminal:

      labmtj status data/runs/2026-11-23T10-14-02-first-contact

      labmtj answer data/runs/2026-11-23T10-14-02-first-contact yes --as Ada

    Exit codes: 0 it has the answer; 3 no run, or it waits for nothing, or for another answer; 7 storage.
    """
    import os

    from labmtj.errors import InputError
    from labmtj.host_state import who
    from labmtj.runs.asking import give, pending
    from labmtj.runs.claim import is_claimed
    from labmtj.runs.folder import known_run
    from labmtj.runs.journal import read_journal

    folder = known_run(run)
    question = pending(read_journal(folder / "journal.jsonl"))
    if not is_claimed(folder):
        raise InputError(f"{run}: no process has this run, so nobody would hear the answer; labmtj resume asks again")
    if question is None:
        raise InputError(f"{run}: this run waits for nobody just now")
    # A pause has one answer, and nobody needs to know its name.
    said = question.answers[0] if question.kind == "pause" and word is Word.YES else word.value.replace("-", " ")
    if said not in question.answers:
        words = " or ".join(one.replace(" ", "-") for one in question.answers)
        raise InputError(f"{run}: it waits with a {question.kind} step ({question.text}): answer {words}")
    person = name or os.environ.get("LABMTJ_OPERATOR", "") or str(who()["user"])
    give(folder, question.number, said, who=person, how="command")
    if as_json:
        typer.echo(json.dumps({"run": str(run), "question": question.text, "answer": said, "who": person}))
        return
    typer.echo(f"{question.text}   {said} by {person}")
