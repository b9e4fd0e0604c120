"""Drawing a scene: MuJoCo's renderer on an off-screen context, smoothed by drawing at twice the size.

``Renderer(model, size).draw(data, camera)`` returns a (size, size, 3) uint8 image, and
``segment(data, camera)`` what stands in each of its pixels, (size, size) uint8 into ``SEGMENTS``; the calls of several
threads take turns. Averaging 2 x 2 pixels costs less than multisampling and looks as good.
``renderer_name()`` and ``probe()`` (from ``gl``) tell what draws here without loading a model.
"""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

from wamviz.core.errors import InvalidInput
from wamviz.worlds.tabletop import gl
from wamviz.worlds.tabletop.gl import probe, renderer_name
from wamviz.worlds.tabletop.objects import SEGMENTS

__all__ = ["Renderer", "probe", "renderer_name"]

_OVERSAMPLING = 2
_MAX_GEOMS = 400
_HIDDEN_GROUP = 3  # collision shapes
MAX_SIZE = 2048


class Renderer:
    """Draws one model at one size.

    Args:
        model: its colours, lights and cameras may change between calls, its meshes may not.
        size: width and height of the images, 16 .. 2048 pixels.

    Raises:
        InvalidInput: the size is out of range.
        Unavailable: nothing can draw here.
    """

    def __init__(self, model: mujoco.MjModel, size: int) -> None:
        if not 16 <= size <= MAX_SIZE:
            raise InvalidInput(f"The image size must be 16 .. {MAX_SIZE} pixels, not {size}.")
        self._model, self._size = model, size
        side = size * _OVERSAMPLING
        self._buffer = np.empty((side, side, 3), np.uint8)
        self._viewport = mujoco.MjrRect(0, 0, side, side)
        self._scene = mujoco.MjvScene(model, _MAX_GEOMS)
        self._option = mujoco.MjvOption()
        self._option.geomgroup[_HIDDEN_GROUP] = 0
        self._camera = mujoco.MjvCamera()
        self._camera.type = mujoco.mjtCamera.mjCAMERA_FIXED
        model.vis.global_.offwidth = model.vis.global_.offheight = side
        self._classes = _classes_of_geoms(model)
        self._context: mujoco.MjrContext | None = None
        with gl.current():
            self._context = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_100)

    def draw(self, data: mujoco.MjData, camera: str) -> NDArray[np.uint8]:
        """Draw what ``camera`` sees, (size, size, 3) uint8; ``data`` must hold current body poses."""
        if self._context is None:
            raise InvalidInput("This renderer is closed.")
        self._camera.fixedcamid = self._model.camera(camera).id
        with gl.current():
            mujoco.mjv_updateScene(
                self._model, data, self._option, None, self._camera, mujoco.mjtCatBit.mjCAT_ALL, self._scene
            )
            mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._context)  # another renderer may have drawn
            mujoco.mjr_render(self._viewport, self._scene, self._context)
            mujoco.mjr_readPixels(self._buffer, None, self._viewport, self._context)
        upright = self._buffer[::-1]  # OpenGL's first row is the lowest
        # Pairs of rows, then pairs of columns, in 16 bits: twice as fast as a mean over two axes.
        rows = upright[0::2].astype(np.uint16) + upright[1::2]  # (size, 2 size, 3)
        return ((rows[:, 0::2] + rows[:, 1::2] + 2) >> 2).astype(np.uint8)  # (size, size, 3)

    def segment(self, data: mujoco.MjData, camera: str, size: int | None = None) -> NDArray[np.uint8]:
        """What ``camera`` sees in each pixel, (size, size) uint8 into ``SEGMENTS``; one sample a pixel, no blending.

        Args:
            size: other than the renderer's own, at most twice that.
        """
        if self._context is None:
            raise InvalidInput("This renderer is closed.")
        size = size or self._size
        if not 16 <= size <= len(self._buffer):
            raise InvalidInput(f"Masks of 16 .. {len(self._buffer)} pixels can be drawn here, not {size}.")
        self._camera.fixedcamid = self._model.camera(camera).id
        scene, flags = self._scene, mujoco.mjtRndFlag
        view = mujoco.MjrRect(0, 0, size, size)
        coloured = np.empty((size, size, 3), np.uint8)
        kept = scene.flags.copy()
        with gl.current():
            mujoco.mjv_updateScene(
                self._model, data, self._option, None, self._camera, mujoco.mjtCatBit.mjCAT_ALL, scene
            )
            scene.flags[[int(flag) for flag in (flags.mjRND_SEGMENT, flags.mjRND_IDCOLOR)]] = 1
            scene.flags[[int(flag) for flag in (flags.mjRND_SHADOW, flags.mjRND_REFLECTION, flags.mjRND_SKYBOX)]] = 0
            try:
                mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._context)
                mujoco.mjr_render(view, scene, self._context)
                mujoco.mjr_readPixels(coloured, None, view, self._context)
            finally:
                scene.flags[:] = kept
        # A drawn thing's colour is its number in the scene plus one, in 24 bits; nothing is 0.
        number = coloured[::-1].astype(np.int32) @ np.array([1, 1 << 8, 1 << 16])  # (size, size)
        classes = np.zeros(scene.ngeom + 1, np.uint8)
        for drawn in scene.geoms[: scene.ngeom]:
            if drawn.objtype == mujoco.mjtObj.mjOBJ_GEOM and 0 <= drawn.segid < scene.ngeom:
                classes[drawn.segid + 1] = self._classes[drawn.objid]
        found: NDArray[np.uint8] = classes[number]
        return found

    def close(self) -> None:
        """Give the graphics memory back; safe to call twice."""
        if self._context is not None:
            with gl.current():
                self._context.free()
            self._context = None

    def __del__(self) -> None:
        try:
            self.close()
        except Exception:  # the interpreter may be shutting down; there is nobody left to tell
            return


def _classes_of_geoms(model: mujoco.MjModel) -> NDArray[np.uint8]:
    """The class of every geom of ``model`` by its body, (geoms,) uint8 into ``SEGMENTS``."""
    names = [model.body(int(body)).name for body in model.geom_bodyid]
    arm = ("link", "hand", "finger")
    return np.array(
        [1 if name.startswith(arm) else SEGMENTS.index(name) if name in SEGMENTS else 0 for name in names], np.uint8
    )
