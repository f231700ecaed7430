/*
 * rehearsal: who of those that move next is ready at new, who isn't, and why.
 */
#include "policyd/ctl/ctl_rehearsal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_verbs.h"
#include "policyd/plan/plan_text.h"
#include "policyd/terminal/ctl_table.h"
#include "shared/base/allocate.h"
#include "shared/base/json.h"

enum { OUT_MAX = 256 << 20 };

static uint64_t
asked(const struct ctl_rehearsal *rehearsal)
{
    return rehearsal->count - rehearsal->answers[REHEARSAL_NOT_ASKED];
}

static uint64_t
problems(const struct ctl_rehearsal *rehearsal)
{
    return asked(rehearsal) - rehearsal->answers[REHEARSAL_FINE];
}

static bool
is_silent(const struct ctl_rehearsal *rehearsal)
{
    return rehearsal->now - rehearsal->view.total.time > REHEARSAL_SILENT_S;
}

/* --- JSON --- */

static void
write_problem(struct json *json, const struct ctl_rehearsal_person *person)
{
    const struct rehearsal_result *result = &person->result;

    json_object_begin(json, NULL);
    json_span(json, "address", person->address);
    json_text(json, "class", rehearsal_result_class(result));
    json_text(json, "answer", rehearsal_answer_name(result->answer));
    json_text(json, "reply", result->reply);
    json_integer(json, "times", (int64_t)result->times);
    json_integer(json, "volume", (int64_t)result->volume);
    json_integer(json, "time", result->time);
    json_object_end(json);
}

static void
write_json(struct buffer *out, const struct ctl_rehearsal *rehearsal)
{
    const struct rehearsal_sum *sum = &rehearsal->view.total;
    struct json json = json_on(out);

    json_object_begin(&json, NULL);
    json_text(&json, "domain", rehearsal->domain);
    json_text(&json, "stage",
        rehearsal->gateway_count == 0 || strcmp(sum->stage, REHEARSAL_UNREAD) == 0
            ? NULL
            : sum->stage);
    json_text(&json, "limit", rehearsal->ctl->config->rehearsal);
    json_integer(&json, "movers", (int64_t)rehearsal->count);
    json_integer(&json, "asked", (int64_t)asked(rehearsal));
    json_integer(&json, "clean", (int64_t)rehearsal->answers[REHEARSAL_FINE]);
    json_integer(&json, "refused", (int64_t)rehearsal->answers[REHEARSAL_REFUSED]);
    json_integer(&json, "defers", (int64_t)rehearsal->answers[REHEARSAL_DEFERS]);
    json_integer(&json, "cant_tell", (int64_t)rehearsal->answers[REHEARSAL_CANT_TELL]);
    json_text(&json, "why", sum->why[0] == '\0' ? NULL : sum->why);
    json_integer(&json, "gateways", (int64_t)rehearsal->gateway_count);
    json_bool(&json, "silent", rehearsal->gateway_count == 0 || is_silent(rehearsal));
    json_array_begin(&json, "problems");
    for (size_t i = 0; i < rehearsal->count; i++) {
        if (ctl_rehearsal_is_problem(&rehearsal->people[i]))
            write_problem(&json, &rehearsal->people[i]);
    }
    json_array_end(&json);
    json_object_end(&json);
}

/* --- for people --- */

static const char *
answer_of(const struct rehearsal_result *result)
{
    static const char *const words[REHEARSAL_ANSWERS] = {
        "not asked", "fine", "can't tell", "defers", "refused"};

    return words[result->answer];
}

static void
write_table(struct buffer *out, const struct ctl_rehearsal *rehearsal)
{
    struct arena *arena = rehearsal->ctl->arena;
    struct ctl_table_row *rows = allocate_array(rehearsal->count + 1, sizeof(*rows));
    struct ctl_table table = {
        .titles = {"address", "mails", "answer", "class", "reply"},
        .right = {false,     true,    false,    false,   false  },
        .rigid = {false,     true,    true,     true,    false  },
        .rows = rows,
    };

    for (size_t i = 0; i < rehearsal->count; i++) {
        const struct ctl_rehearsal_person *person = &rehearsal->people[i];
        const struct rehearsal_result *result = &person->result;

        if (!ctl_rehearsal_is_problem(person))
            continue;
        rows[table.count++] = (struct ctl_table_row){
            .cells = {ctl_output_text(arena, person->address),
                      arena_printf(arena, "%" PRIu64, result->volume), answer_of(result),
                      result->answer == REHEARSAL_REFUSED ? rehearsal_result_class(result) : "",
                      ctl_output_text(arena, span_of(result->reply))},
            .alarm = result->answer == REHEARSAL_REFUSED,
        };
    }
    if (table.count > 0)
        ctl_table_write(out, &table, CTL_TABLE_WIDTH, ctl_output_has_colour());
    free(rows);
}

