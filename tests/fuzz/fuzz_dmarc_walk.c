/*
 * Any answers to a walk and a decision: both end, within the questions they may ask, and
 * organizations are what the names say.
 *
 * Lines: the author, an identifier, another; then an answer to each question, in turn.
 */
#include <assert.h>

#include "milters/dmarc/dmarc_decide.h"
#include "shared/base/domain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
learn(
    struct dmarc_knowledge *known, struct span name, bool is_existence, struct span *rest)
{
    struct dns_record record = {.text = {NULL, 0}};
    struct dns_answer answer = {.status = DNS_NXDOMAIN, .records = &record};

    if (span_split(rest, '\n', &record.text) && record.text.length > 0) {
        answer.status = (enum dns_status)(record.text.data[0] & 7);
        record.text = span_from(record.text, 1);
        answer.count = answer.status == DNS_OK;
    }
    return dmarc_learn(known, name, is_existence, &answer);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span rest = span_make(data, size);
    struct span answers;
    struct span names[3] = {{NULL, 0}};
    struct dmarc_knowledge known = {.count = 0};
    struct dmarc_knowledge again = {.count = 0};
    struct dmarc_identifier identifiers[2] = {{.passed = true}, {.is_spf = true}};
    struct dmarc_request request = {.identifiers = identifiers, .count = 2};
    struct dmarc_question question;
    struct dmarc_verdict verdict;
    struct dmarc_walk walk;

    for (size_t i = 0; i < 3; i++) {
        if (!span_split(&rest, '\n', &names[i]) || !domain_is_valid(names[i]))
            return 0;
    }
    answers = rest;
    while ((walk = dmarc_walk(names[0], &known)).state == DMARC_WALK_ASKS)
        assert(learn(&known, walk.asks, false, &rest));
    assert(known.count <= DMARC_WALK_QUERIES);
    assert(walk.state == DMARC_WALK_FAILED ||
           domain_is_at_or_below(names[0], walk.organization));

    request.author = names[0];
    identifiers[0].domain = names[1];
    identifiers[1].domain = names[2];
    identifiers[1].passed = size % 2 == 0;
    while (!dmarc_decide(&request, &again, &verdict, &question))
        assert(learn(&again, question.name, question.is_existence, &answers));
    assert(again.count <= 3 * DMARC_WALK_QUERIES + 2);
    assert(verdict.result != AUTH_PASS || verdict.by_dkim || verdict.by_spf);
    assert(verdict.result == AUTH_FAIL || verdict.policy == DMARC_POLICY_NONE ||
           verdict.result == AUTH_TEMPERROR);
    return 0;
}
