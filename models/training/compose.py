"""Composes random but playable phrases: scales, rhythms, chords and drum patterns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Dict, List, Tuple

import numpy as np

from .labels import GM_OTHERS, GM_PROGRAMS, GS_VARIATIONS
from .midi import MidiFile

SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 2, 3, 5, 7, 9, 10),
          (0, 2, 4, 7, 9), (0, 3, 5, 6, 7, 10), (0, 2, 3, 5, 7, 8, 11))
DRUM_CHANNEL = 9
BANK_SELECT = 0  # controller; GS reads variations from its coarse byte


@dataclass(frozen=True)
class Player:
    """How an instrument is played: its range in MIDI keys and the styles it is given."""

    low: int
    high: int
    styles: Tuple[str, ...]


PLAYERS: Dict[str, Player] = {
    "accordion": Player(50, 86, ("melody", "chords", "both")),
    "acoustic_guitar": Player(40, 79, ("strum", "arpeggio", "arpeggio", "melody")),
    "banjo": Player(48, 79, ("arpeggio", "fast", "melody")),
    "bass": Player(28, 52, ("bassline", "bassline", "melody")),
    "cello": Player(36, 74, ("melody", "melody", "slow")),
    "clarinet": Player(50, 90, ("melody", "melody", "fast", "slow")),
    "drums": Player(0, 0, ("drums",)),
    "electric_guitar": Player(40, 84, ("strum", "power", "melody", "melody", "arpeggio")),
    "flute": Player(60, 94, ("melody", "melody", "fast", "slow")),
    "mallet_percussion": Player(53, 94, ("melody", "fast", "arpeggio", "both")),
    "mandolin": Player(55, 88, ("tremolo", "tremolo", "fast", "strum")),
    "organ": Player(40, 86, ("chords", "both", "both", "melody")),
    "piano": Player(30, 94, ("both", "both", "chords", "arpeggio", "melody")),
    "saxophone": Player(46, 80, ("melody", "melody", "fast", "slow")),
    "synthesizer": Player(36, 86, ("melody", "chords", "arpeggio", "slow", "fast")),
    "trombone": Player(40, 72, ("melody", "melody", "slow")),
    "trumpet": Player(54, 84, ("melody", "melody", "fast")),
    "ukulele": Player(60, 81, ("strum", "strum", "arpeggio")),
    "violin": Player(55, 96, ("melody", "melody", "fast", "slow")),
    "voice": Player(48, 79, ("slow", "slow", "melody", "chords")),
    "french_horn": Player(40, 74, ("melody", "slow")), "tuba": Player(28, 55, ("melody", "slow")),
    "oboe": Player(58, 88, ("melody", "slow")), "english_horn": Player(52, 80, ("melody", "slow")),
    "bassoon": Player(34, 70, ("melody", "fast")), "harmonica": Player(60, 88, ("melody", "both")),
    "harp": Player(36, 92, ("arpeggio", "both")), "sitar": Player(48, 77, ("melody", "fast")),
    "bagpipe": Player(55, 79, ("fast", "melody")), "shanai": Player(55, 84, ("melody", "fast")),
    "harpsichord": Player(36, 86, ("both", "fast")), "koto": Player(50, 84, ("melody", "arpeggio")),
    "timpani": Player(36, 55, ("bassline",)),
}


class Composer:
    """Writes phrases for one player into a MIDI file, one after another."""

    def __init__(self, name: str, random: np.random.Generator) -> None:
        self.player = PLAYERS[name]
        self.random = random
        self.midi = MidiFile()
        programs = GM_PROGRAMS.get(name) or GM_OTHERS.get(name, ())
        self.programs = [(program, 0) for program in programs] + list(GS_VARIATIONS.get(name, ()))
        self.now = 0.2
        # Of the phrase: when it ends, how unsteady its beat is, where it is loudest (as a share of
        # it), and by how much it is softer a whole phrase away from there.
        self.end, self.unsteady_s, self.summit, self.swell = 0.2, 0.0, 0.5, 0.0
        self.styles: Dict[str, Callable[[float, List[int], float], None]] = {
            "melody": lambda end, keys, beat: self.melody(end, keys, beat, (0.5, 0.5, 1, 1, 2)),
            "fast": lambda end, keys, beat: self.melody(end, keys, beat, (0.25, 0.25, 0.5)),
            "slow": lambda end, keys, beat: self.melody(end, keys, beat, (1, 2, 2, 4)),
            "bassline": self.bassline, "chords": self.chords, "strum": self.strum,
            "arpeggio": self.arpeggio, "power": self.power, "tremolo": self.tremolo,
            "both": self.both}

    def velocity(self, base: int, time: float) -> int:
        """Louder or softer toward the summit of the phrase."""
        away = abs((time - self.now) / max(self.end - self.now, 1e-3) - self.summit)
        return int(np.clip(base - self.swell * away + self.random.normal(0, 7), 20, 127))

    def note(self, time: float, duration: float, key: int, base: int, channel: int = 0) -> None:
        """One note, about when it is due."""
        late = float(np.clip(self.random.normal(0.0, self.unsteady_s), -0.05, 0.05))
        self.midi.note(max(0.0, time + late), duration, channel, key, self.velocity(base, time))

    def melody(self, end: float, keys: List[int], beat: float, values: Tuple[float, ...],
               first: int = -1) -> None:
        """A random walk over the scale, mostly by step, with rests and varied articulation."""
        random = self.random
        place = first if first >= 0 else int(random.integers(len(keys)))
        base = int(random.integers(55, 120))
        length = float(random.choice((0.5, 0.85, 0.95, 1.02)))
        time = self.now
        while time < end:
            duration = beat * float(random.choice(values))
            if random.random() > 0.1:
                self.note(time, duration * length, keys[place], base)
                if duration > 0.5 and random.random() < 0.3:
                    self.vibrato(time, duration)
            step = int(random.choice((-4, -2, -1, -1, 1, 1, 2, 4)))
            place = int(np.clip(place + step, 0, len(keys) - 1))
            time += duration

    def vibrato(self, time: float, duration: float) -> None:
        depth, rate = self.random.uniform(0.1, 0.4), self.random.uniform(4.5, 6.5)
        for t in np.arange(0.15, duration, 0.03):
            self.midi.bend(time + t, 0, depth * float(np.sin(2 * np.pi * rate * t)))
        self.midi.bend(time + duration, 0, 0.0)

    def chord(self, keys: List[int], size: int) -> List[int]:
        """Every other note of the scale from a random place in its lower two thirds."""
        start = int(self.random.integers(max(1, 2 * len(keys) // 3)))
        return keys[start:start + 2 * size:2]

    def chords(self, end: float, keys: List[int], beat: float) -> None:
        time, base = self.now, int(self.random.integers(50, 110))
        while time < end:
            duration = beat * float(self.random.choice((1, 2, 4)))
            for key in self.chord(keys, int(self.random.integers(2, 5))):
                self.note(time, 0.95 * duration, key, base)
            time += duration

    def strum(self, end: float, keys: List[int], beat: float) -> None:
        time, base, chord = self.now, int(self.random.integers(60, 115)), self.chord(keys, 5)
        pattern = self.random.choice((0.5, 0.5, 1.0, 1.0, 1.5), size=6)
        stroke = 0
        while time < end:
            duration = beat * float(pattern[stroke % 6])
            if stroke % 6 == 0:
                chord = self.chord(keys, int(self.random.integers(4, 7)))
            spread = self.random.uniform(0.008, 0.03)
            for i, key in enumerate(chord if stroke % 2 == 0 else chord[::-1]):
                self.midi.note(time + i * spread, duration, 0, key, self.velocity(base, time))
            time += duration
            stroke += 1

    def arpeggio(self, end: float, keys: List[int], beat: float) -> None:
        time, base = self.now, int(self.random.integers(55, 115))
        ring = float(self.random.choice((1.0, 2.0, 4.0)))
        while time < end:
            chord = self.chord(keys, int(self.random.integers(3, 6)))
            order = chord + chord[-2:0:-1] if self.random.random() < 0.5 else chord
            for key in order * int(self.random.integers(1, 3)):
                self.note(time, 0.5 * beat * ring, key, base)
                time += 0.5 * beat

    def power(self, end: float, keys: List[int], beat: float) -> None:
        time, base = self.now, int(self.random.integers(80, 120))
        while time < end:
            root = keys[int(self.random.integers(max(1, len(keys) // 3)))]
            for _ in range(int(self.random.choice((1, 2, 4, 8)))):
                duration = beat * float(self.random.choice((0.5, 0.5, 1, 2)))
                for key in (root, root + 7, root + 12):
                    self.midi.note(time, 0.9 * duration, 0, key, self.velocity(base, time))
                time += duration

    def tremolo(self, end: float, keys: List[int], beat: float) -> None:
        time, base = self.now, int(self.random.integers(60, 110))
        place = int(self.random.integers(len(keys)))
        step = self.random.uniform(0.06, 0.09)
        while time < end:
            for t in np.arange(0.0, beat * float(self.random.choice((1, 2, 3))), step):
                self.midi.note(time + t, 0.95 * step, 0, keys[place], self.velocity(base, time))
            time += t + step
            place = int(np.clip(place + self.random.integers(-2, 3), 0, len(keys) - 1))

    def bassline(self, end: float, keys: List[int], beat: float) -> None:
        riff = [(int(self.random.integers(len(keys))),
                 float(self.random.choice((0.5, 0.5, 1, 1.5))))
                for _ in range(int(self.random.integers(3, 9)))]
        time, base, note = self.now, int(self.random.integers(70, 120)), 0
        while time < end:
            place, value = riff[note % len(riff)]
            self.note(time, 0.9 * value * beat, keys[place], base)
            time += value * beat
            note += 1

    def both(self, end: float, keys: List[int], beat: float) -> None:
        """Two hands: chords or arpeggios below, a melody above."""
        middle = max(2, len(keys) // 2)
        below = self.chords if self.random.random() < 0.5 else self.arpeggio
        below(end, keys[:middle], beat)
        self.melody(end, keys[middle:] or keys, beat, (0.5, 0.5, 1, 1, 2))

    def drums(self, end: float, beat: float) -> None:
        """A bar of sixteenths, repeated with small changes; sometimes a fill."""
        random = self.random
        kick = random.random(16) < np.where(np.arange(16) % 8 == 0, 0.95, 0.15)
        snare = random.random(16) < np.where(np.arange(16) % 8 == 4, 0.95, 0.06)
        every = int(random.choice((1, 2, 2, 4)))
        top = int(random.choice((42, 42, 46, 51, 53)))
        base = int(random.integers(60, 120))
        time, step = self.now, 0
        while time < end:
            i = step % 16
            fill = step % 64 >= 56 and random.random() < 0.7
            keys = [36] * bool(kick[i]) + [int(random.choice((38, 40)))] * bool(snare[i])
            keys += [top] * (i % every == 0) + [49] * (step % 64 == 0)
            if fill:
                keys = [int(random.choice((38, 41, 45, 47, 48, 50)))]
            for key in keys:
                self.note(time, 0.1, key, base, DRUM_CHANNEL)
            time += beat / 4
            step += 1

    def phrase(self, duration: float) -> None:
        """One phrase in a random key, tempo and style, then a short rest."""
        random = self.random
        end = self.end = self.now + duration
        beat = 60.0 / random.uniform(60, 150)
        self.unsteady_s = float(random.choice((0.0, 0.006, 0.012, 0.02)))
        self.summit = float(random.uniform(0.0, 1.0))
        self.swell = float(random.uniform(-10.0, 40.0))
        style = str(random.choice(self.player.styles))
        if self.programs:
            program, bank = self.programs[int(random.integers(len(self.programs)))]
            self.midi.control(self.now - 0.05, 0, BANK_SELECT, bank)
            self.midi.program(self.now - 0.05, 0, program)
            self.midi.control(self.now - 0.05, 0, 11, int(random.integers(80, 128)))
            self.midi.control(self.now - 0.05, 0, 91, int(random.choice((0, 20, 60))))
        if style == "drums":
            self.midi.program(self.now - 0.05, DRUM_CHANNEL, int(random.choice((0, 0, 8, 16, 40))))
            self.drums(end, beat)
        else:
            scale, tonic = SCALES[int(random.integers(len(SCALES)))], int(random.integers(12))
            width = int(random.integers(14, 37))
            low = int(random.integers(self.player.low, max(self.player.low + 1,
                                                           self.player.high - width + 1)))
            keys = [key for key in range(low, min(low + width, self.player.high) + 1)
                    if (key - tonic) % 12 in scale]
            self.styles[style](end, keys, beat)
        self.now = end + random.uniform(0.3, 1.2)


def compose(name: str, seconds: float, random: np.random.Generator,
            longest_s: float = 10.0) -> MidiFile:
    """Phrases of `name` (a label or a neighbouring instrument) for about `seconds`."""
    composer = Composer(name, random)
    while composer.now < seconds:
        composer.phrase(float(random.uniform(4.0, longest_s)))
    return composer.midi
