"""The host of LV2 plugins, with a plugin that the test compiles; registrations and phrases."""

from __future__ import annotations

import shutil
import struct
import subprocess
import tempfile
import unittest
from pathlib import Path
from typing import Dict, Optional
from unittest import mock

import numpy as np

from .. import organs
from ..effects import RATE_HZ
from ..lv2_plugin import BLOCK_FRAMES, Plugin
from ..refusals import Refused

# The second of two plugins, with ports as those of setBfree. Holds the velocity of the last key
# that is down, as a level: left as it is, right nothing. Looks at what a host owes it: features,
# types by their URI, the size of the output sequence, aligned buffers, activation. Says in the
# file `end` how it was left.
SOURCE = r"""
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
struct feature { const char *uri; void *data; };
struct map { void *handle; uint32_t (*map)(void *handle, const char *uri); };
struct event { int64_t frame; uint32_t size, type; uint8_t bytes[]; };
struct sequence { uint32_t size, type, unit, pad; };
struct organ {
    void *ports[4];
    uint32_t midi, sequence, chunk;
    int active;
    float level;
    char end[4096];
};
static void *instantiate(const void *self, double rate, const char *bundle,
                         const struct feature *const *features)
{
    struct map *map = NULL;
    int schedule = 0;
    for (; *features; features++) {
        if (strcmp((*features)->uri, "http://lv2plug.in/ns/ext/urid#map") == 0)
            map = (*features)->data;
        schedule |= strcmp((*features)->uri, "http://lv2plug.in/ns/ext/worker#schedule") == 0;
    }
    if (!map || !schedule || rate != 1000.0 || bundle[strlen(bundle) - 1] != '/')
        return NULL;
    struct organ *organ = calloc(1, sizeof *organ);
    snprintf(organ->end, sizeof organ->end, "%send", bundle);
    organ->midi = map->map(map->handle, "http://lv2plug.in/ns/ext/midi#MidiEvent");
    organ->sequence = map->map(map->handle, "http://lv2plug.in/ns/ext/atom#Sequence");
    organ->chunk = map->map(map->handle, "http://lv2plug.in/ns/ext/atom#Chunk");
    return organ;
}
static void connect_port(void *self, uint32_t port, void *place)
{
    ((struct organ *)self)->ports[port] = place;
}
static void activate(void *self) { ((struct organ *)self)->active = 1; }
static void deactivate(void *self) { ((struct organ *)self)->active = 2; }
static void cleanup(void *self)
{
    FILE *end = fopen(((struct organ *)self)->end, "a");
    fprintf(end, "cleaned up %d\n", ((struct organ *)self)->active);
    fclose(end);
    free(self);
}
static void run(void *self, uint32_t frames)
{
    struct organ *organ = self;
    const struct sequence *in = organ->ports[0], *out = organ->ports[1];
    const char *at = (const char *)(in + 1), *end = (const char *)in + 8 + in->size;
    while (at < end) {
        const struct event *event = (const void *)at;
        if (event->type == organ->midi && event->size == 3 && event->bytes[0] == 0x90)
            organ->level = event->bytes[2] / 127.0f;
        if (event->type == organ->midi && event->size == 3 && event->bytes[0] == 0x80)
            organ->level = 0.0f;
        at += sizeof *event + (event->size + 7) / 8 * 8;
    }
    if (in->type != organ->sequence || out->type != organ->chunk || out->size < 1024 ||
        (uintptr_t)in % 8 || (uintptr_t)out % 8 || organ->active != 1)
        organ->level = -1.0f;
    for (uint32_t i = 0; i < frames; i++) {
        ((float *)organ->ports[2])[i] = organ->level;
        ((float *)organ->ports[3])[i] = 0.0f;
    }
}
struct descriptor {
    const char *uri;
    void *(*instantiate)(const void *, double, const char *, const struct feature *const *);
    void (*connect_port)(void *, uint32_t, void *);
    void (*activate)(void *);
    void (*run)(void *, uint32_t);
    void (*deactivate)(void *);
    void (*cleanup)(void *);
    const void *(*extension_data)(const char *);
};
static const struct descriptor descriptors[] = {
    {"urn:other", NULL, NULL, NULL, NULL, NULL, NULL, NULL},
    {"urn:organ", instantiate, connect_port, activate, run, deactivate, cleanup, NULL}};
const void *lv2_descriptor(uint32_t index) { return index < 2 ? &descriptors[index] : NULL; }
"""


