#include "policyd/maillog/maillog_event.h"

#include <string.h>

#include "policyd/maillog/maillog_attempt.h"
#include "policyd/maillog/queue_id.h"
#include "shared/base/attributes.h"
#include "shared/base/number.h"

/* Up to the first of `stop`, or all. */
static struct span
until(struct span text, const char *stop)
{
    size_t at = span_find_text(text, span_of(stop));

    return at == SPAN_NONE ? text : span_first(text, at);
}

static struct span
without_brackets(struct span text)
{
    if (text.length >= 2 && text.data[0] == '<' && text.data[text.length - 1] == '>')
        return span_first(span_from(text, 1), text.length - 2);
    return text;
}

/* `<address>` at the start, a quoted local part with whatever is in it included. */
static bool
take_address(struct span *rest, struct span *address)
{
    size_t at = 1;

    if (rest->length == 0 || rest->data[0] != '<')
        return false;
    if (at < rest->length && rest->data[at] == '"') {
        for (at++; at < rest->length && rest->data[at] != '"'; at++)
            at += rest->data[at] == '\\';
    }
    while (at < rest->length && rest->data[at] != '>')
        at++;
    if (at >= rest->length)
        return false;
    *address = span_first(span_from(*rest, 1), at - 1);
    *rest = span_from(*rest, at + 1);
    return true;
}

/* --- qmgr --- */

/* "from=<...>, size=S, nrcpt=N (queue active)", "from=<...>, status=expired, ...". */
static void
read_qmgr(struct span text, struct maillog_event *event)
{
    struct span rest = text;
    struct span number;

    if (span_is(text, "removed")) {
        event->kind = MAILLOG_REMOVED;
        event->removal = MAILLOG_REMOVED_DONE;
        return;
    }
    if (span_starts(text, SPAN("to=<"))) {
        maillog_attempt_read(text, event);
        return;
    }
    /* After a reload, while the delivery that the former qmgr began goes on. */
    if (span_is(text, "skipped, still being delivered")) {
        event->kind = MAILLOG_NOTHING;
        return;
    }
    if (!span_take(&rest, SPAN("from=")) || !take_address(&rest, &event->from) ||
        !span_take(&rest, SPAN(", ")))
        return;
    if (span_take(&rest, SPAN("status="))) {
        if (span_starts(rest, SPAN("expired")) ||
            span_starts(rest, SPAN("force-expired")))
            event->kind = MAILLOG_GIVEN_UP;
        return;
    }
    if (!span_take(&rest, SPAN("size=")))
        return;
    number = until(rest, ",");
    rest = span_from(rest, number.length);
    if (!number_unsigned(number, UINT64_MAX, &event->size) ||
        !span_take(&rest, SPAN(", nrcpt=")))
        return;
    number = until(rest, " ");
    if (number_unsigned(number, UINT32_MAX, &event->nrcpt) &&
        span_starts(span_from(rest, number.length), SPAN(" (queue active)")))
        event->kind = MAILLOG_ACTIVE;
}

/* --- who brings mail in --- */

/* The value of `key` (", key=") behind the first pair. */
static struct span
value_of(struct span text, const char *key)
{
    size_t at = span_find_text(text, span_of(key));

    return at == SPAN_NONE ? SPAN("")
                           : until(span_from(text, at + span_of(key).length), ", ");
}

static void
read_client(struct span text, struct maillog_event *event)
{
    event->kind = MAILLOG_BEGUN;
    event->client = until(span_from(text, sizeof("client=") - 1), ", ");
    event->other_id = value_of(text, ", orig_queue_id=");
    event->login = value_of(text, ", sasl_username=");
    event->orig_client = value_of(text, ", orig_client=");
    if (!queue_id_is_valid(event->other_id))
        event->other_id = SPAN("");
}

