/*
 * probe accept: a backend has a new certificate, and that is right.
 */
#include <string.h>

#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_store.h"
#include "policyd/ctl/ctl_verbs.h"
#include "policyd/ctl/ctl_write.h"

/* The hash probe:<domain>: `old` and `new` have the fingerprints that are expected,
 * `old_seen` and `new_seen` those that came last, by the controllers. */
static int
accept(struct ctl *ctl, const char *name, const char *side)
{
    struct ctl_hash hash;
    struct span seen;
    struct domain_field field = {span_of(side), SPAN("")};
    struct ctl_event event = {.domain = name, .what = "probe-pin", .key = side};
    struct error error;

    if (!ctl_store_hash(
            ctl, ctl_store_key(ctl, ctl->arena, "probe:", span_of(name)), &hash, &error))
        return ctl_store_fail(ctl, &error);
    seen = ctl_hash_value(&hash, strcmp(side, "old") == 0 ? "old_seen" : "new_seen");
    if (seen.length == 0)
        return ctl_output_fail(CTL_NO,
            "%s: no certificate of %s has been seen by a probe yet; nothing was changed",
            name, side);
    if (span_equal(seen, ctl_hash_value(&hash, side))) {
        ctl_output_say(
            "%s: the certificate of %s is the expected one already", name, side);
        return CTL_DONE;
    }
    field.value = seen;
    event.to = arena_text(ctl->arena, seen);
    event.why = ctl->arguments.values[CTL_WHY];
    if (!ctl_write_field(ctl, hash.key, &field, &event, &error))
        return ctl_store_fail(ctl, &error);
    ctl_output_say("%s: the certificate of %s is expected from now on: %s", name, side,
        ctl_output_text(ctl->arena, seen));
    return CTL_DONE;
}

int
ctl_probe_run(struct ctl *ctl)
{
    const char *const *words = ctl->arguments.words;
    const char *name;

    if (strcmp(words[0], "accept") != 0)
        return ctl_output_fail(CTL_USAGE, "probe %s: there is accept",
            ctl_output_text(ctl->arena, span_of(words[0])));
    if (strcmp(words[2], "old") != 0 && strcmp(words[2], "new") != 0)
        return ctl_output_fail(CTL_USAGE, "%s is neither old nor new",
            ctl_output_text(ctl->arena, span_of(words[2])));
    name = ctl_store_canonical_domain(ctl, words[1]);
    return name == NULL ? CTL_USAGE : accept(ctl, name, words[2]);
}
