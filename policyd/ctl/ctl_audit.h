/*
 * ctl_audit - what an audit found, of this gateway or of all of them.
 */
#ifndef POLICYD_CTL_CTL_AUDIT_H
#define POLICYD_CTL_CTL_AUDIT_H

#include "policyd/books/books_audit.h"
#include "policyd/ctl/ctl.h"
#include "policyd/ctl/ctl_json.h"

/* One audit, and what Postfix's queue and the controller say beside it. */
struct audit_findings {
    struct audit audit;
    struct audit_names queue_only;
    struct audit_names books_only;
    const char *queue_silent;          /* why it was not asked, or NULL */
    const struct ctl_json *controller; /* NULL: it was not asked */
    const char *controller_silent;     /* why */
    const char *log_trouble;           /* what is to come may never come; NULL for none */
    const char *log_silent;
    bool is_read;              /* the window is all in what has been read */
    const char *const *silent; /* gateways that did not answer */
    size_t silent_count;
};

void ctl_audit_print(struct ctl *ctl, const struct audit_findings *findings);
void ctl_audit_print_json(const struct audit_findings *findings, bool balanced);

#endif
