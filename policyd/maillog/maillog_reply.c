#include "policyd/maillog/maillog_reply.h"

#include "shared/base/attributes.h"
#include "shared/base/octet.h"

static const char *const phase_names[PHASE_COUNT] = {
    "none", "connect", "hello", "tls", "auth", "mail", "rcpt", "data", "end"};

bool
maillog_phase_parse(struct span name, enum maillog_phase *phase)
{
    for (unsigned i = 0; i < PHASE_COUNT; i++) {
        if (span_is_nocase(name, phase_names[i])) {
            *phase = (enum maillog_phase)i;
            return true;
        }
    }
    return false;
}

/* What Postfix calls the command that was answered. */
static enum maillog_phase
phase_of(struct span command)
{
    static const struct {
        const char *begins;
        enum maillog_phase phase;
    } rows[] = {
        {"RCPT TO",     PHASE_RCPT },
        {"end of DATA", PHASE_END  },
        {"MAIL FROM",   PHASE_MAIL },
        {"DATA",        PHASE_DATA },
        {"BDAT",        PHASE_END  },
        {"EHLO",        PHASE_HELLO},
        {"HELO",        PHASE_HELLO},
        {"LHLO",        PHASE_HELLO},
        {"XFORWARD",    PHASE_HELLO},
        {"STARTTLS",    PHASE_TLS  },
        {"AUTH",        PHASE_AUTH }
    };

    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        if (span_starts(command, span_of(rows[i].begins)))
            return rows[i].phase;
    }
    return PHASE_NONE;
}

/* "while receiving the initial server greeting", "while sending RCPT TO". */
static enum maillog_phase
phase_while(struct span text)
{
    static const struct {
        const char *words;
        enum maillog_phase phase;
    } rows[] = {
        {"sending end of data",     PHASE_END    },
        {"sending message body",    PHASE_END    },
        {"initial server greeting", PHASE_CONNECT},
        {"EHLO",                    PHASE_HELLO  },
        {"HELO",                    PHASE_HELLO  },
        {"LHLO",                    PHASE_HELLO  },
        {"STARTTLS",                PHASE_TLS    },
        {"MAIL FROM",               PHASE_MAIL   },
        {"RCPT TO",                 PHASE_RCPT   },
        {"DATA",                    PHASE_DATA   }
    };
    size_t at = span_find_text(text, SPAN(" while "));

    for (size_t i = 0; at != SPAN_NONE && i < ARRAY_LENGTH(rows); i++) {
        if (span_find_text(span_from(text, at), span_of(rows[i].words)) != SPAN_NONE)
            return rows[i].phase;
    }
    return PHASE_CONNECT;
}

static bool
take_code(struct span *text, unsigned *code)
{
    if (text->length < 3 || text->data[0] < '2' || text->data[0] > '5' ||
        !octet_is_digit(text->data[1]) || !octet_is_digit(text->data[2]) ||
        (text->length > 3 && text->data[3] != ' ' && text->data[3] != '-'))
        return false;
    *code = 100 * (unsigned)(text->data[0] - '0') + 10 * (unsigned)(text->data[1] - '0') +
            (unsigned)(text->data[2] - '0');
    *text = span_from(*text, text->length > 3 ? 4 : 3);
    return true;
}

/* RFC 3463: class, subject, detail; up to three digits each behind the class. */
static void
take_enhanced(struct span *text, struct span *enhanced)
{
    size_t at = 0;

    if (text->length < 5 ||
        (text->data[0] != '2' && text->data[0] != '4' && text->data[0] != '5'))
        return;
    for (int part = 0; part < 3; part++) {
        size_t start = at;

        while (at < text->length && octet_is_digit(text->data[at]) && at - start < 3)
            at++;
        if (at == start)
            return;
        if (part < 2 && (at == text->length || text->data[at++] != '.'))
            return;
    }
    if (at < text->length && octet_is_digit(text->data[at]))
        return;
    *enhanced = span_first(*text, at);
    *text = span_trim(span_from(*text, at));
}

