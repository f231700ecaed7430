#include "policyd/ctl/ctl_preflight.h"

bool
ctl_preflight_wants(const struct ctl_preflight *preflight, enum check_group group)
{
    for (int i = 0; i < CHECKS; i++) {
        if (check_rows[i].group == group && preflight->wanted[i] &&
            !preflight->settled[i])
            return true;
    }
    return false;
}

void
ctl_preflight_look(
    struct ctl_preflight *preflight, const struct ctl_preflight_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct check *check = ctl_preflight_begin(preflight, rows[i].name);

        if (check == NULL)
            continue;
        rows[i].look(preflight, check);
        check->is_final = true;
    }
}

struct check *
ctl_preflight_begin(struct ctl_preflight *preflight, enum check_name name)
{
    if (!preflight->wanted[name] || preflight->settled[name])
        return NULL;
    check_begin(&preflight->checks[name], preflight->ctl->arena);
    return &preflight->checks[name];
}

struct check_counts
ctl_preflight_counts(const struct ctl_preflight *preflight)
{
    struct check_counts counts = {0};

    for (int i = 0; i < CHECKS; i++) {
        if (preflight->wanted[i])
            check_count(&counts, (enum check_name)i, preflight->checks[i].result);
    }
    return counts;
}
