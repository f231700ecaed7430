#include "shared/service/config_value.h"

#include "shared/base/network.h"
#include "shared/base/number.h"
#include "shared/base/utf8.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { SHOWN_MAX = 60, CHOICES_MAX = 16, CHOICE_LENGTH_MAX = 31 };

static bool
parse_text(const struct config_option *option, struct span text, struct arena *arena,
    void *field, struct error *error)
{
    (void)option;
    (void)error;
    *(const char **)field = arena_text(arena, text);
    return true;
}

static bool
parse_path(const struct config_option *option, struct span text, struct arena *arena,
    void *field, struct error *error)
{
    char shown[64];

    if (text.data[0] != '/')
        return error_permanent(error, "\"%s\" is no absolute path (it starts with /)",
            config_value_shown(text, shown));
    if (text.length >= PATH_MAX)
        return error_permanent(error, "path too long (%d octets at most)", PATH_MAX - 1);
    return parse_text(option, text, arena, field, error);
}

static size_t
count_words(struct span text)
{
    struct span word;
    size_t count = 0;

    while (span_word(&text, &word))
        count++;
    return count;
}

static bool
parse_list(const struct config_option *option, struct span text, struct arena *arena,
    void *field, struct error *error)
{
    struct config_list list = {NULL, 0};
    char *copy = arena_take(arena, text.length + 1);
    struct span rest = span_make(copy, text.length);
    struct span word;

    (void)option;
    (void)error;
    memcpy(copy, text.data, text.length);
    list.items = arena_take(arena, count_words(rest) * sizeof(*list.items));
    while (span_word(&rest, &word)) {
        list.items[list.count++] = word.data;
        copy[word.data - copy + (ptrdiff_t)word.length] = '\0';
        rest = span_from(rest, rest.length > 0 ? 1 : 0);
    }
    *(struct config_list *)field = list;
    return true;
}

static bool
parse_networks(const struct config_option *option, struct span text, struct arena *arena,
    void *field, struct error *error)
{
    struct span rest = text;
    struct span word;
    struct network network;
    char shown[64];

    while (span_word(&rest, &word)) {
        if (!network_parse(word, &network))
            return error_permanent(error,
                "\"%s\" is no network (address or address/prefix, by blanks)",
                config_value_shown(word, shown));
    }
    return parse_list(option, text, arena, field, error);
}

static bool
parse_yes_no(const struct config_option *option, struct span text, struct arena *arena,
    void *field, struct error *error)
{
    char shown[64];

    (void)option;
    (void)arena;
    return number_yes_no(text, field) ||
           error_permanent(error, "\"%s\" is neither yes nor no (yes or no)",
               config_value_shown(text, shown));
}

static bool
has_bounds(const struct config_option *option)
{
    return option->least != 0 || option->most != 0;
}

static bool
in_bounds(const struct config_option *option, uint64_t number)
{
    return !has_bounds(option) ||
           (number >= option->least &&
               number <= (option->most == 0 ? UINT64_MAX : option->most));
}

/* A bound as one would write it in the file. */
static const char *
write_bound(const struct config_option *option, uint64_t bound, char out[32])
{
    static const struct {
        enum config_type type;
        uint64_t factor;
        const char *unit;
    } units[] = {
        {CONFIG_DURATION, 86400000,   "d" },
        {CONFIG_DURATION, 3600000,    "h" },
        {CONFIG_DURATION, 60000,      "m" },
        {CONFIG_DURATION, 1000,       "s" },
        {CONFIG_DURATION, 1,          "ms"},
        {CONFIG_SIZE,     1ULL << 30, "G" },
        {CONFIG_SIZE,     1ULL << 20, "M" },
        {CONFIG_SIZE,     1ULL << 10, "k" },
    };

    for (size_t i = 0; i < ARRAY_LENGTH(units); i++) {
        if (units[i].type == option->type && bound != 0 && bound % units[i].factor == 0) {
            (void)snprintf(
                out, 32, "%" PRIu64 "%s", bound / units[i].factor, units[i].unit);
            return out;
        }
    }
    (void)snprintf(out, 32, "%" PRIu64, bound);
    return out;
}