static void
tell_counts(const struct ctl_rehearsal *rehearsal)
{
    const uint64_t *answers = rehearsal->answers;
    const struct rehearsal_sum *sum = &rehearsal->view.total;

    if (strcmp(sum->stage, "-") == 0)
        ctl_output_note("%s: no stage follows, nobody is asked about", rehearsal->domain);
    else if (strcmp(sum->stage, REHEARSAL_UNREAD) == 0)
        ctl_output_note("%s: those who move next are being found", rehearsal->domain);
    else
        ctl_output_note("%s: of %zu who move with %s and had mail in 7 days %" PRIu64
                        " are clean, %" PRIu64 " refused, %" PRIu64 " deferred, %" PRIu64
                        " can't be told, %" PRIu64 " not asked so far (%s %% are wanted)",
            rehearsal->domain, rehearsal->count, sum->stage, answers[REHEARSAL_FINE],
            answers[REHEARSAL_REFUSED], answers[REHEARSAL_DEFERS],
            answers[REHEARSAL_CANT_TELL], answers[REHEARSAL_NOT_ASKED],
            strcmp(rehearsal->ctl->config->rehearsal, "no") == 0
                ? "no"
                : rehearsal->ctl->config->rehearsal);
}

static void
tell(const struct ctl_rehearsal *rehearsal)
{
    const struct rehearsal_sum *sum = &rehearsal->view.total;
    struct buffer out;
    char age[PLAN_TIME_MAX];

    buffer_init(&out, OUT_MAX);
    write_table(&out, rehearsal);
    ctl_output_raw(buffer_span(&out));
    buffer_clear(&out);
    tell_counts(rehearsal);
    if (sum->why[0] != '\0')
        ctl_output_note(
            "it waits: %s", ctl_output_text(rehearsal->ctl->arena, span_of(sum->why)));
    if (is_silent(rehearsal)) {
        plan_text_age((rehearsal->now - sum->time) * 1000, age);
        ctl_output_alarm("postshift-rehearsal of %s has said nothing for %s",
            ctl_output_text(rehearsal->ctl->arena, span_of(rehearsal->view.oldest)), age);
    }
    if (rehearsal->bad > 0)
        ctl_output_alarm("%zu values in Redis can't be read", rehearsal->bad);
}

static int
show(const struct ctl_rehearsal *rehearsal)
{
    struct buffer out;

    if (ctl_arguments_has(&rehearsal->ctl->arguments, CTL_JSON)) {
        buffer_init(&out, OUT_MAX);
        write_json(&out, rehearsal);
        ctl_output_document(&out);
    } else if (rehearsal->gateway_count == 0) {
        return ctl_output_fail(CTL_NO, "nobody of %s was asked about: %s",
            rehearsal->domain,
            strcmp(rehearsal->ctl->config->rehearsal, "no") == 0
                ? "[cutover] rehearsal = no"
                : "postshift-rehearsal has said nothing");
    } else {
        tell(rehearsal);
    }
    return rehearsal->gateway_count == 0 || is_silent(rehearsal) ||
                   problems(rehearsal) > 0
               ? CTL_NO
               : CTL_DONE;
}

int
ctl_rehearsal_run(struct ctl *ctl)
{
    const char *domain = ctl_store_canonical_domain(ctl, ctl->arguments.words[0]);
    struct ctl_rehearsal rehearsal;
    struct error error;
    int status;

    if (domain == NULL)
        return CTL_USAGE;
    if (ctl_arguments_has(&ctl->arguments, CTL_PIN_REFUSED) &&
        ctl_arguments_has(&ctl->arguments, CTL_JSON))
        return ctl_output_fail(CTL_USAGE, "--pin-refused writes, and --json reads");
    if (!ctl_rehearsal_read(&rehearsal, ctl, domain, &error))
        status = ctl_store_fail(ctl, &error);
    else if (ctl_arguments_has(&ctl->arguments, CTL_PIN_REFUSED))
        status = ctl_rehearsal_pin(&rehearsal);
    else
        status = show(&rehearsal);
    ctl_rehearsal_clear(&rehearsal);
    return status;
}
