/*
 * redis_config - the section [redis] of the configuration, and what a program's own
 * section says besides.
 *
 * A program's config struct embeds a struct redis_config and lists REDIS_CONFIG_OPTIONS
 * among its options. Sentinels are written `inet:host:port` or `host:port`, and go with a
 * `primary`, the name they know it by.
 */
#ifndef POLICYD_REDIS_REDIS_CONFIG_H
#define POLICYD_REDIS_REDIS_CONFIG_H

#include "policyd/redis/redis.h"
#include "shared/service/config.h"

struct redis_config {
    struct socket_address address;
    const char *username;
    const char *password_file;
    uint64_t database;
    const char *prefix; /* of keys and channels, "cutover:" */
    uint64_t timeout_ms;
    struct config_list sentinels;
    const char *primary;
    bool tls;
    struct redis_tls_files tls_files;
    /* Of the program's own section; they go before those of [redis]. */
    const char *own_username;
    const char *own_password_file;

    /* Made of these by redis_config_finish; borrowed from here and the struct config. */
    struct redis_options options;
    char password[REDIS_PASSWORD_MAX];
};

/* `section` is the program's own. */
/* NOLINTBEGIN(bugprone-macro-parentheses): a member has none */
#define REDIS_CONFIG_OPTIONS(type, field, section)                                       \
    {"redis", "address", CONFIG_SOCKET, offsetof(type, field.address),                   \
        "inet:127.0.0.1:6379"},                                                          \
        {"redis", "username", CONFIG_TEXT, offsetof(type, field.username), "",           \
            .may_be_empty = true},                                                       \
        {"redis", "password_file", CONFIG_PATH, offsetof(type, field.password_file), "", \
            .may_be_empty = true},                                                       \
        {"redis", "database", CONFIG_NUMBER, offsetof(type, field.database), "0",        \
            .most = 65535},                                                              \
        {"redis", "prefix", CONFIG_TEXT, offsetof(type, field.prefix), "cutover:"},      \
        {"redis", "timeout", CONFIG_DURATION, offsetof(type, field.timeout_ms), "2s",    \
            .least = 10, .most = 60000},                                                 \
        {"redis", "sentinels", CONFIG_LIST, offsetof(type, field.sentinels), ""},        \
        {"redis", "primary", CONFIG_TEXT, offsetof(type, field.primary), "",             \
            .may_be_empty = true},                                                       \
        {"redis", "tls", CONFIG_YES_NO, offsetof(type, field.tls), "no"},                \
        {"redis", "tls_ca", CONFIG_PATH, offsetof(type, field.tls_files.ca), "",         \
            .may_be_empty = true},                                                       \
        {"redis", "tls_name", CONFIG_TEXT, offsetof(type, field.tls_files.name), "",     \
            .may_be_empty = true},                                                       \
        {"redis", "tls_certificate", CONFIG_PATH,                                        \
            offsetof(type, field.tls_files.certificate), "", .may_be_empty = true},      \
        {"redis", "tls_key", CONFIG_PATH, offsetof(type, field.tls_files.key), "",       \
            .may_be_empty = true},                                                       \
        {section, "redis_username", CONFIG_TEXT, offsetof(type, field.own_username), "", \
            .may_be_empty = true},                                                       \
    {                                                                                    \
        section, "redis_password_file", CONFIG_PATH,                                     \
            offsetof(type, field.own_password_file), "", .may_be_empty = true            \
    }
/* NOLINTEND(bugprone-macro-parentheses) */

/* Checks what goes beyond single values, reads the password file, fills in `options`;
 * complaints go to `errors`. */
void redis_config_finish(struct redis_config *redis, const struct config *config,
    const char *section, struct buffer *errors);
void redis_config_clear(struct redis_config *redis);

#endif
