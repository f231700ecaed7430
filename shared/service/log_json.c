#include "shared/service/log_json.h"

#include "shared/base/json.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    ROOM_FOR_END = 40, /* `},"note":"..."`, `,"cut":true}` */
    NAME_MAX_LENGTH = 100,
    WIDEST_CHARACTER = 6 /* of what an octet becomes: \u0000 */
};

static const char *const level_names[] = {
    [LOG_LEVEL_ERROR] = "error",
    [LOG_LEVEL_WARNING] = "warning",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_DEBUG] = "debug",
};

static void
put_time(struct json *json, int64_t time_ms)
{
    time_t seconds = (time_t)(time_ms / 1000);
    char text[40];
    char stamp[48];
    struct tm parts;

    if (gmtime_r(&seconds, &parts) == NULL ||
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts) == 0)
        return;
    (void)snprintf(stamp, sizeof(stamp), "%s.%03uZ", text, (unsigned)(time_ms % 1000));
    json_text(json, "time", stamp);
}

/* A name: short, or cut. */
static void
put_name(struct json *json, const char *key, const char *name)
{
    if (name != NULL && name[0] != '\0')
        json_span(json, key, span_make(name, strnlen(name, NAME_MAX_LENGTH)));
}

static void
put_field(struct json *json, const struct log_field *field)
{
    switch (field->kind) {
    case LOG_FIELD_TEXT:
    case LOG_FIELD_ADDRESS:
        json_span(json, field->key, field->text);
        break;
    case LOG_FIELD_NUMBER:
        json_integer(json, field->key, field->number);
        break;
    case LOG_FIELD_HUNDREDTHS:
        json_hundredths(json, field->key, field->number);
        break;
    case LOG_FIELD_MILLISECONDS:
        json_double(json, field->key, (double)field->number / 1000);
        break;
    case LOG_FIELD_NOTE:
    case LOG_FIELD_NOTHING:
    case LOG_FIELD_END:
        break;
    }
}

static bool
fits(const struct json *json)
{
    return json->out->length <= LOG_JSON_MAX - ROOM_FOR_END;
}

/* What was written since then is taken back where it is not all, or too much. */
static bool
keep_or_take_back(
    struct json *json, const struct json *before, size_t length, bool is_all)
{
    if (is_all && fits(json))
        return true;
    json->out->length = length;
    *json = *before;
    return false;
}

static bool
is_value(const struct log_field *field)
{
    return field->kind != LOG_FIELD_NOTE && field->kind != LOG_FIELD_NOTHING;
}

/* Those that fit; false where one did not: it and those behind it are left out. */
static bool
put_fields(struct json *json, const struct log_field *fields)
{
    bool has_begun = false;
    bool whole = true;

    for (; fields->kind != LOG_FIELD_END && whole; fields++) {
        struct json before = *json;
        size_t length = json->out->length;

        if (!is_value(fields))
            continue;
        if (!has_begun)
            json_object_begin(json, "fields");
        if (fields->text.length <= LOG_JSON_MAX)
            put_field(json, fields);
        whole =
            keep_or_take_back(json, &before, length, fields->text.length <= LOG_JSON_MAX);
        has_begun = has_begun || whole;
    }
    if (has_begun)
        json_object_end(json);
    return whole;
}

/* As much of a sentence as is sure to fit, and "..." behind it. */
static bool
put_sentence(struct json *json, const char *key, struct span text)
{
    struct json before = *json;
    size_t length = json->out->length;
    char start[LOG_JSON_MAX + sizeof("...")];
    size_t room;

    if (text.length <= LOG_JSON_MAX)
        json_span(json, key, text);
    if (keep_or_take_back(json, &before, length, text.length <= LOG_JSON_MAX))
        return true;
    if (!fits(json))
        return false;
    room = (LOG_JSON_MAX - ROOM_FOR_END - length) / WIDEST_CHARACTER;
    room = room < text.length ? room : text.length;
    while (
        room > 0 && room < text.length && ((unsigned char)text.data[room] & 0xc0) == 0x80)
        room--;
    memcpy(start, text.data, room);
    memcpy(start + room, "...", sizeof("..."));
    json_span(json, key, span_make(start, room + strlen("...")));
    return false;
}

void
log_json_write(
    struct buffer *out, const struct log_json_head *head, const struct log_field *fields)
{
    struct json json = json_on(out);
    bool whole = true;

    buffer_reset(out);
    json_object_begin(&json, NULL);
    put_time(&json, head->time_ms);
    json_text(&json, "level", level_names[head->level]);
    put_name(&json, "program", head->program);
    json_integer(&json, "pid", head->pid);
    put_name(&json, "queue_id", head->queue_id);
    put_name(&json, "event", head->word);
    if (fields != NULL)
        whole = put_fields(&json, fields);
    for (; fields != NULL && fields->kind != LOG_FIELD_END && whole; fields++) {
        if (fields->kind == LOG_FIELD_NOTE)
            whole = put_sentence(&json, "note", fields->text);
    }
    if (head->message.length > 0)
        whole = put_sentence(&json, "message", head->message) && whole;
    if (!whole)
        json_bool(&json, "cut", true);
    json_object_end(&json);
}
