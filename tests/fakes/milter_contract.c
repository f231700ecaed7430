#include "tests/fakes/milter_contract.h"

#include <assert.h>

enum { CALLS_MAX = 4 << 20 };

void
milter_contract_init(struct milter_contract *contract)
{
    *contract = (struct milter_contract){.verdict = {.action = VERDICT_ACCEPT}};
    buffer_init(&contract->calls, CALLS_MAX);
}

void
milter_contract_clear(struct milter_contract *contract)
{
    buffer_clear(&contract->calls);
}

static void
tell_macros(struct milter_contract *contract)
{
    struct span rest = span_of(contract->macros == NULL ? "" : contract->macros);
    struct span name;

    while (span_word(&rest, &name)) {
        char copy[64];
        const char *value;

        assert(span_copy(name, copy, sizeof(copy)));
        value = milter_session_macro(contract->session, copy);
        buffer_printf(&contract->calls, " %s=%s", copy, value == NULL ? "(none)" : value);
    }
    buffer_append_octet(&contract->calls, '\n');
}

static void *
on_open(void *service, struct milter_session *session)
{
    struct milter_contract *contract = service;

    assert(contract->state == CONTRACT_CLOSED && !contract->closed);
    contract->state = CONTRACT_IDLE;
    contract->session = session;
    buffer_append_text(&contract->calls, "open\n");
    return contract;
}

static void
on_mail(void *data, struct span sender)
{
    struct milter_contract *contract = data;

    assert(contract->state == CONTRACT_IDLE);
    contract->state = CONTRACT_FIELDS;
    contract->body = 0;
    contract->messages++;
    buffer_append_text(&contract->calls, "mail ");
    buffer_append(&contract->calls, sender);
    tell_macros(contract);
}

static void
on_field(void *data, struct span name, struct span value)
{
    struct milter_contract *contract = data;

    assert(contract->state == CONTRACT_FIELDS);
    assert(span_find(name, '\0') == SPAN_NONE && span_find(value, '\0') == SPAN_NONE);
    buffer_append_text(&contract->calls, "field ");
    buffer_append(&contract->calls, name);
    buffer_append_octet(&contract->calls, '=');
    buffer_append(&contract->calls, span_first(value, 100));
    buffer_append_octet(&contract->calls, '\n');
}

static void
on_end_of_fields(void *data)
{
    struct milter_contract *contract = data;

    assert(contract->state == CONTRACT_FIELDS);
    contract->state = CONTRACT_BODY;
    buffer_append_text(&contract->calls, "end of fields\n");
}

static bool
on_body(void *data, struct span chunk)
{
    struct milter_contract *contract = data;

    assert(contract->state == CONTRACT_BODY && chunk.length > 0);
    contract->body += chunk.length;
    buffer_printf(&contract->calls, "body %zu\n", chunk.length);
    if (contract->body_wanted == 0 || contract->body < contract->body_wanted)
        return true;
    contract->state = CONTRACT_ENOUGH;
    return false;
}

static void
on_end_of_message(void *data)
{
    struct milter_contract *contract = data;

    assert(contract->state == CONTRACT_BODY || contract->state == CONTRACT_ENOUGH);
    contract->state = CONTRACT_DECIDED;
    buffer_append_text(&contract->calls, "end of message");
    tell_macros(contract);
    if (contract->at_end != NULL)
        contract->at_end(contract);
    contract->told = milter_session_reply(contract->session, &contract->verdict);
}

static void
on_reset(void *data)
{
    struct milter_contract *contract = data;

    assert(contract->state >= CONTRACT_FIELDS);
    contract->state = CONTRACT_IDLE;
    buffer_append_text(&contract->calls, "reset\n");
}

static void
on_close(void *data)
{
    struct milter_contract *contract = data;

    assert(contract->state == CONTRACT_IDLE);
    contract->state = CONTRACT_CLOSED;
    contract->closed = true;
    buffer_append_text(&contract->calls, "close\n");
}

#define CALLS                                                                            \
    .open = on_open, .mail = on_mail, .field = on_field,                                 \
    .end_of_fields = on_end_of_fields, .body = on_body,                                  \
    .end_of_message = on_end_of_message, .reset = on_reset, .close = on_close

const struct milter_handler milter_contract_handler = {
    .actions = MILTER_ADD_FIELDS | MILTER_CHANGE_FIELDS | MILTER_QUARANTINES,
    .steps = MILTER_NO_RCPT | MILTER_NO_DATA | MILTER_NO_UNKNOWN | MILTER_NR_CONNECT |
             MILTER_NR_HELO | MILTER_NR_MAIL | MILTER_NR_FIELD | MILTER_NR_END_FIELDS |
             MILTER_NR_BODY | MILTER_SKIP | MILTER_LEADING_SPACE,
    CALLS};

const struct milter_handler milter_contract_talker = {
    .actions = MILTER_ADD_FIELDS, .steps = MILTER_SKIP, CALLS};
