#include "policyd/ctl/ctl_home.h"

#include "policyd/ctl/ctl_json.h"
#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_postconf.h"
#include "policyd/setup/setup_site.h"
#include "policyd/setup/setup_tables.h"
#include "policyd/terminal/shell_word.h"
#include "policyd/wiring/postfix_text.h"

enum { SAID_MAX = 1 << 16, LINE_ARENA_MAX = 64 << 20 };

/* A local part that nobody has. */
#define INVENTED "postshiftinvented"

static const char *
directory_of(const struct ctl *ctl)
{
    return setup_site_directory(
        ctl->arguments.values[CTL_DIRECTORY], ctl->config->postfix);
}

/* "cutover-new-lmtp:[192.0.2.20]:24" as the site would write it. */
static const char *
as_of_site(struct ctl *ctl, const char *route)
{
    struct span text = span_of(route);
    size_t colon = span_find(text, ':');
    bool is_lmtp = span_ends(span_first(text, colon), SPAN("-lmtp"));

    return arena_printf(ctl->arena, "%s:%s", is_lmtp ? "lmtp" : "smtp",
        arena_text(ctl->arena, span_from(text, colon + 1)));
}

static struct span
nexthop_of(struct span route)
{
    return span_from(route, span_find(route, ':') + 1);
}

/* The address, then the domain, in each of them, as Postfix asks. */
static void
find_lead(struct ctl *ctl, const char *domain, struct ctl_home *home)
{
    const struct span keys[] = {
        span_of(arena_printf(ctl->arena, INVENTED "@%s", domain)), span_of(domain)};
    struct setup_tables *tables =
        setup_tables_new(ctl->arena, directory_of(ctl), keys, ARRAY_LENGTH(keys));
    const char *maps =
        ctl_postfix_ask(ctl, "postconf", "-xh", "transport_maps", &home->fault);
    struct span value = SPAN("");

    for (size_t i = 0; maps != NULL && i < ARRAY_LENGTH(keys); i++) {
        struct span rest = span_of(maps);
        struct span table;

        while (value.length == 0 && postfix_text_next_item(&rest, &table)) {
            if (setup_tables_fault(tables, table) != NULL)
                home->fault = setup_tables_fault(tables, table);
            else if (i == 0 || !setup_tables_is_pattern(table))
                (void)setup_tables_find(tables, table, keys[i], &value);
        }
    }
    home->leads_to = ctl_output_text(ctl->arena, value);
    home->is_new = value.length > 0 &&
                   span_equal(nexthop_of(value), nexthop_of(span_of(home->wanted)));
}

/* --- the queue --- */

static size_t
count_recipients(const struct ctl_json *entry, const char *domain)
{
    const struct ctl_json *recipient = ctl_json_get(entry, "recipients")->first;
    size_t count = 0;

    for (; recipient != NULL; recipient = recipient->next) {
        struct span address = ctl_json_text(recipient, "address");
        size_t at = span_find_last(address, '@');

        if (at != SPAN_NONE && span_is_nocase(span_from(address, at + 1), domain))
            count++;
    }
    return count;
}

static void
look_at_queue(struct ctl *ctl, const char *domain, struct ctl_home *home)
{
    const char *listing =
        ctl_postfix_ask(ctl, "postqueue", "-j", NULL, &home->queue_fault);
    struct arena *arena = arena_new(LINE_ARENA_MAX);
    struct span rest = span_of(listing == NULL ? "" : listing);
    struct span line;
    struct error error;

    while (span_split(&rest, '\n', &line)) {
        const struct ctl_json *entry =
            line.length == 0 ? NULL : ctl_json_parse(arena, line, &error);

        if (entry != NULL)
            home->waiting += count_recipients(entry, domain);
        else if (line.length > 0)
            home->queue_fault = "a line of postqueue -j is no JSON";
        arena_reset(arena);
    }
    arena_free(arena);
}

void
ctl_home_look(
    struct ctl *ctl, const char *domain, const char *new_route, struct ctl_home *home)
{
    const char *text;

    *home = (struct ctl_home){.leads_to = "", .wanted = as_of_site(ctl, new_route)};
    home->maps = ctl_postfix_ask(ctl, "postconf", "-h", "transport_maps", &home->fault);
    if (home->maps == NULL)
        home->maps = "";
    text = ctl_postfix_ask(ctl, "postconf", "-h", "maximal_queue_lifetime", &home->fault);
    if (text == NULL || !postfix_text_time(span_of(text), 'd', &home->lifetime_s))
        home->lifetime_s = UINT64_C(20) * 86400;
    if (home->fault == NULL)
        find_lead(ctl, domain, home);
    look_at_queue(ctl, domain, home);
}

void
ctl_home_print(struct ctl *ctl, const char *domain, const struct ctl_home *home)
{
    const char *value =
        arena_printf(ctl->arena, "transport_maps = inline:{ { %s = %s } }%s%s", domain,
            home->wanted, home->maps[0] == '\0' ? "" : ", ", home->maps);
    struct buffer line;

    buffer_init(&line, SAID_MAX);
    buffer_append_text(&line, "  postconf -e ");
    shell_word_write(&line, value);
    ctl_output_say("%s", buffer_text(&line));
    ctl_output_say("  postfix reload");
    buffer_clear(&line);
}
