"""Off-screen OpenGL contexts through ctypes: EGL (a graphics card or Mesa) and OSMesa (software).

Contract: ``probe()`` says for each backend whether it works here and, if not, why; it never raises.
``acquire()`` returns the one context of this process, made on first use, or raises ``Unavailable`` saying what to
install. No PyOpenGL is needed: MuJoCo finds its GL functions through the library that is opened here.

The environment variable ``MUJOCO_GL`` is obeyed: ``egl`` or ``osmesa`` allow only that backend, ``disable`` none.

What this module does not know: models, scenes, pixels.
"""

from __future__ import annotations

import ctypes
import importlib.metadata
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import c_char_p, c_int, c_uint, c_void_p
from pathlib import Path
from typing import Any, Protocol

from wamviz.core.errors import Unavailable

INSTALL_HINT = (
    "Install the Debian package libosmesa6 (or libegl1 with a graphics driver), "
    "or run: pip install --no-deps lavavu-osmesa"
)
_OFF = {"disable", "disabled", "off", "false", "0"}
_WANTED = os.environ.get("MUJOCO_GL", "").strip().lower()  # what the user set, before a choice is written there

# Values of the EGL and OSMesa headers.
_EGL_PLATFORM_DEVICE, _EGL_OPENGL_API, _EGL_NONE = 0x313F, 0x30A2, 0x3038
_EGL_CONFIG = (0x3033, 0x0001, 0x3040, 0x0008, 0x3024, 8, 0x3023, 8, 0x3022, 8, 0x3025, 24, _EGL_NONE)
_EGL_WIDTH, _EGL_HEIGHT, _GL_RENDERER = 0x3057, 0x3056, 0x1F01
_OSMESA_RGBA, _GL_UNSIGNED_BYTE = 0x1908, 0x1401
_SIDE = 16  # pixels; MuJoCo draws into a framebuffer of its own, the context's is never read


class _Context(Protocol):
    name: str
    renderer: str

    def bind(self) -> None: ...

    def release(self) -> None: ...


class _Failed(Exception):
    """A backend does not work here; the message says why."""


def _open(names: list[str]) -> ctypes.CDLL:
    """Open the first library that loads, with global symbols so that MuJoCo finds them."""
    reasons = []
    for name in names:
        try:
            return ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL)
        except OSError as error:
            reasons.append(str(error))
    raise _Failed(reasons[0] if reasons else "no library to open")


def _gl_renderer(get_proc: Any) -> str:
    """The driver's own name (GL_RENDERER) of the current context."""
    get_proc.restype, get_proc.argtypes = c_void_p, [c_char_p]
    address = get_proc(b"glGetString")
    if not address:
        return "unknown"
    text = ctypes.CFUNCTYPE(c_char_p, c_uint)(address)(_GL_RENDERER)
    return text.decode(errors="replace") if text else "unknown"


