"""Folds, quantizes, tunes, calibrates and writes a model file; chooses thresholds; measures it.

The float weights of the file are the trained ones with batch norm folded in; the integer weights
are tuned until the int8 network answers like the float one. Calibration is fitted, then thresholds
are chosen, with the int8 network on clips of `eval` and `eval_real` and mixtures of them; both
precisions share them. What they are worth is measured on clips that they were not fitted to.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Dict, List, NamedTuple

import numpy as np
import torch

from . import held_out
from .calibration import Calibration, Clips, fit, gather, integer_predictor
from .evaluate import COLUMNS, file_predictors, measure
from .evaluation_sets import EvaluationSet, available, load
from .frontend import CONFIG
from .graph import Graph, blended, fold
from .labels import GIVEN_WAY_TO, IN_FILE, LABELS
from .metrics import table
from .model_file import multiply_adds, read_own_model, write_model
from .network import load_network, published_start
from .provenance import command, provenance
from .quantize import IntegerGraph, calibrate, dequantize_input, quantize
from .refusals import Refused, reading, refusals
from .thresholds import ALARM_WEIGHT, ENTRY_ODDS, choose, entry_thresholds
from .tune_quantized import tune
from .windows import WindowSet


class Decisions(NamedTuple):
    """What turns logits into probabilities and labels, and in words how it was chosen."""

    calibration: Calibration
    thresholds: List[float]
    entries: List[float]  # thresholds of a stream
    described: Dict[str, str]

    def as_metadata(self) -> Dict[str, object]:
        """The file's section `tutti.calibration`, but for the thresholds of clips."""
        return {**self.calibration.as_metadata(), "entry": self.entries}


def decide(clips: Clips, alarm_weight: float, entry_odds: float) -> Decisions:
    calibration = fit(clips).rounded(4)
    common, thresholds = choose(clips.probabilities(calibration), clips.target, clips.kind,
                                alarm_weight)
    described = {
        "calibration": "Platt scaling on eval, eval_real and mixtures, drawn toward the scale 1 "
                       f"and the offset 0; deference to neighbours {calibration.deference:g}, "
                       f"rivalry {calibration.rivalry:.2f}",
        "thresholds": f"macro F1 less {alarm_weight:g} of the false alarms, on the same clips, "
                      f"drawn toward the common {common:.2f}",
        "entry": f"{entry_odds:g} times the odds of the thresholds"}
    return Decisions(calibration, thresholds, entry_thresholds(thresholds, entry_odds), described)


def measure_held_out(clips: Clips, alarm_weight: float, seed: int
                     ) -> Dict[str, Dict[str, float]]:
    """Calibration and thresholds on clips they were not fitted to; see held_out.py."""
    rows = held_out.figures(clips, held_out.held_out(clips, alarm_weight, seed=seed))
    print(f"\nheld out\n{table(rows, held_out.COLUMNS)}")
    return {name: {key: round(value, 3) for key, value in row.items() if not np.isnan(value)}
            for name, row in rows.items()}


def rounded(results: Dict[str, Dict[str, float]]) -> Dict[str, Dict[str, float]]:
    return {name: {key: round(row[key], 3) for key in COLUMNS if not np.isnan(row[key])}
            for name, row in results.items()}


