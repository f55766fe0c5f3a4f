"""fail2progress assets check|refine: how well the rebuilt scene of a failure fits what was seen, and its corrections."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fail2progress.cli.common import STORE_OPTION, Commands, UserError, print_json, say, show_table, store_of, table_of
from fail2progress.cli.outputs import check_output
from fail2progress.core.files import write_whole

if TYPE_CHECKING:
    from fail2progress.failures.assets.case import Case
    from fail2progress.failures.assets.schema import Reading

assets = typer.Typer(cls=Commands, no_args_is_help=True, help="Check and correct the rebuilt scene of a failure.")
_ID = typer.Argument(None, help="Id of a failure, or an unambiguous beginning of it. Default: the last one.")
_JSON = typer.Option(False, "--json", help="Print as JSON.")
_PICTURE = typer.Option(None, help="Write a picture (.png): the assets over the cloud.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(assets, name="assets")


@assets.command()
def check(identity: str | None = _ID, store: Path | None = STORE_OPTION, as_json: bool = _JSON) -> None:
    """Measure the five signals on every asset of the rebuilt scene. Exit code 1 where one fails.

    Example: fail2progress assets check 3f2a
    """
    from fail2progress.failures.assets.refine import assess, failing

    readings = assess(_case(identity, store))
    if as_json:
        print_json({"readings": [reading.model_dump(mode="json") for reading in readings]})
    else:
        _print(readings)
    if failing(readings):
        raise typer.Exit(1)


@assets.command()
def refine(
    identity: str | None = _ID, store: Path | None = STORE_OPTION, picture: Path | None = _PICTURE, as_json: bool = _JSON
) -> None:
    """Correct what fails by one bounded edit a signal, kept where it helps. Exit code 1 where something still fails.

    Example: fail2progress assets refine 3f2a --picture refined.png
    """
    from fail2progress.failures.assets.refine import Refiner, assess
    from fail2progress.reporting.asset_picture import asset_picture

    if picture is not None:
        check_output("--picture", picture, ".png")
    case = _case(identity, store)
    found = Refiner().refine(case)
    if picture is not None:
        write_whole(picture, asset_picture(case, found))
        say(f"wrote {picture}")
    if as_json:
        print_json(found.to_dict())
    else:
        for record in found.history:
            verdict = "kept" if record.accepted else f"rejected{': raises ' + ', '.join(record.raised) if record.raised else ''}"
            say(f"{record.signal}({record.asset}): {record.before:.2f} -> {record.after:.2f}, {verdict}")
        _print(assess(found.case))
    if not found.passed:
        raise typer.Exit(1)


def _case(identity: str | None, named: Path | None) -> Case:
    """The failure's scene as the classifier rebuilds it. UserError where there is nothing to rebuild."""
    from fail2progress.core.camera import Camera
    from fail2progress.core.gaps import FILE, GapError, add
    from fail2progress.failures.assets.case import known_scene
    from fail2progress.failures.exports import gaps_of
    from fail2progress.failures.store import FailureStore
    from fail2progress.simulation import registry as simulators
    from fail2progress.simulation.reconstruction.rebuild import why_left_out

    store = store_of(named)
    kept = FailureStore(store)
    event = kept.get(identity) if identity else kept.latest()
    try:
        add(store.with_name(FILE), gaps_of(event))
    except GapError as error:
        raise UserError(str(error)) from error
    try:
        with simulators.make() as simulator:
            known = known_scene(event, simulator)
    except ValueError as error:
        raise UserError(f"failure {event.id[:8]}: {error}") from error
    if known.rebuilt.left_out:
        say(f"not rebuilt: {'; '.join(why_left_out(known.before, name) for name in known.rebuilt.left_out)}")
    return known.case(event.header.call.call(), Camera().eye)


def _print(readings: tuple[Reading, ...]) -> None:
    table = table_of("asset", "signal", "", "what")
    for reading in readings:
        table.add_row(reading.asset, reading.signal, "fails" if reading.fails else "", reading.evidence.partition(": ")[2])
    show_table(table)
