"""The page of the command line, from the commands themselves."""

from __future__ import annotations

import enum
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

from labmtj.docs.reference.markdown import escape, flat, prose, table

EXIT_CODES = (
    (0, "done"),
    (2, "the command line cannot be understood"),
    (3, "a file, a unit or a name that cannot be used; nothing was touched"),
    (4, "above a limit, or a plan that cannot work; nothing was sent"),
    (5, "an instrument or the bench did not do what was asked"),
    (6, "another process has the instrument, the die or the run"),
    (7, "a run folder, journal or die state that cannot be used, or damage that `labmtj verify` has found"),
    (8, "done, but cells could not be written"),
    (9, "ended by a criterion that the protocol states"),
    (129, "ended by a hang-up (SIGHUP)"),
    (130, "stopped after the cell in hand (Ctrl-C once); `labmtj resume` goes on"),
    (131, "stopped at once (Ctrl-C twice)"),
    (143, "ended by SIGTERM"),
)


def command_line(root: Any) -> str:
    """The page: exit codes, variables of the environment, then every command of `root`, a click group."""
    parts = [
        "# Command line\n",
        "`labmtj --help` lists the commands, and `labmtj COMMAND --help` prints what stands here. An option that is\n"
        "said to be repeatable may be given more than once.\n",
        "(exit-codes)=\n## Exit codes\n",
        table(("code", "what it means"), ((f"{code}", escape(text)) for code, text in EXIT_CODES)),
        "## Environment\n",
        table(
            ("variable", "what it does"),
            (
                ("`LABMTJ_RUNS`", "folder for run folders; else `data/runs` of the checkout, else `labmtj-runs` here"),
                ("`LABMTJ_STATE`", "folder for leases, latches and `commands.jsonl`; else one that all users of the"
                 " machine share"),
                ("`LABMTJ_LEDGER`", "the ledger of real dies, where the bench names none; else the user's own, in the"
                 " folder of `LABMTJ_STATE` if that is set"),
                ("`LABMTJ_OPERATOR`", "who works at the bench, for the header of a run; `--operator` wins"),
                ("`LABMTJ_CACHE`", "folder for compiled kernels; else the user's cache folder"),
            ),
        ),
    ]  # fmt: skip
    for path, command in commands(root):
        parts += [f"## labmtj {' '.join(path)}\n", f"```text\nlabmtj {' '.join(path)}{usage(command)}\n```\n"]
        parts += [prose(command.help or ""), _parameters(command)]
    return "\n".join(parts)


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command below a group, with the words that name it."""
    for name, command in group.commands.items():
        if command.hidden:
            continue
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


def usage(command: Any) -> str:
    """What stands after the name of a command."""
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    words = [_metavar(one, command) if one.required else f"[{_metavar(one, command)}]" for one in arguments]
    return "".join(f" {word}" for word in (*words, "[OPTIONS]"))


def _parameters(command: Any) -> str:
    rows: list[tuple[str, str, str]] = []
    for one in command.params:
        if getattr(one, "hidden", False) or one.name == "help":
            continue
        names = _metavar(one, command) if one.param_type_name == "argument" else _option(one, command)
        rows.append((f"`{names}`".replace("|", r"\|"), _default(one), escape(flat(getattr(one, "help", "") or ""))))
    return table(("option", "default", "what it does"), rows) if rows else ""


def _option(one: Any, command: Any) -> str:
    names = ", ".join(one.opts) + (f", {', '.join(one.secondary_opts)}" if one.secondary_opts else "")
    return names if one.is_flag else f"{names} {_metavar(one, command)}"


def _metavar(one: Any, command: Any) -> str:
    """What a value is called; its type is asked of the function, which every version of typer leaves as it is."""
    if one.metavar:
        return str(one.metavar).strip("[]")
    if one.param_type_name == "argument":
        return str(one.name).upper()
    kind = get_type_hints(inspect.unwrap(command.callback))[one.name]
    kinds = [inside for inside in get_args(kind) if inside is not type(None)] or [kind]
    kind = (get_args(kinds[0]) or kinds)[0]
    if inspect.isclass(kind) and issubclass(kind, enum.Enum):
        return "|".join(str(each.value) for each in kind)
    words: dict[Any, str] = {int: "N", float: "X", Path: "PATH"}
    return words.get(kind, "TEXT")


def _default(one: Any) -> str:
    if one.required:
        return "required"
    value = getattr(one.default, "value", one.default)
    if value is None or isinstance(value, bool) or value in ("", [], ()) or callable(value):
        return ""
    return f"`{value}`"
