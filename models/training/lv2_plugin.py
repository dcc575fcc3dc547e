"""Plays an LV2 instrument plugin without a sound card, as fast as it computes (https://lv2plug.in).

A small host by ctypes: it gives the plugin MIDI in an atom sequence and takes its audio, block by
block. It offers urid:map, and a work:schedule that takes no work, which is enough for instruments
that do not load files.
"""

from __future__ import annotations

import ctypes
import struct
from pathlib import Path
from typing import Dict, List, Sequence, Tuple

import numpy as np

ATOM = "http://lv2plug.in/ns/ext/atom#"
BLOCK_FRAMES = 64  # the time that MIDI is rounded to
CONTROL_BYTES = 1 << 16
NOTIFY_BYTES = 1 << 18
WORK_REFUSED = 1  # LV2_WORKER_ERR_UNKNOWN

Event = Tuple[float, bytes]  # when, in seconds, and the MIDI message

HANDLE = ctypes.c_void_p


class Feature(ctypes.Structure):
    _fields_ = [("uri", ctypes.c_char_p), ("data", ctypes.c_void_p)]


FEATURES = ctypes.POINTER(ctypes.POINTER(Feature))
ON_INSTANCE = ctypes.CFUNCTYPE(None, HANDLE)


class Descriptor(ctypes.Structure):
    _fields_ = [("uri", ctypes.c_char_p),
                ("instantiate", ctypes.CFUNCTYPE(HANDLE, ctypes.c_void_p, ctypes.c_double,
                                                 ctypes.c_char_p, FEATURES)),
                ("connect_port", ctypes.CFUNCTYPE(None, HANDLE, ctypes.c_uint32,
                                                  ctypes.c_void_p)),
                ("activate", ON_INSTANCE),
                ("run", ctypes.CFUNCTYPE(None, HANDLE, ctypes.c_uint32)),
                ("deactivate", ON_INSTANCE), ("cleanup", ON_INSTANCE),
                ("extension_data", ctypes.c_void_p)]


MAP = ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_void_p, ctypes.c_char_p)
SCHEDULE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_void_p)


class UridMap(ctypes.Structure):
    _fields_ = [("handle", ctypes.c_void_p), ("map", MAP)]


class Schedule(ctypes.Structure):
    _fields_ = [("handle", ctypes.c_void_p), ("schedule_work", SCHEDULE)]


class Plugin:
    """One instance of a plugin with an atom input, an atom output and two audio outputs.

    `bundle` is the plugin's folder, `library` the file in it; `ports` are the indices of these four
    in that order. OSError where the library cannot be loaded, RuntimeError where the plugin does
    not come up.
    """

    def __init__(self, bundle: Path, library: str, ports: Sequence[int], rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self.urids: Dict[bytes, int] = {}
        # What the plugin points to has to live as long as it.
        self.map = UridMap(None, MAP(lambda _, uri: self.urid(uri)))
        self.schedule = Schedule(None, SCHEDULE(lambda *_: WORK_REFUSED))
        self.features = [Feature(b"http://lv2plug.in/ns/ext/urid#map", self.address(self.map)),
                         Feature(b"http://lv2plug.in/ns/ext/worker#schedule",
                                 self.address(self.schedule))]
        given = (ctypes.POINTER(Feature) * 3)(*[ctypes.pointer(feature)
                                                for feature in self.features])
        self.library = ctypes.CDLL(str(bundle / library))
        self.library.lv2_descriptor.restype = ctypes.POINTER(Descriptor)
        self.library.lv2_descriptor.argtypes = [ctypes.c_uint32]
        self.descriptor = self.library.lv2_descriptor(0)
        if not self.descriptor:
            raise RuntimeError(f"{bundle / library}: holds no plugin")
        self.handle = self.descriptor.contents.instantiate(
            ctypes.cast(self.descriptor, ctypes.c_void_p), float(rate_hz),
            f"{bundle}/".encode(), given)
        if not self.handle:
            raise RuntimeError(f"{bundle / library}: did not come up")
        self.control = ctypes.create_string_buffer(CONTROL_BYTES)
        self.notify = ctypes.create_string_buffer(NOTIFY_BYTES)
        self.audio = np.zeros((2, BLOCK_FRAMES), np.float32)
        for port, place in zip(ports, (ctypes.addressof(self.control),
                                       ctypes.addressof(self.notify), self.audio[0].ctypes.data,
                                       self.audio[1].ctypes.data)):
            self.descriptor.contents.connect_port(self.handle, port, place)
        self.call("activate")

    @staticmethod
    def address(structure: ctypes.Structure) -> int:
        return ctypes.addressof(structure)

    def call(self, name: str) -> None:
        """A function of the plugin that may be missing."""
        function = getattr(self.descriptor.contents, name)
        if function:
            function(self.handle)

    def urid(self, uri: bytes) -> int:
        return self.urids.setdefault(uri, len(self.urids) + 1)

    def sequence(self, events: List[Tuple[int, bytes]]) -> bytes:
        """An atom sequence of MIDI messages at frames of the block."""
        midi = self.urid(b"http://lv2plug.in/ns/ext/midi#MidiEvent")
        body = struct.pack("<II", 0, 0)  # in frames
        for frame, message in events:
            body += struct.pack("<qII", frame, len(message), midi) + message
            body += b"\0" * (-len(message) % 8)
        data = struct.pack("<II", len(body), self.urid(f"{ATOM}Sequence".encode())) + body
        if len(data) > CONTROL_BYTES:
            raise ValueError(f"{len(events)} MIDI messages in one block of {BLOCK_FRAMES} frames")
        return data

    def play(self, events: Sequence[Event], seconds: float) -> np.ndarray:
        """The plugin's sound for `seconds`, mean of both channels, float32. Events are in the order
        of their times, those later than that are left out."""
        blocks = int(np.ceil(seconds * self.rate_hz / BLOCK_FRAMES))
        due: Dict[int, List[Tuple[int, bytes]]] = {}
        for time_s, message in events:
            due.setdefault(int(time_s * self.rate_hz) // BLOCK_FRAMES, []).append((0, message))
        out = np.empty(blocks * BLOCK_FRAMES, np.float32)
        chunk = self.urid(f"{ATOM}Chunk".encode())
        for block in range(blocks):
            data = self.sequence(due.get(block, []))
            ctypes.memmove(self.control, data, len(data))
            ctypes.memmove(self.notify, struct.pack("<II", NOTIFY_BYTES - 8, chunk), 8)
            self.descriptor.contents.run(self.handle, BLOCK_FRAMES)
            out[block * BLOCK_FRAMES:(block + 1) * BLOCK_FRAMES] = self.audio.mean(axis=0)
        return out

    def close(self) -> None:
        """Frees the instance; it must not play afterwards."""
        self.call("deactivate")
        self.call("cleanup")
        self.handle = None
