"""Videos are read back: their size, number of frames, rate, and what is on them."""

import imageio_ffmpeg
import numpy as np
import pytest

from operant.studio.video import side_by_side, write_video


def plain(level, count, height=64, width=96):
    for _ in range(count):
        yield np.full((height, width, 3), level, np.uint8)


def read(path):
    reader = imageio_ffmpeg.read_frames(str(path))
    meta = next(reader)
    width, height = meta["size"]
    return meta, [np.frombuffer(frame, np.uint8).reshape(height, width, 3) for frame in reader]


def test_every_frame_is_written_in_order(tmp_path):
    levels = [20, 90, 160, 230, 60]
    frames = (frame for level in levels for frame in plain(level, 3))
    path = write_video(tmp_path / "new" / "video.mp4", frames, fps=25)
    meta, back = read(path)
    assert (meta["size"], meta["fps"], meta["codec"]) == ((96, 64), 25.0, "h264")
    assert meta["pix_fmt"].startswith("yuv420p")
    assert len(back) == 15
    np.testing.assert_allclose([frame.mean() for frame in back[::3]], levels, atol=4)
    assert [file.name for file in path.parent.iterdir()] == ["video.mp4"]


def test_odd_sizes_grow_by_a_repeated_edge(tmp_path):
    frame = np.full((63, 95, 3), 200, np.uint8)
    meta, back = read(write_video(tmp_path / "video.mp4", [frame] * 4, fps=30))
    assert meta["size"] == (96, 64)
    np.testing.assert_allclose(back[0][-1], 200, atol=4)
    np.testing.assert_allclose(back[0][:, -1], 200, atol=4)


def test_no_frames_is_an_error_that_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match="no frame to write"):
        write_video(tmp_path / "video.mp4", [], fps=30)
    assert not list(tmp_path.iterdir())


def test_a_failure_in_the_middle_keeps_the_old_video(tmp_path):
    path = write_video(tmp_path / "video.mp4", plain(10, 2), fps=30)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"one size; got \[64, 90, 3\] after \[64, 96, 3\]"):
        write_video(path, [*plain(10, 2), *plain(10, 1, width=90)], fps=30)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["video.mp4"]


def test_what_is_no_frame_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"\[H, W, 3\] uint8; got \[64, 96\] float64"):
        write_video(tmp_path / "video.mp4", [np.zeros((64, 96))], fps=30)


def test_side_by_side_holds_the_last_frame_of_the_shorter():
    long = [np.full((64, 96, 3), 10 * k, np.uint8) for k in range(6)]
    short = [np.full((64, 80, 3), 100 + k, np.uint8) for k in range(3)]
    frames = list(side_by_side(iter(long), iter(short), ("trained", "random policy")))
    assert len(frames) == 6
    strip = frames[0].shape[0] - 64
    for k, frame in enumerate(frames):
        np.testing.assert_array_equal(frame[strip:, :96], long[k])
        shown = short[k] if k < 3 else 128 + short[-1] // 2
        np.testing.assert_array_equal(frame[strip:, -80:], shown)
    labels = frames[0][:strip]
    assert labels[:, :96].min() < 100, "the left label is drawn"
    assert labels[:, -80:].min() < 100, "the right label is drawn"
    assert not np.array_equal(labels[:, :80], labels[:, -80:])


def test_side_by_side_names_the_empty_side():
    with pytest.raises(ValueError, match="no frame of 'random policy'"):
        next(side_by_side(plain(1, 2), [], ("trained", "random policy")))
    with pytest.raises(ValueError, match="one height"):
        next(side_by_side(plain(1, 1), plain(1, 1, height=50), ("a", "b")))
