"""The space of scene states around one failure, from what was seen of it and its rebuilt scene (paper Eq. 3b)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import torch

from fail2progress.core.names import unknown
from fail2progress.core.objects import kind_of
from fail2progress.core.observation import SegmentedCloud
from fail2progress.core.scene import Scene
from fail2progress.models.prediction import Belief
from fail2progress.skills.registry import skill
from fail2progress.stein.bands import FREEDOM, bands, ranges, walls
from fail2progress.stein.concerned import Concern, Observed, concern, drawers, members
from fail2progress.stein.physics import NOMINAL, PhysicsPrior
from fail2progress.stein.solids import Surroundings, solids_of
from fail2progress.stein.states import NothingToVaryError, StateSpace
from fail2progress.stein.turns import EVENLY, along_edges, topped

TOGETHER, APART = "together", "apart"
PLACINGS = (TOGETHER, APART)
"""Together: what hangs together is placed as one, and varies within. Apart: everything is placed by itself, so that nothing but
the likelihood brings together what hung together: the paper's uniform P(S) (docs/decisions/0126)."""


def state_space(
    belief: Belief,
    failure: Observed,
    scene: Scene,
    freedom: float = FREEDOM,
    physics: PhysicsPrior = NOMINAL,
    placing: str = TOGETHER,
) -> StateSpace:
    """The space of scene states around a failure; `scene` is O_F rebuilt, `freedom` in metres, `placing` one of PLACINGS.

    NothingToVaryError where there is nothing to place.
    """
    require_placing(placing)
    cloud = failure.before
    tables = [i for i, name in enumerate(cloud.categories) if name == "table" and cloud.seen[i]]
    moved = belief.index(failure.call.object)
    if not tables or not cloud.seen[moved] or cloud.names[moved] not in scene.names:
        raise NothingToVaryError("learning from a failure needs a table and the object of the failed skill in view")
    found = concern(failure, scene)
    solids, thick, furniture = solids_of(cloud.names, scene), walls(cloud.names, scene), _furniture(found, cloud)
    fixed = frozenset(furniture - topped(found.clusters[0], moved, furniture, solids))
    together = placing == TOGETHER
    clusters = found.clusters if together else one_by_one(found, moved, furniture)
    varying = members(found, moved, cloud.names, scene) if together else ()
    shared = bands(found.clusters[0], varying, found.parent, solids, thick)
    carries = skill(failure.call.skill).carries
    return StateSpace(
        clusters=clusters,
        parent=found.parent,
        concerned=found.concerned,
        moved=moved,
        varying=varying,
        drawers=drawers(found.clusters[0], cloud.names, scene),
        fixed=fixed,
        freedom=freedom,
        surroundings=Surroundings(belief.state.box[0][tables]),
        table_rows=tuple(tables),
        hanging=found.clusters,
        points=torch.from_numpy(np.nan_to_num(cloud.points)),
        solids=solids,
        own=ranges(varying, shared, found.parent, solids, thick, freedom),
        thickness=tuple(thick),
        bands=shared,
        physics=physics,
        along=along_edges(clusters, solids.footprints, fixed, found.parent, carries) if together else EVENLY,
    )


def require_placing(name: str) -> None:
    """ValueError for one that is not known."""
    if name not in PLACINGS:
        raise ValueError(unknown("placing", name, PLACINGS))


def one_by_one(found: Concern, moved: int, furniture: Collection[int]) -> tuple[tuple[int, ...], ...]:
    """Every row of a cluster by itself, but for furniture and its drawers, which stay one; first what has the row `moved`."""
    parts: list[tuple[int, ...]] = []
    for cluster in found.clusters:
        whole = tuple(row for row in cluster if row in furniture)
        parts += [whole] if whole else []
        parts += [(row,) for row in cluster if row not in furniture]
    return tuple(sorted(parts, key=lambda rows: moved not in rows))


def _furniture(found: Concern, cloud: SegmentedCloud) -> set[int]:
    """Rows of what is placed and no robot moves."""
    rows: Sequence[int] = [row for cluster in found.clusters for row in cluster]
    return {row for row in rows if not kind_of(cloud.categories[row]).movable}
