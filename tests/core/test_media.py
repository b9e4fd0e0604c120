"""Pictures and videos: what is written comes back, what is bad is refused in plain words before it is decoded."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from wamviz.core import _videos, media
from wamviz.core.errors import WamvizError


def moving(count: int, height: int = 64, width: int = 64) -> np.ndarray:
    """Smooth frames that differ from each other, (count, height, width, 3)."""
    y, x = np.mgrid[:height, :width]
    return np.stack(
        [np.stack([(x + 9 * k) % 200 + 20, y * 2 % 220, np.full_like(x, 10 * k % 250)], -1) for k in range(count)]
    ).astype(np.uint8)


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds almost nothing: what a decompression bomb looks like from outside."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    )


# --- pictures ---------------------------------------------------------------------------------------------------------


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_png_round_trip_is_exact(height: int, width: int, seed: int) -> None:
    frame = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    again = media.read_image(media.encode_png(frame))
    assert np.array_equal(again, frame)
    assert again.flags.writeable


def test_a_png_file_is_read_by_content_whatever_its_name(tmp_path: Path) -> None:
    frame = moving(1)[0]
    path = tmp_path / "picture.jpg"
    media.write_png(path, frame)
    assert np.array_equal(media.read_image(path), frame)
    assert [p.name for p in tmp_path.iterdir()] == ["picture.jpg"]  # nothing temporary stays


def test_exif_rotation_and_alpha_are_applied() -> None:
    frame = np.zeros((4, 6, 3), np.uint8)
    frame[0, 0] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned clockwise by 90 degrees
    buffer = io.BytesIO()
    Image.fromarray(frame).save(buffer, "PNG", exif=exif)
    assert np.array_equal(media.read_image(buffer.getvalue()), np.rot90(frame, -1))
    buffer = io.BytesIO()
    Image.new("RGBA", (2, 2), (10, 20, 30, 0)).save(buffer, "PNG")
    assert (media.read_image(buffer.getvalue()) == 255).all()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_shown_as_other_programs_show_it(kind: str, orientation: int) -> None:
    """Grey pictures and a TIFF, which Pillow turns while it decodes, included."""
    for mode in ("RGB", "L"):
        picture = Image.fromarray(moving(1)[0][:12, :20]).convert(mode)
        exif = Image.Exif()
        exif[0x0112] = orientation
        buffer = io.BytesIO()
        picture.save(buffer, kind, exif=exif)
        shown = ImageOps.exif_transpose(Image.open(io.BytesIO(buffer.getvalue()))).convert("RGB")
        assert np.array_equal(media.read_image(buffer.getvalue()), np.asarray(shown))


@pytest.mark.parametrize("kind", ["ICO", "PPM", "TGA", "PCX", "JPEG2000"])
def test_no_other_decoder_is_ever_tried(kind: str) -> None:
    """Whatever Pillow could read besides, strangers' files reach six of its decoders only."""
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(buffer, kind)
    with pytest.raises(WamvizError, match="not a picture that can be read here|holds text"):
        media.read_image(buffer.getvalue())


def test_a_palette_with_transparency_is_flattened_on_white() -> None:
    picture = Image.fromarray(np.array([[[255, 0, 0], [0, 0, 255]]], np.uint8)).quantize(2)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", transparency=picture.getpixel((0, 0)))
    assert media.read_image(buffer.getvalue())[0].tolist() == [[255, 255, 255], [0, 0, 255]]


def test_sixteen_bit_grey_becomes_eight_bit() -> None:
    buffer = io.BytesIO()
    Image.fromarray(np.full((3, 3), 0x8181, np.uint16)).save(buffer, "PNG")
    assert (media.read_image(buffer.getvalue()) == 0x81).all()


