#include "policyd/copies/copies_lmtp.h"

#include "shared/base/attributes.h"

static const struct {
    const char *word;
    enum copies_verb verb;
} verbs[] = {
    {"LHLO",     COPIES_LHLO    },
    {"MAIL",     COPIES_MAIL    },
    {"RCPT",     COPIES_RCPT    },
    {"DATA",     COPIES_DATA    },
    {"RSET",     COPIES_RSET    },
    {"NOOP",     COPIES_NOOP    },
    {"QUIT",     COPIES_QUIT    },
    {"XFORWARD", COPIES_XFORWARD},
};

/* "FROM:<a@b> SIZE=1 SMTPUTF8": a quoted local part may hold brackets and blanks. */
static bool
read_path(struct span rest, struct span keyword, struct copies_command *command)
{
    bool quoted = false;
    size_t end = 0;
    struct span word;

    rest = span_trim(rest);
    if (!span_starts_nocase(rest, keyword))
        return false;
    rest = span_trim(span_from(rest, keyword.length));
    if (!span_take(&rest, SPAN("<")))
        return false;
    for (; end < rest.length && (quoted || rest.data[end] != '>'); end++) {
        if (rest.data[end] == '\\')
            end++;
        else if (rest.data[end] == '"')
            quoted = !quoted;
    }
    if (end >= rest.length)
        return false;
    command->path = span_first(rest, end);
    rest = span_from(rest, end + 1);
    while (span_word(&rest, &word))
        command->utf8 = command->utf8 || span_is_nocase(word, "SMTPUTF8");
    return !span_has_control(command->path);
}

static int
hex(char octet)
{
    if (octet >= '0' && octet <= '9')
        return octet - '0';
    return octet >= 'A' && octet <= 'F' ? octet - 'A' + 10 : -1;
}

/* xtext (RFC 3461); nothing where it isn't. */
static bool
read_ident(struct span text, char ident[COPIES_IDENT_MAX + 1])
{
    size_t length = 0;

    for (size_t i = 0; i < text.length; i++) {
        char octet = text.data[i];

        if (octet == '+') {
            if (text.length - i < 3 || hex(text.data[i + 1]) < 0 ||
                hex(text.data[i + 2]) < 0)
                return false;
            octet = (char)(16 * hex(text.data[i + 1]) + hex(text.data[i + 2]));
            i += 2;
        }
        if (octet <= ' ' || octet > '~' || length == COPIES_IDENT_MAX)
            return false;
        ident[length++] = octet;
    }
    ident[length] = '\0';
    return !span_is_nocase(span_of(ident), "[UNAVAILABLE]");
}

static void
read_forward(struct span rest, struct copies_command *command)
{
    struct span word;

    while (span_word(&rest, &word)) {
        if (span_starts_nocase(word, SPAN("IDENT=")) &&
            !read_ident(span_from(word, 6), command->ident))
            command->ident[0] = '\0';
    }
}

static void
read_command(struct span line, struct copies_command *command)
{
    struct span rest = line;
    struct span word;

    if (!span_word(&rest, &word))
        return;
    for (size_t i = 0; i < ARRAY_LENGTH(verbs); i++) {
        if (span_is_nocase(word, verbs[i].word))
            command->verb = verbs[i].verb;
    }
    if ((command->verb == COPIES_MAIL && !read_path(rest, SPAN("FROM:"), command)) ||
        (command->verb == COPIES_RCPT && !read_path(rest, SPAN("TO:"), command)))
        command->verb = COPIES_BAD_PATH;
    if (command->verb == COPIES_XFORWARD)
        read_forward(rest, command);
}

enum wire_result
copies_command_read(
    struct span input, struct copies_command *command, size_t *used, struct error *error)
{
    struct span rest = input;
    struct span line;

    *command = (struct copies_command){.verb = COPIES_UNKNOWN};
    if (!span_line(&rest, &line)) {
        if (input.length < COPIES_LINE_MAX)
            return WIRE_MORE;
        (void)error_permanent(
            error, "a command is longer than %d octets", COPIES_LINE_MAX);
        return WIRE_BAD;
    }
    if (line.length > COPIES_LINE_MAX) {
        (void)error_permanent(
            error, "a command is longer than %d octets", COPIES_LINE_MAX);
        return WIRE_BAD;
    }
    *used = input.length - rest.length;
    read_command(line, command);
    return WIRE_DONE;
}

/* --- content --- */

/* Where in a line we are.  The first state is that of a new content.  A line ends in CR
 * LF and in nothing else: a bare LF before a dot must not end a message. */
enum { LINE_START, IN_LINE, AFTER_CR, AFTER_DOT, AFTER_DOT_CR };

size_t
copies_content_take(
    struct copies_content *content, struct span input, struct buffer *out, bool *ended)
{
    size_t i = 0;

    *ended = false;
    /* A step appends two octets at most. */
    while (i < input.length && !*ended && out->length + 2 <= out->ceiling) {
        char octet = input.data[i++];

        if (content->at == LINE_START && octet == '.') {
            content->at = AFTER_DOT;
            continue;
        }
        if (content->at == AFTER_DOT && octet == '\r') {
            content->at = AFTER_DOT_CR;
            continue;
        }
        if (octet == '\n' && content->at == AFTER_DOT_CR) {
            *ended = true;
            break;
        }
        /* A dot that was put there goes; the CR behind it was content. */
        if (content->at == AFTER_DOT_CR)
            buffer_append_octet(out, '\r');
        buffer_append_octet(out, octet);
        if (octet == '\n' && content->at == AFTER_CR)
            content->at = LINE_START;
        else
            content->at = octet == '\r' ? AFTER_CR : IN_LINE;
    }
    return i;
}

void
copies_content_stuff(struct buffer *out, struct span content, bool *at_start)
{
    while (content.length > 0) {
        size_t end = span_find(content, '\n');
        struct span line =
            span_first(content, end == SPAN_NONE ? content.length : end + 1);

        if (*at_start && line.data[0] == '.')
            buffer_append_octet(out, '.');
        buffer_append(out, line);
        *at_start = end != SPAN_NONE;
        content = span_from(content, line.length);
    }
}