class _Egl:
    """A desktop-GL context on the first EGL device that gives one."""

    name = "egl"

    def __init__(self) -> None:
        lib = self._lib = _open(["libEGL.so.1", "libEGL.so"])
        lib.eglGetProcAddress.restype, lib.eglGetProcAddress.argtypes = c_void_p, [c_char_p]
        lib.eglInitialize.argtypes = [c_void_p, c_void_p, c_void_p]
        lib.eglChooseConfig.argtypes = [c_void_p, c_void_p, c_void_p, c_int, c_void_p]
        lib.eglCreateContext.restype, lib.eglCreateContext.argtypes = c_void_p, [c_void_p, c_void_p, c_void_p, c_void_p]
        lib.eglCreatePbufferSurface.restype = c_void_p
        lib.eglCreatePbufferSurface.argtypes = [c_void_p, c_void_p, c_void_p]
        lib.eglMakeCurrent.argtypes = [c_void_p, c_void_p, c_void_p, c_void_p]
        reason = "no EGL device"
        for device in self._devices():
            try:
                self._display, self._context, self._surface = self._create(device)
                self.bind()
                self.renderer = _gl_renderer(lib.eglGetProcAddress)
                self.release()
                return
            except _Failed as error:
                reason = str(error)
        raise _Failed(reason)

    def _extension(self, name: bytes, result: Any, *args: Any) -> Any:
        address = self._lib.eglGetProcAddress(name)
        if not address:
            raise _Failed(f"this EGL lacks {name.decode()}")
        return ctypes.CFUNCTYPE(result, *args)(address)

    def _devices(self) -> list[int]:
        query = self._extension(b"eglQueryDevicesEXT", c_uint, c_int, c_void_p, c_void_p)
        devices, count = (c_void_p * 16)(), c_int()
        if not query(16, devices, ctypes.byref(count)):
            raise _Failed("EGL lists no devices")
        found = [int(device) for device in devices[: count.value] if device]
        wanted = os.environ.get("MUJOCO_EGL_DEVICE_ID")
        if wanted is None:
            return found
        if not wanted.isdigit() or int(wanted) >= len(found):
            raise _Failed(f"MUJOCO_EGL_DEVICE_ID={wanted} is not one of 0..{len(found) - 1}")
        return [found[int(wanted)]]

    def _create(self, device: int) -> tuple[int, int, int | None]:
        lib = self._lib
        display = self._extension(b"eglGetPlatformDisplayEXT", c_void_p, c_uint, c_void_p, c_void_p)(
            _EGL_PLATFORM_DEVICE, device, None
        )
        if not display or not lib.eglInitialize(display, None, None):
            raise _Failed("the EGL device does not initialise")
        config, count = c_void_p(), c_int()
        wanted = (c_int * len(_EGL_CONFIG))(*_EGL_CONFIG)
        if not lib.eglChooseConfig(display, wanted, ctypes.byref(config), 1, ctypes.byref(count)) or not count.value:
            raise _Failed("EGL has no off-screen OpenGL configuration")
        if not lib.eglBindAPI(_EGL_OPENGL_API):
            raise _Failed("EGL does not offer desktop OpenGL")
        context = lib.eglCreateContext(display, config, None, None)
        if not context:
            raise _Failed("EGL refuses a context")
        # Without a surface, whatever falls back to the default framebuffer is an OpenGL error, which MuJoCo logs.
        side = (c_int * 5)(_EGL_WIDTH, _SIDE, _EGL_HEIGHT, _SIDE, _EGL_NONE)
        return display, context, lib.eglCreatePbufferSurface(display, config, side)

    def bind(self) -> None:
        self._lib.eglBindAPI(_EGL_OPENGL_API)  # the API is a per-thread setting
        if not self._lib.eglMakeCurrent(self._display, self._surface, self._surface, self._context):
            raise _Failed("EGL refuses to make the context current")

    def release(self) -> None:
        self._lib.eglMakeCurrent(self._display, None, None, None)


def _wheel_osmesa() -> ctypes.CDLL:
    """Open the OSMesa inside the PyPI wheel ``lavavu-osmesa``.

    Its libraries do not say where their neighbours lie, so a library opens only after those that it needs: go
    round until none is left.
    """
    try:
        folder = Path(str(importlib.metadata.distribution("lavavu-osmesa").locate_file("lavavu_osmesa.libs")))
    except importlib.metadata.PackageNotFoundError:
        raise _Failed("neither the system library libOSMesa nor the PyPI package lavavu-osmesa is installed") from None
    waiting, found, reason = sorted(folder.glob("*.so*")), None, "the wheel holds no libOSMesa"
    while waiting:
        left = []
        for path in waiting:
            try:
                library = ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
            except OSError as error:
                left.append(path)
                reason = str(error)
                continue
            if "OSMesa" in path.name:
                found = library
        if len(left) == len(waiting):
            break
        waiting = left
    if found is None:
        raise _Failed(reason)
    return found


class _OsMesa:
    """A software context; the system's library first, then the wheel's."""

    name = "osmesa"

    def __init__(self) -> None:
        try:
            lib = _open(["libOSMesa.so.8", "libOSMesa.so.6", "libOSMesa.so"])
        except _Failed:
            lib = _wheel_osmesa()
        self._lib = lib
        lib.OSMesaCreateContextExt.restype = c_void_p
        lib.OSMesaCreateContextExt.argtypes = [c_uint, c_int, c_int, c_int, c_void_p]
        lib.OSMesaMakeCurrent.restype = ctypes.c_ubyte
        lib.OSMesaMakeCurrent.argtypes = [c_void_p, c_void_p, c_uint, c_int, c_int]
        self._context = lib.OSMesaCreateContextExt(_OSMESA_RGBA, 24, 8, 0, None)
        if not self._context:
            raise _Failed("OSMesa refuses a context")
        self._buffer = (ctypes.c_ubyte * (_SIDE * _SIDE * 4))()
        self.bind()
        self.renderer = _gl_renderer(lib.OSMesaGetProcAddress)
        self.release()

    def bind(self) -> None:
        if not self._lib.OSMesaMakeCurrent(self._context, self._buffer, _GL_UNSIGNED_BYTE, _SIDE, _SIDE):
            raise _Failed("OSMesa refuses to make the context current")

    def release(self) -> None:
        self._lib.OSMesaMakeCurrent(None, None, 0, 0, 0)


