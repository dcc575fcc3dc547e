/* model.h - a model file, read and checked: labels, front end, graph, weights.
 *
 * models/FORMAT.md says what a model file is. model_open() believes nothing in it:
 * what it returns can be run by network.h and network_float.h without any further
 * check, whatever the file held. A refusal is one sentence that names the file, the
 * place in it and the reason.
 *
 * A struct model is immutable once open, so any number of threads and networks may
 * share it. All pointers that the getters return live until model_close(). Memory
 * is taken only in model_open() and model_read().
 */
#ifndef TUTTI_NN_MODEL_H
#define TUTTI_NN_MODEL_H

#include "common/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MODEL_LABELS_MAX 256
#define MODEL_NEIGHBOURS_MAX 256
#define MODEL_OUTPUTS_MAX (MODEL_LABELS_MAX + MODEL_NEIGHBOURS_MAX)
#define MODEL_LABEL_SIZE 64               /* bytes, with the terminating 0 */
#define MODEL_NAME_SIZE 64                /* bytes, with the terminating 0 */
#define MODEL_LAYERS_MAX 512              /* "ops" of the file */
#define MODEL_FILE_MAX ((size_t)64 << 20) /* bytes */

struct model; /* opaque */

/* The numbers of the front end that the model was trained with; what they mean is
 * in models/FORMAT.md. nn only carries them to whoever computes the columns. */
struct model_frontend {
    unsigned rate_hz;       /* 8,000 to 192,000 */
    unsigned fft_frames;    /* a power of two, 64 to 16,384 */
    unsigned window_frames; /* 2 to fft_frames */
    unsigned hop_frames;    /* 1 to fft_frames */
    unsigned mel_bands;     /* 1 to 512 */
    unsigned columns;       /* the window's length in hops, 1 to 4,096 */
    double low_hz, high_hz; /* 0 <= low < high <= rate_hz / 2 */
    double preemphasis;     /* 0 to 1 */
    double log_offset;      /* > 0 */
    double add, divide;     /* (logarithm + add) / divide; divide is not 0 */
};

/* A tensor of activations, channels last. */
struct model_shape {
    unsigned time, frequency, channels;
};

/* One layer, for a person to read. */
struct model_layer_info {
    const char *name;           /* "features.0", ... */
    const char *kind;           /* "conv", "depthwise", "pointwise", "squeeze_excite", ... */
    const char *activation;     /* "none", "relu", "hardswish" */
    const char *residual;       /* the layer whose output is added, or NULL */
    struct model_shape in, out; /* time positions, frequencies, channels */
    unsigned kernel[2];         /* time, frequency; 1, 1 where there is none */
    unsigned stride[2];         /* time, frequency; 1, 1 where there is none */
    uint64_t multiply_adds;     /* per window, of weights with activations */
    size_t weights;             /* number of weights, without biases */
};

/* Opens the model file at path: reads it whole (at most MODEL_FILE_MAX bytes) and
 * checks it. NULL with *error filled: TUTTI_ERROR_NOT_FOUND where there is no such
 * file, TUTTI_ERROR_IO where it cannot be read or is no regular file,
 * TUTTI_ERROR_FORMAT where it is malformed, TUTTI_ERROR_UNSUPPORTED where its format
 * version is another one, TUTTI_ERROR_MEMORY. error may be NULL. */
struct model *model_open(const char *path, struct tutti_error *error);

/* The same for a file already in memory. The bytes are copied; name stands for the
 * file in messages. */
struct model *model_read(const void *bytes, size_t size, const char *name,
                         struct tutti_error *error);

/* Frees the model; NULL is fine. Networks made from it stay usable. */
void model_close(struct model *);

/* The name for people, such as "tutti-20": 1 to 63 bytes of UTF-8 text. */
const char *model_name(const struct model *);

/* SHA-256 of the file, 64 hexadecimal digits. */
const char *model_sha256(const struct model *);

/* The file's size in bytes. */
size_t model_file_size(const struct model *);

/* Number of labels, 1 to MODEL_LABELS_MAX: the length of every array of
 * probabilities. */
size_t model_label_count(const struct model *);

/* The name of label index (below model_label_count()), 1 to 63 of a-z 0-9 _ ; no
 * two are the same. */
const char *model_label(const struct model *, size_t index);

/* Instruments without a label that the network is asked for as well, 0 to MODEL_NEIGHBOURS_MAX, and
 * their names, as those of labels. What it takes for one of them it takes for a label less
 * easily; nothing is ever said of them. */
size_t model_neighbour_count(const struct model *);
const char *model_neighbour(const struct model *, size_t index);

/* The probability from which on label index counts as present, 0 to 1, both excluded: of a clip
 * the mean over its windows, and of a stream, for an entry, the smoothed one. */
float model_threshold(const struct model *, size_t index);
float model_entry_threshold(const struct model *, size_t index);

const struct model_frontend *model_frontend(const struct model *);

/* Where the model comes from, its licences and measured quality: a JSON object, as
 * written in the file. */
const char *model_training_json(const struct model *);

/* Number of layers, 1 to MODEL_LAYERS_MAX. */
size_t model_layer_count(const struct model *);

/* Describes layer index (below model_layer_count()). */
void model_layer_describe(const struct model *, size_t index, struct model_layer_info *info);

/* How many columns lie between two positions in time of the last layers, and so between two of the
 * time steps that a network gives scores for: the product of the strides, 1 or a power of two. */
uint64_t model_step_columns(const struct model *);

/* The column of the window on which the first of them is centred; 0 where every convolution has all
 * the padding that it may have. */
uint64_t model_first_step_column(const struct model *);

/* Sums over all layers: multiply-adds of a window, and bytes of 8-bit weights. */
uint64_t model_multiply_adds(const struct model *);
size_t model_weight_bytes(const struct model *);

#endif
