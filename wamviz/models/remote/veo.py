"""Veo through Google's API for Gemini, with google-genai as the client and the user's own key.

Contract: the first frame and the words go in, one clip a sample comes out; no seed and no actions exist there. Only the
address of the connection is asked: the client is google-genai's, its connections are ours, so that time limits, sizes,
certificates and redirects are judged as everywhere. A job that was given is not given again. What Google's filters keep
back is told with their reasons. Source: google-genai 2.34, ``models.py``, ``operations.py``, ``files.py``;
``veo_options`` holds what may be set.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from math import ceil
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from wamviz.core.errors import Unavailable, WamvizError
from wamviz.core.media import encode_png, read_video, resize
from wamviz.core.rollout import Frames
from wamviz.models.remote.asking import MAX_FRAMES, PolicyRequest, PolicyResponse, Report, video_from
from wamviz.models.remote.codec import CodecLimits, malformed, too_large
from wamviz.models.remote.network import ConnectionLost, Server, clean_text, client, server_error, status_error
from wamviz.models.remote.veo_options import LONGEST_SIDE, SHAPES, VeoOptions

POLL_S = 5.0
_USUALLY = "usually 11 s to 6 min"  # Google's documentation of Veo on the Gemini API, "request latency"
_OPERATION = re.compile(r"models/[A-Za-z0-9._-]{1,100}/operations/[A-Za-z0-9_-]{1,200}")
_JOB_SUBMITTED = "A job that was given may be running there and be billed; it was not given again."


def check(request: PolicyRequest) -> None:
    """Refuse a context without a picture of the scene, a missing key or package, before anything is sent."""
    _ = request.cameras
    _key(request)
    _package()


def _key(request: PolicyRequest) -> str:
    key = request.server.headers.get("x-goog-api-key", "")
    if not key:
        raise Unavailable(
            f"{request.title} needs a key of Google's API.",
            f"Name the environment variable that holds it: connect {request.connection.name} --token-env "
            "GEMINI_API_KEY",
        )
    return key


def _package() -> Any:
    try:
        from google import genai
    except ImportError as error:
        raise Unavailable("google-genai is not installed.", "pip install 'google-genai>=1.55,<3'") from error
    if int(str(genai.__version__).partition(".")[0]) >= 3:
        raise Unavailable(
            f"google-genai {genai.__version__} makes no videos with a key.", "pip install 'google-genai>=1.55,<3'"
        )
    return genai


async def probe(request: PolicyRequest) -> str:
    """Ask whether the model is there, which makes nothing and costs nothing."""
    options = VeoOptions.of(request.connection.settings)
    async with _google(request) as google:
        with _translated(request.server):
            names = [model.name or "" async for model in await google.models.list(config={"page_size": 1000})]
    veos = [name.removeprefix("models/") for name in names if "veo" in name]
    if options.model not in veos:
        there = f"Its Veos: {', '.join(veos)}." if veos else "It lists no Veo at all for this key."
        raise Unavailable(f"{request.server.host} has no model '{options.model}'.", there)
    return f"Google's API answers at {request.server.url} and has {options.model}. {_filming(options)}"


def _filming(options: VeoOptions) -> str:
    return f"It makes clips of {options.seconds} s, {options.resolution}."


async def ask(request: PolicyRequest, report: Report) -> None:
    """Give one job, wait for it, fetch it."""
    options = VeoOptions.of(request.connection.settings)
    try:
        async with _google(request) as google, asyncio.timeout(request.server.reply_s):
            with _translated(request.server):
                report(await _sample(google, request, options, report))
    except ConnectionLost as error:  # anything else than a loss would be asked a second time
        raise Unavailable(error.message, _JOB_SUBMITTED) from error


async def _sample(google: Any, request: PolicyRequest, options: VeoOptions, report: Report) -> PolicyResponse:
    types = _package().types
    camera = request.cameras[request.robot.views[0].key]
    context = request.imagine.observation.frames[camera]
    picture, inner = framed(context, options.aspect)
    report("giving the job to Veo")
    job = await google.models.generate_videos(
        model=options.model,
        source=types.GenerateVideosSource(
            prompt=request.prompt, image=types.Image(image_bytes=encode_png(picture), mime_type="image/png")
        ),
        config=types.GenerateVideosConfig(
            number_of_videos=1,
            duration_seconds=options.seconds,
            aspect_ratio=_aspect(picture),
            resolution=options.resolution,
            negative_prompt=options.negative or None,
        ),
    )
    if _OPERATION.fullmatch(job.name or "") is None:  # it becomes part of an address
        raise malformed("it gives the job no proper name")
    while not job.done:
        report(f"Veo is imagining ({_USUALLY})")
        await asyncio.sleep(POLL_S)
        job = await google.operations.get(job)
    if job.error:
        raise server_error(job.error.get("message") or job.error)
    report("fetching the video")
    data = await _bytes(google, job.response)
    report("reading the video")
    frames, fps = await asyncio.to_thread(decoded, data, inner, picture.shape)
    notes = [_sent(context, picture)]
    notes.append(
        f"Veo's video: {len(frames)} frames, {fps:g} a second, all kept, scaled to {frames.shape[2]} x "
        f"{frames.shape[1]} pixels. Its first frame is Veo's own drawing of the context."
    )
    return PolicyResponse(None, None, frames, camera, {"veo": options.model}, tuple(notes), video_fps=fps)


async def _bytes(google: Any, response: Any) -> bytes:
    """The mp4 of a finished job; what the filters kept back is told."""
    videos = (response.generated_videos if response is not None else None) or []
    if not videos or videos[0].video is None:
        filtered = getattr(response, "rai_media_filtered_reasons", None) or []
        reasons = "; ".join(clean_text(reason) for reason in filtered)
        if reasons or getattr(response, "rai_media_filtered_count", None):
            raise Unavailable(
                f"Google's safety filters kept the video back: {reasons or 'no reason was given'}",
                "Choose other words or another context.",
            )
        raise malformed("the job is done, and there is no video in it")
    video = videos[0].video
    return bytes(video.video_bytes or await google.files.download(file=video))


def framed(context: Frames, aspect: str = "") -> tuple[Frames, tuple[float, float, float, float]]:
    """The context (H, W, 3) with black borders in one of Veo's two shapes, and where it lies in that.

    Returns:
        The picture to send, and the context's (top, bottom, left, right) as shares of its height and width.
    """
    tall, wide = context.shape[:2]
    height, width = SHAPES[aspect or ("16:9" if wide >= tall else "9:16")]
    scale = min(height / tall, width / wide)
    inner = (min(height, round(tall * scale)), min(width, round(wide * scale)))
    top, left = (height - inner[0]) // 2, (width - inner[1]) // 2
    picture = np.zeros((height, width, 3), np.uint8)
    picture[top : top + inner[0], left : left + inner[1]] = resize(context, *inner)
    return picture, (top / height, (top + inner[0]) / height, left / width, (left + inner[1]) / width)


def _aspect(picture: Frames) -> str:
    return next(name for name, shape in SHAPES.items() if shape == picture.shape[:2])


def _sent(context: Frames, picture: Frames) -> str:
    tall, wide = context.shape[:2]
    same = tall * picture.shape[1] == wide * picture.shape[0]
    if same:
        return f"The context has Veo's shape {_aspect(picture)} already and was sent without borders."
    return (
        f"Veo takes only {' and '.join(SHAPES)}: the context ({wide} x {tall}) was sent with black borders as "
        f"{_aspect(picture)}, and the video was cut back to the context's part."
    )


def decoded(data: bytes, inner: tuple[float, float, float, float], sent: tuple[int, ...]) -> tuple[Frames, float]:
    """The frames of an mp4, cut back to the context's part and no longer than ``LONGEST_SIDE``, and their rate."""
    top, bottom, left, right = inner
    longest = max((bottom - top) * sent[0], (right - left) * sent[1])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "reply.mp4"
        path.write_bytes(data)
        try:
            side = ceil(LONGEST_SIDE * max(sent[:2]) / longest)
            frames, fps = read_video(path, max_frames=MAX_FRAMES, max_side=side)
        except WamvizError as error:
            raise malformed(f"its video: {error.message}") from error
    tall, wide = frames.shape[1:3]
    if abs(wide / tall / (sent[1] / sent[0]) - 1) > 0.03:  # the context's part of it could not be told
        raise malformed(f"its video of {wide} x {tall} pixels has not the shape that was asked for")
    part = frames[:, round(top * tall) : round(bottom * tall), round(left * wide) : round(right * wide)]
    return np.ascontiguousarray(video_from(part)), fps


