#include "shared/service/config_text.h"

#include "shared/base/allocate.h"
#include "shared/service/config_names.h"
#include "shared/service/config_value.h"
#include "shared/service/log.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_LENGTH_MAX = 64 << 10, ERRORS_MAX = 1000 };

/* What reading a file goes by. */
struct reader {
    struct config *config;
    const struct config_option *options;
    size_t option_count;
    char *target;
    const struct config_complaints *complaints;
    size_t error_count;
    const struct config_section *section;
    bool in_unknown_section;
    size_t line;
};

const struct config_entry *
config_text_entry(const struct config *config, const char *section, const char *key)
{
    for (size_t i = 0; i < config->count; i++) {
        const struct config_entry *entry = &config->entries[i];

        if (strcmp(entry->section, section) == 0 && strcmp(entry->key, key) == 0)
            return entry;
    }
    return NULL;
}

void
config_text_line(struct buffer *errors, const char *name, size_t line, const char *where,
    const char *what)
{
    if (line > 0)
        buffer_printf(errors, "%s:%zu: %s%s\n", name, line, where, what);
    else
        buffer_printf(errors, "%s: %s%s\n", name, where, what);
}

void
config_text_notice(
    const struct config_complaints *complaints, const char *section, const char *key)
{
    if (complaints->notice != NULL)
        complaints->notice(complaints->argument, section, key);
}

/* What a complaint is about. */
struct subject {
    const char *section; /* "": of none */
    const char *key;     /* a known one, or NULL */
    const char *where;   /* "[section] key: " or "" */
};

static void complain(struct reader *reader, struct subject subject, const char *format,
    ...) ATTRIBUTE_PRINTF(3, 4);

static void
complain(struct reader *reader, struct subject subject, const char *format, ...)
{
    struct buffer *errors = reader->complaints->errors;
    char what[400];
    va_list arguments;

    reader->error_count++;
    config_text_notice(reader->complaints, subject.section, subject.key);
    if (reader->error_count > ERRORS_MAX)
        return;
    va_start(arguments, format);
    (void)vsnprintf(what, sizeof(what), format, arguments);
    va_end(arguments);
    config_text_line(errors, reader->config->name, reader->line, subject.where, what);
    if (reader->error_count == ERRORS_MAX)
        config_text_line(
            errors, reader->config->name, 0, "", "more errors are not shown");
}

/* Of the line as a whole. */
static struct subject
of_line(const struct reader *reader)
{
    return (struct subject){
        reader->section == NULL ? "" : reader->section->name, NULL, ""};
}

/* `key` as the file has it, `known` what it is or may have been meant to be. */
static void
complain_key(struct reader *reader, const char *section, struct span key,
    const char *known, const char *what)
{
    char shown[64];
    char where[160];

    config_value_shown(key, shown);
    if (section == NULL)
        (void)snprintf(where, sizeof(where), "%s: ", shown);
    else
        (void)snprintf(where, sizeof(where), "[%s] %s: ", section, shown);
    complain(reader, (struct subject){section == NULL ? "" : section, known, where}, "%s",
        what);
}

static const struct config_option *
find_option(const struct reader *reader, const char *section, const char *key)
{
    for (size_t i = 0; i < reader->option_count; i++) {
        if (strcmp(reader->options[i].section, section) == 0 &&
            strcmp(reader->options[i].key, key) == 0)
            return &reader->options[i];
    }
    return NULL;
}

static void
open_section(struct reader *reader, struct span line)
{
    struct span name = span_first(span_from(line, 1), line.length - 2);
    const char *nearest;
    char shown[64];

    reader->section = NULL;
    reader->in_unknown_section = true;
    if (line.data[line.length - 1] != ']') {
        complain(reader, (struct subject){"", NULL, ""},
            "a section is written [name], and nothing follows it");
        return;
    }
    reader->section = config_names_find(name);
    reader->in_unknown_section = reader->section == NULL;
    if (reader->section != NULL)
        return;
    config_value_shown(name, shown);
    nearest = config_names_near_section(name);
    if (nearest != NULL)
        complain(reader, (struct subject){nearest, NULL, ""},
            "[%s]: unknown section (did you mean [%s]?)", shown, nearest);
    else
        complain(reader, (struct subject){"", NULL, ""},
            "[%s]: unknown section (log redis dns auth scan policyd "
            "cutover ctl)",
            shown);
}

