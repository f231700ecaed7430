#include "policyd/serve/serve_domains.h"

#include "shared/service/config_file.h"

enum { FILE_SIZE_MAX = 4 << 20 };

static bool
read_file(const char *path, struct domain_list *list, struct error *error)
{
    size_t before = list->count;
    struct error why = {.text = ""};
    struct buffer text;
    bool done;

    buffer_init(&text, FILE_SIZE_MAX);
    done = config_file_read(path, &text, NULL, &why);
    if (!done)
        (void)error_permanent(error, "%s", why.text);
    else if (!domain_list_add_text(list, buffer_span(&text), &why))
        done = error_permanent(error, "%s, %s", path, why.text);
    else if (list->count == before)
        done = error_permanent(error, "%s names no domain", path);
    buffer_clear(&text);
    return done;
}

/* Of words that are wrong all are named, as far as there is room. */
static bool
read_words(const struct config_list *words, struct domain_list *list, struct error *error)
{
    struct buffer bad;
    struct error why;
    bool all_good = true;

    buffer_init(&bad, 120);
    for (size_t i = 0; i < words->count; i++) {
        const char *word = words->items[i];

        if (word[0] == '/' ? read_file(word, list, &why)
                           : domain_list_add(list, span_of(word), &why))
            continue;
        if (all_good)
            *error = why;
        all_good = false;
        if (word[0] != '/')
            buffer_printf(&bad, "%s%s", bad.length > 0 ? ", " : "", word);
    }
    if (bad.length > 0)
        (void)error_permanent(
            error, "%s: no domain name (example.com, bücher.example)", buffer_text(&bad));
    buffer_clear(&bad);
    return all_good;
}

bool
serve_domains_check(const void *field, struct error *error)
{
    struct domain_list list = {.count = 0};
    bool good = read_words(field, &list, error);

    domain_list_clear(&list);
    return good;
}

void
serve_domains_read(const struct config_list *words, struct domain_list *list)
{
    struct error ignored;

    (void)read_words(words, list, &ignored);
    domain_list_close(list);
}
