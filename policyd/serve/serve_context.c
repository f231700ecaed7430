#include "policyd/serve/serve_context.h"

const char *
serve_context_hold_text(const struct serve_context *context)
{
    const char *text = replica_hold_text(context->replica);

    return text[0] != '\0' ? text : context->config->hold_text;
}
