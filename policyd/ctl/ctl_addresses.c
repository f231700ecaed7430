#include "policyd/ctl/ctl_addresses.h"

#include "policyd/setup/setup_file.h"

enum { INPUT_MAX = 512 << 20 };

static void
take_lines(struct ctl *ctl, const char *domain, struct ctl_addresses *addresses,
    struct span text)
{
    struct recipient recipient;
    struct span line;

    while (span_split(&text, '\n', &line)) {
        line = span_trim(line);
        if (line.length > 0 && line.data[0] != '#' &&
            ctl_store_canonical_recipient(ctl, line, &recipient) &&
            span_is(recipient_domain(&recipient), domain))
            addresses->names[addresses->count++] =
                arena_span(ctl->arena, recipient_address(&recipient));
    }
}

bool
ctl_addresses_read(struct ctl *ctl, const char *domain, struct ctl_addresses *addresses,
    struct error *error)
{
    struct buffer text;
    bool done;

    *addresses = (struct ctl_addresses){NULL};
    buffer_init(&text, INPUT_MAX);
    done = setup_file_read(ctl->config->addresses, &text, error);
    if (done) {
        addresses->names = arena_take(ctl->arena,
            (span_count_parts(buffer_span(&text), '\n') + 1) * sizeof(*addresses->names));
        take_lines(ctl, domain, addresses, buffer_span(&text));
    }
    buffer_clear(&text);
    return done;
}