@asynccontextmanager
async def _google(request: PolicyRequest) -> AsyncIterator[Any]:
    """google-genai's client, over a connection of ours that goes where the user said and nowhere else."""
    genai, server = _package(), request.server

    async def guard(response: httpx.Response) -> None:
        if response.has_redirect_location and not _same_place(response):
            raise status_error(server, response.status_code, b"it sends on to another address")
        stream = response.stream
        assert isinstance(stream, httpx.AsyncByteStream)
        response.stream = _Counted(stream, server.limits)

    async with client(server) as http:
        http.event_hooks = {"response": [guard]}
        http.follow_redirects = True  # within the same address: downloads are answered so
        options = genai.types.HttpOptions(base_url=server.url, timeout=int(server.reply_s * 1000))
        options.httpx_async_client = http
        google = genai.Client(api_key=_key(request), vertexai=False, http_options=options)
        try:
            yield google.aio
        finally:
            google.close()


def _same_place(response: httpx.Response) -> bool:
    target, here = response.url.join(response.headers["location"]), response.url
    return (target.scheme, target.host, target.port) == (here.scheme, here.host, here.port)


class _Counted(httpx.AsyncByteStream):
    """A reply's bytes, no more of them than the limit."""

    def __init__(self, stream: httpx.AsyncByteStream, limits: CodecLimits) -> None:
        self._stream, self._limits = stream, limits

    async def __aiter__(self) -> AsyncIterator[bytes]:
        count = 0
        async for part in self._stream:
            count += len(part)
            if count > self._limits.message_bytes:
                raise too_large(self._limits)
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()


@contextmanager
def _translated(server: Server) -> Iterator[None]:
    """google-genai's errors in our words; those of the network are told by ``client``."""
    from google.genai.errors import APIError

    try:
        yield
    except APIError as error:
        if error.code == 404 and error.status == "NOT_FOUND":  # Google's own, not some other server's
            raise Unavailable(
                f"The server said: {clean_text(error.message)} (HTTP 404)",
                "connect NAME --test lists the Veos there are.",
            ) from error
        raise status_error(server, error.code, str(error.message or error.status or "").encode()) from error
    except WamvizError:
        raise
    except (ValueError, LookupError, TypeError, AttributeError) as error:  # a reply that is none of the API's
        raise malformed(clean_text(error)) from error
