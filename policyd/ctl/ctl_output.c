#include "policyd/ctl/ctl_output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policyd/terminal/ctl_table.h"

enum { ALARM_MAX = 64 << 10 };

static void
print_line(FILE *file, const char *before, const char *after, const char *format,
    va_list arguments)
{
    (void)fputs(before, file);
    (void)vfprintf(file, format, arguments);
    (void)fputs(after, file);
    (void)fputc('\n', file);
}

void
ctl_output_say(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    print_line(stdout, "", "", format, arguments);
    va_end(arguments);
}

void
ctl_output_alarm(const char *format, ...)
{
    bool colour = ctl_output_has_colour();
    struct buffer line;
    struct buffer folded;
    va_list arguments;

    buffer_init(&line, ALARM_MAX);
    buffer_init(&folded, (size_t)2 * ALARM_MAX);
    va_start(arguments, format);
    buffer_vprintf(&line, format, arguments);
    va_end(arguments);
    ctl_table_fold(&folded, buffer_span(&line), CTL_TABLE_WIDTH);
    ctl_output_raw(span_of(colour ? CTL_TABLE_RED : ""));
    ctl_output_raw(buffer_span(&folded));
    ctl_output_raw(span_of(colour ? CTL_TABLE_PLAIN : ""));
    buffer_clear(&folded);
    buffer_clear(&line);
}

void
ctl_output_raw(struct span text)
{
    (void)fwrite(text.data != NULL ? text.data : "", 1, text.length, stdout);
}

int
ctl_output_fail(int status, const char *format, ...)
{
    va_list arguments;

    (void)fflush(stdout);
    va_start(arguments, format);
    print_line(stderr, "postshiftctl: ", "", format, arguments);
    va_end(arguments);
    return status;
}

void
ctl_output_warn(const char *format, ...)
{
    va_list arguments;

    (void)fflush(stdout);
    va_start(arguments, format);
    print_line(stderr, "postshiftctl: warning: ", "", format, arguments);
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
