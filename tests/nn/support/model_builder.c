#include "tests/nn/support/model_builder.h"

#include "common/text.h"

#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A mistake in a test, not in what it tests. */
static void broken_test(const char *what, const char *name)
{
    fprintf(stderr, "model_builder: %s: %s\n", what, name);
    abort();
}

static char *__attribute__((format(printf, 1, 2))) format(const char *pattern, ...)
{
    char *text;
    va_list arguments;
    va_start(arguments, pattern);
    if (vasprintf(&text, pattern, arguments) < 0)
        abort();
    va_end(arguments);
    return text;
}

static char **metadata_text(struct builder *b, const char *key)
{
    const size_t count = sizeof b->metadata / sizeof b->metadata[0];
    for (size_t i = 0; i < count; i++) {
        if (b->metadata[i].key[0] == '\0')
            snprintf(b->metadata[i].key, sizeof b->metadata[i].key, "%s", key);
        if (strcmp(b->metadata[i].key, key) == 0)
            return &b->metadata[i].text;
    }
    broken_test("no room for metadata", key);
    return NULL;
}

static void take(struct builder *b, const char *key, char *text)
{
    char **place = metadata_text(b, key);
    free(*place);
    *place = text;
}

void builder_set(struct builder *b, const char *key, const char *text)
{
    take(b, key, text != NULL ? format("%s", text) : NULL);
}

void builder_edit(struct builder *b, const char *key, const char *from, const char *to)
{
    const char *text = *metadata_text(b, key);
    const char *at = text != NULL ? strstr(text, from) : NULL;
    if (at == NULL)
        broken_test("nothing to replace", from);
    else
        take(b, key, format("%.*s%s%s", (int)(at - text), text, to, at + strlen(from)));
}

/* --- tensors ------------------------------------------------------------------------- */

struct builder_tensor *builder_add_tensor(struct builder *b, const char *name, const char *type,
                                          size_t elements, size_t size)
{
    struct builder_tensor *tensor = calloc(1, sizeof *tensor);
    if (tensor == NULL || (tensor->data = calloc(size + 1, 1)) == NULL)
        abort();
    snprintf(tensor->name, sizeof tensor->name, "%s", name);
    snprintf(tensor->type, sizeof tensor->type, "%s", type);
    tensor->rank = 1;
    tensor->shape[0] = elements;
    tensor->size = size;
    *b->last_tensor = tensor;
    b->last_tensor = &tensor->next;
    return tensor;
}

struct builder_tensor *builder_tensor(struct builder *b, const char *name)
{
    for (struct builder_tensor *t = b->tensors; t != NULL; t = t->next) {
        if (strcmp(t->name, name) == 0)
            return t;
    }
    broken_test("no such tensor", name);
    return NULL;
}

void builder_remove_tensor(struct builder *b, const char *name)
{
    struct builder_tensor *gone = builder_tensor(b, name), **link = &b->tensors;
    while (*link != gone)
        link = &(*link)->next;
    *link = gone->next;
    if (b->last_tensor == &gone->next)
        b->last_tensor = link;
    free(gone->data);
    free(gone);
}

static void store_u32(unsigned char *to, uint32_t bits)
{
    for (unsigned i = 0; i < 4; i++)
        to[i] = (unsigned char)(bits >> 8 * i);
}

static void store_float(unsigned char *to, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    store_u32(to, bits);
}

static struct builder_tensor *add(struct builder *b, const char *prefix, const char *suffix,
                                  const char *type, size_t elements, size_t element_size)
{
    char name[128];
    snprintf(name, sizeof name, "%s.%s", prefix, suffix);
    return builder_add_tensor(b, name, type, elements, elements * element_size);
}

