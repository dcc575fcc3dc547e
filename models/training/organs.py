"""Plays random phrases on setBfree, a tonewheel organ with its turning loudspeaker (Leslie).

Writes WORK/renders/setbfree/organ.npy, mono int16 at 32 kHz, beside those of the soundfonts: score
and mix take them all alike. Every phrase has another registration. setBfree is Debian's package
`setbfree`; it is run as an LV2 plugin. The clicks of its keys are drawn anew each time, so that no
two renderings are quite the same.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import List, Sequence

import numpy as np
from tqdm import tqdm

from .compose import compose
from .datasets_tables import Refused
from .effects import RATE_HZ
from .lv2_plugin import Event, Plugin
from .midi import TICKS_PER_SECOND
from .prepare import at_peak, to_int16
from .refusals import refusals
from .results import digest, discard_render, file_size, is_made_from, save_made_from
from .synthesize import driven

BUNDLE = Path("/usr/lib/lv2/b_synth")
LIBRARY, URI = "b_synth.so", "http://gareus.org/oss/lv2/b_synth"
PORTS = (0, 1, 2, 3)  # b_synth.ttl: control, notify, outL, outR
PLUGIN_RATE_HZ = 48000
PHRASES_S = 12.0
TAIL_S = 1.0
SETTLING_S = 2.0  # the loudspeaker takes its time from one speed to another
LEAST_MINUTES = 0.5  # mix takes nothing shorter than 20 s

# Controllers of the upper manual, as setBfree 0.8 assigns them (midiPrimeControllerMapping). All
# 0 to 127, but the drawbars, which are drawn out at 0.
ROTARY_SPEED, SWELL, DRAWBARS, REVERB = 1, 7, range(70, 79), 91
PERCUSSION, PERCUSSION_VOLUME, PERCUSSION_DECAY, PERCUSSION_HARMONIC = 80, 81, 82, 83
VIBRATO_KNOB, VIBRATO_ROUTING = 92, 95
SLOW, STOPPED, FAST = 0, 64, 127
STEPS_OF_DRAWBAR = 8
MOST_REVERB = 40

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
    """The messages that set an organ up for a phrase, but for the speed of its loudspeaker."""
    messages = [controller(number, 127 - round(127 * bar / STEPS_OF_DRAWBAR))
                for number, bar in zip(DRAWBARS, registration(random))]
    messages.append(controller(REVERB, int(random.integers(0, MOST_REVERB + 1))))
    messages.append(controller(VIBRATO_KNOB, int(random.integers(0, 128))))
    messages.append(controller(VIBRATO_ROUTING, 127 if random.random() < 0.4 else 0))
    messages.append(controller(PERCUSSION, 127 if random.random() < 0.35 else 0))
    messages += [controller(number, int(random.choice((0, 127))))
                 for number in (PERCUSSION_VOLUME, PERCUSSION_DECAY, PERCUSSION_HARMONIC)]
    return messages


def performance(random: np.random.Generator) -> List[Event]:
    """A phrase of PHRASES_S after SETTLING_S, as MIDI: the swell pedal follows the loudness of the
    notes, and in a third of them the loudspeaker changes its speed."""
    speed = int(random.choice((SLOW, STOPPED, FAST), p=(0.4, 0.2, 0.4)))
    events: List[Event] = [(0.0, message) for message in
                           [*settings(random), controller(ROTARY_SPEED, speed)]]
    for tick, _, message in sorted(compose("organ", PHRASES_S, random, 7.0).events):
        kind, time_s = message[0] & 0xF0, SETTLING_S + tick / TICKS_PER_SECOND
        if kind == 0x90 and time_s < SETTLING_S + PHRASES_S:
            events.append((time_s, controller(SWELL, min(127, 40 + message[2] * 3 // 4))))
            events.append((time_s, message))
        elif kind == 0x80:
            events.append((time_s, message))
    if random.random() < 0.35:
        events.append((SETTLING_S + random.uniform(1.0, PHRASES_S - 1.0),
                       controller(ROTARY_SPEED, SLOW if speed == FAST else FAST)))
        events.sort(key=lambda event: event[0])
    return events


def play(events: Sequence[Event], random: np.random.Generator) -> np.ndarray:
    """A performance without its settling, float32 at RATE_HZ with a peak of 0.9."""
    try:
        with Plugin(BUNDLE, LIBRARY, URI, PORTS, PLUGIN_RATE_HZ) as organ:
            sound = organ.play(events, SETTLING_S + PHRASES_S + TAIL_S)
    except (OSError, RuntimeError) as error:
        raise Refused(f"{error} (Debian's package setbfree)") from error
    sound = sound[int(SETTLING_S * PLUGIN_RATE_HZ):]
    if random.random() < 0.3:
        sound = driven(sound, random)
    scaled = at_peak(sound, PLUGIN_RATE_HZ)
    if scaled is None:
        raise Refused(f"{BUNDLE}: setBfree does not sound")
    return scaled


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for intermediate results")
    parser.add_argument("--minutes", type=float, default=10.0,
                        help=f"of sound, at least {LEAST_MINUTES} (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the phrases and registrations")
    arguments = parser.parse_args()
    if not arguments.minutes >= LEAST_MINUTES:
        parser.error(f"--minutes: at least {LEAST_MINUTES}")
    path = arguments.work / "renders" / "setbfree" / "organ.npy"
    random = np.random.default_rng([arguments.seed, 1])
    phrases = [performance(random)
               for _ in range(round(arguments.minutes * 60 / (PHRASES_S + TAIL_S)))]
    inputs = digest([[(time_s, message.hex()) for time_s, message in events]
                     for events in phrases], file_size(BUNDLE / LIBRARY))
    with refusals("organs"):
        if is_made_from(path, inputs):
            return
        discard_render(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        samples = to_int16(np.concatenate([play(events, random) for events in
                                           tqdm(phrases, desc="setBfree", unit="phrase")]))
        save_made_from(path, samples, inputs)
        print(f"organ: {len(phrases)} phrases on setBfree, "
              f"{samples.size / RATE_HZ / 60:.1f} minutes")


if __name__ == "__main__":
    main()
