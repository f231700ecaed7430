#include "milters/spf/spf_received.h"

#include "shared/base/domain.h"

#include <arpa/inet.h>
#include <string.h>

enum {
    LINE_MAX_OCTETS = 78,
    VALUE_MAX = 320, /* local part, "@", domain */
};

/* Words are put on lines as they come. */
struct lines {
    struct buffer *out;
    size_t column;
};

static void
put(struct lines *lines, struct span word)
{
    if (lines->column > 0 && lines->column + 1 + word.length > LINE_MAX_OCTETS) {
        buffer_append_text(lines->out, "\n\t");
        lines->column = 8;
    } else if (lines->out->length > 0) {
        buffer_append_octet(lines->out, ' ');
        lines->column++;
    }
    buffer_append(lines->out, word);
    lines->column += word.length;
}

/* A text of ours, word by word. */
static void
put_text(struct lines *lines, struct span text)
{
    struct span word;

    while (span_word(&text, &word))
        put(lines, word);
}

static bool
is_dot_atom(struct span text)
{
    bool after_dot = true;

    for (size_t i = 0; i < text.length; i++) {
        char octet = text.data[i];
        bool is_dot = octet == '.';

        if (is_dot ? after_dot
                   : octet <= 0x20 || octet > 0x7e ||
                         strchr("()<>[]:;@\\,\"", octet) != NULL)
            return false;
        after_dot = is_dot;
    }
    return !after_dot;
}

static void
append_quoted(struct span text, struct buffer *out)
{
    buffer_append_octet(out, '"');
    for (size_t i = 0; i < text.length; i++) {
        char octet = text.data[i];

        if (octet == '"' || octet == '\\')
            buffer_append_octet(out, '\\');
        if (octet < 0x20 || octet > 0x7e)
            octet = '?';
        buffer_append_octet(out, octet);
    }
    buffer_append_octet(out, '"');
}

static void
put_pair(struct lines *lines, const char *key, struct span value, bool is_last)
{
    struct buffer pair;

    if (value.length > VALUE_MAX)
        return;
    buffer_init(&pair, 2 * VALUE_MAX + 32);
    buffer_printf(&pair, "%s=", key);
    if (is_dot_atom(value))
        buffer_append(&pair, value);
    else
        append_quoted(value, &pair);
    if (!is_last)
        buffer_append_octet(&pair, ';');
    put(lines, buffer_span(&pair));
    buffer_clear(&pair);
}

static const char *
client_text(const struct spf_client *client, char text[INET6_ADDRSTRLEN])
{
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    bool is_mapped = client->address_length == 16 &&
                     memcmp(client->address, mapped, sizeof(mapped)) == 0;
    const unsigned char *address = client->address + (is_mapped ? sizeof(mapped) : 0);
    int family = client->address_length == 4 || is_mapped ? AF_INET : AF_INET6;

    return inet_ntop(family, address, text, INET6_ADDRSTRLEN);
}

/* For errors the problem; else what the domain says of the address. */
static void
write_comment(const struct spf_report *report, const char *address, struct buffer *out)
{
    static const struct {
        const char *before;
        const char *after; /* NULL: the address is not said */
    } rows[AUTH_RESULT_COUNT] = {
        [AUTH_NONE] = {" has no SPF record",           NULL                  },
        [AUTH_PASS] = {" designates ",                 " as permitted sender"},
        [AUTH_FAIL] = {" does not designate ",         " as permitted sender"},
        [AUTH_SOFTFAIL] = {" discourages ",                " as sender"          },
        [AUTH_NEUTRAL] = {" neither permits nor denies ", " as sender"          },
        [AUTH_POLICY] = {" was not checked",             NULL                  },
        [AUTH_TEMPERROR] = {" was not checked",             NULL                  },
        [AUTH_PERMERROR] = {" was not checked",             NULL                  },
    };

    if (report->problem != NULL) {
        buffer_append_text(out, report->problem);
        return;
    }
    buffer_append_text(out, "domain");
    if (domain_is_valid(report->domain)) {
        buffer_append_text(out, " of ");
        buffer_append(out, report->domain);
    }
    buffer_append_text(out, rows[report->result].before);
    if (rows[report->result].after == NULL)
        return;
    buffer_append_text(out, address);
    buffer_append_text(out, rows[report->result].after);
}

void
spf_received_write(const struct spf_report *report, const struct spf_client *client,
    struct span mailbox, struct buffer *out)
{
    struct lines lines = {out, strlen("Received-SPF: ")};
    bool is_helo = report->identity == SPF_IDENTITY_HELO;
    char address[INET6_ADDRSTRLEN] = "";
    struct buffer comment;

    (void)client_text(client, address);
    buffer_init(&comment, 1024);
    buffer_append_octet(&comment, '(');
    if (domain_is_valid(client->receiver)) {
        buffer_append(&comment, client->receiver);
        buffer_append_text(&comment, ": ");
    }
    write_comment(report, address, &comment);
    buffer_append_octet(&comment, ')');

    put(&lines, span_of(auth_result_name(report->result)));
    put_text(&lines, buffer_span(&comment));
    put_pair(&lines, "client-ip", span_of(address), false);
    put_pair(&lines, "envelope-from", mailbox, false);
    put_pair(&lines, "helo", client->helo, false);
    if (domain_is_valid(client->receiver))
        put_pair(&lines, "receiver", client->receiver, false);
    if (report->problem != NULL && report->result != AUTH_NONE)
        put_pair(&lines, "problem", span_of(report->problem), false);
    put_pair(&lines, "identity", span_of(is_helo ? "helo" : "mailfrom"), true);
    buffer_clear(&comment);
}
