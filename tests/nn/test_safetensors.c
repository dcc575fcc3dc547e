#include "nn/safetensors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The parsed file of a header and data_size bytes of data, 0, 1, 2, ... The memory is exactly as
 * long as the file, so that a sanitizer sees any read beyond it. */
struct file {
    unsigned char *blob;
    struct safetensors *tensors;
    struct tutti_error error;
};

static void parse_bytes(struct file *file, const void *header, size_t header_size, size_t announced,
                        size_t data_size)
{
    const size_t size = 8 + header_size + data_size;
    file->blob = malloc(size);
    assert_non_null(file->blob);
    for (unsigned i = 0; i < 8; i++)
        file->blob[i] = (unsigned char)((uint64_t)announced >> 8 * i);
    memcpy(file->blob + 8, header, header_size);
    for (size_t i = 0; i < data_size; i++)
        file->blob[8 + header_size + i] = (unsigned char)i;
    memset(&file->error, 0, sizeof file->error);
    file->tensors = safetensors_parse(file->blob, size, &file->error);
}

static void close_file(struct file *file)
{
    safetensors_free(file->tensors);
    free(file->blob);
}

static void check_refusal(struct file *file, const char *reason)
{
    const bool refused = file->tensors == NULL;
    if (!refused || strstr(file->error.text, reason) == NULL)
        print_error("expected \"%s\", got \"%s\"\n", reason,
                    refused ? file->error.text : "success");
    assert_true(refused);
    assert_int_equal(file->error.status, TUTTI_ERROR_FORMAT);
    assert_non_null(strstr(file->error.text, reason));
    close_file(file);
}

static void refuse(const char *header, size_t data_size, const char *reason)
{
    struct file file;
    parse_bytes(&file, header, strlen(header), strlen(header), data_size);
    check_refusal(&file, reason);
}

#define ONE(fields) "{\"a\": {" fields "}}"
#define I8_4 "\"dtype\": \"I8\", \"shape\": [4], \"data_offsets\": "

static void test_cut_short(void **state)
{
    (void)state;
    struct tutti_error error;
    for (size_t size = 0; size < 8; size++) {
        unsigned char *blob = calloc(size + 1, 1);
        assert_null(safetensors_parse(blob, size, &error));
        assert_non_null(strstr(error.text, "cut short"));
        free(blob);
    }
    struct file file;
    parse_bytes(&file, "{}", 2, 3, 0);
    check_refusal(&file, "cut short (3 bytes announced, 2 there)");
    parse_bytes(&file, "{}", 2, SIZE_MAX, 0);
    check_refusal(&file, "its length would be");
    parse_bytes(&file, "{}", 2, SAFETENSORS_HEADER_MAX + 1, 0);
    check_refusal(&file, "its length would be");
    refuse(ONE(I8_4 "[0, 4]"), 3, "beyond the end");
    assert_null(safetensors_parse("", 0, NULL));
}

static void test_header_text(void **state)
{
    (void)state;
    refuse("", 0, "not valid JSON");
    refuse("   ", 0, "not valid JSON");
    refuse("{", 0, "not valid JSON");
    refuse("{\"a\": }", 0, "not valid JSON");
    refuse("{} {}", 0, "something follows");
    refuse("{}x", 0, "something follows");
    refuse("[]", 0, "no JSON object");
    refuse("3", 0, "no JSON object");
    refuse("null", 0, "no JSON object");
    refuse("{\"\xff\": 1}", 0, "not UTF-8");
    refuse("{\"\xc0\x80\": 1}", 0, "not UTF-8");
    refuse("{\"\xed\xa0\x80\": 1}", 0, "not UTF-8");
    refuse("{\"\xf4\x90\x80\x80\": 1}", 0, "not UTF-8");
    refuse("{\"\xe2\x82", 0, "not UTF-8");
    refuse("{\"a\\u0000b\": 1}", 0, "escaped NUL");
    struct file file;
    parse_bytes(&file, "{}\0", 3, 3, 0);
    check_refusal(&file, "a NUL byte");
    refuse("{\"a\": 1, \"a\": 2}", 0, "the key \"a\" is there twice");
    refuse("{\"__metadata__\": {}, \"__metadata__\": {}}", 0, "is there twice");
    refuse("{\"__metadata__\": {\"k\": \"1\", \"k\": \"2\"}}", 0, "the key \"k\" is there twice");
    refuse("{\"__metadata__\": 1}", 0, "__metadata__ is no object");
    refuse("{\"__metadata__\": {\"k\": 1}}", 0, "\"k\" of __metadata__ is no text");
}

