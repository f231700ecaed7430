/*
 * Any packet as the answer to any question: read within bounds, memory below the ceiling,
 * and what is read is asked for again as it was.
 */
#include "shared/dns/dns_wire.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum dns_type types[] = {
        DNS_A, DNS_AAAA, DNS_MX, DNS_NS, DNS_PTR, DNS_SOA, DNS_TLSA, DNS_TXT};
    struct span packet = span_make(data, size);
    struct arena *arena = arena_new(8 * DNS_WIRE_ANSWER_MAX);
    struct dns_name name;
    struct dns_answer answer;

    (void)dns_wire_has_edns(packet);
    assert(dns_name_parse(SPAN("a.b"), &name));
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        dns_wire_answer(packet, &name, types[i], arena, &answer);
        assert((answer.status == DNS_OK) == (answer.count > 0));
        assert(answer.owner.length <= DNS_NAME_TEXT_MAX);
        for (size_t n = 0; n < answer.count; n++) {
            if (types[i] == DNS_MX || types[i] == DNS_NS || types[i] == DNS_PTR ||
                types[i] == DNS_SOA)
                assert(
                    answer.records[n].text.length == 0 ||
                    span_is(answer.records[n].text, ".") ||
                    dns_name_parse(answer.records[n].text, &(struct dns_name){{0}, 0}));
            if (types[i] == DNS_TLSA)
                assert(answer.records[n].text.length > 3);
        }
    }
    arena_free(arena);
    return 0;
}