static void
read_codes(struct span text, struct maillog_reply *reply)
{
    text = span_trim(text);
    if (take_code(&text, &reply->code))
        take_enhanced(&text, &reply->enhanced);
    reply->text = text;
}

/* The last one is Postfix's: the reply itself may have others. */
static struct span
take_command(struct span *text)
{
    const struct span mark = SPAN(" (in reply to ");
    struct span rest = *text;
    size_t last = SPAN_NONE;
    size_t passed = 0;

    for (size_t at = span_find_text(rest, mark); at != SPAN_NONE;
         at = span_find_text(rest, mark)) {
        last = passed + at;
        passed += at + mark.length;
        rest = span_from(rest, at + mark.length);
    }
    if (last == SPAN_NONE)
        return SPAN("");
    rest = span_from(*text, last + mark.length);
    *text = span_first(*text, last);
    return rest;
}

/* What stands behind `words`, where the text has them; they may stand behind a host's
 * name alone, which has no blanks. */
static bool
host_says(struct span text, const char *words, struct span *behind)
{
    struct span host = SPAN("");

    if (!span_word(&text, &host) || !span_is(host, "host") || !span_word(&text, &host))
        return false;
    text = span_trim(text);
    if (!span_starts(text, span_of(words)))
        return false;
    *behind = span_from(text, span_of(words).length);
    return true;
}

static bool
begins_with_any(struct span text, const char *const *starts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (span_starts(text, span_of(starts[i])))
            return true;
    }
    return false;
}

static void
read_own_words(struct span text, struct maillog_reply *reply)
{
    static const char *const silent[] = {"connect to ", "lost connection with ",
        "conversation with ", "timeout ", "network ", "server dropped connection"};
    static const char *const tls[] = {
        "TLS is required", "Cannot start TLS", "Server certificate not", "TLS "};

    reply->text = text;
    if (span_starts(text, SPAN("delivery temporarily suspended"))) {
        reply->said = SAID_SUSPENDED;
    } else if (span_starts(text, SPAN("message size ")) &&
               span_find_text(text, SPAN(" exceeds size limit ")) != SPAN_NONE) {
        reply->said = SAID_TOO_BIG;
        reply->phase = PHASE_MAIL;
    } else if (begins_with_any(text, silent, ARRAY_LENGTH(silent))) {
        reply->said = SAID_NOTHING;
        reply->phase = phase_while(text);
    } else if (begins_with_any(text, tls, ARRAY_LENGTH(tls))) {
        reply->said = SAID_NOTHING;
        reply->phase = PHASE_TLS;
    } else {
        reply->said = SAID_OTHER;
    }
}

void
maillog_reply_parse(struct span text, struct maillog_reply *reply)
{
    struct span behind;

    *reply = (struct maillog_reply){.enhanced = SPAN(""), .text = text};
    if (host_says(text, "said: ", &behind)) {
        struct span command = take_command(&behind);

        reply->said = SAID_REPLY;
        reply->phase = command.length > 0 ? phase_of(command) : PHASE_NONE;
        read_codes(behind, reply);
    } else if (host_says(text, "refused to talk to me: ", &behind)) {
        reply->said = SAID_REPLY;
        reply->phase = PHASE_CONNECT;
        read_codes(behind, reply);
    } else if (text.length >= 3 && text.data[0] == '2') {
        reply->said = SAID_REPLY;
        reply->phase = PHASE_END;
        read_codes(text, reply);
    } else {
        read_own_words(text, reply);
    }
}

void
maillog_reply_read(
    struct span text, enum maillog_phase phase, struct maillog_reply *reply)
{
    *reply = (struct maillog_reply){
        .said = SAID_REPLY, .phase = phase, .enhanced = SPAN(""), .text = text};
    read_codes(text, reply);
}
