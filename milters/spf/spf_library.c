#include "milters/spf/spf_library.h"

#include "shared/base/allocate.h"
#include "shared/service/log.h"

#include <assert.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>
#include <spf2/spf.h>

struct evaluation {
    struct spf_dns *dns;
    struct spf_tokens tokens;
    const struct spf_scope *in_charge; /* whose exp= counts: never an include's */
    SPF_dns_server_t resolver;
    SPF_server_t *server;
    SPF_request_t *request;
    SPF_response_t *response;
};

static void
hand_warning(const char *file, int line, const char *text)
{
    (void)file;
    (void)line;
    log_warning("libspf2", log_note(text));
}

static void
hand_debug(const char *file, int line, const char *text)
{
    (void)file;
    (void)line;
    log_debug("libspf2", log_note(text));
}

/* It can't go on, and may not return. */
__attribute__((noreturn)) static void
hand_error(const char *file, int line, const char *text)
{
    (void)file;
    (void)line;
    log_error("libspf2", log_note(text));
    abort();
}

void
spf_library_init(void)
{
    SPF_error_handler = hand_error;
    SPF_warning_handler = hand_warning;
    SPF_info_handler = hand_debug;
    SPF_debug_handler = hand_debug;
}

/* libspf2 frees an answer and its items by itself; without memory there is no going on.
 */
static void
answer_add(SPF_dns_rr_t *answer, const void *data, size_t size)
{
    int at = answer->num_rr;

    if (SPF_dns_rr_buf_realloc(answer, at, size) != SPF_E_SUCCESS)
        abort();
    memcpy(answer->rr[at], data, size);
    answer->num_rr = at + 1;
}

/* exists asks for A whatever the client's family is; what it finds is only a yes. */
static void
answer_yes(SPF_dns_rr_t *answer)
{
    static const unsigned char yes[4] = {127, 0, 0, 2};

    answer_add(answer, yes, sizeof(yes));
}

static void
answer_addresses(const struct spf_token *token, const struct spf_address *client,
    const struct dns_answer *found, SPF_dns_rr_t *answer)
{
    if (token->any_address && found->count > 0) {
        answer_add(answer, client->octets, client->length);
        return;
    }
    for (size_t i = 0; i < found->count; i++)
        answer_add(answer, found->records[i].address, client->length);
}

/* The hosts of an mx become tokens; their addresses are asked for at the same time. */
static void
answer_hosts(struct evaluation *self, const struct spf_token *token,
    const struct dns_answer *found, SPF_dns_rr_t *answer)
{
    struct buffer name;

    if (found->count > SPF_DNS_MX_MAX) {
        (void)spf_dns_decide(self->dns, AUTH_PERMERROR, "more than 10 MX records");
        return;
    }
    buffer_init(&name, 16);
    for (size_t i = 0; i < found->count; i++) {
        struct spf_token *host =
            spf_token_new(&self->tokens, SPF_TOKEN_HOST, token->scope);

        host->any_address = token->any_address;
        host->question = dns_lookup_ask(
            self->dns->lookup, found->records[i].text, spf_dns_address_type(self->dns));
        buffer_reset(&name);
        spf_token_write(&self->tokens, host, &name);
        answer_add(answer, buffer_text(&name), name.length + 1);
    }
    buffer_clear(&name);
}

static void
answer_host(struct evaluation *self, const struct spf_token *token, SPF_dns_rr_t *answer)
{
    const struct dns_answer *found;

    if (self->dns->is_decided)
        return;
    found = dns_lookup_wait(self->dns->lookup, token->question);
    if (dns_status_is_temporary(found->status))
        (void)spf_dns_decide(self->dns, AUTH_TEMPERROR, "DNS failure at an MX host");
    else
        answer_addresses(token, &self->tokens.client, found, answer);
}

static enum dns_type
type_of(const struct evaluation *self, const struct spf_token *token)
{
    switch (token->kind) {
    case SPF_TOKEN_MX:
        return DNS_MX;
    case SPF_TOKEN_ADDRESS:
    case SPF_TOKEN_HOST:
        return spf_dns_address_type(self->dns);
    case SPF_TOKEN_INCLUDE:
    case SPF_TOKEN_REDIRECT:
        return DNS_TXT;
    case SPF_TOKEN_EXISTS:
    case SPF_TOKEN_PTR:
        break;
    }
    return DNS_A;
}

