/*
 * config - the one INI file of the suite, read into structs by tables of options.
 *
 * Grammar: `[section]`, `key = value`, comments (# or ;) at the start of a line only,
 * values to the end of the line, lists by blanks; no quotes, no continuation; lines up to
 * 64 KiB, files up to 4 MiB, no NUL, valid UTF-8 not asked for.  A key may stand once.
 * Every section and key of the suite is known to every program (config_names): a misspelt
 * one is an error wherever it stands; values are checked by the program whose table has
 * the key.  All errors of a file are collected, each `FILE:LINE: [section] key: what is
 * wrong (what is allowed; did you mean X?)`.
 *
 * An empty value is an empty list, or no value for options with `may_be_empty` (a single
 * socket says `none` instead); elsewhere an error.  Without a value (an empty preset too)
 * a text is "", a number 0, a socket SOCKET_NONE.  A section may be opened again.  Lines
 * may end in CR LF.
 */
#ifndef SHARED_SERVICE_CONFIG_H
#define SHARED_SERVICE_CONFIG_H

#include <stddef.h>

#include "shared/base/buffer.h"
#include "shared/base/error.h"
#include "shared/base/network.h"
#include "shared/service/socket_address.h"

enum config_type {
    CONFIG_TEXT,     /* const char *; printable, no control octets */
    CONFIG_PATH,     /* const char *; absolute */
    CONFIG_LIST,     /* struct config_list: words parted by blanks */
    CONFIG_YES_NO,   /* bool */
    CONFIG_NUMBER,   /* uint64_t in least..most */
    CONFIG_DURATION, /* uint64_t milliseconds in least..most */
    CONFIG_SIZE,     /* uint64_t octets in least..most */
    CONFIG_SCORE,    /* int64_t thousandths ("5.0"); INT64_MAX where empty */
    CONFIG_CHOICE,   /* int: the place of the value in `choices` ("no|yes|..."), from 0 */
    CONFIG_SOCKET,   /* struct socket_address; the word "none" where may_be_empty */
    CONFIG_SOCKETS,  /* struct config_sockets: one or more, by blanks; "none" where
                        may_be_empty */
    CONFIG_NETWORKS, /* struct config_list, each checked to be an address or
                        address/prefix */
};

enum { CONFIG_SOCKETS_MAX = 8 };

struct config_list {
    const char **items;
    size_t count;
};

struct config_sockets {
    struct socket_address items[CONFIG_SOCKETS_MAX];
    size_t count;
};

/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): in the order of reading */
struct config_option {
    const char *section;
    const char *key;
    enum config_type type;
    size_t offset;      /* of the field in the struct given to config_read */
    const char *preset; /* text as in the file; "" is the empty value */
    const char *choices;
    uint64_t least; /* of numbers, durations, sizes; both 0: no bound but the type's */
    uint64_t most;
    bool may_be_empty;
    /* What the type can't say of a value; `field` is read already.  NULL: nothing. */
    bool (*check)(const void *field, struct error *error);
};

/* CONFIG_OPTION(struct policyd_config, "policyd", domains, CONFIG_LIST, "") and so on;
 * the further fields of struct config_option may follow.  _AS where the key is not the
 * field's name. */
#define CONFIG_OPTION(type_of_struct, section, field, type, ...)                         \
    CONFIG_OPTION_AS(type_of_struct, section, #field, field, type, __VA_ARGS__)
#define CONFIG_OPTION_AS(type_of_struct, section, key, field, type, ...)                 \
    {                                                                                    \
        section, key, type, offsetof(type_of_struct, field), __VA_ARGS__                 \
    }

struct config; /* owns all texts and lists of what was read, until config_free */

/*
 * Reads `file` into `target` by `options`.  `must_exist` false: a file that is not there
 * gives the presets. On errors NULL is given, `errors` has all of them, a line each, and
 * `target` is not to be used.  Keys of sections that no option is in are only checked to
 * exist.  Warnings (a password in a file that all may read) are logged.
 */
struct config *config_read(const char *file, bool must_exist,
    const struct config_option *options, size_t option_count, void *target,
    struct buffer *errors);

/*
 * For checks beyond single values, so that their complaints come in the same run: gives
 * what was read on errors too, and NULL only where the file can't be read.  A value that
 * its type refuses stays the preset.  `errors` says whether all is right.
 */
struct config *config_read_anyway(const char *file, bool must_exist,
    const struct config_option *options, size_t option_count, void *target,
    struct buffer *errors);

/*
 * For a program that needs only a part of the file: is told of each complaint what it
 * concerns.  `section` is "" for what stands in none, or for a misspelt one that is near
 * to none; `key` is the known one (of a misspelt key, the nearest), or NULL.
 */
typedef void config_notice(void *argument, const char *section, const char *key);

/* As config_read_anyway; what concerns the file as a whole is of `section` "". */
struct config *config_read_noticed(const char *file, bool must_exist,
    const struct config_option *options, size_t option_count, void *target,
    struct buffer *errors, config_notice *told, void *argument);

/* The same as config_read from text in memory, for tests and fuzzers. */
struct config *config_parse(const char *name, struct span text,
    const struct config_option *options, size_t option_count, void *target,
    struct buffer *errors);

void config_free(struct config *config);

/* Of the file, as it was given; it need not be there. */
const char *config_name(const struct config *config);

/* A check beyond a single value: adds a line of the usual form, with the key's line
 * number. */
void config_complain(const struct config *config, struct buffer *errors,
    const char *section, const char *key, const char *format, ...) ATTRIBUTE_PRINTF(5, 6);

/* Whether the file itself set the key. */
bool config_has(const struct config *config, const char *section, const char *key);

/*
 * Appends the first line of a password file, at most 1 KiB.  A file that its group may
 * write or others may read is warned of in the log.
 */
bool config_read_password(const char *path, struct buffer *password, struct error *error);

bool config_sockets_equal(
    const struct config_sockets *left, const struct config_sockets *right);

/* The nearest of `names` to a misspelt word, or NULL when none is near. */
const char *config_nearest(struct span word, const char *const *names, size_t count);

#endif
