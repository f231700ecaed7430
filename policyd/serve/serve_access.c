#include "policyd/serve/serve_access.h"

#include "shared/service/access_check.h"

/* The sockets of three listeners have room behind them. */
enum { FILES_MAX = ACCESS_WANTS_MAX - 3 * CONFIG_SOCKETS_MAX };

void
serve_access_check(const struct serve_config *config,
    const struct daemon_options *options, struct buffer *errors)
{
    const struct access_daemon daemon = {
        "postshift-policyd", "policyd", "postshift", config->user, config->group};
    const struct redis_config *redis = &config->redis;
    bool own_password = redis->own_password_file[0] != '\0';
    const char *key = own_password ? "redis_password_file" : "redis.password_file";
    const char *password = own_password ? redis->own_password_file : redis->password_file;
    bool by_path = redis->address.kind == SOCKET_UNIX && redis->sentinels.count == 0;
    const char *address = by_path ? redis->address.path : "";
    enum access_kind read_file = options->config_given ? ACCESS_READ : ACCESS_READ_FOUND;
    struct access_want wants[ACCESS_WANTS_MAX] = {
        {NULL,            read_file,         options->config_file},
        {key,             ACCESS_READ,       password            },
        {"redis.address", ACCESS_CONNECT,    address             },
        {"override",      ACCESS_READ_FOUND, config->override    },
        {"snapshot",      ACCESS_REPLACE,    config->snapshot    },
    };
    size_t count = 5;

    count +=
        access_want_sockets(wants + count, "policy", ACCESS_BIND, &config->policy, NULL);
    count +=
        access_want_sockets(wants + count, "route", ACCESS_BIND, &config->route, NULL);
    count += access_want_sockets(wants + count, "dict", ACCESS_BIND, &config->dict, NULL);
    access_check(config->file, options, &daemon, wants, count, errors);
}
