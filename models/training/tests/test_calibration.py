"""Calibration and thresholds: known parameters come back, few clips change little, folds hold."""

from __future__ import annotations

import json
import tempfile
import unittest
from pathlib import Path
from typing import List, Tuple
from unittest import mock

import numpy as np
import torch

from .. import held_out as held_out_module
from ..calibration import (DEFERENCE, FEW_RIVALS, SCALES, Calibration, Clips, fit, given_way,
                           log_rivals, of_file, sigmoid, without_calibration)
from ..evaluate import file_predictors
from ..evaluation_sets import mixture_plan, sources
from ..export import decide
from ..golden_network import LABELS, random_windows, tiny_graph
from ..graph import run_float
from ..held_out import figures, held_out
from ..metrics import ece
from ..model_file import read_model, write_model
from ..quantize import calibrate, quantize, quantize_input, run_integer
from ..thresholds import (GRID, alarms, choose, entry_thresholds, macro_f1,
                          middle_of_longest_run, own_threshold)


def synthetic(counts, scale, offset, seed: int = 1, windows: int = 3, noise: float = 0.0,
              rivalry: float = 0.0) -> Clips:
    """Clips of one source each whose labels are drawn with the probabilities of a calibration."""
    random = np.random.default_rng(seed)
    clips, labels = max(counts), len(counts)
    logits = random.normal(-1.0, 2.0, (clips, labels))
    true = Calibration(np.broadcast_to(scale, labels), np.broadcast_to(offset, labels), rivalry)
    target = random.random((clips, labels)) < sigmoid(true.logits(logits))
    for label, count in enumerate(counts):
        target[count:, label] = False
    clip = np.repeat(np.arange(clips), windows)
    spread = random.normal(0.0, noise, (clips * windows, labels)) if noise else 0.0
    return Clips(logits[clip] + spread, clip, target.astype(int),
                 [frozenset([("eval", i)]) for i in range(clips)], np.zeros(clips, int))


