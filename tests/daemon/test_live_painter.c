/* test_live_painter.c - daemon/live_painter.h, daemon/canvas.h */
#include "daemon/live_painter.h"

#include "daemon/clock.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define S CLOCK_NS_PER_S

static void take(struct live *live, const char *type, const char *json)
{
    cJSON *data = cJSON_Parse(json);
    assert_true(live_take(live, type, data, 100 * S));
    cJSON_Delete(data);
}

/* Three instruments, of which two play, one for 72 s. */
static void play(struct live *live)
{
    live_init(live, 90 * S);
    live_set_link(live, LIVE_CONNECTED, NULL, 90 * S);
    take(live, "hello",
         "{\"labels\":[\"bass\",\"mallet_percussion\",\"voice\"],\"model\":\"tiny\","
         "\"window_s\":3,\"hop_s\":0.25}");
    take(live, "status", "{\"source\":\"demo\",\"state\":\"running\",\"hop_stretch\":1}");
    take(live, "frame",
         "{\"t\":9,\"time\":76500,\"level_dbfs\":-30,\"peak_dbfs\":-15,\"clipped\":false,"
         "\"p\":[0.05,0.5,1],\"on\":[\"voice\"]}");
    take(live, "frame",
         "{\"t\":9,\"time\":76515,\"level_dbfs\":-30,\"peak_dbfs\":-15,\"clipped\":false,"
         "\"p\":[0.05,0.5,1],\"on\":[\"mallet_percussion\",\"voice\"]}");
    take(live, "onset",
         "{\"label\":\"mallet_percussion\",\"t\":9,\"time\":76443,\"confidence\":1}");
    cJSON *info = cJSON_Parse("{\"labels\":[\"bass\",\"mallet_percussion\",\"voice\"],"
                              "\"thresholds\":[0.5,0.25,0]}");
    live_take_info(live, info);
    cJSON_Delete(info);
}

static const char *paint(const struct live *live, unsigned columns, unsigned rows, bool utf8,
                         enum canvas_palette palette)
{
    static char text[LIVE_PAINT_SIZE];
    const struct live_look look = {columns, rows, utf8, palette};
    const size_t length = live_paint(live, &look, 100 * S, text, sizeof text);
    assert_int_equal(length, strlen(text));
    return text;
}

static void shows_all_that_there_is_room_for(void **state)
{
    (void)state;
    struct live live;
    play(&live);
    /* clang-format off */
    static const char lines[] =
        " Voice & mallet percussion\n"
        "\n"
        "   bass              ━──────┼───────\n"
        " ▸ mallet percussion ━━━╋━━━╸───────  1:12 ago\n"
        " ▸ voice             ━━━━━━━━━━━━━━━\n"
        "   level             ━━━━━━━╸───┼───  −30 dBFS\n"
        " • Live · demo · tiny";
    /* clang-format on */
    assert_string_equal(paint(&live, 50, 7, true, CANVAS_BARE), lines);
    assert_string_equal(
        paint(&live, 80, 7, false, CANVAS_BARE),
        " Voice & mallet percussion\n"
        "\n"
        "   bass              ==...............|.................\n"
        " > mallet percussion ========|========-.................  21:14:03  1:12 ago\n"
        " > voice             ===================================\n"
        "   level             =================-........|........  -30 dBFS\n"
        " * Live - demo - tiny");
    assert_string_equal(paint(&live, 50, 12, false, CANVAS_BARE),
                        "\n"
                        " Voice & mallet percussion\n"
                        "\n"
                        "   bass              =......|.......\n"
                        " > mallet percussion ===|===-.......  1:12 ago\n"
                        " > voice             ===============\n"
                        "\n"
                        "   level             =======-...|...  -30 dBFS\n"
                        "\n"
                        " * Live - demo - tiny\n");
    assert_string_equal(paint(&live, 34, 6, false, CANVAS_BARE),
                        " Voice & mallet percussion\n"
                        "   bass              -.....|.....\n"
                        " > mallet percussion ===|==......\n"
                        " > voice             ============\n"
                        "   level             -30 dBFS\n"
                        " * Live - demo - tiny");
}

static void gives_up_things_in_order(void **state)
{
    (void)state;
    struct live live;
    play(&live);
    assert_string_equal(paint(&live, 30, 4, false, CANVAS_BARE), " Voice & mallet percussion\n"
                                                                 " > mallet percussion ==|=....\n"
                                                                 " > voice             ========\n"
                                                                 " * Live - -30 dBFS - demo - ~");
    assert_string_equal(paint(&live, 30, 2, false, CANVAS_BARE), " Voice & mallet percussion\n"
                                                                 " * Live - -30 dBFS - demo - ~");
    assert_string_equal(paint(&live, 30, 1, false, CANVAS_BARE), " Voice & mallet percussion");
    assert_string_equal(paint(&live, 20, 1, false, CANVAS_BARE), " Voice & 1 more");
    assert_string_equal(paint(&live, 6, 1, false, CANVAS_BARE), " Voi~");
    assert_string_equal(paint(&live, 80, 0, false, CANVAS_BARE), "");
}

