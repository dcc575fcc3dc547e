#include "daemon/line_limit.h"

#include "daemon/clock.h"

#define HOUR_NS (3600 * CLOCK_NS_PER_S)

void line_limit_init(struct line_limit *limit, unsigned per_second, unsigned per_hour)
{
    *limit = (struct line_limit){.per_second = per_second, .per_hour = per_hour};
}

static void begin_anew(uint64_t *began_ns, unsigned *lines, uint64_t now_ns, uint64_t length_ns)
{
    if (*began_ns != 0 && now_ns - *began_ns < length_ns)
        return;
    *began_ns = now_ns;
    *lines = 0;
}

struct line_verdict line_limit_take(struct line_limit *limit, unsigned lines, uint64_t now_ns)
{
    begin_anew(&limit->second_ns, &limit->in_second, now_ns, CLOCK_NS_PER_S);
    begin_anew(&limit->hour_ns, &limit->in_hour, now_ns, HOUR_NS);
    struct line_verdict verdict = {.pass = limit->in_second < limit->per_second &&
                                           limit->in_hour < limit->per_hour};
    if (verdict.pass) {
        verdict.left_out = limit->left_out;
        limit->left_out = 0;
        limit->in_second += lines;
        limit->in_hour += lines;
    } else {
        verdict.first_left_out = limit->left_out == 0 && lines > 0;
        limit->left_out += lines;
    }
    return verdict;
}
