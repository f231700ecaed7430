/*
 * healthy: whether mail may be led to this gateway, for keepalived and routing daemons.
 */
#include <time.h>

#include "policyd/ctl/ctl_client.h"
#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_verbs.h"
#include "shared/base/json.h"

enum { PAGE_MAX = 65536, BETWEEN_MS = 500 };

/* 1: up; 0: down; -1: nobody answers there, or not to this. */
static int
ask(const struct socket_address *address, struct buffer *why, struct error *error)
{
    int status = 0;

    buffer_reset(why);
    if (!ctl_client_page(address, "/healthy", why, &status, error))
        return -1;
    if (status == 200 || status == 503)
        return status == 200;
    (void)error_temporary(error, "it answers with status %d", status);
    return -1;
}

/* Nobody watches: two looks of our own. */
static bool
look(const struct ctl *ctl, struct buffer *why)
{
    const struct socket_address *policyd = &ctl->config->serve->metrics;
    const struct timespec pause = {0, BETWEEN_MS * 1000000L};
    struct error error;
    int found = 1;

    if (policyd->kind == SOCKET_NONE) {
        buffer_append_text(why, "up: neither controller nor policyd can be asked");
        return true;
    }
    for (int i = 0; i < 2; i++) {
        if (i > 0)
            (void)nanosleep(&pause, NULL);
        found = ask(policyd, why, &error);
        if (found >= 0)
            break;
    }
    buffer_reset(why);
    if (found == 1)
        buffer_append_text(why, "up: policyd answers; the controller is silent");
    else
        buffer_printf(why, "down: policyd: %s", found == 0 ? "it stops" : error.text);
    return found == 1;
}

int
ctl_healthy_run(struct ctl *ctl)
{
    struct error error;
    struct buffer why;
    struct buffer out;
    struct json json;
    bool is_up;
    int found;

    buffer_init(&why, PAGE_MAX);
    found = ask(&ctl->config->page, &why, &error);
    if (found < 0)
        buffer_reset(&why);
    is_up = found < 0 ? look(ctl, &why) : found == 1;
    if (ctl_arguments_has(&ctl->arguments, CTL_JSON)) {
        buffer_init(&out, PAGE_MAX);
        json = json_on(&out);
        json_object_begin(&json, NULL);
        json_bool(&json, "healthy", is_up);
        json_span(&json, "why", span_trim(buffer_span(&why)));
        json_object_end(&json);
        ctl_output_document(&out);
    } else {
        struct span line = span_trim(buffer_span(&why));

        ctl_output_say("%.*s", (int)line.length, line.data);
    }
    buffer_clear(&why);
    return is_up ? CTL_DONE : CTL_NO;
}
