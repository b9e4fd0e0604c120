"""The Panda's surface as points, from the meshes that the simulator draws: what ``models/mini/raster`` projects."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from wamviz.models.mini.kinematics import PARTS
from wamviz.models.mini.raster import Body
from wamviz.worlds.tabletop.scene import mesh_folder

_WHITE = 0.95  # paint of the links whose mesh needs no palette
_UNPAINTED = ("link1", "link2")
_CREASE = 0.6  # cosine of the angle between a face and its corner's mean normal, below which it is an edge


def _read(path: Path) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """Corners (V, 3), faces (F, 3) and a texture coordinate a face (F, 2) of an OBJ file."""
    corners, textures, faces, uses = [], [], [], []
    for line in path.read_text().splitlines():
        kind, *rest = line.split() or [""]
        if kind == "v":
            corners.append([float(x) for x in rest[:3]])
        elif kind == "vt":
            textures.append([float(x) for x in rest[:2]])
        elif kind == "f":
            parts = [item.split("/") for item in rest]
            faces.append([int(p[0]) - 1 for p in parts[:3]])
            uses.append(int(parts[0][1]) - 1 if len(parts[0]) > 1 and parts[0][1] else 0)
    table = np.array(textures or [[0.5, 0.5]])
    return np.array(corners), np.array(faces), table[np.array(uses)]


def _sample(
    path: Path, paint: NDArray[np.float64] | None, spacing: float, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Points, normals and paint of one mesh, about ``spacing`` metres apart."""
    corners, faces, uv = _read(path)
    a, b, c = (corners[faces[:, i]] for i in range(3))
    cross = np.cross(b - a, c - a)
    area = np.linalg.norm(cross, axis=1) / 2
    flat = cross / np.maximum(2 * area, 1e-12)[:, None]
    smooth = np.zeros_like(corners)
    for i in range(3):
        np.add.at(smooth, faces[:, i], cross)
    smooth /= np.maximum(np.linalg.norm(smooth, axis=1), 1e-12)[:, None]
    wanted = area / spacing**2
    count = np.floor(wanted).astype(int) + (rng.random(len(area)) < wanted % 1)
    face = np.repeat(np.arange(len(faces)), count)
    r, s = np.sqrt(rng.random(len(face))), rng.random(len(face))
    weights = np.stack([1 - r, r * (1 - s), r * s], 1)  # uniform over a triangle
    points = sum(weights[:, i : i + 1] * corners[faces[face, i]] for i in range(3))
    normals = np.zeros_like(points)
    for i in range(3):
        corner = smooth[faces[face, i]]
        edge = (corner * flat[face]).sum(1) < _CREASE
        normals += weights[:, i : i + 1] * np.where(edge[:, None], flat[face], corner)
    normals /= np.maximum(np.linalg.norm(normals, axis=1), 1e-12)[:, None]
    if paint is None:
        return points, normals, np.full(len(points), _WHITE)
    side = len(paint)
    x = np.clip((uv[face, 0] * side).astype(int), 0, side - 1)
    y = np.clip(((1 - uv[face, 1]) * side).astype(int), 0, side - 1)
    return points, normals, paint[y, x]


def sample_body(spacing: float = 0.003, seed: int = 0) -> Body:
    """Surface points of all parts, about ``spacing`` metres apart."""
    rng = np.random.default_rng(seed)
    folder = mesh_folder()
    palette = np.asarray(Image.open(folder / "panda.png").convert("L"), np.float64) / 255
    points, normals, albedo, counts = [], [], [], []
    for part in PARTS:
        name = "finger" if part.startswith("finger") else part
        p, n, a = _sample(folder / f"{name}.obj", None if part in _UNPAINTED else palette, spacing, rng)
        points.append(p)
        normals.append(n)
        albedo.append(a)
        counts.append(len(p))
    cat = [torch.tensor(np.concatenate(x), dtype=torch.float32) for x in (points, normals, albedo)]
    return Body(cat[0], cat[1], cat[2], tuple(counts))
