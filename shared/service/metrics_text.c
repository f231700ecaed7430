#include "shared/service/metrics_text.h"

#include "shared/base/number.h"
#include "shared/base/utf8.h"

#include <math.h>

void
metrics_text_label(struct buffer *out, const char *name, const char *value)
{
    struct span rest = span_of(value);

    buffer_printf(out, "%s%s=\"", out->length > 0 ? "," : "", name);
    while (rest.length > 0) {
        size_t length = utf8_length(rest);

        if (length == 0)
            buffer_append_text(out, "\xef\xbf\xbd");
        else if (rest.data[0] == '\n')
            buffer_append_text(out, "\\n");
        else if (rest.data[0] == '"' || rest.data[0] == '\\')
            buffer_printf(out, "\\%c", rest.data[0]);
        else
            buffer_append(out, span_first(rest, length));
        rest = span_from(rest, length == 0 ? 1 : length);
    }
    buffer_append_octet(out, '"');
}

void
metrics_text_number(struct buffer *out, double number)
{
    char text[32];

    if (isfinite(number))
        buffer_append_text(out, number_write(number, text));
    else
        buffer_append_text(out, isnan(number) ? "NaN" : number > 0 ? "+Inf" : "-Inf");
}
