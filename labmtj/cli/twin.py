"""`labmtj twin`: a simulated bench for other processes."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labmtj.cli.arguments import AsJson, Bench, BenchSettings

if TYPE_CHECKING:
    from labmtj.twin.served.server import BenchServer

app = typer.Typer(no_args_is_help=True, help="Serve a simulated bench to other programs, and look after it.")


@app.command()
def serve(
    bench: Bench,
    host: Annotated[str, typer.Option(help="Loopback address to listen on; no other is served.")] = "127.0.0.1",
    hislip_port: Annotated[int, typer.Option(min=0, max=65535, help="Port of HiSLIP; 0 takes a free one.")] = 4880,
    socket_port: Annotated[
        int,
        typer.Option(min=0, max=65500, help="First raw socket port, one an instrument; 0 takes free ones."),
    ] = 5025,
    control_port: Annotated[int, typer.Option(min=0, max=65535, help="Port for commands; 0 takes a free one.")] = 0,
    log: Annotated[Path | None, typer.Option(help="Keep the twin's record of pulses, relays, violations here.")] = None,
    realtime: Annotated[bool, typer.Option("--realtime", help="Let time pass as at a bench.")] = False,
    ready_file: Annotated[
        Path | None, typer.Option(help="Write resource strings, ports, pid and token here (JSON) when it listens.")
    ] = None,
    settings: BenchSettings = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Seed of the simulated die: another number, another die.")
    ] = None,
    faults: Annotated[Path | None, typer.Option(help="Put in the faults of this YAML file.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object when it listens, as --ready-file has it.")
    ] = False,
) -> None:
    """Serve every instrument of a simulated bench over HiSLIP and as a raw socket, until Ctrl-C.

    For instance, in one terminal:

      labmtj twin serve simulated-15x15

    and in another program, with PyVISA:

      rm = pyvisa.ResourceManager("@py")

      smu = rm.open_resource("TCPIP::127.0.0.1::hislip0,4880::INSTR")

      print(smu.query("*IDN?"))

    A raw socket (TCPIP::127.0.0.1::5025::SOCKET) wants read_termination and write_termination set to a
    line feed. An instrument with a port for dead sockets (5030 on Keithley's) has one here, too: a connection to it
    ends raw sessions that nobody closed. Without --realtime the bench's clock is virtual and replies come at once.
    """
    from labmtj.config.bench import load_bench
    from labmtj.twin.build import models, simulated_bench
    from labmtj.twin.served.ready import remove_ready, write_ready
    from labmtj.twin.served.server import BenchServer
    from labmtj.twin.warm import warm_up

    file = load_bench(bench, overrides=settings or [], seed=seed)
    sheets = models(file)
    served = simulated_bench(file, log=log, realtime=realtime)
    if faults is not None:
        served.faults.load(faults)
    server = BenchServer(
        served,
        host=host,
        hislip_port=hislip_port,
        socket_port=socket_port,
        control_port=control_port,
        models={name: model.title for name, model in sheets.items()},
        dead_sockets=[name for name, model in sheets.items() if getattr(model, "dead_socket", None) is not None],
    )
    warm_up(served.world.electrics.truth)

    def listening() -> None:
        if ready_file is not None:
            write_ready(ready_file, server.description())
        if as_json:
            typer.echo(json.dumps(server.description()))
            sys.stdout.flush()  # whoever reads it through a pipe waits for it
        else:
            _show(server, ready_file)

    try:
        server.serve_forever(listening)
    finally:
        if ready_file is not None:
            remove_ready(ready_file)
        served.world.log.close()


@app.command()
def fault(
    ready_file: Annotated[Path, typer.Option(help="What `labmtj twin serve --ready-file` has written.")],
    kind: Annotated[str, typer.Argument(help="Kind of fault, or clear; without one, show what there is.")] = "",
    fields: Annotated[list[str] | None, typer.Argument(metavar="FIELD=VALUE", help="What the kind takes.")] = None,
    as_json: AsJson = False,
) -> None:
    """Put a fault into a served bench while it runs, or take one away.

    For instance:

      labmtj twin fault --ready-file bench.json late on=smu delay="3 s" after=20

      labmtj twin fault --ready-file bench.json stuck relay=A3 closed=true

      labmtj twin fault --ready-file bench.json clear number=1

    Kinds: timeout, late, garbage, cut_block, identity, slow, hang, power_cycle, interlock, stuck, lie, offset,
    compliance, dead_socket. Each takes on, after, probability, at and duration.
    """
    from labmtj.config.source import parse
    from labmtj.errors import InputError
    from labmtj.twin.served.control import ask
    from labmtj.twin.served.ready import read_ready

    found = read_ready(ready_file)
    said: dict[str, Any] = {}
    for text in fields or []:
        name, equals, value = text.partition("=")
        if not equals:
            raise InputError(f"{text!r} is not FIELD=VALUE, for example on=smu")
        said[name] = parse(value, name=text).data
    if kind in ("", "clear"):
        request = {"do": "clear_faults" if kind else "faults", **said}
    else:
        request = {"do": "fault", "fault": {"kind": kind, **said}}
    answer = ask(request, host=found["host"], port=found["control_port"], token=found["token"])
    if as_json:
        typer.echo(json.dumps({name: answer[name] for name in ("number", "faults") if name in answer}))
        return
    if "number" in answer:
        typer.echo(f"fault {answer['number']}")
    for entry in answer.get("faults", []):
        typer.echo("  ".join(f"{name} {value}" for name, value in entry.items()))


@app.command()
def place(
    ready_file: Annotated[Path, typer.Option(help="What `labmtj twin serve --ready-file` has written.")],
    what: Annotated[str, typer.Argument(help="nothing, resistor or die.")],
    resistance: Annotated[str, typer.Option(help="Of the resistor, with its unit.")] = "10 kohm",
    row: Annotated[int, typer.Option(min=1, help="Row that one end of the resistor is on.")] = 1,
    col: Annotated[int, typer.Option(min=1, help="Column that the other end is on.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Put something on the lines of a served bench in the place of its die, or the die back.

    What a person does at a bench between the stages of `labmtj doctor --commission`. Refused while a source drives
    the lines. For instance:

      labmtj twin place --ready-file bench.json nothing

      labmtj twin place --ready-file bench.json resistor --resistance "10 kohm" --row 1 --col 1

      labmtj twin place --ready-file bench.json die
    """
    from labmtj.twin.served.control import ask
    from labmtj.twin.served.ready import read_ready

    found = read_ready(ready_file)
    request = {"do": "place", "what": what, "resistance": resistance, "row": row, "col": col}
    ask(request, host=found["host"], port=found["control_port"], token=found["token"])
    if as_json:
        typer.echo(json.dumps({"bench": found["bench"], "what": what}))
    else:
        typer.echo(f"{found['bench']}: {what} on its lines")


def _show(server: BenchServer, ready_file: Path | None) -> None:
    """Print what is served and where."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console = Console(highlight=False, markup=False, width=200)  # a pipe has no edge to fold lines at
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in ("instrument", "model", "VISA resource"):
        table.add_column(column, no_wrap=True)
    for name, resource in server.resources.items():
        table.add_row(name, resource.model, resource.hislip)
        table.add_row("", "", resource.socket)
        if resource.dead_socket is not None:
            table.add_row("", "", f"{server.host}:{resource.dead_socket} for dead sockets")
    console.print(f"{server.bench.title}, {_time(server.bench.world.host)}", soft_wrap=True)
    console.print(table)
    secret = f"token in {ready_file}" if ready_file is not None else f"token {server.token}"
    console.print(f"control {server.host}:{server.control_port}, {secret}", soft_wrap=True)
    console.print("Ctrl-C ends it.")


def _time(host: Any) -> str:
    return "real time" if host.realtime else "virtual time"
