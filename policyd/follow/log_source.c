#include "policyd/follow/log_source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policyd/follow/log_file.h"
#include "policyd/follow/log_journal.h"
#include "policyd/maillog/maillog_line.h"
#include "shared/base/allocate.h"

enum { STEP = 64 << 10, NAME_SIZE = 4200, HELD_MAX = 64 << 20 };

static const char usual_file[] = "/var/log/mail.log";

/* Standard input: what was given is held until it is settled. */
struct pipe_lines {
    struct buffer text;
    size_t given;
    bool is_cut; /* the rest of a line too long is passed over */
    bool is_over;
};

struct log_source {
    struct log_file *file; /* one of these, or standard input */
    struct log_journal *journal;
    struct pipe_lines input;
};

static const char *
resolve(const char *spec)
{
    if (strcmp(spec, "auto") != 0)
        return spec;
    return access(usual_file, F_OK) == 0 ? usual_file : "journal";
}

const char *
log_source_name(const char *spec)
{
    static char name[NAME_SIZE];

    spec = resolve(spec);
    (void)snprintf(name, sizeof(name), "%s%s", spec[0] == '/' ? "file:" : "", spec);
    return name;
}

struct log_source *
log_source_new(const char *spec, struct span position)
{
    struct log_source *source = allocate(sizeof(*source));

    spec = resolve(spec);
    buffer_init(&source->input.text, HELD_MAX);
    if (strcmp(spec, "journal") == 0)
        source->journal = log_journal_new(position);
    else if (strcmp(spec, "-") != 0)
        source->file = log_file_new(spec, position);
    else
        (void)fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
    return source;
}

void
log_source_free(struct log_source *source)
{
    if (source == NULL)
        return;
    log_file_free(source->file);
    log_journal_free(source->journal);
    buffer_clear(&source->input.text);
    free(source);
}

/* False: nothing has come, or there is no room until what was given is settled. */
static bool
read_input(struct pipe_lines *input)
{
    ssize_t count;

    if (!buffer_reserve(&input->text, STEP))
        return false;
    count = read(STDIN_FILENO, input->text.data + input->text.length, STEP);
    if (count > 0)
        input->text.length += (size_t)count;
    else if (count == 0 || (errno != EAGAIN && errno != EINTR))
        input->is_over = true;
    return count > 0;
}

/* True: a line; `line` is empty for the rest of one that was too long. */
static bool
take_line(struct pipe_lines *input, struct span *line)
{
    struct span rest = span_from(buffer_span(&input->text), input->given);
    size_t end = span_find(rest, '\n');
    bool was_cut = input->is_cut;

    if (rest.length == 0 ||
        (end == SPAN_NONE && !input->is_over && rest.length < MAILLOG_LINE_MAX))
        return false;
    *line = span_first(rest, was_cut ? 0 : end);
    input->given += end == SPAN_NONE ? rest.length : end + 1;
    input->is_cut = end == SPAN_NONE;
    return true;
}

static enum log_source_result
next_of_input(struct pipe_lines *input, struct span *line)
{
    while (!take_line(input, line)) {
        if (input->is_over)
            return LOG_SOURCE_END;
        if (!read_input(input) && !input->is_over)
            return LOG_SOURCE_NOTHING;
    }
    return LOG_SOURCE_LINE;
}

enum log_source_result
log_source_next(struct log_source *source, struct span *line)
{
    if (source->file != NULL)
        return log_file_next(source->file, line) ? LOG_SOURCE_LINE : LOG_SOURCE_NOTHING;
    if (source->journal != NULL)
        return log_journal_next(source->journal, line) ? LOG_SOURCE_LINE
                                                       : LOG_SOURCE_NOTHING;
    return next_of_input(&source->input, line);
}

void
log_source_position(const struct log_source *source, struct buffer *out)
{
    if (source->file != NULL)
        log_file_position(source->file, out);
    else if (source->journal != NULL)
        log_journal_position(source->journal, out);
}

void
log_source_settled(struct log_source *source)
{
    buffer_consume(&source->input.text, source->input.given);
    source->input.given = 0;
}

bool
log_source_again(struct log_source *source)
{
    if (source == NULL || source->file != NULL || source->journal != NULL)
        return false;
    source->input.given = 0;
    return true;
}

const char *
log_source_trouble(const struct log_source *source)
{
    if (source->file != NULL)
        return log_file_trouble(source->file);
    return source->journal != NULL ? log_journal_trouble(source->journal) : "";
}

const char *
log_source_take_gap(struct log_source *source)
{
    return source->file != NULL ? log_file_take_gap(source->file) : "";
}
