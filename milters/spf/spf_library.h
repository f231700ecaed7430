/*
 * spf_library - libspf2, and nothing else that knows of it.
 *
 * It is given records of tokens alone (spf_token) and asks what is behind them; spf_dns
 * answers.  Whatever goes wrong on our side is a verdict there, and libspf2 hears of a
 * temporary failure, so that it unwinds.
 */
#ifndef MILTERS_SPF_SPF_LIBRARY_H
#define MILTERS_SPF_SPF_LIBRARY_H

#include "milters/spf/spf_dns.h"
#include "milters/spf/spf_token.h"

/* Before there are threads: its messages go to the log. */
void spf_library_init(void);

/*
 * check_host() for a domain; any number may run at the same time.  Where dns has no
 * verdict afterwards, the result counts, and `in_charge` is the record whose exp= does.
 */
enum auth_result spf_library_evaluate(
    struct spf_dns *dns, struct span domain, const struct spf_scope **in_charge);

#endif
