#include "policyd/redis/redis_options.h"

#include "shared/base/allocate.h"

#include <stdlib.h>
#include <string.h>

static const char *
copy_text(const char *text)
{
    char *copy = allocate_text(span_of(text == NULL ? "" : text));

    return copy;
}

/* The texts of a copy are our own, though its type says const. */
static void *
own_text(const char *text)
{
    void *own;

    memcpy(&own, &text, sizeof(own));
    return own;
}

void
redis_options_copy(struct redis_options *copy, const struct redis_options *options)
{
    *copy = *options;
    copy->primary = copy_text(options->primary);
    copy->username = copy_text(options->username);
    copy->password = copy_text(options->password);
    copy->tls = redis_tls_context_share(options->tls);
    if (copy->timeout_ms == 0)
        copy->timeout_ms = REDIS_TIMEOUT_MS;
}

void
redis_options_clear(struct redis_options *copy)
{
    free(own_text(copy->primary));
    free(own_text(copy->username));
    if (copy->password != NULL)
        explicit_bzero(own_text(copy->password), strlen(copy->password));
    free(own_text(copy->password));
    redis_tls_context_free(copy->tls);
    *copy = (struct redis_options){0};
}
