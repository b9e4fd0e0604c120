"""Make ``assets/panda/*.obj``: the Panda's visual meshes with about a tenth of their triangles.

Source: the PyPI wheel ``dm-robotics-panda`` 0.4.8 (Apache-2.0), folder ``dm_robotics/panda/assets/panda``, whose
meshes derive from franka_ros (see ``assets/panda/NOTICE``). Needs ``fast-simplification`` and ``pillow``, which
wamviz itself does not.

    pip download --no-deps dm-robotics-panda==0.4.8 && unzip dm_robotics_panda-*.whl -d wheel
    pip install fast-simplification pillow
    python tools/decimate_panda.py wheel/dm_robotics/panda/assets/panda assets/panda

Triangles are grouped by the palette colour they show and each group is simplified by itself, so that colours keep
sharp borders. One texture coordinate a group replaces the original ones: the palette is made of flat patches.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import fast_simplification
import numpy as np
from PIL import Image

# Share of triangles kept. The hand fills the wrist camera's view, so it keeps more than the arm.
KEEP = {"finger": 0.60, "hand": 0.20, "link0": 0.05, "link1": 0.07, "link2": 0.07}
KEEP_DEFAULT = 0.09
SMALL_GROUP = 40  # a group of fewer triangles is left as it is


Colour = tuple[int, int, int]
Triangles = list[list[np.ndarray]]  # three points each


def read_groups(path: Path, palette: np.ndarray) -> dict[Colour, tuple[Triangles, list[float]]]:
    """Read an OBJ and return, for each palette colour, its triangles (lists of 3 points) and one (u, v)."""
    points: list[np.ndarray] = []
    coords: list[np.ndarray] = []
    groups: dict[Colour, tuple[Triangles, list[float]]] = {}
    triangles: dict[Colour, Triangles] = defaultdict(list)
    height, width = palette.shape[:2]
    for line in path.read_text().splitlines():
        words = line.split()
        if not words:
            continue
        if words[0] == "v":
            points.append(np.array(words[1:4], float))
        elif words[0] == "vt":
            coords.append(np.array(words[1:3], float))
        elif words[0] == "f":
            corners = [[int(x) - 1 if x else -1 for x in word.split("/")] for word in words[1:]]
            u, v = np.mean([coords[c[1]] for c in corners], axis=0)
            row = min(height - 1, max(0, int((1 - v) * height)))
            column = min(width - 1, max(0, int(u * width)))
            red, green, blue = (int(x) for x in palette[row, column])
            colour = (red, green, blue)
            for k in range(1, len(corners) - 1):
                triangles[colour].append([points[corners[j][0]] for j in (0, k, k + 1)])
            groups[colour] = (triangles[colour], [float(u), float(v)])
    return groups


def simplify(triangles: Triangles, keep: float) -> tuple[np.ndarray, np.ndarray]:
    """Weld equal corners and reduce to a ``keep`` share; returns points (V, 3) and faces (F, 3)."""
    corners = np.round(np.asarray(triangles, float).reshape(-1, 3), 6)
    points, index = np.unique(corners, axis=0, return_inverse=True)
    faces = index.reshape(-1, 3)
    distinct = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 0] != faces[:, 2])
    faces = faces[distinct]
    if len(faces) <= SMALL_GROUP:
        return points, faces
    small_points, small_faces = fast_simplification.simplify(
        points.astype(np.float32), faces.astype(np.int32), target_reduction=1 - keep, agg=3
    )
    return small_points, small_faces


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="folder with the original OBJ files and panda.png")
    parser.add_argument("target", type=Path, help="folder to write, e.g. assets/panda")
    options = parser.parse_args()
    options.target.mkdir(parents=True, exist_ok=True)
    palette_image = Image.open(options.source / "panda.png").convert("RGB")
    palette = np.asarray(palette_image)
    for path in sorted(options.source.glob("*.obj")):
        lines = ["# Decimated from franka_ros by tools/decimate_panda.py; see NOTICE and README.md."]
        offset, before, after = 1, 0, 0
        for number, (triangles, (u, v)) in enumerate(read_groups(path, palette).values(), start=1):
            points, faces = simplify(triangles, KEEP.get(path.stem, KEEP_DEFAULT))
            lines.append(f"vt {u:.4f} {v:.4f}")
            lines += [f"v {x:.4f} {y:.4f} {z:.4f}" for x, y, z in points]
            lines += [" ".join(["f", *(f"{int(i) + offset}/{number}" for i in face)]) for face in faces]
            offset += len(points)
            before, after = before + len(triangles), after + len(faces)
        (options.target / path.name).write_text("\n".join(lines) + "\n")
        print(f"{path.name}: {before} -> {after} triangles")
    # A quarter-size palette is enough for flat patches.
    palette_image.resize((64, 64), Image.Resampling.NEAREST).save(options.target / "panda.png", optimize=True)


if __name__ == "__main__":
    main()
