"""One failure for others: a folder with a JSON Schema, one npz, or an MCAP file; nothing in them needs this package or pickle.

The folder:

    failure.json            the header: goal, call, plan, relations that broke, names, categories, `frame` and stamps
    failure.schema.json     its JSON Schema
    report.json             the class (the label) with its evidence and signals; null where it was not classified
    clouds/NAME.npy         (N, P, 3) float32 metres in `frame`, rows as `names`; `before` and `after`
    images/NAME.png         what the camera saw, where the failure has it; `before` and `after`
    relations/NAME.json     binary (N, N, 9) and unary (N, 3) probabilities with the names of their axes
    pipeline_gaps.json      what was assumed or left out when its scene was rebuilt
    MANIFEST.json           SHA-256 of every file

The npz has the texts under "header", "report" and "pipeline_gaps", the MCAP file on topics of its own.
"""

from __future__ import annotations

import base64
import hashlib
import json
import warnings
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Literal

import numpy as np
from mcap.writer import Writer
from pydantic import TypeAdapter

from fail2progress.core import gaps
from fail2progress.core.files import whole_file, write_whole
from fail2progress.core.relations import BINARY, UNARY, RelationState
from fail2progress.failures.event import FailureEvent, Header
from fail2progress.failures.report import FailureReport
from fail2progress.simulation.reconstruction import rebuild

_LIST_OF_GAPS = TypeAdapter(dict[Literal["gaps"], list[gaps.Gap]]).json_schema()


def to_folder(folder: Path, event: FailureEvent, report: FailureReport | None) -> None:
    """Write the folder. OSError where it cannot be written."""
    for name in ("clouds", "relations"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    write_whole(folder / "failure.json", event.header.model_dump_json(indent=1))
    write_whole(folder / "failure.schema.json", json.dumps(Header.model_json_schema(), indent=1))
    write_whole(folder / "report.json", report.model_dump_json(indent=1) if report else "null")
    for name, cloud in (("before", event.before), ("after", event.after)):
        np.save(folder / "clouds" / f"{name}.npy", cloud.points, allow_pickle=False)
    for name, image in event.images.items():
        write_whole(folder / "images" / f"{name}.png", image)
    for name, state in _states(event):
        write_whole(folder / "relations" / f"{name}.json", json.dumps(relations_as_json(state)))
    gaps.write(folder / gaps.FILE, gaps_of(event))
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    sums = {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    write_whole(folder / "MANIFEST.json", json.dumps(sums, indent=1))


def gaps_of(event: FailureEvent) -> tuple[gaps.Gap, ...]:
    """What was assumed or left out when the scene before was rebuilt, named by the failure; one gap where it cannot be."""
    try:
        found = rebuild(event.before, event.relations_before).gaps
    except ValueError as error:
        where = "simulation.reconstruction.rebuild.rebuild"
        found = (gaps.gap("unsupported_input", where, "a scene could not be rebuilt", str(error), 3),)
    return tuple(one.model_copy(update={"run_id": event.id}) for one in found)


def note_gaps(store: Path, event: FailureEvent) -> None:
    """Merge a failure's gaps into the file of gaps beside its store. One that cannot be read or
    written is left as it is, with a warning."""
    try:
        gaps.add(store.with_name(gaps.FILE), gaps_of(event))
    except (gaps.GapError, OSError) as error:
        warnings.warn(f"{error}; gaps of failure {event.id} are not noted", RuntimeWarning, stacklevel=2)


def _states(event: FailureEvent) -> Iterator[tuple[str, RelationState]]:
    yield "before", event.relations_before
    yield "expected", event.expected
    yield "observed", event.observed


def _gaps_as_json(event: FailureEvent) -> list[dict[str, Any]]:
    return [one.model_dump(mode="json") for one in gaps.merged(gaps_of(event))]


def relations_as_json(state: RelationState) -> dict[str, Any]:
    """Probabilities with the names of their axes."""
    return {
        "names": list(state.names),
        "binary_relations": list(BINARY),
        "unary_relations": list(UNARY),
        "binary": np.asarray(state.binary, float).tolist(),
        "unary": np.asarray(state.unary, float).tolist(),
    }


def to_npz(path: Path, event: FailureEvent, report: FailureReport | None) -> None:
    """Arrays, images as the bytes of PNG files, and JSON texts under "header", "report" and "pipeline_gaps"."""
    files = {f"image_{key}": np.frombuffer(content, np.uint8) for key, content in event.images.items()}
    texts = {"header": event.header.model_dump_json(), "report": report.model_dump_json() if report else "null"}
    texts["pipeline_gaps"] = json.dumps(_gaps_as_json(event))
    words = {key: np.array(text) for key, text in texts.items()}
    with whole_file(path) as unfinished, unfinished.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **event.arrays(), **files, **words)


def to_mcap(path: Path, event: FailureEvent, report: FailureReport | None) -> None:
    """JSON messages with their schemas: /failure, /failure/{report,pipeline_gaps}, /failure/{images,clouds,relations}/*."""
    stamp = _nanoseconds(event.header.time)
    with whole_file(path) as unfinished, unfinished.open("wb") as file:
        writer = Writer(file)
        writer.start(profile="", library="fail2progress")
        for topic, schema, value in _messages(event, report):
            name = topic.strip("/").replace("/", "_")
            schema_id = writer.register_schema(name, "jsonschema", json.dumps(schema).encode())
            channel = writer.register_channel(topic, "json", schema_id)
            writer.add_message(channel, log_time=stamp, publish_time=stamp, data=json.dumps(value).encode())
        writer.finish()


def _nanoseconds(time: str) -> int:
    """Since 1970, of a time in ISO 8601; in whole numbers, as those of floating point lie hundreds of nanoseconds apart there."""
    since = datetime.fromisoformat(time).astimezone(timezone.utc) - datetime(1970, 1, 1, tzinfo=timezone.utc)
    return since // timedelta(microseconds=1) * 1000


def _messages(event: FailureEvent, report: FailureReport | None) -> Iterator[tuple[str, dict[str, Any], Any]]:
    """Topic, JSON Schema and value of every message. Points that were never seen are null."""
    yield "/failure", Header.model_json_schema(), event.header.model_dump(mode="json")
    if report is not None:
        yield "/failure/report", FailureReport.model_json_schema(), report.model_dump(mode="json")
    yield "/failure/pipeline_gaps", _LIST_OF_GAPS, {"gaps": _gaps_as_json(event)}
    anything = {"type": "object"}
    for name, cloud in (("before", event.before), ("after", event.after)):
        points = [rows.tolist() if np.isfinite(rows).all() else None for rows in cloud.points]
        value = {"frame": cloud.frame, "stamp": cloud.stamp, "names": list(cloud.names), "points_m": points}
        yield f"/failure/clouds/{name}", anything, value
    for name, image in event.images.items():
        stamp = event.before.stamp if name == "before" else event.after.stamp
        data = base64.b64encode(image).decode()
        value = {"frame": event.before.frame, "stamp": stamp, "format": "png", "data": data}
        yield f"/failure/images/{name}", anything, value
    for name, state in _states(event):
        yield f"/failure/relations/{name}", anything, relations_as_json(state)


WRITERS: dict[str, Callable[[Path, FailureEvent, FailureReport | None], None]] = {".npz": to_npz, ".mcap": to_mcap}
"""By the ending of the file's name."""
