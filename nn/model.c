#include "nn/model.h"

#include "common/text.h"
#include "nn/json.h"
#include "nn/model_layers.h"
#include "nn/sha256.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct model {
    unsigned char *file; /* the int8 weights are used where they lie */
    size_t file_size;
    char sha256[SHA256_HEX_SIZE];
    char name[MODEL_NAME_SIZE];
    size_t label_count, neighbour_count;
    /* of the labels, then of the neighbours */
    char names[MODEL_OUTPUTS_MAX][MODEL_LABEL_SIZE];
    struct model_calibration calibration;
    struct model_frontend frontend;
    struct model_graph graph;
    char *training;
};

static bool refuse(struct tutti_error *error, const char *text)
{
    tutti_error_set(error, TUTTI_ERROR_FORMAT, "%s", text);
    return false;
}

/* The text of a metadata key, NULL with *error filled. */
static const char *metadata(const struct safetensors *tensors, const char *key,
                            struct tutti_error *error)
{
    const char *text = safetensors_metadata(tensors, key);
    if (text == NULL)
        tutti_error_set(error, TUTTI_ERROR_FORMAT, "__metadata__: the key \"%s\" is missing", key);
    return text;
}

/* The parsed JSON of a metadata key, NULL with *error filled. */
static cJSON *parse_metadata(const struct safetensors *tensors, const char *key,
                             struct tutti_error *error)
{
    const char *text = metadata(tensors, key, error);
    return text != NULL ? json_parse(text, strlen(text), key, error) : NULL;
}

static bool read_version_and_name(struct model *model, const struct safetensors *tensors,
                                  struct tutti_error *error)
{
    const char *version = safetensors_metadata(tensors, "tutti.format");
    if (version == NULL)
        return refuse(error, "__metadata__: the key \"tutti.format\" is missing; is this a model "
                             "file of Tutti?");
    if (strcmp(version, "1") != 0) {
        tutti_error_set(error, TUTTI_ERROR_UNSUPPORTED,
                        "tutti.format: the version is \"%.20s\", this build reads \"1\"", version);
        return false;
    }
    const char *name = safetensors_metadata(tensors, "tutti.name");
    if (name == NULL)
        return refuse(error, "__metadata__: the key \"tutti.name\" is missing");
    size_t length = strlen(name);
    if (length == 0 || length >= sizeof model->name)
        return refuse(error, "tutti.name: 1 to 63 bytes are expected");
    enum text_kind kind;
    for (size_t at = 0, step; (step = text_next(name + at, &kind)) > 0; at += step) {
        if (kind == TEXT_CONTROL)
            return refuse(error, "tutti.name: it holds a control character");
    }
    memcpy(model->name, name, length + 1);
    return true;
}

/* Reads `list` behind the `before` names that there are already. */
static bool read_name_list(struct model *model, const cJSON *list, const char *place, size_t before,
                           size_t most, size_t *count, struct tutti_error *error)
{
    const char *names[MODEL_OUTPUTS_MAX];
    if (!json_array(list, 1, most, count, place, error))
        return false;
    size_t index = 0;
    for (const cJSON *item = list->child; item != NULL; item = item->next, index++) {
        const char *name = cJSON_GetStringValue(item);
        size_t length = name != NULL ? strlen(name) : 0;
        if (length == 0 || length >= MODEL_LABEL_SIZE ||
            strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != length) {
            tutti_error_set(error, TUTTI_ERROR_FORMAT,
                            "%s: element %zu is no text of 1 to 63 characters a-z 0-9 _", place,
                            index);
            return false;
        }
        memcpy(model->names[before + index], name, length + 1);
    }
    for (size_t i = 0; i < before + *count; i++)
        names[i] = model->names[i];
    const char *duplicate = json_first_duplicate(names, before + *count);
    if (duplicate != NULL) {
        tutti_error_set(error, TUTTI_ERROR_FORMAT, "%s: \"%s\" is there twice", place, duplicate);
        return false;
    }
    return true;
}

