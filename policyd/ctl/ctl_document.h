/*
 * ctl_document - a page of one of our daemons, as a document.
 */
#ifndef POLICYD_CTL_CTL_DOCUMENT_H
#define POLICYD_CTL_CTL_DOCUMENT_H

#include "policyd/ctl/ctl.h"
#include "policyd/ctl/ctl_json.h"

/*
 * NULL: nobody answers there, or no object; the error says why.  `raw` gets the page as
 * it came (NULL: not wanted).
 */
const struct ctl_json *ctl_document_get(struct ctl *ctl,
    const struct socket_address *address, const char *path, struct buffer *raw,
    struct error *error);

#endif
