"""Results of steps: none is there in part, and a shard of windows counts only when complete."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path
from typing import Dict

import numpy as np

from ..datasets_tables import Refused
from ..effects import RATE_HZ
from ..labels import EXTRAS, LABELS, output_of
from ..material import load_banks
from ..mix import shard_paths, write_shard
from ..results import digest, made_from, mark_of, replacing, save_array, save_text
from ..windows import WindowSet


class FolderCase(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)


class TestReplacing(FolderCase):
    def test_what_is_broken_off_leaves_the_old_result(self) -> None:
        path = self.folder / "a.npy"
        save_array(path, np.arange(3))
        with self.assertRaises(KeyboardInterrupt), replacing(path) as file:
            file.write(b"half of it")
            raise KeyboardInterrupt
        self.assertEqual(np.load(path).tolist(), [0, 1, 2])
        self.assertEqual([other.name for other in self.folder.iterdir()], ["a.npy"])

    def test_a_digest_tells_inputs_apart(self) -> None:
        path = self.folder / "train.npy"
        self.assertEqual(made_from(path), "")
        save_text(mark_of(path), digest([{"file": "a", "size": 1}], 2))
        self.assertEqual(made_from(path), digest([{"size": 1, "file": "a"}], 2))
        self.assertNotEqual(made_from(path), digest([{"file": "a", "size": 2}], 2))


class TestShards(FolderCase):
    def arrays(self, count: int, value: int = 0) -> Dict[str, np.ndarray]:
        shape = {"mel": (300, 128), "target": (31,), "step": (10, 31)}
        return {part: np.full((count, *shape[part]), value, np.uint8) for part in shape}

    def test_only_complete_shards_count(self) -> None:
        for name, count in (("000", 2), ("001", 3), ("1000", 4)):
            write_shard(shard_paths(self.folder, name), self.arrays(count))
        self.assertEqual(len(WindowSet(self.folder)), 9)
        shard_paths(self.folder, "001")["step"].unlink()
        self.assertEqual(len(WindowSet(self.folder)), 6)

    def test_what_does_not_belong_together_is_refused(self) -> None:
        write_shard(shard_paths(self.folder, "000"), {**self.arrays(2), "step": np.zeros(3)})
        with self.assertRaisesRegex(ValueError, r"000\.mel\.npy and the files beside it"):
            WindowSet(self.folder)

    def test_a_shard_that_is_broken_off_does_not_mix_with_an_older_one(self) -> None:
        paths = shard_paths(self.folder, "000")
        write_shard(paths, self.arrays(2))
        write_shard(paths, {"mel": np.ones(2)})  # as if it ended here
        with self.assertRaisesRegex(FileNotFoundError, "no windows"):
            WindowSet(self.folder)


class TestBanks(FolderCase):
    def test_what_has_no_material_is_named(self) -> None:
        neighbours = {"french_horn", "tuba", "oboe", "bassoon", "bagpipe", "harp", "harpsichord",
                      "sitar", "harmonica", "timpani"}
        self.assertEqual({output_of(name) for name in neighbours} | {"speech"}, set(EXTRAS))
        for name in (*LABELS[1:], *neighbours):
            path = self.folder / "renders" / "font" / f"{name}.npy"
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, np.zeros(20 * RATE_HZ, np.int16))
        with self.assertRaisesRegex(Refused, "nothing to mix of accordion, speech, noise, music; "):
            load_banks(self.folder)


if __name__ == "__main__":
    unittest.main()
