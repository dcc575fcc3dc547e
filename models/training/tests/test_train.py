"""Training: which windows a step sees, the rate, frozen statistics, averages of weights."""

from __future__ import annotations

import argparse
import contextlib
import copy
import io
import tempfile
import unittest
from pathlib import Path
from typing import Dict
from unittest import mock

import numpy as np
import torch

from .. import train
from ..average import averaged
from ..frontend import CONFIG, Frontend
from ..mix import LEFT_OUT
from ..network import Network
from ..quantize import quantize_input
from ..train import (freeze_statistics, indices_of, loss_of, optimizer_for, ranking_loss,
                     set_rate)
from ..windows import (Augmentation, Batch, Stored, add_pairs, augmented_batch, filter_curves,
                       loudness, to_logmel, to_power, transpose)


class FakeBar(list):
    """A progress bar that shows nothing."""

    def set_postfix(self, values: Dict[str, str]) -> None:
        pass


class TestSchedule(unittest.TestCase):
    def test_an_epoch_sees_every_window_once(self) -> None:
        seen = np.concatenate([indices_of(step, 10, 60, seed=3) for step in range(6)])
        self.assertEqual(sorted(seen), list(range(60)))
        later = np.concatenate([indices_of(step, 10, 60, seed=3) for step in range(6, 12)])
        self.assertEqual(sorted(later), list(range(60)))
        self.assertNotEqual(list(seen), list(later))

    def test_rate_rises_then_falls(self) -> None:
        network = Network(3, keep_audioset=True)
        optimizer = optimizer_for(network, 1e-3, 2e-3, 1e-3)
        rates = []
        for step in range(100):
            set_rate(optimizer, step, 100, warm_up=10)
            rates.append(optimizer.param_groups[0]["lr"])
        self.assertEqual(int(np.argmax(rates)), 9)
        self.assertAlmostEqual(max(rates), 1e-3)
        self.assertLess(rates[-1], 3e-5)

    def test_every_parameter_is_trained_once(self) -> None:
        network = Network(3, keep_audioset=True)
        optimizer = optimizer_for(network, 1e-3, 2e-3, 1e-3)
        trained = [id(p) for group in optimizer.param_groups for p in group["params"]]
        self.assertEqual(sorted(trained), sorted(id(p) for p in network.parameters()))


