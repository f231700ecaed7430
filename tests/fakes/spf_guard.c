#include "tests/fakes/spf_guard.h"

#include <pthread.h>
#include <regex.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>
#include <spf2/spf.h>

static const char pattern[] =
    "^v=spf1( [+?~-](all|(a|mx|exists|include):[0-9]+\\.t(//?[0-9]+)?"
    "|ip[46]:[0-9a-f.:]+/[0-9]+)| redirect=[0-9]+\\.t)*$";

enum { COMPILED_MAX = 511 }; /* what libspf2 takes of a record */

static regex_t compiled_pattern;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Atomic unsigned seen;

SPF_errcode_t __real_SPF_record_compile(SPF_server_t *server, SPF_response_t *response,
    SPF_record_t **record, const char *text);
SPF_errcode_t __wrap_SPF_record_compile(SPF_server_t *server, SPF_response_t *response,
    SPF_record_t **record, const char *text);

static void
compile_pattern(void)
{
    if (regcomp(&compiled_pattern, pattern, REG_EXTENDED | REG_NOSUB) != 0)
        abort();
}

unsigned
spf_guard_count(void)
{
    return atomic_load(&seen);
}

SPF_errcode_t
__wrap_SPF_record_compile(SPF_server_t *server, SPF_response_t *response,
    SPF_record_t **record, const char *text)
{
    SPF_errcode_t error;

    (void)pthread_once(&once, compile_pattern);
    if (regexec(&compiled_pattern, text, 0, NULL, 0) != 0) {
        (void)fprintf(stderr, "libspf2 was given: %s\n", text);
        abort();
    }
    (void)atomic_fetch_add(&seen, 1);
    error = __real_SPF_record_compile(server, response, record, text);
    if (error != SPF_E_SUCCESS || (*record)->mech_len > COMPILED_MAX) {
        (void)fprintf(stderr, "libspf2 did not take: %s\n", text);
        abort();
    }
    return error;
}