/* The same of the text of a metadata key. */
static bool read_names(struct model *model, const struct safetensors *tensors, const char *key,
                       size_t before, size_t most, size_t *count, struct tutti_error *error)
{
    cJSON *list = parse_metadata(tensors, key, error);
    bool ok = list != NULL && read_name_list(model, list, key, before, most, count, error);
    cJSON_Delete(list);
    return ok;
}

static bool read_labels(struct model *model, const struct safetensors *tensors,
                        struct tutti_error *error)
{
    static const char neighbours[] = "tutti.neighbours";
    return read_names(model, tensors, "tutti.labels", 0, MODEL_LABELS_MAX, &model->label_count,
                      error) &&
           (safetensors_metadata(tensors, neighbours) == NULL ||
            read_names(model, tensors, neighbours, model->label_count, MODEL_NEIGHBOURS_MAX,
                       &model->neighbour_count, error));
}

static bool read_unsigned(const cJSON *object, const char *key, long min, long max, unsigned *value,
                          struct tutti_error *error)
{
    long number;
    if (!json_integer(object, key, min, max, &number, "tutti.frontend", error))
        return false;
    *value = (unsigned)number;
    return true;
}

static bool read_choice(const cJSON *object, const char *key, const char *only,
                        struct tutti_error *error)
{
    const char *value;
    if (!json_string(object, key, &value, "tutti.frontend", error))
        return false;
    if (strcmp(value, only) != 0) {
        tutti_error_set(error, TUTTI_ERROR_FORMAT,
                        "tutti.frontend: \"%s\" is \"%.50s\", only \"%s\" is known", key, value,
                        only);
        return false;
    }
    return true;
}

static bool read_frontend_object(struct model_frontend *f, const cJSON *object,
                                 struct tutti_error *error)
{
    static const char *const keys[] = {
        "rate_hz",    "fft_frames", "window_frames", "window",    "hop_frames",
        "mel_bands",  "low_hz",     "high_hz",       "mel_scale", "preemphasis",
        "log_offset", "add",        "divide",        "columns",   NULL};
    static const char place[] = "tutti.frontend";
    const double large = 1e6; /* keeps every column finite in float */
    if (!json_has_keys(object, keys, place, error) ||
        !read_unsigned(object, "rate_hz", 8000, 192000, &f->rate_hz, error) ||
        !read_unsigned(object, "fft_frames", 64, 16384, &f->fft_frames, error) ||
        !read_unsigned(object, "window_frames", 2, f->fft_frames, &f->window_frames, error) ||
        !read_unsigned(object, "hop_frames", 1, f->fft_frames, &f->hop_frames, error) ||
        !read_unsigned(object, "mel_bands", 1, 512, &f->mel_bands, error) ||
        !read_unsigned(object, "columns", 1, 4096, &f->columns, error) ||
        !read_choice(object, "window", "hann_symmetric", error) ||
        !read_choice(object, "mel_scale", "kaldi", error) ||
        !json_number(object, "low_hz", 0, f->rate_hz / 2.0, &f->low_hz, place, error) ||
        !json_number(object, "high_hz", 0, f->rate_hz / 2.0, &f->high_hz, place, error) ||
        !json_number(object, "preemphasis", 0, 1, &f->preemphasis, place, error) ||
        !json_number(object, "log_offset", 1e-30, large, &f->log_offset, place, error) ||
        !json_number(object, "add", -large, large, &f->add, place, error) ||
        !json_number(object, "divide", -large, large, &f->divide, place, error))
        return false;
    if ((f->fft_frames & (f->fft_frames - 1)) != 0)
        return refuse(error, "tutti.frontend: \"fft_frames\" is no power of two");
    if (f->low_hz >= f->high_hz)
        return refuse(error, "tutti.frontend: \"low_hz\" is not below \"high_hz\"");
    if (fabs(f->divide) < 1 / large)
        return refuse(error, "tutti.frontend: \"divide\" is 0, or too near to it");
    return true;
}

