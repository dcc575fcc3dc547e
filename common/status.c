#include "common/status.h"

#include "common/text.h"

#include <stdarg.h>
#include <stdio.h>

enum tutti_status tutti_error_set(struct tutti_error *error, enum tutti_status status,
                                  const char *format, ...)
{
    if (error == NULL)
        return status;
    error->status = status;
    va_list arguments;
    va_start(arguments, format);
    if (vsnprintf(error->text, sizeof error->text, format, arguments) < 0)
        error->text[0] = '\0';
    va_end(arguments);
    text_clean(error->text);
    return status;
}