/* Side by side where lines are few and wide. */
static void uses_the_width(void **state)
{
    (void)state;
    struct live live;
    play(&live);
    assert_string_equal(paint(&live, 80, 4, false, CANVAS_BARE),
                        " Voice & mallet percussion\n"
                        "   bass              -...|....          > voice             =========\n"
                        " > mallet percussion ==|=-....  1:12\n"
                        " * Live - -30 dBFS - demo - tiny");
}

static void says_what_is_wrong(void **state)
{
    (void)state;
    struct live live;
    play(&live);
    live_set_link(&live, LIVE_BROKEN, "Connection \x1b[2J refused", 100 * S);
    assert_string_equal(paint(&live, 60, 6, false, CANVAS_BARE),
                        " Reconnecting\n"
                        "   bass              ............|............\n"
                        "   mallet percussion ......|..................  1:12 ago\n"
                        "   voice             .........................\n"
                        "   level             .........................\n"
                        " * Reconnecting - Connection lost (Connection ?[2J refused~");
    live_init(&live, 100 * S);
    assert_string_equal(paint(&live, 60, 24, false, CANVAS_BARE),
                        "\n Connecting\n\n\n\n * Connecting\n");
}

static void styles_are_the_only_escapes(void **state)
{
    (void)state;
    struct live live;
    play(&live);
    take(&live, "status", "{\"source\":\"\\u001b]0;x\\u0007\xc2\x9b\xff\",\"state\":\"running\"}");
    static const char *const allowed[] = {"\033[m",       "\033[0;2m",    "\033[0;1m",
                                          "\033[0;1;32m", "\033[0;1;33m", "\033[0;1;31m"};
    for (int palette = CANVAS_BARE; palette <= CANVAS_COLOURED; palette++) {
        const char *text = paint(&live, 80, 24, true, (enum canvas_palette)palette);
        size_t escapes = 0;
        for (const char *at = text; (at = strchr(at, '\033')) != NULL; at++, escapes++) {
            const size_t most = palette == CANVAS_COLOURED ? 6 : palette == CANVAS_BARE ? 0 : 3;
            size_t i = 0;
            while (i < most && strncmp(at, allowed[i], strlen(allowed[i])) != 0)
                i++;
            assert_true(i < most);
        }
        assert_true((escapes > 0) == (palette != CANVAS_BARE));
        assert_null(strchr(text, '\a'));
        assert_null(strstr(text, "\xc2\x9b"));
    }
}

static unsigned columns_of_line(const struct canvas *canvas, const char **text)
{
    char line[1024];
    const size_t length = strcspn(*text, "\n");
    snprintf(line, sizeof line, "%.*s", (int)length, *text);
    *text += length + ((*text)[length] == '\n');
    return canvas_width(canvas, line);
}

/* Whatever the size of the terminal, no line is longer and there are no more of them. */
static void fits_every_terminal(void **state)
{
    (void)state;
    struct live live;
    play(&live);
    take(&live, "hello",
         "{\"labels\":[\"bass\",\"\\u7b1b\\u7b1b\\u7b1b\",\"e\\u0301\\u0301\",\"\","
         "\"a_very_long_name_of_an_instrument_that_nobody_has_ever_heard\"]}");
    take(&live, "frame",
         "{\"t\":9,\"time\":76515,\"level_dbfs\":-30,\"p\":[1,1,1,1,1],\"on\":["
         "\"\\u7b1b\\u7b1b\\u7b1b"
         "\",\"bass\",\"a_very_long_name_of_an_instrument_that_nobody_has_ever_heard\"]}");
    static const unsigned rows[] = {1, 2, 3, 5, 6, 7, 12, 24, 60, 5000};
    for (unsigned columns = 0; columns < 260; columns++) {
        for (size_t i = 0; i < 2 * sizeof rows / sizeof *rows; i++) {
            char place[8];
            struct canvas canvas;
            canvas_init(&canvas, place, sizeof place, columns, i % 2 == 0, CANVAS_BARE);
            const char *text = paint(&live, columns, rows[i / 2], i % 2 == 0, CANVAS_BARE);
            unsigned lines = 0;
            for (; *text != '\0'; lines++)
                assert_true(columns_of_line(&canvas, &text) <= (columns > 1 ? columns - 1 : 1));
            assert_true(lines <= rows[i / 2]);
        }
    }
}

/* A picture that does not fit its memory is cut, and nothing else. */
static void keeps_to_its_memory(void **state)
{
    (void)state;
    struct live live;
    play(&live);
    const struct live_look look = {80, 24, true, CANVAS_COLOURED};
    for (size_t size = 1; size < 1200; size += 7) {
        char *text = malloc(size);
        assert_true(live_paint(&live, &look, 100 * S, text, size) < size);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_all_that_there_is_room_for),
        cmocka_unit_test(gives_up_things_in_order),
        cmocka_unit_test(uses_the_width),
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(styles_are_the_only_escapes),
        cmocka_unit_test(fits_every_terminal),
        cmocka_unit_test(keeps_to_its_memory),
    };
    if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
        return 77;
    setenv("TZ", "UTC", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
