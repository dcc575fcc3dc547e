#include "daemon/line_limit.h"

#include "daemon/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NS_PER_MS CLOCK_NS_PER_MS
#define START_NS (1000 * CLOCK_NS_PER_S)

static void a_burst_passes_and_the_rest_of_the_second_does_not(void **state)
{
    (void)state;
    struct line_limit limit;
    line_limit_init(&limit, 10, 60);
    for (unsigned i = 0; i < 100; i++) {
        const struct line_verdict verdict = line_limit_take(&limit, 1, START_NS + i * NS_PER_MS);
        assert_int_equal(verdict.pass, i < 10);
        assert_int_equal(verdict.first_left_out, i == 10);
        assert_int_equal(verdict.left_out, 0);
    }
    const struct line_verdict next = line_limit_take(&limit, 1, START_NS + CLOCK_NS_PER_S);
    assert_true(next.pass && !next.first_left_out);
    assert_int_equal(next.left_out, 90);
}

/* Three lines every 2.5 s for a day. */
static void what_goes_on_is_limited_by_the_hour(void **state)
{
    (void)state;
    struct line_limit limit;
    line_limit_init(&limit, 10, 60);
    uint64_t passed = 0;
    uint64_t told = 0;
    unsigned notices = 0;
    for (uint64_t i = 0; i < 24 * 1440; i++) {
        for (unsigned k = 0; k < 3; k++) {
            const struct line_verdict verdict =
                line_limit_take(&limit, 1, START_NS + i * 2500 * NS_PER_MS);
            passed += verdict.pass;
            told += verdict.left_out;
            notices += verdict.first_left_out;
        }
    }
    assert_int_equal(passed, 24 * 60);
    assert_int_equal(notices, 24);
    assert_int_equal(passed + told + limit.left_out, 24 * 1440 * 3);
    const struct line_verdict next = line_limit_take(&limit, 1, START_NS + 86400 * CLOCK_NS_PER_S);
    assert_true(next.pass);
    assert_int_equal(next.left_out, 1440 * 3 - 60);
}

/* Part of a line is none, and several lines in one text stay together. */
static void texts_pass_as_a_whole(void **state)
{
    (void)state;
    struct line_limit limit;
    line_limit_init(&limit, 2, 60);
    assert_true(line_limit_take(&limit, 0, START_NS).pass);
    assert_true(line_limit_take(&limit, 1, START_NS).pass);
    assert_true(line_limit_take(&limit, 3, START_NS).pass);
    assert_false(line_limit_take(&limit, 0, START_NS).first_left_out);
    assert_true(line_limit_take(&limit, 4, START_NS).first_left_out);
    assert_int_equal(limit.left_out, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_passes_and_the_rest_of_the_second_does_not),
        cmocka_unit_test(what_goes_on_is_limited_by_the_hour),
        cmocka_unit_test(texts_pass_as_a_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
