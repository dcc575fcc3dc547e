/* safetensors.h - the container format of model files: named raw tensors.
 *
 * A safetensors file is an 8-byte little-endian header length, a JSON header and
 * the tensors' bytes (https://github.com/huggingface/safetensors, "Format"). This
 * reader takes a file that is already in memory and trusts nothing in it: lengths,
 * nesting, names, types, shapes and offsets are checked before they are used.
 *
 * A struct safetensors is immutable after the parse, so any number of threads may
 * read it. Only safetensors_parse() allocates.
 */
#ifndef TUTTI_NN_SAFETENSORS_H
#define TUTTI_NN_SAFETENSORS_H

#include "common/status.h"

#include <stddef.h>

#define SAFETENSORS_RANK_MAX 8
#define SAFETENSORS_HEADER_MAX ((size_t)4 << 20) /* bytes; models/FORMAT.md */

struct safetensors; /* opaque */

struct safetensors_tensor {
    const char *name; /* UTF-8 */
    const char *type; /* "I8", "F16", "F32", "I32", ... as in the file */
    unsigned rank;    /* 0 to SAFETENSORS_RANK_MAX */
    size_t shape[SAFETENSORS_RANK_MAX];
    const unsigned char *data; /* little endian, unaligned, inside the blob */
    size_t size;               /* bytes; the product of shape times the type's size */
};

/* Parses the size bytes at blob, which must stay unchanged until
 * safetensors_free(). Refuses (NULL) with TUTTI_ERROR_FORMAT, naming the place:
 * a file that is cut short, a header over SAFETENSORS_HEADER_MAX, broken or deeply
 * nested (over 1,000 levels) JSON, text that is not UTF-8, a key given twice, an
 * unknown type, a shape that does not fit the offsets, tensors that overlap, lie
 * outside the file or leave bytes that belong to none; and with
 * TUTTI_ERROR_MEMORY when memory is short (inside cJSON: as broken JSON, json.h). */
struct safetensors *safetensors_parse(const void *blob, size_t size, struct tutti_error *error);

/* Frees the index, not the blob; NULL is fine. */
void safetensors_free(struct safetensors *);

/* The number of tensors. */
size_t safetensors_count(const struct safetensors *);

/* The tensor of that name, or NULL. Valid until safetensors_free(). */
const struct safetensors_tensor *safetensors_find(const struct safetensors *, const char *name);

/* The text of a key of __metadata__, or NULL. Valid until safetensors_free(). */
const char *safetensors_metadata(const struct safetensors *, const char *key);

#endif
