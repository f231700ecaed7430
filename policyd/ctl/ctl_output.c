#include "policyd/ctl/ctl_output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policyd/ctl/ctl.h"
#include "policyd/terminal/ctl_table.h"

enum { LINE_MAX_OCTETS = 1 << 20 };

/* Whatever words of the command line or texts of Redis are in it, it can't move the
 * cursor; its own line ends stay. */
static void
write_line(struct buffer *out, const char *before, const char *format, va_list arguments)
{
    struct buffer raw;
    struct span rest;
    struct span line;

    buffer_init(&raw, LINE_MAX_OCTETS);
    buffer_vprintf(&raw, format, arguments);
    buffer_init(out, (size_t)4 * LINE_MAX_OCTETS + 64);
    buffer_append_text(out, before);
    rest = buffer_span(&raw);
    while (span_split(&rest, '\n', &line)) {
        ctl_table_escape(out, line);
        buffer_append_octet(out, '\n');
    }
    if (raw.length == 0)
        buffer_append_octet(out, '\n');
    buffer_clear(&raw);
}

static void
print_line(FILE *file, const char *before, const char *format, va_list arguments)
{
    struct buffer line;

    write_line(&line, before, format, arguments);
    (void)fwrite(line.data, 1, line.length, file);
    buffer_clear(&line);
}

void
ctl_output_say(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    print_line(stdout, "", format, arguments);
    va_end(arguments);
}

static void
say_folded(const char *before, const char *behind, const char *format, va_list arguments)
{
    struct buffer line;
    struct buffer folded;

    buffer_init(&folded, (size_t)8 * LINE_MAX_OCTETS);
    write_line(&line, "", format, arguments);
    ctl_table_fold(&folded, buffer_span(&line), CTL_TABLE_WIDTH);
    ctl_output_raw(span_of(before));
    ctl_output_raw(buffer_span(&folded));
    ctl_output_raw(span_of(behind));
    buffer_clear(&folded);
    buffer_clear(&line);
}

void
ctl_output_alarm(const char *format, ...)
{
    bool colour = ctl_output_has_colour();
    va_list arguments;

    va_start(arguments, format);
    say_folded(
        colour ? CTL_TABLE_RED : "", colour ? CTL_TABLE_PLAIN : "", format, arguments);
    va_end(arguments);
}

void
ctl_output_note(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say_folded("", "", format, arguments);
    va_end(arguments);
}

void
ctl_output_raw(struct span text)
{
    (void)fwrite(text.data != NULL ? text.data : "", 1, text.length, stdout);
}

void
ctl_output_document(struct buffer *out)
{
    buffer_append_octet(out, '\n');
    ctl_output_raw(buffer_span(out));
    buffer_clear(out);
}

int
ctl_output_fail(int status, const char *format, ...)
{
    va_list arguments;

    (void)fflush(stdout);
    va_start(arguments, format);
    print_line(stderr, "postshiftctl: ", format, arguments);
    va_end(arguments);
    return status;
}

void
ctl_output_warn(const char *format, ...)
{
    va_list arguments;

    (void)fflush(stdout);
    va_start(arguments, format);
    print_line(stderr, "postshiftctl: warning: ", format, arguments);
    va_end(arguments);
}

void
ctl_output_invite(const char *lines)
{
    if (isatty(STDIN_FILENO) == 1)
        (void)ctl_output_fail(
            CTL_DONE, "reads %s from the terminal, one a line; Ctrl-D ends", lines);
}

void
ctl_output_progress(const char *format, ...)
{
    va_list arguments;

    if (isatty(STDERR_FILENO) != 1)
        return;
    va_start(arguments, format);
    (void)fputs("\r\033[K", stderr);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
}

bool
ctl_output_is_terminal(void)
{
    const char *terminal = getenv("TERM");

    return isatty(STDOUT_FILENO) == 1 &&
           (terminal == NULL || strcmp(terminal, "dumb") != 0);
}

/* https://no-color.org: set and not empty. */
bool
ctl_output_has_colour(void)
{
    const char *refused = getenv("NO_COLOR");

    return ctl_output_is_terminal() && (refused == NULL || refused[0] == '\0');
}

const char *
ctl_output_text(struct arena *arena, struct span text)
{
    struct buffer out;
    const char *copy;

    buffer_init(&out, 4 * text.length + 1);
    ctl_table_escape(&out, text);
    copy = arena_text(arena, buffer_span(&out));
    buffer_clear(&out);
    return copy;
}
