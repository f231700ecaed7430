/*
 * milter_contract - a milter that does nothing but hold milter_session to its word: who
 * calls it out of turn fails an assertion.
 *
 * What it was told stands in `calls`, a line for each: "open", "mail <a@b>", "field N=V",
 * "end of fields", "body 123", "end of message", "reset", "close".
 */
#ifndef TESTS_FAKES_MILTER_CONTRACT_H
#define TESTS_FAKES_MILTER_CONTRACT_H

#include "milters/common/milter_session.h"

struct milter_contract {
    /* Set by the test. */
    struct verdict verdict;
    size_t body_wanted; /* octets, 0: all */
    const char *macros; /* their values are told with mail and end of message; blank
                           separated, NULL: none */
    void (*at_end)(struct milter_contract *contract); /* while a message is decided on */
    void *at_end_argument;

    /* Found out. */
    struct buffer calls;
    struct milter_session *session;
    enum verdict_action told; /* of the last message */
    enum {
        CONTRACT_CLOSED,
        CONTRACT_IDLE,
        CONTRACT_FIELDS,
        CONTRACT_BODY,
        CONTRACT_ENOUGH,
        CONTRACT_DECIDED,
    } state;
    bool closed;
    size_t body;
    unsigned messages;
};

void milter_contract_init(struct milter_contract *contract);
void milter_contract_clear(struct milter_contract *contract);

/* Needs all three actions, wants what the milters want; `service` is a contract. */
extern const struct milter_handler milter_contract_handler;

/* The same, but it answers (and may end) each step. */
extern const struct milter_handler milter_contract_talker;

#endif
