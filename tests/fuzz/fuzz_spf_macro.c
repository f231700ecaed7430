/*
 * Any text as macros, over any values: `HELO, LF, local part, LF, text`.
 */
#include "shared/records/spf_macro.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_make(data, size);
    struct spf_values values = {
        .sender_domain = SPAN("sender.example.com"),
        .domain = SPAN("example.com"),
        .validated = SPAN("mx.example.com"),
        .receiver = SPAN("mx.example.net"),
        .now = 1700000000,
        .address = {0x20, 1, 0x0d, 0xb8},
        .address_length = size % 2 == 0 ? 4 : 16,
    };
    char name[SPF_MACRO_NAME_MAX];
    struct buffer out;

    if (!span_split(&text, '\n', &values.helo) ||
        !span_split(&text, '\n', &values.local) || values.helo.length > 2048 ||
        values.local.length > 2048)
        return 0;
    if (spf_macro_is_sound(text, SPF_MACRO_DOMAIN)) {
        assert(spf_macro_is_sound(text, SPF_MACRO_STRING));
        assert(spf_macro_name(text, &values, name).length <= SPF_MACRO_NAME_MAX);
    }
    if (spf_macro_is_sound(text, SPF_MACRO_STRING))
        assert(spf_macro_is_sound(text, SPF_MACRO_EXPLANATION));
    if (spf_macro_is_sound(text, SPF_MACRO_EXPLANATION)) {
        buffer_init(&out, 400);
        spf_macro_expand(text, &values, &out);
        assert(out.length <= 400);
        buffer_clear(&out);
    }
    return 0;
}
