#include "policyd/ctl/ctl_controller.h"

#include "policyd/ctl/ctl_document.h"

const struct ctl_json *
ctl_controller_status(struct ctl *ctl, struct error *error)
{
    return ctl_document_get(ctl, &ctl->config->page, "/status.json", NULL, error);
}

const struct ctl_json *
ctl_controller_plan(const struct ctl_json *status, const char *domain)
{
    const struct ctl_json *i = ctl_json_get(status, "plans")->first;

    while (i != NULL && !span_is(ctl_json_text(i, "domain"), domain))
        i = i->next;
    return i;
}
