/* settings_fixture.h - settings and a configuration file for them, for cmocka. Include it after
 * cmocka.h. */
#ifndef TUTTI_TESTS_SUPPORT_SETTINGS_FIXTURE_H
#define TUTTI_TESTS_SUPPORT_SETTINGS_FIXTURE_H

#include "daemon/settings.h"
#include "daemon/settings_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct settings_fixture {
    char path[64]; /* of the file */
    struct settings *settings;
    struct tutti_error error;
    const struct settings_source *sources[MAX_SOURCES + 1]; /* for settings_sources() */
    size_t count;
};

static inline int settings_fixture_set_up(void **state)
{
    struct settings_fixture *f = calloc(1, sizeof *f);
    snprintf(f->path, sizeof f->path, "/tmp/tutti-settings-XXXXXX");
    const int descriptor = mkstemp(f->path);
    f->settings = settings_new();
    *state = f;
    return descriptor >= 0 && close(descriptor) == 0 && f->settings != NULL ? 0 : -1;
}

static inline int settings_fixture_tear_down(void **state)
{
    struct settings_fixture *f = *state;
    settings_free(f->settings);
    unlink(f->path);
    free(f);
    return 0;
}

static inline void settings_fixture_renew(struct settings_fixture *f)
{
    settings_free(f->settings);
    f->settings = settings_new();
}

/* Reads text as the file into the settings as they are. */
static inline enum tutti_status settings_fixture_read(struct settings_fixture *f, const char *text)
{
    FILE *stream = fopen(f->path, "w");
    fputs(text, stream);
    fclose(stream);
    f->error.text[0] = '\0';
    return settings_read_file(f->settings, f->path, &f->error);
}

#endif
