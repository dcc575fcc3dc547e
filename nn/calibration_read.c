#include "nn/calibration.h"

#include "nn/json.h"

#include <stdio.h>
#include <string.h>

#define PLACE "tutti.calibration"

static bool read_factors(const cJSON *object, const char *key, size_t count, double min, double max,
                         float *values, struct tutti_error *error)
{
    char place[64];
    snprintf(place, sizeof place, PLACE ", \"%s\"", key);
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(object, key);
    size_t length;
    if (!json_array(list, count, count, &length, place, error))
        return false;
    size_t index = 0;
    for (const cJSON *item = list->child; item != NULL; item = item->next, index++) {
        if (!cJSON_IsNumber(item) || !(item->valuedouble >= min && item->valuedouble <= max)) {
            tutti_error_set(error, TUTTI_ERROR_FORMAT, "%s: element %zu is no number from %g to %g",
                            place, index, min, max);
            return false;
        }
        values[index] = (float)item->valuedouble;
    }
    return true;
}

/* Where a file has none, those of clips. */
static bool read_entry(const cJSON *object, double min, double max, struct model_calibration *c,
                       struct tutti_error *error)
{
    memcpy(c->entry, c->threshold, sizeof c->entry);
    return cJSON_GetObjectItemCaseSensitive(object, "entry") == NULL ||
           read_factors(object, "entry", c->labels, min, max, c->entry, error);
}

/* A number from 0 to 10; 0 where a file has none. */
static bool read_weight(const cJSON *object, const char *key, float *weight,
                        struct tutti_error *error)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    *weight = 0;
    if (item == NULL)
        return true;
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0 && item->valuedouble <= 10)) {
        tutti_error_set(error, TUTTI_ERROR_FORMAT, PLACE ": \"%s\" is no number from 0 to 10", key);
        return false;
    }
    *weight = (float)item->valuedouble;
    return true;
}

bool calibration_read(const char *text, size_t labels, size_t neighbours,
                      struct model_calibration *c, struct tutti_error *error)
{
    static const char *const keys[] = {"scale",    "offset",     "threshold", "?entry",
                                       "?rivalry", "?deference", NULL};
    const double tiny = 1e-6; /* a threshold of 0 or 1 would be always or never reached */
    c->labels = labels;
    c->neighbours = neighbours;
    cJSON *object = json_parse(text, strlen(text), PLACE, error);
    bool ok = object != NULL && json_has_keys(object, keys, PLACE, error) &&
              read_factors(object, "scale", labels, -1e6, 1e6, c->scale, error) &&
              read_factors(object, "offset", labels, -1e6, 1e6, c->offset, error) &&
              read_factors(object, "threshold", labels, tiny, 1 - tiny, c->threshold, error) &&
              read_entry(object, tiny, 1 - tiny, c, error) &&
              read_weight(object, "rivalry", &c->rivalry, error) &&
              read_weight(object, "deference", &c->deference, error);
    cJSON_Delete(object);
    return ok;
}
