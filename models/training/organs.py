"""Plays random phrases on setBfree, a tonewheel organ with its turning loudspeaker (Leslie).

Writes WORK/renders/setbfree/organ.npy, mono int16 at 32 kHz, beside those of the soundfonts: score
and mix take them all alike. Every phrase has another registration. setBfree is Debian's package
`setbfree`; it is run as an LV2 plugin. --wav writes a file to listen to as well.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import List, Tuple

import numpy as np
import soundfile
from tqdm import tqdm

from .compose import compose
from .datasets_tables import Refused
from .effects import RATE_HZ
from .lv2_plugin import Event, Plugin
from .prepare import to_rate
from .refusals import refusals
from .results import digest, discard_render, made_from, mark_of, save_array, save_text
from .synthesize import driven

BUNDLE = Path("/usr/lib/lv2/b_synth")
PORTS = (0, 1, 2, 3)
PLUGIN_RATE_HZ = 48000
PHRASES_S = 12.0
TAIL_S = 1.0
SETTLING_S = 2.0  # the loudspeaker takes its time from slow to fast
FAINTEST = 1e-3

# Controllers of the upper manual (`setBfree -d`), channel 1.
SWELL, DRAWBARS, PERCUSSION, PERCUSSION_FAST, PERCUSSION_THIRD = 1, range(70, 79), 80, 81, 82
VIBRATO_KNOB, ROTARY_SPEED, VIBRATO_ROUTING = 83, 91, 92
STEPS_OF_DRAWBAR = 8

# How players of jazz, gospel, rock and theatre pull the nine drawbars (16', 5 1/3', 8', 4', 2 2/3',
# 2', 1 3/5', 1 1/3', 1'), as it is taught everywhere.
REGISTRATIONS = ("888000000", "888800000", "888000008", "800000008", "888888888", "800000888",
                 "808808008", "868868446", "888800568", "808000000", "008800000", "688600000",
                 "838000000", "888600000", "008530000", "807804000", "888886668", "606606000")


def registration(random: np.random.Generator) -> List[int]:
    """Nine drawbars, 0 to 8: one that is taught, varied, or any, the higher the softer."""
    if random.random() < 0.6:
        taught = np.array([int(digit) for digit in str(random.choice(REGISTRATIONS))])
        varied = taught + random.integers(-1, 2, 9) * (taught > 0)
    else:
        varied = random.integers(0, 9, 9) - np.arange(9) // 2
        varied[random.integers(0, 3)] = 8
    return [int(bar) for bar in np.clip(varied, 0, STEPS_OF_DRAWBAR)]


def controller(number: int, value: int) -> bytes:
    return bytes((0xB0, number, value))


def settings(random: np.random.Generator) -> List[bytes]:
    """The messages that set an organ up for a phrase."""
    messages = [controller(number, 127 - round(127 * bar / STEPS_OF_DRAWBAR))
                for number, bar in zip(DRAWBARS, registration(random))]
    messages.append(controller(ROTARY_SPEED, int(random.choice((0, 64, 127), p=(0.2, 0.4, 0.4)))))
    messages.append(controller(VIBRATO_KNOB, int(random.integers(0, 128))))
    messages.append(controller(VIBRATO_ROUTING, 127 if random.random() < 0.4 else 0))
    messages.append(controller(PERCUSSION, 127 if random.random() < 0.35 else 0))
    messages += [controller(number, int(random.choice((0, 127))))
                 for number in (PERCUSSION_FAST, PERCUSSION_THIRD)]
    return messages


def performance(random: np.random.Generator) -> List[Event]:
    """A phrase of PHRASES_S after SETTLING_S, as MIDI: in a third of them the loudspeaker changes
    its speed, the swell pedal follows the loudness of the notes."""
    events: List[Event] = [(0.0, message) for message in settings(random)]
    for time_s, duration_s, key, velocity in compose("organ", PHRASES_S, random, 7.0).notes:
        if time_s >= PHRASES_S:
            continue
        begin_s = SETTLING_S + time_s
        events += [(begin_s, controller(SWELL, min(127, 40 + velocity * 3 // 4))),
                   (begin_s, bytes((0x90, key, velocity))),
                   (begin_s + max(0.03, duration_s), bytes((0x80, key, 0)))]
    if random.random() < 0.35:
        events.append((SETTLING_S + random.uniform(1.0, PHRASES_S - 1.0),
                       controller(ROTARY_SPEED, int(random.choice((64, 127))))))
    # A key that is struck again ends first: by time, then ends before beginnings.
    return sorted(events, key=lambda event: (event[0], event[1][0] == 0x90))


def play(random: np.random.Generator) -> np.ndarray:
    """One phrase with a registration of its own, float32 at RATE_HZ with a peak of 0.9."""
    organ = Plugin(BUNDLE, "b_synth.so", PORTS, PLUGIN_RATE_HZ)
    try:
        sound = organ.play(performance(random), SETTLING_S + PHRASES_S + TAIL_S)
    finally:
        organ.close()
    sound = sound[int(SETTLING_S * PLUGIN_RATE_HZ):]
    if random.random() < 0.3:
        sound = driven(sound, random)
    peak = float(np.abs(sound).max(initial=0.0))
    if not FAINTEST < peak:
        raise Refused(f"{BUNDLE}: setBfree does not sound")
    return to_rate(sound * np.float32(0.9 / peak), PLUGIN_RATE_HZ)


def render(minutes: float, seed: int) -> Tuple[np.ndarray, int]:
    """Phrases until they last so long, int16, and their number."""
    random = np.random.default_rng([seed, 1])
    parts = [play(random) for _ in tqdm(range(max(1, round(minutes * 60 / (PHRASES_S + TAIL_S)))),
                                        desc="setBfree", unit="phrase")]
    samples = np.round(np.clip(np.concatenate(parts), -1.0, 1.0) * 32767.0).astype(np.int16)
    return samples, len(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for intermediate results")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--wav", type=Path, help="write the sound here, too")
    arguments = parser.parse_args()
    path = arguments.work / "renders" / "setbfree" / "organ.npy"
    with refusals("organs"):
        if not (BUNDLE / "b_synth.so").exists():
            raise Refused(f"{BUNDLE}: there is no such plugin (Debian's package setbfree)")
        inputs = digest([str(BUNDLE)], arguments.minutes, arguments.seed)
        if path.exists() and made_from(path) == inputs:
            return
        discard_render(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        samples, count = render(arguments.minutes, arguments.seed)
        save_array(path, samples)
        save_text(mark_of(path), inputs)
        print(f"organ: {count} phrases on setBfree, {samples.size / RATE_HZ / 60:.1f} minutes")
        if arguments.wav:
            soundfile.write(arguments.wav, samples, RATE_HZ)


if __name__ == "__main__":
    main()
