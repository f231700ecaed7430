#include "policyd/terminal/init_text.h"

#include <string.h>

#include "shared/base/attributes.h"

/* What is written, and the section that it is in. */
struct page {
    struct buffer *out;
    const char *section;
    bool ok;
};

static void
comment(struct page *page, const char *text)
{
    if (span_has_control(span_of(text)))
        page->ok = false;
    buffer_printf(page->out, "# %s\n", text);
}

/* A value ends with its line, and blanks around it are not part of it. */
static void
set(struct page *page, const char *section, const char *why, const char *key,
    const char *value)
{
    struct span text = span_of(value);

    if (span_has_control(text) || span_trim(text).length != text.length)
        page->ok = false;
    if (page->section == NULL || strcmp(page->section, section) != 0) {
        buffer_printf(page->out, "\n[%s]\n", section);
        page->section = section;
    }
    if (why != NULL)
        comment(page, why);
    buffer_printf(page->out, "%s =%s%s\n", key, value[0] == '\0' ? "" : " ", value);
}

static bool
has_word(struct span list, struct span word)
{
    struct span item;

    while (span_split(&list, ' ', &item)) {
        if (span_equal(item, word))
            return true;
    }
    return false;
}

static void
add_word(struct buffer *list, struct span word)
{
    if (has_word(buffer_span(list), word))
        return;
    if (list->length > 0)
        buffer_append_octet(list, ' ');
    buffer_append(list, word);
}

/* Hosts of both routes, each once. */
static void
set_nexthops(struct page *page, const struct init_text *text)
{
    struct buffer list;

    buffer_init(&list, INIT_TEXT_MAX);
    for (size_t i = 0; i < INIT_ROUTES; i++) {
        struct domain_route route;
        struct error ignored;

        if (!domain_route_read(span_of(text->routes[i]), &route, &ignored))
            continue;
        if (route.count == 0) {
            buffer_printf(&list, "%sunix:%s", list.length > 0 ? " " : "",
                text->routes[i] + route.transport.length + strlen(":unix:"));
            continue;
        }
        for (size_t host = 0; host < route.count; host++)
            add_word(&list, route.hosts[host].host);
    }
    if (list.length > 0)
        set(page, "policyd",
            "The hosts that Redis may name: without this, who writes there could send "
            "mail "
            "anywhere.",
            "nexthops", buffer_text(&list));
    buffer_clear(&list);
}

static void
set_transports(struct page *page, const struct init_text *text)
{
    struct buffer list;

    buffer_init(&list, INIT_TEXT_MAX);
    buffer_append_text(&list, "cutover-old cutover-new cutover-standby cutover-old-lmtp "
                              "cutover-new-lmtp cutover-standby-lmtp");
    for (size_t i = 0; i < INIT_ROUTES; i++) {
        if (text->transports[i] != NULL)
            add_word(&list, span_of(text->transports[i]));
    }
    set(page, "policyd",
        "The delivery services that Redis may name: the usual ones, and one of this "
        "site's.",
        "transports", buffer_text(&list));
    buffer_clear(&list);
}

static void
set_socket(
    struct page *page, const struct init_text *text, const char *section, const char *key)
{
    struct buffer value;
    const char *why = NULL;

    if (page->section == NULL || strcmp(page->section, section) != 0)
        why =
            strcmp(section, "policyd") == 0
                ? "Where Postfix's queue is, a chrooted service of it reaches them."
                : "Where Postfix's queue is; ListenStream= of the socket's unit says the "
                  "same.";
    buffer_init(&value, INIT_TEXT_MAX);
    buffer_printf(&value, "unix:%s/postshift/%s.sock", text->queue,
        strcmp(key, "listen") == 0 ? section : key);
    set(page, section, why, key, buffer_text(&value));
    buffer_clear(&value);
}

static void
set_policyd(struct page *page, const struct init_text *text)
{
    bool extra = false;

    if (text->queue != NULL) {
        set_socket(page, text, "policyd", "policy");
        set_socket(page, text, "policyd", "route");
    }
    set(page, "policyd", "What is moved; all other mail goes where main.cf says.",
        "domains", text->domain);
    set_nexthops(page, text);
    for (size_t i = 0; i < INIT_ROUTES; i++)
        extra = extra || text->transports[i] != NULL;
    if (extra)
        set_transports(page, text);
    if (text->loopback)
        set(page, "policyd",
            "A backend is on this host: mail for it must not come back to this Postfix.",
            "allow_loopback", "yes");
    if (text->delimiter != NULL)
        set(page, "policyd", "As recipient_delimiter in main.cf.", "recipient_delimiter",
            text->delimiter);
}

static void
set_redis(struct page *page, const struct init_text *text)
{
    if (text->redis != NULL)
        set(page, "redis", "It listens there, and not at inet:127.0.0.1:6379.", "address",
            text->redis);
    if (!text->redis_locked)
        return;
    if (text->redis == NULL)
        buffer_append_text(page->out, "\n[redis]\n");
    page->section = "redis";
    comment(page, "It wants a password: put it into this file, whose owner is postshift, "
                  "mode 0400, and take the # away.");
    buffer_append_text(page->out, "#password_file = /etc/postshift/redis.password\n");
}

bool
init_text_write(struct buffer *out, const struct init_text *text)
{
    struct page page = {out, NULL, true};

    comment(&page,
        "postshift.conf - what this site has otherwise than by default, written "
        "by `postshiftctl init`.");
    comment(&page,
        "All keys with their defaults: postshift.conf(5).  `postshift-policyd -t` "
        "says what is wrong in here.");
    set_redis(&page, text);
    if (text->carried != NULL) {
        buffer_append_text(out, "\n");
        buffer_printf(
            out, "# Before the move %s is carried by %s.\n", text->domain, text->carried);
        page.ok = page.ok && !span_has_control(span_of(text->carried));
    }
    set_policyd(&page, text);
    if (text->queue != NULL) {
        set_socket(&page, text, "auth", "listen");
        set_socket(&page, text, "scan", "listen");
    }
    if (text->spamd != NULL)
        set(&page, "scan", "SpamAssassin answers there: each mail gets its score.",
            "spamd", text->spamd);
    if (text->log != NULL)
        set(&page, "cutover", "As maillog_file in main.cf.", "log", text->log);
    if (text->postfix != NULL) {
        set(&page, "cutover", "Not Postfix's usual directory.", "postfix", text->postfix);
        set(&page, "ctl", "The same.", "postfix", text->postfix);
    }
    return page.ok && buffer_ok(out);
}
