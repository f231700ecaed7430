#include "milters/dkim/dkim_length.h"

#include "shared/base/octet.h"

enum { LINE_END = 2 };

static void
add_octet(struct dkim_length_form *form, bool is_blank)
{
    if (is_blank) {
        form->blank = true;
        return;
    }
    form->length += form->empty_lines * LINE_END + form->blank + 1;
    form->empty_lines = 0;
    form->blank = false;
    form->in_line = true;
}

static void
end_line(struct dkim_length_form *form)
{
    if (form->in_line)
        form->length += LINE_END;
    else
        form->empty_lines++;
    form->in_line = false;
    form->blank = false;
}

static void
add(struct dkim_length *length, char octet)
{
    add_octet(&length->forms[DKIM_SIMPLE], false);
    add_octet(&length->forms[DKIM_RELAXED], octet_is_blank(octet));
}

void
dkim_length_feed(struct dkim_length *length, struct span chunk)
{
    for (size_t i = 0; i < chunk.length; i++) {
        char octet = chunk.data[i];

        if (length->cr && octet == '\n') {
            end_line(&length->forms[DKIM_SIMPLE]);
            end_line(&length->forms[DKIM_RELAXED]);
            length->cr = false;
            continue;
        }
        /* A CR alone is text. */
        if (length->cr)
            add(length, '\r');
        length->cr = octet == '\r';
        if (!length->cr)
            add(length, octet);
    }
}

uint64_t
dkim_length_total(const struct dkim_length *length, enum dkim_form form)
{
    struct dkim_length_form last = length->forms[form];

    if (length->cr)
        add_octet(&last, false);
    if (last.in_line)
        end_line(&last);
    /* An empty body is a line end in the simple form, and nothing in the relaxed one. */
    return last.length == 0 && form == DKIM_SIMPLE ? LINE_END : last.length;
}
