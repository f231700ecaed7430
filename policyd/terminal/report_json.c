#include "policyd/terminal/report_json.h"

#include "shared/base/json.h"

/* Unix time; null for none. */
static void
write_time(struct json *json, const char *key, int64_t milliseconds)
{
    if (milliseconds > 0)
        json_integer(json, key, milliseconds / 1000);
    else
        json_null(json, key);
}

static void
write_known(struct json *json, const char *key, int64_t number)
{
    if (number >= 0)
        json_integer(json, key, number);
    else
        json_null(json, key);
}

static void
write_attempts_inside(struct json *json, const struct report_attempts *attempts)
{
    int64_t availability = report_availability(attempts);

    json_integer(json, "ok", (int64_t)attempts->ok);
    json_integer(json, "fail", (int64_t)attempts->fail);
    json_integer(json, "other", (int64_t)attempts->other);
    if (availability >= 0)
        json_hundredths(json, "availability", availability);
    else
        json_null(json, "availability");
    write_known(json, "p50_ms", attempts->p50_ms);
    write_known(json, "p95_ms", attempts->p95_ms);
}

static void
write_sides(struct json *json, const char *key, const struct report_attempts *sides)
{
    json_object_begin(json, key);
    for (int side = 0; side < REPORT_SIDES; side++) {
        json_object_begin(json, report_side_name((enum report_side)side));
        write_attempts_inside(json, &sides[side]);
        json_object_end(json);
    }
    json_object_end(json);
}

static void
write_tls(struct json *json, const struct report *report)
{
    json_object_begin(json, "tls");
    for (int side = 0; side < REPORT_SIDES; side++) {
        json_object_begin(json, report_side_name((enum report_side)side));
        for (size_t i = 0; i < report->tls_count[side]; i++) {
            const struct report_tls *tls = &report->tls[side][i];

            json_integer(json, tls->version[0] != '\0' ? tls->version : "unknown",
                (int64_t)tls->count);
        }
        json_object_end(json);
    }
    json_object_end(json);
}

static void
write_changes(struct json *json, const struct report *report)
{
    json_array_begin(json, "changes");
    for (size_t i = 0; i < report->change_count; i++) {
        const struct report_change *change = &report->changes[i];

        json_object_begin(json, NULL);
        write_time(json, "time", change->at_ms);
        json_text(json, "domain", change->domain);
        json_text(json, "what", change->what);
        json_text(json, "from", change->from);
        json_text(json, "to", change->to);
        write_sides(json, "before", change->before);
        write_sides(json, "after", change->after);
        json_object_end(json);
    }
    json_array_end(json);
}

static void
write_causes(struct json *json, const struct report *report)
{
    json_array_begin(json, "deferrals");
    for (size_t i = 0; i < report->cause_count; i++) {
        const struct report_cause *cause = &report->causes[i];

        json_object_begin(json, NULL);
        json_text(json, "class", cause->class);
        json_text(json, "backend", cause->side);
        json_integer(json, "recipients", (int64_t)cause->recipients);
        json_text(json, "reply", cause->reply);
        json_object_end(json);
    }
    json_array_end(json);
}

static void
write_oldest(struct json *json, const struct report *report)
{
    if (report->oldest_ms == 0) {
        json_null(json, "oldest_waiting");
        return;
    }
    json_object_begin(json, "oldest_waiting");
    json_text(json, "queue_id", report->oldest_id);
    json_text(json, "to", report->oldest_to);
    json_text(json, "reply", report->oldest_reply);
    write_time(json, "since", report->oldest_ms);
    write_time(json, "expires", report->expires_ms);
    json_object_end(json);
}

static void
write_verdicts_inside(struct json *json, const struct report_slice *slice)
{
    json_integer(json, "seen", (int64_t)slice->seen);
    json_integer(json, "dmarc_fail", (int64_t)slice->dmarc_fail);
    json_integer(json, "infected", (int64_t)slice->infected);
    json_integer(json, "spam", (int64_t)slice->spam);
    json_integer(json, "refused", (int64_t)slice->refused);
}

static void
write_slices(struct json *json, const struct report *report)
{
    struct report_slice sum = report_verdicts(report);

    json_object_begin(json, "verdicts");
    write_verdicts_inside(json, &sum);
    json_object_end(json);
    json_object_begin(json, "quarantine");
    json_integer(json, "held", (int64_t)report->held.held);
    json_integer(json, "waiting", (int64_t)report->held.waiting);
    json_integer(json, "released", (int64_t)report->held.released);
    json_integer(json, "deleted", (int64_t)report->held.deleted);
    json_object_end(json);
    json_array_begin(json, "slices");
    for (size_t i = 0; i < REPORT_SLICES; i++) {
        json_object_begin(json, NULL);
        write_time(json, "time", report->slices[i].at_ms);
        write_verdicts_inside(json, &report->slices[i]);
        write_sides(json, "sides", report->slices[i].sides);
        json_object_end(json);
    }
    json_array_end(json);
}

static void
write_inside(struct json *json, const struct report *report)
{
    const struct {
        const char *key;
        uint64_t number;
    } numbers[] = {
        {"mails",             report->mails            },
        {"recipients",        report->recipients       },
        {"delivered",         report->delivered        },
        {"bounced",           report->bounced          },
        {"expired",           report->expired          },
        {"removed",           report->removed          },
        {"waiting",           report->waiting          },
        {"lost",              report->lost             },
        {"double",            report->maybe            },
        {"units_moved",       report->units_moved      },
        {"units_pinned_back", report->units_pinned_back},
        {"rollbacks",         report->rollbacks        }
    };

    write_time(json, "since", report->since_ms);
    write_time(json, "until", report->until_ms);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        json_integer(json, numbers[i].key, (int64_t)numbers[i].number);
    write_time(json, "started", report->start_ms);
    write_known(json, "days_since_start", report_days(report));
    write_sides(json, "sides", report->sides);
    write_tls(json, report);
    write_oldest(json, report);
    write_changes(json, report);
    write_causes(json, report);
    write_slices(json, report);
}

void
report_json_write(
    struct buffer *out, const struct report *report, const struct report *before)
{
    struct json json = json_on(out);

    json_object_begin(&json, NULL);
    write_inside(&json, report);
    json_array_begin(&json, "gateways_silent");
    for (size_t i = 0; i < report->silent_count; i++)
        json_text(&json, NULL, report->silent[i]);
    json_array_end(&json);
    if (before != NULL) {
        json_object_begin(&json, "before");
        write_inside(&json, before);
        json_object_end(&json);
    }
    json_object_end(&json);
    buffer_append_octet(out, '\n');
}