/* The five tensors of a matrix, with random contents that keep most sums in range. */
static void add_matrix(struct builder *b, const char *prefix, unsigned rank, const size_t *shape)
{
    size_t depth = 1, outputs = shape[0];
    for (unsigned i = 1; i < rank; i++)
        depth *= shape[i];
    struct builder_tensor *weight = add(b, prefix, "weight", "I8", outputs * depth, 1);
    struct builder_tensor *half = add(b, prefix, "float_weight", "F16", outputs * depth, 2);
    struct builder_tensor *scale = add(b, prefix, "scale", "F32", outputs, 4);
    struct builder_tensor *bias = add(b, prefix, "bias", "I32", outputs, 4);
    struct builder_tensor *float_bias = add(b, prefix, "float_bias", "F32", outputs, 4);
    weight->rank = half->rank = rank;
    memcpy(weight->shape, shape, rank * sizeof *shape);
    memcpy(half->shape, shape, rank * sizeof *shape);
    /* 64: within the pair limit */
    const int most = random_between(&b->random, 0, 1) == 1 ? 127 : 64;
    for (size_t i = 0; i < outputs * depth; i++) {
        weight->data[i] = (unsigned char)random_between(&b->random, -most, most);
        /* a sign, an exponent of 2^-3 or 2^-4, any fraction */
        unsigned bits = (unsigned)random_between(&b->random, 0, 0x7ff);
        bits |= 11u << 10 | (unsigned)random_between(&b->random, 0, 1) << 15;
        half->data[2 * i] = (unsigned char)bits;
        half->data[2 * i + 1] = (unsigned char)(bits >> 8);
    }
    for (size_t i = 0; i < outputs; i++) {
        store_float(scale->data + 4 * i,
                    (0.5f + random_unit(&b->random)) / (64 * sqrtf((float)depth)));
        store_u32(bias->data + 4 * i, (uint32_t)random_between(&b->random, -5000, 5000));
        store_float(float_bias->data + 4 * i, random_unit(&b->random) - 0.5f);
    }
}

/* --- layers -------------------------------------------------------------------------- */

static void name_layer(const struct builder *b, const char *part, char *name, size_t size)
{
    snprintf(name, size, "op_%zu%s", b->layers, part);
}

static void add_layer(struct builder *b, const char *kind, char *fields, char *output)
{
    char **layers = metadata_text(b, "tutti.layers");
    const size_t kept = strlen(*layers) - 2; /* without the closing "]}" */
    take(b, "tutti.layers",
         format("%.*s%s{\"op\": \"%s\", \"name\": \"op_%zu\", %s, \"output\": %s}]}", (int)kept,
                *layers, b->layers > 0 ? ", " : "", kind, b->layers, fields, output));
    b->layers++;
    free(fields);
    free(output);
}

/* Now and then an extreme zero; not often, as many of them would leave a constant network. */
static char *random_quantization(struct builder *b)
{
    static const int extremes[] = {0, 1, 254, 255};
    int zero = b->zero;
    if (zero < 0 && random_between(&b->random, 0, 11) == 0)
        zero = extremes[random_between(&b->random, 0, 3)];
    else if (zero < 0)
        zero = random_between(&b->random, 60, 160);
    const double scale = 0.015 + 0.02 * (double)random_unit(&b->random);
    return format("{\"scale\": %.9g, \"zero\": %d}", b->scale > 0 ? b->scale : scale, zero);
}

static void set_window(struct builder *b, const unsigned kernel[2], const unsigned stride[2],
                       const unsigned padding[2])
{
    b->shape.time = (b->shape.time + 2 * padding[0] - kernel[0]) / stride[0] + 1;
    b->shape.frequency = (b->shape.frequency + 2 * padding[1] - kernel[1]) / stride[1] + 1;
}

static char *window_fields(const unsigned kernel[2], const unsigned stride[2],
                           const unsigned padding[2], const char *activation)
{
    return format("\"kernel\": [%u, %u], \"stride\": [%u, %u], \"padding\": [%u, %u], "
                  "\"activation\": \"%s\"",
                  kernel[0], kernel[1], stride[0], stride[1], padding[0], padding[1], activation);
}

void builder_conv(struct builder *b, unsigned out, const unsigned kernel[2],
                  const unsigned stride[2], const unsigned padding[2], const char *activation)
{
    const size_t shape[] = {out, kernel[0], kernel[1], b->shape.channels};
    char name[80], *window = window_fields(kernel, stride, padding, activation);
    name_layer(b, "", name, sizeof name);
    add_matrix(b, name, 4, shape);
    add_layer(b, "conv", format("\"in\": %u, \"out\": %u, %s", b->shape.channels, out, window),
              random_quantization(b));
    free(window);
    set_window(b, kernel, stride, padding);
    b->shape.channels = out;
}

