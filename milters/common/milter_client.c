#include "milters/common/milter_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <time.h>

#include "shared/base/span.h"

static void
copy_cut(const char *text, char *out, size_t size)
{
    (void)span_copy(span_first(span_of(text), size - 1), out, size);
}

static void
write_address(struct milter_client *client, const struct sockaddr *address)
{
    const void *octets = NULL;
    int family = address->sa_family;

    if (family == AF_INET) {
        octets = &((const struct sockaddr_in *)(const void *)address)->sin_addr;
    } else if (family == AF_INET6) {
        const struct in6_addr *in6 =
            &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;

        octets = in6->s6_addr;
        if (IN6_IS_ADDR_V4MAPPED(in6)) {
            family = AF_INET;
            octets = &in6->s6_addr[12];
        }
    }
    if (octets != NULL)
        (void)inet_ntop(family, octets, client->address, sizeof(client->address));
}

void
milter_client_connect(
    struct milter_client *client, const char *name, const struct sockaddr *address)
{
    *client = (struct milter_client){
        .local = address == NULL ? name != NULL && strcmp(name, "localhost") == 0
                                 : address->sa_family == AF_UNIX};
    /* A name in brackets, or "unknown", is none that was verified. */
    if (name != NULL && name[0] != '[' && strcmp(name, "unknown") != 0)
        copy_cut(name, client->name, sizeof(client->name));
    if (address != NULL)
        write_address(client, address);
}

void
milter_client_helo(struct milter_client *client, const char *name)
{
    copy_cut(name, client->helo, sizeof(client->helo));
}

const char *
milter_macro(SMFICTX *context, const char *name)
{
    union {
        const char *given;
        char *passed;
    } symbol = {.given = name};

    return smfi_getsymval(context, symbol.passed);
}

int64_t
milter_now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
