"""DreamZero's folder of videos: the one that belongs to the question, nothing outside, cut to the shown view."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.models.remote.servers import Talk, serving
from tests.models.remote.speakers import DROID_CONTEXT, Speaker, chunk
from wamviz.core.errors import WamvizError
from wamviz.core.media import resize, write_mp4
from wamviz.core.rollout import Camera, Imagined, ImagineRequest, Observation
from wamviz.models.protocol import collect
from wamviz.models.remote import canvas, roboarena
from wamviz.models.remote.asking import policy_request
from wamviz.models.remote.backend import capabilities_of
from wamviz.models.remote.codec import pack, unpack

GREETING = {
    "image_resolution": [180, 320],
    "needs_wrist_camera": True,
    "n_external_cameras": 2,
    "needs_stereo_camera": False,
    "needs_session_id": True,
    "action_space": "joint_position",
}


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canvas, "WAIT_S", 0.3)
    monkeypatch.setattr(canvas, "LOOK_S", 0.01)


def tiled(step: int = 0, frames: int = 9) -> np.ndarray:
    """DreamZero's canvas: the wrist view (60) above, the exterior ones (120, 180) below; brightness counts frames."""
    video = np.zeros((frames, 352, 640, 3), np.uint8)
    video[:, :176], video[:, 176:, :320], video[:, 176:, 320:] = 60, 120, 180
    return video + (np.arange(frames, dtype=np.uint8) * 2 + 20 * step)[:, None, None, None]


class DreamZero:
    """Its server: what was imagined is written when the session is forgotten, one file after another."""

    fps = 5.0

    def __init__(self, folder: Path, videos: bool = True, greeting: dict = GREETING, name: str = "{:06}.mp4") -> None:
        self.folder, self.videos, self.greeting, self.name = folder, videos, greeting, name
        self.told: list[str] = []
        self.pending = 9  # somebody's session, not ours
        self.written = 0

    def __call__(self, speaker: Speaker, talk: Talk, mood: str) -> None:
        talk.accept()
        talk.send(pack(self.greeting))
        while True:
            told = unpack(talk.message())
            self.told.append(told["endpoint"])
            if told["endpoint"] == "reset":
                if self.pending and self.videos:
                    path = self.folder / self.name.format(self.written)
                    path.parent.mkdir(exist_ok=True, parents=True)
                    write_mp4(path, tiled(self.pending - 1), self.fps)
                    self.written += 1
                self.pending = 0
                talk.send("reset successful")
                continue
            speaker.count += 1
            self.pending = speaker.count
            talk.send(pack(chunk(24, 8, speaker.count)))


def imagined(server: DreamZero, context: Observation = DROID_CONTEXT, samples: int = 1, **settings) -> Imagined:
    asked = Speaker("DreamZero", "roboarena", "droid", context, server)
    with serving(asked.speak()) as served:
        model = asked.model(served, settings={"settings": {"videos": str(server.folder), **settings}})
        return collect(model, ImagineRequest(context, "joint", samples=samples))


