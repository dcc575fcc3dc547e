"""Plays an LV2 instrument plugin without a sound card, as fast as it computes (https://lv2plug.in).

A small host by ctypes: it gives the plugin MIDI in an atom sequence and takes its audio, block by
block. It offers urid:map, and a work:schedule that takes no work, which is enough for instruments
that do not load files. What the plugin's ports are its .ttl file says, which nobody reads here: the
caller has to know.
"""

from __future__ import annotations

import ctypes
import struct
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np

ATOM = "http://lv2plug.in/ns/ext/atom#"
BLOCK_FRAMES = 128
# Atoms are aligned to 64 bits.
CONTROL_BYTES = ctypes.c_uint64 * 8192
NOTIFY_BYTES = ctypes.c_uint64 * 32768  # the most that a plugin here wants (rsz:minimumSize)
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
    in that order. OSError where the library cannot be loaded, RuntimeError where it has no such
    plugin or that does not come up. To be used by `with`, which frees it.
    """

    def __init__(self, bundle: Path, library: str, uri: str, ports: Sequence[int],
                 rate_hz: int) -> None:
        self.path, self.rate_hz = bundle / library, rate_hz
        self.urids: Dict[bytes, int] = {}
        # What the plugin points to has to live as long as it.
        self.map = UridMap(None, MAP(lambda _, wanted: self.urid(wanted)))
        self.schedule = Schedule(None, SCHEDULE(lambda *_: WORK_REFUSED))
        self.features = [
            Feature(b"http://lv2plug.in/ns/ext/urid#map", ctypes.addressof(self.map)),
            Feature(b"http://lv2plug.in/ns/ext/worker#schedule", ctypes.addressof(self.schedule))]
        self.offered = (ctypes.POINTER(Feature) * 3)(*map(ctypes.pointer, self.features))
        self.library = ctypes.CDLL(str(self.path))
        self.descriptor = self.find(uri.encode())
        self.control, self.notify = CONTROL_BYTES(), NOTIFY_BYTES()
        self.audio = np.zeros((2, BLOCK_FRAMES), np.float32)
        self.handle: Optional[int] = self.descriptor.contents.instantiate(
            ctypes.cast(self.descriptor, ctypes.c_void_p), float(rate_hz),
            f"{bundle}/".encode(), self.offered)
        if not self.handle:
            raise RuntimeError(f"{self.path}: {uri} did not come up")
        for port, place in zip(ports, (ctypes.addressof(self.control),
                                       ctypes.addressof(self.notify), self.audio[0].ctypes.data,
                                       self.audio[1].ctypes.data)):
            self.descriptor.contents.connect_port(self.handle, port, place)
        self.call("activate")

    def find(self, uri: bytes) -> Any:
        """The plugin of that name in the library."""
        if not hasattr(self.library, "lv2_descriptor"):
            raise RuntimeError(f"{self.path}: holds no LV2 plugins")
        self.library.lv2_descriptor.restype = ctypes.POINTER(Descriptor)
        self.library.lv2_descriptor.argtypes = [ctypes.c_uint32]
        index = 0
        while True:
            descriptor = self.library.lv2_descriptor(index)
            if not descriptor:
                raise RuntimeError(f"{self.path}: holds no {uri.decode()}")
            if descriptor.contents.uri == uri:
                return descriptor
            index += 1

    def __enter__(self) -> "Plugin":
        return self

    def __exit__(self, *_: object) -> None:
        if self.handle is not None:
            self.call("deactivate")
            self.call("cleanup")
            self.handle = None

    def call(self, name: str) -> None:
        """A function of the plugin that may be missing."""
        function = getattr(self.descriptor.contents, name)
        if function:
            function(self.handle)

    def urid(self, uri: bytes) -> int:
        return self.urids.setdefault(uri, len(self.urids) + 1)

    def sequence(self, events: Sequence[Tuple[int, bytes]]) -> bytes:
        """An atom sequence of MIDI messages at frames of the block."""
        midi = self.urid(b"http://lv2plug.in/ns/ext/midi#MidiEvent")
        body = struct.pack("<II", 0, 0)  # in frames
        for frame, message in events:
            body += struct.pack("<qII", frame, len(message), midi) + message
            body += b"\0" * (-len(message) % 8)
        data = struct.pack("<II", len(body), self.urid(f"{ATOM}Sequence".encode())) + body
        if len(data) > ctypes.sizeof(self.control):
            raise ValueError(f"{len(events)} MIDI messages in one block of {BLOCK_FRAMES} frames")
        return data

    def play(self, events: Sequence[Event], seconds: float) -> np.ndarray:
        """The plugin's sound for `seconds`, mean of both channels, float32. Events are in the order
        of their times; those later than that are left out."""
        if self.handle is None:
            raise RuntimeError(f"{self.path}: is closed")
        blocks = int(np.ceil(seconds * self.rate_hz / BLOCK_FRAMES))
        due: Dict[int, List[Tuple[int, bytes]]] = {}
        for time_s, message in events:
            block, frame = divmod(round(time_s * self.rate_hz), BLOCK_FRAMES)
            due.setdefault(block, []).append((frame, message))
        out = np.empty(blocks * BLOCK_FRAMES, np.float32)
        room = struct.pack("<II", ctypes.sizeof(self.notify) - 8,
                           self.urid(f"{ATOM}Chunk".encode()))
        for block in range(blocks):
            data = self.sequence(due.get(block, []))
            ctypes.memmove(self.control, data, len(data))
            ctypes.memmove(self.notify, room, len(room))
            self.descriptor.contents.run(self.handle, BLOCK_FRAMES)
            out[block * BLOCK_FRAMES:(block + 1) * BLOCK_FRAMES] = self.audio.mean(axis=0)
        return out
