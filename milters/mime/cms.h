/*
 * cms - what a cryptographic message (S/MIME, RFC 5652) is, in BER.  Pure.
 */
#ifndef MILTERS_MIME_CMS_H
#define MILTERS_MIME_CMS_H

#include "milters/mime/file_kind.h"

/*
 * Enveloped: encrypted.  Signed with its content in it, or compressed: not opened.  A
 * signature by itself, as beside a signed mail, is FILE_PLAIN, as is anything else.
 */
struct file_kind cms_kind(struct span octets);

#endif
