#include "policyd/ctl/ctl_unit_sources.h"

#include <string.h>

#include "policyd/ctl/ctl_output.h"
#include "policyd/setup/setup_file.h"
#include "policyd/units/unit_source.h"

enum { FILE_MAX = 256 << 20, TOLD_MAX = 20, SHOWN_MAX = 100 };

static const char *
file_name(const struct ctl_unit_sources *sources, size_t file)
{
    if (file >= sources->file_count)
        return "Redis";
    return strcmp(sources->files[file], "-") == 0 ? "standard input"
                                                  : sources->files[file];
}

static void
tell_line(
    struct ctl_unit_sources *sources, const char *what, struct span text, size_t line)
{
    const char *shown =
        ctl_output_text(sources->ctl->arena, span_first(span_trim(text), SHOWN_MAX));

    if (sources->is_order) {
        if (++sources->wrong <= TOLD_MAX)
            (void)ctl_output_fail(CTL_NO, "%s:%zu: %s: %s",
                file_name(sources, sources->file), line, shown, what);
    } else if (++sources->odd <= 3) {
        ctl_output_say("%s:%zu: left out: %s: %s", file_name(sources, sources->file),
            line, shown, what);
    }
}

static void
left_out(void *argument, const char *why, struct span text, size_t line)
{
    tell_line(argument, why, text, line);
}

/* Canonical, under the domain that its own is same_as; empty: no address. */
static struct span
canonical(struct ctl_unit_sources *sources, struct span text)
{
    struct recipient recipient;
    struct span address;

    if (sources->trouble.kind != ERROR_NONE ||
        !ctl_store_canonical_recipient(sources->ctl, text, &recipient))
        return SPAN("");
    address = arena_span(sources->ctl->arena, recipient_address(&recipient));
    return ctl_store_follow(sources->ctl, &address, &sources->trouble) ? address
                                                                       : SPAN("");
}

static struct span
domain_of(struct span address)
{
    return span_from(address, span_find_last(address, '@') + 1);
}

/* A domain that has a state in Redis, remembered. */
static bool
is_ours(struct ctl_unit_sources *sources, struct span domain)
{
    struct ctl_domain found;
    bool is;

    for (size_t i = 0; i < sources->domain_count; i++) {
        if (span_is(domain, sources->domains[i]))
            return true;
    }
    if (sources->domain_count == CTL_UNIT_DOMAINS_MAX ||
        sources->trouble.kind != ERROR_NONE ||
        !ctl_store_domain(sources->ctl, domain, &found, &sources->trouble))
        return false;
    is = found.state != NULL;
    ctl_domain_clear(&found);
    if (is)
        sources->domains[sources->domain_count++] =
            arena_text(sources->ctl->arena, domain);
    return is;
}

static void
take_order(
    struct ctl_unit_sources *sources, struct span address, struct span unit, size_t line)
{
    struct span name = canonical(sources, address);

    if (name.length == 0) {
        tell_line(sources, "no address", address, line);
        return;
    }
    unit = ctl_store_canonical_unit(sources->ctl, sources->ctl->arena, unit);
    if (unit.data == NULL)
        tell_line(sources, "its unit is none", address, line);
    else if (ctl_store_follow(sources->ctl, &unit, &sources->trouble))
        ctl_units_add(&sources->orders, name, unit);
}

static void
take_link(void *argument, enum unit_link_kind kind, struct span left, struct span right,
    size_t line)
{
    struct ctl_unit_sources *sources = argument;
    struct span from;
    struct span to;

    if (kind == UNIT_LINK_ORDER) {
        take_order(sources, left, right, line);
        return;
    }
    to = canonical(sources, right);
    from = kind == UNIT_LINK_MEMBER ? left : canonical(sources, left);
    if (from.length == 0 || to.length == 0) {
        tell_line(sources, "no address", from.length == 0 ? left : right, line);
        return;
    }
    if (!is_ours(sources, domain_of(to)) ||
        (kind != UNIT_LINK_MEMBER && !span_equal(domain_of(from), domain_of(to)))) {
        sources->elsewhere++;
        return;
    }
    unit_graph_link(sources->graph, kind, from, to, (unsigned)sources->file, line);
}

