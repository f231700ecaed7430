#include "policyd/gateways/gateway_row.h"

#include <string.h>

#include "shared/base/attributes.h"
#include "shared/base/number.h"

/* A year more than anybody's clock. */
#define TIME_MAX (INT64_C(1) << 40)

bool
gateway_row_init(struct gateway_row *row, struct span name)
{
    *row = (struct gateway_row){.time = 0};
    return name.length > 0 && !span_has_control(name) &&
           span_copy(name, row->name, sizeof(row->name));
}

static void
take_text(struct span value, char out[GATEWAY_TEXT_SIZE])
{
    if (span_has_control(value) || span_is(value, "unknown") ||
        !span_copy(value, out, GATEWAY_TEXT_SIZE))
        out[0] = '\0';
}

static void
take_time(struct span value, int64_t *out)
{
    uint64_t number = 0;

    *out = number_unsigned(value, TIME_MAX, &number) ? (int64_t)number : 0;
}

void
gateway_row_take(struct gateway_row *row, struct span field, struct span value)
{
    const struct {
        const char *name;
        char *text;
        int64_t *time;
        uint64_t *number;
        bool *is_known;
    } rows[] = {
        {"version",  row->version, NULL,           NULL,          NULL               },
        {"digest",   row->digest,  NULL,           NULL,          NULL               },
        {"site",     row->site,    NULL,           NULL,          NULL               },
        {"time",     NULL,         &row->time,     NULL,          NULL               },
        {"log_time", NULL,         &row->log_time, NULL,          NULL               },
        {"books",    NULL,         NULL,           &row->books,   &row->knows_books  },
        {"waiting",  NULL,         NULL,           &row->waiting, &row->knows_waiting},
    };

    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        if (!span_is(field, rows[i].name))
            continue;
        if (rows[i].text != NULL)
            take_text(value, rows[i].text);
        else if (rows[i].time != NULL)
            take_time(value, rows[i].time);
        else if (rows[i].is_known != NULL)
            *rows[i].is_known =
                number_unsigned(value, (uint64_t)INT64_MAX, rows[i].number);
    }
}

void
gateway_row_write(const struct gateway_row *row, struct json *json)
{
    json_text(json, "name", row->name);
    json_text_if(json, "version", row->version);
    json_text_if(json, "site", row->site);
    json_text_if(json, "digest", row->digest);
    json_integer_if(json, "digest_since", row->digest_since > 0, row->digest_since);
    json_integer_if(json, "log_time", row->log_time > 0, row->log_time);
    json_integer_if(json, "books", row->knows_books, (int64_t)row->books);
    json_integer_if(json, "waiting", row->knows_waiting, (int64_t)row->waiting);
    json_integer_if(json, "time", row->time > 0, row->time);
}

bool
gateway_row_is_silent(const struct gateway_row *row, int64_t now_ms, uint64_t slot_ms)
{
    uint64_t beat_ms = slot_ms < GATEWAY_BEAT_MS ? slot_ms : GATEWAY_BEAT_MS;

    return now_ms - row->time * 1000 > (int64_t)(3 * beat_ms + 3 * slot_ms + 1000);
}

/* Each said it after the other had changed, and had time to. */
static bool
differ(const struct gateway_row *one, const struct gateway_row *other)
{
    int64_t changed =
        one->digest_since > other->digest_since ? one->digest_since : other->digest_since;

    return strcmp(one->digest, other->digest) != 0 &&
           (one->site[0] != '\0') == (other->site[0] != '\0') &&
           one->time > changed + GATEWAY_APART_S &&
           other->time > changed + GATEWAY_APART_S;
}

static bool
counts(const struct gateway_row *row, int64_t now_ms, uint64_t slot_ms)
{
    return row->digest[0] != '\0' && !gateway_row_is_silent(row, now_ms, slot_ms);
}

bool
gateway_rows_differ(const struct gateway_row *rows, size_t count, int64_t now_ms,
    uint64_t slot_ms, const struct gateway_row **one, const struct gateway_row **other)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t n = i + 1; n < count && counts(&rows[i], now_ms, slot_ms); n++) {
            if (!counts(&rows[n], now_ms, slot_ms) || !differ(&rows[i], &rows[n]))
                continue;
            *one = &rows[i];
            *other = &rows[n];
            return true;
        }
    }
    return false;
}
