#include "policyd/serve/serve_access.h"

#include "policyd/redis/redis_access.h"

/* The sockets of three listeners have room behind them. */
enum { FILES_MAX = ACCESS_WANTS_MAX - 3 * CONFIG_SOCKETS_MAX };

void
serve_access_check(const struct serve_config *config,
    const struct daemon_options *options, struct buffer *errors)
{
    const struct access_daemon daemon = {
        "postshift-policyd", "policyd", "postshift", config->user, config->group};
    enum access_kind read_file = options->config_given ? ACCESS_READ : ACCESS_READ_FOUND;
    struct access_want wants[ACCESS_WANTS_MAX] = {
        {NULL,       read_file,         options->config_file},
        {"override", ACCESS_READ_FOUND, config->override    },
        {"snapshot", ACCESS_REPLACE,    config->snapshot    },
    };
    size_t count = 3;

    count += redis_access_wants(&config->redis, wants + count);
    count +=
        access_want_sockets(wants + count, "policy", ACCESS_BIND, &config->policy, NULL);
    count +=
        access_want_sockets(wants + count, "route", ACCESS_BIND, &config->route, NULL);
    count += access_want_sockets(wants + count, "dict", ACCESS_BIND, &config->dict, NULL);
    access_check(config->file, options, &daemon, wants, count, errors);
}
