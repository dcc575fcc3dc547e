#include "daemon/program.h"

#include "common/text.h"
#include "daemon/model_path.h"
#include "nn/network.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void program_hold_descriptors(void)
{
    int opened;
    do
        opened = open("/dev/null", O_RDONLY);
    while (opened >= 0 && opened <= STDERR_FILENO);
    if (opened >= 0)
        close(opened);
}

enum program_exit program_fail(const char *name, enum program_exit result,
                               const struct tutti_error *error)
{
    fflush(stdout); /* what came before it stays before it */
    fprintf(stderr, "%s: %s\n", name, error->text);
    return result;
}

void program_warn(const char *name, const char *format, ...)
{
    char text[TUTTI_ERROR_TEXT_SIZE] = "";
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    text_clean(text);
    fflush(stdout);
    fprintf(stderr, "%s: warning: %s\n", name, text);
}

enum program_exit program_misused(const char *name, const struct tutti_error *error)
{
    program_fail(name, PROGRAM_USAGE, error);
    fprintf(stderr, "Try '%s --help'.\n", name);
    return PROGRAM_USAGE;
}

void program_print_help(const char *usage, const char *purpose, const struct option_spec *specs,
                        size_t count, const char *more)
{
    printf("Usage: %s\n\n", usage);
    options_print_wrapped(stdout, purpose, 0, "", 80);
    printf("\nOptions:\n");
    options_print(stdout, specs, count);
    if (more != NULL)
        printf("\n%s", more);
}

struct model *program_open_model(const char *path, char found[PATH_MAX], struct tutti_error *error)
{
    if (*path == '\0') {
        if (model_path_find(found, PATH_MAX, error) != TUTTI_OK)
            return NULL;
    } else if (snprintf(found, PATH_MAX, "%s", path) >= PATH_MAX) {
        tutti_error_set(error, TUTTI_ERROR_IO, "%.100s...: %s", path, strerror(ENAMETOOLONG));
        return NULL;
    }
    return model_open(found, error);
}

enum tutti_status program_labels(const struct settings *settings, const struct model *model,
                                 float *threshold, bool *enabled, struct tutti_error *error)
{
    const char *labels[MODEL_LABELS_MAX];
    size_t count = model_label_count(model);
    for (size_t i = 0; i < count; i++) {
        labels[i] = model_label(model, i);
        threshold[i] = model_entry_threshold(model, i);
    }
    return settings_labels(settings, labels, count, threshold, enabled, error);
}

enum tutti_status program_check_kernel(const struct settings *settings, struct tutti_error *error)
{
    if (settings->kernel[0] == '\0')
        return TUTTI_OK;
    char names[256];
    size_t length = 0;
    const char *name;
    bool available;
    for (size_t i = 0; (name = network_kernel(i, &available)) != NULL; i++) {
        if (available && strcmp(name, settings->kernel) == 0)
            return TUTTI_OK;
        if (available && length < sizeof names)
            length += (size_t)snprintf(names + length, sizeof names - length, "%s%s",
                                       length > 0 ? ", " : "", name);
    }
    char place[TUTTI_ERROR_TEXT_SIZE];
    settings_describe_place(settings, "kernel", place, sizeof place);
    return tutti_error_set(error, TUTTI_ERROR_NOT_FOUND,
                           "%.200s: there is no kernel '%.40s' here; there are: %s", place,
                           settings->kernel, names);
}

void program_print_name(const char *name)
{
    enum text_kind kind;
    for (size_t length; (length = text_next(name, &kind)) > 0; name += length)
        fwrite(kind == TEXT_PLAIN ? name : "?", 1, kind == TEXT_PLAIN ? length : 1, stdout);
}

enum program_exit program_end_output(const char *name, enum program_exit result)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return result;
    return program_fail_output(name, errno);
}

enum program_exit program_fail_output(const char *name, int cause)
{
    if (cause == 0)
        fprintf(stderr, "%s: cannot write to standard output\n", name);
    else if (cause != EPIPE)
        fprintf(stderr, "%s: cannot write to standard output: %s\n", name, strerror(cause));
    return PROGRAM_FAILED;
}