static bool
complain_number(const struct config_option *option, struct span text, const char *what,
    const char *examples, struct error *error)
{
    char shown[64];
    char least[32];
    char most[32];

    config_value_shown(text, shown);
    if (!has_bounds(option))
        return error_permanent(error, "\"%s\" is no %s (%s)", shown, what, examples);
    write_bound(option, option->least, least);
    if (option->most == 0)
        return error_permanent(error, "\"%s\" is no %s here (%s, at least %s)", shown,
            what, examples, least);
    return error_permanent(error, "\"%s\" is no %s here (%s, from %s to %s)", shown, what,
        examples, least, write_bound(option, option->most, most));
}

static bool
parse_number(const struct config_option *option, struct span text, struct arena *arena,
    void *field, struct error *error)
{
    uint64_t number;

    (void)arena;
    if (!number_unsigned(text, UINT64_MAX, &number) || !in_bounds(option, number))
        return complain_number(option, text, "number", "digits", error);
    *(uint64_t *)field = number;
    return true;
}

static bool
parse_duration(const struct config_option *option, struct span text, struct arena *arena,
    void *field, struct error *error)
{
    uint64_t number;

    (void)arena;
    if (!number_duration(text, &number) || !in_bounds(option, number))
        return complain_number(
            option, text, "duration", "such as 250ms, 5s, 2m, 3h, 7d", error);
    *(uint64_t *)field = number;
    return true;
}

static bool
parse_size(const struct config_option *option, struct span text, struct arena *arena,
    void *field, struct error *error)
{
    uint64_t number;

    (void)arena;
    if (!number_size(text, &number) || !in_bounds(option, number))
        return complain_number(option, text, "size", "such as 64k, 25M, 1G", error);
    *(uint64_t *)field = number;
    return true;
}

static bool
parse_score(const struct config_option *option, struct span text, struct arena *arena,
    void *field, struct error *error)
{
    int64_t number;
    char shown[64];

    (void)option;
    (void)arena;
    if (!number_thousandths(text, &number))
        return error_permanent(error, "\"%s\" is no score (such as 5 or 6.5)",
            config_value_shown(text, shown));
    *(int64_t *)field = number;
    return true;
}

static bool
complain_choice(const struct config_option *option, struct span text, struct error *error)
{
    char words[CHOICES_MAX][CHOICE_LENGTH_MAX + 1];
    const char *names[CHOICES_MAX];
    struct span rest = span_of(option->choices);
    struct span choice;
    size_t count = 0;
    const char *nearest;
    char shown[64];

    while (count < CHOICES_MAX && span_split(&rest, '|', &choice)) {
        if (span_copy(choice, words[count], sizeof(words[count]))) {
            names[count] = words[count];
            count++;
        }
    }
    nearest = config_nearest(text, names, count);
    config_value_shown(text, shown);
    if (nearest == NULL)
        return error_permanent(
            error, "\"%s\" is no choice (one of %s)", shown, option->choices);
    return error_permanent(error, "\"%s\" is no choice (one of %s; did you mean %s?)",
        shown, option->choices, nearest);
}

static bool
parse_choice(const struct config_option *option, struct span text, struct arena *arena,
    void *field, struct error *error)
{
    struct span rest = span_of(option->choices);
    struct span choice;

    (void)arena;
    for (int i = 0; span_split(&rest, '|', &choice); i++) {
        if (span_equal(text, choice)) {
            *(int *)field = i;
            return true;
        }
    }
    return complain_choice(option, text, error);
}

static bool
parse_socket(const struct config_option *option, struct span text, struct arena *arena,
    void *field, struct error *error)
{
    struct socket_address address;

    (void)arena;
    if (!socket_address_parse(text, &address, error))
        return false;
    if (address.kind == SOCKET_NONE && !option->may_be_empty)
        return error_permanent(error, "may not be none here (%s)",
            "unix:/path, inet:host:port, local:/path, inet:port@host");
    *(struct socket_address *)field = address;
    return true;
}

