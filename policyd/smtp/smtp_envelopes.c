#include "policyd/smtp/smtp_envelopes.h"

#include <stdlib.h>

#include "policyd/wire/smtp_command.h"
#include "shared/base/allocate.h"

struct copy {
    struct smtp_envelope envelope;
    char *sender;
    char **recipients;
};

struct smtp_envelopes {
    struct copy *copies;
    size_t count;
};

static bool
check(const struct smtp_envelope *envelope, struct error *error)
{
    struct error why = {.text = ""};

    if (envelope->sender[0] != '\0' &&
        !smtp_address_check(span_of(envelope->sender), &why))
        return error_permanent(error, "%s: %s", envelope->sender, why.text);
    for (size_t i = 0; i < envelope->recipient_count; i++) {
        if (!smtp_address_check(span_of(envelope->recipients[i]), &why))
            return error_permanent(error, "%s: %s", envelope->recipients[i], why.text);
    }
    return true;
}

static void
copy_envelope(struct copy *copy, const struct smtp_envelope *from)
{
    size_t count = from->recipient_count;

    copy->sender = allocate_text(span_of(from->sender));
    copy->recipients = allocate_array(count + 1, sizeof(*copy->recipients));
    for (size_t i = 0; i < count; i++)
        copy->recipients[i] = allocate_text(span_of(from->recipients[i]));
    copy->envelope = (struct smtp_envelope){
        .sender = copy->sender,
        .recipients = (const char *const *)copy->recipients,
        .recipient_count = count,
        .size = from->size,
    };
}

struct smtp_envelopes *
smtp_envelopes_new(
    const struct smtp_envelope *envelopes, size_t count, struct error *error)
{
    struct smtp_envelopes *made;

    for (size_t i = 0; i < count; i++) {
        if (!check(&envelopes[i], error))
            return NULL;
    }
    made = allocate(sizeof(*made));
    made->copies = allocate_array(count + 1, sizeof(*made->copies));
    made->count = count;
    for (size_t i = 0; i < count; i++)
        copy_envelope(&made->copies[i], &envelopes[i]);
    return made;
}

void
smtp_envelopes_free(struct smtp_envelopes *envelopes)
{
    if (envelopes == NULL)
        return;
    for (size_t i = 0; i < envelopes->count; i++) {
        for (size_t j = 0; j < envelopes->copies[i].envelope.recipient_count; j++)
            free(envelopes->copies[i].recipients[j]);
        free(envelopes->copies[i].recipients);
        free(envelopes->copies[i].sender);
    }
    free(envelopes->copies);
    free(envelopes);
}

const struct smtp_envelope *
smtp_envelopes_at(const struct smtp_envelopes *envelopes, size_t place)
{
    return place < envelopes->count ? &envelopes->copies[place].envelope : NULL;
}

bool
smtp_envelope_is_wide(const struct smtp_envelope *envelope)
{
    for (size_t i = 0; i < envelope->recipient_count; i++) {
        if (!span_is_ascii(span_of(envelope->recipients[i])))
            return true;
    }
    return !span_is_ascii(span_of(envelope->sender));
}
