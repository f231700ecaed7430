/*
 * quarantine: what our milters put on hold is listed, shown, released, deleted.
 */
#include "policyd/ctl/ctl_quarantine.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "policyd/ctl/ctl_books.h"
#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_verbs.h"
#include "policyd/terminal/ctl_table.h"
#include "policyd/terminal/mail_view.h"
#include "shared/base/attributes.h"
#include "shared/base/json.h"
#include "shared/base/number.h"

enum { OUT_MAX = 256 << 20, MAIL_MAX = 4 << 20, VIEW_MAX = 8 << 20 };

static const char *
sender_of(struct ctl *ctl, const struct hold_mail *mail)
{
    return mail->from.length == 0 ? "<>" : ctl_output_text(ctl->arena, mail->from);
}

/* --- list --- */

static void
write_mail(struct json *json, struct ctl *ctl, const struct hold_mail *mail)
{
    json_span(json, "queue_id", mail->id);
    json_integer(json, "arrival", mail->arrival_s);
    json_integer(json, "size", (int64_t)mail->size);
    json_span(json, "from", mail->from);
    json_array_begin(json, "to");
    for (size_t i = 0; i < mail->to_count; i++)
        json_span(json, NULL, mail->to[i]);
    json_array_end(json);
    json_bool(json, "ours", mail->held != NULL);
    if (mail->held != NULL) {
        json_span(json, "by", mail->held->by);
        json_span(json, "verdict", mail->held->verdict);
        json_span(json, "message_id", mail->held->message_id);
        json_span(json, "client", mail->held->client);
    } else {
        json_null(json, "by");
        json_text(
            json, "verdict", mail->is_another ? ctl_quarantine_verdict(ctl, mail) : NULL);
        json_null(json, "message_id");
        json_null(json, "client");
    }
}

static void
list_json(struct ctl *ctl, const struct hold_queue *queue)
{
    struct buffer out;
    struct json json;

    buffer_init(&out, OUT_MAX);
    json = json_on(&out);
    json_object_begin(&json, NULL);
    json_integer(&json, "ours", (int64_t)queue->ours);
    json_integer(&json, "others", (int64_t)(queue->count - queue->ours));
    json_text(&json, "books_silent", queue->books_silent);
    json_array_begin(&json, "mails");
    for (size_t i = 0; i < queue->count; i++) {
        if (!ctl_quarantine_matches(ctl, &queue->mails[i]))
            continue;
        json_object_begin(&json, NULL);
        write_mail(&json, ctl, &queue->mails[i]);
        json_object_end(&json);
    }
    json_array_end(&json);
    json_object_end(&json);
    ctl_output_document(&out);
}

static const char *
recipients_of(struct ctl *ctl, const struct hold_mail *mail)
{
    if (mail->to_count == 0)
        return "";
    if (mail->to_count == 1)
        return ctl_output_text(ctl->arena, mail->to[0]);
    return arena_printf(ctl->arena, "%s +%zu", ctl_output_text(ctl->arena, mail->to[0]),
        mail->to_count - 1);
}

static void
list_table(struct ctl *ctl, const struct hold_queue *queue)
{
    struct ctl_table_row *rows =
        arena_take(ctl->arena, (queue->count + 1) * sizeof(*rows));
    struct ctl_table table = {
        .titles = {"ID",   "SINCE",  "SIZE", "FROM", "TO", "VERDICT"},
        .right = {false,  false, true      },
        .rigid = {true,true,    true   },
        .rows = rows,
    };
    int64_t now = (int64_t)time(NULL);
    struct buffer out;

    for (size_t i = 0; i < queue->count; i++) {
        const struct hold_mail *mail = &queue->mails[i];

        if (!ctl_quarantine_matches(ctl, mail))
            continue;
        rows[table.count++] = (struct ctl_table_row){
            .cells = {arena_text(ctl->arena, mail->id),
                      ctl_books_age(ctl->arena, (now - mail->arrival_s) * 1000),
                      arena_printf(ctl->arena, "%" PRIu64, mail->size), sender_of(ctl, mail),
                      recipients_of(ctl, mail), ctl_quarantine_verdict(ctl, mail)}
        };
    }
    if (table.count == 0)
        return;
    buffer_init(&out, OUT_MAX);
    ctl_table_write(&out, &table, CTL_TABLE_WIDTH, ctl_output_has_colour());
    ctl_output_raw(buffer_span(&out));
    buffer_clear(&out);
}

static int
list(struct ctl *ctl)
{
    struct hold_queue queue;
    struct error error;

    if (ctl->arguments.count != 1)
        return ctl_output_fail(CTL_USAGE, "quarantine list takes no ids; show ID does");
    if (!ctl_hold_read(ctl, &queue, &error))
        return ctl_output_fail(CTL_NO, "%s", error.text);
    if (ctl_arguments_has(&ctl->arguments, CTL_JSON)) {
        list_json(ctl, &queue);
        return queue.books_silent == NULL ? CTL_DONE : CTL_NO;
    }
    list_table(ctl, &queue);
    if (queue.books_silent != NULL)
        return ctl_output_fail(CTL_NO, "%s: of %zu on hold nobody knows which are ours",
            queue.books_silent, queue.count);
    ctl_output_say("%zu of ours, %zu of others", queue.ours, queue.count - queue.ours);
    return CTL_DONE;
}

/* --- show --- */