class TestFit(unittest.TestCase):
    def test_known_parameters_come_back(self) -> None:
        scale, offset = np.array([0.5, 2.0, 1.0]), np.array([-1.0, 0.7, 0.0])
        found = fit(synthetic((20000,) * 3, scale, offset), prior_clips=1.0)
        np.testing.assert_allclose(found.scale, scale, atol=0.1)
        np.testing.assert_allclose(found.offset, offset, atol=0.1)

    def test_rivalry_comes_back(self) -> None:
        for rivalry in (0.0, 0.5):
            found = fit(synthetic((20000,) * 3, 0.8, -0.2, rivalry=rivalry))
            self.assertAlmostEqual(found.rivalry, rivalry, delta=0.06)
            np.testing.assert_allclose(found.scale, 0.8, atol=0.1)

    def test_rivals_of_a_label_are_the_others(self) -> None:
        logits = np.array([[0.0, 20.0, -20.0]])
        np.testing.assert_allclose(log_rivals(logits), np.log(FEW_RIVALS + np.array([[1.0, 0.5,
                                                                                      1.5]])))

    def test_labels_give_way_to_neighbours(self) -> None:
        logits = np.array([[1.0, -2.0, 3.0, -60.0], [1.0, -2.0, -60.0, -60.0]])
        heard = FEW_RIVALS + sigmoid(1.0) + sigmoid(-2.0)
        given = 2.0 * np.log((heard + sigmoid(3.0)) / heard)
        np.testing.assert_allclose(given_way(logits, 2, 2.0),
                                   [[1.0 - given, -2.0 - given], [1.0, -2.0]])
        np.testing.assert_array_equal(given_way(logits[:, :2], 2, 2.0), logits[:, :2])
        calibration = Calibration(np.array([1.0, 0.5]), np.array([0.0, 0.3]), 0.4, 2.0)
        left = given_way(logits, 2, 2.0)
        np.testing.assert_allclose(
            calibration.logits(logits),
            [1.0, 0.5] * left + [0.0, 0.3] - 0.4 * log_rivals(left))

    def test_what_is_fitted_comes_after_giving_way(self) -> None:
        clips = synthetic((2000,) * 2, 0.7, 0.2)
        self.assertEqual(fit(clips).deference, 0.0)
        random = np.random.default_rng(2)
        beside = np.concatenate([clips.logits, random.normal(0.0, 2.0, clips.logits.shape)], axis=1)
        found = fit(clips._replace(logits=beside))
        wanted = fit(clips._replace(logits=given_way(beside, 2, DEFERENCE)))
        self.assertEqual(found.deference, DEFERENCE)
        np.testing.assert_array_equal(found.scale, wanted.scale)
        self.assertEqual(found.rivalry, wanted.rivalry)
        self.assertEqual(of_file(found.as_metadata()).deference, DEFERENCE)

    def test_calibrated_clip_means_are_honest(self) -> None:
        clips = synthetic((6000,) * 2, 0.4, 0.5, noise=1.0)
        found = fit(clips)
        before = ece(clips.probabilities(without_calibration(2)), clips.target)
        after = ece(clips.probabilities(found), clips.target)
        self.assertGreater(before, 0.08)
        self.assertLess(after, 0.02)

    def test_a_label_with_few_clips_stays_near_what_was_trained(self) -> None:
        scale = np.array([1.0, 1.0, 1.0, 2.0])
        many = synthetic((4000,) * 4, scale, 0.0)
        few = many._replace(target=many.target.copy())
        few.target[40:, 3] = 0  # and its logits say that it is there
        found = fit(few)
        loose = fit(few, prior_clips=0.01)
        near = abs(found.scale[3] - 1.0) + abs(found.offset[3])
        far = abs(loose.scale[3] - 1.0) + abs(loose.offset[3])
        self.assertLess(near, 0.7 * far)

    def test_repeating_a_clip_in_mixtures_gives_it_no_more_weight(self) -> None:
        once = synthetic((300,) * 3, 1.0, -0.5)
        mixed = once._replace(sources=[s if i < 150 else frozenset([("eval", i - 149), ("eval", 0)])
                                       for i, s in enumerate(once.sources)])
        self.assertEqual(mixed.different(0), int(once.target[:150, 0].sum()))
        distance = [np.abs(found.scale - 1.0).sum()
                    for found in (fit(once), fit(mixed))]
        self.assertLess(distance[1], distance[0])

    def test_a_label_without_clips_stays_as_it_is(self) -> None:
        found = fit(synthetic((500, 500, 0), 0.7, 0.2))
        self.assertEqual((found.scale[2], found.offset[2]), (1.0, 0.0))

    def test_scales_stay_in_their_range(self) -> None:
        clips = synthetic((400,) * 2, 1.0, 0.0)
        for logits in (-clips.logits, clips.logits * 0.01):
            found = fit(clips._replace(logits=logits), prior_clips=0.01)
            self.assertTrue((found.scale >= SCALES[0]).all() and (found.scale <= SCALES[1]).all())
            self.assertTrue(np.isfinite(found.offset).all())

    def test_a_clip_that_weighs_twice_counts_as_two(self) -> None:
        clips = synthetic((200,) * 2, 0.7, 0.3, noise=0.5)
        twice = np.arange(200) < 80
        order = np.concatenate([np.arange(200), np.flatnonzero(twice)])
        repeated = Clips(clips.logits.reshape(200, 3, 2)[order].reshape(-1, 2),
                         np.repeat(np.arange(280), 3), clips.target[order],
                         [clips.sources[i] for i in order], clips.kind[order])
        found, wanted = fit(clips, weights=1.0 + twice), fit(repeated)
        for name in ("scale", "offset", "rivalry"):
            np.testing.assert_allclose(getattr(found, name), getattr(wanted, name), atol=2e-4)
        self.assertGreater(np.abs(found.offset - fit(clips).offset).max(), 2e-3)

    def test_only_keeps_windows_and_clips_together(self) -> None:
        clips = synthetic((10,) * 2, 1.0, 0.0, noise=1.0)
        chosen = np.arange(10) % 3 == 0
        whole = clips.probabilities(without_calibration(2))
        np.testing.assert_allclose(clips.only(chosen).probabilities(without_calibration(2)),
                                   whole[chosen])


