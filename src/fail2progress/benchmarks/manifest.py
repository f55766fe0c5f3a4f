"""The list of a folder's capability levels: what a panel is read from, and what a further call adds to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fail2progress.core.files import write_whole
from fail2progress.models.checkpoint import load_checkpoint
from fail2progress.models.notes import CheckpointError

MANIFEST = "levels.json"
Tell = Callable[[str], None]
Role = Literal["scout", "evaluee"]
SCOUT: Role = "scout"
EVALUEE: Role = "evaluee"


class Row(BaseModel):
    """One level with one training seed."""

    model_config = ConfigDict(frozen=True)
    level: str
    seed: Annotated[int, Field(ge=0)]
    role: Role
    path: str
    digest: str
    code: str = ""
    """Version of the code that trained it; "": not kept."""

    @property
    def name(self) -> str:
        """Level and training seed."""
        return f"{self.level}#{self.seed}"


class Manifest(BaseModel):
    """The levels of a folder, with the digests of the data and the encoder that they have in common."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)
    version: int = Field(default=1, alias="schema")
    encoder: str = ""
    data: str = ""
    levels: list[Row]


def role_of(seed: int, executions: int, scouts: int | None) -> Role:
    """Of a level: models of training seed 0 scout or, where `scouts` is a size, those of that size."""
    return SCOUT if (seed == 0 if scouts is None else executions == scouts) else EVALUEE


def write_manifest(folder: Path, found: Manifest, scouts: int | None, tell: Tell) -> None:
    """Write a folder's list; what it listed before stays, with its role by the rule of this call.

    `tell` hears which levels are listed no longer: those of other data or another encoder, and those whose weights are not there.
    """
    path, paths = folder / MANIFEST, {row.path for row in found.levels}
    before = [row for row in _listed(path, found, tell) if row.path not in paths]
    kept = [row for row in before if _is_there(folder / row.path, row.digest)]
    gone = [row.name for row in before if row not in kept]
    if gone:
        tell(f"note: {path} no longer lists {', '.join(gone)}: their weights are missing or others")
    levels = [*(row.model_copy(update={"role": _role(row, scouts)}) for row in kept), *found.levels]
    write_whole(path, found.model_copy(update={"levels": levels}).model_dump_json(indent=1, by_alias=True) + "\n")


def _role(row: Row, scouts: int | None) -> Role:
    executions = row.level.rpartition("/")[2].partition("+")[0]
    return role_of(row.seed, int(executions), scouts) if executions.isdecimal() else row.role


def _listed(path: Path, now: Manifest, tell: Tell) -> list[Row]:
    """What a list has of the same data and encoder."""
    if not path.exists():
        return []
    try:
        found = Manifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        tell(f"note: {path} was no list of levels ({error.errors()[0]['msg']}); it is written anew")
        return []
    if (found.encoder, found.data) == (now.encoder, now.data):
        return found.levels
    gone = [row.name for row in found.levels if row.name not in {each.name for each in now.levels}]
    if gone:
        tell(f"note: {path} no longer lists {', '.join(gone)}: they were trained on other data or with another encoder")
    return []


def _is_there(path: Path, digest: str) -> bool:
    try:
        return load_checkpoint(path).digest == digest
    except CheckpointError:
        return False
