/*
 * header_field - one field of a message's header, as a milter gets it.
 *
 * The name stands without its colon; the value is all behind the colon, its leading blank
 * included, with folds as LF or CRLF and white space and no final line end.
 */
#ifndef SHARED_RECORDS_HEADER_FIELD_H
#define SHARED_RECORDS_HEADER_FIELD_H

#include "shared/base/span.h"

struct header_field {
    struct span name;
    struct span value;
};

/* The name without the white space that old syntax allows before the colon. */
struct span header_field_name(const struct header_field *field);

/* Whether it is the field `name`, case and such white space aside. */
bool header_field_is(const struct header_field *field, struct span name);

/*
 * Whether an octet in the value is none that a field may have: a control character other
 * than a tab, or a line end that begins no fold.
 */
bool header_field_has_control(struct span value);

#endif