static bool
choose_format(struct ctl_unit_sources *sources, struct span text,
    enum unit_format *format, int *status)
{
    const char *wanted = sources->ctl->arguments.values[CTL_FORMAT];

    *format = unit_format_guess(text);
    if (wanted != NULL && !unit_format_find(span_of(wanted), format)) {
        *status =
            ctl_output_fail(CTL_USAGE, "--format is one of units, csv, ldif, virtual");
        return false;
    }
    sources->is_order = *format == UNIT_FORMAT_UNITS;
    if (sources->file > 0 && sources->is_order != (sources->graph == NULL)) {
        *status = ctl_output_fail(CTL_USAGE,
            "%s: units and links (csv, ldif, virtual) are loaded one after the other",
            file_name(sources, sources->file));
        return false;
    }
    if (!sources->is_order && sources->graph == NULL)
        sources->graph = unit_graph_new();
    return true;
}

/* Names without a domain are those of --domain, or of the one that is moved. */
static const char *
default_domain(const struct ctl *ctl)
{
    const struct route_rules *rules = &ctl->config->serve->route_rules;

    if (ctl->arguments.values[CTL_DOMAIN] != NULL)
        return ctl->arguments.values[CTL_DOMAIN];
    return rules->domain_count == 1 ? rules->domains[0] : NULL;
}

static int
read_text(struct ctl_unit_sources *sources, struct span text)
{
    const struct unit_reader reader = {
        .link = take_link,
        .left_out = left_out,
        .argument = sources,
        .domain = default_domain(sources->ctl),
    };
    const char *file = file_name(sources, sources->file);
    enum unit_format format;
    struct error error;
    int status;

    if (!choose_format(sources, text, &format, &status))
        return status;
    sources->odd = 0;
    if (!unit_source_read(format, text, &reader, &error))
        return ctl_output_fail(CTL_NO, "%s: %s", file, error.text);
    if (sources->odd > 3)
        ctl_output_say("%s: %zu lines more were left out", file, sources->odd - 3);
    return sources->trouble.kind == ERROR_NONE
               ? CTL_DONE
               : ctl_store_fail(sources->ctl, &sources->trouble);
}

static int
read_file(struct ctl_unit_sources *sources)
{
    const char *file = sources->files[sources->file];
    struct buffer text;
    struct error error;
    int status;

    buffer_init(&text, FILE_MAX);
    if (strcmp(file, "-") == 0)
        ctl_output_invite("lines");
    status = setup_file_read(file, &text, &error)
                 ? read_text(sources, buffer_span(&text))
                 : ctl_output_fail(CTL_NO, "%s", error.text);
    /* Orders are in the arena, links in the graph. */
    buffer_clear(&text);
    return status;
}

int
ctl_unit_sources_read(struct ctl_unit_sources *sources, struct ctl *ctl,
    const char *const *files, size_t count)
{
    int status = CTL_DONE;

    *sources = (struct ctl_unit_sources){
        .ctl = ctl,
        .files = files,
        .file_count = count,
        .orders = {.ctl = ctl},
    };
    for (; status == CTL_DONE && sources->file < count; sources->file++)
        status = read_file(sources);
    if (status == CTL_DONE && sources->wrong > 0)
        status = ctl_output_fail(CTL_NO, "%zu line%s wrong; nothing was changed",
            sources->wrong, sources->wrong == 1 ? " is" : "s are");
    if (sources->elsewhere > 0)
        ctl_output_say("%zu link%s left out: their addresses are not both of one domain "
                       "of ours",
            sources->elsewhere, sources->elsewhere == 1 ? "" : "s");
    return status;
}

void
ctl_unit_sources_clear(struct ctl_unit_sources *sources)
{
    unit_graph_free(sources->graph);
    ctl_units_clear(&sources->orders);
}

const char *
ctl_unit_sources_edge(
    const struct ctl_unit_sources *sources, const struct unit_edge *edge)
{
    if (edge->kind == UNIT_LINK_KEPT)
        return "one unit already";
    return arena_printf(sources->ctl->arena, "%s, %s:%zu", unit_link_name(edge->kind),
        file_name(sources, edge->file), edge->line);
}