def near(frames: np.ndarray, value: int) -> bool:
    """H.264 changes a flat colour by a little."""
    middle = frames[:, frames.shape[1] // 2, frames.shape[2] // 2].astype(int)
    return bool((np.abs(middle - (value + 2 * np.arange(len(frames)))[:, None]) <= 3).all())


def test_with_the_folder_the_mode_is_joint_and_the_rate_the_file_s() -> None:
    asked = Speaker("DreamZero", "roboarena", "droid", DROID_CONTEXT, lambda *_: None)
    hidden = capabilities_of(asked.connection(1))
    shown = capabilities_of(asked.connection(1, settings={"videos": "here"}))
    assert (hidden.modes, shown.modes) == (("act_only",), ("joint",))
    assert capabilities_of(asked.connection(1, settings={"videos": "no"})).modes == ("act_only",)  # taken back
    assert shown.video_fps == 5.0 and shown.horizon == 8 and "video" in shown.description


def test_each_sample_gets_the_video_that_was_written_for_it(tmp_path: Path) -> None:
    """What the first reset writes belongs to the session before; each of ours is written by the reset after it."""
    server = DreamZero(tmp_path)
    end = imagined(server, samples=2)
    assert server.told == ["reset", "infer", "reset"] * 2 and server.written == 3
    for index, rollout in enumerate(end.rollouts):
        assert near(rollout.frames, 120 + 20 * index) and rollout.frames.shape == (9, 176, 313, 3)
        assert rollout.fps == 5.0 and rollout.camera == "exterior_1_left"
        assert np.isclose(rollout.frame_times[-1], rollout.action_times[-1])  # 8 frames of 5 Hz, 24 actions of 15 Hz
    assert any("000002.mp4" in note for note in end.notes) and canvas.CROPPED in end.notes
    assert not any("stays there" in note for note in end.notes)


@pytest.mark.parametrize(("main", "value"), [("wrist_left", 60), ("exterior_1_left", 120), ("exterior_2_left", 180)])
def test_the_canvas_is_cut_to_the_main_camera(tmp_path: Path, main: str, value: int) -> None:
    """In the camera's proportions: the wrist view is unstretched."""
    others = {name: frame for name, frame in DROID_CONTEXT.frames.items() if name != main}
    context = replace(DROID_CONTEXT, frames={main: DROID_CONTEXT.frames[main], **others})
    rollout = imagined(DreamZero(tmp_path), context).rollouts[0]
    assert rollout.camera == main and near(rollout.frames, value) and rollout.frames.shape == (9, 176, 313, 3)


@pytest.mark.parametrize("shape", [(90, 90), (90, 240), (180, 320)])
def test_the_borders_that_were_sent_are_cut_off_again(shape: tuple[int, int]) -> None:
    """A picture letterboxed, cropped to 95 % and scaled comes back as its own middle 95 %: a point at a quarter of it
    lies where the crop has moved it."""
    tall, wide = shape
    frame = np.zeros((tall, wide, 3), np.uint8)
    frame[: tall // 2, : wide // 2] = 200
    context = replace(DROID_CONTEXT, frames=dict.fromkeys(DROID_CONTEXT.frames, frame))
    asked = Speaker("DreamZero", "roboarena", "droid", context, lambda *_: None)
    told = roboarena.adapt_request(policy_request(asked.connection(1), ImagineRequest(context, "act_only")), GREETING)
    sent = told.pictures["observation/exterior_image_0_left"]
    crop = resize(sent[4:175, 8:312], 176, 320)  # 171 x 304 of 180 x 320
    whole = np.zeros((2, 352, 640, 3), np.uint8)
    whole[:, 176:, :320] = crop
    frames, _ = canvas.cut(whole, told)
    assert np.isclose(frames.shape[2] / frames.shape[1], wide / tall, rtol=0.02)
    bright = frames[0, :, :, 0] > 100
    assert abs(bright.any(1).mean() - 0.5) < 0.03 and abs(bright.any(0).mean() - 0.5) < 0.03
    assert bright[0, 0] and not bright[-1, -1]  # no border is left at either end


def test_a_point_of_the_scene_lies_where_the_crop_has_moved_it(tmp_path: Path) -> None:
    """The calibration follows: the middle stays, a point at 95 % of the way to the edge comes to lie on the edge."""
    camera = Camera("exterior_1_left", 160, 90, np.array([[100, 0, 80], [0, 100, 45], [0, 0, 1.0]]), np.eye(4))
    rollout = imagined(DreamZero(tmp_path), replace(DROID_CONTEXT, cameras={"exterior_1_left": camera})).rollouts[0]
    points = np.array([[0, 0, 1], [0.8 * 0.95, 0.45 * 0.95, 1]])  # 80 and 45 pixels from the middle are the edge
    pixels, _ = rollout.camera_model.project(points)
    height, width = rollout.frames.shape[1:3]
    assert np.allclose(pixels, [[width / 2, height / 2], [width, height]], atol=0.5)


def test_the_file_s_own_rate_is_kept(tmp_path: Path) -> None:
    """A fork that writes at another rate says so in its file."""

    class Faster(DreamZero):
        fps = 10.0

    end = imagined(Faster(tmp_path))
    assert end.rollouts[0].fps == 10.0 and np.isclose(end.rollouts[0].frame_times[-1], 0.8)


def test_a_folder_of_folders_is_looked_into_but_links_out_of_it_are_not(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    end = imagined(DreamZero(inside, name="gen_0/DreamZero-DROID/{:06}.mp4"))
    assert end.rollouts[0].frames is not None
    shutil.rmtree(inside)
    inside.mkdir()
    (inside / "linked").symlink_to(outside, target_is_directory=True)
    end = imagined(DreamZero(inside, name="linked/{:06}.mp4"))
    assert list(outside.glob("*.mp4")) and end.rollouts[0].frames is None


def test_a_video_that_was_there_before_is_not_taken_for_the_question_s(tmp_path: Path) -> None:
    """However new it says it is; and without one it is said how long was waited."""
    write_mp4(tmp_path / "old.mp4", tiled(), 5.0)
    os.utime(tmp_path / "old.mp4", (4e9, 4e9))
    end = imagined(DreamZero(tmp_path, videos=False))
    assert end.rollouts[0].frames is None and end.rollouts[0].actions.shape == (24, 8)
    assert any("No video appeared in the named folder within 0.3 s" in note for note in end.notes)


def test_a_video_that_stays_half_written_is_told(tmp_path: Path) -> None:
    class Broken(DreamZero):
        def __call__(self, speaker, talk, mood):
            super().__call__(speaker, Torn(talk, self), mood)

    class Torn:
        """Every file loses its end before the reset is answered."""

        def __init__(self, talk, server):
            self.talk, self.server = talk, server

        def __getattr__(self, name):
            return getattr(self.talk, name)

        def send(self, message):
            for path in self.server.folder.glob("*.mp4"):
                path.write_bytes(path.read_bytes()[:200])
            self.talk.send(message)

    end = imagined(Broken(tmp_path))
    assert end.rollouts[0].frames is None and any("cannot be read" in note for note in end.notes)


def test_a_layout_that_is_not_known_is_not_guessed(tmp_path: Path) -> None:
    end = imagined(DreamZero(tmp_path, greeting={**GREETING, "n_external_cameras": 1}))
    assert end.rollouts[0].frames is None and any("lays out its views" in note for note in end.notes)


def test_a_folder_that_is_none_is_told_before_anybody_is_asked(tmp_path: Path) -> None:
    asked = Speaker("DreamZero", "roboarena", "droid", DROID_CONTEXT, lambda *_: None)
    with serving(asked.speak()) as served:
        model = asked.model(served, settings={"settings": {"videos": str(tmp_path / "gone")}})
        with pytest.raises(WamvizError, match="no folder.*'Videos will be saved to'.*--set videos=FOLDER"):
            model.imagine(ImagineRequest(DROID_CONTEXT, "joint"))
        assert served.connections == 0
