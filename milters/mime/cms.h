/*
 * cms - what a cryptographic message (S/MIME, RFC 5652) is, in BER.  Pure.
 */
#ifndef MILTERS_MIME_CMS_H
#define MILTERS_MIME_CMS_H

#include "milters/mime/file_kind.h"
#include "shared/base/buffer.h"

/*
 * Enveloped: encrypted.  Compressed: not opened.  Signed with its content in it: a
 * container of ours (cms_content).  A signature by itself, as beside a signed mail, is
 * FILE_PLAIN, as is anything else.
 */
struct file_kind cms_kind(struct span octets);

/* What is signed, as a part of a message again.  False: there is none, or not all of it.
 */
bool cms_content(struct span octets, struct buffer *out);

#endif
