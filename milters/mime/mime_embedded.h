/*
 * mime_embedded - files that stand in a text without being parts of the message. Pure.
 *
 * Mail programs show them as attachments all the same: uuencoded ones and yEnc from a
 * "begin" line on, what a calendar or a card has in its lines (ATTACH, PHOTO), what an
 * XML document or a picture has in base64.  A spelling that some program takes is one,
 * and what then is decoded may be no file at all: who scans it loses nothing.
 */
#ifndef MILTERS_MIME_MIME_EMBEDDED_H
#define MILTERS_MIME_MIME_EMBEDDED_H

#include "shared/base/buffer.h"

/* Whether there may be any: a look that is cheap. */
bool mime_embedded_may_have_files(struct span text);
bool mime_embedded_may_have_values(struct span text);

/*
 * The first uuencoded or yEnc file in a text, from its "begin" or "=ybegin" line on;
 * `text` moves behind it.  False: there is none (any more).
 */
bool mime_embedded_file(struct span *text, struct buffer *out);

/* The same of base64 in a calendar, a card or XML. */
bool mime_embedded_value(struct span *text, struct buffer *out);

/* BinHex that begins behind something else; empty: none. */
struct span mime_embedded_binhex(struct span text);

#endif
