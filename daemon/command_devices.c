/* tutti devices - the inputs that tuttid can listen to. */
#include "daemon/command.h"
#include "daemon/json_writer.h"
#include "daemon/program.h"
#include "daemon/source.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME "tutti devices"
#define FIRST_CAPACITY 64

enum { OPTION_JSON, OPTION_HELP };

static const struct option_spec specs[] = {
    [OPTION_JSON] = {.name = "json", .help = "Print one JSON array."},
    [OPTION_HELP] = PROGRAM_OPTION_HELP,
};

struct request {
    bool json;
    bool help;
};

static enum tutti_status take_option(void *context, size_t index, const char *value,
                                     struct tutti_error *error)
{
    struct request *request = context;
    (void)value;
    (void)error;
    if (index == OPTION_JSON)
        request->json = true;
    else
        request->help = true;
    return TUTTI_OK;
}

/* Places on a terminal, as far as one character takes one: bytes that begin a character. */
static size_t width(const char *text)
{
    size_t count = 0;
    for (; *text != '\0'; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

static void print_padded(const char *text, size_t columns)
{
    program_print_name(text);
    for (size_t i = width(text); i < columns; i++)
        putchar(' ');
}

static void print_table(const struct source_device *devices, size_t count)
{
    size_t columns = strlen("NAME");
    for (size_t i = 0; i < count; i++) {
        if (width(devices[i].name) > columns)
            columns = width(devices[i].name);
    }
    printf("  ");
    print_padded("NAME", columns);
    printf("  CHANNELS  RATE (HZ)  SYSTEM\n");
    for (size_t i = 0; i < count; i++) {
        printf("%c ", devices[i].is_default ? '*' : ' ');
        print_padded(devices[i].name, columns);
        printf("  %8u  %9u  ", devices[i].channels, devices[i].rate_hz);
        program_print_name(devices[i].backend);
        putchar('\n');
    }
    printf(
        "\nThe one marked * is the default. To listen to another: tuttid --input 'NAME'; a part\n"
        "of the name, or a pattern such as '*USB*', will do if it fits one input alone.\n");
}

static void print_json(const struct source_device *devices, size_t count)
{
    char text[4096]; /* one device at a time; a character grows sixfold at most */
    struct json_writer writer;
    json_writer_init(&writer, text, sizeof text);
    json_write_array_begin(&writer);
    for (size_t i = 0; i < count; i++) {
        json_write_object_begin(&writer);
        json_write_key(&writer, "name");
        json_write_string(&writer, devices[i].name);
        json_write_key(&writer, "system");
        json_write_string(&writer, devices[i].backend);
        json_write_key(&writer, "channels");
        json_write_integer(&writer, devices[i].channels);
        json_write_key(&writer, "rate_hz");
        json_write_integer(&writer, devices[i].rate_hz);
        json_write_key(&writer, "default");
        json_write_boolean(&writer, devices[i].is_default);
        json_write_object_end(&writer);
        fwrite(writer.text, 1, writer.length, stdout);
        writer.length = 0;
    }
    json_write_array_end(&writer);
    printf("%s\n", writer.text);
}

/* All devices, in memory that the caller frees. NULL with *error. */
static struct source_device *list(size_t *count, struct tutti_error *error)
{
    struct source_device *devices = NULL;
    int capacity = FIRST_CAPACITY;
    for (;;) {
        struct source_device *larger = reallocarray(devices, (size_t)capacity, sizeof *devices);
        if (larger == NULL) {
            free(devices);
            tutti_error_set(error, TUTTI_ERROR_MEMORY, "out of memory");
            return NULL;
        }
        devices = larger;
        int there = source_list_devices(devices, capacity, error);
        if (there < 0) {
            free(devices);
            return NULL;
        }
        if (there <= capacity) {
            *count = (size_t)there;
            return devices;
        }
        capacity = there;
    }
}

int command_devices(int argc, char **argv)
{
    struct request request = {0};
    struct tutti_error error;
    int first;
    if (options_parse(argc, argv, specs, sizeof specs / sizeof *specs, take_option, &request,
                      &first, &error) != TUTTI_OK)
        return (int)program_misused(NAME, &error);
    if (request.help) {
        program_print_help("tutti devices [OPTION]...",
                           "Lists the inputs that tuttid can listen to, by the names that select "
                           "them.",
                           specs, sizeof specs / sizeof *specs, NULL);
        return (int)program_end_output(NAME, PROGRAM_OK);
    }
    if (first < argc) {
        tutti_error_set(&error, TUTTI_ERROR_ARGUMENT, "what is '%.100s' for?", argv[first]);
        return (int)program_misused(NAME, &error);
    }
    size_t count;
    struct source_device *devices = list(&count, &error);
    if (devices == NULL)
        return (int)program_fail(NAME, PROGRAM_FAILED, &error);
    if (request.json)
        print_json(devices, count);
    else if (count > 0)
        print_table(devices, count);
    else
        printf("No input was found. Is a microphone connected, and may you use it (group "
               "'audio')?\nWithout one: tuttid --input demo, --input file:PATH or --input -\n");
    free(devices);
    return (int)program_end_output(NAME, PROGRAM_OK);
}
