#include "daemon/event_parser.h"

#include "daemon/number.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES (EVENT_DATA_MAX + sizeof "data: ")
#define RETRY_MAX_MS 3600000

static const char byte_order_mark[] = "\xEF\xBB\xBF";

struct event_parser {
    size_t line_length;
    size_t data_length; /* each line ends with '\n', which the last one loses */
    bool first_line;
    bool after_return;  /* a '\n' that follows belongs to the '\r' */
    bool line_too_long; /* what is over is dropped */
    bool spoilt;        /* the event that is being read is left out */
    uint64_t retry_ms;
    uint64_t left_out;
    char type[EVENT_TYPE_MAX + 1];
    char id[EVENT_ID_MAX + 1];      /* of the event that is being read */
    char last_id[EVENT_ID_MAX + 1]; /* of the last one that was complete */
    char line[LINE_MAX_BYTES + 1];
    char data[EVENT_DATA_MAX + 2];
};

struct event_parser *event_parser_new(void)
{
    struct event_parser *parser = calloc(1, sizeof *parser);
    if (parser != NULL)
        parser->first_line = true;
    return parser;
}

void event_parser_free(struct event_parser *parser)
{
    free(parser);
}

static void forget_event(struct event_parser *parser)
{
    parser->type[0] = '\0';
    parser->data_length = 0;
    parser->spoilt = false;
}

static void forget_line(struct event_parser *parser)
{
    parser->line_length = 0;
    parser->line_too_long = false;
}

void event_parser_restart(struct event_parser *parser)
{
    forget_event(parser);
    forget_line(parser);
    memcpy(parser->id, parser->last_id, sizeof parser->id);
    parser->first_line = true;
    parser->after_return = false;
}

static void end_event(struct event_parser *parser, event_callback *callback, void *context)
{
    memcpy(parser->last_id, parser->id, sizeof parser->last_id);
    if (parser->spoilt) {
        parser->left_out++;
    } else if (parser->data_length > 0) {
        parser->data[parser->data_length - 1] = '\0';
        const struct event event = {.type = parser->type[0] != '\0' ? parser->type : "message",
                                    .data = parser->data,
                                    .id = parser->last_id};
        callback(context, &event);
    }
    forget_event(parser);
}

static void take_data(struct event_parser *parser, const char *value, size_t length)
{
    const size_t room = sizeof parser->data - parser->data_length;
    if (length + 1 > room || memchr(value, '\0', length) != NULL) {
        parser->spoilt = true;
        return;
    }
    memcpy(parser->data + parser->data_length, value, length);
    parser->data_length += length;
    parser->data[parser->data_length++] = '\n';
}

static void take_type(struct event_parser *parser, const char *value, size_t length)
{
    if (length > EVENT_TYPE_MAX || memchr(value, '\0', length) != NULL) {
        parser->spoilt = true;
        return;
    }
    memcpy(parser->type, value, length);
    parser->type[length] = '\0';
}

static void take_id(struct event_parser *parser, const char *value, size_t length)
{
    if (length > EVENT_ID_MAX)
        return;
    for (size_t i = 0; i < length; i++) {
        if (value[i] <= ' ' || value[i] > '~')
            return;
    }
    memcpy(parser->id, value, length);
    parser->id[length] = '\0';
}

/* Whether the first `length` bytes of the line are this name of a field. */
static bool is_field(const struct event_parser *parser, size_t length, const char *name)
{
    return length == strlen(name) && memcmp(parser->line, name, length) == 0;
}

static void take_field(struct event_parser *parser)
{
    const char *line = parser->line;
    const char *colon = memchr(line, ':', parser->line_length);
    const size_t name = colon != NULL ? (size_t)(colon - line) : parser->line_length;
    size_t begin = colon != NULL ? name + 1 : name;
    if (begin < parser->line_length && line[begin] == ' ')
        begin++;
    const char *value = line + begin;
    const size_t length = parser->line_length - begin;
    if (name == 0)
        return; /* a comment */
    if (parser->line_too_long)
        parser->spoilt = true;
    else if (is_field(parser, name, "data"))
        take_data(parser, value, length);
    else if (is_field(parser, name, "event"))
        take_type(parser, value, length);
    else if (is_field(parser, name, "id"))
        take_id(parser, value, length);
    else if (is_field(parser, name, "retry") && memchr(value, '\0', length) == NULL)
        (void)number_parse_unsigned(value, RETRY_MAX_MS, &parser->retry_ms);
}

static void end_line(struct event_parser *parser, event_callback *callback, void *context)
{
    const size_t mark = strlen(byte_order_mark);
    if (parser->first_line && parser->line_length >= mark &&
        memcmp(parser->line, byte_order_mark, mark) == 0) {
        parser->line_length -= mark;
        memmove(parser->line, parser->line + mark, parser->line_length);
    }
    parser->first_line = false;
    parser->line[parser->line_length] = '\0';
    if (parser->line_length == 0)
        end_event(parser, callback, context);
    else
        take_field(parser);
    forget_line(parser);
}

void event_parser_feed(struct event_parser *parser, const char *bytes, size_t size,
                       event_callback *callback, void *context)
{
    for (size_t i = 0; i < size; i++) {
        const bool rest_of_end = bytes[i] == '\n' && parser->after_return;
        parser->after_return = bytes[i] == '\r';
        if (rest_of_end)
            continue;
        if (bytes[i] == '\n' || bytes[i] == '\r')
            end_line(parser, callback, context);
        else if (parser->line_length < LINE_MAX_BYTES)
            parser->line[parser->line_length++] = bytes[i];
        else
            parser->line_too_long = true;
    }
}

const char *event_parser_last_id(const struct event_parser *parser)
{
    return parser->last_id;
}

void event_parser_forget_id(struct event_parser *parser)
{
    parser->id[0] = '\0';
    parser->last_id[0] = '\0';
}

uint64_t event_parser_retry_ms(const struct event_parser *parser)
{
    return parser->retry_ms;
}

uint64_t event_parser_left_out(const struct event_parser *parser)
{
    return parser->left_out;
}
