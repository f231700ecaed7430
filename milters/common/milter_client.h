/*
 * milter_client - who the MTA says is talking to it, and its macros.
 */
#ifndef MILTERS_COMMON_MILTER_CLIENT_H
#define MILTERS_COMMON_MILTER_CLIENT_H

#include <libmilter/mfapi.h>
#include <stdbool.h>
#include <stdint.h>

struct milter_client {
    char address[64]; /* IPv4 in IPv6 is the IPv4 client it is; "" where there is none */
    char name[256];   /* verified by the MTA; "" else */
    char helo[256];
    /*
     * Without an address only what calls itself "localhost" is local: a proxy may know no
     * address of a stranger (XCLIENT ADDR=[UNAVAILABLE]).
     */
    bool local;
};

/* For xxfi_connect and xxfi_helo; what is too long is cut. */
void milter_client_connect(
    struct milter_client *client, const char *name, const struct sockaddr *address);
void milter_client_helo(struct milter_client *client, const char *name);

/* NULL: the MTA does not say. */
const char *milter_macro(SMFICTX *context, const char *name);

/* CLOCK_MONOTONIC. */
int64_t milter_now_ms(void);

#endif
