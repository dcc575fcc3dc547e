"""Measuring on recordings of any length: block after block, with the same windows as at once."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path
from typing import Iterator, List, Tuple
from unittest import mock

import numpy as np
import soundfile

from .. import datasets_measure
from ..datasets import Clip, Statement, identity, make_clip
from ..datasets_measure import probabilities_of, windows_by_block
from ..datasets_tables import Refused, read_sound, sound_blocks
from ..evaluation_sets import windows_of
from ..frontend import Frontend
from ..prepare import to_rate


def answers(windows: np.ndarray) -> np.ndarray:
    """(windows, 2): something that differs from window to window."""
    return windows.mean(axis=(1, 2))[:, None] + np.array([0.0, 1.0])


class TestBlocks(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "a.wav"

    def write(self, length_s: float, rate_hz: int) -> None:
        noise = np.random.default_rng(1).normal(0.0, 0.1, (int(length_s * rate_hz), 2))
        soundfile.write(self.path, noise * np.linspace(0.1, 1.0, len(noise))[:, None], rate_hz)

    def clips(self, count: int) -> List[Clip]:
        said = Statement(frozenset(), frozenset(), alone=True)
        return [make_clip(identity(), said, self.path, f"line {number}", "all",
                          start_s=0.5 * number) for number in range(count)]

    def test_windows_are_those_of_the_whole(self) -> None:
        frontend = Frontend()
        for rate_hz, lengths_s in ((32000, (2.0, 3.9, 8.0)), (44100, (9.37,)), (8001, (8.0,))):
            for length_s in lengths_s:
                self.write(length_s, rate_hz)
                samples, rate = read_sound(self.path, "x", 0.25)
                whole = windows_of(to_rate(samples, rate), frontend)
                for block_s in (0.7, 2.0, 5.0):
                    blocks = sound_blocks(self.path, "x", 0.25, None, block_s)
                    parts = list(windows_by_block(blocks, frontend))
                    np.testing.assert_allclose(np.concatenate(parts), whole, atol=2e-6,
                                               err_msg=f"{rate_hz} {length_s} {block_s}")

    def test_only_some_of_a_long_recording_is_held(self) -> None:
        self.write(20.0, 8000)
        blocks = sound_blocks(self.path, "x", 0.0, None, 2.0)
        self.assertLessEqual(max(len(part) for part in windows_by_block(blocks, Frontend())), 3)

    def test_means_do_not_depend_on_the_blocks(self) -> None:
        self.write(9.0, 16000)
        whole = probabilities_of(self.clips(3), {"float": answers}, False).probabilities["float"]
        with mock.patch.object(datasets_measure, "BLOCK_S", 1.5), \
                mock.patch.object(datasets_measure, "BATCH", 2):
            parts = probabilities_of(self.clips(3), {"float": answers}, False)
        np.testing.assert_allclose(parts.probabilities["float"], whole, atol=1e-5)

    def test_a_clip_that_breaks_off_is_left_out_of_the_means(self) -> None:
        self.write(9.0, 16000)
        wanted = probabilities_of(self.clips(3), {"float": answers}, False).probabilities["float"]

        def broken(path: Path, place: str, *more: object) -> Iterator[Tuple[np.ndarray, int]]:
            for number, block in enumerate(sound_blocks(path, place, *more)):
                if place == "line 1" and number == 4:
                    raise Refused("line 1: cannot be decoded")
                yield block

        with mock.patch.object(datasets_measure, "BLOCK_S", 1.5), \
                mock.patch.object(datasets_measure, "BATCH", 2), \
                mock.patch.object(datasets_measure, "sound_blocks", side_effect=broken):
            measured = probabilities_of(self.clips(3), {"float": answers}, True)
        self.assertEqual((len(measured.clips), measured.left_out),
                         (2, ["line 1: cannot be decoded"]))
        np.testing.assert_allclose(measured.probabilities["float"], wanted[[0, 2]], atol=1e-5)


if __name__ == "__main__":
    unittest.main()
