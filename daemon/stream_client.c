#include "daemon/stream_client.h"

#include "common/text.h"
#include "daemon/clock.h"
#include "daemon/json_read.h"

#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define REDIRECTS_MAX 5
#define DESCRIPTORS_MAX 4
#define INFO_MAX 131071
#define CUES_MAX 1048575 /* 4,096 entries are half of that */
#define REFUSAL_MAX 4095
#define REASON_SIZE 256

struct answer {
    char *text; /* with a 0 byte behind */
    size_t length;
    size_t most;
};

/* A request beside the stream. */
struct side_request {
    CURL *easy;
    struct answer answer;
    bool runs;
    bool wanted;
};

struct stream_client {
    struct stream_address address;
    struct stream_client_callbacks callbacks;
    struct event_parser *parser;
    CURLM *multi;
    CURL *stream;
    struct side_request side[STREAM_QUESTIONS];
    struct curl_slist *headers; /* of the stream */
    bool stream_runs;
    bool is_stream; /* what comes is one, and not a refusal */
    bool looked_at; /* that is known */
    struct answer refusal;
    enum stream_link link;
    unsigned failures;
    unsigned pause_ms; /* the next one */
    uint64_t retry_ns;
    uint64_t heard_ns; /* when the last byte came, or the connection was begun */
    unsigned random;
    char curl_error[CURL_ERROR_SIZE];
};

/* ---- what comes ---- */

static size_t keep(struct answer *answer, const char *bytes, size_t size)
{
    const size_t room = answer->most - answer->length;
    const size_t taken = size < room ? size : room;
    memcpy(answer->text + answer->length, bytes, taken);
    answer->length += taken;
    answer->text[answer->length] = '\0';
    return taken; /* less than size: curl ends the transfer */
}

static size_t take_answer(char *bytes, size_t unit, size_t count, void *context)
{
    struct side_request *request = context;
    return keep(&request->answer, bytes, unit * count);
}

static void set_link(struct stream_client *client, enum stream_link link, const char *reason)
{
    char text[REASON_SIZE];
    snprintf(text, sizeof text, "%s", reason);
    text_clean(text);
    client->link = link;
    client->callbacks.link(client->callbacks.context, link, text);
}

static void look_at_answer(struct stream_client *client)
{
    long status = 0;
    const char *type = NULL;
    (void)curl_easy_getinfo(client->stream, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(client->stream, CURLINFO_CONTENT_TYPE, &type);
    client->looked_at = true;
    client->is_stream =
        status == 200 && type != NULL && strncasecmp(type, "text/event-stream", 17) == 0;
    if (!client->is_stream)
        return;
    client->failures = 0;
    client->pause_ms = STREAM_CLIENT_FIRST_PAUSE_MS;
    set_link(client, STREAM_CONNECTED, "");
}

static size_t take_stream(char *bytes, size_t unit, size_t count, void *context)
{
    struct stream_client *client = context;
    const size_t size = unit * count;
    client->heard_ns = clock_monotonic_ns();
    if (!client->looked_at)
        look_at_answer(client);
    if (!client->is_stream)
        return keep(&client->refusal, bytes, size);
    event_parser_feed(client->parser, bytes, size, client->callbacks.event,
                      client->callbacks.context);
    return size;
}

/* ---- making connections ---- */

static void set_up(struct stream_client *client, CURL *easy, const char *url,
                   curl_write_callback take, void *context)
{
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, context);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(easy, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, (long)STREAM_CLIENT_ANSWER_S);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "tutti/" TUTTI_VERSION);
    if (client->address.local)
        curl_easy_setopt(easy, CURLOPT_PROXY, "");
}

static bool set_headers(struct stream_client *client)
{
    curl_slist_free_all(client->headers);
    client->headers = curl_slist_append(NULL, "Accept: text/event-stream");
    const char *last_id = event_parser_last_id(client->parser);
    if (client->headers != NULL && *last_id != '\0') {
        char line[EVENT_ID_MAX + 32];
        snprintf(line, sizeof line, "Last-Event-ID: %s", last_id);
        struct curl_slist *longer = curl_slist_append(client->headers, line);
        if (longer == NULL)
            return false;
        client->headers = longer;
    }
    return client->headers != NULL &&
           curl_easy_setopt(client->stream, CURLOPT_HTTPHEADER, client->headers) == CURLE_OK;
}

static void connect_stream(struct stream_client *client)
{
    event_parser_restart(client->parser);
    client->refusal.length = 0;
    client->refusal.text[0] = '\0';
    client->curl_error[0] = '\0';
    client->looked_at = client->is_stream = false;
    client->heard_ns = clock_monotonic_ns();
    client->retry_ns = UINT64_MAX;
    if (set_headers(client))
        client->stream_runs = curl_multi_add_handle(client->multi, client->stream) == CURLM_OK;
}

