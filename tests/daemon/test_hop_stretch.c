#include "daemon/hop_stretch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static unsigned look(struct hop_stretch *stretch, unsigned times, bool late, double busy)
{
    for (unsigned i = 0; i < times; i++)
        hop_stretch_look(stretch, late, busy);
    return stretch->factor;
}

static void settle(struct hop_stretch *stretch)
{
    look(stretch, HOP_STRETCH_SETTLE_LOOKS, true, 1.0);
}

static void stays_as_asked_for_while_it_keeps_up(void **state)
{
    (void)state;
    struct hop_stretch stretch;
    hop_stretch_init(&stretch);
    assert_int_equal(look(&stretch, 10000, false, 0.99), 1);
    assert_int_equal(look(&stretch, 10000, false, 0.0), 1);
    for (int i = 0; i < 1000; i++) { /* late for a moment, again and again */
        assert_int_equal(look(&stretch, 1, true, 1.0), 1);
        assert_int_equal(look(&stretch, 1, false, 1.0), 1);
    }
}

static void doubles_until_it_keeps_up(void **state)
{
    (void)state;
    struct hop_stretch stretch;
    hop_stretch_init(&stretch);
    assert_int_equal(look(&stretch, 1, true, 1.0), 1);
    assert_int_equal(look(&stretch, 1, true, 1.0), 2);
    for (unsigned factor = 4; factor <= HOP_STRETCH_MAX; factor *= 2) {
        settle(&stretch);
        assert_int_equal(look(&stretch, 1, true, 1.0), factor / 2);
        assert_int_equal(look(&stretch, 1, true, 1.0), factor);
    }
    assert_int_equal(look(&stretch, 1000, true, 1.0), HOP_STRETCH_MAX);
}

static void halves_only_where_there_is_room_for_it(void **state)
{
    (void)state;
    struct hop_stretch stretch;
    hop_stretch_init(&stretch);
    look(&stretch, 2, true, 1.0);
    settle(&stretch);
    assert_int_equal(look(&stretch, 10000, false, 0.36), 2); /* twice that is more than 70% */
    assert_int_equal(look(&stretch, HOP_STRETCH_CALM_LOOKS - 1, false, 0.3), 2);
    assert_int_equal(look(&stretch, 1, false, 0.5), 2); /* begins anew */
    assert_int_equal(look(&stretch, HOP_STRETCH_CALM_LOOKS - 1, false, 0.3), 2);
    assert_int_equal(look(&stretch, 1, false, 0.3), 1);
}

/* Where the hop without stretch is too much, but seems not to be with it: the pauses grow. */
static void does_not_swing(void **state)
{
    (void)state;
    struct hop_stretch stretch;
    hop_stretch_init(&stretch);
    look(&stretch, 2, true, 1.0);
    unsigned needed = HOP_STRETCH_CALM_LOOKS;
    for (int i = 0; i < 8; i++) {
        settle(&stretch);
        assert_int_equal(look(&stretch, needed - 1, false, 0.1), 2);
        assert_int_equal(look(&stretch, 1, false, 0.1), 1);
        settle(&stretch);
        assert_int_equal(look(&stretch, 2, true, 1.0), 2);
        needed = needed < 16 * HOP_STRETCH_CALM_LOOKS ? 2 * needed : needed;
    }
    /* A long calm without stretch, and it is quick again. */
    settle(&stretch);
    look(&stretch, needed, false, 0.1);
    settle(&stretch);
    assert_int_equal(look(&stretch, needed, false, 0.1), 1);
    assert_int_equal(look(&stretch, 2, true, 1.0), 2);
    settle(&stretch);
    assert_int_equal(look(&stretch, HOP_STRETCH_CALM_LOOKS, false, 0.1), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stays_as_asked_for_while_it_keeps_up),
        cmocka_unit_test(doubles_until_it_keeps_up),
        cmocka_unit_test(halves_only_where_there_is_room_for_it),
        cmocka_unit_test(does_not_swing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
