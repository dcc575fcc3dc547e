/* test_live.c - daemon/live.h, daemon/live_sentence.h, daemon/json_read.h */
#include "daemon/live.h"

#include "daemon/clock.h"
#include "daemon/json_read.h"
#include "daemon/live_sentence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define S CLOCK_NS_PER_S
#define HELLO                                                                                      \
    "{\"labels\":[\"acoustic_guitar\",\"bass\",\"cello\"],\"window_s\":3,\"hop_s\":0.25,"          \
    "\"model\":\"m\",\"version\":\"1\"}"

static bool take(struct live *live, const char *type, const char *json, uint64_t now_ns)
{
    cJSON *data = cJSON_Parse(json);
    const bool good = live_take(live, type, data, now_ns);
    cJSON_Delete(data);
    return good;
}

static bool frame(struct live *live, double level_dbfs, const char *on, uint64_t now_ns)
{
    char json[512];
    snprintf(
        json, sizeof json,
        "{\"seq\":1,\"t\":5,\"time\":1000,\"level_dbfs\":%g,\"peak_dbfs\":%g,\"clipped\":false,"
        "\"p\":[0.1,0.2,0.3],\"on\":%s}",
        level_dbfs, level_dbfs + 3, on);
    return take(live, "frame", json, now_ns);
}

static void start(struct live *live)
{
    live_init(live, 100 * S);
    live_set_link(live, LIVE_CONNECTED, NULL, 100 * S);
    assert_true(take(live, "hello", HELLO, 100 * S));
    assert_true(take(live, "status", "{\"source\":\"mic\",\"state\":\"running\",\"hop_stretch\":1}",
                     100 * S));
}

static void takes_what_the_daemon_sends(void **state)
{
    (void)state;
    struct live live;
    start(&live);
    assert_int_equal(live.label_count, 3);
    assert_string_equal(live.labels[0].label, "acoustic_guitar");
    assert_string_equal(live.labels[0].name, "acoustic guitar");
    assert_true(frame(&live, -20, "[\"cello\"]", 101 * S));
    assert_true(frame(&live, -20, "[\"bass\",\"cello\"]", 102 * S));
    assert_true(take(&live, "onset", "{\"label\":\"bass\",\"t\":4,\"time\":990,\"confidence\":1}",
                     102 * S));
    size_t places[LIVE_LABELS_MAX];
    assert_int_equal(live_present(&live, places), 2);
    assert_int_equal(places[0], 2); /* in order of entry */
    assert_int_equal(places[1], 1);
    assert_true(live.labels[1].entered == 990);
    assert_int_equal(live.entries, LIVE_ENTRIES_AWAITED);
    cJSON *cues = cJSON_Parse("{\"cues\":[{\"label\":\"cello\",\"time\":900},"
                              "{\"label\":\"bass\",\"time\":980}]}");
    live_take_cues(&live, cues);
    cJSON_Delete(cues);
    assert_int_equal(live.entries, LIVE_ENTRIES_KNOWN);
    assert_true(live.labels[1].entered == 990); /* newer than the answer */
    assert_true(live.labels[2].entered == 900); /* before the connection was made */
    live_take_cues(&live, NULL);
    assert_int_equal(live.entries, LIVE_ENTRIES_UNKNOWN);
    assert_true(live_time_now(&live, 104 * S) == 1002);
    cJSON *info = cJSON_Parse("{\"source\":{\"kind\":\"device\"},\"labels\":[\"bass\",\"cello\"],"
                              "\"thresholds\":[0.4,7]}");
    live_take_info(&live, info);
    cJSON_Delete(info);
    assert_true(live.is_device);
    assert_true(live.labels[0].threshold == 0);
    assert_true(live.labels[1].threshold > 0.39);
    assert_true(live.labels[2].threshold == 0);
    live_take_info(&live, NULL);
}

