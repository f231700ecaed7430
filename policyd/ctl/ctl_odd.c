#include "policyd/ctl/ctl_odd.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/replica/odd_keys.h"
#include "policyd/replica/replica_key.h"
#include "shared/base/allocate.h"
#include "shared/base/attributes.h"

static const char *const kinds[] = {"domain:", "pin:", "unit:", "list:"};

enum { KEY_MAX = 2 * REPLICA_NAME_MAX };

struct ctl_odd {
    struct ctl *ctl;
    struct odd_keys *keys;
    bool is_read[ARRAY_LENGTH(kinds)];
};

static bool
take_key(void *argument, struct span key, struct error *error)
{
    struct ctl_odd *odd = argument;
    struct replica_key about;
    struct buffer canonical;

    (void)error;
    replica_key_parse(
        key, SPAN(""), &odd->ctl->config->serve->route_rules.recipient, &about);
    if (about.kind <= REPLICA_KEY_BAD || about.as_written)
        return true;
    buffer_init(&canonical, KEY_MAX);
    replica_key_write(&about, SPAN(""), &canonical);
    (void)odd_keys_add(odd->keys, buffer_span(&canonical), key);
    buffer_clear(&canonical);
    return true;
}

struct ctl_odd *
ctl_odd_new(struct ctl *ctl)
{
    struct ctl_odd *odd = allocate(sizeof(*odd));

    odd->ctl = ctl;
    odd->keys = odd_keys_new();
    return odd;
}

void
ctl_odd_free(struct ctl_odd *odd)
{
    if (odd == NULL)
        return;
    odd_keys_free(odd->keys);
    free(odd);
}

static bool
read_kind(struct ctl_odd *odd, const char *kind, struct error *error)
{
    char pattern[16];
    size_t i = 0;

    while (strcmp(kinds[i], kind) != 0) {
        i++;
        assert(i < ARRAY_LENGTH(kinds));
    }
    if (odd->is_read[i])
        return true;
    odd->is_read[i] = true;
    (void)snprintf(pattern, sizeof(pattern), "%s*", kind);
    return ctl_store_scan(odd->ctl, pattern, take_key, odd, error);
}

bool
ctl_odd_find(struct ctl_odd *odd, const char *kind, struct span name,
    struct span *written, struct error *error)
{
    struct span sorted[ODD_KEYS_READ];
    char canonical[KEY_MAX];
    int length;

    *written = (struct span){NULL, 0};
    if (!read_kind(odd, kind, error))
        return false;
    length = snprintf(canonical, sizeof(canonical), "%s%.*s", kind, (int)name.length,
        name.data == NULL ? "" : name.data);
    if (length > 0 && (size_t)length < sizeof(canonical) &&
        odd_keys_sorted(odd->keys, span_make(canonical, (size_t)length), sorted) > 0)
        *written = span_from(sorted[0], strlen(kind));
    return true;
}
