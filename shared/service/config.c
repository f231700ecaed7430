#include "shared/service/config.h"

#include "shared/base/allocate.h"
#include "shared/service/config_file.h"
#include "shared/service/config_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { FILE_MAX = 4 << 20, ARENA_MAX = 64 << 20 };

static struct config *
config_new(const char *name)
{
    struct config *config = allocate(sizeof(*config));

    config->arena = arena_new(ARENA_MAX);
    config->name = arena_text(config->arena, span_of(name));
    return config;
}

/* What is read, errors or not; `right` says whether there were any. */
static struct config *
parse(const char *name, struct span text, const struct config_option *options,
    size_t option_count, void *target, const struct config_complaints *complaints,
    bool *right)
{
    struct config *config = config_new(name);

    *right = config_text_read(config, text, options, option_count, target, complaints);
    return config;
}

static struct config *
read_file(const char *file, bool must_exist, const struct config_option *options,
    size_t option_count, void *target, const struct config_complaints *complaints,
    bool *right)
{
    struct buffer content;
    struct config *config = NULL;
    struct error error = {.kind = ERROR_NONE};

    *right = false;
    buffer_init(&content, FILE_MAX);
    if (config_file_read(file, &content, NULL, &error) ||
        (error.kind == ERROR_TEMPORARY && !must_exist)) {
        config = parse(file, buffer_span(&content), options, option_count, target,
            complaints, right);
    } else {
        config_text_notice(complaints, "", NULL);
        config_text_line(complaints->errors, file, 0, "", error.text);
    }
    buffer_clear(&content);
    return config;
}

static struct config *
only_right(struct config *config, bool right)
{
    if (right)
        return config;
    config_free(config);
    return NULL;
}

struct config *
config_read(const char *file, bool must_exist, const struct config_option *options,
    size_t option_count, void *target, struct buffer *errors)
{
    const struct config_complaints complaints = {.errors = errors};
    bool right;
    struct config *config =
        read_file(file, must_exist, options, option_count, target, &complaints, &right);

    return only_right(config, right);
}

struct config *
config_read_anyway(const char *file, bool must_exist, const struct config_option *options,
    size_t option_count, void *target, struct buffer *errors)
{
    return config_read_noticed(
        file, must_exist, options, option_count, target, errors, NULL, NULL);
}

struct config *
config_read_noticed(const char *file, bool must_exist,
    const struct config_option *options, size_t option_count, void *target,
    struct buffer *errors, config_notice *told, void *argument)
{
    const struct config_complaints complaints = {errors, told, argument};
    bool right;

    return read_file(
        file, must_exist, options, option_count, target, &complaints, &right);
}

struct config *
config_parse(const char *name, struct span text, const struct config_option *options,
    size_t option_count, void *target, struct buffer *errors)
{
    const struct config_complaints complaints = {.errors = errors};
    bool right;
    struct config *config =
        parse(name, text, options, option_count, target, &complaints, &right);

    return only_right(config, right);
}

void
config_free(struct config *config)
{
    if (config == NULL)
        return;
    arena_free(config->arena);
    free(config);
}

void
config_complain(const struct config *config, struct buffer *errors, const char *section,
    const char *key, const char *format, ...)
{
    const struct config_entry *entry = config_text_entry(config, section, key);
    char where[100];
    char what[400];
    va_list arguments;

    (void)snprintf(where, sizeof(where), "[%s] %s: ", section, key);
    va_start(arguments, format);
    (void)vsnprintf(what, sizeof(what), format, arguments);
    va_end(arguments);
    config_text_line(errors, config->name, entry == NULL ? 0 : entry->line, where, what);
}

const char *
config_name(const struct config *config)
{
    return config->name;
}

bool
config_has(const struct config *config, const char *section, const char *key)
{
    return config_text_entry(config, section, key) != NULL;
}

bool
config_sockets_equal(
    const struct config_sockets *left, const struct config_sockets *right)
{
    if (left->count != right->count)
        return false;
    for (size_t i = 0; i < left->count; i++) {
        if (!socket_address_equal(&left->items[i], &right->items[i]))
            return false;
    }
    return true;
}
