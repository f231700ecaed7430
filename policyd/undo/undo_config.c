#include "policyd/undo/undo_config.h"

#include <stdlib.h>
#include <string.h>

#include "shared/base/allocate.h"
#include "shared/base/attributes.h"
#include "shared/base/number.h"
#include "shared/service/privs.h"

#define UNDO(key, field, type, ...)                                                      \
    CONFIG_OPTION_AS(struct undo_config, "cutover", key, field, type, __VA_ARGS__)

static bool
check_undo(const void *field, struct error *error)
{
    const char *text = *(const char *const *)field;
    uint64_t milliseconds;

    return strcmp(text, "no") == 0 || number_duration(span_of(text), &milliseconds) ||
           error_permanent(error, "\"%s\" is neither no nor a duration (2d)", text);
}

static const struct config_option options[] = {
    DAEMON_LOG_OPTIONS(struct undo_config, log),
    UNDO("undo", undo, CONFIG_TEXT, "no", .check = check_undo),
    UNDO("undo_listen", listen, CONFIG_SOCKET,
        "unix:/var/spool/postfix/postshift/undo.sock"),
    UNDO("undo_metrics", metrics, CONFIG_SOCKET, "inet:127.0.0.1:8795",
        .may_be_empty = true),
    UNDO("undo_folder", folder, CONFIG_PATH, "/var/lib/postshift/undo"),
    UNDO("undo_key", key, CONFIG_PATH, "", .may_be_empty = true),
    UNDO(
        "undo_max", max, CONFIG_SIZE, "20G", .least = 1 << 20, .most = UINT64_C(1) << 40),
    UNDO("undo_user", user, CONFIG_TEXT, "", .may_be_empty = true,
        .check = privs_check_user),
};

struct undo_config *
undo_config_read(const char *file, bool must_exist, struct buffer *errors)
{
    struct undo_config *config = allocate(sizeof(*config));

    config->file =
        config_read(file, must_exist, options, ARRAY_LENGTH(options), config, errors);
    if (config->file == NULL) {
        free(config);
        return NULL;
    }
    (void)number_duration(span_of(config->undo), &config->keep_ms);
    return config;
}

void
undo_config_free(struct undo_config *config)
{
    if (config == NULL)
        return;
    config_free(config->file);
    free(config);
}
