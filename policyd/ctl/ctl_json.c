#include "policyd/ctl/ctl_json.h"

#include <jansson.h>
#include <string.h>

#include "shared/base/number.h"

static const struct ctl_json nothing = {.kind = CTL_JSON_NULL};

/* What taking the library's values over goes by. */
struct taking {
    struct arena *arena;
    size_t count;
};

static enum ctl_json_kind
kind_of(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return CTL_JSON_OBJECT;
    case JSON_ARRAY:
        return CTL_JSON_ARRAY;
    case JSON_STRING:
        return CTL_JSON_TEXT;
    case JSON_INTEGER:
    case JSON_REAL:
        return CTL_JSON_NUMBER;
    case JSON_TRUE:
        return CTL_JSON_TRUE;
    case JSON_FALSE:
        return CTL_JSON_FALSE;
    case JSON_NULL:
    default:
        return CTL_JSON_NULL;
    }
}

static struct span
text_of(struct arena *arena, const json_t *value)
{
    if (json_is_string(value))
        return arena_span(
            arena, span_make(json_string_value(value), json_string_length(value)));
    if (json_is_integer(value))
        return span_of(
            arena_printf(arena, "%" JSON_INTEGER_FORMAT, json_integer_value(value)));
    if (json_is_real(value))
        return span_of(arena_printf(arena, "%.15g", json_real_value(value)));
    return SPAN("");
}

/* NULL: deeper or more than we take. */
static struct ctl_json *
/* NOLINTNEXTLINE(misc-no-recursion): CTL_JSON_DEPTH_MAX bounds it */
take(struct taking *taking, json_t *value, const char *name, unsigned depth)
{
    struct ctl_json *node;
    struct ctl_json **end;

    if (depth > CTL_JSON_DEPTH_MAX || ++taking->count > CTL_JSON_NODES_MAX)
        return NULL;
    node = arena_take(taking->arena, sizeof(*node));
    *node = (struct ctl_json){kind_of(value),
        span_of(arena_text(taking->arena, span_of(name))), text_of(taking->arena, value),
        NULL, NULL};
    end = &node->first;
    for (size_t i = 0; i < json_array_size(value); i++) {
        *end = take(taking, json_array_get(value, i), "", depth + 1);
        if (*end == NULL)
            return NULL;
        end = &(*end)->next;
    }
    for (void *i = json_object_iter(value); i != NULL;
         i = json_object_iter_next(value, i)) {
        *end =
            take(taking, json_object_iter_value(i), json_object_iter_key(i), depth + 1);
        if (*end == NULL)
            return NULL;
        end = &(*end)->next;
    }
    return node;
}

const struct ctl_json *
ctl_json_parse(struct arena *arena, struct span text, struct error *error)
{
    struct taking taking = {.arena = arena};
    const struct ctl_json *document;
    json_error_t why;
    json_t *value = json_loadb(text.data != NULL ? text.data : "", text.length,
        JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);

    if (value == NULL) {
        (void)error_permanent(
            error, "no JSON: line %d, octet %d: %s", why.line, why.position, why.text);
        return NULL;
    }
    document = take(&taking, value, "", 1);
    json_decref(value);
    if (document == NULL)
        (void)error_permanent(
            error, "no JSON: more than %d levels or too large", CTL_JSON_DEPTH_MAX);
    return document;
}

const struct ctl_json *
ctl_json_get(const struct ctl_json *object, const char *name)
{
    const struct ctl_json *i = object->kind == CTL_JSON_OBJECT ? object->first : NULL;

    while (i != NULL && !span_is(i->name, name))
        i = i->next;
    return i != NULL ? i : &nothing;
}

struct span
ctl_json_text(const struct ctl_json *object, const char *name)
{
    return ctl_json_get(object, name)->text;
}

bool
ctl_json_number(const struct ctl_json *object, const char *name, uint64_t *number)
{
    const struct ctl_json *value = ctl_json_get(object, name);

    return value->kind == CTL_JSON_NUMBER &&
           number_unsigned(value->text, UINT64_C(1) << 53, number);
}

bool
ctl_json_is_true(const struct ctl_json *object, const char *name)
{
    return ctl_json_get(object, name)->kind == CTL_JSON_TRUE;
}

bool
ctl_json_is_null(const struct ctl_json *object, const char *name)
{
    return ctl_json_get(object, name)->kind == CTL_JSON_NULL;
}
