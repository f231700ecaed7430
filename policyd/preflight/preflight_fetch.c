#include "policyd/preflight/preflight_fetch.h"

#if __has_include(<curl/curl.h>)

#include <curl/curl.h>
#include <stdlib.h>

#include "policyd/checks/check_url.h"
#include "shared/base/allocate.h"
#include "shared/base/buffer.h"

enum { ANSWER_MAX = 256 << 10 };

static size_t
take(char *data, size_t size, size_t count, void *argument)
{
    struct buffer *out = argument;

    /* Another count than it has given ends it. */
    return buffer_append(out, span_make(data, size * count)) ? size * count : 0;
}

/* What all of them have in common. */
static CURL *
begin(uint64_t timeout_ms, struct buffer *out, char wrong[CURL_ERROR_SIZE])
{
    CURL *curl = allocated(curl_easy_init());
    const char *store = secure_getenv("SSL_CERT_FILE");

    wrong[0] = '\0';
    (void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, wrong);
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, out);
    if (store != NULL)
        (void)curl_easy_setopt(curl, CURLOPT_CAINFO, store);
    return curl;
}

static const char *
why(CURLcode code, const char *wrong, struct arena *arena)
{
    return arena_printf(
        arena, "%.200s", wrong[0] != '\0' ? wrong : curl_easy_strerror(code));
}

void
preflight_fetch(const struct preflight_request *request, struct check_document *document,
    struct arena *arena)
{
    const char *pinned =
        arena_printf(arena, "%s:443:%s", request->host, request->addresses);
    struct curl_slist *hosts = allocated(curl_slist_append(NULL, pinned));
    char wrong[CURL_ERROR_SIZE];
    struct buffer out;
    CURL *curl;
    CURLcode code;
    long status = 0;

    buffer_init(&out, request->most);
    curl = begin(request->timeout_ms, &out, wrong);
    (void)curl_easy_setopt(curl, CURLOPT_URL,
        arena_printf(arena, "https://%s%s", request->host, request->path));
    (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
    (void)curl_easy_setopt(curl, CURLOPT_RESOLVE, hosts);
    code = curl_easy_perform(curl);
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    *document = (struct check_document){
        .trouble = code == CURLE_OK ? NULL : why(code, wrong, arena),
        .status = (unsigned)status,
        .text = arena_span(arena, buffer_span(&out)),
    };
    curl_easy_cleanup(curl);
    curl_slist_free_all(hosts);
    buffer_clear(&out);
}

/* "* SEARCH 7": at least one number stands behind it. */
static bool
found_some(struct span answer)
{
    struct span line;

    while (span_split(&answer, '\n', &line)) {
        if (span_starts(line, SPAN("* SEARCH ")) &&
            span_trim(span_from(line, 9)).length > 0)
            return true;
    }
    return false;
}

bool
preflight_mailbox_has(const struct preflight_mailbox *mailbox, const char *message_id,
    bool *found, const char **trouble, struct arena *arena)
{
    char wrong[CURL_ERROR_SIZE];
    struct buffer out;
    CURL *curl;
    CURLcode code;

    buffer_init(&out, ANSWER_MAX);
    curl = begin(mailbox->timeout_ms, &out, wrong);
    (void)curl_easy_setopt(
        curl, CURLOPT_URL, arena_printf(arena, "%s/INBOX", mailbox->url));
    (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "imap,imaps");
    (void)curl_easy_setopt(curl, CURLOPT_USE_SSL,
        (long)(check_url_is_loopback(span_of(mailbox->url)) ? CURLUSESSL_TRY
                                                            : CURLUSESSL_ALL));
    (void)curl_easy_setopt(curl, CURLOPT_USERNAME, mailbox->user);
    (void)curl_easy_setopt(curl, CURLOPT_PASSWORD, mailbox->password);
    (void)curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST,
        arena_printf(arena, "SEARCH HEADER Message-ID \"%s\"", message_id));
    code = curl_easy_perform(curl);
    *found = code == CURLE_OK && found_some(buffer_span(&out));
    if (code != CURLE_OK)
        *trouble = why(code, wrong, arena);
    curl_easy_cleanup(curl);
    buffer_clear(&out);
    return code == CURLE_OK;
}

#else

#define NO_CURL "postshiftctl was built without libcurl"

void
preflight_fetch(const struct preflight_request *request, struct check_document *document,
    struct arena *arena)
{
    (void)request;
    (void)arena;
    *document = (struct check_document){.trouble = NO_CURL};
}

bool
preflight_mailbox_has(const struct preflight_mailbox *mailbox, const char *message_id,
    bool *found, const char **trouble, struct arena *arena)
{
    (void)mailbox;
    (void)message_id;
    (void)arena;
    *found = false;
    *trouble = NO_CURL;
    return false;
}

#endif
