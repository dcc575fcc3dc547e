/* model_refusals.h - expects that a model file is refused, and for which reason.
 */
#ifndef TUTTI_TESTS_NN_MODEL_REFUSALS_H
#define TUTTI_TESTS_NN_MODEL_REFUSALS_H

#include "common/status.h"
#include "tests/nn/support/model_builder.h"

/* Writes what the builder has become, and expects a refusal with this status whose sentence begins
 * with the file's name and holds `reason`. Frees the builder. */
void refuse_as(struct builder *builder, enum tutti_status status, const char *reason);

/* The same, for a file of a wrong format. */
void refuse(struct builder *builder, const char *reason);

/* The tiny model with one piece of a text of its metadata replaced. */
void refuse_edit(const char *key, const char *from, const char *to, const char *reason);

/* The tiny model with another text for `key`. */
void refuse_text(const char *key, const char *text, const char *reason);

#endif
