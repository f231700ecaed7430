#include "policyd/ctl/ctl_policyd.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "policyd/ctl/ctl_client.h"
#include "policyd/ctl/ctl_document.h"
#include "policyd/ctl/ctl_output.h"
#include "shared/base/number.h"

enum { TRIES = 40, PAUSE_MS = 50 };

const struct ctl_json *
ctl_policyd_document(
    struct ctl *ctl, const char *path, struct buffer *raw, struct error *error)
{
    return ctl_document_get(ctl, &ctl->config->serve->metrics, path, raw, error);
}

const struct ctl_json *
ctl_policyd_find_domain(const struct ctl_json *status, const char *name)
{
    const struct ctl_json *i = ctl_json_get(status, "domains")->first;

    while (i != NULL && !span_is(ctl_json_text(i, "domain"), name))
        i = i->next;
    return i;
}

const char *
ctl_policyd_route_path(struct ctl *ctl, struct span address)
{
    struct buffer path;
    const char *text;

    buffer_init(&path, 65536);
    buffer_append_text(&path, "/route.json?address=");
    ctl_client_escape(&path, address);
    text = arena_text(ctl->arena, buffer_span(&path));
    buffer_clear(&path);
    return text;
}

static void
pause_a_moment(void)
{
    const struct timespec moment = {0, PAUSE_MS * 1000000L};

    (void)nanosleep(&moment, NULL);
}

static bool
has_rev(const struct ctl_json *domain, uint64_t rev)
{
    uint64_t its = 0;

    return domain != NULL &&
           number_unsigned(ctl_json_text(domain, "rev"), UINT64_MAX, &its) &&
           its >= rev && !ctl_json_is_true(domain, "suspect");
}

static void
tell_not_yet(struct ctl *ctl, const struct ctl_json *domain)
{
    if (domain != NULL && !ctl_json_is_null(domain, "why"))
        ctl_output_say("policyd does not answer so: %s",
            ctl_output_text(ctl->arena, ctl_json_text(domain, "why")));
    else
        ctl_output_say("policyd does not answer so yet");
}

void
ctl_policyd_confirm(struct ctl *ctl, const char *name, uint64_t rev)
{
    const struct ctl_json *domain = NULL;
    struct error error;

    for (int i = 0; i < TRIES; i++) {
        const struct ctl_json *status =
            ctl_policyd_document(ctl, "/status.json", NULL, &error);

        if (status == NULL) {
            ctl_output_say("policyd not asked: %s", error.text);
            return;
        }
        domain = ctl_policyd_find_domain(status, name);
        if (has_rev(domain, rev)) {
            ctl_output_say(
                "policyd answers so%s", ctl_json_is_null(domain, "override")
                                            ? ""
                                            : ", but the override file goes before it");
            return;
        }
        pause_a_moment();
    }
    tell_not_yet(ctl, domain);
}

/* What is taken out of Redis while an alarm stands may be part of the loss. */
static void
tell_if_kept(const struct ctl_json *route)
{
    if (ctl_json_is_true(route, "suspect"))
        ctl_output_say(
            "an alarm stands (see status): what is taken out of Redis waits until "
            "accept-state");
}

void
ctl_policyd_tell_route(struct ctl *ctl, struct span address,
    bool (*is_so)(const struct ctl_json *route, struct span wanted), struct span wanted)
{
    const struct ctl_json *route = NULL;
    const char *path = ctl_policyd_route_path(ctl, address);
    struct error error;

    for (int i = 0; i < TRIES; i++) {
        route = ctl_policyd_document(ctl, path, NULL, &error);
        if (route == NULL) {
            ctl_output_say("policyd not asked: %s", error.text);
            return;
        }
        if (is_so(route, wanted))
            break;
        pause_a_moment();
    }
    ctl_output_say("policyd answers %s for it: %s",
        ctl_output_text(ctl->arena, ctl_json_text(route, "result")),
        ctl_output_text(ctl->arena, ctl_json_text(route, "why")));
    if (!is_so(route, wanted))
        tell_if_kept(route);
}
