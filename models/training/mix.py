"""Mixes scenes of 0 to 5 instruments and cuts labelled windows.

A scene is 8.2 s of a continuous stream in which instruments enter and leave; windows of 3 s are cut
out of its log-mel columns, so that they have the edges of a stream, not of a padded clip.

What a window's label means: the instrument is audible during at least 0.35 s of its 3 s, wherever;
gaps of up to 0.3 s between notes count as audible. Less than 0.1 s counts as absent; between the
two, and when it is 18 to 28 dB below everything else, the label is left out of the loss; further
below it is absent. A step (0.32 s, one position of the network's last features) has the label if at
least half of it is audible.

What is drums and what is other percussion nobody can say of every instrument: where other
percussion sounds and drums do not, drums are left out of the loss.

Writes WORK/windows/NNN.{mel,target,step}.npy in shards: uint8 log-mel (n, 300, 128) in the integers
of the network's input, targets of windows (n, outputs) and of steps (n, steps, outputs) of 0, 1 or
2 (left out).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Dict, List, Tuple

import numpy as np
import torch
from scipy.ndimage import maximum_filter1d, minimum_filter1d
from tqdm import tqdm

from .effects import (RATE_HZ, Rooms, clipped, coded, colored_noise, compressed, microphone,
                      shape)
from .frontend import CONFIG, Frontend
from .labels import EXTRAS, LABELS, OUTPUTS
from .material import Bank, load_banks, stem
from .quantize import quantize_input
from .refusals import refusals
from .results import save_array

SCENE = 1 << 18  # samples, 8.2 s
PADDED = 1 << 19
COLUMNS = SCENE // CONFIG.hop_frames
WINDOWS_PER_SCENE = 4
STEM_SHARES = (0.20, 0.29, 0.24, 0.16, 0.08, 0.03)  # scenes with 0, 1, … instruments
NONE_SHARES = {**{name: 0.06 for name in EXTRAS if name != "speech"}, "speech": 0.15,
               "noise": 0.17, "silence": 0.08}  # what sounds where no label does
PRESENT_COLUMNS, ABSENT_COLUMNS = 35, 10
GAP_COLUMNS = 30  # that are bridged between notes
STEP_COLUMNS = 32  # the network's stride over time
STEPS = -(-CONFIG.columns // STEP_COLUMNS)
MASKED_DB, ABSENT_DB = -18.0, -28.0
LEFT_OUT = 2


def column_energy(samples: np.ndarray) -> np.ndarray:
    """Mean power per column."""
    return np.square(samples[:COLUMNS * CONFIG.hop_frames]).reshape(COLUMNS, -1).mean(axis=1)


def gate(samples: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Half of the stems play throughout; others enter late, leave early, or both."""
    if random.random() < 0.5:
        return samples
    begin, end = 0, samples.size
    if random.random() < 0.7:
        begin = int(random.uniform(0.5, 6.0) * RATE_HZ)
    if random.random() < 0.5:
        end = min(samples.size, begin + int(random.uniform(1.5, 6.0) * RATE_HZ))
    out = np.zeros_like(samples)
    # An entry starts the material anew, with its own attack; an exit is short, not abrupt.
    out[begin:end] = samples[:end - begin]
    release = min(int(random.uniform(0.02, 0.4) * RATE_HZ), end - begin)
    if end < samples.size:
        out[end - release:end] *= np.linspace(1.0, 0.0, release, dtype=np.float32)
    return out


def leveled(samples: np.ndarray, level_db: float) -> np.ndarray:
    """Scaled so that its loud columns (90th percentile) have the given level."""
    energy = column_energy(samples)
    loud = np.percentile(energy[energy > 1e-10], 90) if (energy > 1e-10).any() else 0.0
    if loud <= 1e-10:
        return np.zeros_like(samples)
    return (samples * np.float32(10 ** (level_db / 20) / np.sqrt(loud))).astype(np.float32)