class TestThresholds(unittest.TestCase):
    def test_a_threshold_lies_on_a_plateau_and_not_between_two(self) -> None:
        chosen = np.zeros(len(GRID), bool)
        chosen[[0, 1, 20, 21, 22, 40, 41]] = True
        self.assertAlmostEqual(middle_of_longest_run(chosen), GRID[21])
        # Of twelve clips eight are far above the others, and six false ones lie between: F1 is 0.8
        # below 0.25 and from 0.46 to 0.61, and lower between.
        scores = np.repeat([0.61, 0.25, 0.45], [8, 4, 6])[:, None]
        target = np.repeat([1, 1, 0], [8, 4, 6])[:, None]
        own = own_threshold(scores, target, 0, np.zeros(18, int), 0.0)
        self.assertAlmostEqual(own, 0.175)

    def test_a_label_with_many_clips_gets_its_own_threshold(self) -> None:
        random = np.random.default_rng(3)
        target = np.zeros((3000, 2), int)
        target[:1000, 0] = target[1000:2000, 1] = 1
        scores = np.clip(np.array([0.35, 0.6]) * target + random.random((3000, 2)) * 0.3, 0, 1)
        _, thresholds = choose(scores, target, np.zeros(3000, int))
        self.assertLess(abs(thresholds[0] - 0.325), 0.03)
        self.assertTrue(0.3 < thresholds[1] < 0.6)
        self.assertGreater(macro_f1(scores >= thresholds, target, np.zeros(3000, int)), 0.98)

    def test_few_clips_stay_near_the_common_threshold(self) -> None:
        target = np.zeros((200, 3), int)
        target[:90, 0] = target[90:180, 1] = target[180:182, 2] = 1
        scores = target * np.array([0.4, 0.4, 0.7]) + 0.05
        scores[:180, 2] = 0.6
        common, thresholds = choose(scores, target, np.zeros(200, int))
        self.assertLess(abs(thresholds[2] - common), 0.05)
        none = choose(scores, target * [1, 1, 0], np.zeros(200, int))
        self.assertAlmostEqual(none[1][2], none[0], 3)

    def test_false_alarms_raise_thresholds(self) -> None:
        random = np.random.default_rng(4)
        target = np.zeros((210, 2), int)
        target[:100, 0] = target[100:200, 1] = 1
        scores = np.where(target == 1, random.uniform(0.2, 0.8, target.shape), 0.05)
        scores[200:] = random.uniform(0.2, 0.45, (10, 2))
        raised = []
        for weight in (0.0, 1.0):
            _, thresholds = choose(scores, target, np.zeros(210, int), weight)
            raised.append(alarms(scores >= thresholds, target))
        self.assertLess(raised[1], raised[0])


class TestEntries(unittest.TestCase):
    def test_twice_the_odds(self) -> None:
        entries = entry_thresholds([0.2, 0.5, 0.8], 2.0)
        for entry, threshold in zip(entries, (0.2, 0.5, 0.8)):
            self.assertAlmostEqual(entry / (1 - entry), 2 * threshold / (1 - threshold), delta=0.02)
        self.assertEqual(entry_thresholds([0.2, 0.7], 1.0), [0.2, 0.7])


class TestExport(unittest.TestCase):
    def test_decisions_reach_the_file(self) -> None:
        random = np.random.default_rng(3)
        graph = tiny_graph(random)
        windows = torch.from_numpy(random_windows(random, 8))
        network = quantize(graph, calibrate(graph, windows, 99.9))
        made = decide(synthetic((300,) * len(LABELS), 0.5, 0.3), alarm_weight=0.2, entry_odds=2.0)
        self.assertRegex(made.described["calibration"], r"rivalry \d\.\d\d$")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "tiny.safetensors"
            write_model(path, network, "tiny", LABELS, made.thresholds,
                        calibration=made.as_metadata())
            model = read_model(path)
            answers = {name: predict(windows) for name, predict in file_predictors(path).items()}
        self.assertEqual(model.metadata["tutti.calibration"], {
            **made.calibration.as_metadata(), "threshold": made.thresholds,
            "entry": entry_thresholds(made.thresholds)})
        self.assertEqual(model.entries.tolist(), made.entries)
        self.assertGreater(model.entries.min(), min(made.thresholds))
        integers = torch.from_numpy(quantize_input(windows.numpy()))
        for name, logits in (("int8", run_integer(model.network, integers)),
                             ("float", run_float(model.network.graph, windows))):
            wanted = made.calibration.logits(logits.double().numpy())
            torch.testing.assert_close(answers[name], torch.from_numpy(wanted).float())


