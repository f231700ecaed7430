/*
 * fuzz_domain_list - whatever stands in the file: names in order, each once, and each is
 * found.
 */
#include "policyd/state/domain_list.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct domain_list list = {.count = 0};
    struct error error;

    (void)domain_list_add_text(&list, span_make(data, size), &error);
    domain_list_close(&list);
    for (size_t i = 0; i < list.count; i++) {
        assert(i == 0 || strcmp(list.names[i - 1], list.names[i]) < 0);
        assert(domain_list_has(
            (const char *const *)list.names, list.count, span_of(list.names[i])));
    }
    domain_list_clear(&list);
    return 0;
}
