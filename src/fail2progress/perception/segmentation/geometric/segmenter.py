"""Segments by geometry and colour alone: no weights, nothing learned.

Surfaces by RANSAC; what rises above them, cut at concave creases and occlusions into parts; parts joined into objects. See
docs/decisions/0006-perception.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from scipy import ndimage

from fail2progress.core.products import by_one_thread
from fail2progress.core.relations import Mask
from fail2progress.core.rgbd import NOISE, Intrinsics, RgbdFrame
from fail2progress.core.scene import Array
from fail2progress.perception.segmentation import orientation
from fail2progress.perception.segmentation.base import Perceived, PerceptionError, Segmenter, WayUp
from fail2progress.perception.segmentation.geometric import colour_splitting as tones
from fail2progress.perception.segmentation.geometric import depth as readings
from fail2progress.perception.segmentation.geometric import planes
from fail2progress.perception.segmentation.geometric.cabinets import CabinetRules, cabinets
from fail2progress.perception.segmentation.geometric.colour_splitting import ToneRules
from fail2progress.perception.segmentation.geometric.crosses import shrunk
from fail2progress.perception.segmentation.geometric.depth import Facets, Image
from fail2progress.perception.segmentation.geometric.flat_things import joined
from fail2progress.perception.segmentation.geometric.guide import Geometry, Guide, Thing
from fail2progress.perception.segmentation.geometric.holes import closed
from fail2progress.perception.segmentation.geometric.ledges import LedgeRules, ledges
from fail2progress.perception.segmentation.geometric.merging import Merger
from fail2progress.perception.segmentation.geometric.outsiders import OutsiderRules, Outsiders
from fail2progress.perception.segmentation.geometric.planes import Surface
from fail2progress.perception.segmentation.geometric.region_adjacency import Others, meetings, table
from fail2progress.perception.segmentation.geometric.regions import CutRules, Numbers, Scan, Window, regions
from fail2progress.perception.segmentation.geometric.stack_splitting import SeamRules, split
from fail2progress.perception.segmentation.geometric.standing import Standing
from fail2progress.perception.segmentation.geometric.strays import StrayRules, without_strays
from fail2progress.perception.segmentation.geometric.support_surfaces import Level, PlaneRules, within
from fail2progress.perception.segmentation.geometric.surface_colour import like_surface
from fail2progress.perception.segmentation.geometric.thresholds import MergeRules, StandRules
from fail2progress.perception.segmentation.geometric.upward import UpRules, doubted, which_way_up
from fail2progress.perception.segmentation.geometric.views import Clock, View, owners_of
from fail2progress.perception.segmentation.geometric.windows import alike, sparse, window_of

_SPARSE = 4
"""Every so many rows and columns tell where a guide is to look, before all of them are looked at."""


@dataclass(frozen=True)
class _Upright:
    """A frame with up at the top of its image, which way up is, its inverse depth (H, W), and the planes in it: (3,) a, b, c of
    1 / z = a u + b v + c, the largest first; none where the camera's pose is known."""

    frame: RgbdFrame
    up: WayUp
    inverted: Image
    planes: list[Array]


