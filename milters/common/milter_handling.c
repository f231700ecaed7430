#include "milters/common/milter_handling.h"

bool
milter_handling_is(const struct milter_handling *handling, uint32_t step)
{
    return (handling->steps & step) != 0;
}

void
milter_handling_mail(struct milter_handling *handling, struct span sender)
{
    atomic_fetch_add(&handling->counts->messages, 1);
    handling->phase = MILTER_PHASE_FIELDS;
    handling->handler->mail(handling->data, sender);
}

void
milter_handling_recipient(struct milter_handling *handling)
{
    if (handling->handler->recipient != NULL && handling->phase == MILTER_PHASE_FIELDS)
        handling->handler->recipient(handling->data);
}

bool
milter_handling_field(
    struct milter_handling *handling, struct span name, struct span value)
{
    if (handling->phase != MILTER_PHASE_FIELDS)
        return false;
    handling->handler->field(handling->data, name, value);
    return true;
}

bool
milter_handling_end_of_fields(struct milter_handling *handling)
{
    if (handling->phase != MILTER_PHASE_FIELDS)
        return false;
    handling->phase = MILTER_PHASE_BODY;
    handling->handler->end_of_fields(handling->data);
    return true;
}

bool
milter_handling_body(struct milter_handling *handling, struct span chunk)
{
    (void)milter_handling_end_of_fields(handling);
    if (handling->phase == MILTER_PHASE_BODY && chunk.length > 0 &&
        !handling->handler->body(handling->data, chunk))
        handling->phase = MILTER_PHASE_SKIPPED;
    return handling->phase == MILTER_PHASE_SKIPPED &&
           milter_handling_is(handling, MILTER_SKIP) &&
           !milter_handling_is(handling, MILTER_NR_BODY);
}

void
milter_handling_end_of_message(struct milter_handling *handling)
{
    (void)milter_handling_end_of_fields(handling);
    handling->handler->end_of_message(handling->data);
}

bool
milter_handling_reset(struct milter_handling *handling)
{
    if (handling->phase == MILTER_PHASE_NONE)
        return false;
    handling->phase = MILTER_PHASE_NONE;
    handling->handler->reset(handling->data);
    atomic_fetch_sub(&handling->counts->messages, 1);
    return true;
}

void
milter_handling_close(struct milter_handling *handling)
{
    if (handling->data == NULL)
        return;
    (void)milter_handling_reset(handling);
    handling->handler->close(handling->data);
}