void builder_depthwise(struct builder *b, const unsigned kernel[2], const unsigned stride[2],
                       const unsigned padding[2], const char *activation)
{
    const size_t shape[] = {b->shape.channels, kernel[0], kernel[1]};
    char name[80], *window = window_fields(kernel, stride, padding, activation);
    name_layer(b, "", name, sizeof name);
    add_matrix(b, name, 3, shape);
    add_layer(b, "depthwise", format("\"channels\": %u, %s", b->shape.channels, window),
              random_quantization(b));
    free(window);
    set_window(b, kernel, stride, padding);
}

static void add_dense(struct builder *b, const char *kind, unsigned out, const char *activation,
                      const char *more, char *output)
{
    const size_t shape[] = {out, b->shape.channels};
    char name[80];
    name_layer(b, "", name, sizeof name);
    add_matrix(b, name, 2, shape);
    add_layer(b, kind,
              format("\"in\": %u, \"out\": %u, \"activation\": \"%s\"%s", b->shape.channels, out,
                     activation, more),
              output);
    b->shape.channels = out;
}

void builder_pointwise(struct builder *b, unsigned out, const char *activation, int residual)
{
    char more[40] = "";
    if (residual >= 0)
        snprintf(more, sizeof more, ", \"residual\": \"op_%d\"", residual);
    add_dense(b, "pointwise", out, activation, more, random_quantization(b));
}

void builder_squeeze_excite(struct builder *b, unsigned squeezed)
{
    const size_t reduce[] = {squeezed, b->shape.channels}, expand[] = {b->shape.channels, squeezed};
    char name[80], *pooled = random_quantization(b), *hidden = random_quantization(b);
    name_layer(b, ".reduce", name, sizeof name);
    add_matrix(b, name, 2, reduce);
    name_layer(b, ".expand", name, sizeof name);
    add_matrix(b, name, 2, expand);
    add_layer(b, "squeeze_excite",
              format("\"channels\": %u, \"squeezed\": %u, \"pooled\": %s, \"hidden\": %s",
                     b->shape.channels, squeezed, pooled, hidden),
              random_quantization(b));
    free(pooled);
    free(hidden);
}

void builder_mean(struct builder *b)
{
    add_layer(b, "mean", format("\"channels\": %u", b->shape.channels), random_quantization(b));
    b->shape.time = b->shape.frequency = 1;
}

void builder_linear(struct builder *b, unsigned out, const char *activation)
{
    add_dense(b, "linear", out, activation, "", random_quantization(b));
}

void builder_head(struct builder *b, unsigned labels)
{
    add_dense(b, "linear", labels, "none", "", format("null"));
}

void builder_time_steps(struct builder *b)
{
    add_layer(b, "time_steps", format("\"channels\": %u", b->shape.channels),
              random_quantization(b));
    b->shape.time++;
    b->shape.frequency = 1;
}

void builder_attention(struct builder *b, unsigned labels)
{
    const size_t shape[] = {labels, b->shape.channels};
    char name[80];
    name_layer(b, ".score", name, sizeof name);
    add_matrix(b, name, 2, shape);
    name_layer(b, ".attention", name, sizeof name);
    add_matrix(b, name, 2, shape);
    name_layer(b, ".gate", name, sizeof name);
    struct builder_tensor *gate = builder_add_tensor(b, name, "F32", labels, 4 * labels);
    for (size_t i = 0; i < labels; i++)
        store_float(gate->data + 4 * i, random_unit(&b->random));
    add_layer(b, "attention", format("\"in\": %u, \"out\": %u", b->shape.channels, labels),
              format("null"));
    b->shape = (struct model_shape){1, 1, labels};
}

/* --- files --------------------------------------------------------------------------- */

static void set_labels(struct builder *b, unsigned labels)
{
    char *names = format("%s", ""), *ones = format("%s", ""), *halves = format("%s", "");
    for (unsigned i = 0; i < labels; i++) {
        const char *comma = i > 0 ? ", " : "";
        char *old[] = {names, ones, halves};
        names = format("%s%s\"label_%u\"", names, comma, i);
        ones = format("%s%s1", ones, comma);
        halves = format("%s%s0.5", halves, comma);
        for (size_t k = 0; k < 3; k++)
            free(old[k]);
    }
    take(b, "tutti.labels", format("[%s]", names));
    take(b, "tutti.calibration",
         format("{\"scale\": [%s], \"offset\": [%s], \"threshold\": [%s]}", ones, halves, halves));
    free(names);
    free(ones);
    free(halves);
}