@unittest.skipUnless(shutil.which("cc"), "no compiler")
class TestPlugin(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / "organ.c").write_text(SOURCE)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", str(self.folder / "organ.so"),
                        str(self.folder / "organ.c")], check=True)

    def plugin(self) -> Plugin:
        return Plugin(self.folder, "organ.so", "urn:organ", organs.PORTS, 1000)

    def test_keys_sound_when_they_are_down(self) -> None:
        with self.plugin() as plugin:
            sound = plugin.play([(0.0, bytes((0x90, 60, 0))), (0.256, bytes((0xC0, 5))),
                                 (0.256, bytes((0x90, 60, 127))), (0.512, bytes((0x80, 60, 0))),
                                 (9.0, bytes((0x90, 60, 127)))], 0.7)
        self.assertEqual((sound.size % BLOCK_FRAMES, sound.size // BLOCK_FRAMES), (0, 6))
        np.testing.assert_allclose(sound[:256], 0.0)
        np.testing.assert_allclose(sound[256:512], 0.5)  # the mean of both channels
        np.testing.assert_allclose(sound[512:], 0.0)

    def test_is_freed_once(self) -> None:
        with self.plugin() as plugin:
            pass
        plugin.__exit__()
        self.assertEqual((self.folder / "end").read_text(), "cleaned up 2\n")
        with self.assertRaisesRegex(RuntimeError, "is closed"):
            plugin.play([], 0.1)

    def test_what_does_not_come_up(self) -> None:
        with self.assertRaisesRegex(RuntimeError, "urn:organ did not come up"):
            Plugin(self.folder, "organ.so", "urn:organ", organs.PORTS, 48000)
        with self.assertRaisesRegex(RuntimeError, "holds no urn:piano"):
            Plugin(self.folder, "organ.so", "urn:piano", organs.PORTS, 1000)
        with self.assertRaises(OSError):
            Plugin(self.folder, "other.so", "urn:organ", organs.PORTS, 1000)
        (self.folder / "empty.c").write_text("int nothing;")
        subprocess.run(["cc", "-shared", "-fPIC", "-o", str(self.folder / "empty.so"),
                        str(self.folder / "empty.c")], check=True)
        with self.assertRaisesRegex(RuntimeError, "holds no LV2 plugins"):
            Plugin(self.folder, "empty.so", "urn:organ", organs.PORTS, 1000)

    def test_too_many_messages_at_once(self) -> None:
        with self.plugin() as plugin, self.assertRaisesRegex(ValueError, "9000 MIDI messages"):
            plugin.play([(0.0, bytes((0x90, 60, 1)))] * 9000, 0.1)

    def test_sequence(self) -> None:
        with self.plugin() as plugin:
            data = plugin.sequence([(3, b"\x90\x3c\x40"), (5, b"\xc0\x01")])
        self.assertEqual(struct.unpack("<I", data[:4])[0], len(data) - 8)
        self.assertEqual([struct.unpack("<qI", data[at:at + 12]) for at in (16, 40)],
                         [(3, 3), (5, 2)])

    def test_the_settling_is_cut_off(self) -> None:
        # At once full, half as loud from the end of the settling on.
        events = [(0.0, bytes((0x90, 60, 127))), (organs.SETTLING_S, bytes((0x90, 60, 64)))]
        (self.folder / "organ.so").rename(self.folder / "b_synth.so")
        random = mock.Mock(random=lambda: 1.0)  # not overdriven
        with mock.patch.multiple(organs, BUNDLE=self.folder, URI="urn:organ", PLUGIN_RATE_HZ=1000):
            sound = organs.play(events, random)
            with self.assertRaisesRegex(Refused, "does not sound"):
                organs.play([], random)
        self.assertAlmostEqual(sound.size / RATE_HZ, organs.PHRASES_S + organs.TAIL_S, delta=0.2)
        self.assertAlmostEqual(float(np.median(sound)), 0.9, delta=0.01)


class TestOrgans(unittest.TestCase):
    def test_registrations(self) -> None:
        random = np.random.default_rng(1)
        drawn = [organs.registration(random) for _ in range(200)]
        self.assertTrue(all(len(bars) == 9 and 0 <= min(bars) and max(bars) <= 8 and
                            any(bars) for bars in drawn))
        self.assertGreater(len({tuple(bars) for bars in drawn}), 150)

    def test_no_key_is_struck_while_it_is_down(self) -> None:
        struck = 0
        for seed in range(20):
            events = organs.performance(np.random.default_rng(seed))
            self.assertEqual(events, sorted(events, key=lambda event: event[0]))
            down: Dict[int, int] = {}
            for time_s, message in events:
                if message[0] == 0x90:
                    self.assertEqual(down.get(message[1], 0), 0, (seed, time_s, message[1]))
                    self.assertLess(time_s, organs.SETTLING_S + organs.PHRASES_S)
                    down[message[1]] = 1
                    struck += 1
                elif message[0] == 0x80:
                    down[message[1]] = 0
            self.assertFalse(any(down.values()))
        self.assertGreater(struck, 200)

    def test_without_the_plugin(self) -> None:
        with tempfile.TemporaryDirectory() as work, \
                mock.patch.object(organs, "BUNDLE", Path("/nowhere")), \
                mock.patch("sys.argv", ["organs", "--work", work]), \
                self.assertRaisesRegex(SystemExit, "Debian's package setbfree"):
            organs.main()


@unittest.skipUnless((organs.BUNDLE / organs.LIBRARY).exists(), "no setBfree")
class TestControllers(unittest.TestCase):
    """That setBfree takes the controllers for what they are called here."""

    def chord(self, changed: Optional[Dict[int, int]] = None) -> np.ndarray:
        """The later part of a chord, when its click is over and the loudspeaker has settled."""
        values = {**{number: 0 if number < 73 else 127 for number in organs.DRAWBARS},
                  organs.ROTARY_SPEED: organs.STOPPED, organs.SWELL: 127, organs.REVERB: 0,
                  organs.PERCUSSION: 0, organs.PERCUSSION_VOLUME: 0, organs.PERCUSSION_DECAY: 0,
                  organs.PERCUSSION_HARMONIC: 0, organs.VIBRATO_KNOB: 127,
                  organs.VIBRATO_ROUTING: 0, **(changed or {})}
        events = [(0.0, organs.controller(number, value)) for number, value in values.items()]
        events += [(6.0, bytes((0x90, key, 100))) for key in (48, 60, 67)]
        with Plugin(organs.BUNDLE, organs.LIBRARY, organs.URI, organs.PORTS,
                    organs.PLUGIN_RATE_HZ) as organ:
            return organ.play(events, 8.0)[-48000:]

    def swing(self, sound: np.ndarray) -> float:
        """How much the loudness of 20 ms varies, relative to its mean."""
        loudness = np.sqrt(np.square(sound.reshape(-1, 960)).mean(axis=1))
        return float(loudness.std() / loudness.mean())

    def test_what_makes_it_silent(self) -> None:
        loud = float(np.abs(self.chord()).max())
        self.assertLess(float(np.abs(self.chord({organs.SWELL: 0})).max()), loud / 100)
        pushed_in = {number: 127 for number in organs.DRAWBARS}
        self.assertLess(float(np.abs(self.chord(pushed_in)).max()), loud / 10)

    def test_the_loudspeaker_turns(self) -> None:
        stopped, slow, fast = (self.swing(self.chord({organs.ROTARY_SPEED: speed})) for speed in
                               (organs.STOPPED, organs.SLOW, organs.FAST))
        self.assertGreater(fast, 2 * stopped)
        self.assertGreater(slow, 1.2 * stopped)

    def test_vibrato_and_reverb(self) -> None:
        plain = self.chord()
        level = float(np.sqrt(np.square(plain).mean()))
        cases = ((organs.REVERB, 0, 0.0, 0.1), (organs.REVERB, 60, 0.2, 9.0),
                 (organs.VIBRATO_ROUTING, 127, 0.2, 9.0))
        for number, value, least, most in cases:
            difference = self.chord({number: value}) - plain
            share = float(np.sqrt(np.square(difference).mean())) / level
            self.assertTrue(least <= share <= most, (number, value, share))


if __name__ == "__main__":
    unittest.main()
