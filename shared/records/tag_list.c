#include "shared/records/tag_list.h"

#include "shared/base/octet.h"
#include "shared/records/header_field.h"

static bool
is_name(struct span name)
{
    for (size_t i = 0; i < name.length; i++) {
        char octet = name.data[i];

        if (!octet_is_letter(octet) &&
            (i == 0 || (!octet_is_digit(octet) && octet != '_')))
            return false;
    }
    return name.length > 0;
}

static bool
has_name(const struct tag_list *list, struct span name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (span_equal_nocase(list->tags[i].name, name))
            return true;
    }
    return false;
}

static const char *
add_tag(struct tag_list *list, struct span part)
{
    size_t equals = span_find(part, '=');
    struct tag tag;

    if (equals == SPAN_NONE)
        return "a tag without value";
    tag.name = span_trim(span_first(part, equals));
    tag.value = span_trim(span_from(part, equals + 1));
    if (!is_name(tag.name))
        return "a tag name that is none";
    if (has_name(list, tag.name))
        return "a tag given twice";
    if (list->count == TAG_LIST_MAX)
        return "too many tags";
    list->tags[list->count++] = tag;
    return NULL;
}

bool
tag_list_parse(struct span text, struct tag_list *list, const char **wrong)
{
    struct span rest = text;
    struct span part;

    *wrong = NULL;
    list->count = 0;
    list->is_ascii = span_is_ascii(text);
    if (text.length == 0)
        *wrong = "no tags";
    else if (header_field_has_control(text))
        *wrong = "a control character among the tags";
    while (*wrong == NULL && span_split(&rest, ';', &part)) {
        if (span_trim(part).length > 0)
            *wrong = add_tag(list, part);
        else if (rest.data != NULL || list->count == 0)
            *wrong = "an empty tag";
    }
    return *wrong == NULL;
}

const struct tag *
tag_list_find(const struct tag_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (span_is(list->tags[i].name, name))
            return &list->tags[i];
    }
    return NULL;
}

bool
tag_append_squeezed(struct span value, struct buffer *out)
{
    size_t start = 0;

    for (size_t i = 0; i <= value.length; i++) {
        if (i < value.length && !octet_is_white(value.data[i]))
            continue;
        if (i > start)
            buffer_append(out, span_make(value.data + start, i - start));
        start = i + 1;
    }
    return buffer_ok(out);
}

bool
tag_has_white_space(struct span value)
{
    for (size_t i = 0; i < value.length; i++) {
        if (octet_is_white(value.data[i]))
            return true;
    }
    return false;
}

bool
tag_next_part(struct span *rest, struct span *part)
{
    if (!span_split(rest, ':', part))
        return false;
    *part = span_trim(*part);
    return true;
}
