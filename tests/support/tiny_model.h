/* tiny_model.h - the small model of the tests of nn/, for all tests that need one.
 *
 * Any thread.
 */
#ifndef TUTTI_TESTS_TINY_MODEL_H
#define TUTTI_TESTS_TINY_MODEL_H

#include "nn/model.h"

/* To be closed by model_close(). The program ends, with the reason on stderr, if it cannot be
 * opened: no test can go on without it. */
struct model *tiny_model_open(void);

/* The same with other bytes in place of the first such ones; both are of one length. */
struct model *tiny_model_open_changed(const char *from, const char *to);

#endif
