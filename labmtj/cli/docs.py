"""`labmtj docs`."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from labmtj.cli.arguments import AsJson


def docs(
    context: typer.Context,
    topic: Annotated[
        str, typer.Argument(help="A page, such as wire-a-bench or reference/errors; the first one if it is not said.")
    ] = "",
    open_it: Annotated[
        bool, typer.Option("--open/--no-open", help="Open a browser, or only print where it is.")
    ] = True,
    build: Annotated[
        bool, typer.Option("--build", help="Make the pages anew with Sphinx; a warning is an error.")
    ] = False,
    reference: Annotated[
        bool, typer.Option("--reference", help="In a checkout: write the generated reference pages anew, and stop.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Open the documentation, which needs no network: tutorial, how-to, explanation, reference.

    For instance:

      labmtj docs

      labmtj docs first-run --no-open

    After a page was changed, in a checkout:

      labmtj docs --build --no-open
    """
    from labmtj.docs.building import is_current
    from labmtj.docs.opening import page

    if reference:
        from labmtj.docs.reference.pages import write_pages

        written = [str(path) for path in write_pages(context.find_root().command)]
        typer.echo(json.dumps({"written": written}) if as_json else "\n".join(written))
        return
    if build:
        _build()
    found = page(topic)
    address = found.as_uri()
    typer.echo(json.dumps({"page": address}) if as_json else address)
    if not is_current():
        typer.echo("these pages are older than their sources; labmtj docs --build makes them anew", err=True)
    if open_it:
        import webbrowser

        if not webbrowser.open(address):
            typer.echo("no browser was found here; open that address in one", err=True)


def _build() -> None:
    from labmtj import __version__
    from labmtj.docs.building import HTML, CannotBuild, build
    from labmtj.errors import InputError, StorageError

    try:
        build(__version__)
    except CannotBuild as error:
        raise InputError(
            f"the documentation cannot be built: {error}\n  pip install 'labmtj[docs]' brings what is needed"
            if str(error).startswith("not installed")
            else f"the documentation was not built, because of\n{error}"
        ) from error
    except OSError as error:
        raise StorageError(f"{HTML}: the pages cannot be written: {error.strerror}") from error