class TestStep(unittest.TestCase):
    def losses(self, network: Network, batch: Batch, focus: float = 0.0, bfloat16: bool = False
               ) -> Dict[str, torch.Tensor]:
        start = copy.deepcopy(network).requires_grad_(False)
        return loss_of(network, start, batch, self.options(focus=focus, bfloat16=bfloat16))

    @staticmethod
    def options(**changes: object) -> argparse.Namespace:
        return argparse.Namespace(**{"focus": 0.0, "features": 1.0, "step_loss": 0.5,
                                     "distill": 1.0, "ranking": 0.0, "bfloat16": False, **changes})

    def batch(self) -> Batch:
        torch.manual_seed(1)
        target = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
        mask = torch.ones(2, 3)
        mask[0, 1] = 0.0
        return Batch(torch.randn(2, 64, 64), target, mask, target[:, None, :].repeat(1, 2, 1),
                     mask[:, None, :].repeat(1, 2, 1))

    def test_masked_labels_do_not_count(self) -> None:
        torch.manual_seed(1)
        network = Network(3, keep_audioset=True)
        freeze_statistics(network)
        before = network.features[0][1].running_mean.clone()
        batch = self.batch()
        flipped, flipped_steps = batch.target.clone(), batch.step_target.clone()
        flipped[0, 1], flipped_steps[0, :, 1] = 1.0, 1.0
        unseen = batch._replace(target=flipped, step_target=flipped_steps)
        first, second = self.losses(network, batch), self.losses(network, unseen)
        self.assertEqual(float(first["total"]), float(second["total"]))
        for seen in (unseen._replace(mask=torch.ones(2, 3)),
                     unseen._replace(step_mask=torch.ones(2, 2, 3))):
            self.assertNotEqual(float(first["total"]), float(self.losses(network, seen)["total"]))
        self.assertTrue(torch.equal(before, network.features[0][1].running_mean))

    def test_the_teacher_hears_what_the_network_hears(self) -> None:
        torch.manual_seed(1)
        network = Network(3, keep_audioset=True).eval()
        start = copy.deepcopy(network).requires_grad_(False)
        batch, options = self.batch(), self.options()
        losses = loss_of(network, start, batch, options)
        self.assertLess(float(losses["distill"].detach()), 1e-4)
        losses["total"].backward()
        self.assertTrue(all(p.grad is None for p in start.parameters()))
        with torch.no_grad():
            network.hidden.bias.add_(1.0)
        self.assertGreater(float(loss_of(network, start, batch, options)["distill"].detach()), 1e-2)

    def test_what_sounds_should_come_first(self) -> None:
        logits = torch.tensor([[3.0, 0.0, 0.0], [0.0, 3.0, 0.0], [9.0, 0.0, 0.0]])
        target = torch.tensor([[1.0, 0.0, 0.0], [1.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
        mask = torch.ones(3, 3)
        log_shares = torch.log_softmax(logits, dim=1)
        wanted = -log_shares[0, 0], -log_shares[1, [0, 2]].logsumexp(0)
        self.assertAlmostEqual(float(ranking_loss(logits, target, mask)),
                               float(sum(wanted) / 2), places=5)
        mask[1, 1] = 0.0  # nothing that is known is in its way
        self.assertAlmostEqual(float(ranking_loss(logits, target, mask)), float(wanted[0] / 2),
                               places=5)
        self.assertEqual(float(ranking_loss(logits, 0.0 * target, mask)), 0.0)

    def test_focus_weighs_what_is_right_less(self) -> None:
        torch.manual_seed(4)
        network = Network(3, keep_audioset=True)
        batch = self.batch()
        self.assertLess(float(self.losses(network, batch, 1.0)["labels"]),
                        float(self.losses(network, batch, 0.0)["labels"]))

    def test_bfloat16_is_close(self) -> None:
        torch.manual_seed(6)
        network = Network(3, keep_audioset=True)
        freeze_statistics(network)
        gradients = []
        for bfloat16 in (False, True):
            losses = self.losses(network, self.batch(), bfloat16=bfloat16)
            network.zero_grad()
            losses["total"].backward()
            gradients.append({name: p.grad.clone() for name, p in network.named_parameters()})
            self.assertEqual(losses["total"].dtype, torch.float32)
        for name, exact in gradients[0].items():
            rough = gradients[1][name]
            self.assertEqual(rough.dtype, torch.float32)
            self.assertLess(float((rough - exact).norm()), 0.1 * float(exact.norm()) + 1e-4, name)

    def test_the_untrained_gate_and_even_attention_give_a_mean(self) -> None:
        network = Network(3)
        scores, of_mean = torch.randn(2, 10, 3), torch.randn(2, 3)
        share = torch.sigmoid(network.gate.detach())
        wanted = share * of_mean + (1 - share) * scores.mean(dim=1)
        torch.testing.assert_close(network.pool(of_mean, scores, torch.zeros(2, 10, 3)).detach(),
                                   wanted)

    def test_averages_end_at_start_and_tuned(self) -> None:
        torch.manual_seed(2)
        start, tuned, other = (Network(3, keep_audioset=True) for _ in range(3))
        for share, wanted in ((0.0, start), (1.0, tuned)):
            torch.testing.assert_close(averaged(start, [tuned], share).head.weight,
                                       wanted.head.weight)
        soup = averaged(start, [tuned, other], 0.5).head.weight
        mean = 0.5 * (tuned.head.weight + other.head.weight)
        torch.testing.assert_close(soup, 0.5 * (start.head.weight + mean))


class TestRuns(unittest.TestCase):
    """Whole runs, over windows so small that a step takes no time."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.work = Path(folder.name)
        (self.work / "windows").mkdir()
        self.add_windows("000", 6)
        self.final = self.work / "run" / "final.pt"
        self.checkpoint = self.work / "run" / "checkpoint.pt"

    def add_windows(self, shard: str, count: int) -> None:
        random = np.random.default_rng(int(shard))
        for name, array in (("mel", random.integers(0, 256, (count, 64, 64)).astype(np.uint8)),
                            ("target", random.integers(0, 2, (count, 3)).astype(np.uint8)),
                            ("step", random.integers(0, 2, (count, 2, 3)).astype(np.uint8))):
            np.save(self.work / "windows" / f"{shard}.{name}.npy", array)

    def train(self, **changes: object) -> None:
        options = {"--work": self.work, "--teacher": self.work, "--steps": 4, "--batch": 2,
                   "--checkpoint-every": 3, **{f"--{k}": v for k, v in changes.items()}}
        words = [str(word) for pair in options.items() for word in pair]
        torch.manual_seed(9)
        start = Network(3, keep_audioset=True)
        with mock.patch("sys.argv", ["train", *words]), \
                mock.patch.object(train, "published_start", lambda folder: start), \
                mock.patch.object(train, "tqdm", lambda steps, **options: FakeBar(steps)), \
                contextlib.redirect_stdout(io.StringIO()):
            train.main()

    def weights(self) -> torch.Tensor:
        return torch.load(self.final)["network"]["head.weight"]

    def test_a_run_goes_on_from_its_checkpoint(self) -> None:
        self.train()
        whole = self.weights()
        self.final.unlink()
        self.assertEqual(torch.load(self.checkpoint)["step"], 3)
        self.train(teacher="elsewhere", threads=1)
        self.assertTrue(torch.equal(self.weights(), whole))

    def test_other_options_and_windows_are_refused(self) -> None:
        self.train()
        for part in (self.final, self.checkpoint):
            for name, value in (("seed", 2), ("pairs", 0.5), ("distill", 2.0), ("steps", 8),
                                ("batch", 3), ("from-model", "x.safetensors")):
                with self.assertRaisesRegex(SystemExit, f"{part}: the run began with {name} "):
                    self.train(**{name: value})
            self.add_windows("001", 1)
            with self.assertRaisesRegex(SystemExit, "began with windows 6, not 7"):
                self.train()
            (self.work / "windows" / "001.step.npy").unlink()
            self.final.unlink(missing_ok=True)

    def test_a_finished_run_is_left_alone(self) -> None:
        self.train()
        before = self.final.stat().st_mtime_ns
        self.checkpoint.unlink()
        self.train()
        self.assertEqual(self.final.stat().st_mtime_ns, before)
        self.assertFalse(self.checkpoint.exists())

    def test_a_checkpoint_without_options_is_taken(self) -> None:
        self.train()
        whole = self.weights()
        self.final.unlink()
        saved = torch.load(self.checkpoint)
        del saved["options"]
        torch.save(saved, self.checkpoint)
        self.train()
        self.assertTrue(torch.equal(self.weights(), whole))

    def test_what_is_missing_is_said(self) -> None:
        with self.assertRaisesRegex(SystemExit, "6 windows, fewer than --batch"):
            self.train(batch=7)
        with self.assertRaisesRegex(SystemExit, "^train: none.safetensors: No such file"):
            self.train(**{"from-model": "none.safetensors"})
        (self.work / "windows" / "000.step.npy").unlink()
        with self.assertRaisesRegex(SystemExit, "^train: .*no windows; run training.mix"):
            self.train()


class TestPairs(unittest.TestCase):
    def test_labels_join(self) -> None:
        power = np.ones((2, 4, CONFIG.mel_bands), np.float32)
        target = np.array([[1, 0, LEFT_OUT], [0, LEFT_OUT, 1]], np.uint8)
        step = np.repeat(target[:, None], 3, axis=1)
        add_pairs(power, target, step, 1.1, np.random.default_rng(1))
        self.assertEqual(step[0, 2].tolist(), [1, LEFT_OUT, 1])
        self.assertEqual(target[0].tolist(), [1, LEFT_OUT, 1])
        self.assertTrue((power > 1.2).all())

    def test_pairs_are_levelled_as_samples_are(self) -> None:
        """Two tones of one level, of which pre-emphasis makes powers that are 30 dB apart."""
        time = np.arange(CONFIG.columns * CONFIG.hop_frames + 1) / CONFIG.rate_hz
        tones = np.stack([np.sin(2 * np.pi * hz * time) for hz in (100.0, 400.0, 1000.0, 6000.0)])
        logmel = Frontend()(torch.from_numpy(tones.astype(np.float32))).numpy()
        power = to_power(logmel[:, -CONFIG.columns:])
        loud_db = 10 * np.log10(loudness(power))
        self.assertLess(float(np.ptp(loud_db)), 3.0)
        self.assertGreater(float(np.ptp(10 * np.log10(power.mean(axis=(1, 2))))), 20.0)
        target = np.zeros((4, 40), np.uint8)
        before = loudness(power)
        add_pairs(power, target, np.zeros((4, 10, 40), np.uint8), 1.1, np.random.default_rng(1))
        added_db = 10 * np.log10(loudness(power) / before - 1.0)
        self.assertLess(float(np.abs(added_db).max()), 6.1)
        self.assertGreater(float(np.ptp(added_db)), 1.0)

    def test_pairs_leave_alone_what_is_unknown_or_crowded(self) -> None:
        def paired(first: np.ndarray, second: np.ndarray) -> bool:
            power = np.ones((2, 4, CONFIG.mel_bands), np.float32)
            target = np.stack([first, second]).astype(np.uint8)
            add_pairs(power, target, target[:, None].copy(), 1.1, np.random.default_rng(1))
            return bool((power > 1.0).any())

        none, some, many = np.zeros(31), np.zeros(31), np.zeros(31)
        some[:2], many[2:5] = 1, 1
        self.assertTrue(paired(some, none))
        self.assertTrue(paired(some, some))
        self.assertFalse(paired(some, many))
        self.assertFalse(paired(some, np.full(31, LEFT_OUT)))

    def test_filters_are_drawn_around_nothing(self) -> None:
        curves = filter_curves(400, 128, 4.0, np.random.default_rng(3))
        self.assertEqual(curves.shape, (400, 1, 128))
        self.assertAlmostEqual(float(curves.mean()), 0.0, delta=0.3)
        self.assertAlmostEqual(float(curves[:, 0, 0].std()), 4.0, delta=0.5)
        steps = np.diff(curves[:, 0], axis=1)
        bends = (np.abs(np.diff(steps, axis=1)) > 1e-9).sum(axis=1)
        self.assertGreater(int(bends.min()), 0)
        self.assertLessEqual(int(bends.max()), 4)

    def test_a_transposed_window_is_that_of_a_transposed_sound(self) -> None:
        frontend = Frontend()
        t = torch.arange(CONFIG.rate_hz) / CONFIG.rate_hz
        noise = 1e-3 * torch.randn(t.shape, generator=torch.Generator().manual_seed(1))

        def spectrum(hz: float) -> np.ndarray:
            harmonics = sum(torch.sin(2 * np.pi * k * hz * t) / k for k in range(1, 5))
            return frontend(harmonics + noise)[20:60].numpy()

        for hz in (440.0, 1000.0, 3000.0):
            for semitones in (-1.5, 1.5):
                window = spectrum(hz)[None].copy()
                transpose(window, np.array([semitones]))
                wanted = spectrum(hz * 2 ** (semitones / 12)).mean(axis=0)
                before, after = (np.corrcoef(heard.mean(axis=0), wanted)[0, 1]
                                 for heard in (spectrum(hz), window[0]))
                self.assertGreater(after, 0.97, (hz, semitones))
                self.assertLess(before, 0.8, (hz, semitones))
        window = spectrum(440.0)[None].copy()
        transpose(window, np.zeros(1))
        np.testing.assert_allclose(window[0], spectrum(440.0), atol=1e-5)

    def test_batches_are_transposed_where_it_is_asked_for(self) -> None:
        logmel = np.full((40, CONFIG.columns, CONFIG.mel_bands), -1.0, np.float32)
        logmel[:, :, 80] = 1.0
        stored = Stored(quantize_input(logmel), np.zeros((40, 3), np.uint8),
                        np.zeros((40, 10, 3), np.uint8))
        data = mock.Mock(gather=lambda indices: stored)
        moved = {}
        for semitones in (0.0, 3.0):
            batch = augmented_batch(data, np.arange(40), Augmentation(transpose=semitones),
                                    np.random.default_rng(5))
            peaks = batch.logmel.numpy().mean(axis=1).argmax(axis=1)
            moved[semitones] = float((peaks != 80).mean())
        self.assertLess(moved[0.0], 0.25)  # where SpecAugment hides the tone
        self.assertGreater(moved[3.0], 0.6)

    def test_power_and_logmel_are_inverse(self) -> None:
        logmel = np.linspace(-1.3, 3.0, 50, dtype=np.float32)
        np.testing.assert_allclose(to_logmel(to_power(logmel)), logmel, atol=1e-4)


if __name__ == "__main__":
    unittest.main()
