"""Training: which windows a step sees, the rate, frozen statistics, averages of weights."""

from __future__ import annotations

import unittest

import numpy as np
import torch

from ..average import averaged
from ..mix import LEFT_OUT
from ..network import Network
from ..train import freeze_statistics, indices_of, loss_of, optimizer_for, set_rate
from ..windows import Batch, add_pairs, to_logmel, to_power


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
    def test_masked_labels_and_untaught_windows_do_not_count(self) -> None:
        torch.manual_seed(1)
        network = Network(3, keep_audioset=True)
        freeze_statistics(network)
        before = network.features[0][1].running_mean.clone()
        target = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
        flipped = target.clone()
        flipped[0, 1] = 1.0
        mask = torch.ones(2, 3)
        mask[0, 1] = 0.0
        logmel, taught = torch.randn(2, 64, 64), torch.tensor([1.0, 0.0])
        teacher = torch.randn(2, 527)
        other = teacher.clone()
        other[1] += 3.0
        first = loss_of(network, Batch(logmel, target, mask, teacher, taught), 1.0)
        second = loss_of(network, Batch(logmel, flipped, mask, other, taught), 1.0)
        third = loss_of(network, Batch(logmel, flipped, torch.ones(2, 3), teacher, taught), 1.0)
        self.assertEqual(float(first["total"]), float(second["total"]))
        self.assertNotEqual(float(first["total"]), float(third["total"]))
        self.assertTrue(torch.equal(before, network.features[0][1].running_mean))

    def test_averages_end_at_start_and_tuned(self) -> None:
        torch.manual_seed(2)
        start, tuned = (Network(3, keep_audioset=True) for _ in range(2))
        for share, wanted in ((0.0, start), (1.0, tuned)):
            torch.testing.assert_close(averaged(start, tuned, share).head.weight,
                                       wanted.head.weight)
        middle = averaged(start, tuned, 0.5).head.weight
        torch.testing.assert_close(middle, 0.5 * (start.head.weight + tuned.head.weight))


class TestPairs(unittest.TestCase):
    def test_labels_join_and_the_teacher_is_left_out(self) -> None:
        power = np.ones((2, 4, 5), np.float32)
        target = np.array([[1, 0, LEFT_OUT], [0, LEFT_OUT, 1]], np.uint8)
        taught = np.ones(2, np.float32)
        add_pairs(power, target, taught, 1.1, np.random.default_rng(1))
        self.assertEqual(target[0].tolist(), [1, LEFT_OUT, 1])
        self.assertEqual(taught.tolist(), [0.0, 0.0])
        self.assertTrue((power > 1.2).all())

    def test_power_and_logmel_are_inverse(self) -> None:
        logmel = np.linspace(-1.3, 3.0, 50, dtype=np.float32)
        np.testing.assert_allclose(to_logmel(to_power(logmel)), logmel, atol=1e-4)


if __name__ == "__main__":
    unittest.main()
