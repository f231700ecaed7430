#include "milters/spf/spf_token.h"

#include "shared/base/number.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

struct spf_token *
spf_token_new(
    struct spf_tokens *tokens, enum spf_token_kind kind, const struct spf_scope *scope)
{
    struct spf_token *token = &tokens->items[tokens->count];

    assert(tokens->count < SPF_TOKENS_MAX);
    tokens->count++;
    *token = (struct spf_token){.kind = kind, .scope = scope};
    return token;
}

void
spf_token_write(
    const struct spf_tokens *tokens, const struct spf_token *token, struct buffer *out)
{
    buffer_printf(out, "%u.t", (unsigned)(token - tokens->items));
}

struct spf_token *
spf_token_find(struct spf_tokens *tokens, struct span name)
{
    uint64_t number;

    if (!span_ends(name, SPAN(".t")) || tokens->count == 0 ||
        !number_unsigned(span_first(name, name.length - 2), tokens->count - 1, &number))
        return NULL;
    return &tokens->items[number];
}

static bool
is_in_network(
    const struct spf_address *client, const unsigned char *network, unsigned prefix)
{
    unsigned whole = prefix / 8;
    unsigned rest = prefix % 8;

    return memcmp(client->octets, network, whole) == 0 &&
           (rest == 0 || (client->octets[whole] ^ network[whole]) >> (8 - rest) == 0);
}

/*
 * An ip4 or ip6 term that matches is written with its prefix length (libspf2 refuses 0:
 * then it is the client itself); one that can't match is left out, since libspf2 silently
 * drops what passes 511 octets.
 */
static bool
write_network(
    const struct spf_tokens *tokens, const struct spf_term *term, struct buffer *out)
{
    const struct spf_address *client = &tokens->client;
    bool is_v4 = term->mechanism == SPF_IP4;
    unsigned prefix = is_v4 ? term->prefix4 : term->prefix6;
    const unsigned char *network = prefix > 0 ? term->address : client->octets;
    char text[INET6_ADDRSTRLEN];

    if (is_v4 != (client->length == 4) || !is_in_network(client, term->address, prefix) ||
        inet_ntop(is_v4 ? AF_INET : AF_INET6, network, text, sizeof(text)) == NULL)
        return false;
    if (prefix == 0)
        prefix = is_v4 ? 32 : 128;
    buffer_printf(
        out, " %c%s:%s/%u", term->qualifier, is_v4 ? "ip4" : "ip6", text, prefix);
    return true;
}

/* A term that asks, as a token; the prefix length only where the client's family has it.
 */
static void
write_asking(struct spf_tokens *tokens, const struct spf_scope *scope,
    const struct spf_term *term, struct buffer *out)
{
    static const struct {
        const char *name;
        enum spf_token_kind kind;
        bool has_prefix;
    } rows[] = {
        [SPF_INCLUDE] = {"include", SPF_TOKEN_INCLUDE, false},
        [SPF_A] = {"a",       SPF_TOKEN_ADDRESS, true },
        [SPF_MX] = {"mx",      SPF_TOKEN_MX,      true },
        [SPF_PTR] = {"exists",  SPF_TOKEN_PTR,     false},
        [SPF_EXISTS] = {"exists",  SPF_TOKEN_EXISTS,  false},
    };
    bool is_v4 = tokens->client.length == 4;
    unsigned prefix = is_v4 ? term->prefix4 : term->prefix6;
    struct spf_token *token = spf_token_new(tokens, rows[term->mechanism].kind, scope);

    token->spec = term->domain;
    token->any_address = prefix == 0;
    buffer_printf(out, " %c%s:", term->qualifier, rows[term->mechanism].name);
    spf_token_write(tokens, token, out);
    if (rows[term->mechanism].has_prefix && prefix > 0 && prefix < (is_v4 ? 32 : 128))
        buffer_printf(out, "%s%u", is_v4 ? "/" : "//", prefix);
}

/* All of a record that can have a say. */
void
spf_token_record(
    struct spf_tokens *tokens, const struct spf_scope *scope, struct buffer *out)
{
    struct span terms = scope->record.terms;
    struct spf_term term;
    unsigned asking = 0;

    buffer_append_text(out, "v=spf1");
    while (asking < SPF_TOKEN_ASKING_MAX && spf_record_next(&terms, &term)) {
        if (term.mechanism == SPF_ALL) {
            buffer_printf(out, " %call", term.qualifier);
            return;
        }
        if (term.mechanism != SPF_IP4 && term.mechanism != SPF_IP6) {
            write_asking(tokens, scope, &term, out);
            asking++;
        } else if (write_network(tokens, &term, out)) {
            return;
        }
    }
    if (asking < SPF_TOKEN_ASKING_MAX && !scope->record.has_all &&
        scope->record.redirect.length > 0) {
        struct spf_token *token = spf_token_new(tokens, SPF_TOKEN_REDIRECT, scope);

        token->spec = scope->record.redirect;
        buffer_append_text(out, " redirect=");
        spf_token_write(tokens, token, out);
    }
}