static void
answer_term(struct evaluation *self, const struct spf_token *token, SPF_dns_rr_t *answer)
{
    const struct dns_answer *found;
    struct span name;

    if (!spf_dns_count_term(self->dns))
        return;
    name = spf_dns_name(self->dns, token->spec, token->scope->domain);
    if (token->kind == SPF_TOKEN_PTR) {
        if (spf_dns_has_name(self->dns, name))
            answer_yes(answer);
        return;
    }
    found = spf_dns_term(self->dns, name, type_of(self, token));
    if (found == NULL || found->count == 0)
        return;
    if (token->kind == SPF_TOKEN_MX)
        answer_hosts(self, token, found, answer);
    else if (token->kind == SPF_TOKEN_ADDRESS)
        answer_addresses(token, &self->tokens.client, found, answer);
    else
        answer_yes(answer);
}

/* The records of a token. */
static SPF_dns_rr_t *
hook_lookup(SPF_dns_server_t *resolver, const char *name, ns_type type, int cache)
{
    struct evaluation *self = resolver->hook;
    const struct spf_token *token = spf_token_find(&self->tokens, span_of(name));
    SPF_dns_rr_t *answer =
        allocated(SPF_dns_rr_new_init(resolver, name, type, 0, NETDB_SUCCESS));

    (void)cache;
    if (token == NULL || (int)type != (int)type_of(self, token))
        (void)spf_dns_decide(self->dns, AUTH_TEMPERROR, "libspf2 asked for no token");
    else if (token->kind == SPF_TOKEN_HOST)
        answer_host(self, token, answer);
    else
        answer_term(self, token, answer);
    if (self->dns->is_decided)
        answer->herrno = TRY_AGAIN;
    else if (answer->num_rr == 0)
        answer->herrno = NO_DATA;
    return answer;
}

static bool
compile(struct evaluation *self, const struct spf_scope *scope, SPF_record_t **compiled)
{
    struct buffer text;
    SPF_errcode_t error;

    buffer_init(&text, SPF_TOKEN_TEXT_MAX);
    spf_token_record(&self->tokens, scope, &text);
    assert(buffer_ok(&text));
    error =
        SPF_record_compile(self->server, self->response, compiled, buffer_text(&text));
    buffer_clear(&text);
    return (error == SPF_E_SUCCESS && *compiled != NULL) ||
           spf_dns_decide(self->dns, AUTH_TEMPERROR, "libspf2 refused a record");
}

/* The record of a domain, fetched, checked and handed over; NULL with a verdict. */
static const struct spf_scope *
load(struct evaluation *self, struct span domain, enum auth_result missing,
    SPF_record_t **compiled)
{
    struct spf_scope *scope = arena_take(self->dns->arena, sizeof(*scope));

    scope->domain = domain;
    if (!spf_dns_record(self->dns, domain, missing, &scope->record) ||
        !compile(self, scope, compiled))
        return NULL;
    return scope;
}

/* The record behind an include or redirect. */
static SPF_errcode_t
hook_get_spf(SPF_server_t *server, SPF_request_t *request, SPF_response_t *response,
    SPF_record_t **compiled)
{
    struct evaluation *self = server->resolver->hook;
    const struct spf_token *token =
        spf_token_find(&self->tokens, span_of(request->cur_dom));
    const struct spf_scope *scope;

    (void)response;
    if (token == NULL || type_of(self, token) != DNS_TXT)
        (void)spf_dns_decide(self->dns, AUTH_TEMPERROR, "libspf2 asked for no token");
    if (token == NULL || !spf_dns_count_term(self->dns))
        return SPF_E_DNS_ERROR;
    scope = load(self, spf_dns_name(self->dns, token->spec, token->scope->domain),
        AUTH_PERMERROR, compiled);
    if (scope == NULL)
        return SPF_E_DNS_ERROR;
    if (token->kind == SPF_TOKEN_REDIRECT && self->in_charge == token->scope)
        self->in_charge = scope;
    return SPF_E_SUCCESS;
}

