/*
 * auth_result - what a check of a message may come to (RFC 8601 section 2.7).
 */
#ifndef MILTERS_MESSAGE_AUTH_RESULT_H
#define MILTERS_MESSAGE_AUTH_RESULT_H

enum auth_result {
    AUTH_NONE,
    AUTH_PASS,
    AUTH_FAIL,
    AUTH_SOFTFAIL,
    AUTH_NEUTRAL,
    AUTH_POLICY,
    AUTH_TEMPERROR,
    AUTH_PERMERROR,
};
enum { AUTH_RESULT_COUNT = AUTH_PERMERROR + 1 };

/* "none", "pass", ...: as headers and metrics have it. */
const char *auth_result_name(enum auth_result result);

#endif
