/*
 * Any text as an SPF record: what is taken is printable, its domains are sound, and what
 * libspf2 would see of it is short.
 */
#include "milters/spf/spf_token.h"
#include "shared/records/spf_macro.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct spf_tokens tokens;
    struct spf_scope scope = {.domain = SPAN("example.com")};
    struct span text = span_make(data, size);
    struct span terms;
    struct spf_term term;
    const char *problem;
    struct buffer out;

    if (!spf_record_parse(text, &scope.record, &problem)) {
        assert(problem != NULL);
        return 0;
    }
    assert(!span_has_control(text) && span_is_ascii(text));
    terms = scope.record.terms;
    while (spf_record_next(&terms, &term)) {
        assert(term.prefix4 <= 32 && term.prefix6 <= 128);
        assert(
            term.domain.length == 0 || spf_macro_is_sound(term.domain, SPF_MACRO_DOMAIN));
    }
    for (size_t length = 4; length <= 16; length += 12) {
        tokens.count = 0;
        tokens.client = (struct spf_address){{192, 0, 2, 1}, length};
        buffer_init(&out, SPF_TOKEN_TEXT_MAX);
        spf_token_record(&tokens, &scope, &out);
        assert(buffer_ok(&out) && span_starts(buffer_span(&out), SPAN("v=spf1")));
        assert(tokens.count <= SPF_TOKEN_ASKING_MAX + 1);
        buffer_clear(&out);
    }
    return 0;
}
