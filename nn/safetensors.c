#include "nn/safetensors.h"

#include "nn/json.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_PLACE "safetensors header"
#define EXACT_INTEGER_MAX 9007199254740992.0 /* 2^53: doubles are exact up to here */

struct safetensors {
    cJSON *header; /* owns the names and the metadata */
    const cJSON *metadata;
    struct safetensors_tensor *tensors; /* sorted by name */
    size_t count;
};

static const struct {
    char name[8];
    size_t size;
} element_types[] = {{"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"F8_E4M3", 1}, {"F8_E5M2", 1},
                     {"I16", 2},  {"U16", 2}, {"F16", 2}, {"BF16", 2},    {"I32", 4},
                     {"U32", 4},  {"F32", 4}, {"F64", 8}, {"I64", 8},     {"U64", 8}};

static bool refuse(struct tutti_error *error, const char *tensor, const char *reason)
{
    tutti_error_set(error, TUTTI_ERROR_FORMAT, "tensor \"%.100s\": %s", tensor, reason);
    return false;
}

/* Converts a JSON number that has to be a whole number that size_t holds. */
static bool to_size(const cJSON *item, size_t *value)
{
    if (!cJSON_IsNumber(item))
        return false;
    double number = item->valuedouble;
    if (!(number >= 0 && number <= EXACT_INTEGER_MAX) || (double)(uint64_t)number != number ||
        (uint64_t)number > SIZE_MAX)
        return false;
    *value = (size_t)number;
    return true;
}

static bool read_type(const cJSON *item, const char **type, size_t *element_size)
{
    if (!cJSON_IsString(item))
        return false;
    for (size_t i = 0; i < sizeof element_types / sizeof element_types[0]; i++) {
        if (strcmp(item->valuestring, element_types[i].name) == 0) {
            *type = element_types[i].name;
            *element_size = element_types[i].size;
            return true;
        }
    }
    return false;
}

/* *size becomes the product of the shape and element_size. */
static bool read_shape(const cJSON *item, size_t element_size, struct safetensors_tensor *tensor)
{
    if (!cJSON_IsArray(item))
        return false;
    tensor->rank = 0;
    tensor->size = element_size;
    for (const cJSON *side = item->child; side != NULL; side = side->next) {
        size_t length;
        if (tensor->rank == SAFETENSORS_RANK_MAX || !to_size(side, &length) ||
            __builtin_mul_overflow(tensor->size, length, &tensor->size))
            return false;
        tensor->shape[tensor->rank++] = length;
    }
    return true;
}

static bool read_tensor(const cJSON *item, const unsigned char *data, size_t data_size,
                        struct safetensors_tensor *tensor, struct tutti_error *error)
{
    static const char *const keys[] = {"dtype", "shape", "data_offsets", NULL};
    char place[128];
    snprintf(place, sizeof place, "tensor \"%.100s\"", item->string);
    tensor->name = item->string;
    if (!json_has_keys(item, keys, place, error))
        return false;

    size_t element_size;
    if (!read_type(cJSON_GetObjectItemCaseSensitive(item, "dtype"), &tensor->type, &element_size))
        return refuse(error, item->string, "unknown \"dtype\"");
    if (!read_shape(cJSON_GetObjectItemCaseSensitive(item, "shape"), element_size, tensor))
        return refuse(error, item->string, "\"shape\" is no list of up to 8 fitting sizes");

    const cJSON *offsets = cJSON_GetObjectItemCaseSensitive(item, "data_offsets");
    size_t length, begin, end;
    if (!json_array(offsets, 2, 2, &length, place, error))
        return false;
    if (!to_size(offsets->child, &begin) || !to_size(offsets->child->next, &end) || begin > end)
        return refuse(error, item->string, "\"data_offsets\" are no beginning and end");
    if (end > data_size)
        return refuse(error, item->string, "it lies beyond the end of the file");
    if (end - begin != tensor->size)
        return refuse(error, item->string, "its shape and type need another number of bytes");
    tensor->data = data + begin;
    return true;
}

static int compare_places(const void *a, const void *b)
{
    const struct safetensors_tensor *x = a, *y = b;
    if (x->data != y->data)
        return x->data < y->data ? -1 : 1;
    return x->size < y->size ? -1 : x->size > y->size;
}

static int compare_tensor_names(const void *a, const void *b)
{
    const struct safetensors_tensor *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* The tensors have to cover the data without hole or overlap. */
static bool check_cover(struct safetensors *file, const unsigned char *data, size_t data_size,
                        struct tutti_error *error)
{
    if (file->count > 0)
        qsort(file->tensors, file->count, sizeof *file->tensors, compare_places);
    const unsigned char *reached = data;
    for (size_t i = 0; i < file->count; i++) {
        const struct safetensors_tensor *tensor = &file->tensors[i];
        if (tensor->data < reached)
            return refuse(error, tensor->name, "it overlaps another tensor");
        if (tensor->data > reached)
            return refuse(error, tensor->name, "bytes before it belong to no tensor");
        reached += tensor->size;
    }
    if (reached != data + data_size) {
        tutti_error_set(error, TUTTI_ERROR_FORMAT,
                        HEADER_PLACE ": the last %zu bytes of the file belong to no tensor",
                        (size_t)(data + data_size - reached));
        return false;
    }
    return true;
}

static bool check_metadata(const cJSON *metadata, struct tutti_error *error)
{
    if (metadata != NULL && !cJSON_IsObject(metadata)) {
        tutti_error_set(error, TUTTI_ERROR_FORMAT, HEADER_PLACE ": __metadata__ is no object");
        return false;
    }
    for (const cJSON *item = metadata != NULL ? metadata->child : NULL; item != NULL;
         item = item->next) {
        if (!cJSON_IsString(item)) {
            tutti_error_set(error, TUTTI_ERROR_FORMAT,
                            HEADER_PLACE ": \"%.100s\" of __metadata__ is no text", item->string);
            return false;
        }
    }
    return true;
}

static bool read_header(struct safetensors *file, const unsigned char *data, size_t data_size,
                        struct tutti_error *error)
{
    if (!cJSON_IsObject(file->header)) {
        tutti_error_set(error, TUTTI_ERROR_FORMAT, HEADER_PLACE ": it is no JSON object");
        return false;
    }
    file->metadata = cJSON_GetObjectItemCaseSensitive(file->header, "__metadata__");
    if (!check_metadata(file->metadata, error))
        return false;
    size_t children = 0;
    for (const cJSON *item = file->header->child; item != NULL; item = item->next)
        children++;
    file->tensors = calloc(children > 0 ? children : 1, sizeof *file->tensors);
    if (file->tensors == NULL) {
        tutti_error_set(error, TUTTI_ERROR_MEMORY, HEADER_PLACE ": out of memory");
        return false;
    }
    for (const cJSON *item = file->header->child; item != NULL; item = item->next) {
        if (item == file->metadata)
            continue;
        if (!read_tensor(item, data, data_size, &file->tensors[file->count], error))
            return false;
        file->count++;
    }
    if (!check_cover(file, data, data_size, error))
        return false;
    if (file->count > 0)
        qsort(file->tensors, file->count, sizeof *file->tensors, compare_tensor_names);
    return true;
}

struct safetensors *safetensors_parse(const void *blob, size_t size, struct tutti_error *error)
{
    const unsigned char *bytes = blob;
    uint64_t length = 0;
    if (size < 8) {
        tutti_error_set(error, TUTTI_ERROR_FORMAT,
                        HEADER_PLACE ": the file is cut short (%zu bytes, at least 8 are needed)",
                        size);
        return NULL;
    }
    for (size_t i = 0; i < 8; i++)
        length |= (uint64_t)bytes[i] << 8 * i;
    if (length > SAFETENSORS_HEADER_MAX) {
        tutti_error_set(error, TUTTI_ERROR_FORMAT,
                        HEADER_PLACE ": its length would be %llu bytes, allowed are %zu; is this a "
                                     "safetensors file?",
                        (unsigned long long)length, SAFETENSORS_HEADER_MAX);
        return NULL;
    }
    if (length > size - 8) {
        tutti_error_set(error, TUTTI_ERROR_FORMAT,
                        HEADER_PLACE ": the file is cut short (%llu bytes announced, %zu there)",
                        (unsigned long long)length, size - 8);
        return NULL;
    }
    struct safetensors *file = calloc(1, sizeof *file);
    if (file == NULL) {
        tutti_error_set(error, TUTTI_ERROR_MEMORY, HEADER_PLACE ": out of memory");
        return NULL;
    }
    const char *header = (const char *)bytes + 8;
    file->header = json_parse(header, (size_t)length, HEADER_PLACE, error);
    if (file->header == NULL ||
        !read_header(file, bytes + 8 + length, size - 8 - (size_t)length, error)) {
        safetensors_free(file);
        return NULL;
    }
    return file;
}

void safetensors_free(struct safetensors *file)
{
    if (file == NULL)
        return;
    cJSON_Delete(file->header);
    free(file->tensors);
    free(file);
}

size_t safetensors_count(const struct safetensors *file)
{
    return file->count;
}

const struct safetensors_tensor *safetensors_find(const struct safetensors *file, const char *name)
{
    struct safetensors_tensor wanted = {.name = name};
    if (file->count == 0)
        return NULL;
    return bsearch(&wanted, file->tensors, file->count, sizeof *file->tensors,
                   compare_tensor_names);
}

const char *safetensors_metadata(const struct safetensors *file, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(file->metadata, key));
}
