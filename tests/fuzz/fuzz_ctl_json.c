/*
 * fuzz_ctl_json - whatever comes: a document is read or refused, and its texts are UTF-8
 * that our writer writes unchanged.
 */
#include "policyd/ctl/ctl_json.h"

#include <assert.h>

#include "shared/base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_text(struct arena *arena, struct span text)
{
    struct buffer out;
    struct json json;
    struct error error;
    const struct ctl_json *again;

    buffer_init(&out, 8 * text.length + 16);
    json = json_on(&out);
    json_span(&json, NULL, text);
    again = ctl_json_parse(arena, buffer_span(&out), &error);
    assert(again != NULL && span_equal(again->text, text));
    buffer_clear(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(1 << 28);
    struct error error;
    const struct ctl_json *value = ctl_json_parse(arena, span_make(data, size), &error);

    if (value != NULL && value->kind == CTL_JSON_TEXT)
        check_text(arena, value->text);
    if (value != NULL && value->kind == CTL_JSON_OBJECT) {
        for (const struct ctl_json *i = value->first; i != NULL; i = i->next)
            check_text(arena, i->name);
    }
    arena_free(arena);
    return 0;
}
