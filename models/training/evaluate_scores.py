"""Measures when entries are found: `tutti analyze` on scores rendered with a held-out soundfont.

Each score is 40 s long; instruments enter, play 6 to 15 s and leave, at most three at a time. What
`tutti analyze` says is held against the score: how many entries are found (a cue of the label that
sounds with the part), how far from the true time the found ones are, and how many of all lie within
0.75 s. The renders are those of `training.render --folder heldout`.

With --sets it also analyzes recorded clips and mixtures of them: how many of what sounds is found
anywhere in its clip, and how many cues name something else.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Sequence

import numpy as np
import soundfile
from tqdm import tqdm

from .evaluate_entries import load_stems, stretch
from .evaluation_sets import BUILDERS
from .frontend import CONFIG
from .labels import LABELS
from .model_file import read_own_model
from .refusals import Refused, refusals
from .thresholds import entry_thresholds

SCORE_S, LONGEST_PART_S, PARTS, AT_ONCE = 40.0, 15.0, 7, 3
WITHIN_S = 0.75


class Part(NamedTuple):
    label: str
    on_s: float
    off_s: float


def compose_score(names: List[str], random: np.random.Generator) -> List[Part]:
    """Parts with entries at least 1.5 s apart, all of different instruments."""
    parts: List[Part] = []
    for label in random.permutation(names)[:PARTS]:
        for _ in range(50):
            on_s = float(random.uniform(1.0, SCORE_S - 8.0))
            off_s = min(SCORE_S - 1.0, on_s + float(random.uniform(6.0, LONGEST_PART_S)))
            together = [p for p in parts if p.on_s < off_s and on_s < p.off_s]
            apart = all(abs(p.on_s - on_s) >= 1.5 for p in parts)
            if len(together) < AT_ONCE and apart:
                parts.append(Part(str(label), on_s, off_s))
                break
    return parts


def render_score(parts: List[Part], stems: Dict[str, np.ndarray],
                 random: np.random.Generator) -> np.ndarray:
    out = np.zeros(int(SCORE_S * CONFIG.rate_hz), np.float32)
    for part in parts:
        samples = stretch(stems[part.label], part.off_s - part.on_s, random)
        samples *= np.float32(10 ** (random.uniform(-3.0, 3.0) / 20))
        begin = int(part.on_s * CONFIG.rate_hz)
        out[begin:begin + samples.size] += samples
    return out * np.float32(0.5 / np.abs(out).max())


def threshold_options(model: Path, odds: Optional[float]) -> List[str]:
    """Options of `tutti analyze` for entry thresholds with so many times the odds of those of
    clips; None: those of the file."""
    if odds is None:
        return []
    read = read_own_model(model)
    entries = entry_thresholds(read.thresholds.tolist(), odds)
    return [f"--threshold={label}={entry}" for label, entry in zip(read.labels, entries)]


def cues_of(tutti: Path, model: Path, sound: np.ndarray, options: Sequence[str]) -> List[Part]:
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "score.wav"
        soundfile.write(wav, sound, CONFIG.rate_hz, subtype="PCM_16")
        answer = subprocess.run(
            [str(tutti), "analyze", "--model", str(model), "--format", "json", *options, str(wav)],
            check=False, stdout=subprocess.PIPE)
    if answer.returncode != 0:
        raise Refused(f"{tutti} analyze failed with the model {model}")
    return [Part(cue["label"], cue["on_s"], cue["off_s"])
            for cue in json.loads(answer.stdout)["cues"]]


def error_of(part: Part, cues: List[Part], end: str = "on_s") -> Optional[float]:
    """Found less true time of the entry (or exit, "off_s") of the nearest cue that sounds with the
    part; None: there is none."""
    errors = [getattr(cue, end) - getattr(part, end) for cue in cues if cue.label == part.label
              and min(cue.off_s, part.off_s) > max(cue.on_s, part.on_s)]
    return min(errors, key=abs) if errors else None


def report(errors: List[Optional[float]], exits: List[Optional[float]], wrong: int, cues: int
           ) -> Dict[str, float]:
    left = np.array([error for error in exits if error is not None])
    found = np.array([error for error in errors if error is not None])
    absolute = np.abs(found)
    return {"entries": float(len(errors)), "found": found.size / max(1, len(errors)),
            "median_error_s": float(np.median(absolute)) if found.size else float("nan"),
            "bias_s": float(np.median(found)) if found.size else float("nan"),
            "found_within": float((absolute <= WITHIN_S).mean()) if found.size else float("nan"),
            "all_within": float((absolute <= WITHIN_S).sum()) / max(1, len(errors)),
            "exit_error_s": float(np.median(np.abs(left))) if left.size else float("nan"),
            "exit_bias_s": float(np.median(left)) if left.size else float("nan"),
            "exits_within": float((np.abs(left) <= WITHIN_S).mean()) if left.size else float("nan"),
            "wrong_cues": wrong / max(1, cues)}


def clip_report(sounding: Sequence[Sequence[str]], cues: Sequence[Sequence[Part]]
                ) -> Dict[str, float]:
    """Of clips what sounds in each, and the cues of each."""
    there = sum(len(labels) for labels in sounding)
    found = sum(len({cue.label for cue in said} & set(labels))
                for labels, said in zip(sounding, cues))
    said_in_all = sum(len(said) for said in cues)
    wrong = sum(cue.label not in labels for labels, said in zip(sounding, cues) for cue in said)
    recall, precision = found / max(1, there), 1.0 - wrong / max(1, said_in_all)
    return {"found": recall, "wrong_cues": wrong / max(1, said_in_all),
            "f1": 2.0 * recall * precision / max(1e-9, recall + precision)}


def measure_clips(name: str, options: Sequence[str], arguments: argparse.Namespace
                  ) -> Dict[str, float]:
    sounds = BUILDERS[name](arguments.work, 1)
    sounding = [[label for label, there in zip(LABELS, target) if there] for _, target in sounds]
    cues = [cues_of(arguments.tutti, arguments.model, samples, options)
            for samples, _ in tqdm(sounds, desc=name, unit="clip")]
    return clip_report(sounding, cues)


def measure(stems: Dict[str, np.ndarray], options: Sequence[str],
            arguments: argparse.Namespace) -> Dict[str, float]:
    random = np.random.default_rng(arguments.seed)
    errors: List[Optional[float]] = []
    exits: List[Optional[float]] = []
    wrong = cues_in_all = 0
    for _ in tqdm(range(arguments.scores), desc="scores", unit="score"):
        parts = compose_score(sorted(stems), random)
        cues = cues_of(arguments.tutti, arguments.model, render_score(parts, stems, random),
                       options)
        playing = {part.label for part in parts}
        cues_in_all += len(cues)
        wrong += sum(cue.label not in playing for cue in cues)
        for part in parts:
            errors.append(error_of(part, cues))
            exits.append(error_of(part, cues, "off_s"))
            if arguments.verbose:
                print(part.label, f"{part.on_s:.2f}", errors[-1])
    return report(errors, exits, wrong, cues_in_all)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="a model file")
    parser.add_argument("--work", type=Path, required=True, help="folder for intermediate results")
    parser.add_argument("--tutti", type=Path, required=True, help="the program")
    parser.add_argument("--scores", type=int, default=20,
                        help="how many (default: %(default)s)")
    parser.add_argument("--hop", type=float, default=0.25, help="seconds between results")
    parser.add_argument("--seed", type=int, default=1, help="of the scores")
    parser.add_argument("--sets", nargs="*", default=[], choices=sorted(BUILDERS),
                        help="clips to analyze as well, such as outside mix2 mix3")
    parser.add_argument("--entry-odds", type=float,
                        help="in place of the file's entry thresholds, so many times the odds of "
                             "its thresholds of clips")
    parser.add_argument("--verbose", action="store_true", help="print every entry")
    arguments = parser.parse_args()
    with refusals("evaluate_scores"):
        options = ["--hop", str(arguments.hop),
                   *threshold_options(arguments.model, arguments.entry_odds)]
        stems = load_stems(arguments.work, LONGEST_PART_S, PARTS)
        figures = {"scores": measure(stems, options, arguments)}
        for name in arguments.sets:
            figures[name] = measure_clips(name, options, arguments)
        for name, row in figures.items():
            for key, value in row.items():
                print(f"{name:12} {key:16} {value:.3f}")


if __name__ == "__main__":
    main()
