"""A writer for type-0 Standard MIDI Files, no more than rendering needs."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Dict, List, Tuple

TICKS_PER_SECOND = 960  # 480 ticks per quarter at the default 120 beats per minute


def variable_length(value: int) -> bytes:
    groups = [value & 0x7F]
    while value >> 7:
        value >>= 7
        groups.append(0x80 | (value & 0x7F))
    return bytes(reversed(groups))


class MidiFile:
    """Events at times in seconds, in any order."""

    def __init__(self) -> None:
        self.events: List[Tuple[int, int, bytes]] = []
        self.notes: List[Tuple[float, float, int, int]] = []  # time, seconds, key, velocity
        # Of the last note of a channel and key: its beginning, and the place of its end in events.
        self.last: Dict[Tuple[int, int], Tuple[int, int]] = {}

    def add(self, time_s: float, message: bytes, order: int = 1) -> None:
        self.events.append((max(0, round(time_s * TICKS_PER_SECOND)), order, message))

    def program(self, time_s: float, channel: int, program: int) -> None:
        self.add(time_s, bytes((0xC0 | channel, program)), 0)

    def control(self, time_s: float, channel: int, number: int, value: int) -> None:
        self.add(time_s, bytes((0xB0 | channel, number, max(0, min(127, value)))), 0)

    def bend(self, time_s: float, channel: int, semitones: float) -> None:
        """Pitch bend, with the usual range of two semitones."""
        value = max(0, min(16383, round(8192 + semitones / 2.0 * 8191)))
        self.add(time_s, bytes((0xE0 | channel, value & 0x7F, value >> 7)), 0)

    def note(self, time_s: float, duration_s: float, channel: int, key: int, velocity: int) -> None:
        """One note. The one before of the same key ends where this one begins, if not earlier,
        since its end would silence this one."""
        key, velocity = max(0, min(127, key)), max(1, min(127, velocity))
        self.notes.append((time_s, duration_s, key, velocity))
        self.add(time_s, bytes((0x90 | channel, key, velocity)), 2)
        begin = self.events[-1][0]
        if (channel, key) in self.last:
            last_begin, place = self.last[channel, key]
            end, order, message = self.events[place]
            if last_begin < begin < end:
                self.events[place] = (begin, order, message)
        self.last[channel, key] = (begin, len(self.events))
        self.add(time_s + max(0.01, duration_s), bytes((0x80 | channel, key, 64)), 1)

    def save(self, path: Path) -> None:
        track = b""
        now = 0
        for tick, _, message in sorted(self.events):
            track += variable_length(tick - now) + message
            now = tick
        track += b"\x00\xff\x2f\x00"
        path.write_bytes(struct.pack(">4sIHHH", b"MThd", 6, 0, 1, 480)
                         + struct.pack(">4sI", b"MTrk", len(track)) + track)