static void
complain_unknown_key(struct reader *reader, struct span key)
{
    const char *nearest = config_names_near_key(reader->section, key);
    const char *home = config_names_home(key);
    char what[160] = "unknown key";

    if (home != NULL)
        (void)snprintf(what, sizeof(what), "unknown key here (it belongs in [%s])", home);
    else if (nearest != NULL)
        (void)snprintf(what, sizeof(what), "unknown key (did you mean %s?)", nearest);
    complain_key(reader, reader->section->name, key, nearest, what);
}

static void
set_value(struct reader *reader, const struct config_option *option, struct span value)
{
    void *field = reader->target + option->offset;
    struct error error;

    if (value.length == 0 && config_value_may_be_empty(option))
        config_value_empty(option, field);
    else if (value.length == 0)
        complain_key(reader, option->section, span_of(option->key), option->key,
            "has no value (leave the line out for the default)");
    else if (!config_value_parse(option, value, reader->config->arena, field, &error) ||
             (option->check != NULL && !option->check(field, &error)))
        complain_key(
            reader, option->section, span_of(option->key), option->key, error.text);
}

static void
read_entry(struct reader *reader, const char *key, struct span value)
{
    struct config *config = reader->config;
    const struct config_entry *earlier =
        config_text_entry(config, reader->section->name, key);
    const struct config_option *option = find_option(reader, reader->section->name, key);

    if (earlier != NULL) {
        char what[64];

        (void)snprintf(what, sizeof(what), "set before on line %zu", earlier->line);
        complain_key(reader, reader->section->name, span_of(key), key, what);
        return;
    }
    assert(config->count < CONFIG_ENTRIES_MAX);
    config->entries[config->count++] =
        (struct config_entry){reader->section->name, key, reader->line};
    if (option != NULL)
        set_value(reader, option, value);
}

static void
read_line(struct reader *reader, struct span line)
{
    size_t equals = span_find(line, '=');
    struct span key = span_trim(span_first(line, equals));
    const char *known;

    if (line.length == 0 || line.data[0] == '#' || line.data[0] == ';')
        return;
    if (line.data[0] == '[') {
        open_section(reader, line);
        return;
    }
    /* What an unknown section holds is not the mistake. */
    if (reader->in_unknown_section)
        return;
    if (equals == SPAN_NONE || key.length == 0) {
        complain(reader, of_line(reader),
            "neither [section] nor key = value (values end with their "
            "line, comments have lines of their own)");
        return;
    }
    if (reader->section == NULL) {
        complain_key(reader, NULL, key, NULL, "stands before any [section]");
        return;
    }
    known = config_names_key(reader->section, key);
    if (known == NULL)
        complain_unknown_key(reader, key);
    else
        read_entry(reader, known, span_trim(span_from(line, equals + 1)));
}

static void
read_text(struct reader *reader, struct span text)
{
    struct span line;

    if (span_starts(text, SPAN("\xef\xbb\xbf")))
        text = span_from(text, 3);
    while (span_split(&text, '\n', &line)) {
        reader->line++;
        if (span_find(line, '\0') != SPAN_NONE) {
            complain(reader, (struct subject){"", NULL, ""},
                "has a NUL octet: not a text file");
            return;
        }
        if (line.length > LINE_LENGTH_MAX)
            complain(
                reader, of_line(reader), "line longer than %d octets", LINE_LENGTH_MAX);
        else
            read_line(reader, span_trim(line));
    }
    reader->line = 0;
}

/* Before the file is read, so that what it sets stays.  A preset that is none, or a name
 * missing in config_names, is a mistake in the program. */
static void
apply_presets(struct reader *reader)
{
    for (size_t i = 0; i < reader->option_count; i++) {
        const struct config_option *option = &reader->options[i];
        const struct config_section *section =
            config_names_find(span_of(option->section));
        void *field = reader->target + option->offset;
        struct error error = {.text = "not in config_names"};

        if (section != NULL && config_names_key(section, span_of(option->key)) != NULL) {
            if (option->preset[0] == '\0') {
                config_value_empty(option, field);
                continue;
            }
            if (config_value_parse(option, span_of(option->preset), reader->config->arena,
                    field, &error))
                continue;
        }
        log_say(LOG_LEVEL_ERROR, "preset of [%s] %s: %s", option->section, option->key,
            error.text);
        abort();
    }
}

bool
config_text_read(struct config *config, struct span text,
    const struct config_option *options, size_t option_count, void *target,
    const struct config_complaints *complaints)
{
    struct reader reader = {.config = config,
        .options = options,
        .option_count = option_count,
        .target = target,
        .complaints = complaints};

    apply_presets(&reader);
    read_text(&reader, text);
    return reader.error_count == 0;
}
