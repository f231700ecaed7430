#include "policyd/ctl/ctl_milters.h"

#include "policyd/ctl/ctl_client.h"
#include "policyd/ctl/ctl_output.h"

enum { PAGE_MAX = 65536 };

static void
ask(struct ctl_health *health, struct ctl *ctl, const char *name,
    const struct socket_address *address)
{
    struct error error;
    struct buffer page;
    struct span rest;
    struct span line;
    int status;

    if (address->kind == SOCKET_NONE)
        return;
    buffer_init(&page, PAGE_MAX);
    if (ctl_client_page(address, "/healthz", &page, &status, &error)) {
        rest = buffer_span(&page);
        while (span_line(&rest, &line)) {
            if (line.length > 0 && !span_is(line, "ok"))
                ctl_health_add(health, NULL, true,
                    arena_printf(
                        ctl->arena, "%s: %s", name, ctl_output_text(ctl->arena, line)));
        }
    }
    buffer_clear(&page);
}

void
ctl_milters_look(struct ctl_health *health, struct ctl *ctl)
{
    ask(health, ctl, "postshift-auth", &ctl->config->auth_metrics);
    ask(health, ctl, "postshift-scan", &ctl->config->scan_metrics);
}