static bool
set_address(SPF_request_t *request, const struct spf_address *client)
{
    struct in6_addr v6;
    struct in_addr v4;

    if (client->length == sizeof(v4)) {
        memcpy(&v4, client->octets, sizeof(v4));
        return SPF_request_set_ipv4(request, v4) == SPF_E_SUCCESS;
    }
    memcpy(&v6, client->octets, sizeof(v6));
    return SPF_request_set_ipv6(request, v6) == SPF_E_SUCCESS;
}

/*
 * Its own defaults are macros of sender and address, ten terms a response and our host
 * name: all replaced.
 */
static bool
set_defaults(SPF_server_t *server)
{
    SPF_response_t *messages = NULL;
    bool good = SPF_server_set_explanation(server, "-", &messages) == SPF_E_SUCCESS &&
                SPF_server_set_max_dns_mech(server, 1000) == SPF_E_SUCCESS &&
                SPF_server_set_rec_dom(server, "r.t") == SPF_E_SUCCESS;

    if (messages != NULL)
        SPF_response_free(messages);
    return good;
}

static bool
library_open(struct evaluation *self)
{
    self->resolver = (SPF_dns_server_t){
        .lookup = hook_lookup,
        .get_spf = hook_get_spf,
        .name = "tokens",
        .hook = self,
    };
    self->server = SPF_server_new_dns(&self->resolver, 0);
    if (self->server == NULL || !set_defaults(self->server))
        return false;
    self->request = SPF_request_new(self->server);
    if (self->request == NULL || !set_address(self->request, &self->tokens.client) ||
        SPF_request_set_env_from(self->request, "s@r.t") != 0)
        return false;
    self->request->cur_dom = self->request->env_from_dp;
    self->response = SPF_response_new(self->request);
    return self->response != NULL;
}

static void
library_close(struct evaluation *self)
{
    if (self->response != NULL)
        SPF_response_free(self->response);
    if (self->request != NULL)
        SPF_request_free(self->request);
    if (self->server != NULL)
        SPF_server_free(self->server);
}

/* What is no result is a failure of libspf2's, memory most likely. */
static enum auth_result
result_of(SPF_result_t result)
{
    switch (result) {
    case SPF_RESULT_PASS:
        return AUTH_PASS;
    case SPF_RESULT_FAIL:
        return AUTH_FAIL;
    case SPF_RESULT_SOFTFAIL:
        return AUTH_SOFTFAIL;
    case SPF_RESULT_NEUTRAL:
        return AUTH_NEUTRAL;
    case SPF_RESULT_INVALID:
    case SPF_RESULT_NONE:
    case SPF_RESULT_TEMPERROR:
    case SPF_RESULT_PERMERROR:
        break;
    }
    return AUTH_TEMPERROR;
}

static enum auth_result
interpret(struct evaluation *self, struct span domain)
{
    SPF_record_t *compiled = NULL;
    enum auth_result result = AUTH_TEMPERROR;

    self->in_charge = load(self, domain, AUTH_NONE, &compiled);
    if (self->in_charge != NULL) {
        self->response->spf_record_exp = compiled;
        (void)SPF_record_interpret(compiled, self->request, self->response, 0);
        result = result_of(SPF_response_result(self->response));
    }
    if (compiled != NULL)
        SPF_record_free(compiled);
    return result;
}

enum auth_result
spf_library_evaluate(
    struct spf_dns *dns, struct span domain, const struct spf_scope **in_charge)
{
    struct evaluation *self = allocate(sizeof(*self));
    enum auth_result result = AUTH_TEMPERROR;

    self->dns = dns;
    self->tokens.client.length = dns->values.address_length;
    memcpy(self->tokens.client.octets, dns->values.address, dns->values.address_length);
    if (library_open(self))
        result = interpret(self, domain);
    library_close(self);
    if (result == AUTH_TEMPERROR)
        (void)spf_dns_decide(dns, AUTH_TEMPERROR, "libspf2 failed");
    *in_charge = self->in_charge;
    free(self);
    return result;
}