void builder_neighbours(struct builder *b, unsigned labels, unsigned neighbours)
{
    set_labels(b, labels);
    char *names = format("\"neighbour_0\"");
    for (unsigned i = 1; i < neighbours; i++) {
        char *longer = format("%s, \"neighbour_%u\"", names, i);
        free(names);
        names = longer;
    }
    take(b, "tutti.neighbours", format("[%s]", names));
    free(names);
}

struct builder *builder_new(uint64_t seed, unsigned columns, unsigned mel_bands, unsigned labels)
{
    struct builder *b = calloc(1, sizeof *b);
    if (b == NULL)
        abort();
    b->random.state = seed * 2 + 1;
    b->last_tensor = &b->tensors;
    b->zero = -1;
    b->shape = (struct model_shape){columns, mel_bands, 1};
    builder_set(b, "tutti.format", "1");
    builder_set(b, "tutti.name", "a test");
    set_labels(b, labels);
    take(b, "tutti.frontend",
         format("{\"rate_hz\": 32000, \"fft_frames\": 1024, \"window_frames\": 800, "
                "\"window\": \"hann_symmetric\", \"hop_frames\": 320, \"mel_bands\": %u, "
                "\"low_hz\": 0, \"high_hz\": 15000, \"mel_scale\": \"kaldi\", "
                "\"preemphasis\": 0.97, \"log_offset\": 1e-5, \"add\": 4.5, \"divide\": 5, "
                "\"columns\": %u}",
                mel_bands, columns));
    builder_set(b, "tutti.training", "{\"licence\": \"none\"}");
    builder_set(b, "tutti.layers", "{\"input\": {\"scale\": 0.02, \"zero\": 70}, \"ops\": []}");
    return b;
}

void builder_free(struct builder *b)
{
    if (b == NULL)
        return;
    while (b->tensors != NULL) {
        struct builder_tensor *next = b->tensors->next;
        free(b->tensors->data);
        free(b->tensors);
        b->tensors = next;
    }
    for (size_t i = 0; i < sizeof b->metadata / sizeof b->metadata[0]; i++)
        free(b->metadata[i].text);
    free(b);
}

struct builder *builder_tiny(void)
{
    static const unsigned three[2] = {3, 3}, two[2] = {2, 2}, one[2] = {1, 1};
    struct builder *b = builder_new(1, 12, 8, 2);
    b->zero = 60;
    builder_conv(b, 3, three, two, one, "hardswish");
    builder_depthwise(b, three, one, one, "relu");
    builder_squeeze_excite(b, 2);
    builder_pointwise(b, 3, "none", 0);
    builder_mean(b);
    builder_linear(b, 5, "hardswish");
    builder_head(b, 2);
    return b;
}

/* Kernel, stride and padding that fit a side of the input. */
static void random_window(struct builder *b, unsigned side, unsigned *kernel, unsigned *stride,
                          unsigned *padding)
{
    do {
        *kernel = (unsigned)random_between(&b->random, 0, 3) * 2 + 1;
        *padding = (unsigned)random_between(&b->random, 0, (int)(*kernel - 1) / 2);
    } while (side + *padding < *kernel);
    *stride = (unsigned)random_between(&b->random, 1, 2);
}

