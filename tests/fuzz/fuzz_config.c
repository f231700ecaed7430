/*
 * fuzz_config - whatever the file says: either it is taken and values are in their
 * bounds, or each error is one printable line that begins with the file's name.
 */
#include "shared/base/utf8.h"
#include "shared/service/config.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One option of each type. */
struct sample {
    const char *user;
    const char *snapshot;
    struct config_list domains;
    bool allow_loopback;
    uint64_t database;
    uint64_t timeout;
    uint64_t max_message;
    int64_t spam_hold;
    int hold_at;
    struct socket_address dict;
    struct config_sockets policy;
    struct config_list backends_old;
};

/* clang-format off */
static const struct config_option options[] = {
    CONFIG_OPTION(struct sample, "policyd", user, CONFIG_TEXT, "", .may_be_empty = true),
    CONFIG_OPTION(struct sample, "policyd", snapshot, CONFIG_PATH, "/var/x"),
    CONFIG_OPTION(struct sample, "policyd", domains, CONFIG_LIST, ""),
    CONFIG_OPTION(struct sample, "policyd", allow_loopback, CONFIG_YES_NO, "no"),
    CONFIG_OPTION(struct sample, "redis", database, CONFIG_NUMBER, "0", NULL, 0, 15),
    CONFIG_OPTION(struct sample, "redis", timeout, CONFIG_DURATION, "2s", NULL, 100, 60000),
    CONFIG_OPTION(struct sample, "scan", max_message, CONFIG_SIZE, "64M", NULL, 1024),
    CONFIG_OPTION(struct sample, "scan", spam_hold, CONFIG_SCORE, "", NULL, 0, 0, true),
    CONFIG_OPTION(struct sample, "policyd", hold_at, CONFIG_CHOICE, "queue", "queue|smtp"),
    CONFIG_OPTION(struct sample, "policyd", dict, CONFIG_SOCKET, "none", .may_be_empty = true),
    CONFIG_OPTION(struct sample, "policyd", policy, CONFIG_SOCKETS, "unix:/run/policy"),
    CONFIG_OPTION(struct sample, "policyd", backends_old, CONFIG_NETWORKS, ""),
};
/* clang-format on */

static void
check_values(const struct sample *sample)
{
    assert(sample->snapshot[0] == '/');
    assert(sample->database <= 15);
    assert(sample->timeout >= 100 && sample->timeout <= 60000);
    assert(sample->max_message >= 1024);
    assert(sample->hold_at == 0 || sample->hold_at == 1);
    assert(sample->policy.count >= 1 && sample->policy.count <= CONFIG_SOCKETS_MAX);
    for (size_t i = 0; i < sample->domains.count; i++) {
        struct span item = span_of(sample->domains.items[i]);

        assert(item.length > 0 && span_find(item, ' ') == SPAN_NONE);
    }
    for (size_t i = 0; i < sample->backends_old.count; i++) {
        struct network network;

        assert(network_parse(span_of(sample->backends_old.items[i]), &network));
    }
}

static void
check_errors(struct span errors)
{
    struct span line;

    assert(span_ends(errors, SPAN("\n")));
    errors.length--;
    while (span_split(&errors, '\n', &line)) {
        assert(span_starts(line, SPAN("x.conf:")));
        assert(!span_has_control(line) && utf8_is_valid(line));
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sample sample;
    struct buffer errors;
    struct config *config;

    buffer_init(&errors, 1 << 20);
    config = config_parse("x.conf", span_make(data, size), options, ARRAY_LENGTH(options),
        &sample, &errors);
    assert((config == NULL) == (errors.length > 0));
    if (config != NULL)
        check_values(&sample);
    else
        check_errors(buffer_span(&errors));
    config_free(config);
    buffer_clear(&errors);
    return 0;
}
