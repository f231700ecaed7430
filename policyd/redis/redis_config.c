#include "policyd/redis/redis_config.h"

#include <stdio.h>
#include <string.h>

static void
read_password(struct redis_config *redis, const struct config *config,
    const char *section, struct buffer *errors)
{
    bool is_own = redis->own_password_file[0] != '\0';
    const char *file = is_own ? redis->own_password_file : redis->password_file;
    struct buffer password;
    struct error error;

    redis->password[0] = '\0';
    if (file[0] == '\0')
        return;
    buffer_init(&password, REDIS_PASSWORD_MAX);
    if (!config_read_password(file, &password, &error))
        config_complain(config, errors, is_own ? section : "redis",
            is_own ? "redis_password_file" : "password_file", "%s", error.text);
    else
        (void)span_copy(buffer_span(&password), redis->password, REDIS_PASSWORD_MAX);
    if (password.data != NULL)
        explicit_bzero(password.data, password.capacity);
    buffer_clear(&password);
}

static bool
parse_sentinel(const char *text, struct socket_address *address, struct error *error)
{
    char with_kind[300];

    if (socket_address_parse(span_of(text), address, error))
        return address->kind == SOCKET_INET ||
               error_permanent(error, "no TCP address (inet:host:port)");
    (void)snprintf(with_kind, sizeof(with_kind), "inet:%s", text);
    return socket_address_parse(span_of(with_kind), address, error);
}

static void
read_sentinels(
    struct redis_config *redis, const struct config *config, struct buffer *errors)
{
    struct error error;

    if (redis->sentinels.count > REDIS_SENTINELS_MAX) {
        config_complain(config, errors, "redis", "sentinels", "too many (%d at most)",
            REDIS_SENTINELS_MAX);
        return;
    }
    for (size_t i = 0; i < redis->sentinels.count; i++) {
        if (!parse_sentinel(
                redis->sentinels.items[i], &redis->options.sentinels[i], &error))
            config_complain(config, errors, "redis", "sentinels", "%s: %s",
                redis->sentinels.items[i], error.text);
    }
    redis->options.sentinel_count = redis->sentinels.count;
    if (redis->sentinels.count > 0 && redis->primary[0] == '\0')
        config_complain(config, errors, "redis", "sentinels",
            "sentinels need a primary (its name: primary = NAME)");
    if (redis->sentinels.count == 0 && redis->primary[0] != '\0')
        config_complain(config, errors, "redis", "primary",
            "a primary needs sentinels (sentinels = inet:host:port ...)");
}

static void
read_tls(struct redis_config *redis, const struct config *config, struct buffer *errors)
{
    const char *key = NULL;
    struct error error;

    if (!redis->tls)
        return;
    redis->options.tls = redis_tls_context_new(&redis->tls_files, &key, &error);
    if (redis->options.tls == NULL)
        config_complain(config, errors, "redis", key, "%s", error.text);
}

void
redis_config_finish(struct redis_config *redis, const struct config *config,
    const char *section, struct buffer *errors)
{
    redis->options = (struct redis_options){
        .address = redis->address,
        .primary = redis->primary,
        .username =
            redis->own_username[0] != '\0' ? redis->own_username : redis->username,
        .password = redis->password,
        .database = (unsigned)redis->database,
        .timeout_ms = (unsigned)redis->timeout_ms,
    };
    read_password(redis, config, section, errors);
    read_sentinels(redis, config, errors);
    read_tls(redis, config, errors);
}

void
redis_config_clear(struct redis_config *redis)
{
    redis_tls_context_free(redis->options.tls);
    redis->options.tls = NULL;
    explicit_bzero(redis->password, sizeof(redis->password));
}
