#include "daemon/file_limit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include <cmocka.h>

static void set(rlim_t soft, rlim_t hard)
{
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){soft, hard}), 0);
}

static rlim_t soft_limit(void)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    return limit.rlim_cur;
}

static void raises_as_far_as_needed_and_allowed(void **state)
{
    (void)state;
    set(50, 200);
    assert_int_equal(file_limit_raise(0), 50);
    assert_int_equal(file_limit_raise(50), 50);
    assert_int_equal(soft_limit(), 50);
    assert_int_equal(file_limit_raise(120), 120);
    assert_int_equal(soft_limit(), 120);
    assert_int_equal(file_limit_raise(60), 120); /* never lowers */
    assert_int_equal(soft_limit(), 120);
    assert_int_equal(file_limit_raise(1000), 200);
    assert_int_equal(soft_limit(), 200);
    assert_int_equal(file_limit_raise(SIZE_MAX), 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(raises_as_far_as_needed_and_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
