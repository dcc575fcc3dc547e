"""How soon an entry is noticed: instruments of a held-out soundfont enter beside one that plays.

Windows move on by 0.25 s as in the daemon, without its smoothing. Reported are the time from the
entry to the end of the first window whose probability reaches the threshold, and how often the
label was raised before the instrument had entered.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Tuple

import numpy as np
import torch
from tqdm import tqdm

from .evaluate import Predictor, file_predictors
from .frontend import CONFIG, Frontend
from .labels import LABELS
from .material import to_float
from .model_file import read_own_model
from .refusals import Refused, refusals

HOP_COLUMNS = 25
ENTRY_S, SCENE_S = 5.0, 9.0


class Entry(NamedTuple):
    label: str
    beside: str
    delay_s: Optional[float]  # None: not noticed while it played
    early: bool


def load_stems(work: Path, stretch_s: float, least: int) -> Dict[str, np.ndarray]:
    """The renders in WORK/heldout by label, those that stretches of `stretch_s` can be cut from."""
    stems, short = {}, []
    for path in sorted((work / "heldout").glob("*/*.npy")):
        if path.stem in LABELS:
            samples = np.load(path, mmap_mode="r")
            if samples.size > 2 * int(stretch_s * CONFIG.rate_hz):
                stems[path.stem] = samples
            else:
                short.append(str(path))
    if short:
        print(f"left out, since they last {2 * stretch_s:g} s or less: {', '.join(short)}",
              file=sys.stderr)
    if len(stems) < least:
        raise Refused(f"{work / 'heldout'}: renders of at least {least} labels are needed; run "
                      "training.render --folder heldout")
    return stems


def stretch(samples: np.ndarray, seconds: float, random: np.random.Generator) -> np.ndarray:
    """A stretch that begins with a sound, at equal loudness."""
    count = int(seconds * CONFIG.rate_hz)
    begin = int(random.integers(samples.size - 2 * count))
    part = to_float(samples[begin:begin + 2 * count])
    energy = np.square(part[:part.size // 320 * 320]).reshape(-1, 320).mean(axis=1)
    loud = energy > 0.1 * np.percentile(energy, 90)
    first = min(int(np.argmax(loud & ~np.roll(loud, 1))) * 320, count)
    part = part[first:first + count]
    return part * np.float32(0.1 / (np.sqrt(np.mean(part ** 2)) + 1e-6))


def scene(stems: Dict[str, np.ndarray], label: str, beside: str, random: np.random.Generator
          ) -> np.ndarray:
    mixture = stretch(stems[beside], SCENE_S, random)
    entry = stretch(stems[label], SCENE_S - ENTRY_S, random)
    mixture[-entry.size:] += entry
    return mixture


def measure(stems: Dict[str, np.ndarray], predict: Predictor, thresholds: np.ndarray, count: int,
            seed: int) -> List[Entry]:
    random, frontend = np.random.default_rng(seed), Frontend()
    pairs: List[Tuple[str, str]] = []
    names = sorted(stems)
    for i in range(count):
        label = names[i % len(names)]
        pairs.append((label, str(random.choice([name for name in names if name != label]))))
    entries = []
    for label, beside in tqdm(pairs, desc="entries", unit="scene"):
        logmel = frontend(torch.from_numpy(scene(stems, label, beside, random)))
        ends = np.arange(CONFIG.columns, len(logmel), HOP_COLUMNS)
        windows = torch.stack([logmel[end - CONFIG.columns:end] for end in ends])
        with torch.no_grad():
            raised = torch.sigmoid(predict(windows)).numpy() >= thresholds
        mine = raised[:, LABELS.index(label)]
        times = ends * CONFIG.hop_frames / CONFIG.rate_hz - ENTRY_S
        after = times[mine & (times > 0)]
        entries.append(Entry(label, beside, float(after[0]) if after.size else None,
                             bool(mine[times <= 0].any())))
    return entries


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="a model file")
    parser.add_argument("--work", type=Path, required=True, help="folder for intermediate results")
    parser.add_argument("--precision", choices=("float", "int8"), default="int8",
                        help="which network (default: %(default)s)")
    parser.add_argument("--count", type=int, default=80,
                        help="how many scenes (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1,
                        help="how many to compute with (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the scenes")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    with refusals("evaluate_entries"):
        stems = load_stems(arguments.work, SCENE_S, least=2)
        thresholds = read_own_model(arguments.model).entries
        entries = measure(stems, file_predictors(arguments.model)[arguments.precision], thresholds,
                          arguments.count, arguments.seed)
    clean = [entry for entry in entries if not entry.early]
    delays = np.array([entry.delay_s for entry in clean if entry.delay_s is not None])
    print(f"{len(entries)} entries; raised before the entry: {len(entries) - len(clean)}; "
          f"of the others noticed within {SCENE_S - ENTRY_S:.0f} s: {delays.size}/{len(clean)}")
    if delays.size:
        print(f"delay: median {np.median(delays):.2f} s, 90% within "
              f"{np.percentile(delays, 90):.2f} s")
    missed = sorted({entry.label for entry in clean if entry.delay_s is None})
    print("missed: " + ", ".join(missed))


if __name__ == "__main__":
    main()
