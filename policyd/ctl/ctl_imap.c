#include "policyd/ctl/ctl_imap.h"

#if __has_include(<curl/curl.h>)

#include <curl/curl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "policyd/checks/check_url.h"
#include "shared/base/allocate.h"

enum { CONNECT_MS = 20000, SILENCE_MS = 120000, CHUNK = 64 << 10, SAID_MAX = 120 };

struct ctl_imap {
    CURL *curl;
    struct imap_answer answer;
    unsigned number;
    char wrong[CURL_ERROR_SIZE];
};

/* What comes, on its way to who asked. */
struct asking {
    char tag[16];
    const struct imap_sink *sink;
    bool is_over;
};

/* --- opening --- */

static void
set_up(struct ctl_imap *imap, const struct ctl_imap_login *login)
{
    CURL *curl = imap->curl;

    (void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, imap->wrong);
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "imap,imaps");
    (void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    (void)curl_easy_setopt(curl, CURLOPT_URL, login->url);
    (void)curl_easy_setopt(curl, CURLOPT_USERNAME, login->user);
    (void)curl_easy_setopt(curl, CURLOPT_PASSWORD, login->password);
    if (!check_url_is_loopback(span_of(login->url)))
        (void)curl_easy_setopt(curl, CURLOPT_USE_SSL, (long)CURLUSESSL_ALL);
    if (login->tls_ca[0] != '\0')
        (void)curl_easy_setopt(curl, CURLOPT_CAINFO, login->tls_ca);
    /* It says hello and logs in; the rest is ours: its own FETCH sets \Seen. */
    (void)curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
}

struct ctl_imap *
ctl_imap_open(const struct ctl_imap_login *login, struct error *error)
{
    struct ctl_imap *imap = allocate(sizeof(*imap));
    CURLcode code;

    imap->curl = allocated(curl_easy_init());
    imap_answer_init(&imap->answer);
    set_up(imap, login);
    code = curl_easy_perform(imap->curl);
    if (code == CURLE_OK)
        return imap;
    (void)error_temporary(error, "%.80s: %.100s", login->url,
        imap->wrong[0] != '\0' ? imap->wrong : curl_easy_strerror(code));
    ctl_imap_close(imap);
    return NULL;
}

void
ctl_imap_close(struct ctl_imap *imap)
{
    if (imap == NULL)
        return;
    curl_easy_cleanup(imap->curl);
    imap_answer_clear(&imap->answer);
    free(imap);
}

/* --- asking --- */

static bool
wait_for(struct ctl_imap *imap, short what, struct error *error)
{
    struct pollfd poll_of = {-1, what, 0};
    curl_socket_t fd = CURL_SOCKET_BAD;

    (void)curl_easy_getinfo(imap->curl, CURLINFO_ACTIVESOCKET, &fd);
    poll_of.fd = (int)fd;
    return poll(&poll_of, 1, SILENCE_MS) > 0 ||
           error_temporary(error, "the server says nothing for %d s", SILENCE_MS / 1000);
}

static bool
send_all(struct ctl_imap *imap, struct span text, struct error *error)
{
    while (text.length > 0) {
        size_t sent = 0;
        CURLcode code = curl_easy_send(imap->curl, text.data, text.length, &sent);

        if (code == CURLE_AGAIN) {
            if (!wait_for(imap, POLLOUT, error))
                return false;
        } else if (code != CURLE_OK) {
            return error_temporary(error, "the server hung up");
        }
        text = span_from(text, sent);
    }
    return true;
}

static bool
take_mail(void *argument, struct span part, struct error *error)
{
    const struct asking *asking = argument;

    return asking->sink->mail == NULL ||
           asking->sink->mail(asking->sink->argument, part, error);
}

static bool
take_line(void *argument, struct span line, struct error *error)
{
    struct asking *asking = argument;
    struct span rest = line;

    if (span_take(&rest, span_of(asking->tag))) {
        asking->is_over = true;
        return span_starts_nocase(rest, SPAN("OK")) ||
               error_permanent(error, "the server says %.*s",
                   (int)span_first(rest, SAID_MAX).length, rest.data);
    }
    if (span_starts_nocase(line, SPAN("* BYE")))
        return error_temporary(error, "the server says goodbye");
    return asking->sink->line == NULL ||
           asking->sink->line(asking->sink->argument, line, error);
}

bool
ctl_imap_ask(struct ctl_imap *imap, const char *command, const struct imap_sink *sink,
    struct error *error)
{
    struct asking asking = {.sink = sink};
    const struct imap_sink own = {take_mail, take_line, &asking};
    static char chunk[CHUNK];
    struct buffer line;
    bool done;

    /* Not one of those that libcurl gave. */
    (void)snprintf(asking.tag, sizeof(asking.tag), "P%u ", ++imap->number);
    buffer_init(&line, IMAP_LINE_MAX);
    buffer_printf(&line, "%s%s\r\n", asking.tag, command);
    done = send_all(imap, buffer_span(&line), error);
    buffer_clear(&line);
    while (done && !asking.is_over) {
        size_t got = 0;
        CURLcode code = curl_easy_recv(imap->curl, chunk, sizeof(chunk), &got);

        if (code == CURLE_AGAIN)
            done = wait_for(imap, POLLIN, error);
        else if (code != CURLE_OK || got == 0)
            done = error_temporary(error, "the server hung up");
        else
            done = imap_answer_feed(&imap->answer, span_make(chunk, got), &own, error);
    }
    return done;
}

#else

struct ctl_imap *
ctl_imap_open(const struct ctl_imap_login *login, struct error *error)
{
    (void)login;
    (void)error_permanent(error, "built without libcurl: mailboxes can't be read");
    return NULL;
}

void
ctl_imap_close(struct ctl_imap *imap)
{
    (void)imap;
}

bool
ctl_imap_ask(struct ctl_imap *imap, const char *command, const struct imap_sink *sink,
    struct error *error)
{
    (void)imap;
    (void)command;
    (void)sink;
    return error_permanent(error, "built without libcurl");
}

#endif
