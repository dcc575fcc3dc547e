/* number.h - numbers as people write them in settings, options and queries.
 *
 * Strict, and the same in every locale: the whole text has to be one decimal
 * number with a point, without white space, "inf", "nan" or hexadecimal. No
 * state, no allocation; any thread.
 */
#ifndef TUTTI_DAEMON_NUMBER_H
#define TUTTI_DAEMON_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/* Reads "0.25", "-3", "1e-3", ... into *value, which is always finite. False,
 * with *value untouched, if text (NULL too) is anything else or too large. */
bool number_parse(const char *text, double *value);

/* Reads digits alone: 0 to maximum. False, with *value untouched, otherwise. */
bool number_parse_unsigned(const char *text, uint64_t maximum, uint64_t *value);

#endif