/* "uid=0 from=<a@s.test> orig_id=QID" */
static void
read_pickup(struct span text, struct maillog_event *event)
{
    struct span rest = text;

    if (!span_take(&rest, SPAN("uid=")))
        return;
    rest = span_from(rest, until(rest, " ").length);
    if (!span_take(&rest, SPAN(" from=")) || !take_address(&rest, &event->from))
        return;
    event->kind = MAILLOG_BEGUN;
    if (span_take(&rest, SPAN(" orig_id=")))
        event->other_id = until(rest, " ");
}

/* --- actions --- */

struct action_row {
    const char *word;
    enum maillog_action action;
};

static const struct action_row actions[] = {
    {"hold",           MAILLOG_ACTION_HOLD   },
    {"milter-hold",    MAILLOG_ACTION_HOLD   },
    {"discard",        MAILLOG_ACTION_DISCARD},
    {"milter-discard", MAILLOG_ACTION_DISCARD},
    {"reject",         MAILLOG_ACTION_REJECT },
    {"milter-reject",  MAILLOG_ACTION_REJECT },
    {"reject_warning", MAILLOG_ACTION_OTHER  },
    {"warn",           MAILLOG_ACTION_OTHER  },
    {"warning",        MAILLOG_ACTION_OTHER  },
    {"info",           MAILLOG_ACTION_OTHER  },
    {"prepend",        MAILLOG_ACTION_OTHER  },
    {"replace",        MAILLOG_ACTION_OTHER  },
    {"strip",          MAILLOG_ACTION_OTHER  },
    {"redirect",       MAILLOG_ACTION_OTHER  },
    {"filter",         MAILLOG_ACTION_OTHER  },
    {"bcc",            MAILLOG_ACTION_OTHER  },
    {"ignore",         MAILLOG_ACTION_OTHER  },
    {"dunno",          MAILLOG_ACTION_OTHER  },
    {"trigger",        MAILLOG_ACTION_OTHER  },
    {"permit",         MAILLOG_ACTION_OTHER  },
    {"delay",          MAILLOG_ACTION_OTHER  }
};

/* "<a> to=<b> proto=...", as Postfix writes it all; before it was named, none has to=. */
static bool
take_envelope(struct span rest, struct maillog_event *found)
{
    struct span from;
    struct span to = SPAN("");

    if (!take_address(&rest, &from) ||
        (span_take(&rest, SPAN(" to=")) && !take_address(&rest, &to)) ||
        !span_starts(rest, SPAN(" proto=")))
        return false;
    found->from = from;
    found->to = to;
    return true;
}

/* `<"anything"@example.com>`; without quotes an address has no blanks. */
static bool
pass_quoted(struct span *rest)
{
    struct span address;

    return span_starts(*rest, SPAN("<\"")) && take_address(rest, &address);
}

/*
 * "; from=<a> to=<b> proto=ESMTP helo=<c>": what the client said may look like it, in a
 * header before it and in HELO behind it.  smtpd has no header to tell: the first one
 * outside of a quoted address is it.  Of cleanup's two that are complete neither is
 * believed.
 */
static void
read_envelope(struct span rest, bool is_smtpd, struct maillog_event *event)
{
    const struct span mark = SPAN("; from=<");
    struct maillog_event found = {.kind = MAILLOG_NOTHING};
    struct span last = SPAN("");
    unsigned count = 0;

    while (rest.length > 0 && (count == 0 || !is_smtpd)) {
        if (span_starts(rest, mark)) {
            last = span_from(rest, mark.length - 1);
            count += take_envelope(last, &found);
            rest = last;
        } else if (!is_smtpd || !pass_quoted(&rest)) {
            rest = span_from(rest, 1);
        }
    }
    if (count == 0 && take_address(&last, &found.from) && span_take(&last, SPAN(" to=")))
        (void)take_address(&last, &found.to);
    if (count > 1)
        return;
    event->from = found.from;
    event->to = found.to;
}

