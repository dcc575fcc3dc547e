/* fuzz_text.c - any bytes as what people and clients write: an address to listen on, a Host header,
 * the settings allowed_hosts and allowed_origins, a number, a name that goes into JSON. For
 * libFuzzer, and for replay.c.
 */
#include "daemon/host_check.h"
#include "daemon/json_writer.h"
#include "daemon/listen_address.h"
#include "daemon/number.h"
#include "daemon/origin_list.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

/* What a server that listens there, with this setting, says of a Host header. */
static void check_host(const char *listen, const char *allowed, const char *host)
{
    struct listen_address address;
    struct tutti_error error;
    require(listen_address_parse(listen, &address, &error) == TUTTI_OK);
    struct host_check *check = host_check_new((const struct sockaddr *)&address.socket_address,
                                              allowed, "hall.example", &error);
    if (check == NULL) {
        require(error.status == TUTTI_ERROR_ARGUMENT && error.text[0] != '\0');
        return;
    }
    const bool ours = host_check_allows(check, host);
    if (allowed == NULL && strncmp(listen, "127.", 4) == 0 && ours)
        require(strncasecmp(host, "localhost", 9) == 0 || strncmp(host, "127.", 4) == 0 ||
                host[0] == '[');
    host_check_free(check);
}

/* A list holds each of its own entries, and nothing that ends in a separator. */
static void check_origins(const char *text)
{
    if (origin_list_check(text, NULL) != TUTTI_OK)
        return;
    const char *first = text + strspn(text, ", \t\r\n");
    char *entry = strndup(first, strcspn(first, ", \t\r\n"));
    require(entry != NULL);
    require(origin_list_has(text, entry) == (*entry != '\0'));
    require(!origin_list_has(text, "") && !origin_list_has(text, "null"));
    free(entry);
}

static void check_json(const char *text, size_t length)
{
    const size_t size = 6 * length + 3;
    char *json = malloc(size);
    require(json != NULL);
    for (int cut = 0; cut < 2; cut++) {
        struct json_writer writer;
        json_writer_init(&writer, json, cut ? 1 + size / 8 : size);
        json_write_string(&writer, text);
        require(strlen(json) == writer.length && (cut || !writer.overflow));
        if (writer.overflow)
            continue;
        cJSON *parsed = cJSON_ParseWithOpts(json, NULL, true);
        require(cJSON_IsString(parsed));
        cJSON_Delete(parsed);
    }
    free(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    require(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    struct listen_address address;
    struct tutti_error error;
    double value = 0;
    if (listen_address_parse(text, &address, &error) == TUTTI_OK)
        require(listen_address_port(&address) <= 65535);
    if (number_parse(text, &value))
        require(isfinite(value));
    check_host("127.0.0.1:80", NULL, text);
    check_host("0.0.0.0:80", NULL, text);
    check_host("[::1]:80", text, "hall.example:80");
    check_host("[::1]:80", text, text);
    (void)host_check_same_origin(text, "localhost:80");
    check_origins(text);
    check_json(text, size);
    free(text);
    return 0;
}