/* An entry may have been among what was dropped. */
static void asks_anew_after_dropped_events(void **state)
{
    (void)state;
    struct live live;
    start(&live);
    cJSON *cues = cJSON_Parse("{\"cues\":[]}");
    live_take_cues(&live, cues);
    cJSON_Delete(cues);
    assert_int_equal(live.entries, LIVE_ENTRIES_KNOWN);
    assert_true(take(&live, "lagged", "{\"dropped\":7}", 101 * S));
    assert_int_equal(live.entries, LIVE_ENTRIES_AWAITED);
}

/* Another model: nothing of the old one's results is left; the same model: all is. */
static void other_labels_begin_anew(void **state)
{
    (void)state;
    struct live live;
    start(&live);
    assert_true(frame(&live, -20, "[\"bass\"]", 101 * S));
    assert_true(take(&live, "hello", HELLO, 102 * S));
    assert_true(live.labels[1].present);
    assert_true(take(&live, "hello", HELLO, 110 * S)); /* after a long break */
    assert_false(live.labels[1].present);
    assert_true(frame(&live, -20, "[\"bass\"]", 111 * S));
    assert_true(take(&live, "hello", "{\"labels\":[\"bass\"]}", 112 * S));
    assert_int_equal(live.label_count, 1);
    assert_false(live.labels[0].present);
    assert_false(frame(&live, -20, "[\"bass\"]", 112 * S)); /* three numbers for one label */
}

static void believes_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        const char *json;
    } bad[] = {
        {"hello", "{}"},
        {"hello", "{\"labels\":7}"},
        {"hello", "{\"labels\":[\"a\",7]}"},
        {"hello", "[]"},
        {"hello", ""},
        {"status", "{\"state\":7}"},
        {"onset", "{\"label\":\"oboe\",\"time\":1}"},
        {"onset", "{\"label\":\"bass\",\"time\":-1}"},
        {"onset", "{\"label\":\"bass\",\"time\":1e300}"},
        {"onset", "{\"label\":\"bass\",\"time\":1e999}"},
        {"frame", "{}"},
        {"frame", "{\"t\":1,\"time\":1,\"level_dbfs\":1,\"p\":[0,0],\"on\":[]}"},
        {"frame", "{\"t\":1,\"time\":1,\"level_dbfs\":1,\"p\":[0,0,null],\"on\":[]}"},
        {"frame", "{\"t\":1,\"time\":1,\"level_dbfs\":1,\"p\":[0,0,0],\"on\":{}}"},
        {"frame", "{\"t\":1,\"time\":1,\"level_dbfs\":1e9,\"p\":[0,0,0],\"on\":[]}"},
        {"frame", "{\"t\":null,\"time\":1,\"level_dbfs\":1,\"p\":[0,0,0],\"on\":[]}"},
    };
    struct live live;
    start(&live);
    const struct live before = live;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(take(&live, bad[i].type, bad[i].json, 101 * S));
    assert_false(live_take(&live, "frame", NULL, 101 * S));
    assert_memory_equal(&live, &before, sizeof live);
    assert_true(take(&live, "unknown", "{\"x\":1}", 101 * S));
    assert_true(take(&live, "frame",
                     "{\"t\":1,\"time\":1,\"level_dbfs\":1,\"p\":[-1,9e99,1e999],"
                     "\"on\":[\"oboe\",7,null,\"cello\",\"cello\"]}",
                     101 * S));
    assert_true(live.labels[0].probability == 0);
    assert_true(live.labels[1].probability == 1);
    assert_true(live.labels[2].present && !live.labels[1].present);
    char many[8192] = "{\"labels\":[\"a\"";
    for (int i = 0; i < LIVE_LABELS_MAX; i++)
        strcat(many, ",\"a\"");
    strcat(many, "]}");
    assert_false(take(&live, "hello", many, 101 * S));
}