static bool read_frontend(struct model *model, const struct safetensors *tensors,
                          struct tutti_error *error)
{
    cJSON *object = parse_metadata(tensors, "tutti.frontend", error);
    bool ok = object != NULL && read_frontend_object(&model->frontend, object, error);
    cJSON_Delete(object);
    return ok;
}

static bool read_calibration(struct model *model, const struct safetensors *tensors,
                             struct tutti_error *error)
{
    const char *text = metadata(tensors, "tutti.calibration", error);
    return text != NULL && calibration_read(text, model->label_count, model->neighbour_count,
                                            &model->calibration, error);
}

static bool read_training(struct model *model, const struct safetensors *tensors,
                          struct tutti_error *error)
{
    cJSON *object = parse_metadata(tensors, "tutti.training", error);
    if (object == NULL)
        return false;
    bool is_object = cJSON_IsObject(object);
    cJSON_Delete(object);
    if (!is_object)
        return refuse(error, "tutti.training: an object is expected");
    model->training = strdup(safetensors_metadata(tensors, "tutti.training"));
    if (model->training == NULL)
        tutti_error_set(error, TUTTI_ERROR_MEMORY, "out of memory");
    return model->training != NULL;
}

static bool read_graph(struct model *model, const struct safetensors *tensors,
                       struct tutti_error *error)
{
    const char *text = metadata(tensors, "tutti.layers", error);
    return text != NULL &&
           model_graph_read(text, &model->frontend, model->label_count, model->neighbour_count,
                            &model->graph, error) &&
           model_weights_read(tensors, &model->graph, error);
}

static bool read_contents(struct model *model, struct tutti_error *error)
{
    struct safetensors *tensors = safetensors_parse(model->file, model->file_size, error);
    bool ok = tensors != NULL && read_version_and_name(model, tensors, error) &&
              read_labels(model, tensors, error) && read_frontend(model, tensors, error) &&
              read_calibration(model, tensors, error) && read_training(model, tensors, error) &&
              read_graph(model, tensors, error);
    safetensors_free(tensors);
    return ok;
}

/* Puts the file's name before the sentence; of a long path the end. */
static void name_file(struct tutti_error *error, const char *path)
{
    const size_t longest = 200;
    size_t length = strlen(path);
    struct tutti_error inner = *error;
    tutti_error_set(error, inner.status, "%s%s: %s", length > longest ? "..." : "",
                    length > longest ? path + length - longest : path, inner.text);
}

/* Takes over file, also on failure. */
static struct model *read_file(unsigned char *file, size_t size, const char *name,
                               struct tutti_error *error)
{
    struct model *model = calloc(1, sizeof *model);
    if (model == NULL) {
        free(file);
        tutti_error_set(error, TUTTI_ERROR_MEMORY, "out of memory");
        name_file(error, name);
        return NULL;
    }
    model->file = file;
    model->file_size = size;
    if (!read_contents(model, error)) {
        name_file(error, name);
        model_close(model);
        return NULL;
    }
    sha256_hex(file, size, model->sha256);
    return model;
}

static bool read_bytes(int descriptor, unsigned char *bytes, size_t size, struct tutti_error *error)
{
    size_t done = 0;
    while (done < size) {
        ssize_t got = read(descriptor, bytes + done, size - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            tutti_error_set(error, TUTTI_ERROR_IO, "cannot read it: %s", strerror(errno));
            return false;
        }
        if (got == 0) {
            tutti_error_set(error, TUTTI_ERROR_IO, "it became shorter while it was read");
            return false;
        }
        done += (size_t)got;
    }
    return true;
}

