/* tutti model - what is in a model file, and whether it is sound. */
#include "common/text.h"
#include "daemon/command.h"
#include "daemon/json_writer.h"
#include "daemon/program.h"
#include "nn/network.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME "tutti model"

enum { OPTION_ALL, OPTION_JSON, OPTION_LAYERS, OPTION_HELP };

static const struct option_spec specs[] = {
    [OPTION_ALL] = {.name = "all",
                    .help = "Show everything: all layers, and of the training all "
                            "that the file says."},
    [OPTION_JSON] = {.name = "json", .help = "Print one JSON object, with everything."},
    [OPTION_LAYERS] = {.name = "layers", .help = "List the layers as well."},
    [OPTION_HELP] = PROGRAM_OPTION_HELP,
};

struct request {
    bool json;
    bool layers;
    bool training; /* in full */
    bool help;
};

static enum tutti_status take_option(void *context, size_t index, const char *value,
                                     struct tutti_error *error)
{
    struct request *request = context;
    (void)value;
    (void)error;
    request->json = request->json || index == OPTION_JSON;
    request->layers = request->layers || index == OPTION_LAYERS || index == OPTION_ALL;
    request->training = request->training || index == OPTION_ALL;
    request->help = request->help || index == OPTION_HELP;
    return TUTTI_OK;
}

static double window_s(const struct model_frontend *frontend)
{
    return (double)frontend->columns * frontend->hop_frames / frontend->rate_hz;
}

/* ---- for people ---- */

static void print_labels(const struct model *model)
{
    printf("\nLabels (%zu), each with the probability at which it enters:\n",
           model_label_count(model));
    size_t rows = (model_label_count(model) + 1) / 2;
    for (size_t row = 0; row < rows; row++) {
        for (size_t i = row; i < model_label_count(model); i += rows) {
            printf("  %-24s %.3f", model_label(model, i), (double)model_entry_threshold(model, i));
            fputs(i == row && i + rows < model_label_count(model) ? "    " : "\n", stdout);
        }
    }
}

static void print_neighbours(const struct model *model)
{
    static const char head[] = "Heard, but never named: ";
    char names[MODEL_NEIGHBOURS_MAX * (MODEL_LABEL_SIZE + 2)] = "";
    size_t length = 0;
    for (size_t i = 0; i < model_neighbour_count(model); i++)
        length += (size_t)snprintf(names + length, sizeof names - length, "%s%s",
                                   i == 0 ? "" : ", ", model_neighbour(model, i));
    if (length == 0)
        return;
    printf("\n%s", head);
    options_print_wrapped(stdout, names, sizeof head - 1, "  ", 80);
}

static void print_frontend(const struct model_frontend *frontend)
{
    double rate = frontend->rate_hz;
    printf("\nFront end:\n");
    printf("  window      %.3g s (%u columns of %.3g ms)\n", window_s(frontend), frontend->columns,
           1e3 * frontend->hop_frames / rate);
    printf("  rate        %u Hz\n", frontend->rate_hz);
    printf("  transform   %u points, Hann window of %u samples (%.3g ms)\n", frontend->fft_frames,
           frontend->window_frames, 1e3 * frontend->window_frames / rate);
    printf("  mel bands   %u from %.10g to %.10g Hz, pre-emphasis %.10g\n", frontend->mel_bands,
           frontend->low_hz, frontend->high_hz, frontend->preemphasis);
    printf("  scaling     (ln(power + %.3g) + %.10g) / %.10g\n", frontend->log_offset,
           frontend->add, frontend->divide);
}

static void print_layers(const struct model *model)
{
    printf("\n  %-24s %-14s %-9s %14s %14s %12s\n", "layer", "kind", "activation", "in", "out",
           "MAC");
    for (size_t i = 0; i < model_layer_count(model); i++) {
        struct model_layer_info layer;
        model_layer_describe(model, i, &layer);
        char in[40];
        char out[40];
        snprintf(in, sizeof in, "%ux%ux%u", layer.in.time, layer.in.frequency, layer.in.channels);
        snprintf(out, sizeof out, "%ux%ux%u", layer.out.time, layer.out.frequency,
                 layer.out.channels);
        printf("  %-24s %-14s %-9s %14s %14s %12" PRIu64 "\n", layer.name, layer.kind,
               layer.activation, in, out, layer.multiply_adds);
    }
}

/* A line of the summary, with more lines below it where it is long. */
static void print_fact(const char *key, char *text)
{
    char word[40];
    snprintf(word, sizeof word, "%s", key);
    text_clean(word);
    text_clean(text);
    const size_t column = (size_t)printf("  %-13s ", word);
    options_print_wrapped(stdout, text, column, "                ", 80);
}

#define LOOKED_AT_MAX 1000 /* each is held against those before: a hostile file has millions */

static bool is_said_before(const cJSON *object, const cJSON *item)
{
    for (const cJSON *before = object->child; before != item; before = before->next) {
        if (cJSON_IsString(before) && strcmp(before->valuestring, item->valuestring) == 0)
            return true;
    }
    return false;
}

