"""Rays against triangle meshes (Open3D's ray casting, which is Embree)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.scene import Array
from fail2progress.learning.segmentation.meshes import Mesh
from fail2progress.perception.open3d_library import o3d


@dataclass(frozen=True)
class Hits:
    """(...,) lengths of the ray to the first hit, infinite for none; (...,) number of the mesh; (..., 3) its normal."""

    reach: Array
    mesh: NDArray[np.int64]
    normals: Array


class Caster:
    """Casts at some meshes, in one thread."""

    def __init__(self, meshes: Iterable[Mesh]) -> None:
        self._scene = o3d.t.geometry.RaycastingScene(nthreads=1)
        for mesh in meshes:
            parts = (np.ascontiguousarray(part) for part in (mesh.vertices, mesh.triangles))
            self._scene.add_triangles(*(o3d.core.Tensor.from_numpy(part) for part in parts))

    def cast(self, origins: Array, rays: Array) -> Hits:
        """From origins along rays, (..., 3) m each."""
        both = np.concatenate(np.broadcast_arrays(origins, rays), axis=-1).astype(np.float32)
        found = self._scene.cast_rays(o3d.core.Tensor.from_numpy(np.ascontiguousarray(both)), nthreads=1)
        reach, mesh, normals = (found[key].numpy() for key in ("t_hit", "geometry_ids", "primitive_normals"))
        return Hits(reach.astype(float), mesh.astype(np.int64), normals.astype(float))
