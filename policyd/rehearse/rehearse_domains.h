/*
 * rehearse_domains - of each domain of ours which stage is next, who moves with it, whom
 * to ask about, and what is told.
 *
 * A call some times a second moves it on.  Which mail concerns whom is decided as policyd
 * will decide: by the replica, and the stage that is next.
 */
#ifndef POLICYD_REHEARSE_REHEARSE_DOMAINS_H
#define POLICYD_REHEARSE_REHEARSE_DOMAINS_H

#include "policyd/books/books_domain.h"
#include "policyd/rehearse/rehearse_asker.h"
#include "policyd/rehearse/rehearse_memory.h"
#include "policyd/rehearse/rehearse_share.h"
#include "policyd/routing/route_decide.h"

struct rehearse_domains;

struct rehearse_domains_options {
    const struct route_rules *rules;
    struct rehearse_memory *memory; /* NULL: nothing outlives the process */
};

struct rehearse_domains *rehearse_domains_new(
    const struct rehearse_domains_options *options);
void rehearse_domains_free(struct rehearse_domains *domains);

/* Another replica, or another content. */
void rehearse_domains_changed(
    struct rehearse_domains *domains, const struct replica *replica);

/* Some times a second.  `trouble` of the books, "": none.  *again: all mail of seven days
 * is wanted. */
void rehearse_domains_tick(struct rehearse_domains *domains, struct rehearse_share *share,
    const char *trouble, bool *again);

/* Each domain that was ever known, with the number of those who move next; false: no more
 * ours, or nothing is known of its plan. */
typedef void rehearse_domains_take(
    void *argument, const char *domain, bool is_known, uint64_t movers);
void rehearse_domains_movers(
    const struct rehearse_domains *domains, rehearse_domains_take *take, void *argument);

/* Callbacks of the others: `argument` is the struct rehearse_domains. */
void rehearse_domains_plan(
    void *argument, const char *domain, const struct redis_reply *reply);
void rehearse_domains_up(void *argument);
void rehearse_domains_mail(void *argument, const struct books_mail *mail);
void rehearse_domains_mail_begins(void *argument, int64_t number);
void rehearse_domains_mail_ends(void *argument);
bool rehearse_domains_next(void *argument, struct rehearse_task *task);
void rehearse_domains_answered(void *argument, void *owner,
    const struct rehearsal_question *question, const struct rehearsal_reply *reply);

#endif
