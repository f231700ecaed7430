/*
 * clam_test_mail - the mails that a worker must find the EICAR test file in.
 */
#ifndef MILTERS_SCAN_CLAM_TEST_MAIL_H
#define MILTERS_SCAN_CLAM_TEST_MAIL_H

#include "shared/base/buffer.h"

/* With the file attached as it is, or in a zip, deflated. */
void clam_test_mail_write(bool packed, struct buffer *out);

#endif
