#include "policyd/ctl/ctl_config.h"

#include <stdlib.h>

#define QUEUE "unix:/var/spool/postfix/postshift/"

static const struct config_option options[] = {
    {"auth", "listen", CONFIG_SOCKETS, offsetof(struct ctl_config, auth_listen),
     QUEUE "auth.sock", .may_be_empty = true},
    {"scan", "listen", CONFIG_SOCKETS, offsetof(struct ctl_config, scan_listen),
     QUEUE "scan.sock", .may_be_empty = true},
};

static bool
has_line(struct span text, struct span line)
{
    struct span other;

    while (span_split(&text, '\n', &other)) {
        if (span_equal(other, line))
            return true;
    }
    return false;
}

/* The file is read by two tables; what both complain of is said once. */
static void
add_new_lines(struct buffer *errors, struct span more)
{
    struct span line;

    while (span_split(&more, '\n', &line)) {
        if (line.length == 0 || has_line(buffer_span(errors), line))
            continue;
        buffer_append(errors, line);
        buffer_append_octet(errors, '\n');
    }
}

struct ctl_config *
ctl_config_read(const char *file, bool must_exist, struct buffer *errors)
{
    struct ctl_config *config = calloc(1, sizeof(*config));
    struct buffer more;

    if (config == NULL)
        abort();
    buffer_init(&more, errors->ceiling);
    config->serve = serve_config_read_for("ctl", file, must_exist, errors);
    config->file =
        config_read(file, must_exist, options, ARRAY_LENGTH(options), config, &more);
    add_new_lines(errors, buffer_span(&more));
    buffer_clear(&more);
    if (config->serve != NULL && config->file != NULL)
        return config;
    ctl_config_free(config);
    return NULL;
}

void
ctl_config_free(struct ctl_config *config)
{
    if (config == NULL)
        return;
    serve_config_free(config->serve);
    config_free(config->file);
    free(config);
}