static void
show_lines(struct ctl *ctl, const struct hold_mail *mail)
{
    struct span lines = mail->held == NULL ? SPAN("") : mail->held->lines;
    struct span line;

    ctl_output_say("id         %.*s", (int)mail->id.length, mail->id.data);
    ctl_output_say("on hold    since %s, %s",
        ctl_books_stamp(ctl->arena, mail->arrival_s * 1000),
        ctl_quarantine_verdict(ctl, mail));
    ctl_output_say("size       %" PRIu64, mail->size);
    ctl_output_say("from       %s", sender_of(ctl, mail));
    for (size_t i = 0; i < mail->to_count; i++)
        ctl_output_say("to         %s", ctl_output_text(ctl->arena, mail->to[i]));
    while (lines.length > 0 && span_split(&lines, '\n', &line))
        ctl_output_note("           %s", ctl_output_text(ctl->arena, line));
    ctl_output_say("%s", "");
}

static void
show_json(struct ctl *ctl, const struct hold_mail *mail, struct span view)
{
    struct buffer out;
    struct json json;

    buffer_init(&out, OUT_MAX);
    json = json_on(&out);
    json_object_begin(&json, NULL);
    write_mail(&json, ctl, mail);
    json_span(&json, "content", view);
    json_object_end(&json);
    ctl_output_document(&out);
}

static int
show_content(struct ctl *ctl, const struct hold_mail *mail)
{
    bool body = ctl_arguments_has(&ctl->arguments, CTL_BODY);
    struct buffer content;
    struct buffer view;
    struct error error;
    int status = CTL_DONE;

    buffer_init(&content, MAIL_MAX);
    buffer_init(&view, VIEW_MAX);
    if (!ctl_hold_content(ctl, mail, body ? HOLD_ALL : HOLD_HEADER, &content, &error)) {
        status = ctl_output_fail(CTL_NO, "%s", error.text);
    } else {
        mail_view_write(&view, buffer_span(&content));
        if (!buffer_ok(&content))
            buffer_printf(&view, "(the rest of it is not shown)\n");
        if (ctl_arguments_has(&ctl->arguments, CTL_JSON)) {
            show_json(ctl, mail, buffer_span(&view));
        } else {
            show_lines(ctl, mail);
            ctl_output_raw(buffer_span(&view));
        }
    }
    buffer_clear(&view);
    buffer_clear(&content);
    return status;
}

static int
show(struct ctl *ctl)
{
    struct hold_queue queue;
    struct quarantine_choice choice;
    struct error error;
    int status;

    if (ctl->arguments.count != 2)
        return ctl_output_fail(CTL_USAGE, "one id is wanted: quarantine show ID");
    if (!ctl_hold_read(ctl, &queue, &error))
        return ctl_output_fail(CTL_NO, "%s", error.text);
    status = ctl_quarantine_choose(ctl, &queue, &choice);
    return status != CTL_DONE ? status : show_content(ctl, choice.mails[0]);
}

/* --- the verbs --- */

static int
release(struct ctl *ctl)
{
    return ctl_quarantine_act(ctl, HOLD_RELEASE);
}

static int delete (struct ctl *ctl)
{
    return ctl_quarantine_act(ctl, HOLD_DELETE);
}

static int
expire(struct ctl *ctl)
{
    if (ctl->arguments.count != 1 || !ctl_arguments_has(&ctl->arguments, CTL_OLDER))
        return ctl_output_fail(
            CTL_USAGE, "which? quarantine expire --older 14d deletes what is older");
    return delete (ctl);
}

static bool
is_duration(const struct ctl *ctl)
{
    const char *older = ctl->arguments.values[CTL_OLDER];
    uint64_t milliseconds;

    return older == NULL || number_duration(span_of(older), &milliseconds);
}

int
ctl_quarantine_run(struct ctl *ctl)
{
    static const struct {
        const char *name;
        int (*run)(struct ctl *ctl);
        bool may_be_json;
    } verbs[] = {
        {"list",    list,    true },
        {"show",    show,    true },
        {"release", release, false},
        {"delete",  delete,  false},
        {"expire",  expire,  false},
    };
    const char *word = ctl->arguments.words[0];

    if (!is_duration(ctl))
        return ctl_output_fail(
            CTL_USAGE, "--older takes a duration such as 12h, 14d or 90d");
    for (size_t i = 0; i < ARRAY_LENGTH(verbs); i++) {
        if (strcmp(word, verbs[i].name) != 0)
            continue;
        if (!verbs[i].may_be_json && ctl_arguments_has(&ctl->arguments, CTL_JSON))
            return ctl_output_fail(CTL_USAGE, "--json goes with list and show");
        return verbs[i].run(ctl);
    }
    return ctl_output_fail(CTL_USAGE,
        "quarantine takes list, show, release, delete or expire, not %s",
        ctl_output_text(ctl->arena, span_of(word)));
}

/* --- status --- */

void
ctl_quarantine_look(struct ctl_health *health, struct ctl *ctl)
{
    struct error error;
    struct books *books = books_open(ctl->config->books, BOOKS_READ, &error);
    int64_t oldest = 0;
    uint64_t count = 0;

    if (books != NULL && books_held_count(books, &count, &oldest, &error) && count > 0)
        ctl_health_add(health, NULL, false,
            arena_printf(ctl->arena,
                "quarantine: %" PRIu64 " on hold by our milters, the oldest for %s "
                "(postshiftctl quarantine list)",
                count, ctl_books_age(ctl->arena, ((int64_t)time(NULL) * 1000) - oldest)));
    books_close(books);
}
