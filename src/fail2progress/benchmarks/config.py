"""What decides a run, and its pre-registration: the rules of H1 to H3, committed before any evaluee is scored."""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

CONFIRMATORY, EXPLORATORY = "confirmatory", "exploratory"
Share = Annotated[float, Field(gt=0.0, le=1.0)]
Count = Annotated[int, Field(ge=1)]


class PreregistrationError(ValueError):
    """A pre-registration that cannot be read, or was changed after the fact."""


class Rules(BaseModel):
    """All that decides a run but the items and models. The defaults are for a first look; a study commits its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    schema_version: Literal[1] = 1
    primary: str = "cluster"
    """The generator that H1 is about, and H2 where no other is named."""
    structured: str | None = None
    """The generator that H2 and the rounds are about."""
    generators: tuple[str, ...] = ("cluster",)
    controls: tuple[str, ...] = ("static", "matched", "shuffled")
    """H1: the primary must separate more than each of these."""
    clusterer: str = "kmeans"
    second: str | None = None
    """Another clusterer, which H2 is reported with beside the one that decides it."""
    k: Annotated[int, Field(ge=2)] = 8
    budget: Annotated[int, Field(ge=2)] = 40
    """Items of a slice and seed."""
    n_seeds: Annotated[int, Field(ge=0)] = 3
    n_boot: Annotated[int, Field(ge=10)] = 500
    seed: Annotated[int, Field(ge=0)] = 0
    tau_tolerance: float = 0.05
    """H1: how much worse the order of the models may be than the control's."""
    fewest_failures: Count = 20
    """H2: of both arms, in every seed; as many are taken of the larger one."""
    rounds: Annotated[int, Field(ge=0)] = 0
    anchors: Count = 40
    drift: Share = 0.10
    ari: Share = 0.8
    consecutive: Count = 2
    update: Literal["accumulate", "substitute", "learn"] = "accumulate"
    """H3 is judged on this one."""
    modes: tuple[Literal["accumulate", "substitute", "learn", "null"], ...] = ("accumulate", "null")
    """Rounds that are run, where there are any; null: fresh static draws."""

    @property
    def clustered(self) -> str:
        """The generator whose clusters of failures are put to the test."""
        return self.structured or self.primary


@dataclass(frozen=True)
class Preregistration:
    """Rules from a file, with its hash and the commit that they stand in ("": in none)."""

    rules: Rules
    path: str
    sha256: str
    commit: str

    def to_dict(self) -> dict[str, Any]:
        """For the log."""
        return {"path": self.path, "sha256": self.sha256, "commit": self.commit}


def preregistered(path: Path) -> Preregistration:
    """Read rules. PreregistrationError: not there, not valid, or other than what is committed under the same name."""
    try:
        content = path.read_bytes()
        rules = Rules.model_validate_json(content)
    except OSError as error:
        raise PreregistrationError(f"{path}: cannot be read ({error.strerror or error})") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise PreregistrationError(f"{path}: {where}: {first['msg']}") from error
    sha256, commit = hashlib.sha256(content).hexdigest(), _commit_of(path)
    if commit and hashlib.sha256(_committed(path, commit)).hexdigest() != sha256:
        raise PreregistrationError(
            f"{path} was changed after commit {commit[:10]}: commit it before the run, or leave --prereg out (exploratory)"
        )
    return Preregistration(rules, path.name, sha256, commit)


def status(prereg: dict[str, Any] | None, run_commit: str, folder: Path) -> str:
    """Confirmatory only if the rules' commit is an ancestor of the run's, or the run's own."""
    if not prereg or not prereg.get("commit") or not run_commit:
        return EXPLORATORY
    done = _git(folder, "merge-base", "--is-ancestor", str(prereg["commit"]), run_commit)
    return CONFIRMATORY if done is not None else EXPLORATORY


def check_unchanged(path: Path, recorded: dict[str, Any] | None) -> None:
    """PreregistrationError where a run was made with other rules than a file has now."""
    if recorded is None:
        raise PreregistrationError(f"the run was made without pre-registration: leave --prereg {path} out")
    now = hashlib.sha256(path.read_bytes()).hexdigest()
    if now != recorded["sha256"]:
        raise PreregistrationError(
            f"{path} has SHA-256 {now[:12]}, the run has {recorded['sha256'][:12]}: the rules were changed after the fact"
        )


def _commit_of(path: Path) -> str:
    """The last commit that touched a file, "" where it is in none."""
    return (_git(path.resolve().parent, "log", "-1", "--format=%H", "--", path.name) or b"").decode().strip()


def _committed(path: Path, commit: str) -> bytes:
    return _git(path.resolve().parent, "show", f"{commit}:./{path.name}") or b""


def _git(folder: Path, *arguments: str) -> bytes | None:
    """Output of git, None where it fails or is not there."""
    try:
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout
