/*
 * unit suggest: who of a domain writes to whom, as links that `unit load` takes once a
 * person has read them.  Nothing is learned on its own.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "policyd/ctl/ctl_books.h"
#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_pairs.h"
#include "policyd/ctl/ctl_units.h"
#include "shared/base/json.h"

enum { MAILS_LEAST = 5, OUT_MAX = 256 << 20 };

static bool
is_close(const struct ctl_pair *pair)
{
    return pair->forth >= MAILS_LEAST && pair->back >= MAILS_LEAST;
}

/* Those who write most stand first. */
static int
compare(const void *left, const void *right)
{
    const struct ctl_pair *a = left;
    const struct ctl_pair *b = right;
    uint64_t mails_a = a->forth + a->back;
    uint64_t mails_b = b->forth + b->back;
    int order;

    if (mails_a != mails_b)
        return mails_a > mails_b ? -1 : 1;
    order = span_compare(a->left, b->left);
    return order != 0 ? order : span_compare(a->right, b->right);
}

static void
write_csv(struct buffer *out, const struct ctl_pairs *pairs, const char *domain)
{
    buffer_printf(out,
        "# Who of %s wrote to whom at least %d times both ways in the last %d days.\n"
        "# Strike out what is no team, then: postshiftctl unit load FILE\n"
        "Mailbox,User,Kind,Mails,Back\n",
        domain, MAILS_LEAST, CTL_PAIRS_DAYS);
    for (size_t i = 0; i < pairs->count; i++) {
        const struct ctl_pair *pair = &pairs->pairs[i];

        /* An address that would need quotes stands for no mailbox that people share. */
        if (is_close(pair) && span_find(pair->left, ',') == SPAN_NONE &&
            span_find(pair->right, ',') == SPAN_NONE &&
            span_find(pair->left, '"') == SPAN_NONE &&
            span_find(pair->right, '"') == SPAN_NONE)
            buffer_printf(out, "%.*s,%.*s,mail,%" PRIu64 ",%" PRIu64 "\n",
                (int)pair->left.length, pair->left.data, (int)pair->right.length,
                pair->right.data, pair->forth, pair->back);
    }
}

static void
write_json(struct buffer *out, const struct ctl_pairs *pairs)
{
    struct json json = json_on(out);

    json_object_begin(&json, NULL);
    json_array_begin(&json, "pairs");
    for (size_t i = 0; i < pairs->count; i++) {
        const struct ctl_pair *pair = &pairs->pairs[i];

        if (!is_close(pair))
            continue;
        json_object_begin(&json, NULL);
        json_span(&json, "mailbox", pair->left);
        json_span(&json, "user", pair->right);
        json_integer(&json, "mails", (int64_t)pair->forth);
        json_integer(&json, "back", (int64_t)pair->back);
        json_object_end(&json);
    }
    json_array_end(&json);
    json_object_end(&json);
}

int
ctl_unit_suggest(struct ctl *ctl)
{
    const char *domain;
    struct ctl_pairs pairs;
    struct buffer out;
    struct error error;

    if (ctl->arguments.count != 2)
        return ctl_output_fail(CTL_USAGE, "a domain is wanted: unit suggest DOMAIN");
    domain = ctl_store_canonical_domain(ctl, ctl->arguments.words[1]);
    if (domain == NULL)
        return CTL_USAGE;
    if (!ctl_pairs_read(ctl, domain, &pairs, &error)) {
        ctl_pairs_clear(&pairs);
        return ctl_output_fail(CTL_NO, "%s", error.text);
    }
    if (pairs.count > 0)
        qsort(pairs.pairs, pairs.count, sizeof(*pairs.pairs), compare);
    buffer_init(&out, OUT_MAX);
    if (ctl_arguments_has(&ctl->arguments, CTL_JSON)) {
        write_json(&out, &pairs);
        ctl_output_document(&out);
    } else {
        write_csv(&out, &pairs, domain);
        ctl_output_raw(buffer_span(&out));
    }
    buffer_clear(&out);
    ctl_pairs_clear(&pairs);
    return CTL_DONE;
}