static bool
parse_sockets(const struct config_option *option, struct span text, struct arena *arena,
    void *field, struct error *error)
{
    struct config_sockets sockets = {.count = 0};
    bool is_alone = count_words(text) == 1;
    struct span word;

    while (span_word(&text, &word)) {
        struct socket_address address = {.kind = SOCKET_NONE};

        if (!parse_socket(option, word, arena, &address, error))
            return false;
        if (address.kind == SOCKET_NONE && !is_alone)
            return error_permanent(error, "none stands alone");
        if (sockets.count == CONFIG_SOCKETS_MAX)
            return error_permanent(error, "too many (%d at most)", CONFIG_SOCKETS_MAX);
        if (address.kind != SOCKET_NONE)
            sockets.items[sockets.count++] = address;
    }
    *(struct config_sockets *)field = sockets;
    return true;
}

static const struct {
    bool (*parse)(const struct config_option *option, struct span text,
        struct arena *arena, void *field, struct error *error);
    size_t size; /* of the field */
} types[] = {
    [CONFIG_TEXT] = {parse_text,     sizeof(const char *)         },
    [CONFIG_PATH] = {parse_path,     sizeof(const char *)         },
    [CONFIG_LIST] = {parse_list,     sizeof(struct config_list)   },
    [CONFIG_YES_NO] = {parse_yes_no,   sizeof(bool)                 },
    [CONFIG_NUMBER] = {parse_number,   sizeof(uint64_t)             },
    [CONFIG_DURATION] = {parse_duration, sizeof(uint64_t)             },
    [CONFIG_SIZE] = {parse_size,     sizeof(uint64_t)             },
    [CONFIG_SCORE] = {parse_score,    sizeof(int64_t)              },
    [CONFIG_CHOICE] = {parse_choice,   sizeof(int)                  },
    [CONFIG_SOCKET] = {parse_socket,   sizeof(struct socket_address)},
    [CONFIG_SOCKETS] = {parse_sockets,  sizeof(struct config_sockets)},
    [CONFIG_NETWORKS] = {parse_networks, sizeof(struct config_list)   },
};

bool
config_value_parse(const struct config_option *option, struct span text,
    struct arena *arena, void *field, struct error *error)
{
    for (size_t i = 0; i < text.length; i++) {
        unsigned char octet = (unsigned char)text.data[i];

        if ((octet < 0x20 && octet != '\t') || octet == 0x7f)
            return error_permanent(error, "the value has a control character");
    }
    return types[option->type].parse(option, text, arena, field, error);
}

void
config_value_empty(const struct config_option *option, void *field)
{
    memset(field, 0, types[option->type].size);
    if (option->type == CONFIG_TEXT || option->type == CONFIG_PATH)
        *(const char **)field = "";
    if (option->type == CONFIG_SCORE)
        *(int64_t *)field = INT64_MAX;
}

bool
config_value_may_be_empty(const struct config_option *option)
{
    return option->type == CONFIG_LIST || option->type == CONFIG_NETWORKS ||
           (option->may_be_empty && option->type != CONFIG_SOCKET);
}

const char *
config_value_shown(struct span text, char out[64])
{
    struct span shown = span_first(text, SHOWN_MAX);
    size_t length = 0;

    while (shown.length > 0) {
        size_t width = utf8_length(shown);
        bool plain = width > 0 && !span_has_control(span_first(shown, width)) &&
                     !(width == 2 && (unsigned char)shown.data[0] == 0xc2 &&
                         (unsigned char)shown.data[1] < 0xa0);

        if (width == 0)
            width = 1;
        for (size_t i = 0; i < (plain ? width : 1); i++)
            out[length++] = '?';
        if (plain)
            memcpy(out + length - width, shown.data, width);
        shown = span_from(shown, width);
    }
    (void)span_copy(
        text.length > SHOWN_MAX ? SPAN("...") : SPAN(""), out + length, 64 - length);
    return out;
}