def scene_stems(banks: Dict[str, Bank], rooms: Rooms, random: np.random.Generator
                ) -> List[Tuple[str, np.ndarray]]:
    """The sounds of one scene, each with its label or the kind of sound that it is."""
    count = int(random.choice(len(STEM_SHARES), p=STEM_SHARES))
    names = [str(name) for name in random.choice(LABELS, count, replace=False)]
    if count == 0:
        shares = np.array(list(NONE_SHARES.values()))
        names = [str(random.choice(list(NONE_SHARES), p=shares / shares.sum()))]
    elif random.random() < 0.08:
        names = ["music"]
    if random.random() < (0.22 if count > 0 else 0.3):
        added = str(random.choice((*EXTRAS, "noise", "noise")))
        names += [added] if added not in names else []
    common_room, gain = random.random() < 0.3, microphone(rooms, random)
    stems = []
    for name in names:
        if name == "silence":
            continue
        samples = stem(banks, name, SCENE, random)
        samples = gate(samples, random) if name != "music" else samples
        samples = shape(samples, rooms, random, room=common_room or random.random() < 0.25,
                        equalize=random.random() < 0.6, gain=gain)
        level_db = float(np.clip(random.normal(0.0, 4.5), -11.0, 11.0))
        stems.append((name, leveled(samples, level_db)))
    return stems


def activity_of(energy: np.ndarray) -> np.ndarray:
    """Whether an instrument sounds, per column, from its energies."""
    sounding = energy > max(np.percentile(energy, 95) * 10 ** -3.5, 1e-9)
    # A closing (dilation, then erosion) fills gaps and leaves the beginning and the end where they
    # are; beyond the edges it is as at them.
    wide = maximum_filter1d(sounding, GAP_COLUMNS + 1, mode="nearest")
    return minimum_filter1d(wide, GAP_COLUMNS + 1, mode="nearest")


def target_of(active: np.ndarray, energy: np.ndarray, total: np.ndarray, present: int,
              absent: int) -> int:
    """0, 1 or LEFT_OUT for one instrument in a stretch of columns, of which `present` make it sound
    and fewer than `absent` do not."""
    columns = int(active.sum())
    if columns < absent:
        return 0
    mine = float(energy[active].sum())
    rest = float((total[active] - energy[active]).clip(min=0.0).sum())
    relative_db = 10 * np.log10((mine + 1e-12) / (rest + 1e-12))
    if relative_db < ABSENT_DB:
        return 0
    if columns < present or relative_db < MASKED_DB:
        return LEFT_OUT
    return 1