def source_graph(arguments: argparse.Namespace) -> Graph:
    if arguments.model is not None:
        return read_own_model(arguments.model).network.graph
    if arguments.network is not None:
        with reading(arguments.network):
            return fold(load_network(arguments.network), len(IN_FILE))
    return fold(published_start(arguments.teacher), len(IN_FILE))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path, help="the model file to write")
    parser.add_argument("--work", type=Path, required=True, help="folder for intermediate results")
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--network", type=Path, help="a .pt file of train or average")
    group.add_argument("--teacher", type=Path, help="export the untrained start from this folder")
    group.add_argument("--model", type=Path,
                       help="quantize the float weights of this model file anew")
    parser.add_argument("--keep-integers", action="store_true",
                        help="with --model: keep its integer network as well, and fit nothing but "
                             "calibration and thresholds")
    parser.add_argument("--blend", type=Path, help="an earlier model file from the same start, "
                        "whose weights are averaged in")
    parser.add_argument("--blend-share", type=float, default=0.5,
                        help="of the weights of --blend (default: %(default)s)")
    parser.add_argument("--sources", type=Path, metavar="FILE",
                        help="a JSON object, names to licences, of all that the weights were "
                             "trained on, if that is not what Tutti's recipe trains on")
    parser.add_argument("--name", default="tutti-20",
                        help="of the model, for people (default: %(default)s)")
    parser.add_argument("--calibration-windows", type=int, default=384,
                        help="from how many windows the ranges come (default: %(default)s)")
    parser.add_argument("--percentile", type=float, default=99.999,
                        help="of the values in calibration that the ranges hold")
    parser.add_argument("--tune-steps", type=int, default=300,
                        help="0: no tuning (default: %(default)s)")
    parser.add_argument("--tune-batch", type=int, default=24,
                        help="windows in a step (default: %(default)s)")
    parser.add_argument("--tune-rate", type=float, default=2e-4,
                        help="of the integer weights (default: %(default)s)")
    parser.add_argument("--tune-range-rate", type=float, default=1e-3,
                        help="of the ends of the activations' ranges; 0: they stay where "
                             "calibration put them (default: %(default)s)")
    parser.add_argument("--tune-seed", type=int, default=1, help="of the windows to tune with")
    parser.add_argument("--alarm-weight", type=float, default=ALARM_WEIGHT,
                        help="what false alarms cost when thresholds are chosen, in macro F1 "
                             "(default: %(default)s)")
    parser.add_argument("--entry-odds", type=float, default=ENTRY_ODDS,
                        help="how much higher than its threshold of clips, in odds, the "
                             "probability of a stream has to be for an entry (default: "
                             "%(default)s)")
    parser.add_argument("--note", default="", help="a sentence for the metadata")
    parser.add_argument("--threads", type=int, default=1,
                        help="how many to compute with (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1,
                        help="of the windows for the ranges, the mixtures and the folds")
    arguments = parser.parse_args()
    if arguments.keep_integers and (arguments.model is None or arguments.blend is not None):
        parser.error("--keep-integers needs --model, and no --blend")
    return arguments


def evaluation_sets(arguments: argparse.Namespace) -> Dict[str, EvaluationSet]:
    """All that there are; Refused if the clips are missing that they are made of."""
    work = arguments.work
    try:
        return {name: load(work, name, arguments.seed) for name in available(work)}
    except FileNotFoundError as error:
        raise Refused(f"{work}: calibration and thresholds need the splits train, eval and "
                      f"eval_real of training.prepare; {error.filename} is missing") from error


def integer_network(arguments: argparse.Namespace) -> IntegerGraph:
    if arguments.keep_integers:
        return read_own_model(arguments.model).network
    graph = source_graph(arguments)
    if arguments.blend is not None:
        with reading(arguments.blend):
            graph = blended(graph, read_own_model(arguments.blend).network.graph,
                            arguments.blend_share)
    data = WindowSet(arguments.work / "windows")
    random = np.random.default_rng([arguments.seed, 4])
    chosen = random.integers(len(data), size=arguments.calibration_windows)
    windows = torch.from_numpy(dequantize_input(data.gather(chosen)[0]))
    ranges = calibrate(graph, windows, arguments.percentile)
    if not arguments.tune_steps:
        return quantize(graph, ranges)
    return tune(graph, ranges, data, arguments.tune_steps, arguments.tune_batch,
                arguments.tune_rate, arguments.tune_range_rate, arguments.tune_seed)


def export(arguments: argparse.Namespace) -> None:
    training: Dict[str, object] = {**provenance(arguments), "note": arguments.note,
                                   "command": command(arguments)}
    sets = evaluation_sets(arguments)  # before tuning, which takes long
    network = integer_network(arguments)
    clips = gather(integer_predictor(network), arguments.work, arguments.seed)
    decisions = decide(clips, arguments.alarm_weight, arguments.entry_odds)
    training["multiply_adds"] = multiply_adds(network.graph.ops, CONFIG.columns, CONFIG.mel_bands)
    training.update(decisions.described)

    neighbours = GIVEN_WAY_TO[:network.graph.ops[-1].fields["out"] - len(LABELS)]

    def write() -> None:
        write_model(arguments.output, network, arguments.name, LABELS, decisions.thresholds,
                    training, calibration=decisions.as_metadata(), neighbours=neighbours)

    write()
    results = measure(file_predictors(arguments.output), sets, np.array(decisions.thresholds))
    training["measured"] = {
        "int8": rounded(results["int8"]), "float": rounded(results["float"]),
        "int8_against_float": results["agreement"],
        "held_out": measure_held_out(clips, arguments.alarm_weight, arguments.seed)}
    write()
    for precision in ("float", "int8"):
        print(f"\n{precision}\n{table(results[precision], COLUMNS)}")
    print(json.dumps(results["agreement"], indent=1))


def main() -> None:
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    with refusals("export"):
        export(arguments)


if __name__ == "__main__":
    main()
