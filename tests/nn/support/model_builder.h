/* model_builder.h - makes model files in memory for tests, sound ones and broken ones.
 *
 * A builder starts with valid metadata and no layers. Layers are added one after the
 * other with random weights; then a test may change any text, tensor or offset before
 * the file is written. A mistake in a test (an edit that finds nothing) fails it.
 */
#ifndef TUTTI_TESTS_NN_MODEL_BUILDER_H
#define TUTTI_TESTS_NN_MODEL_BUILDER_H

#include "nn/model.h"
#include "tests/nn/support/random.h"

#include <stdbool.h>
#include <stddef.h>

struct builder_tensor {
    char name[128];
    char type[16];
    unsigned rank;
    size_t shape[9]; /* one more side than the format allows */
    unsigned char *data;
    size_t size;       /* of data */
    long begin_offset; /* added to data_offsets when the header is written */
    long end_offset;
    struct builder_tensor *next;
};

struct builder {
    struct random_source random;
    struct model_shape shape; /* what the last layer gives */
    struct builder_tensor *tensors, **last_tensor;
    struct {
        char key[32];
        char *text; /* NULL: not written */
    } metadata[8];
    size_t layers;
    int zero;     /* of the outputs of the layers to come; -1: random ones */
    double scale; /* of the same; 0: random ones */
};

/* A builder for windows of columns x mel_bands, with labels label_0, label_1, ... */
struct builder *builder_new(uint64_t seed, unsigned columns, unsigned mel_bands, unsigned labels);

void builder_free(struct builder *);

/* Each adds a layer named op_0, op_1, ... that reads the one before. */
void builder_conv(struct builder *, unsigned out, const unsigned kernel[2],
                  const unsigned stride[2], const unsigned padding[2], const char *activation);
void builder_depthwise(struct builder *, const unsigned kernel[2], const unsigned stride[2],
                       const unsigned padding[2], const char *activation);
/* residual: the index of an earlier layer, or -1 */
void builder_pointwise(struct builder *, unsigned out, const char *activation, int residual);
void builder_squeeze_excite(struct builder *, unsigned squeezed);
void builder_mean(struct builder *);
void builder_linear(struct builder *, unsigned out, const char *activation);
void builder_head(struct builder *, unsigned labels);
/* The other head: time_steps, and an attention over them. */
void builder_time_steps(struct builder *);
void builder_attention(struct builder *, unsigned labels);

/* Takes the outputs of the head for so many labels, and so many neighbours behind them. */
void builder_neighbours(struct builder *, unsigned labels, unsigned neighbours);

/* The model that most tests start from: 12 columns, 8 bands, 2 labels, 3 channels inside,
 * and every kind of layer: op_0 conv, op_1 depthwise, op_2 squeeze_excite, op_3 pointwise
 * with op_0 as residual, op_4 mean, op_5 linear, op_6 head. */
struct builder *builder_tiny(void);

/* A random graph with residuals, odd sizes and extreme zeros, sometimes with neighbours. */
struct builder *builder_random(uint64_t seed);

/* Replaces the first `from` in the text of a metadata key. */
void builder_edit(struct builder *, const char *key, const char *from, const char *to);

/* Sets the text of a metadata key; NULL leaves the key out. */
void builder_set(struct builder *, const char *key, const char *text);

struct builder_tensor *builder_tensor(struct builder *, const char *name);

void builder_remove_tensor(struct builder *, const char *name);

/* Adds a tensor of size bytes, all 0, as a vector. */
struct builder_tensor *builder_add_tensor(struct builder *, const char *name, const char *type,
                                          size_t elements, size_t size);

/* The file; the caller frees it. */
unsigned char *builder_write(const struct builder *, size_t *size);

/* Writes and reads it; fails the test if the reader refuses. */
struct model *builder_open(const struct builder *);

#endif
