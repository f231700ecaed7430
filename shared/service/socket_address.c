#include "shared/service/socket_address.h"

#include "shared/base/domain.h"
#include "shared/base/number.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static const char any_host[] = "*";

static bool
is_address(int family, struct span text)
{
    unsigned char octets[16];
    char name[INET6_ADDRSTRLEN];

    return span_copy(text, name, sizeof(name)) && inet_pton(family, name, octets) == 1;
}

/* A name whose last label is a number can only be an IPv4 address that is mistyped. */
static bool
is_name(struct span text)
{
    size_t dot = span_find_last(text, '.');
    struct span last = dot == SPAN_NONE ? text : span_from(text, dot + 1);

    if (!domain_is_valid(text))
        return false;
    for (size_t i = 0; i < last.length; i++) {
        if (last.data[i] < '0' || last.data[i] > '9')
            return true;
    }
    return false;
}

static bool
read_host(struct span text, struct socket_address *address, struct error *error)
{
    bool bracketed =
        text.length > 1 && text.data[0] == '[' && text.data[text.length - 1] == ']';

    if (text.length == 0)
        text = span_of(any_host);
    if (bracketed)
        text = span_first(span_from(text, 1), text.length - 2);
    if (!is_address(AF_INET6, text) && !is_address(AF_INET, text) &&
        (bracketed || !(is_name(text) || span_is(text, any_host))))
        return error_permanent(error,
            "\"%.*s\" is neither an address nor a host name (IPv6 as [::1])",
            text.length < 64 ? (int)text.length : 64, text.data);
    return span_copy(text, address->host, sizeof(address->host)) ||
           error_permanent(error, "host name too long");
}

static bool
read_port(struct span text, struct socket_address *address, struct error *error)
{
    uint64_t port;

    if (!number_unsigned(text, 65535, &port) || port == 0)
        return error_permanent(error, "port must be a number from 1 to 65535");
    address->port = (unsigned)port;
    return true;
}

/* "host:port" as Postfix writes it, "port@host" as milters do. */
static bool
read_inet(struct span text, struct socket_address *address, struct error *error)
{
    size_t at = span_find(text, '@');
    size_t colon = span_find_last(text, ':');
    struct span host;
    struct span port;

    if (at != SPAN_NONE) {
        port = span_first(text, at);
        host = span_from(text, at + 1);
    } else if (colon != SPAN_NONE) {
        host = span_first(text, colon);
        port = span_from(text, colon + 1);
        if (span_find(host, ':') != SPAN_NONE && host.data[0] != '[')
            return error_permanent(error, "an IPv6 address needs brackets: [::1]:port");
    } else {
        return error_permanent(error, "host or port is missing (inet:host:port)");
    }
    address->kind = SOCKET_INET;
    return read_port(port, address, error) && read_host(host, address, error);
}

static bool
read_unix(struct span path, struct socket_address *address, struct error *error)
{
    if (path.length == 0 || path.data[0] != '/')
        return error_permanent(error, "the path of a unix socket must be absolute");
    if (path.length >= sizeof(address->path))
        return error_permanent(error, "the path of a unix socket has at most %zu octets",
            sizeof(address->path) - 1);
    if (span_has_control(path))
        return error_permanent(error, "the path has a control character");
    address->kind = SOCKET_UNIX;
    return span_copy(path, address->path, sizeof(address->path));
}

bool
socket_address_parse(
    struct span text, struct socket_address *address, struct error *error)
{
    static const struct {
        const char *prefix;
        bool (*read)(
            struct span rest, struct socket_address *address, struct error *error);
    } forms[] = {
        {"unix:",  read_unix},
        {"local:", read_unix},
        {"inet:",  read_inet},
        {"inet6:", read_inet},
    };

    *address = (struct socket_address){.kind = SOCKET_NONE};
    if (span_is(text, "none"))
        return true;
    for (size_t i = 0; i < ARRAY_LENGTH(forms); i++) {
        struct span prefix = span_of(forms[i].prefix);
        struct socket_address found = {.kind = SOCKET_NONE};

        if (!span_starts(text, prefix))
            continue;
        if (!forms[i].read(span_from(text, prefix.length), &found, error))
            return false;
        *address = found;
        return true;
    }
    return error_permanent(
        error, "not a socket (unix:/path, inet:host:port, local:/path, inet:port@host)");
}

bool
socket_address_equal(
    const struct socket_address *left, const struct socket_address *right)
{
    char texts[2][300];

    socket_address_write(left, texts[0]);
    socket_address_write(right, texts[1]);
    return strcmp(texts[0], texts[1]) == 0;
}

void
socket_address_write(const struct socket_address *address, char out[300])
{
    bool brackets = span_find(span_of(address->host), ':') != SPAN_NONE;
    const char *host = address->host[0] == '\0' ? any_host : address->host;

    switch (address->kind) {
    case SOCKET_NONE:
        (void)snprintf(out, 300, "none");
        break;
    case SOCKET_UNIX:
        (void)snprintf(out, 300, "unix:%s", address->path);
        break;
    case SOCKET_INET:
        (void)snprintf(
            out, 300, brackets ? "inet:[%s]:%u" : "inet:%s:%u", host, address->port);
        break;
    }
}
