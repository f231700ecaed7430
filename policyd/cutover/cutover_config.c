#include "policyd/cutover/cutover_config.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/rehearsal/rehearsal_gate.h"
#include "policyd/wire/smtp_command.h"
#include "shared/base/allocate.h"
#include "shared/base/number.h"

#define CUTOVER(field, type, ...)                                                        \
    CONFIG_OPTION(struct cutover_config, "cutover", field, type, __VA_ARGS__)
#define CUTOVER_MS(key, type, ...)                                                       \
    CONFIG_OPTION_AS(struct cutover_config, "cutover", #key, key##_ms, type, __VA_ARGS__)

enum { MINUTE_MS = 60 * 1000, DAY_MS = 24 * 60 * MINUTE_MS };

static bool
check_log(const void *field, struct error *error)
{
    const char *log = *(const char *const *)field;

    return log[0] == '/' || strcmp(log, "auto") == 0 || strcmp(log, "journal") == 0 ||
           strcmp(log, "-") == 0 ||
           error_permanent(
               error, "\"%s\" is no log (auto, journal, - or the path of a file)", log);
}

static bool
check_user(const void *field, struct error *error)
{
    const char *name = *(const char *const *)field;

    return getpwnam(name) != NULL || error_permanent(error, "there is no user %s", name);
}

static bool
check_group(const void *field, struct error *error)
{
    const char *name = *(const char *const *)field;

    return getgrnam(name) != NULL || error_permanent(error, "there is no group %s", name);
}

static bool
check_rehearsal(const void *field, struct error *error)
{
    bool is_on;
    unsigned percent;

    return rehearsal_limit_parse(
        span_of(*(const char *const *)field), &is_on, &percent, error);
}

static bool
check_undo(const void *field, struct error *error)
{
    const char *text = *(const char *const *)field;
    uint64_t milliseconds;

    return strcmp(text, "no") == 0 || number_duration(span_of(text), &milliseconds) ||
           error_permanent(error, "\"%s\" is neither no nor a duration (2d)", text);
}

/* An address, or its local part alone. */
static bool
check_probe(struct span address, struct error *error)
{
    char whole[1100];

    if (span_find(address, '@') != SPAN_NONE)
        return smtp_address_check(address, error);
    (void)snprintf(whole, sizeof(whole), "%.*s@probe.example",
        address.length > 1000 ? 1000 : (int)address.length, address.data);
    return smtp_address_check(span_of(whole), error);
}

static bool
check_probe_recipient(const void *field, struct error *error)
{
    return check_probe(span_of(*(const char *const *)field), error);
}

static bool
check_probe_sender(const void *field, struct error *error)
{
    return smtp_address_check(span_of(*(const char *const *)field), error);
}

/* A syslog name of Postfix: the part before the first slash. */
static bool
check_instances(const void *field, struct error *error)
{
    const struct config_list *list = field;

    for (size_t i = 0; i < list->count; i++) {
        if (strpbrk(list->items[i], "/[]:") != NULL)
            return error_permanent(error,
                "\"%s\" is no syslog name (what stands before the first / in the log)",
                list->items[i]);
    }
    return true;
}

static const struct config_option own[] = {
    CUTOVER(log, CONFIG_TEXT, "auto", .check = check_log),
    CUTOVER(books, CONFIG_PATH, "/var/lib/postshift/cutover/books.db"),
    CUTOVER_MS(keep, CONFIG_DURATION, "30d", .least = UINT64_C(60) * MINUTE_MS,
        .most = UINT64_C(366) * DAY_MS),
    CUTOVER(books_max, CONFIG_SIZE, "4G", .least = 16 << 20, .most = UINT64_C(1) << 40),
    CUTOVER_MS(slot, CONFIG_DURATION, "60s", .least = 1000, .most = MINUTE_MS),
    CUTOVER(page, CONFIG_SOCKET, "inet:127.0.0.1:8794", .may_be_empty = true),
    CUTOVER(user, CONFIG_TEXT, "", .may_be_empty = true, .check = check_user),
    CUTOVER(group, CONFIG_TEXT, "", .may_be_empty = true, .check = check_group),
    CUTOVER(min_samples, CONFIG_NUMBER, "200", .least = 1, .most = 1000000000),
    CUTOVER(instances, CONFIG_LIST, "postfix", .check = check_instances),
    CUTOVER(gateway, CONFIG_TEXT, "", .may_be_empty = true),
    CUTOVER(postfix, CONFIG_PATH, "", .may_be_empty = true),
    CUTOVER(queue, CONFIG_YES_NO, "yes"),
    CUTOVER(drain, CONFIG_PATH, "/run/postshift/flush"),
    CUTOVER(callout, CONFIG_YES_NO, "yes"),
    CUTOVER_MS(probe_interval, CONFIG_DURATION, "30s", .least = 1000, .most = DAY_MS),
    CUTOVER(
        probe_sender, CONFIG_TEXT, "", .may_be_empty = true, .check = check_probe_sender),
    CUTOVER(probe_recipient, CONFIG_TEXT, "", .may_be_empty = true,
        .check = check_probe_recipient),
    CUTOVER(before_advance, CONFIG_PATH, "", .may_be_empty = true),
    CUTOVER(after_transition, CONFIG_PATH, "", .may_be_empty = true),
    CUTOVER(after_rollback, CONFIG_PATH, "", .may_be_empty = true),
    CUTOVER(notify, CONFIG_PATH, "", .may_be_empty = true),
    CUTOVER_MS(escalate, CONFIG_DURATION, "15m", .least = 1000, .most = DAY_MS),
    CUTOVER(preflight, CONFIG_CHOICE, "kept", "no|kept|yes"),
    CUTOVER(rehearsal, CONFIG_TEXT, "no", .check = check_rehearsal),
    CUTOVER(undo, CONFIG_TEXT, "no", .check = check_undo),
    CUTOVER(undo_listen, CONFIG_SOCKET, "unix:/var/spool/postfix/postshift/undo.sock"),
    CUTOVER(undo_folder, CONFIG_PATH, "/var/lib/postshift/undo"),
    CUTOVER(undo_key, CONFIG_PATH, "", .may_be_empty = true),
    CUTOVER(undo_max, CONFIG_SIZE, "20G", .least = 1 << 20, .most = UINT64_C(1) << 40),
};

struct cutover_config *
cutover_config_read(const char *file, bool must_exist, struct buffer *errors)
{
    struct cutover_config *config = allocate(sizeof(*config));
    struct config_option options[SERVE_OPTIONS_MAX + ARRAY_LENGTH(own)];
    size_t count = serve_config_options("cutover", options);

    for (size_t i = 0; i < ARRAY_LENGTH(own); i++)
        options[count++] = own[i];
    config->file = config_read_anyway(file, must_exist, options, count, config, errors);
    if (config->file != NULL)
        redis_config_finish(&config->served.redis, config->file, "cutover", errors);
    if (errors->length > 0) {
        config_free(config->file);
        free(config);
        return NULL;
    }
    serve_config_make_ready(&config->served);
    return config;
}

void
cutover_config_free(struct cutover_config *config)
{
    if (config == NULL)
        return;
    serve_config_clear(&config->served);
    config_free(config->file);
    free(config);
}

void
cutover_config_snapshot(const struct cutover_config *config, char path[CUTOVER_PATH_SIZE])
{
    const char *books = config->books;

    (void)snprintf(path, CUTOVER_PATH_SIZE, "%.*s/routes.snapshot",
        (int)(strrchr(books, '/') - books), books);
}
