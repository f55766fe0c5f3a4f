"""`fail2progress reproduce noise`, `identities`, `clutter`, `thresholds` and `frames`: what perception is worth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fail2progress.cli.common import UserError, checked, print_json, say, writable, write_json
from fail2progress.core.files import write_whole
from fail2progress.core.names import unknown
from fail2progress.perception.segmentation import DEFAULT as SEGMENTER

if TYPE_CHECKING:
    from fail2progress.perception.segmentation.base import Segmenter
    from fail2progress.simulation.mujoco.rgbd import DepthNoise

_EPISODES = ("segmenter", "trials", "seed", "quick")
TAKES = {
    "noise": (*_EPISODES, "weights"),
    "identities": _EPISODES,
    "clutter": _EPISODES,
    "thresholds": ("segmenter", "frames"),
    "frames": ("segmenter", "dataset", "source"),
}
"""The options of each, beside --out and --json, which all have."""
TABLES = tuple(TAKES)
EPISODES = {"noise": 20, "identities": 60, "clutter": 105}
QUICK = 4


@dataclass(frozen=True)
class Order:
    """What is to be run, and where it goes."""

    table: str
    out: Path
    model: Path | None
    seed: int
    quick: bool
    segmenter: str = SEGMENTER
    trials: int | None = None
    frames: Path | None = None
    dataset: str | None = None
    source: str | None = None

    @property
    def episodes(self) -> int:
        """Of five skills, six frames each; for clutter, scenes."""
        return self.trials or (QUICK if self.quick else EPISODES[self.table])


def run(order: Order, json_output: bool) -> None:
    """Run one of TABLES, and write `<table>.json`, `.md` and `.png` into its folder. UserError for another name."""
    if order.table not in TABLES:
        raise UserError(unknown("table", order.table, TABLES))
    writable(order.out)
    alone = {"clutter": _clutter, "thresholds": _thresholds, "frames": _frames}
    if order.table in alone:
        return alone[order.table](order, json_output)
    report, text, picture = (_noise if order.table == "noise" else _identities)(order)
    _keep(order, order.table, report, text, json_output, picture)


def _keep(
    order: Order, stem: str, report: dict[str, object], page: str, json_output: bool, picture: bytes = b"", caption: str = ""
) -> None:
    """Write `<stem>.json`, `.md`, and `.png` where there is a picture, and print the report or the page.

    caption: of the picture, which the page shows below all else; default: the stem.
    """
    write_json(order.out / f"{stem}.json", report)
    write_whole(order.out / f"{stem}.md", f"{page}\n![{caption or stem}]({stem}.png)\n" if picture else page)
    if picture:
        write_whole(order.out / f"{stem}.png", picture)
    if json_output:
        print_json(report)
    else:
        for line in page.splitlines():
            say(line)


def _clutter(order: Order, json_output: bool) -> None:
    """Crowded scenes: `clutter_<segmenter>.json`, `.md`, and `.png` with what was missed."""
    from fail2progress.evaluation.studies import clutter
    from fail2progress.perception.segmentation.registry import segmenter
    from fail2progress.reporting import faults_picture

    with checked():
        chosen = segmenter(order.segmenter)
    report, faults = clutter.study(chosen, order.episodes, order.seed, say)
    picture = faults_picture.sheet(faults.shown) if faults.shown else b""
    _keep(order, f"clutter_{chosen.name}", report, clutter.page(report), json_output, picture, "faults, the first of each")


def _thresholds(order: Order, json_output: bool) -> None:
    """Each threshold moved by a fifth, over real frames: `thresholds_<segmenter>.json` and `.md`."""
    from fail2progress.evaluation.studies import thresholds
    from fail2progress.perception.segmentation.registry import segmenter

    if order.frames is None or not order.frames.is_dir():
        what = "a folder of real frames with boxes, NAME-color.png, NAME-depth.png, NAME.json"
        raise UserError(f"thresholds needs --frames: {what}" if order.frames is None else f"--frames {order.frames}: not {what}")
    with checked():
        chosen, frames = segmenter(order.segmenter), thresholds.Frames.read(order.frames)
        report = thresholds.study(chosen, frames, order.out, say)
    _keep(order, f"thresholds_{chosen.name}", report, thresholds.page(report), json_output)


def _frames(order: Order, json_output: bool) -> None:
    """Frames that others published: `<list>_<segmenter>.json`, `.md`, and `.png` of all of them; files are kept under `files`."""
    from fail2progress.evaluation.public_frames import SOURCE, lists, read_list
    from fail2progress.evaluation.studies import public_frames
    from fail2progress.perception.segmentation.registry import segmenter
    from fail2progress.reporting import frames_picture

    if order.dataset is None:
        raise UserError(f"frames needs --dataset: a list of frames, {', '.join(lists())}, or a file (.json)")
    with checked():
        chosen, listed = segmenter(order.segmenter), read_list(order.dataset)
        study = public_frames.Study(listed, order.out / "files", order.source or SOURCE)
        report = study.run(chosen, Path(order.dataset).stem, say)
    page, picture = public_frames.page(report, listed.about), frames_picture.sheet(study.shown)
    _keep(order, f"{report['list']}_{chosen.name}", report, page, json_output, picture)


def _segmenters(name: str) -> dict[str, Segmenter]:
    from fail2progress.perception.segmentation.registry import LABEL_IMAGE, segmenter

    return {"ideal": segmenter(LABEL_IMAGE), name: segmenter(name)}


def _sensor() -> DepthNoise:
    """The errors of a RealSense D435."""
    from fail2progress.simulation.mujoco.rgbd import DepthNoise

    return DepthNoise(at_one_metre=0.002, dropped=0.01)


def _noise(order: Order) -> tuple[dict[str, object], str, bytes]:
    from fail2progress.evaluation.studies import identities, noise
    from fail2progress.models import weights
    from fail2progress.models.checkpoint import load_checkpoint
    from fail2progress.reporting import noise_pictures
    from fail2progress.simulation import registry as simulators

    read = load_checkpoint(order.model / weights.RELATIONAL if order.model else weights.path(weights.RELATIONAL))
    simulator, sensor = simulators.make(), _sensor()
    scenes = {
        "after skills": noise.after_skills(simulator, order.episodes, order.seed, sensor),
        "cluttered": noise.cluttered(simulator, (identities.SKILLS + 1) * order.episodes, order.seed, sensor),
    }
    report = noise.study(
        read.model,
        read.digest,
        _segmenters(order.segmenter),
        scenes,
        order.seed,
        progress=lambda done: say(f"{done} views") if done % 24 == 0 else None,
        episodes=order.episodes,
        depth_noise=vars(sensor),
    )
    return report, noise_pictures.page(report), noise_pictures.curves(report)


def _identities(order: Order) -> tuple[dict[str, object], str, bytes]:
    from fail2progress.evaluation.studies import identities
    from fail2progress.reporting import identities_pictures
    from fail2progress.simulation import registry as simulators

    simulator, segmenters = simulators.make(), _segmenters(order.segmenter)
    report = identities.study(simulator, segmenters, order.episodes, order.seed, _sensor(), lambda done: say(f"{done} episodes"))
    moments = list(identities.episode(simulator, order.seed, identities.most_hidden(report), _sensor()))
    return report, identities_pictures.page(report), identities_pictures.strip(moments, segmenters["ideal"])
