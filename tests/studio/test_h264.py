"""The encoder against ffmpeg's decoder, which shows to the last bit what the encoder says that it shows."""

from __future__ import annotations

import subprocess

import imageio_ffmpeg
import numpy as np
import pytest

from operant.studio import cavlc, h264, mp4


def drawing(height, width, count):
    """A square that moves over stripes, and stands still for a while."""
    for i in range(count):
        frame = np.full((height, width, 3), 255, np.uint8)
        frame[:, ::7] = (40, 90, 160)
        at = min(2 * i, 16)
        frame[8 + at : 24 + at, 4 + at : 30 + at] = (200, 30, 20)
        yield frame


def noise(height, width, count):
    """Noise in blocks here and there, each of its own strength, weaker from frame to frame."""
    random = np.random.default_rng(0)
    frame = random.integers(0, 256, (height, width, 3))
    for i in range(count):
        blocks = (height // 4 + 1, width // 4 + 1)
        strength = (random.random(blocks) < np.linspace(0, 1, blocks[1])) * random.random(blocks) ** 4
        strength = 120 * 0.85**i * np.kron(strength, np.ones((4, 4)))[:height, :width, None]
        yield np.clip(frame + random.normal(size=frame.shape) * strength, 0, 255).astype(np.uint8)


def encoded(path, frames, height, width):
    """Writes the film and returns what is shown: luma and chroma of every frame."""
    encoder = h264.Encoder(width, height, 30.0)
    samples, keys, shown = [], [], []
    for i, frame in enumerate(frames):
        sample, key = encoder.encode(frame)
        samples.append(sample)
        keys += [i] if key else []
        rows, columns = encoder._shown.shape[:2]
        luma = np.zeros((rows, columns, 4, 4, 4, 4), np.int32)
        luma[:, :, h264._DOWN, h264._ACROSS] = encoder._shown[:, :, :16]
        planes = [luma.transpose(0, 2, 4, 1, 3, 5).reshape(16 * rows, 16 * columns)[:height, :width]]
        for chroma in (encoder._shown[:, :, 16:20], encoder._shown[:, :, 20:]):
            blocks = chroma.reshape(rows, columns, 2, 2, 4, 4).transpose(0, 2, 4, 1, 3, 5)
            planes.append(blocks.reshape(8 * rows, 8 * columns)[: height // 2, : width // 2])
        shown.append(np.concatenate([plane.ravel() for plane in planes]))
    start = mp4.beginning(width, height, 30.0, encoder.parameters(), list(map(len, samples)), keys)
    path.write_bytes(start + b"".join(samples))
    return np.array(shown), keys


def decoded(path, pixels="yuv420p"):
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "warning", "-xerror", "-i", str(path)]
    done = subprocess.run(
        [*command, "-f", "rawvideo", "-pix_fmt", pixels, "-"], capture_output=True, check=True
    )
    assert done.stderr == b""
    return np.frombuffer(done.stdout, np.uint8)


@pytest.mark.parametrize("make", [drawing, noise])
@pytest.mark.parametrize(("height", "width"), [(64, 96), (50, 70), (16, 16), (2, 18)])
def test_a_decoder_shows_what_the_encoder_says(make, height, width, tmp_path, monkeypatch):
    monkeypatch.setattr(h264, "KEY_SECONDS", 0.5)
    shown, keys = encoded(tmp_path / "film.mp4", make(height, width, 20), height, width)
    assert keys == [0, 15]
    np.testing.assert_array_equal(decoded(tmp_path / "film.mp4").reshape(len(shown), -1), shown)


def test_blocks_of_every_number_of_coefficients_are_read_after_every_table(monkeypatch, tmp_path):
    seen = np.zeros((5, 17), bool)
    blocks = cavlc.blocks

    def noting(coefficients, table):
        seen[table, (coefficients != 0).sum(1)] = True
        return blocks(coefficients, table)

    monkeypatch.setattr(cavlc, "blocks", noting)
    shown, _ = encoded(tmp_path / "film.mp4", noise(192, 256, 30), 192, 256)
    assert seen[:4].all()
    assert seen[cavlc.OF_FOUR, :5].all()
    np.testing.assert_array_equal(decoded(tmp_path / "film.mp4").reshape(len(shown), -1), shown)


@pytest.mark.parametrize("table", [0, 1, 2, 4])
def test_no_token_begins_another(table):
    tokens = [format(code, f"0{length}b") for code, length in cavlc._TOKENS[table].reshape(-1, 2) if length]
    assert len(set(tokens)) == len(tokens) == (14 if table == 4 else 62)
    assert not [(a, b) for a in tokens for b in tokens if a != b and b.startswith(a)]


def test_a_still_picture_stays_as_it_was_and_costs_nothing(tmp_path):
    frames = [np.full((64, 96, 3), (200, 30, 20), np.uint8)] * 10
    encoded(tmp_path / "film.mp4", frames, 64, 96)
    back = decoded(tmp_path / "film.mp4", "rgb24").reshape(10, 64, 96, 3)
    assert np.abs(back.astype(int) - frames[0]).max() <= 3  # of luma and chroma as whole numbers
    encoder = h264.Encoder(96, 64, 30.0)
    assert max([len(encoder.encode(frame)[0]) for frame in frames][1:]) < 20


def test_what_moved_is_true_as_well(tmp_path):
    frames = list(drawing(64, 96, 10))
    encoded(tmp_path / "film.mp4", frames, 64, 96)
    luma = decoded(tmp_path / "film.mp4").reshape(10, -1)[-1, : 64 * 96].reshape(64, 96).astype(int)
    exact = h264._planes(frames[-1].reshape(4, 16, 6, 16, 3).swapaxes(1, 2).reshape(-1, 16, 16, 3))[0]
    exact = exact.reshape(4, 6, 16, 16).swapaxes(1, 2).reshape(64, 96)
    assert np.sqrt(np.mean((luma - exact) ** 2)) < 3
