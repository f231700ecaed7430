#include "policyd/ctl/ctl_document.h"

#include "policyd/ctl/ctl_client.h"

enum { PAGE_MAX = 64 << 20 };

const struct ctl_json *
ctl_document_get(struct ctl *ctl, const struct socket_address *address, const char *path,
    struct buffer *raw, struct error *error)
{
    const struct ctl_json *document = NULL;
    struct buffer body;
    int status;

    buffer_init(&body, PAGE_MAX);
    if (ctl_client_page(address, path, &body, &status, error)) {
        if (status == 200)
            document = ctl_json_parse(
                ctl->arena, arena_span(ctl->arena, buffer_span(&body)), error);
        else
            (void)error_temporary(error, "it answers %d", status);
    }
    if (document != NULL && document->kind != CTL_JSON_OBJECT) {
        (void)error_permanent(error, "its answer is no object");
        document = NULL;
    }
    if (document != NULL && raw != NULL)
        buffer_append(raw, buffer_span(&body));
    buffer_clear(&body);
    return document;
}
