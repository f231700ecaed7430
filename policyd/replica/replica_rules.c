#include "policyd/replica/replica_rules.h"

#include "policyd/replica/replica_key.h"
#include "policyd/state/domain_list.h"

bool
replica_rules_allow(const struct replica_rules *rules, struct span name)
{
    return rules->domain_count == 0 ||
           domain_list_has(rules->domains, rules->domain_count, name);
}

bool
replica_rules_concern(const struct replica_rules *rules, struct span name)
{
    struct span domain = replica_name_domain(name);

    return domain.length == 0 || replica_rules_allow(rules, domain);
}