/* The contents of an open file, NULL with *error filled. */
static unsigned char *load(int descriptor, size_t *size, struct tutti_error *error)
{
    struct stat status;
    if (fstat(descriptor, &status) != 0) {
        tutti_error_set(error, TUTTI_ERROR_IO, "cannot read it: %s", strerror(errno));
        return NULL;
    }
    if (!S_ISREG(status.st_mode)) {
        tutti_error_set(error, TUTTI_ERROR_IO, "not a regular file");
        return NULL;
    }
    if (status.st_size > (off_t)MODEL_FILE_MAX) {
        tutti_error_set(error, TUTTI_ERROR_FORMAT, "%lld bytes, a model has at most %zu",
                        (long long)status.st_size, MODEL_FILE_MAX);
        return NULL;
    }
    *size = (size_t)status.st_size;
    unsigned char *bytes = malloc(*size > 0 ? *size : 1);
    if (bytes == NULL) {
        tutti_error_set(error, TUTTI_ERROR_MEMORY, "out of memory");
        return NULL;
    }
    if (!read_bytes(descriptor, bytes, *size, error)) {
        free(bytes);
        return NULL;
    }
    return bytes;
}

struct model *model_open(const char *path, struct tutti_error *error)
{
    struct tutti_error unwanted;
    if (error == NULL)
        error = &unwanted;
    /* Not blocking: opening a named pipe would otherwise wait for its writer. */
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) {
        enum tutti_status status = errno == ENOENT ? TUTTI_ERROR_NOT_FOUND : TUTTI_ERROR_IO;
        tutti_error_set(error, status, "cannot open it: %s", strerror(errno));
        name_file(error, path);
        return NULL;
    }
    size_t size = 0;
    unsigned char *bytes = load(descriptor, &size, error);
    close(descriptor);
    if (bytes == NULL) {
        name_file(error, path);
        return NULL;
    }
    return read_file(bytes, size, path, error);
}

struct model *model_read(const void *bytes, size_t size, const char *name,
                         struct tutti_error *error)
{
    struct tutti_error unwanted;
    if (error == NULL)
        error = &unwanted;
    if (size > MODEL_FILE_MAX) {
        tutti_error_set(error, TUTTI_ERROR_FORMAT, "%zu bytes, a model has at most %zu", size,
                        MODEL_FILE_MAX);
        name_file(error, name);
        return NULL;
    }
    unsigned char *copy = malloc(size > 0 ? size : 1);
    if (copy == NULL) {
        tutti_error_set(error, TUTTI_ERROR_MEMORY, "out of memory");
        name_file(error, name);
        return NULL;
    }
    if (size > 0)
        memcpy(copy, bytes, size);
    return read_file(copy, size, name, error);
}

void model_close(struct model *model)
{
    if (model == NULL)
        return;
    model_graph_free(&model->graph);
    free(model->training);
    free(model->file);
    free(model);
}

const char *model_name(const struct model *model)
{
    return model->name;
}

const char *model_sha256(const struct model *model)
{
    return model->sha256;
}

size_t model_file_size(const struct model *model)
{
    return model->file_size;
}

size_t model_label_count(const struct model *model)
{
    return model->label_count;
}

const char *model_label(const struct model *model, size_t index)
{
    return model->names[index];
}

size_t model_neighbour_count(const struct model *model)
{
    return model->neighbour_count;
}

const char *model_neighbour(const struct model *model, size_t index)
{
    return model->names[model->label_count + index];
}

float model_threshold(const struct model *model, size_t index)
{
    return model->calibration.threshold[index];
}

float model_entry_threshold(const struct model *model, size_t index)
{
    return model->calibration.entry[index];
}

const struct model_frontend *model_frontend(const struct model *model)
{
    return &model->frontend;
}

const char *model_training_json(const struct model *model)
{
    return model->training;
}

const struct model_graph *model_graph(const struct model *model)
{
    return &model->graph;
}

const struct model_calibration *model_calibration(const struct model *model)
{
    return &model->calibration;
}
