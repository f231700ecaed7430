#include "policyd/rehearse/rehearse_config.h"

#include <stdlib.h>

#include "policyd/redis/redis_access.h"
#include "policyd/rehearsal/rehearsal_gate.h"
#include "shared/base/allocate.h"
#include "shared/base/attributes.h"
#include "shared/service/access_check.h"
#include "shared/service/privs.h"

#define OWN(section, field, type, ...)                                                   \
    CONFIG_OPTION(struct rehearse_config, section, field, type, __VA_ARGS__)

static bool
check_rehearsal(const void *field, struct error *error)
{
    bool is_on;
    unsigned percent;

    return rehearsal_limit_parse(
        span_of(*(const char *const *)field), &is_on, &percent, error);
}

static const struct config_option own[] = {
    OWN("rehearsal", user, CONFIG_TEXT, "", .may_be_empty = true,
        .check = privs_check_user),
    OWN("rehearsal", group, CONFIG_TEXT, "", .may_be_empty = true,
        .check = privs_check_group),
    OWN("rehearsal", metrics, CONFIG_SOCKET, "inet:127.0.0.1:8796", .may_be_empty = true),
    OWN("rehearsal", state, CONFIG_PATH, "/var/lib/postshift/rehearsal/asked.db"),
    OWN("cutover", books, CONFIG_PATH, "/var/lib/postshift/cutover/books.db"),
    OWN("cutover", gateway, CONFIG_TEXT, "", .may_be_empty = true),
    OWN("cutover", rehearsal, CONFIG_TEXT, "no", .check = check_rehearsal),
};

struct rehearse_config *
rehearse_config_read(const char *file, bool must_exist, struct buffer *errors)
{
    struct rehearse_config *config = allocate(sizeof(*config));
    struct config_option options[SERVE_OPTIONS_MAX + ARRAY_LENGTH(own)];
    size_t count = serve_config_options("rehearsal", options);
    struct error error;
    unsigned limit;

    for (size_t i = 0; i < ARRAY_LENGTH(own); i++)
        options[count++] = own[i];
    config->file = config_read_anyway(file, must_exist, options, count, config, errors);
    if (config->file != NULL)
        redis_config_finish(&config->served.redis, config->file, "rehearsal", errors);
    if (errors->length > 0) {
        config_free(config->file);
        free(config);
        return NULL;
    }
    (void)rehearsal_limit_parse(
        span_of(config->rehearsal), &config->is_on, &limit, &error);
    serve_config_make_ready(&config->served);
    return config;
}

void
rehearse_config_free(struct rehearse_config *config)
{
    if (config == NULL)
        return;
    serve_config_clear(&config->served);
    config_free(config->file);
    free(config);
}

void
rehearse_config_check(const struct rehearse_config *config,
    const struct daemon_options *options, struct buffer *errors)
{
    const struct access_daemon daemon = {
        .program = "postshift-rehearsal",
        .section = "rehearsal",
        .unit_user = "postshift-rehearsal",
        .user = config->user,
        .group = config->group,
    };
    enum access_kind read_file = options->config_given ? ACCESS_READ : ACCESS_READ_FOUND;
    struct access_want wants[ACCESS_WANTS_MAX] = {
        {NULL,            read_file,          options->config_file   },
        {"override",      ACCESS_READ_FOUND,  config->served.override},
        {"cutover.books", ACCESS_READ_FOUND,  config->books          },
        {"state",         ACCESS_REPLACE,     config->state          },
        {"state",         ACCESS_WRITE_FOUND, config->state          },
    };
    size_t count = 5;

    count += redis_access_wants(&config->served.redis, wants + count);
    access_check(config->file, options, &daemon, wants, count, errors);
}
