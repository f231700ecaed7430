/*
 * fuzz_override_text - whatever stands in the file: each domain once, bad lines counted;
 * and what is replaced for one domain reads back as it was set, the others as before.
 */
#include "policyd/replica/override_text.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What it says of a domain, which it does once. */
static struct replica_override
find(const struct override_text *text, const char *domain)
{
    const struct override_entry *found = NULL;

    for (size_t i = 0; i < text->count; i++) {
        if (strcmp(text->entries[i].domain, domain) != 0)
            continue;
        assert(found == NULL);
        found = &text->entries[i];
    }
    assert(found != NULL);
    return found == NULL ? (struct replica_override){0} : found->override;
}

static bool
is_equal(struct replica_override left, struct replica_override right)
{
    return left.has_weight == right.has_weight && left.has_mode == right.has_mode &&
           (!left.has_weight || left.weight == right.weight) &&
           (!left.has_mode || left.mode == right.mode);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct replica_override hold = {
        .has_weight = true, .weight = 1234, .has_mode = true, .mode = DOMAIN_MODE_HOLD};
    struct span text = span_make(data, size);
    const struct override_entry *first;
    struct override_text before;
    struct override_text after;
    struct buffer out;
    bool good = override_text_parse(text, &before);

    assert(good == (before.bad_lines == 0) && before.problem_count <= before.bad_lines);
    buffer_init(&out, 2 * size + 1000);
    if (before.count > 0 && size < 10000) {
        first = &before.entries[0];
        assert(first->override.has_weight || first->override.has_mode);
        assert(override_text_replace(text, span_of(first->domain), &hold, &out));
        (void)override_text_parse(buffer_span(&out), &after);
        assert(after.count == before.count);
        assert(is_equal(find(&after, first->domain), hold));
        for (size_t i = 1; i < before.count; i++)
            assert(is_equal(
                find(&after, before.entries[i].domain), before.entries[i].override));
        override_text_clear(&after);
    }
    buffer_clear(&out);
    override_text_clear(&before);
    return 0;
}
