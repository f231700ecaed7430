/*
 * The arguments of a master.cf entry (on one line), and a list of domains, of any kind;
 * what is written of settings is read back as it was.
 */
#include <stdlib.h>

#include "policyd/wiring/domain_class.h"
#include "policyd/wiring/service_options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
has(void *argument, struct span table, struct span key)
{
    (void)argument;
    return table.length == key.length;
}

/* A file that holds the list it is named in. */
static struct span
text(void *argument, struct span path)
{
    (void)path;
    return *(struct span *)argument;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span input = span_make(data, size);
    const struct domain_class_tables tables = {has, text, &input};
    struct arena *arena;
    const char *once;

    if (size > 4096)
        return 0;
    arena = arena_new(64 << 20);
    once = service_options_settings(arena, input, NULL, 0);
    if (service_options_is_balanced(input) && span_find(input, '\0') == SPAN_NONE &&
        span_find(input, '\n') == SPAN_NONE &&
        !span_is(span_of(service_options_settings(arena, span_of(once), NULL, 0)), once))
        abort();
    (void)service_options_words(arena, input);
    (void)service_options_flags(input);
    if (size < 64)
        (void)domain_class_is_in(
            input, SPAN("sub.example.com"), (enum domain_class_names)(size % 3), &tables);
    arena_free(arena);
    return 0;
}
