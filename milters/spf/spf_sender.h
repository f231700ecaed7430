/*
 * spf_sender - whose mailbox MAIL FROM names, where all readers agree.
 *
 * Postfix's own reading (the macro {mail_addr}) counts: it is what the mail goes on with.
 * Where the raw argument is something else, others may take another domain for the
 * sender's: nobody's pass follows from it then, while a fail of Postfix's domain does.
 */
#ifndef MILTERS_SPF_SPF_SENDER_H
#define MILTERS_SPF_SPF_SENDER_H

#include "shared/base/span.h"

enum spf_sender {
    SPF_SENDER_PLAIN,  /* the same plain mailbox: all results count */
    SPF_SENDER_QUOTED, /* a quoted local part that not all read alike: a pass does not */
    SPF_SENDER_ODD,    /* something else: nothing is to be told of it */
};

/*
 * The argument comes in its brackets or without.  Needless quotes, case and a final dot
 * of the domain are no difference; two null senders are the same.
 */
enum spf_sender spf_sender_read(struct span argument, struct span mail_addr);

#endif
