#include "policyd/checks/check_answer.h"

#include <arpa/inet.h>

void
check_answer_missing(struct check *check, const char *what, struct span name,
    const struct dns_answer *answer)
{
    bool is_temporary = dns_status_is_temporary(answer->status);

    check_add(check, is_temporary ? CHECK_UNKNOWN : CHECK_FAIL, "%s of %.*s: %s%s", what,
        (int)name.length, name.data, is_temporary ? "no answer, " : "there is none, ",
        dns_status_name(answer->status));
}

const struct dns_answer *
check_answer_mx(const struct dns_lookup *lookup, struct span domain, struct check *check)
{
    const struct dns_answer *answer = dns_lookup_one(lookup, domain, DNS_MX);

    if (answer->status == DNS_OK)
        return answer;
    check_answer_missing(check, "MX", domain, answer);
    return NULL;
}

size_t
check_address_read(const char *text, unsigned char address[16])
{
    if (inet_pton(AF_INET, text, address) == 1)
        return 4;
    return inet_pton(AF_INET6, text, address) == 1 ? 16 : 0;
}

const char *
check_address_write(const unsigned char *address, size_t length, struct arena *arena)
{
    char text[INET6_ADDRSTRLEN] = "";

    (void)inet_ntop(length == 4 ? AF_INET : AF_INET6, address, text, sizeof(text));
    return arena_text(arena, span_of(text));
}