/* "hold: RCPT from CLIENT: text; from=<a> to=<b> proto=..." */
static bool
read_action(
    const struct maillog_line *line, struct span text, struct maillog_event *event)
{
    size_t colon = span_find(text, ':');
    struct span word = span_first(text, colon);
    struct span rest;
    size_t at;

    for (size_t i = 0; colon != SPAN_NONE && i < ARRAY_LENGTH(actions); i++) {
        if (!span_is(word, actions[i].word))
            continue;
        event->kind = MAILLOG_ACTION;
        event->action = actions[i].action;
        rest = span_trim(span_from(text, colon + 1));
        at = span_find_text(rest, SPAN(" from "));
        if (at != SPAN_NONE) {
            event->client = until(span_from(rest, at + 6), ": ");
            event->client = until(event->client, ";");
        }
        event->text = rest;
        read_envelope(rest, span_is(line->daemon, "smtpd"), event);
        return true;
    }
    return false;
}

/* --- cleanup, postsuper, bounce --- */

static void
read_cleanup(struct span text, struct maillog_event *event)
{
    struct span rest = text;

    if (span_take(&rest, SPAN("message-id="))) {
        event->kind = MAILLOG_MESSAGE_ID;
        event->message_id = without_brackets(rest);
    } else if (span_is(text, "removed (canceled)")) {
        event->kind = MAILLOG_REMOVED;
        event->removal = MAILLOG_REMOVED_CANCELED;
    } else if (span_is(text, "removed (discarded)")) {
        event->kind = MAILLOG_REMOVED;
        event->removal = MAILLOG_REMOVED_DISCARDED;
    } else if (span_starts(text, SPAN("resent-message-id="))) {
        event->kind = MAILLOG_NOTHING;
    }
}

static void
read_postsuper(struct span text, struct maillog_event *event)
{
    static const struct {
        const char *text;
        enum maillog_kind kind;
    } rows[] = {
        {"removed",            MAILLOG_REMOVED     },
        {"placed on hold",     MAILLOG_HELD        },
        {"released from hold", MAILLOG_RELEASED    },
        {"requeued",           MAILLOG_REQUEUED    },
        {"expired",            MAILLOG_EXPIRE_ORDER}
    };

    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        if (span_is(text, rows[i].text)) {
            event->kind = rows[i].kind;
            event->removal = MAILLOG_REMOVED_DELETED;
        }
    }
}

/* "sender non-delivery notification: QID" */
static void
read_bounce(struct span text, struct maillog_event *event)
{
    static const struct {
        const char *text;
        enum maillog_notice notice;
    } rows[] = {
        {"sender non-delivery notification: ",     MAILLOG_NON_DELIVERY},
        {"sender delivery status notification: ",  MAILLOG_SUCCESS     },
        {"sender delay notification: ",            MAILLOG_DELAY       },
        {"postmaster non-delivery notification: ", MAILLOG_POSTMASTER  },
        {"postmaster delay notification: ",        MAILLOG_POSTMASTER  }
    };

    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct span rest = text;

        if (!span_take(&rest, span_of(rows[i].text)))
            continue;
        event->other_id = until(rest, " ");
        event->notice = rows[i].notice;
        if (queue_id_is_valid(event->other_id))
            event->kind = MAILLOG_NOTICE;
        return;
    }
    if (span_find_text(text, SPAN("notification")) != SPAN_NONE)
        event->kind = MAILLOG_NOTHING;
}

/* Details of a session that a line with to= sums up. */
static bool
is_detail(struct span text)
{
    static const char *const starts[] = {"host ", "lost connection ",
        "conversation with ", "enabling PIX", "disabling ESMTP", "passing <",
        "connect to ", "status=deferred (bounce failed)", "timeout ", "table ",
        "skipping ", "using ", "uid=", "split ", "server ", "SASL ", "TLS ",
        "Cannot start TLS", "breaking line", "Untrusted TLS", "Trusted TLS",
        "Verified TLS", "Anonymous TLS", "replace: ", "filter: "};

    for (size_t i = 0; i < ARRAY_LENGTH(starts); i++) {
        if (span_starts(text, span_of(starts[i])))
            return true;
    }
    return false;
}