@pytest.mark.parametrize("size", [(8000, 5000), (12000, 9000), (40000, 40000)])
def test_huge_pictures_are_refused_from_their_header(size: tuple[int, int]) -> None:
    with pytest.raises(WamvizError, match="limit is 25 megapixels"):
        media.read_image(png_header(*size))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        ("Pick up the orange, bitte schön.\n".encode() * 400, "holds text, not a picture"),
        (b"\0\0\0\x18ftypmp42" + b"\0" * 40, "is a video, not a picture"),
        (b"\0\0\0\x18ftypheic" + b"\0" * 40, "HEIC"),
        (bytes(range(256)) * 4, "is not a picture"),
        (media.encode_png(moving(1)[0])[:120], "damaged or cut short"),
    ],
)
def test_files_that_are_no_pictures_are_named(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "context.png"
    path.write_bytes(content)
    with pytest.raises(WamvizError, match=says) as caught:
        media.read_image(path)
    assert "context.png" in str(caught.value) and str(tmp_path) not in str(caught.value)


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(WamvizError, match="'no.png' does not exist"):
        media.read_image(tmp_path / "no.png")
    with pytest.raises(WamvizError, match="is a folder"):
        media.read_video(tmp_path)


# --- sizes ------------------------------------------------------------------------------------------------------------


@given(st.integers(1, 24), st.integers(1, 24), st.integers(1, 24), st.integers(1, 24), st.integers(0, 255))
@settings(max_examples=60, deadline=None)
def test_resize_keeps_flat_colours_and_gives_the_size(h: int, w: int, height: int, width: int, level: int) -> None:
    out = media.resize(np.full((2, h, w, 3), level, np.uint8), height, width)
    assert out.shape == (2, height, width, 3)
    assert (out == level).all()


def test_shrinking_is_the_area_average() -> None:
    frame = np.random.default_rng(0).integers(0, 256, (12, 18, 3), dtype=np.uint8)
    blocks = frame.reshape(4, 3, 6, 3, 3).mean(axis=(1, 3))
    assert np.abs(media.resize(frame, 4, 6) - blocks).max() <= 0.51
    # Not a whole factor: 3 pixels become 2, the middle one is shared by halves.
    row = np.array([0, 90, 240], np.uint8)[None, :, None].repeat(3, axis=2)
    assert media.resize(row, 1, 2)[0, :, 0].tolist() == [30, 190]


def test_fit_square_cuts_the_centre() -> None:
    frames = np.zeros((2, 10, 30, 3), np.uint8)
    frames[:, :, 10:20] = 200
    assert (media.fit_square(frames, 5) == 200).all()


# --- videos -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("keyframe_every", "fps"), [(1, 5), (4, 30), (7, 29.97)])
def test_mp4_round_trip(tmp_path: Path, keyframe_every: int, fps: float) -> None:
    frames = moving(15, 48, 64)
    media.write_mp4(tmp_path / "a.mp4", frames, fps, keyframe_every=keyframe_every)
    again, rate = media.read_video(tmp_path / "a.mp4")
    assert again.shape == frames.shape
    assert rate == pytest.approx(fps)
    assert np.abs(again.astype(int) - frames).mean() < 2
    info = media.video_info(tmp_path / "a.mp4")
    assert (info.width, info.height, info.frames, info.codec) == (64, 48, 15, "h264")
    assert np.array_equal(media.read_video(tmp_path / "a.mp4", start=3, max_frames=4)[0], again[3:7])
    for k in range(15):
        assert np.array_equal(media.read_video_span(tmp_path / "a.mp4", k / rate, 1, rate)[0], again[k])


def test_mp4_is_what_a_browser_seeks_exactly(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    media.write_mp4(path, moving(6), 5)
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")  # faststart
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        packets = [packet for packet in container.demux(stream) if packet.size]
        assert all(packet.is_keyframe for packet in packets)
        assert [float(packet.pts * packet.time_base) for packet in packets] == pytest.approx([k / 5 for k in range(6)])
        context = stream.codec_context
        assert (context.pix_fmt, context.colorspace, context.color_primaries, context.color_trc) == ("yuv420p", 1, 1, 1)
        assert context.color_range == 1


def test_colours_survive(tmp_path: Path) -> None:
    colours = np.array([(255, 0, 0), (0, 255, 0), (0, 0, 255), (200, 120, 40), (255, 255, 255), (0, 0, 0)], np.uint8)
    frames = np.broadcast_to(colours[:, None, None], (6, 32, 32, 3))
    media.write_mp4(tmp_path / "a.mp4", frames, 5)
    assert np.abs(media.read_video(tmp_path / "a.mp4")[0].astype(int) - frames).max() <= 3


def test_odd_sides_are_padded_and_scale_makes_blocks(tmp_path: Path) -> None:
    frames = moving(3, 33, 21)
    media.write_mp4(tmp_path / "a.mp4", frames, 5, crf=1)
    again = media.read_video(tmp_path / "a.mp4")[0]
    assert again.shape == (3, 34, 22, 3)
    assert np.abs(again[:, :33, :21].astype(int) - frames).mean() < 2
    media.write_mp4(tmp_path / "b.mp4", frames, 5, scale=3)
    assert media.video_info(tmp_path / "b.mp4").width == 64  # 3 x 21 and one more


def test_the_same_frames_give_the_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        media.write_mp4(tmp_path / f"{name}.mp4", moving(5), 5)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_gif_round_trip(tmp_path: Path) -> None:
    frames = moving(4)
    media.write_gif(tmp_path / "a.gif", frames, 5)
    again, fps = media.read_video(tmp_path / "a.gif")
    assert again.shape == frames.shape and fps == pytest.approx(5)
    assert np.abs(again.astype(int) - frames).mean() < 16  # 256 colours


def test_a_turned_video_is_read_upright(tmp_path: Path) -> None:
    frames = moving(2, 32, 64)
    media.write_mp4(tmp_path / "a.mp4", frames, 5)
    straight = media.read_video(tmp_path / "a.mp4")[0]
    data = bytearray((tmp_path / "a.mp4").read_bytes())
    matrix = data.index(b"tkhd") + 4 + 40
    data[matrix : matrix + 36] = struct.pack(
        ">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30
    )  # clockwise, as phones do
    (tmp_path / "b.mp4").write_bytes(data)
    assert np.array_equal(media.read_video(tmp_path / "b.mp4")[0], np.rot90(straight, -1, axes=(1, 2)))


def test_max_side_shrinks_while_reading(tmp_path: Path) -> None:
    media.write_mp4(tmp_path / "a.mp4", moving(2, 40, 80), 5)
    assert media.read_video(tmp_path / "a.mp4", max_side=20)[0].shape == (2, 10, 20, 3)


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.95])
def test_a_cut_mp4_is_refused(tmp_path: Path, share: float) -> None:
    media.write_mp4(tmp_path / "a.mp4", moving(20), 5)
    data = (tmp_path / "a.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: int(len(data) * share)])
    with pytest.raises(WamvizError, match="cut short"):
        media.read_video(tmp_path / "cut.mp4")


def test_bad_videos_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = tmp_path / "text.mp4"
    text.write_text("no video at all\n" * 50)
    with pytest.raises(WamvizError, match="'text.mp4' is not a video"):
        media.read_video(text)
    good = tmp_path / "a.mp4"
    media.write_mp4(good, moving(5), 5)
    with pytest.raises(WamvizError, match="has no frame 5; it holds 5 frames"):
        media.read_video(good, start=5)
    with pytest.raises(WamvizError, match="frame 2 of 4"):
        media.read_video_span(good, 0.6, 4, 5)
    for limit, value, says in [
        ("MAX_VIDEO_BYTES", 100, "MB"),
        ("MAX_VIDEO_PIXELS", 100, "too much"),
        ("MAX_VIDEO_SECONDS", 0.5, "minutes"),
        ("MAX_DECODED_BYTES", 20_000, "memory"),
    ]:
        with monkeypatch.context() as patch:
            patch.setattr(_videos, limit, value)
            with pytest.raises(WamvizError, match=says):
                media.read_video(good)


def test_a_playlist_opens_no_other_file(tmp_path: Path) -> None:
    media.write_mp4(tmp_path / "secret.mp4", moving(2), 5)
    playlist = tmp_path / "list.mp4"
    playlist.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{tmp_path}/secret.mp4\n#EXT-X-ENDLIST\n")
    with pytest.raises(WamvizError, match="is not a video"):
        media.read_video(playlist)


def test_an_audio_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("aac", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 8000
        out.mux(stream.encode(frame))
        out.mux(stream.encode())
    with pytest.raises(WamvizError, match="holds no video stream"):
        media.read_video(path)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    media.write_mp4(path, moving(2), 5)
    before = path.read_bytes()
    with pytest.raises(WamvizError):
        media.write_mp4(path, moving(2), 0)
    with pytest.raises(RuntimeError), media.replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "frames", [np.zeros((2, 4, 4)), np.zeros((4, 4, 3), np.uint8), np.zeros((0, 4, 4, 3), np.uint8)]
)
def test_frames_of_another_form_are_refused(tmp_path: Path, frames: np.ndarray) -> None:
    with pytest.raises(WamvizError, match="Frames must be a uint8 array"):
        media.write_mp4(tmp_path / "a.mp4", frames, 5)


@pytest.mark.parametrize("matrix", ["bt709", "bt601"])
def test_colours_come_back_by_either_matrix(matrix: str, tmp_path: Path) -> None:
    colours = np.array([[250, 20, 20], [20, 250, 20], [20, 20, 250], [200, 180, 40]], np.uint8)
    frames = np.broadcast_to(colours[:, None, None], (4, 16, 16, 3)).copy()
    media.write_mp4(tmp_path / "a.mp4", frames, 5, crf=4, matrix=matrix)
    found, _ = media.read_video(tmp_path / "a.mp4")
    assert np.abs(found[:, 8, 8].astype(int) - colours).max() <= 3
