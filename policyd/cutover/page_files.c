#include "policyd/cutover/page_files.h"

#include <string.h>

#include "shared/base/attributes.h"

/* The assembler takes a file in as it is; paths are from the root, where make runs. */
#define TAKE_IN(name, file)                                                              \
    __asm__(".pushsection .rodata\n"                                                     \
            ".global page_file_" #name "\n"                                              \
            "page_file_" #name ":\n"                                                     \
            ".incbin \"policyd/cutover/" file "\"\n"                                     \
            ".global page_file_" #name "_end\n"                                          \
            "page_file_" #name "_end:\n"                                                 \
            ".popsection\n");                                                            \
    extern const char page_file_##name[];                                                \
    extern const char page_file_##name##_end[]

TAKE_IN(html, "page.html");
TAKE_IN(css, "page.css");
TAKE_IN(js, "page.js");

static const struct {
    const char *path;
    const char *begin;
    const char *end;
    const char *content_type;
} files[] = {
    {"/",         page_file_html, page_file_html_end, "text/html; charset=utf-8"      },
    {"/page.css", page_file_css,  page_file_css_end,  "text/css; charset=utf-8"       },
    {"/page.js",  page_file_js,   page_file_js_end,   "text/javascript; charset=utf-8"},
};

bool
page_files_write(const char *path, struct buffer *body, const char **content_type)
{
    for (size_t i = 0; i < ARRAY_LENGTH(files); i++) {
        if (strcmp(path, files[i].path) != 0)
            continue;
        buffer_append(
            body, span_make(files[i].begin, (size_t)(files[i].end - files[i].begin)));
        *content_type = files[i].content_type;
        return true;
    }
    return false;
}
