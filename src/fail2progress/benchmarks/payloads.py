"""What events of a run's log hold, by their names: what is computed from them needs no more than what is checked here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from fail2progress.benchmarks.config import CONFIRMATORY, Rules

RECORDS = ("eval_record", "failure_record", "lesson_record")
"""Events of which figures are computed; they come within blocks."""
_Number = Annotated[int, Field(ge=0)]


class _Payload(BaseModel):
    """Strict: a number in quotes would be told from the number. Further keys are for readers."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)


class _Started(_Payload):
    dataset_hashes: dict[str, str] = {}
    models: dict[str, str] = {}


class _Member(_Payload):
    level: str
    seed: _Number
    role: Literal["scout", "evaluee"]
    digest: str


class _Config(_Payload):
    status: str
    rules: dict[str, Any]
    members: list[_Member]
    code: str = ""
    prereg: dict[str, Any] | None = None


class _Block(_Payload):
    block: str


class _BlockFinished(_Block):
    rejected: dict[str, Any] | None = None


class _Answer(_Payload):
    slice: str
    seed: _Number
    item: str
    structure: str
    pair: str | None
    correct: Annotated[str, Field(pattern=r"^[01]+$")]
    graded: list[FiniteFloat]


class _Learnt(_Payload):
    """An answer of the model that learns from round to round."""

    by: Literal["learner"]
    round: _Number
    item: str
    structure: str
    correct: Literal[0, 1]


class _Failure(_Payload):
    slice: str
    seed: _Number
    item: str
    structure: str
    cluster: int
    name: str
    features: list[FiniteFloat]


class _Lesson(_Payload):
    round: _Number
    item: str
    structure: str
    passed: bool
    reason: str | None


class _Metric(_Payload):
    name: str
    value: Any


_PAYLOADS: Mapping[str, type[_Payload]] = {
    "run_started": _Started,
    "harness_config": _Config,
    "block_started": _Block,
    "eval_record": _Answer,
    "failure_record": _Failure,
    "lesson_record": _Lesson,
    "block_finished": _BlockFinished,
    "report_computed": _Payload,
    "metric_computed": _Metric,
    "run_finished": _Payload,
}


def check(event: str, payload: Mapping[str, Any], started: Mapping[str, Any], config: Mapping[str, Any]) -> None:
    """ValueError says what is wrong with an event's payload; what the run began with and its configuration are given."""
    model = _Learnt if event == "eval_record" and payload.get("by") is not None else _PAYLOADS[event]
    try:
        model.model_validate(payload)
        if event == "harness_config":
            Rules.model_validate(payload["rules"])
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ValueError(f"{where}: {first['msg']}" if where else str(first["msg"])) from error
    if (event == "run_started" and started) or (event == "harness_config" and config):
        raise ValueError("a run has one")
    if event == "harness_config":
        _check_config(payload, started)
    if event in RECORDS and not config:
        raise ValueError("it comes before the run's configuration")
    if model is _Answer:
        members = len(config["members"])
        for key in ("correct", "graded"):
            if len(payload[key]) != members:
                raise ValueError(f"{key}: of {len(payload[key])} models, where the run has {members}")


def _check_config(config: Mapping[str, Any], started: Mapping[str, Any]) -> None:
    """ValueError where a configuration contradicts itself or what the run began with."""
    if not any(member["role"] == "evaluee" for member in config["members"]):
        raise ValueError("none of the members is an evaluee")
    prereg = config.get("prereg") or {}
    if config["status"] == CONFIRMATORY and not (prereg.get("sha256") and prereg.get("commit")):
        raise ValueError(f"a {CONFIRMATORY} run has a pre-registration with its commit and SHA-256")
    models = started.get("models")
    for member in config["members"]:
        name = f"{member['level']}#{member['seed']}"
        if models and models.get(name) != member["digest"]:
            raise ValueError(f"{name} has digest {member['digest'][:12]}, the run began with {str(models.get(name))[:12]}")
