"""Measures over decisions, by hand-made examples."""

from __future__ import annotations

import unittest

import numpy as np

from ..metrics import (clip_loss, ece, f1_micro, first_is_right, hamming, masked_summary,
                       ranking_precision, summary, table)

SCORES = np.array([[0.9, 0.6, 0.1], [0.2, 0.7, 0.4]])
WANTED = np.array([[1, 0, 0], [0, 1, 1]])
ALL = np.ones((2, 3), bool)


class TestDecisions(unittest.TestCase):
    def test_micro_f1_and_hamming(self) -> None:
        predicted = SCORES >= 0.5  # two right, one too many, one missed
        self.assertAlmostEqual(f1_micro(predicted, WANTED), 2 * 2 / (3 + 3))
        self.assertAlmostEqual(hamming(predicted, WANTED), 4 / 6)

    def test_calibration_error(self) -> None:
        wanted = np.array([1, 1, 1, 0, 0, 0, 0, 0, 0, 0])
        self.assertAlmostEqual(ece(np.full(10, 0.35), wanted), 0.05)
        self.assertAlmostEqual(ece(wanted.astype(float), wanted), 0.0)
        # Two bins of five: 0.9 where 3/5 are there, 0.1 where none is.
        scores = np.array([0.9] * 5 + [0.1] * 5)
        self.assertAlmostEqual(ece(scores, wanted), 0.5 * 0.3 + 0.5 * 0.1)

    def test_ranking_precision(self) -> None:
        # First clip: 1. Second: ranks 1 and 2 of its three labels, so 1.
        self.assertAlmostEqual(ranking_precision(SCORES, WANTED, ALL), 1.0)
        wanted = np.array([[0, 0, 1], [0, 0, 0]])
        self.assertAlmostEqual(ranking_precision(SCORES, wanted, ALL), 1 / 3)
        known = np.array([[True, False, True], [True, True, True]])
        self.assertAlmostEqual(ranking_precision(SCORES, wanted, known), 1 / 2)
        self.assertTrue(np.isnan(ranking_precision(SCORES, 0 * wanted, ALL)))

    def test_the_order_of_equal_scores_does_not_matter(self) -> None:
        scores = np.array([[0.1, 0.8, 0.8]])  # as cymbals and drums, which read one label
        for wanted in ([[0, 1, 0]], [[0, 0, 1]]):
            self.assertTrue(first_is_right(scores, np.array(wanted)).all())
            self.assertAlmostEqual(ranking_precision(scores, np.array(wanted), ALL[:1]), 1 / 2)
        self.assertAlmostEqual(ranking_precision(scores, np.array([[0, 1, 1]]), ALL[:1]), 1.0)
        self.assertAlmostEqual(ranking_precision(scores, np.array([[1, 1, 0]]), ALL[:1]),
                               (2 / 3 + 1 / 2) / 2)
        self.assertFalse(first_is_right(scores, np.array([[1, 0, 0]])).any())

    def test_loss_of_clips(self) -> None:
        random = np.random.default_rng(3)
        logits = random.normal(0.0, 2.0, (400, 5))
        truth = 1 / (1 + np.exp(-logits))
        wanted = (random.random(logits.shape) < truth).astype(int)
        entropy = -(wanted * np.log(truth) + (1 - wanted) * np.log(1 - truth)).sum(axis=1).mean()
        honest = clip_loss(truth, wanted)
        self.assertAlmostEqual(honest, entropy, delta=0.02)
        # A common scale and offset of the logits change nothing; noise makes it worse.
        self.assertAlmostEqual(clip_loss(1 / (1 + np.exp(-(0.4 * logits - 1))), wanted), honest, 3)
        noisy = 1 / (1 + np.exp(-(logits + random.normal(0.0, 2.0, logits.shape))))
        self.assertGreater(clip_loss(noisy, wanted), honest + 0.1)


class TestSummaries(unittest.TestCase):
    def test_everything_known_is_as_without_a_mask(self) -> None:
        random = np.random.default_rng(1)
        scores, wanted = random.random((50, 4)), (random.random((50, 4)) < 0.4).astype(int)
        wanted[:, 0] |= wanted.sum(axis=1) == 0  # a label in every clip
        plain = summary(scores, wanted, np.full(4, 0.5))
        masked = masked_summary(scores, scores >= 0.5, wanted, np.ones_like(wanted, bool))
        for key in ("clips", "top1", "map", "f1", "f1_micro", "hamming", "ece"):
            self.assertAlmostEqual(plain[key], masked[key], msg=key)

    def test_what_is_not_known_does_not_count(self) -> None:
        known = np.array([[True, False, True], [False, True, True]])
        predicted = SCORES >= 0.5
        first = masked_summary(SCORES, predicted, WANTED, known)
        flipped = np.where(known, WANTED, 1 - WANTED)
        second = masked_summary(np.where(known, SCORES, 1.0), predicted | ~known, flipped, known)
        self.assertEqual(first, second)
        self.assertEqual((first["decisions"], first["top1"], first["hamming"]), (4.0, 1.0, 0.75))

    def test_ece_is_over_clips_with_a_label(self) -> None:
        scores = np.vstack([SCORES, [[0.99, 0.99, 0.99]]])
        wanted = np.vstack([WANTED, [[0, 0, 0]]])
        thresholds = np.full(3, 0.5)
        self.assertEqual(summary(scores, wanted, thresholds)["ece"],
                         summary(SCORES, WANTED, thresholds)["ece"])
        self.assertLess(summary(scores, wanted, thresholds)["hamming"],
                        summary(SCORES, WANTED, thresholds)["hamming"])

    def test_a_table_leaves_empty_what_cannot_be_measured(self) -> None:
        nothing = float("nan")
        text = table({"a": {"clips": 3.0, "positives": 0.0, "ap": nothing}},
                     ("clips", "positives", "ap"))
        self.assertEqual(text.splitlines()[-1], "| a | 3 | 0 |  |")


if __name__ == "__main__":
    unittest.main()