static const char cut_mark[] = " …";

/* Marks a text that had to end where it does; behind its room there is some for the mark. */
static void end_cut_text(char *text, size_t room)
{
    size_t length = 0; /* without a part of a character */
    enum text_kind kind;
    for (size_t next; (next = text_next(text + length, &kind)) > 0; length += next) {
        if (kind == TEXT_INVALID && length + 4 > room - 1)
            break;
    }
    strcpy(text + length, cut_mark);
}

/* What an object holds, in a line: of one of texts (sources and their licences) the different
 * texts, of another one the keys. */
static void print_object(const cJSON *object)
{
    char text[4096];
    const size_t room = sizeof text - sizeof cut_mark;
    bool texts = true;
    const cJSON *item;
    cJSON_ArrayForEach(item, object) texts = texts && cJSON_IsString(item);
    size_t length = (size_t)snprintf(text, sizeof text, "%d", cJSON_GetArraySize(object));
    const char *between = ": ";
    unsigned looked_at = 0;
    bool whole = true;
    for (item = object->child; item != NULL && whole; item = item->next) {
        const char *said = texts ? item->valuestring : item->string;
        whole = ++looked_at < LOOKED_AT_MAX;
        if (!whole || said == NULL || (texts && is_said_before(object, item)))
            continue;
        length += (size_t)snprintf(text + length, room - length, "%s%s", between, said);
        between = texts ? "; " : ", ";
        whole = length < room;
    }
    if (!whole)
        end_cut_text(text, room);
    print_fact(object->string, text);
}

/* The free-form object of the file in a few lines: its own texts and numbers, and of what lies
 * deeper what there is. It was parsed once when the model was opened. */
static void print_training_summary(const struct model *model)
{
    cJSON *training = cJSON_Parse(model_training_json(model));
    printf("\nTraining (--all shows all of it):\n");
    cJSON *item;
    cJSON_ArrayForEach(item, training)
    {
        char number[40];
        snprintf(number, sizeof number, "%.10g", item->valuedouble);
        if (cJSON_IsString(item) && *item->valuestring != '\0')
            print_fact(item->string, item->valuestring);
        else if (cJSON_IsNumber(item))
            print_fact(item->string, number);
        else if (item->child != NULL)
            print_object(item);
    }
    cJSON_Delete(training);
}

/* The same as it is, indented. */
static void print_training(const struct model *model)
{
    cJSON *training = cJSON_Parse(model_training_json(model));
    char *text = training != NULL ? cJSON_Print(training) : NULL;
    printf("\nTraining: ");
    enum text_kind kind;
    const char *next = text != NULL ? text : "";
    for (size_t length; (length = text_next(next, &kind)) > 0; next += length) {
        if (*next == '\t')
            fputs("  ", stdout);
        else if (*next == '\n' || kind == TEXT_PLAIN)
            fwrite(next, 1, length, stdout);
        else
            putchar('?');
    }
    printf("\n");
    cJSON_free(text);
    cJSON_Delete(training);
}

static void print_for_people(const struct model *model, const struct network *network,
                             const char *path, const struct request *request)
{
    program_print_name(path);
    printf(": sound\n\n  name        ");
    program_print_name(model_name(model));
    printf("\n  sha256      %s\n", model_sha256(model));
    printf("  file        %zu bytes\n", model_file_size(model));
    printf("  network     %zu layers, %.3g million multiply-adds a window\n",
           model_layer_count(model), 1e-6 * (double)model_multiply_adds(model));
    printf("  weights     %.3f MB in 8 bits\n", 1e-6 * (double)model_weight_bytes(model));
    printf("  memory      %.3f MB of weights, as the kernel %s takes them, and %.3f MB to run\n",
           1e-6 * (double)network_packed_bytes(network), network_kernel_name(network),
           1e-6 * (double)network_arena_bytes(network));
    print_frontend(model_frontend(model));
    print_labels(model);
    print_neighbours(model);
    if (request->layers)
        print_layers(model);
    if (request->training)
        print_training(model);
    else
        print_training_summary(model);
}

/* ---- for programs ---- */

static void flush(struct json_writer *writer)
{
    fwrite(writer->text, 1, writer->length, stdout);
    writer->length = 0;
}

static void write_thresholds(struct json_writer *writer, const char *key, const struct model *model,
                             float (*threshold)(const struct model *, size_t))
{
    json_write_key(writer, key);
    json_write_array_begin(writer);
    for (size_t i = 0; i < model_label_count(model); i++)
        json_write_number(writer, (double)threshold(model, i), 6);
    json_write_array_end(writer);
}

static void write_names(struct json_writer *writer, const char *key, const struct model *model,
                        size_t count, const char *(*name)(const struct model *, size_t))
{
    flush(writer);
    json_write_key(writer, key);
    json_write_array_begin(writer);
    for (size_t i = 0; i < count; i++)
        json_write_string(writer, name(model, i));
    json_write_array_end(writer);
}

