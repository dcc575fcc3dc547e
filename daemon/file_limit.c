#include "daemon/file_limit.h"

#include <stdint.h>
#include <sys/resource.h>

size_t file_limit_raise(size_t needed)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return SIZE_MAX;
    if (limit.rlim_cur < needed && limit.rlim_cur < limit.rlim_max) {
        const struct rlimit before = limit;
        limit.rlim_cur = limit.rlim_max < needed ? limit.rlim_max : needed;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
            limit = before;
    }
    return limit.rlim_cur < SIZE_MAX ? (size_t)limit.rlim_cur : SIZE_MAX;
}
