"""Failures that other packages name: found by their own rule, answered by edits of what skills let be adjusted."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fail2progress.core.registry import RegistryError
from fail2progress.failures.corrections import FILE, Corrector
from fail2progress.failures.edits import Execution
from fail2progress.failures.event import FailureEvent
from fail2progress.failures.report import FailureClass, FailureReport, FailureSignal
from fail2progress.failures.routes import SIGNALS, Edit, Finding, Route, SignalDefinition, route
from fail2progress.failures.signals import SHARE, signals
from support import samples
from support.plugins import install_plugin

SOURCE = """
from fail2progress.failures.routes import Edit, Finding, Route, SignalDefinition

def find(event, report):
    return Finding(2.0, event.header.call.object + " was scratched") if event.header.call.skill == "pick_place" else None

SCRATCHED = SignalDefinition(Route((Edit("clearance", 0.02),)), find)
"""


@pytest.fixture(scope="module")
def event() -> FailureEvent:
    """Of a cup that was carried."""
    made: FailureEvent = samples.failure()
    return made


@pytest.fixture
def added() -> Iterator[None]:
    yield
    for name in ("crooked", "dented", "scratched"):
        SIGNALS.unregister(name)


def report(event: FailureEvent, category: FailureClass = FailureClass.SIM2REAL_GAP) -> FailureReport:
    return FailureReport(failure=event.id, category=category, confidence=1.0, repetitions=5, differences=(), rebuilt=())


def named(event: FailureEvent, category: FailureClass = FailureClass.SIM2REAL_GAP) -> list[FailureSignal]:
    return list(signals(event, report(event, category)))


def test_a_package_names_a_failure_by_an_entry_point_and_its_edit_is_tried_and_kept(
    event: FailureEvent, added: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(
        str(install_plugin(tmp_path, SOURCE, {"fail2progress.signals": {"scratched": "SCRATCHED"}}, "scratches"))
    )
    monkeypatch.setattr(SIGNALS, "_searched", False)
    (found,) = named(event)
    assert (found.name, found.severity, found.parameter, found.delta) == ("scratched", 1.0, "pick_place.clearance", 0.02)
    assert found.evidence == "cup_1 was scratched" and SIGNALS.source("scratched") == "scratches"
    corrector = Corrector(tmp_path / FILE)
    assert corrector.executed([Execution("pick_place", (found,), event.id)]).adjustments == {"pick_place": {"clearance": 0.02}}
    assert [one.status for one in corrector.executed([Execution("pick_place")]).corrections] == ["kept"]
    sys.modules.pop("scratches")


def test_what_it_measured_is_taken_back_in_part_and_names_come_by_the_parts_of_a_skill(event: FailureEvent, added: None) -> None:
    askew = Route((Edit("place_x"), Edit("place_y")), stage=2)
    SIGNALS.register("crooked", SignalDefinition(askew, lambda event, report: Finding(0.4, "askew", (0.01, -0.05))))
    SIGNALS.register("dented", SignalDefinition(Route(stage=1), lambda event, report: Finding(0.2, "a dent")))
    dented, crooked = named(event)
    assert (dented.name, dented.parameter) == ("dented", "")
    assert crooked.parameter == "pick_place.place_y" and crooked.delta == pytest.approx(SHARE * 0.05)
    assert [one.name for one in named(event, FailureClass.SYMBOLIC_PREDICTION)] == ["prediction_wrong"]


def test_what_finds_nothing_leaves_a_failure_unexplained(event: FailureEvent, added: None) -> None:
    SIGNALS.register("dented", SignalDefinition(Route(), lambda event, report: None))
    assert [one.name for one in named(event)] == ["unexplained"]


def test_errors_that_do_not_go_with_the_edits_are_refused(event: FailureEvent, added: None) -> None:
    two = Route((Edit("place_x"), Edit("place_y")))
    SIGNALS.register("crooked", SignalDefinition(two, lambda event, report: Finding(0.4, "askew", (0.01,))))
    with pytest.raises(ValueError, match="signal 'crooked' measured 1 errors, its route has 2 edits"):
        named(event)


def test_a_name_that_nobody_has_is_told() -> None:
    with pytest.raises(RegistryError, match=r"unknown signal 'scratched'; known: grasp_missed"):
        route("scratched")
