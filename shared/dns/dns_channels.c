#include "shared/dns/dns_channels.h"

#include "shared/base/allocate.h"
#include "shared/base/buffer.h"
#include "shared/base/number.h"
#include "shared/dns/dns_wire.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    SERVERS_MAX = 8,
    SERVERS_TEXT_MAX = SERVERS_MAX * 64,
    IDLE_MAX = 32,   /* channels kept for the next caller */
    RETRY_MS = 1500, /* before c-ares asks again, the first time */
    TRIES = 3,
};

struct dns_channels {
    pthread_mutex_t lock; /* for all below */
    struct dns_channel *idle;
    unsigned idle_count;
    char servers[SERVERS_TEXT_MAX]; /* as c-ares reads them; "" is resolv.conf */
    int trust_ad;
};

/* "127.0.0.1@5353" to c-ares' "127.0.0.1:5353", "::1@53" to "[::1]:53". */
static bool
add_server(const char *server, struct buffer *out, struct error *error)
{
    struct span rest = span_of(server);
    struct span address = rest;
    struct span port = SPAN("53");
    char text[INET6_ADDRSTRLEN];
    unsigned char binary[16];
    uint64_t number;
    bool is_v6;

    if (span_find(rest, '@') != SPAN_NONE) {
        (void)span_split(&rest, '@', &address);
        port = rest;
    }
    is_v6 = span_find(address, ':') != SPAN_NONE;
    if (!span_copy(address, text, sizeof(text)) ||
        inet_pton(is_v6 ? AF_INET6 : AF_INET, text, binary) != 1 ||
        !number_unsigned(port, 65535, &number) || number == 0)
        return error_permanent(
            error, "\"%.60s\" is no DNS server (ADDRESS or ADDRESS@PORT)", server);
    buffer_printf(out, is_v6 ? "%s[%s]:%u" : "%s%s:%u", out->length > 0 ? "," : "", text,
        (unsigned)number);
    return true;
}

static bool
write_servers(const struct config_list *servers, struct buffer *out, struct error *error)
{
    if (servers->count > SERVERS_MAX)
        return error_permanent(error, "more than %d DNS servers", SERVERS_MAX);
    for (size_t i = 0; i < servers->count; i++) {
        if (!add_server(servers->items[i], out, error))
            return false;
    }
    return true;
}

bool
dns_servers_check(const struct config_list *servers, struct error *error)
{
    struct buffer text;
    bool good;

    buffer_init(&text, SERVERS_MAX * 64 - 1);
    good = write_servers(servers, &text, error);
    buffer_clear(&text);
    return good;
}

static bool
is_loopback(const struct ares_addr_port_node *server)
{
    static const unsigned char mapped[13] = {
        [10] = 0xff, [11] = 0xff, [12] = 127}; /* ::ffff:127.0.0.0/104 */

    if (server->family == AF_INET)
        return (ntohl(server->addr.addr4.s_addr) >> 24) == 127;
    return memcmp(&server->addr.addr6, &in6addr_loopback, sizeof(in6addr_loopback)) ==
               0 ||
           memcmp(&server->addr.addr6, mapped, sizeof(mapped)) == 0;
}

static bool
all_loopback(ares_channel channel)
{
    struct ares_addr_port_node *servers = NULL;
    bool all;

    if (ares_get_servers_ports(channel, &servers) != ARES_SUCCESS)
        return false;
    all = servers != NULL;
    for (const struct ares_addr_port_node *server = servers; server != NULL;
         server = server->next)
        all = all && is_loopback(server);
    ares_free_data(servers);
    return all;
}

void
dns_channel_destroy(struct dns_channel *channel)
{
    if (channel == NULL)
        return;
    ares_destroy(channel->ares);
    free(channel);
}

/* With the servers set; more flags than those that all channels have. */
static int
open_channel(const char *servers, int flags, ares_channel *channel)
{
    char lookups[] = "b";
    struct ares_options options = {
        /* NOCHECKRESP: SERVFAIL and REFUSED come through as answers. */
        .flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_EDNS |
                 ARES_FLAG_NOCHECKRESP | flags,
        .timeout = RETRY_MS,
        .tries = TRIES,
        .lookups = lookups,
        .ednspsz = DNS_WIRE_PAYLOAD,
    };
    int status = ares_init_options(channel, &options,
        ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_DOMAINS |
            ARES_OPT_LOOKUPS | ARES_OPT_EDNSPSZ);

    if (status != ARES_SUCCESS || servers[0] == '\0')
        return status;
    status = ares_set_servers_ports_csv(*channel, servers);
    if (status != ARES_SUCCESS)
        ares_destroy(*channel);
    return status;
}

/*
 * `settings` is locked, or nobody else's yet.  A new port for each look-up is what
 * strangers have to guess to answer in a server's place; nobody outside can do so where
 * all servers are on loopback: there the socket stays open.
 */