static void test_nesting(void **state)
{
    (void)state;
    enum { DEPTH = 1000000 };
    char *header = malloc(DEPTH);
    assert_non_null(header);
    struct file file;
    for (int open = '['; open <= '{'; open += '{' - '[') {
        memset(header, open, DEPTH);
        parse_bytes(&file, header, DEPTH, DEPTH, 0);
        check_refusal(&file, "not valid JSON, or nested deeper than 1000");
    }
    for (size_t i = 0; i + 5 <= DEPTH; i += 5)
        memcpy(header + i, "{\"a\":", 5);
    parse_bytes(&file, header, DEPTH, DEPTH, 0);
    check_refusal(&file, "nested deeper than 1000");
    free(header);
}

static void test_tensor_fields(void **state)
{
    (void)state;
    refuse("{\"a\": 1}", 0, "tensor \"a\": an object is expected");
    refuse(ONE(""), 0, "\"dtype\" is missing");
    refuse(ONE("\"dtype\": \"I8\", \"shape\": [4]"), 4, "\"data_offsets\" is missing");
    refuse(ONE("\"dtype\": \"I8\", \"data_offsets\": [0, 4]"), 4, "\"shape\" is missing");
    refuse(ONE(I8_4 "[0, 4], \"more\": 1"), 4, "unknown key \"more\"");
    refuse(ONE("\"dtype\": \"I7\", \"shape\": [4], \"data_offsets\": [0, 4]"), 4,
           "unknown \"dtype\"");
    refuse(ONE("\"dtype\": 8, \"shape\": [4], \"data_offsets\": [0, 4]"), 4, "unknown \"dtype\"");
    refuse(ONE("\"dtype\": \"\", \"shape\": [4], \"data_offsets\": [0, 4]"), 4,
           "unknown \"dtype\"");
}

static void test_shapes(void **state)
{
    (void)state;
#define SHAPE(shape) ONE("\"dtype\": \"F32\", \"shape\": " shape ", \"data_offsets\": [0, 4]")
    static const char *const shapes[] = {
        SHAPE("4"),
        SHAPE("[\"4\"]"),
        SHAPE("[1.5]"),
        SHAPE("[-1]"),
        SHAPE("[1e300]"),
        SHAPE("[1e999]"),
        SHAPE("[9007199254740994]"),
        SHAPE("[4294967296, 4294967296]"), /* 2^64 elements */
        SHAPE("[4611686018427387904]"),    /* 2^62 elements of 4 bytes */
        SHAPE("[4503599627370496, 1024]"), /* 2^62 elements, within doubles */
        SHAPE("[1, 1, 1, 1, 1, 1, 1, 1, 1]"),
        SHAPE("[null]"),
    };
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        refuse(shapes[i], 4, "\"shape\" is no list");
    refuse(SHAPE("[0]"), 4, "need another number of bytes");
    refuse(SHAPE("[2]"), 4, "need another number of bytes");
    refuse(SHAPE("[4294967296, 1073741824, 0]"), 4, "shape"); /* overflows on its way to 0 */
#undef SHAPE
}

static void test_offsets(void **state)
{
    (void)state;
    refuse(ONE(I8_4 "4"), 4, "an array is expected");
    refuse(ONE(I8_4 "[0]"), 4, "1 elements where 2 to 2");
    refuse(ONE(I8_4 "[0, 4, 8]"), 4, "3 elements where 2 to 2");
    refuse(ONE(I8_4 "[4, 0]"), 4, "no beginning and end");
    refuse(ONE(I8_4 "[-4, 0]"), 4, "no beginning and end");
    refuse(ONE(I8_4 "[0.5, 4.5]"), 4, "no beginning and end");
    refuse(ONE(I8_4 "[\"0\", 4]"), 4, "no beginning and end");
    refuse(ONE(I8_4 "[1e999, 1e999]"), 4, "no beginning and end");
    refuse(ONE(I8_4 "[18446744073709551612, 18446744073709551616]"), 4, "no beginning and end");
    refuse(ONE(I8_4 "[1, 5]"), 4, "beyond the end");
    refuse(ONE(I8_4 "[0, 3]"), 4, "need another number of bytes");
    refuse(ONE(I8_4 "[1, 5]"), 5, "bytes before it belong to no tensor");
    refuse(ONE(I8_4 "[0, 4]"), 5, "the last 1 bytes of the file belong to no tensor");
    refuse("{}", 1, "the last 1 bytes");
    refuse("{\"a\": {" I8_4 "[0, 4]}, \"b\": {" I8_4 "[3, 7]}}", 7, "overlaps");
    refuse("{\"a\": {" I8_4 "[0, 4]}, \"b\": {" I8_4 "[0, 4]}}", 4, "overlaps");
    refuse("{\"a\": {" I8_4 "[0, 4]}, \"b\": {" I8_4 "[5, 9]}}", 9, "bytes before it");
}