struct builder *builder_random(uint64_t seed)
{
    static const char *const activations[] = {"none", "relu", "hardswish"};
    struct random_source random = {seed * 2 + 1};
    const unsigned columns = (unsigned)random_between(&random, 9, 30);
    const unsigned bands = (unsigned)random_between(&random, 5, 20);
    const unsigned labels = (unsigned)random_between(&random, 1, 19);
    struct builder *b = builder_new(random_bits(&random), columns, bands, labels);
    struct model_shape shapes[32];
    const int layers = random_between(&random, 1, 14);
    for (int i = 0; i < layers; i++) {
        const char *activation = activations[random_between(&random, 0, 2)];
        unsigned kernel[2], stride[2], padding[2];
        random_window(b, b->shape.time, &kernel[0], &stride[0], &padding[0]);
        random_window(b, b->shape.frequency, &kernel[1], &stride[1], &padding[1]);
        int residual = random_between(&random, 0, 2 * i + 1);
        switch (random_between(&random, 0, 5)) {
        case 0:
            builder_conv(b, (unsigned)random_between(&random, 1, 20), kernel, stride, padding,
                         activation);
            break;
        case 1:
            builder_depthwise(b, kernel, stride, padding, activation);
            break;
        case 2:
            builder_squeeze_excite(b, (unsigned)random_between(&random, 1, 20));
            break;
        default: /* with a residual wherever the shapes allow it */
            if (residual < i && shapes[residual].time == b->shape.time &&
                shapes[residual].frequency == b->shape.frequency)
                builder_pointwise(b, shapes[residual].channels, activation, residual);
            else
                builder_pointwise(b, (unsigned)random_between(&random, 1, 40), activation, -1);
        }
        shapes[i] = b->shape;
    }
    if (seed % 2 == 0) {
        builder_mean(b);
        builder_head(b, labels);
    } else {
        builder_time_steps(b);
        builder_pointwise(b, (unsigned)random_between(&random, 1, 40),
                          activations[random_between(&random, 0, 2)], -1);
        builder_attention(b, labels);
    }
    if (seed % 3 == 0 && labels > 2)
        builder_neighbours(b, labels - labels / 3, labels / 3);
    return b;
}

/* --- writing ------------------------------------------------------------------------- */

/* Control characters, U+0080 to U+009F among them, are escaped. */
static void write_text(FILE *to, const char *text)
{
    enum text_kind kind;
    fputc('"', to);
    for (size_t length; (length = text_next(text, &kind)) > 0; text += length) {
        if (kind == TEXT_CONTROL) {
            fprintf(to, "\\u00%02x", (unsigned char)text[length - 1]);
            continue;
        }
        if (*text == '"' || *text == '\\')
            fputc('\\', to);
        fwrite(text, 1, length, to);
    }
    fputc('"', to);
}

static void write_header(const struct builder *b, FILE *to)
{
    const char *comma = "";
    long offset = 0;
    fputs("{\"__metadata__\": {", to);
    for (size_t i = 0; i < sizeof b->metadata / sizeof b->metadata[0]; i++) {
        if (b->metadata[i].text == NULL)
            continue;
        fputs(comma, to);
        write_text(to, b->metadata[i].key);
        fputs(": ", to);
        write_text(to, b->metadata[i].text);
        comma = ", ";
    }
    fputc('}', to);
    for (const struct builder_tensor *t = b->tensors; t != NULL; t = t->next) {
        fputs(", ", to);
        write_text(to, t->name);
        fprintf(to, ": {\"dtype\": \"%s\", \"shape\": [", t->type);
        for (unsigned i = 0; i < t->rank; i++)
            fprintf(to, "%s%zu", i > 0 ? ", " : "", t->shape[i]);
        fprintf(to, "], \"data_offsets\": [%ld, %ld]}", offset + t->begin_offset,
                offset + (long)t->size + t->end_offset);
        offset += (long)t->size;
    }
    fputc('}', to);
}

unsigned char *builder_write(const struct builder *b, size_t *size)
{
    char *header = NULL, *file = NULL;
    size_t header_size = 0;
    FILE *to = open_memstream(&header, &header_size);
    write_header(b, to);
    fclose(to);
    to = open_memstream(&file, size);
    for (unsigned i = 0; i < 8; i++)
        fputc((int)((uint64_t)header_size >> 8 * i & 255), to);
    fwrite(header, 1, header_size, to);
    for (const struct builder_tensor *t = b->tensors; t != NULL; t = t->next)
        fwrite(t->data, 1, t->size, to);
    fclose(to);
    free(header);
    return (unsigned char *)file;
}

struct model *builder_open(const struct builder *b)
{
    size_t size;
    unsigned char *file = builder_write(b, &size);
    struct tutti_error error;
    struct model *model = model_read(file, size, "built.safetensors", &error);
    free(file);
    if (model == NULL)
        broken_test("the reader refuses a sound model", error.text);
    return model;
}
