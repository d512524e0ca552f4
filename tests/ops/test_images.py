"""Images: OpenCV's and the emulator's own numbers, and means over areas by a loop over pixels."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from operant.ops.images import areas, grayscale, resize_area

SIZES = [
    ((210, 160), (84, 84)),
    ((96, 96), (84, 84)),
    ((250, 160), (64, 105)),
    ((84, 84), (84, 84)),
    ((37, 50), (37, 9)),
]


def pixels(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize(("shape", "size"), SIZES)
def test_resize_area_is_opencvs_to_the_last_pixel(shape, size):
    """Catches a shift by half a pixel, height and width swapped, and sums in another order: pixels may be ties."""
    cv2 = pytest.importorskip("cv2")
    for seed in range(5):
        image = pixels(*shape, seed=seed)
        theirs = cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA)
        np.testing.assert_array_equal(resize_area(image, *size), theirs)


def test_resize_area_of_jax_and_of_batches_is_the_same():
    """Catches axes counted from the front. Ties depend on how XLA fuses sums, so one grey level is allowed."""
    images = pixels(3, 2, 21, 16)
    one_by_one = np.stack([[resize_area(image, 8, 9) for image in row] for row in images])
    np.testing.assert_array_equal(resize_area(images, 8, 9), one_by_one)
    compiled = np.asarray(jax.jit(lambda x: resize_area(x, 8, 9))(images))
    assert compiled.dtype == np.uint8
    assert np.abs(compiled.astype(int) - one_by_one).max() <= 1


def test_areas_are_means_over_what_each_pixel_covers():
    """Catches weights that do not sum to 1, and pixels left out, by fine strips of which each belongs to one pixel."""
    for length, size in ((210, 84), (160, 84), (84, 84), (10, 3), (7, 1), (100, 99)):
        fine = np.arange(length * size) // size  # `size` strips for each of `length` pixels
        strips = fine.reshape(size, length)
        index, weights = areas(length, size)
        for i in range(size):
            share = np.zeros(length)
            np.add.at(share, index[:, i], weights[:, i])
            np.testing.assert_allclose(share, np.bincount(strips[i], minlength=length) / length, atol=1e-6)


def test_resize_area_and_grayscale_leave_real_numbers_unrounded():
    image = pixels(4, 4, 3).astype(np.float32)
    grey = grayscale(image)
    np.testing.assert_allclose(grey, image @ np.float32([0.299, 0.587, 0.114]), rtol=1e-5)
    np.testing.assert_allclose(resize_area(grey, 2, 2), grey.reshape(2, 2, 2, 2).mean((1, 3)), rtol=1e-5)


def test_grayscale_is_the_emulators_own_grey_screen():
    """Catches weights of another standard, and rounding down: each makes half of Atari's colours another grey."""
    ale_py = pytest.importorskip("ale_py")
    from ale_py import roms

    ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
    colours = set()
    for game in ("seaquest", "beam_rider", "enduro"):
        ale = ale_py.ALEInterface()
        ale.setInt("random_seed", 0)
        ale.loadROM(roms.get_rom_path(game))
        ale.reset_game()
        for t in range(120):
            ale.act(t % 18)
        screen = ale.getScreenRGB()
        np.testing.assert_array_equal(grayscale(screen), ale.getScreenGrayscale())
        colours |= set(map(tuple, screen.reshape(-1, 3).tolist()))
    assert len(colours) > 25