class TestHeldOut(unittest.TestCase):
    def setUp(self) -> None:
        """Clips as recorded, and mixtures of two and three of them."""
        random = np.random.default_rng(6)
        clips = synthetic((180,) * 2, 1.0, 0.0)
        kind = np.repeat([0, 1, 2], 60)
        picked = [random.choice(60, count + 1, replace=False) for count in kind[60:]]
        self.clips = clips._replace(kind=kind, sources=clips.sources[:60] + [
            frozenset(("eval", int(i)) for i in parts) for parts in picked])

    def recorded_fits(self) -> Tuple[np.ndarray, List[Tuple[Clips, np.ndarray]]]:
        """By which fit each clip was judged, and what each fit was given."""
        given = []

        def recording_fit(learned: Clips, *, weights: np.ndarray) -> Calibration:
            given.append((learned, weights))
            probability = len(given) / 1000.0  # that of every clip: the number of the fit
            offset = np.full(2, np.log(probability / (1.0 - probability)))
            return Calibration(np.zeros(2), offset, 0.0)

        with mock.patch.object(held_out_module, "fit", recording_fit):
            judged = held_out(self.clips)
        return np.rint(judged.probabilities[:, 0] * 1000.0).astype(int) - 1, given

    def test_no_clip_is_judged_by_a_fit_with_its_sources(self) -> None:
        judged_by, given = self.recorded_fits()
        self.assertEqual(set(judged_by), set(range(len(given))))
        for number, made_of in zip(judged_by, self.clips.sources):
            learned = set().union(*given[number][0].sources)
            self.assertFalse(learned & made_of)
            self.assertGreater(len(learned), 30)

    def test_kinds_keep_their_share_of_what_is_learned(self) -> None:
        _, given = self.recorded_fits()
        shrunk = 0
        for learned, weights in given:
            counts = np.bincount(learned.kind, minlength=3)
            np.testing.assert_allclose(np.bincount(learned.kind, weights), counts.sum() / 3)
            shrunk += counts[2] < counts[0]
        self.assertGreater(shrunk, len(given) // 2)

    def test_it_finds_that_calibration_helps(self) -> None:
        clips = synthetic((600,) * 3, 0.4, 0.5)
        rows = figures(clips, held_out(clips, folds=5))
        self.assertLess(rows["all"]["ece"], 0.5 * rows["all"]["ece before"])
        self.assertLess(rows["all"]["loss"], rows["all"]["loss before"])
        self.assertLess(rows["all"]["loss in sample"], rows["all"]["loss"])


class TestMixtures(unittest.TestCase):
    def test_a_mixture_has_clips_of_different_labels(self) -> None:
        labels = [0, 0, 1, 2, 3, 3]
        plan = mixture_plan(labels, 3, 1)
        self.assertTrue(all(len({labels[i] for i, _ in parts}) == 3 for parts in plan))
        self.assertEqual(plan, mixture_plan(labels, 3, 1))

    def test_sources_of_mixtures_are_the_labelled_clips_of_outside(self) -> None:
        rows = {"train": [("seen", "piano")], "eval": [("seen", "piano"), ("new", "drums|bass"),
                                                      ("new", "drums"), ("new", "none")],
                "eval_real": [("web", "violin"), ("web", "flute")]}
        with tempfile.TemporaryDirectory() as folder:
            clips = Path(folder) / "clips"
            clips.mkdir()
            for split, entries in rows.items():
                np.save(clips / f"{split}.npy", np.zeros(4, np.int16))
                (clips / f"{split}.json").write_text(json.dumps(
                    [{"source": s, "labels": t, "first": 0, "count": 4} for s, t in entries]))
            found = set().union(*sources(Path(folder), "mix2"))
            outside = sources(Path(folder), "outside")
        self.assertEqual(found, {("eval", 2), ("eval_real", 0), ("eval_real", 1)})
        self.assertEqual(len(outside), 5)


if __name__ == "__main__":
    unittest.main()
