#include "milters/protocol/milter_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static void
copy_cut(struct span text, char *out, size_t size)
{
    (void)span_copy(span_first(text, size - 1), out, size);
}

/* Written anew, so that one address has one form. */
static void
write_address(struct milter_client *client, int family, struct span text)
{
    static const char prefix[] = "IPv6:";
    char copy[sizeof(client->address)];
    struct in6_addr octets;
    const void *shown = &octets;

    if (family == AF_INET6 && span_starts_nocase(text, span_of(prefix)))
        text = span_from(text, sizeof(prefix) - 1);
    if (!span_copy(text, copy, sizeof(copy)) || inet_pton(family, copy, &octets) != 1)
        return;
    if (family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&octets)) {
        family = AF_INET;
        shown = &octets.s6_addr[12];
    }
    (void)inet_ntop(family, shown, client->address, sizeof(client->address));
}

void
milter_client_connect(struct milter_client *client, const struct milter_connect *connect)
{
    struct span name = connect->name;

    *client = (struct milter_client){.local = false};
    /* A name in brackets, or "unknown", is none that was verified. */
    if (name.length > 0 && name.data[0] != '[' && !span_is(name, "unknown"))
        copy_cut(name, client->name, sizeof(client->name));
    switch (connect->family) {
    case MILTER_FAMILY_LOCAL:
        client->local = true;
        break;
    case MILTER_FAMILY_UNKNOWN:
        client->local = span_is(name, "localhost");
        break;
    case MILTER_FAMILY_IP4:
        write_address(client, AF_INET, connect->address);
        break;
    case MILTER_FAMILY_IP6:
        write_address(client, AF_INET6, connect->address);
        break;
    }
}

void
milter_client_helo(struct milter_client *client, struct span name)
{
    copy_cut(name, client->helo, sizeof(client->helo));
}
