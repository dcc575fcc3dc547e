#include "daemon/json_read.h"

#include "common/text.h"

#include <math.h>
#include <string.h>

bool json_read_number(const cJSON *object, const char *key, double least, double most,
                      double *value)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!cJSON_IsNumber(item) || !isfinite(item->valuedouble) || item->valuedouble < least ||
        item->valuedouble > most)
        return false;
    *value = item->valuedouble;
    return true;
}

bool json_read_boolean(const cJSON *object, const char *key, bool *value)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!cJSON_IsBool(item))
        return false;
    *value = cJSON_IsTrue(item);
    return true;
}

bool json_read_string(const cJSON *object, const char *key, char *text, size_t size)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!cJSON_IsString(item) || item->valuestring == NULL)
        return false;
    json_read_text(item->valuestring, text, size);
    return true;
}

/* Characters of format (Unicode's category Cf and the two separators of lines), as UTF-8 ranges
 * that have all their bytes but the last in common. */
static bool is_invisible(const char *character, size_t length)
{
    static const struct {
        const char *first;
        const char *last;
    } ranges[] = {
        {"\u00AD", "\u00AD"}, {"\u061C", "\u061C"},         {"\u200B", "\u200F"},
        {"\u2028", "\u202E"}, {"\u2060", "\u206F"},         {"\uFEFF", "\uFEFF"},
        {"\uFFF9", "\uFFFB"}, {"\U000E0001", "\U000E003F"}, {"\U000E0040", "\U000E007F"},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        if (strlen(ranges[i].first) == length && memcmp(character, ranges[i].first, length) >= 0 &&
            memcmp(character, ranges[i].last, length) <= 0)
            return true;
    }
    return false;
}

void json_read_text(const char *from, char *text, size_t size)
{
    size_t used = 0;
    enum text_kind kind;
    for (size_t length; (length = text_next(from, &kind)) > 0; from += length) {
        if (kind == TEXT_PLAIN && is_invisible(from, length))
            continue;
        const size_t taken = kind == TEXT_PLAIN ? length : 1;
        if (used + taken >= size)
            break;
        memcpy(text + used, kind == TEXT_PLAIN ? from : "?", taken);
        used += taken;
    }
    text[used] = '\0';
}