static void test_good(void **state)
{
    (void)state;
    static const char header[] =
        "{\"__metadata__\": {\"key\": \"va\\u006cue \\u00e9\"}, "
        "\"late\": {\"dtype\": \"F32\", \"shape\": [], \"data_offsets\": [5, 9]}, "
        "\"empty\": {\"dtype\": \"F64\", \"shape\": [3, 0], \"data_offsets\": [5, 5]}, "
        "\"early\": {\"dtype\": \"I8\", \"shape\": [5, 1], \"data_offsets\": [0, 5]}}  \n ";
    struct file file;
    parse_bytes(&file, header, strlen(header), strlen(header), 9);
    assert_non_null(file.tensors);
    assert_int_equal(safetensors_count(file.tensors), 3);
    assert_string_equal(safetensors_metadata(file.tensors, "key"), "value \xc3\xa9");
    assert_null(safetensors_metadata(file.tensors, "Key"));
    assert_null(safetensors_find(file.tensors, "__metadata__"));
    assert_null(safetensors_find(file.tensors, ""));

    const struct safetensors_tensor *early = safetensors_find(file.tensors, "early");
    assert_non_null(early);
    assert_string_equal(early->name, "early");
    assert_string_equal(early->type, "I8");
    assert_int_equal(early->rank, 2);
    assert_int_equal(early->shape[0], 5);
    assert_int_equal(early->shape[1], 1);
    assert_int_equal(early->size, 5);
    assert_int_equal(early->data[4], 4);

    const struct safetensors_tensor *late = safetensors_find(file.tensors, "late");
    assert_non_null(late);
    assert_int_equal(late->rank, 0);
    assert_int_equal(late->size, 4);
    assert_int_equal(late->data[0], 5);
    assert_int_equal(safetensors_find(file.tensors, "empty")->size, 0);
    close_file(&file);
}

static void test_nothing(void **state)
{
    (void)state;
    struct file file;
    parse_bytes(&file, "{}", 2, 2, 0);
    assert_non_null(file.tensors);
    assert_int_equal(safetensors_count(file.tensors), 0);
    assert_null(safetensors_find(file.tensors, "a"));
    assert_null(safetensors_metadata(file.tensors, "a"));
    close_file(&file);
    safetensors_free(NULL);
}

/* Many names have to be sorted and compared in less than quadratic time: a million comparisons of
 * each with each would not end within the test's time limit. */
static void test_many_tensors(void **state)
{
    (void)state;
    enum { COUNT = 60000 };
    char *header;
    size_t size;
    FILE *to = open_memstream(&header, &size);
    for (int i = 0; i < COUNT; i++)
        fprintf(to, "%s\"%d\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[%d,%d]}",
                i == 0 ? "{" : ",", i, i, i + 1);
    fputc('}', to);
    fclose(to);
    struct file file;
    parse_bytes(&file, header, size, size, COUNT);
    assert_non_null(file.tensors);
    assert_int_equal(safetensors_count(file.tensors), COUNT);
    for (int i = 0; i < COUNT; i++) {
        char name[16];
        snprintf(name, sizeof name, "%d", i);
        assert_int_equal(safetensors_find(file.tensors, name)->data[0], i % 256);
    }
    close_file(&file);
    free(header);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut_short),    cmocka_unit_test(test_header_text),
        cmocka_unit_test(test_nesting),      cmocka_unit_test(test_tensor_fields),
        cmocka_unit_test(test_shapes),       cmocka_unit_test(test_offsets),
        cmocka_unit_test(test_good),         cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_many_tensors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
