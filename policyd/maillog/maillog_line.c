#include "policyd/maillog/maillog_line.h"

#include "shared/base/number.h"

enum { NAME_MAX_OCTETS = 255, PROCESS_MAX = INT32_MAX };

/* The next word, without the blanks behind it. */
static struct span
take_word(struct span *rest)
{
    size_t length = span_find(*rest, ' ');
    struct span word = span_first(*rest, length);

    *rest = length == SPAN_NONE ? SPAN("") : span_from(*rest, length);
    while (rest->length > 0 && rest->data[0] == ' ')
        *rest = span_from(*rest, 1);
    return word;
}

/* NULs in front of what was written after a power cut, a priority, a version. */
static struct span
without_front(struct span line, bool *is_rfc5424)
{
    size_t end;

    *is_rfc5424 = false;
    while (line.length > 0 && line.data[0] == '\0')
        line = span_from(line, 1);
    if (line.length == 0 || line.data[0] != '<')
        return line;
    end = span_find(line, '>');
    if (end > 4)
        return line;
    line = span_from(line, end + 1);
    if (span_starts(line, SPAN("1 "))) {
        *is_rfc5424 = true;
        line = span_from(line, 2);
    }
    return line;
}

static bool
is_among(struct span word, struct span words)
{
    struct span one;

    while (span_word(&words, &one)) {
        if (span_equal(one, word))
            return true;
    }
    return false;
}

/* "postfix/cutover-new/smtp" into its parts. */
static bool
split_name(struct span name, struct span instances, struct maillog_line *out)
{
    size_t first = span_find(name, '/');
    size_t last = span_find_last(name, '/');

    out->service = SPAN("");
    if (first == SPAN_NONE) {
        if (!span_starts(name, SPAN("postshift-")))
            return false;
        out->program = MAILLOG_OURS;
        out->instance = SPAN("");
        out->daemon = span_from(name, sizeof("postshift-") - 1);
        return out->daemon.length > 0;
    }
    out->instance = span_first(name, first);
    if (!span_is(out->instance, "postfix") &&
        !span_starts(out->instance, SPAN("postfix-")) &&
        !is_among(out->instance, instances))
        return false;
    out->program = MAILLOG_POSTFIX;
    out->daemon = span_from(name, last + 1);
    if (last > first)
        out->service = span_first(span_from(name, first + 1), last - first - 1);
    return out->daemon.length > 0;
}

/* A tag as programs write it: `NAME[PID]:`, `NAME[PID]`, `NAME:`. */
static bool
read_tag(struct span word, struct span instances, struct maillog_line *out)
{
    size_t bracket = span_find(word, '[');
    bool has_colon = word.length > 0 && word.data[word.length - 1] == ':';
    uint64_t pid = 0;

    if (has_colon)
        word = span_first(word, word.length - 1);
    if (bracket == SPAN_NONE && !has_colon)
        return false;
    if (bracket != SPAN_NONE) {
        struct span number = span_from(word, bracket + 1);

        if (number.length < 2 || number.data[number.length - 1] != ']' ||
            !number_unsigned(span_first(number, number.length - 1), PROCESS_MAX, &pid))
            return false;
        word = span_first(word, bracket);
    }
    if (word.length > NAME_MAX_OCTETS || !split_name(word, instances, out))
        return false;
    out->pid = (uint32_t)pid;
    return true;
}

/* "[a@1 x="y"][b@1]", in whose values `\]` and `\"` are no end; `-` for none. */
static void
pass_structured_data(struct span *rest)
{
    size_t at = 0;

    if (rest->length == 0 || rest->data[0] != '[') {
        (void)take_word(rest);
        return;
    }
    while (at < rest->length && rest->data[at] == '[') {
        bool is_quoted = false;

        for (; at < rest->length && (is_quoted || rest->data[at] != ']'); at++) {
            if (is_quoted && rest->data[at] == '\\')
                at++;
            else if (rest->data[at] == '"')
                is_quoted = !is_quoted;
        }
        at++;
    }
    *rest = at >= rest->length ? SPAN("") : span_trim(span_from(*rest, at));
}

/* NAME PID MESSAGEID and structured data, behind the host. */
static bool
read_rfc5424(struct span *rest, struct span instances, struct maillog_line *out)
{
    struct span name = take_word(rest);
    struct span process = take_word(rest);
    uint64_t pid = 0;

    (void)take_word(rest);
    pass_structured_data(rest);
    if (span_starts(*rest, SPAN("\xef\xbb\xbf")))
        *rest = span_from(*rest, 3);
    (void)number_unsigned(process, PROCESS_MAX, &pid);
    if (!split_name(name, instances, out))
        return false;
    out->pid = (uint32_t)pid;
    return true;
}

/* The host may be missing; then the tag stands in its place. */
static bool
read_head(struct span *rest, struct span instances, struct maillog_line *out)
{
    struct span word = take_word(rest);

    if (read_tag(word, instances, out))
        return true;
    out->host = word;
    word = take_word(rest);
    return read_tag(word, instances, out);
}

/* What stands behind the stamp: host, name and process. */
static bool
read_who(
    struct span *rest, bool is_rfc5424, struct span instances, struct maillog_line *out)
{
    if (!is_rfc5424)
        return read_head(rest, instances, out);
    out->host = take_word(rest);
    return read_rfc5424(rest, instances, out);
}

/* A container's own head, behind the words of who passed it on, `words` at most. */
static bool
read_inner(struct span *rest, int words, struct span instances, struct maillog_line *out)
{
    struct span host = out->host;
    bool is_known = false;

    for (int i = 0; i <= words && !is_known; i++) {
        struct maillog_stamp inner;
        struct span inside;
        bool is_rfc5424;

        if (i > 0)
            (void)take_word(rest);
        inside = without_front(*rest, &is_rfc5424);
        if (!maillog_stamp_take(&inside, &inner))
            continue;
        is_known = read_who(&inside, is_rfc5424, instances, out);
        *rest = inside;
    }
    if (out->host.length == 0)
        out->host = host;
    return is_known;
}

bool
maillog_line_parse(struct span line, struct span instances, struct maillog_line *out)
{
    struct span rest;
    struct span before;
    bool is_rfc5424;
    bool is_known;

    *out = (struct maillog_line){.program = MAILLOG_FOREIGN};
    if (span_ends(line, SPAN("\r")))
        line = span_first(line, line.length - 1);
    rest = without_front(line, &is_rfc5424);
    if (!maillog_stamp_take(&rest, &out->stamp))
        return false;
    before = rest;
    is_known = read_who(&rest, is_rfc5424, instances, out);
    if (!is_known && !is_rfc5424)
        rest = before;
    if (!is_known)
        is_known = read_inner(&rest, is_rfc5424 ? 0 : 2, instances, out);
    out->text = rest;
    if (!is_known)
        out->program = MAILLOG_FOREIGN;
    return true;
}
