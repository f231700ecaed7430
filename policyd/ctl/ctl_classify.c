/*
 * classify: what refusing replies are about, a line each from standard input.
 */
#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_verbs.h"
#include "policyd/maillog/reply_class.h"
#include "policyd/setup/setup_file.h"
#include "policyd/terminal/ctl_table.h"
#include "shared/base/json.h"

enum { INPUT_MAX = 256 << 20, OUT_MAX = 512 << 20 };

/* `PHASE<TAB>REPLY`, a bare reply (then to RCPT), or what a log says of one. */
static enum reply_class
classify(struct span line)
{
    size_t tab = span_find(line, '\t');
    enum maillog_phase phase = PHASE_RCPT;
    struct maillog_reply reply;

    if (tab != SPAN_NONE && maillog_phase_parse(span_first(line, tab), &phase))
        line = span_from(line, tab + 1);
    maillog_reply_parse(line, &reply);
    if (reply.said == SAID_OTHER || reply.phase == PHASE_NONE || reply.code == 0)
        maillog_reply_read(line, phase, &reply);
    return reply_class_of(&reply);
}

static void
write_json(struct json *json, const char *class, struct span line)
{
    json_object_begin(json, NULL);
    json_text(json, "class", class);
    json_span(json, "reply", line);
    json_object_end(json);
}

/* As it came, but for what would move the cursor. */
static void
write_line(struct buffer *out, const char *class, struct span line)
{
    struct span part;

    buffer_append_text(out, class);
    while (span_split(&line, '\t', &part)) {
        buffer_append_octet(out, '\t');
        ctl_table_escape(out, part);
    }
    buffer_append_octet(out, '\n');
}

int
ctl_classify_run(struct ctl *ctl)
{
    bool as_json = ctl_arguments_has(&ctl->arguments, CTL_JSON);
    struct buffer text;
    struct buffer out;
    struct json json;
    struct error error;
    struct span rest;
    struct span line;

    buffer_init(&text, INPUT_MAX);
    buffer_init(&out, OUT_MAX);
    ctl_output_invite("replies");
    if (!setup_file_read("-", &text, &error)) {
        buffer_clear(&text);
        return ctl_output_fail(CTL_NO, "%s", error.text);
    }
    rest = buffer_span(&text);
    json = json_on(&out);
    if (as_json)
        json_array_begin(&json, NULL);
    while (span_split(&rest, '\n', &line)) {
        const char *class;

        if (line.length == 0)
            continue;
        class = reply_class_name(classify(line));
        if (as_json) {
            write_json(&json, class, line);
        } else {
            write_line(&out, class, line);
        }
    }
    if (as_json) {
        json_array_end(&json);
        buffer_append_octet(&out, '\n');
    }
    ctl_output_raw(buffer_span(&out));
    buffer_clear(&out);
    buffer_clear(&text);
    return CTL_DONE;
}