/* --- with a queue id --- */

static void
read_of_message(
    const struct maillog_line *line, struct span text, struct maillog_event *event)
{
    event->kind = MAILLOG_UNKNOWN_FORM;
    if (span_is(line->daemon, "qmgr") || span_is(line->daemon, "oqmgr"))
        read_qmgr(text, event);
    else if (span_is(line->daemon, "postsuper"))
        read_postsuper(text, event);
    else if (span_is(line->daemon, "bounce"))
        read_bounce(text, event);
    else if (span_is(line->daemon, "pickup"))
        read_pickup(text, event);
    else if (span_starts(text, SPAN("client=")))
        read_client(text, event);
    else if (span_starts(text, SPAN("to=<")))
        maillog_attempt_read(text, event);
    else if (!read_action(line, text, event))
        read_cleanup(text, event);
    if (event->kind == MAILLOG_UNKNOWN_FORM && is_detail(text))
        event->kind = MAILLOG_NOTHING;
}

/* --- without one --- */

/* "Trusted TLS connection established to HOST[IP]:PORT: TLSv1.3 with cipher ..." */
static bool
read_tls(struct span text, struct maillog_event *event)
{
    static const struct span established = {" TLS connection established to ", 31};
    size_t at = span_find_text(text, established);
    size_t end;

    if (at == SPAN_NONE || at > sizeof("Untrusted"))
        return false;
    text = span_from(text, at + established.length);
    end = span_find_text(text, SPAN(": TLSv"));
    if (end == SPAN_NONE)
        return false;
    event->relay = span_first(text, end);
    event->tls_version = until(span_from(text, end + 2), " ");
    event->kind = MAILLOG_TLS;
    return true;
}

/* "QID: ", "NOQUEUE: ", "warning: QID: "; false: there is none. */
static bool
take_queue_id(struct span *text, struct span *queue_id)
{
    size_t colon;
    struct span word;

    (void)span_take(text, SPAN("warning: "));
    colon = span_find(*text, ':');
    word = span_first(*text, colon);
    if (colon == SPAN_NONE || colon + 1 >= text->length || text->data[colon + 1] != ' ')
        return false;
    if (span_is(word, "NOQUEUE"))
        *queue_id = SPAN("");
    else if (queue_id_is_valid(word))
        *queue_id = word;
    else
        return false;
    *text = span_from(*text, colon + 2);
    return true;
}

static void
read_ours(const struct maillog_line *line, struct maillog_event *event)
{
    struct span text = line->text;

    if ((span_is(line->daemon, "auth") || span_is(line->daemon, "scan")) &&
        take_queue_id(&text, &event->queue_id) &&
        (span_take(&text, SPAN("auth: ")) || span_take(&text, SPAN("scan: ")))) {
        event->kind = MAILLOG_VERDICT;
        event->verdict = text;
    }
}

void
maillog_event_parse(const struct maillog_line *line, struct maillog_event *event)
{
    struct span text = line->text;

    memset(event, 0, sizeof(*event));
    event->kind = MAILLOG_NOTHING;
    if (line->program == MAILLOG_OURS) {
        read_ours(line, event);
        return;
    }
    if (line->program != MAILLOG_POSTFIX)
        return;
    if (take_queue_id(&text, &event->queue_id)) {
        if (event->queue_id.length > 0)
            read_of_message(line, text, event);
        else
            (void)read_action(line, text, event);
        return;
    }
    if (span_is(line->daemon, "master") && span_starts(text, SPAN("daemon started")))
        event->kind = MAILLOG_START;
    else if (span_is(line->daemon, "smtpd") &&
             (span_starts(text, SPAN("connect from ")) ||
                 span_starts(text, SPAN("disconnect from "))))
        event->kind = MAILLOG_SESSION;
    else
        (void)read_tls(text, event);
}
