#include "policyd/ctl/ctl_bulk.h"

#include <stdlib.h>
#include <string.h>

#include "policyd/ctl/ctl_output.h"
#include "policyd/setup/setup_file.h"
#include "shared/base/allocate.h"

enum { FILE_MAX = 256 << 20, COMPLAINTS_MAX = 20, SHOWN_MAX = 200 };

void
ctl_bulk_add(struct ctl_bulk *bulk, const char *kind, struct span name, struct span value)
{
    if (bulk->trouble.kind != ERROR_NONE ||
        !ctl_store_follow(bulk->ctl, &name, &bulk->trouble))
        return;
    bulk->keys[bulk->count] = ctl_store_key(bulk->ctl, bulk->ctl->arena, kind, name);
    bulk->values[bulk->count++] = value;
}

void
ctl_bulk_complain(struct ctl_bulk *bulk, const char *what, struct span text)
{
    if (++bulk->complaints <= COMPLAINTS_MAX)
        (void)ctl_output_fail(CTL_NO, "%s:%zu: %s: %s",
            strcmp(bulk->file, "-") == 0 ? "standard input" : bulk->file, bulk->line,
            ctl_output_text(bulk->ctl->arena, span_first(text, SHOWN_MAX)), what);
}

int
ctl_bulk_write(struct ctl_bulk *bulk, struct ctl_event *event)
{
    const struct ctl_values values = {
        bulk->keys, bulk->values, bulk->count, bulk->seconds};
    struct error error;

    if (bulk->complaints > 0)
        return ctl_output_fail(CTL_NO, "%zu line%s wrong; nothing was changed",
            bulk->complaints, bulk->complaints == 1 ? " is" : "s are");
    if (bulk->trouble.kind != ERROR_NONE)
        return ctl_store_fail(bulk->ctl, &bulk->trouble);
    if (bulk->count == 0)
        return CTL_DONE;
    event->from = "";
    event->to = arena_printf(bulk->ctl->arena, "%s (%zu)", event->to, bulk->count);
    return ctl_write_values(bulk->ctl, &values, event, &error)
               ? CTL_DONE
               : ctl_store_fail(bulk->ctl, &error);
}

static void
take_lines(struct ctl_bulk *bulk, struct span text)
{
    struct span line;

    while (span_split(&text, '\n', &line)) {
        bulk->line++;
        line = span_trim(line);
        if (line.length > 0 && line.data[0] != '#')
            bulk->take(bulk, line);
    }
}

/* One place for each line, at most. */
static struct span *
new_spans(struct span text)
{
    size_t lines = 1;
    struct span *spans;

    for (size_t i = 0; i < text.length; i++)
        lines += text.data[i] == '\n';
    spans = allocate_array(lines, sizeof(*spans));
    return spans;
}

int
ctl_bulk_run(struct ctl_bulk *bulk, struct ctl_event *event)
{
    struct buffer text;
    struct error error;
    int status;

    buffer_init(&text, FILE_MAX);
    if (strcmp(bulk->file, "-") == 0)
        ctl_output_invite("lines");
    if (!setup_file_read(bulk->file, &text, &error)) {
        buffer_clear(&text);
        return ctl_output_fail(CTL_NO, "%s", error.text);
    }
    bulk->keys = new_spans(buffer_span(&text));
    bulk->values = new_spans(buffer_span(&text));
    take_lines(bulk, buffer_span(&text));
    status = ctl_bulk_write(bulk, event);
    free(bulk->keys);
    free(bulk->values);
    buffer_clear(&text);
    return status;
}
