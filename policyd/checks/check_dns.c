#include "policyd/checks/check_dns.h"

void
check_dns_look(const struct check_dns *dns, enum check_name name, struct check *check)
{
    static void (*const parts[CHECKS])(const struct check_dns *, struct check *) = {
        [CHECK_MX_GATEWAYS] = check_mx_gateways,
        [CHECK_MX_TARGET] = check_mx_target,
        [CHECK_MX_TTL] = check_mx_ttl,
        [CHECK_NS_AGREE] = check_ns_agree,
        [CHECK_SPF_RECORD] = check_spf_record,
        [CHECK_SPF_OUTBOUND] = check_spf_outbound,
        [CHECK_DKIM_KEYS] = check_dkim_keys,
        [CHECK_DMARC_RECORD] = check_dmarc_record,
        [CHECK_MTA_STS] = check_mta_sts,
        [CHECK_TLSA] = check_tlsa,
        [CHECK_PTR] = check_ptr,
        [CHECK_DNSBL] = check_dnsbl,
    };

    parts[name](dns, check);
}
