/*
 * main.cf and master.cf of any kind; a list with our word put in and taken out is what it
 * was.
 */
#include <stdlib.h>

#include "policyd/wiring/postfix_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool yes)
{
    if (!yes)
        abort();
}

/* Postfix itself refuses a list whose braces don't match. */
static bool
is_balanced(struct span list)
{
    size_t depth = 0;

    for (size_t i = 0; i < list.length; i++) {
        if (list.data[i] == '{')
            depth++;
        else if (list.data[i] == '}' && depth > 0)
            depth--;
    }
    return depth == 0;
}

static void
put_in_and_take_out(struct span list, bool first)
{
    struct buffer with;
    struct buffer without;

    buffer_init(&with, list.length + 100);
    buffer_init(&without, list.length + 100);
    postfix_text_list_add(&with, list, true, "$ours", first);
    check(postfix_text_list_has(buffer_span(&with), "$ours"));
    check(postfix_text_list_remove(&without, buffer_span(&with), "$ours"));
    check(span_equal(buffer_span(&without), list));
    buffer_clear(&with);
    buffer_clear(&without);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_make(data, size);
    struct span services = text;
    struct postfix_service service;
    struct span value;
    struct buffer list;

    while (postfix_text_next_service(&services, &service))
        (void)postfix_text_override(service.arguments, "smtpd_milters", &value);
    buffer_init(&list, size + 1);
    if (postfix_text_value(text, "smtpd_milters", &list) &&
        is_balanced(buffer_span(&list)) &&
        !postfix_text_list_has(buffer_span(&list), "$ours")) {
        put_in_and_take_out(buffer_span(&list), true);
        put_in_and_take_out(buffer_span(&list), false);
    }
    buffer_clear(&list);
    return 0;
}