static void names_are_made_fit_to_be_shown(void **state)
{
    (void)state;
    static const struct {
        const char *from;
        size_t size;
        const char *to;
    } cases[] = {
        {"piano", 64, "piano"},
        {"\x1b[2Jpi\nano\x7f", 64, "?[2Jpi?ano?"},
        {"\xc2\x9b"
         "2J",
         64, "?2J"},
        {"a\xff"
         "b",
         64, "a?b"},
        {"a\u202eb\u200bc\ufeff", 64, "abc"},
        {"a\U000e0041b\U000e0001", 64, "ab"},
        {"Flügelhorn", 4, "Fl"},
        {"Flügelhorn", 5, "Flü"},
        {"abc", 1, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[64];
        json_read_text(cases[i].from, text, cases[i].size);
        assert_string_equal(text, cases[i].to);
    }
}

static void expect(const struct live *live, uint64_t now_ns, const char *title, const char *chip,
                   const char *detail)
{
    const struct live_sentence said = live_describe(live, now_ns);
    assert_string_equal(said.title, title);
    assert_string_equal(said.chip, chip);
    assert_string_equal(said.detail, detail);
}

static void says_what_breaks_the_chain_first(void **state)
{
    (void)state;
    struct live live;
    live_init(&live, 100 * S);
    expect(&live, 100 * S, "Connecting", "Connecting", "");
    start(&live);
    expect(&live, 101 * S, "Listening", "Connected", "The first result comes after 3 s of sound");
    expect(&live, 107 * S, "No results", "Stalled",
           "The daemon answers, but no result has come yet");
    assert_true(frame(&live, -20, "[]", 101 * S));
    expect(&live, 102 * S, "Listening", "Live", "");
    expect(&live, 115 * S, "No results", "Stalled", "No results for 14 s");
    assert_true(frame(&live, -100, "[]", 106 * S));
    expect(&live, 106 * S, "Silence", "Live", "The input is silent");
    assert_int_equal(live_describe(&live, 106 * S).mood, LIVE_QUIET);
    live.is_device = true;
    expect(&live, 106 * S, "Silence", "Live", "The input is silent. Is the microphone on?");
    assert_true(take(&live, "status", "{\"source\":\"mic\",\"state\":\"lost\"}", 106 * S));
    expect(&live, 106 * S, "No sound", "Input lost", "mic is gone. Was it unplugged?");
    assert_true(take(&live, "status", "{\"source\":\"mic\",\"state\":\"stalled\"}", 106 * S));
    expect(&live, 106 * S, "No sound", "Stalled", "mic delivers nothing");
    assert_true(take(&live, "status", "{\"source\":\"mic\",\"state\":\"ended\"}", 106 * S));
    expect(&live, 106 * S, "The end", "Ended", "mic has been heard to its end");
    live_set_link(&live, LIVE_BROKEN, "timed\nout", 107 * S);
    expect(&live, 107 * S, "Reconnecting", "Reconnecting",
           "Connection lost (timed?out), trying again");
    live_set_link(&live, LIVE_BROKEN, "",
                  112 * S); /* tried in vain: lost since then all the same */
    expect(&live, 116 * S, "No connection", "Not connected", "Trying again: no answer");
}

static void says_that_the_machine_is_slow(void **state)
{
    (void)state;
    struct live live;
    start(&live);
    assert_true(take(&live, "status", "{\"state\":\"running\",\"hop_stretch\":8}", 101 * S));
    assert_true(frame(&live, -20, "[]", 101 * S));
    expect(&live, 105 * S, "Listening", "Slow",
           "A result every 2 s: the daemon's machine is too slow for more");
}

static void writes_durations(void **state)
{
    (void)state;
    static const struct {
        double duration_s;
        const char *text;
    } cases[] = {{-1, "0 s"},    {0.4, "0.4 s"},     {3, "3 s"},         {9.94, "9.9 s"},
                 {9.96, "10 s"}, {95, "1 min 35 s"}, {7300, "2 h 1 min"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[40];
        live_write_duration(cases[i].duration_s, text, sizeof text);
        assert_string_equal(text, cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_the_daemon_sends),
        cmocka_unit_test(asks_anew_after_dropped_events),
        cmocka_unit_test(other_labels_begin_anew),
        cmocka_unit_test(believes_nothing),
        cmocka_unit_test(names_are_made_fit_to_be_shown),
        cmocka_unit_test(says_what_breaks_the_chain_first),
        cmocka_unit_test(says_that_the_machine_is_slow),
        cmocka_unit_test(writes_durations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
