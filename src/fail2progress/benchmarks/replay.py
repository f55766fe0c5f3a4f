"""A run's report from its log: written, and computed again to be compared to the last digit."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from fail2progress.benchmarks.events import EVENTS, REPORT, Recorded, recorded
from fail2progress.benchmarks.report import report
from fail2progress.core.files import write_whole

Tell = Callable[[str], None]
_RETIRED = re.compile(r"/slices?/[^/]+/S/p: .+ there, absent computed")
"""A figure that reports had: the share of replicates of a standard deviation that are at most 0."""
_NO_LOG = re.compile(r"/log: absent there, .+")
"""The digest of the log that it is the report of."""
_NO_NULL = re.compile(r"/(hypotheses|hypothesis)/H3/rule_of_null: absent there, .+")
_BY_RULE = re.compile(r"/(hypotheses|hypothesis)/H3/supported: True there, False computed")
"""Whether the null keeps H3's rule; without that H3 was supported by the rule alone."""
_TOO_FEW = re.compile(r"/rounds/([^/]+)/(\d+)/failures: 0 there, \d+ computed")
"""No failures where those met are too few for clusters."""
_NO_SPREAD = re.compile(r"/slices/[^/]+/items_to_order/\d+: 0 there, None computed")
"""No item needed to tell an order, where the differences have no spread."""


class ReplayError(ValueError):
    """A report that is not what its log says."""


def metrics(found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A report's figures by name, for who reads the log alone: the digest of what it was computed from, figures of slices and of
    each of their seeds, of rounds, and verdicts."""
    yield {"name": "log", "value": found["log"]}
    for name, one in found["slices"].items():
        yield from ({"name": f"slice/{name}/{key}", "value": one[key]} for key in ("accuracy", "S", "S_c", "tau_b"))
        for part, keys in (("by_seed", ("S", "S_c")), ("failures", ("corrected_purity", "ami"))):
            for row in one[part]:
                at = {"seed": row["seed"], "n": row["n"]}
                yield from ({"name": f"slice/{name}/{part}/{key}", "value": row[key], **at} for key in keys)
    for mode, rows in found["rounds"].items():
        for row in rows:
            at = {"round": row["round"], "n": row["n"]}
            measures = ("S_c", "accuracy", "corrected_purity", "drift", "ari")
            yield from ({"name": f"rounds/{mode}/{key}", "value": row[key], **at} for key in measures)
    yield from ({"name": f"hypothesis/{name}", "value": test} for name, test in found["hypotheses"].items() if test is not None)


def finish(folder: Path) -> dict[str, Any]:
    """Compute the report of a run's log and write it beside."""
    found: dict[str, Any] = plain(report(recorded(folder)))
    write_whole(folder / REPORT, json.dumps(found, indent=1) + "\n")
    return found


def replay(folder: Path, tell: Tell = lambda what: None) -> dict[str, Any]:
    """Compute the report again from the log alone. ReplayError where it is not the one that stands there, to the last digit.

    `tell` hears of figures that stand there and are no longer computed.
    """
    found: Recorded = recorded(folder)
    if not found.finished:
        raise ReplayError(f"{folder}: the run was cut short after {len(found.blocks)} blocks; go on with it by --resume")
    _tell_changed(found, tell)
    again: dict[str, Any] = plain(report(found))
    try:
        stands = json.loads((folder / REPORT).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise ReplayError(f"{folder / REPORT}: cannot be read ({why}); the run writes it again by --resume") from error
    apart = _differences(stands, again, "")
    if differing := _unknown(apart, again, told(found)):
        raise ReplayError(f"{folder / REPORT} differs from what its log gives, first at {differing[0]}")
    if any(map(_RETIRED.fullmatch, apart)):
        tell(f"note: {folder / REPORT} has a p of S, of an earlier version; none is computed now, as S is never below 0")
    for each in apart:
        if not (_RETIRED.fullmatch(each) or _NO_LOG.fullmatch(each)):
            tell(f"note: {folder / REPORT} is of an earlier version, which told this otherwise: {each[1:]}")
    _check_metrics(folder, found, again)
    return again


def _check_metrics(folder: Path, found: Recorded, again: dict[str, Any]) -> None:
    """ReplayError where the log's last word on a figure is not what is computed, or it has none. Logs of earlier versions, which
    tell no digest of themselves, have fewer of them."""
    there = told(found)
    computed = {_name(figure): figure["value"] for figure in metrics(again)}
    wanted = {**there, **computed} if "log" in there else there
    pairs = {key: (there.get(key, "absent"), computed.get(key, "absent")) for key in wanted}
    apart = [each for key, (one, other) in pairs.items() for each in _differences(one, other, f"/{key}")]
    if differing := _unknown(apart, again, there):
        raise ReplayError(f"{folder / EVENTS}: a metric differs from what the answers give, first at {differing[0][1:]}")


def told(found: Recorded) -> dict[str, Any]:
    """The log's last word on each figure."""
    return {_name(figure): figure["value"] for figure in found.metrics}


def _unknown(apart: list[str], again: dict[str, Any], there: Mapping[str, Any]) -> list[str]:
    """Differences that no earlier version explains; again: the report as it is computed now; there: the log's figures, which tell
    whether it is of an earlier version, whatever the report beside it lacks."""
    verdict = there.get("hypothesis/H3")
    without_null = "log" not in there and not (isinstance(verdict, dict) and "rule_of_null" in verdict)

    def explained(each: str) -> bool:
        if few := _TOO_FEW.fullmatch(each):
            return again["rounds"][few[1]][int(few[2])]["corrected_purity"] is None
        if _BY_RULE.fullmatch(each):
            return without_null and again["hypotheses"]["H3"]["rule"] is True
        kinds = (_RETIRED, _NO_SPREAD, *(() if "log" in there else (_NO_LOG,)), *((_NO_NULL,) if without_null else ()))
        return any(kind.fullmatch(each) for kind in kinds)

    return [each for each in apart if not explained(each)]


def _name(figure: dict[str, Any]) -> str:
    """What tells a metric from others: its name, and seed or round."""
    return str(figure["name"]) + "".join(f" of {key} {figure[key]}" for key in ("seed", "round") if key in figure)


def _tell_changed(found: Recorded, tell: Tell) -> None:
    """Say which files of items and structures that lie here are not those that the run read."""
    for name, digest in found.started.get("dataset_hashes", {}).items():
        path = Path(name)
        if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            tell(f"note: {path} is not as the run read it (SHA-256 {digest[:12]}); the report is of what it read")


def plain(value: Any) -> Any:
    """As JSON gives it back, to ten decimals, in which all processors agree; what is not finite becomes null."""
    text = json.dumps(value, default=float)
    return json.loads(text, parse_constant=lambda name: None, parse_float=lambda number: round(float(number), 10))


def _differences(one: Any, other: Any, path: str) -> list[str]:
    """Where two reports differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        keys = sorted(set(one) | set(other))
        return [each for key in keys for each in _differences(one.get(key, "absent"), other.get(key, "absent"), f"{path}/{key}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [each for i, (a, b) in enumerate(zip(one, other, strict=True)) for each in _differences(a, b, f"{path}/{i}")]
    return [] if one == other and type(one) is type(other) else [f"{path}: {str(one)[:40]} there, {str(other)[:40]} computed"]