class _Native:
    """MuJoCo's own context, on systems without EGL and OSMesa (macOS, Windows)."""

    name = "native"

    def __init__(self) -> None:
        try:
            import mujoco

            self._context = mujoco.GLContext(_SIDE, _SIDE)
        except Exception as error:  # any failure of a windowing library means the same here
            raise _Failed(str(error)) from error
        self.renderer = "MuJoCo GLContext"

    def bind(self) -> None:
        self._context.make_current()

    def release(self) -> None:
        """Nothing to do: MuJoCo's context stays current."""


_BACKENDS: dict[str, Any] = {"egl": _Egl, "osmesa": _OsMesa} if sys.platform == "linux" else {"native": _Native}
_lock = threading.RLock()
_chosen: _Context | None = None
_depth = 0  # how often the context is held by the thread that has the lock
_reasons: dict[str, str] = {}


def _candidates() -> list[str]:
    """The backends that ``MUJOCO_GL`` allows, the preferred one first."""
    if _WANTED in _OFF:
        return []
    return [_WANTED] if _WANTED in _BACKENDS else list(_BACKENDS)


def _choose() -> _Context | None:
    global _chosen
    with _lock:
        if _chosen is None:
            for name in _candidates():
                try:
                    _chosen = _BACKENDS[name]()
                except (_Failed, AttributeError) as error:  # AttributeError: a library without the expected symbol
                    _reasons[name] = str(error)
                    continue
                if name in ("egl", "osmesa"):
                    os.environ["MUJOCO_GL"] = name  # MuJoCo's C code asks this name where to find GL functions
                break
        return _chosen


def probe() -> dict[str, str]:
    """For each backend one sentence: what it draws with, or why it cannot be used. Never raises."""
    allowed, chosen, report = _candidates(), _choose(), {}
    for name in _BACKENDS:
        if chosen is not None and name == chosen.name:
            report[name] = f"in use: {chosen.renderer}"
        elif name in _reasons:
            report[name] = f"unavailable: {_reasons[name]}"
        elif name not in allowed:
            report[name] = f"not tried: MUJOCO_GL={_WANTED}"
        else:
            report[name] = "not tried: another backend works"
    return report


def renderer_name() -> str | None:
    """Backend and driver, e.g. ``"osmesa (llvmpipe ...)"``, or None when nothing can draw here."""
    chosen = _choose()
    return None if chosen is None else f"{chosen.name} ({chosen.renderer})"


def acquire() -> _Context:
    """The context of this process.

    Raises:
        Unavailable: no backend works here; the text says why and what to install.
    """
    chosen = _choose()
    if chosen is None:
        if _WANTED in _OFF:
            raise Unavailable(
                f"Rendering is switched off by MUJOCO_GL={_WANTED}; physics still works.",
                f"Unset MUJOCO_GL to render. If it is set because nothing can draw here: {INSTALL_HINT}",
            )
        why = "; ".join(f"{name}: {reason}" for name, reason in _reasons.items())
        raise Unavailable(f"The tabletop cannot be rendered here ({why}); physics still works.", INSTALL_HINT)
    return chosen


@contextmanager
def current() -> Iterator[None]:
    """Hold the process's context for one piece of drawing; threads take turns.

    It may be entered again within itself: a renderer that is garbage collected frees its memory at any moment, also
    while another one draws.
    """
    global _depth
    with _lock:
        context = acquire()
        if _depth == 0:
            context.bind()
        _depth += 1
        try:
            yield
        finally:
            _depth -= 1
            if _depth == 0:
                context.release()
