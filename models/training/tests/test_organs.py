"""The host of LV2 plugins, with a plugin that the test compiles; registrations and phrases."""

from __future__ import annotations

import shutil
import struct
import subprocess
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import numpy as np

from .. import organs
from ..effects import RATE_HZ
from ..lv2_plugin import BLOCK_FRAMES, Plugin

# Ports as those of setBfree. Holds the velocity of the last key that is down, as a level: left as
# it is, right nothing. Looks at what a host owes it: the features, types by their URI, the size of
# the output sequence.
SOURCE = r"""
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
struct feature { const char *uri; void *data; };
struct map { void *handle; uint32_t (*map)(void *handle, const char *uri); };
struct event { int64_t frame; uint32_t size, type; uint8_t bytes[]; };
struct sequence { uint32_t size, type, unit, pad; };
struct organ { void *ports[4]; uint32_t midi, sequence, chunk; float level; };
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
    organ->midi = map->map(map->handle, "http://lv2plug.in/ns/ext/midi#MidiEvent");
    organ->sequence = map->map(map->handle, "http://lv2plug.in/ns/ext/atom#Sequence");
    organ->chunk = map->map(map->handle, "http://lv2plug.in/ns/ext/atom#Chunk");
    return organ;
}
static void connect_port(void *self, uint32_t port, void *place)
{
    ((struct organ *)self)->ports[port] = place;
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
    if (in->type != organ->sequence || out->type != organ->chunk || out->size < 1024)
        organ->level = -1.0f;
    for (uint32_t i = 0; i < frames; i++) {
        ((float *)organ->ports[2])[i] = organ->level;
        ((float *)organ->ports[3])[i] = 0.0f;
    }
}
static const struct {
    const char *uri;
    void *(*instantiate)(const void *, double, const char *, const struct feature *const *);
    void (*connect_port)(void *, uint32_t, void *);
    void (*activate)(void *);
    void (*run)(void *, uint32_t);
    void (*deactivate)(void *);
    void (*cleanup)(void *);
    const void *(*extension_data)(const char *);
} descriptor = {"urn:organ", instantiate, connect_port, NULL, run, NULL, free, NULL};
const void *lv2_descriptor(uint32_t index) { return index ? NULL : &descriptor; }
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

    def test_keys_sound_when_they_are_down(self) -> None:
        plugin = Plugin(self.folder, "organ.so", (0, 1, 2, 3), 1000)
        self.addCleanup(plugin.close)
        sound = plugin.play([(0.0, bytes((0x90, 60, 0))), (0.256, bytes((0xC0, 5))),
                             (0.256, bytes((0x90, 60, 127))), (0.512, bytes((0x80, 60, 0))),
                             (9.0, bytes((0x90, 60, 127)))], 0.7)
        self.assertEqual((sound.size % BLOCK_FRAMES, sound.size // BLOCK_FRAMES), (0, 11))
        np.testing.assert_allclose(sound[:256], 0.0)
        np.testing.assert_allclose(sound[256:512], 0.5)  # the mean of both channels
        np.testing.assert_allclose(sound[512:], 0.0)

    def test_what_does_not_come_up(self) -> None:
        with self.assertRaisesRegex(RuntimeError, "did not come up"):
            Plugin(self.folder, "organ.so", (0, 1, 2, 3), 48000)
        with self.assertRaises(OSError):
            Plugin(self.folder, "other.so", (0, 1, 2, 3), 1000)

    def test_too_many_messages_at_once(self) -> None:
        plugin = Plugin(self.folder, "organ.so", (0, 1, 2, 3), 1000)
        self.addCleanup(plugin.close)
        with self.assertRaisesRegex(ValueError, "9000 MIDI messages"):
            plugin.play([(0.0, bytes((0x90, 60, 1)))] * 9000, 0.1)

    def test_sequence(self) -> None:
        plugin = Plugin(self.folder, "organ.so", (0, 1, 2, 3), 1000)
        self.addCleanup(plugin.close)
        data = plugin.sequence([(3, b"\x90\x3c\x40"), (5, b"\xc0\x01")])
        self.assertEqual(struct.unpack("<I", data[:4])[0], len(data) - 8)
        self.assertEqual([struct.unpack("<qI", data[at:at + 12]) for at in (16, 40)],
                         [(3, 3), (5, 2)])

    def test_a_phrase_is_cut_and_scaled(self) -> None:
        with mock.patch.object(organs, "BUNDLE", self.folder), \
                mock.patch.object(organs, "PLUGIN_RATE_HZ", 1000):
            (self.folder / "organ.so").rename(self.folder / "b_synth.so")
            sound = organs.play(np.random.default_rng(1))
        self.assertAlmostEqual(sound.size / RATE_HZ, organs.PHRASES_S + organs.TAIL_S, delta=0.1)
        self.assertAlmostEqual(float(np.abs(sound).max()), 0.9, delta=0.3)  # resampling overshoots


class TestOrgans(unittest.TestCase):
    def test_registrations(self) -> None:
        random = np.random.default_rng(1)
        drawn = [organs.registration(random) for _ in range(200)]
        self.assertTrue(all(len(bars) == 9 and 0 <= min(bars) and max(bars) <= 8 and
                            any(bars) for bars in drawn))
        self.assertGreater(len({tuple(bars) for bars in drawn}), 150)

    def test_performance(self) -> None:
        events = organs.performance(np.random.default_rng(2))
        self.assertEqual(events, sorted(events, key=lambda event: event[0]))
        down = set()
        begins = 0
        for _, message in events:
            if message[0] == 0x90:
                begins += 1
                down.add(message[1])
            elif message[0] == 0x80:
                down.discard(message[1])
        self.assertGreater(begins, 5)
        self.assertEqual(down, set())
        drawbars = [message[2] for time_s, message in events
                    if time_s == 0.0 and message[1] in organs.DRAWBARS]
        self.assertEqual(len(drawbars), 9)
        self.assertLess(min(drawbars), 127)  # 127 is a drawbar that is pushed in

    def test_without_the_plugin(self) -> None:
        with mock.patch.object(organs, "BUNDLE", Path("/nowhere")), \
                mock.patch("sys.argv", ["organs", "--work", "/tmp"]), \
                self.assertRaisesRegex(SystemExit, "Debian's package setbfree"):
            organs.main()


if __name__ == "__main__":
    unittest.main()
