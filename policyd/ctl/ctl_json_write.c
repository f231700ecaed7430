#include "policyd/ctl/ctl_json_write.h"

#include <stdlib.h>

#include "shared/base/number.h"

static void
write_number(struct json *json, const char *key, struct span text)
{
    char digits[64] = "";
    int64_t whole;

    (void)span_copy(text, digits, sizeof(digits));
    if (number_signed(text, INT64_MIN, INT64_MAX, &whole))
        json_integer(json, key, whole);
    else
        json_double(json, key, strtod(digits, NULL));
}

void
/* NOLINTNEXTLINE(misc-no-recursion): CTL_JSON_DEPTH_MAX bounds it */
ctl_json_write(struct json *json, const char *key, const struct ctl_json *value)
{
    switch (value->kind) {
    case CTL_JSON_NULL:
        json_null(json, key);
        break;
    case CTL_JSON_FALSE:
    case CTL_JSON_TRUE:
        json_bool(json, key, value->kind == CTL_JSON_TRUE);
        break;
    case CTL_JSON_NUMBER:
        write_number(json, key, value->text);
        break;
    case CTL_JSON_TEXT:
        json_span(json, key, value->text);
        break;
    case CTL_JSON_ARRAY:
        json_array_begin(json, key);
        for (const struct ctl_json *i = value->first; i != NULL; i = i->next)
            ctl_json_write(json, NULL, i);
        json_array_end(json);
        break;
    case CTL_JSON_OBJECT:
        json_object_begin(json, key);
        for (const struct ctl_json *i = value->first; i != NULL; i = i->next)
            ctl_json_write(json, i->name.data, i);
        json_object_end(json);
        break;
    }
}
