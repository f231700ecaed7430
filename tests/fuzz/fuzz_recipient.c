/*
 * fuzz_recipient - the first octet chooses the rules: what comes out is a key, folded,
 * with a valid domain, and it is the same however often it is asked for.
 */
#include "policyd/state/recipient.h"
#include "shared/base/domain.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const delimiters[] = {"+", "", "+-", "-=+"};
    struct recipient_rules rules = {.fold_local_part = true};
    struct recipient once;
    struct recipient again;
    struct span address;

    if (size == 0)
        return 0;
    rules.delimiters = delimiters[data[0] & 3];
    rules.fold_local_part = (data[0] & 4) == 0;
    address = span_make(data + 1, size - 1);
    if (!recipient_parse(address, &rules, &once)) {
        assert(once.length == 0 && once.text[0] == '\0');
        return 0;
    }
    assert(once.length <= RECIPIENT_MAX && strlen(once.text) == once.length);
    assert(once.local_length > 0 && once.text[once.local_length] == '@');
    assert(domain_is_valid(recipient_domain(&once)));
    for (size_t i = rules.fold_local_part ? 0 : once.local_length; i < once.length; i++)
        assert(once.text[i] < 'A' || once.text[i] > 'Z');
    /* A key is its own key, but where one thing hid in another ("prvs=a=prvs=b=x"). */
    if (once.text[0] == '"' || span_starts_nocase(recipient_local(&once), SPAN("prvs=")))
        return 0;
    assert(recipient_parse(recipient_address(&once), &rules, &again));
    assert(strcmp(once.text, again.text) == 0 && once.local_length == again.local_length);
    return 0;
}