def step_targets(active: np.ndarray, energy: np.ndarray, total: np.ndarray) -> List[int]:
    """The targets of one instrument in the steps of one window.

    Every stride is centred on its first column (padding is (kernel - 1)/2), so that step t lies
    around column 32 t and the first step has half of its columns outside.
    """
    targets = []
    for step in range(STEPS):
        centre = step * STEP_COLUMNS
        part = slice(max(0, centre - STEP_COLUMNS // 2), centre + STEP_COLUMNS // 2)
        size = active[part].size
        targets.append(target_of(active[part], energy[part], total[part], -(-size // 2),
                                 max(1, size // 8)))
    return targets


def quiet_share(names: List[str]) -> float:
    """How many of the scenes with these stems go down to -90 dBFS: none with an instrument."""
    if not names:
        return 0.7
    return 0.0 if "music" in names or set(names) & set(LABELS) else 0.2


def master(stems: List[Tuple[str, np.ndarray]], random: np.random.Generator
           ) -> Tuple[np.ndarray, np.ndarray, List[np.ndarray]]:
    """The sum as a microphone would deliver it, its column energies, and those of the stems."""
    noise_db = random.uniform(-70, -10) if random.random() < 0.6 else -90.0
    noise = colored_noise(SCENE, random) * np.float32(10 ** (noise_db / 20))
    mixture = sum((samples for _, samples in stems), noise)
    energies = [column_energy(samples) for _, samples in stems]
    total = sum(energies, column_energy(noise))
    if random.random() < 0.25:
        mixture = compressed(mixture, random)
    if random.random() < 0.06:
        mixture = clipped(mixture, random)
    if random.random() < 0.1:
        mixture = coded(mixture, random)
    quiet = random.random() < quiet_share([name for name, _ in stems])
    level_db = random.uniform(-90.0, -30.0) if quiet else random.uniform(-45.0, 0.0)
    peak = np.abs(mixture).max() + 1e-9
    mixture = np.clip(mixture * (10 ** (level_db / 20) / peak), -1.0, 1.0)
    if random.random() < 0.02:
        mixture = np.zeros_like(mixture)  # digital silence
        energies = [np.zeros_like(energy) for energy in energies]
    return mixture.astype(np.float32), total, energies


def leave_out_drums(targets: np.ndarray) -> None:
    """Wherever other percussion may sound and drums do not. In place; outputs are the last axis."""
    percussion = targets[..., OUTPUTS.index("other_percussion")] != 0
    drums = targets[..., OUTPUTS.index("drums")]
    drums[percussion & (drums == 0)] = LEFT_OUT


def scene(banks: Dict[str, Bank], rooms: Rooms, frontend: Frontend, random: np.random.Generator
          ) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Windows (n, columns, bands) of one scene in input integers, their targets and steps'."""
    stems = scene_stems(banks, rooms, random)
    mixture, total, energies = master(stems, random)
    logmel = quantize_input(frontend(torch.from_numpy(mixture)).numpy())
    activity = [activity_of(energy) for energy in energies]
    room_for = (COLUMNS - CONFIG.columns - 4) // WINDOWS_PER_SCENE
    begins = [2 + index * room_for + int(random.integers(room_for))
              for index in range(WINDOWS_PER_SCENE)]
    targets = np.zeros((len(begins), len(OUTPUTS)), np.uint8)
    steps = np.zeros((len(begins), STEPS, len(OUTPUTS)), np.uint8)
    for (name, _), active, energy in zip(stems, activity, energies):
        if name == "music":
            targets[:], steps[:] = LEFT_OUT, LEFT_OUT
        if name not in OUTPUTS:
            continue
        output = OUTPUTS.index(name)
        for row, begin in enumerate(begins):
            part = slice(begin, begin + CONFIG.columns)
            window = (active[part], energy[part], total[part])
            targets[row, output] = target_of(*window, PRESENT_COLUMNS, ABSENT_COLUMNS)
            steps[row, :, output] = step_targets(*window)
    leave_out_drums(targets)
    leave_out_drums(steps)
    windows = np.stack([logmel[begin:begin + CONFIG.columns] for begin in begins])
    return windows, targets, steps


def shard_paths(folder: Path, name: str) -> Dict[str, Path]:
    """The files of a shard; it counts only where all are there."""
    return {part: folder / f"{name}.{part}.npy" for part in ("mel", "target", "step")}


def write_shard(paths: Dict[str, Path], arrays: Dict[str, np.ndarray]) -> None:
    """Over whatever is left of an earlier one."""
    for path in paths.values():
        path.unlink(missing_ok=True)
    for part, array in arrays.items():
        save_array(paths[part], array)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for intermediate results")
    parser.add_argument("--shards", type=int, default=16, help="how many to mix")
    parser.add_argument("--first-shard", type=int, default=0, help="to share the work")
    parser.add_argument("--scenes", type=int, default=500, help="per shard, of 4 windows each")
    parser.add_argument("--seed", type=int, default=1, help="of the scenes")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with refusals("mix"):
        banks = load_banks(arguments.work)
    folder = arguments.work / "windows"
    folder.mkdir(parents=True, exist_ok=True)
    frontend = Frontend()
    for shard in range(arguments.first_shard, arguments.first_shard + arguments.shards):
        paths = shard_paths(folder, f"{shard:03d}")
        if all(path.exists() for path in paths.values()):
            continue
        random = np.random.default_rng([arguments.seed, shard])
        rooms = Rooms(PADDED, 64, random)
        parts = [scene(banks, rooms, frontend, random)
                 for _ in tqdm(range(arguments.scenes), desc=f"shard {shard}", unit="scene")]
        windows, targets, steps = (np.concatenate(column) for column in zip(*parts))
        write_shard(paths, {"mel": windows, "target": targets, "step": steps})


if __name__ == "__main__":
    main()