@dataclass(frozen=True)
class GeometricSegmenter(Segmenter):
    """Finds objects by their geometry, with colour to tell parts from neighbours. Deterministic."""

    name = "geometric"
    guided = False
    """Whether there is a guide: see `guide`."""
    up_rules: UpRules = field(default_factory=UpRules)
    plane_rules: PlaneRules = field(default_factory=PlaneRules)
    stand_rules: StandRules = field(default_factory=StandRules)
    cut_rules: CutRules = field(default_factory=CutRules)
    merge_rules: MergeRules = field(default_factory=MergeRules)
    seam_rules: SeamRules = field(default_factory=SeamRules)
    tone_rules: ToneRules = field(default_factory=ToneRules)
    outsider_rules: OutsiderRules = field(default_factory=OutsiderRules)
    stray_rules: StrayRules = field(default_factory=StrayRules)
    cabinet_rules: CabinetRules = field(default_factory=CabinetRules)
    ledge_rules: LedgeRules = field(default_factory=LedgeRules)

    def segment(self, frame: RgbdFrame) -> Perceived:
        """See Segmenter. Without a pose of the camera, the planning frame is that of the largest table (see `Level`), with its
        origin on the table below the camera. The camera may hang in any way (see `upward`)."""
        step = orientation.stride(frame)
        with by_one_thread():
            found = self._turned(orientation.thinned(frame, step) if step > 1 else frame)
        return orientation.enlarged(found, frame, step) if step > 1 else found

    def _turned(self, frame: RgbdFrame) -> Perceived:
        """Of a frame of a size that is looked at."""
        clock = Clock()
        inverted = self._inverted(frame)
        found = [] if frame.pose is not None else planes.find_planes(inverted, frame.intrinsics, self.plane_rules)
        way = self._way_up(frame, inverted, found)
        turns = orientation.quarters(way.direction)
        rotation = orientation.rotation_of(turns)[:3, :3]
        up = WayUp(rotation @ way.direction, way.side, way.source)
        turned = np.ascontiguousarray(np.rot90(inverted, turns))
        upright = _Upright(orientation.turned(frame, turns), up, turned, [rotation @ plane for plane in found])
        clock.done("up")
        return orientation.turned_back(self._segment(upright, clock), frame, turns)

    def guide(self, frame: RgbdFrame, window: Window) -> Guide | None:
        """What else is known of a frame that is upright, whose window shows the surfaces and what is over them; nothing here.

        It is asked for first of all, where `guided` says that there is one, so that it can be at work beside geometry; and once
        more where the window that was told then, from a few rows and columns, is another than that of all of them.
        """
        return None

    def _way_up(self, frame: RgbdFrame, inverted: Image, found: list[Array]) -> WayUp:
        """By the camera's pose, by what the frame says, or by the planes in view."""
        if frame.pose is not None:
            return orientation.way_up(frame.pose[2, :3], "the camera's pose")
        if frame.up is not None:
            return orientation.way_up(frame.up, frame.up_source)
        up = which_way_up(found, inverted, frame.intrinsics, self.plane_rules, self.up_rules)
        return orientation.way_up(up, "the planes in view")

    def _segment(self, upright: _Upright, clock: Clock) -> Perceived:
        """Of a frame that is upright."""
        frame, inverted = upright.frame, upright.inverted
        first = self._first_look(upright) if self.guided else None
        guide = None if first is None else self.guide(frame, first)
        clock.done("guide")
        facets = self._facets(frame, inverted)
        clock.done("depth")
        axes, surfaces = self._surfaces(upright, facets)
        clock.done("planes")
        scan = self._scan(frame, inverted, facets, axes, surfaces)
        clock.done("scan")
        window = window_of(scan.heights, surfaces, inverted.shape)
        if self.guided and (first is None or not alike(first, window)):
            guide = self.guide(frame, window)
        geometry = self._geometry(scan, surfaces, axes, frame.intrinsics, clock)
        things = [Thing(pixels) for pixels in geometry.objects]
        if guide is not None:
            boards = ledges(guide.sure(geometry), geometry, axes, self.ledge_rules)
            if boards:
                surfaces = [*boards, *surfaces]
                scan = self._scan(frame, inverted, facets, axes, surfaces)
                geometry = self._geometry(scan, surfaces, axes, frame.intrinsics, clock)
            things = guide.objects(geometry)
            things.sort(key=lambda thing: -len(thing.pixels))
        rows = geometry.rows
        clock.done("fusion")
        origin = np.array([0.0, 0.0, surfaces[0].camera_height]) if frame.pose is None else frame.pose[:3, 3]
        away = rows.range.reshape(inverted.shape)
        things = without_strays(scan, things, away, self.stray_rules)
        furniture, things = cabinets(scan, axes.rotation, things, self.cabinet_rules)
        clock.done("cabinets")
        view = View(scan, rows, origin, owners_of([thing.pixels for thing in things], inverted.size), away)
        segments = tuple(view.object(f"object_{i + 1}", thing) for i, thing in enumerate(things))
        tables = tuple(view.table(f"table_{i + 1}", surface) for i, surface in enumerate(surfaces))
        clock.done("shapes")
        matrix = np.eye(4)
        matrix[:3, :3], matrix[:3, 3] = axes.rotation, origin
        size = frame.intrinsics
        seconds = clock.seconds()
        fixed = (*tables, *view.furniture(furniture))
        return Perceived(segments, fixed, matrix, size.width, size.height, seconds, frame.frame, frame.stamp, upright.up)

    def _geometry(self, scan: Scan, surfaces: list[Surface], axes: Level, camera: Intrinsics, clock: Clock) -> Geometry:
        """What is on the surfaces, by geometry alone."""
        labels = regions(scan, self.cut_rules)
        clock.done("regions")
        rows = table(scan)
        reaching_in = Outsiders(scan, rows, surfaces, axes, camera, self.outsider_rules)
        standing = Standing(scan, rows, surfaces, self.stand_rules)

        def on_surfaces(found: list[Numbers]) -> list[Numbers]:
            return reaching_in.left_out([pixels for pixels in found if standing.over_table(pixels)])

        found, outsiders, stacks = self._objects(standing, labels, axes, on_surfaces)
        clock.done("objects")
        lowest = max(surface.camera_height for surface in surfaces)
        return Geometry(scan, rows, found, outsiders, stacks, on_surfaces, standing.share_over, lowest)

    def _first_look(self, upright: _Upright) -> Window | None:
        """About what `window_of` says, from a few rows and columns; None where they show no surface, or there are none."""
        if min(upright.inverted.shape) < _SPARSE:
            return None
        frame, inverted = sparse(upright.frame, upright.inverted, _SPARSE)
        few = replace(upright, frame=frame, inverted=inverted)
        try:
            axes, surfaces = self._surfaces(few, self._facets(frame, inverted))
        except PerceptionError:
            return None
        depth, points = readings.points(inverted, frame.intrinsics, axes.rotation)
        return window_of(self._heights(points, inverted, depth, surfaces), surfaces, upright.inverted.shape, _SPARSE)

    def _inverted(self, frame: RgbdFrame) -> Image:
        """(H, W) inverse depth that can be believed, narrow holes closed."""
        inverted = readings.inverse(frame.depth)
        if np.count_nonzero(inverted) < 0.01 * inverted.size:
            raise PerceptionError(readings.no_depth(frame.depth))
        return closed(readings.without_flying(inverted, frame.intrinsics))

    def _facets(self, frame: RgbdFrame, inverted: Image) -> Facets:
        near = inverted[::2, ::2]
        near = near[near > 1 / self.plane_rules.reach]
        pitch = frame.intrinsics.fx * float(np.median(near)) if len(near) else frame.intrinsics.fx
        return readings.facets(inverted, frame.intrinsics, int(np.clip(round(self.stand_rules.facet * pitch), 2, 5)))

    def _surfaces(self, upright: _Upright, facets: Facets) -> tuple[Level, list[Surface]]:
        frame, inverted, found = upright.frame, upright.inverted, upright.planes
        rules, camera = self.plane_rules, frame.intrinsics
        if frame.pose is None:
            axes = planes.level(self._exactly(upright.up.direction, found, inverted, camera))
        else:
            axes = Level(frame.pose[:3, :3])
            found = planes.level_planes(axes, facets.normals, inverted, camera, rules)
        surfaces = planes.find_surfaces(found, axes, facets.normals, inverted, camera, rules)
        surfaces = surfaces or planes.covered_surface(found, axes, facets.normals, inverted, camera, rules)
        if not surfaces:
            why = f"nothing level of {rules.area} m^2 or more within {rules.reach} m; point the camera at the table"
            raise PerceptionError(f"no table found: {why}; {readings.farness(inverted)}{self._doubted(upright)}")
        return axes, surfaces

    def _doubted(self, upright: _Upright) -> str:
        """Whether what was told of up is why there is no table."""
        frame, up = upright.frame, upright.up
        if frame.pose is None and frame.up is None:
            return ""
        return doubted(up.direction, up.source, upright.inverted, frame.intrinsics, self.plane_rules, self.up_rules)

    def _exactly(self, up: Array, found: list[Array], inverted: Image, camera: Intrinsics) -> Array:
        """Up to the precision of the planes, where it is known less well; a side of the image says no more than the quarter."""
        if abs(up[2]) < 1e-6:
            return which_way_up(found, inverted, camera, self.plane_rules, None)
        normals = [-plane / np.linalg.norm(plane) for plane in found]
        return next((normal for normal in normals if normal @ up > np.cos(self.plane_rules.gravity)), up)

    def _scan(self, frame: RgbdFrame, inverted: Image, facets: Facets, axes: Level, surfaces: list[Surface]) -> Scan:
        u, v = readings.rays(frame.intrinsics)
        rotation = axes.rotation.astype(np.float32)
        even = readings.smoothed(inverted, facets, frame.intrinsics)
        depth, points = readings.points(even, frame.intrinsics, axes.rotation)
        heights = self._heights(points, even, depth, surfaces)
        standing, plain, tinted = self._standing(frame, heights, depth, surfaces)
        normals = (facets.normals.reshape(-1, 3) @ rotation.T).reshape(points.shape)
        seen = (points, normals, facets.planes, facets.misfit, heights, inverted, frame.colour)
        return Scan(*seen, u, v, standing, plain, tinted, frame.intrinsics.fx)

    def _heights(self, points: Image, inverted: Image, depth: Image, surfaces: list[Surface]) -> Image:
        """(H, W) m above the highest surface that a point is above; -1 where it is above none."""
        heights = np.full(inverted.shape, -1.0, np.float32)
        for surface in sorted(surfaces, key=lambda s: -s.camera_height):
            height = surface.camera_height * (inverted - surface.expected) * depth
            over = np.flatnonzero((height > -0.02) & (height < self.stand_rules.tall) & (inverted > 0))
            over = over[within(surface.reach, points.reshape(-1, 3)[over, :2], self.stand_rules.margin)]
            heights.ravel()[over] = height.ravel()[over]
        return heights

    def _standing(self, frame: RgbdFrame, heights: Image, depth: Image, surfaces: list[Surface]) -> tuple[Mask, Mask, Mask]:
        rules = self.stand_rules
        least = np.maximum(rules.low, rules.noise * NOISE * depth * surfaces[0].camera_height)
        bare = np.any([surface.mask for surface in surfaces], axis=0) & (heights < rules.low)
        bare = shrunk(bare, 3)
        plain, surely, tinted = like_surface(frame.colour, bare)
        standing = (heights > least) & ~((heights < rules.skirt) & plain)
        # Further up only around things of another colour: something of wood on a wooden table stays.
        blobs, count = ndimage.label(standing)
        share = np.concatenate([[0.0], ndimage.mean(surely, blobs, np.arange(1, count + 1))])
        return standing & ~(surely & (heights < rules.smear) & (share[blobs] < 0.5)), plain, tinted

    def _objects(
        self, above: Standing, labels: Numbers, axes: Level, over: Callable[[list[Numbers]], list[Numbers]]
    ) -> tuple[list[Numbers], list[Numbers], list[list[Numbers]]]:
        """Pixels of every object, the largest first: regions joined, what is flush parted; what stands nowhere; and stacks."""
        rows = above.rows
        found = Merger(rows, labels, meetings(labels), self.merge_rules).run()
        across = axes.rotation[:2, 0] / max(float(np.linalg.norm(axes.rotation[:2, 0])), 1e-6)
        pieces = [split(rows, whole, across, self.seam_rules) for whole in found]
        found = [piece for whole in pieces for piece in whole]
        owners = owners_of(found, labels.size)
        found = [
            piece for i, whole in enumerate(found) for piece in tones.part(rows, whole, Others(owners, (i + 1,)), self.tone_rules)
        ]
        standing = over(found)
        kept = {int(pixels[0]) for pixels in standing}
        outsiders = [pixels for pixels in found if int(pixels[0]) not in kept]
        objects = [pixels for pixels in joined(above.scan, rows, standing, self.stand_rules) if above.counts(pixels)]
        return sorted(objects, key=lambda pixels: -len(pixels)), outsiders, [whole for whole in pieces if len(whole) > 1]