static void write_labels(struct json_writer *writer, const struct model *model)
{
    write_names(writer, "labels", model, model_label_count(model), model_label);
    write_names(writer, "neighbours", model, model_neighbour_count(model), model_neighbour);
    write_thresholds(writer, "thresholds", model, model_threshold);
    write_thresholds(writer, "entry_thresholds", model, model_entry_threshold);
    flush(writer);
}

static void write_shape(struct json_writer *writer, const char *key, struct model_shape shape)
{
    json_write_key(writer, key);
    json_write_array_begin(writer);
    json_write_integer(writer, shape.time);
    json_write_integer(writer, shape.frequency);
    json_write_integer(writer, shape.channels);
    json_write_array_end(writer);
}

static void write_layers(struct json_writer *writer, const struct model *model)
{
    json_write_key(writer, "layers");
    json_write_array_begin(writer);
    for (size_t i = 0; i < model_layer_count(model); i++) {
        struct model_layer_info layer;
        model_layer_describe(model, i, &layer);
        json_write_object_begin(writer);
        json_write_key(writer, "name");
        json_write_string(writer, layer.name);
        json_write_key(writer, "kind");
        json_write_string(writer, layer.kind);
        json_write_key(writer, "activation");
        json_write_string(writer, layer.activation);
        write_shape(writer, "in", layer.in);
        write_shape(writer, "out", layer.out);
        json_write_key(writer, "multiply_adds");
        json_write_integer(writer, layer.multiply_adds);
        json_write_object_end(writer);
        flush(writer);
    }
    json_write_array_end(writer);
}

static void print_json(const struct model *model, const struct network *network, const char *path)
{
    char text[1 << 16]; /* between two calls of flush(): 256 names of 63 characters, or the path */
    struct json_writer writer;
    json_writer_init(&writer, text, sizeof text);
    json_write_object_begin(&writer);
    json_write_key(&writer, "file");
    json_write_string(&writer, path);
    json_write_key(&writer, "sound");
    json_write_boolean(&writer, true);
    json_write_key(&writer, "name");
    json_write_string(&writer, model_name(model));
    json_write_key(&writer, "sha256");
    json_write_string(&writer, model_sha256(model));
    json_write_key(&writer, "bytes");
    json_write_integer(&writer, model_file_size(model));
    json_write_key(&writer, "multiply_adds");
    json_write_integer(&writer, model_multiply_adds(model));
    json_write_key(&writer, "weight_bytes");
    json_write_integer(&writer, model_weight_bytes(model));
    json_write_key(&writer, "kernel");
    json_write_string(&writer, network_kernel_name(network));
    json_write_key(&writer, "packed_weight_bytes");
    json_write_integer(&writer, network_packed_bytes(network));
    json_write_key(&writer, "arena_bytes");
    json_write_integer(&writer, network_arena_bytes(network));
    json_write_key(&writer, "rate_hz");
    json_write_integer(&writer, model_frontend(model)->rate_hz);
    json_write_key(&writer, "mel_bands");
    json_write_integer(&writer, model_frontend(model)->mel_bands);
    json_write_key(&writer, "columns");
    json_write_integer(&writer, model_frontend(model)->columns);
    json_write_key(&writer, "window_s");
    json_write_number(&writer, window_s(model_frontend(model)), 6);
    write_labels(&writer, model);
    write_layers(&writer, model);
    json_write_key(&writer, "training");
    flush(&writer);
    /* Strict JSON already, of any length. */
    printf("%s}\n", model_training_json(model));
}

static int show(const char *path, const struct request *request)
{
    struct tutti_error error;
    char found[PATH_MAX];
    struct model *model = program_open_model(path, found, &error);
    if (model == NULL)
        return (int)program_fail(NAME, PROGRAM_FAILED, &error);
    struct network *network = network_new(model, NULL, &error);
    if (network == NULL) {
        model_close(model);
        return (int)program_fail(NAME, PROGRAM_FAILED, &error);
    }
    if (request->json)
        print_json(model, network, found);
    else
        print_for_people(model, network, found, request);
    network_free(network);
    model_close(model);
    return (int)program_end_output(NAME, PROGRAM_OK);
}

int command_model(int argc, char **argv)
{
    struct request request = {0};
    struct tutti_error error;
    int first;
    if (options_parse(argc, argv, specs, sizeof specs / sizeof *specs, take_option, &request,
                      &first, &error) != TUTTI_OK)
        return (int)program_misused(NAME, &error);
    if (request.help) {
        program_print_help("tutti model [OPTION]... [FILE]",
                           "Shows what is in a model file: labels, front end, cost, where it comes "
                           "from. Says what is wrong with a file that is not sound, and then exits "
                           "with status 1. Without FILE: the model that was installed.",
                           specs, sizeof specs / sizeof *specs, NULL);
        return (int)program_end_output(NAME, PROGRAM_OK);
    }
    if (argc - first > 1) {
        tutti_error_set(&error, TUTTI_ERROR_ARGUMENT, "one file at a time");
        return (int)program_misused(NAME, &error);
    }
    return show(first < argc ? argv[first] : "", &request);
}