/* Not at once: this may be called while libcurl is at work, which does not take new requests then.
 */
void stream_client_ask(struct stream_client *client, enum stream_question question)
{
    client->side[question].wanted = true;
}

static void connect_side(struct stream_client *client, struct side_request *request)
{
    if (!request->wanted || request->runs)
        return;
    request->wanted = false;
    request->answer.length = 0;
    request->answer.text[0] = '\0';
    request->runs = curl_multi_add_handle(client->multi, request->easy) == CURLM_OK;
    if (!request->runs)
        client->callbacks.answer(client->callbacks.context,
                                 (enum stream_question)(request - client->side), NULL);
}

/* ---- when they end ---- */

/* Why the stream could not be had, in the words of whoever knows. */
static void write_reason(struct stream_client *client, CURLcode result, char *text, size_t size)
{
    long status = 0;
    long os_error = 0;
    (void)curl_easy_getinfo(client->stream, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(client->stream, CURLINFO_OS_ERRNO, &os_error);
    cJSON *refusal = cJSON_Parse(client->refusal.text);
    char said[160] = "";
    const bool told = json_read_string(refusal, "error", said, sizeof said);
    cJSON_Delete(refusal);
    if (client->is_stream && result == CURLE_OK)
        snprintf(text, size, "the daemon has ended it");
    else if (client->is_stream && result == CURLE_PARTIAL_FILE)
        snprintf(text, size, "it broke off");
    else if (status >= 300 && told)
        snprintf(text, size, "%s (status %ld)", said, status);
    else if (status >= 300)
        snprintf(text, size, "it answers with status %ld", status);
    else if (!client->is_stream && status == 200)
        snprintf(text, size, "what answers there is no tuttid");
    else if (result == CURLE_COULDNT_CONNECT && os_error != 0)
        snprintf(text, size, "%s%s", strerror((int)os_error),
                 os_error == ECONNREFUSED ? "; is tuttid running there?" : "");
    else
        snprintf(text, size, "%s",
                 client->curl_error[0] != '\0' ? client->curl_error : curl_easy_strerror(result));
}

/* The pause before the next attempt: it grows, and is spread by a quarter either way, so that many
 * clients do not come back in the same moment. */
static uint64_t next_pause_ms(struct stream_client *client)
{
    curl_off_t wanted_s = 0;
    (void)curl_easy_getinfo(client->stream, CURLINFO_RETRY_AFTER, &wanted_s);
    const uint64_t asked_ms = event_parser_retry_ms(client->parser);
    uint64_t pause_ms = client->pause_ms;
    if (asked_ms > pause_ms && asked_ms <= STREAM_CLIENT_LONGEST_PAUSE_MS)
        pause_ms = asked_ms;
    client->pause_ms = 2 * client->pause_ms < STREAM_CLIENT_LONGEST_PAUSE_MS
                           ? 2 * client->pause_ms
                           : STREAM_CLIENT_LONGEST_PAUSE_MS;
    if (wanted_s > 0 && wanted_s <= 60 && (uint64_t)wanted_s * 1000 > pause_ms)
        pause_ms = (uint64_t)wanted_s * 1000;
    client->random = client->random * 1103515245u + 12345u;
    return pause_ms * (768 + (client->random >> 16) % 512) / 1024;
}

static void end_stream(struct stream_client *client, CURLcode result)
{
    char reason[REASON_SIZE];
    long status = 0;
    write_reason(client, result, reason, sizeof reason);
    (void)curl_easy_getinfo(client->stream, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_multi_remove_handle(client->multi, client->stream);
    client->stream_runs = false;
    client->failures++;
    if (status == 400) /* it may be the id that it does not like */
        event_parser_forget_id(client->parser);
    const bool first = client->link == STREAM_CONNECTING;
    client->retry_ns =
        first ? UINT64_MAX : clock_monotonic_ns() + next_pause_ms(client) * CLOCK_NS_PER_MS;
    set_link(client, first ? STREAM_REFUSED : STREAM_BROKEN, reason);
}

static void end_side(struct stream_client *client, const CURL *easy, CURLcode result)
{
    long status = 0;
    size_t i = 0;
    while (i + 1 < STREAM_QUESTIONS && client->side[i].easy != easy)
        i++;
    struct side_request *request = &client->side[i];
    (void)curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_multi_remove_handle(client->multi, request->easy);
    request->runs = false;
    if (request->wanted) /* it was asked anew: this answer may be older than why */
        return;
    const bool good = result == CURLE_OK && status == 200;
    client->callbacks.answer(client->callbacks.context, (enum stream_question)i,
                             good ? request->answer.text : NULL);
}

/* A connection can be dead without either end knowing. */
static void look_for_silence(struct stream_client *client)
{
    const double silence_s = (double)(clock_monotonic_ns() - client->heard_ns) / 1e9;
    const double most_s = client->is_stream ? STREAM_CLIENT_SILENCE_S : STREAM_CLIENT_ANSWER_S + 1;
    if (!client->stream_runs || silence_s < most_s)
        return;
    snprintf(client->curl_error, sizeof client->curl_error, "no answer for %.0f s", silence_s);
    end_stream(client, CURLE_OPERATION_TIMEDOUT);
}

void stream_client_turn(struct stream_client *client, const int *descriptors, size_t count,
                        int limit_ms)
{
    struct curl_waitfd waits[DESCRIPTORS_MAX];
    int running;
    int left;
    if (!client->stream_runs && client->link != STREAM_REFUSED &&
        clock_monotonic_ns() >= client->retry_ns)
        connect_stream(client);
    for (size_t i = 0; i < STREAM_QUESTIONS; i++)
        connect_side(client, &client->side[i]);
    count = count < DESCRIPTORS_MAX ? count : DESCRIPTORS_MAX;
    for (size_t i = 0; i < count; i++)
        waits[i] = (struct curl_waitfd){.fd = descriptors[i], .events = CURL_WAIT_POLLIN};
    (void)curl_multi_perform(client->multi, &running);
    (void)curl_multi_poll(client->multi, waits, (unsigned)count, limit_ms, NULL);
    (void)curl_multi_perform(client->multi, &running);
    for (const CURLMsg *message; (message = curl_multi_info_read(client->multi, &left)) != NULL;) {
        if (message->msg == CURLMSG_DONE && message->easy_handle == client->stream)
            end_stream(client, message->data.result);
        else if (message->msg == CURLMSG_DONE)
            end_side(client, message->easy_handle, message->data.result);
    }
    look_for_silence(client);
}

unsigned stream_client_failures(const struct stream_client *client)
{
    return client->failures;
}

/* ---- life ---- */

static bool make_answer(struct answer *answer, size_t most)
{
    *answer = (struct answer){.text = calloc(1, most + 1), .most = most};
    return answer->text != NULL;
}

static bool make_side(struct stream_client *client, enum stream_question question, const char *url,
                      size_t most)
{
    struct side_request *request = &client->side[question];
    request->easy = curl_easy_init();
    if (request->easy == NULL || !make_answer(&request->answer, most))
        return false;
    set_up(client, request->easy, url, take_answer, request);
    curl_easy_setopt(request->easy, CURLOPT_TIMEOUT, (long)STREAM_CLIENT_ANSWER_S);
    return true;
}

struct stream_client *stream_client_new(const struct stream_address *address,
                                        const struct stream_client_callbacks *callbacks,
                                        struct tutti_error *error)
{
    struct stream_client *client = calloc(1, sizeof *client);
    if (client == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(client);
        tutti_error_set(error, TUTTI_ERROR_MEMORY, "out of memory");
        return NULL;
    }
    client->address = *address;
    client->callbacks = *callbacks;
    client->pause_ms = STREAM_CLIENT_FIRST_PAUSE_MS;
    client->random = (unsigned)clock_monotonic_ns();
    client->parser = event_parser_new();
    client->multi = curl_multi_init();
    client->stream = curl_easy_init();
    if (client->parser == NULL || client->multi == NULL || client->stream == NULL ||
        !make_answer(&client->refusal, REFUSAL_MAX) ||
        !make_side(client, STREAM_INFO, client->address.info, INFO_MAX) ||
        !make_side(client, STREAM_CUES, client->address.cues, CUES_MAX)) {
        stream_client_free(client);
        tutti_error_set(error, TUTTI_ERROR_MEMORY, "out of memory");
        return NULL;
    }
    set_up(client, client->stream, client->address.stream, take_stream, client);
    curl_easy_setopt(client->stream, CURLOPT_ERRORBUFFER, client->curl_error);
    return client;
}

void stream_client_free(struct stream_client *client)
{
    if (client == NULL)
        return;
    if (client->stream_runs)
        (void)curl_multi_remove_handle(client->multi, client->stream);
    for (size_t i = 0; i < STREAM_QUESTIONS; i++) {
        if (client->side[i].runs)
            (void)curl_multi_remove_handle(client->multi, client->side[i].easy);
        curl_easy_cleanup(client->side[i].easy);
        free(client->side[i].answer.text);
    }
    curl_easy_cleanup(client->stream);
    curl_multi_cleanup(client->multi);
    curl_slist_free_all(client->headers);
    event_parser_free(client->parser);
    free(client->refusal.text);
    free(client);
    curl_global_cleanup();
}
