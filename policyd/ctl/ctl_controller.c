#include "policyd/ctl/ctl_controller.h"

#include <inttypes.h>

#include "policyd/ctl/ctl_document.h"
#include "policyd/ctl/ctl_output.h"
#include "shared/base/number.h"

enum { WRONG_LOG_LINES = 1000 };

const struct ctl_json *
ctl_controller_status(struct ctl *ctl, struct error *error)
{
    return ctl_document_get(ctl, &ctl->config->page, "/status.json", NULL, error);
}

static uint64_t
number_of(const struct ctl_json *object, const char *name)
{
    uint64_t number = 0;

    (void)number_unsigned(ctl_json_text(object, name), INT64_MAX, &number);
    return number;
}

const char *
ctl_controller_log_trouble(
    struct ctl *ctl, const struct ctl_json *status, const char **silent)
{
    const struct ctl_json *log = ctl_json_get(status, "log");
    const struct ctl_json *lines = ctl_json_get(log, "lines");
    const char *source = ctl_output_text(ctl->arena, ctl_json_text(log, "source"));
    uint64_t others = number_of(lines, "other");

    *silent = ctl_json_is_true(log, "silent")
                  ? arena_printf(ctl->arena,
                        "no line of Postfix has come from %s for ten minutes", source)
                  : NULL;
    if (!ctl_json_is_null(log, "trouble"))
        return ctl_output_text(ctl->arena, ctl_json_text(log, "trouble"));
    if (others >= WRONG_LOG_LINES && number_of(lines, "used") == 0)
        return arena_printf(ctl->arena,
            "%" PRIu64 " lines of %s and none of Postfix's: is it the right log "
            "([cutover] log)?",
            others, source);
    return NULL;
}

void
ctl_controller_look(
    struct ctl_health *health, struct ctl *ctl, const struct ctl_json *status)
{
    uint64_t difference = number_of(ctl_json_get(status, "books"), "difference");
    const char *silent;
    const char *trouble = ctl_controller_log_trouble(ctl, status, &silent);

    if (trouble != NULL)
        ctl_health_add(health, NULL, true,
            arena_printf(ctl->arena, "the controller's log or books: %s", trouble));
    if (silent != NULL)
        ctl_health_add(health, NULL, false, silent);
    if (difference > 0)
        ctl_health_add(health, NULL, true,
            arena_printf(ctl->arena,
                "the books do not balance: %" PRIu64 " differences (audit names them)",
                difference));
}

const struct ctl_json *
ctl_controller_plan(const struct ctl_json *status, const char *domain)
{
    const struct ctl_json *i = ctl_json_get(status, "plans")->first;

    while (i != NULL && !span_is(ctl_json_text(i, "domain"), domain))
        i = i->next;
    return i;
}
