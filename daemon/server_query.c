/* server_query.c - query strings: only what is expected, once. */
#include "daemon/server_private.h"

#include <string.h>

struct reading {
    struct query_parameter *parameters;
    size_t count;
    struct tutti_error *error;
    bool refused;
};

static enum MHD_Result read_parameter(void *context, enum MHD_ValueKind kind, const char *name,
                                      const char *value)
{
    struct reading *reading = context;
    (void)kind;
    for (size_t i = 0; i < reading->count; i++) {
        struct query_parameter *parameter = &reading->parameters[i];
        if (strcmp(parameter->name, name) != 0) {
            continue;
        }
        if (value == NULL || parameter->value != NULL) {
            tutti_error_set(reading->error, TUTTI_ERROR_ARGUMENT, "parameter '%s' is given %s",
                            name, value == NULL ? "without a value" : "twice");
            reading->refused = true;
            return MHD_NO;
        }
        parameter->value = value;
        return MHD_YES;
    }
    tutti_error_set(reading->error, TUTTI_ERROR_ARGUMENT, "there is no parameter '%.64s'", name);
    reading->refused = true;
    return MHD_NO;
}

bool query_read(const struct request *request, struct query_parameter *parameters, size_t count,
                struct tutti_error *error)
{
    struct reading reading = {.parameters = parameters, .count = count, .error = error};
    (void)MHD_get_connection_values(request->connection, MHD_GET_ARGUMENT_KIND, read_parameter,
                                    &reading);
    return !reading.refused;
}