static struct dns_channel *
channel_new(const struct dns_channels *settings, struct error *error)
{
    struct dns_channel *channel = allocate(sizeof(*channel));
    bool is_local;
    int status;

    status = open_channel(settings->servers, 0, &channel->ares);
    is_local = status == ARES_SUCCESS && all_loopback(channel->ares);
    if (is_local) {
        ares_destroy(channel->ares);
        status = open_channel(settings->servers, ARES_FLAG_STAYOPEN, &channel->ares);
    }
    if (status != ARES_SUCCESS) {
        free(channel);
        (void)error_temporary(error, "no DNS channel: %s", ares_strerror(status));
        return NULL;
    }
    channel->trusted = settings->trust_ad == DNS_TRUST_YES ||
                       (settings->trust_ad == DNS_TRUST_LOOPBACK && is_local);
    return channel;
}

static void
idle_free(struct dns_channels *channels)
{
    while (channels->idle != NULL) {
        struct dns_channel *channel = channels->idle;

        channels->idle = channel->next;
        dns_channel_destroy(channel);
    }
    channels->idle_count = 0;
}

/* Fills in `channels` and makes a first channel, so that what can't work fails here. */
static bool
settings_read(
    struct dns_channels *channels, const struct dns_config *config, struct error *error)
{
    struct buffer servers;
    bool good;

    buffer_init(&servers, sizeof(channels->servers) - 1);
    good = write_servers(&config->servers, &servers, error) &&
           span_copy(buffer_span(&servers), channels->servers, sizeof(channels->servers));
    buffer_clear(&servers);
    if (!good)
        return false;
    channels->trust_ad = config->trust_ad;
    channels->idle = channel_new(channels, error);
    channels->idle_count = 1;
    return channels->idle != NULL;
}

struct dns_channels *
dns_channels_new(const struct dns_config *config, struct error *error)
{
    struct dns_channels *channels = allocate(sizeof(*channels));

    (void)ares_library_init(ARES_LIB_INIT_ALL);
    if (!settings_read(channels, config, error)) {
        ares_library_cleanup();
        free(channels);
        return NULL;
    }
    (void)pthread_mutex_init(&channels->lock, NULL);
    return channels;
}

void
dns_channels_free(struct dns_channels *channels)
{
    if (channels == NULL)
        return;
    idle_free(channels);
    (void)pthread_mutex_destroy(&channels->lock);
    ares_library_cleanup();
    free(channels);
}

struct dns_channel *
dns_channels_borrow(struct dns_channels *channels)
{
    struct error error;
    struct dns_channel *channel;

    (void)pthread_mutex_lock(&channels->lock);
    channel = channels->idle;
    if (channel != NULL) {
        channels->idle = channel->next;
        channels->idle_count--;
    } else {
        channel = channel_new(channels, &error);
    }
    (void)pthread_mutex_unlock(&channels->lock);
    return channel;
}

void
dns_channels_return(struct dns_channels *channels, struct dns_channel *channel)
{
    (void)pthread_mutex_lock(&channels->lock);
    if (channels->idle_count < IDLE_MAX) {
        channel->next = channels->idle;
        channels->idle = channel;
        channels->idle_count++;
        channel = NULL;
    }
    (void)pthread_mutex_unlock(&channels->lock);
    dns_channel_destroy(channel);
}

void
dns_channel_turn(struct dns_channel *channel, uint64_t most_us)
{
    ares_socket_t sockets[ARES_GETSOCK_MAXNUM];
    struct pollfd polled[ARES_GETSOCK_MAXNUM];
    struct timeval most = {(time_t)(most_us / 1000000), (suseconds_t)(most_us % 1000000)};
    struct timeval buffer;
    const struct timeval *wait = ares_timeout(channel->ares, &most, &buffer);
    unsigned bits = (unsigned)ares_getsock(channel->ares, sockets, ARES_GETSOCK_MAXNUM);
    nfds_t count = 0;
    int ready;

    /* ARES_GETSOCK_READABLE and _WRITABLE by hand: theirs shift into the sign. */
    for (unsigned i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
        short events = 0;

        if ((bits & (1U << i)) != 0)
            events |= POLLIN;
        if ((bits & (1U << (i + ARES_GETSOCK_MAXNUM))) != 0)
            events |= POLLOUT;
        if (events != 0)
            polled[count++] = (struct pollfd){.fd = sockets[i], .events = events};
    }
    /* Rounded up, so that the last millisecond is slept and not spun away. */
    ready =
        poll(polled, count, (int)(wait->tv_sec * 1000 + (wait->tv_usec + 999) / 1000));
    if (ready <= 0) {
        ares_process_fd(channel->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
        return;
    }
    for (nfds_t i = 0; i < count; i++) {
        bool reads = (polled[i].revents & (POLLIN | POLLERR | POLLHUP)) != 0;
        bool writes = (polled[i].revents & (POLLOUT | POLLERR | POLLHUP)) != 0;

        if (reads || writes)
            ares_process_fd(channel->ares, reads ? polled[i].fd : ARES_SOCKET_BAD,
                writes ? polled[i].fd : ARES_SOCKET_BAD);
    }
}
