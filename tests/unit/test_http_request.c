/*
 * The head of a request, and a query.
 */
#include "tests/unit/unit.h"

#include "shared/base/attributes.h"
#include "shared/service/http_request.h"

#include <string.h>

static void
reads_what_matters(void **state)
{
    static const struct {
        const char *octets;
        const char *method;
        const char *path;
        const char *query;
        const char *host; /* NULL: none */
        bool has_body;
    } rows[] = {
        /* clang-format off */
        {"GET / HTTP/1.0\r\n\r\n", "GET", "/", "", NULL, false},
        {"GET / HTTP/1.0\n\n", "GET", "/", "", NULL, false},
        {"HEAD /a?b=c&d HTTP/1.1\r\nHost: x\r\n\r\n", "HEAD", "/a", "b=c&d", "x", false},
        {"GET /a? HTTP/1.1\r\nhost:x:80\r\n\r\n", "GET", "/a", "", "x", false},
        {"GET /%20?? HTTP/1.1\r\nHOST: [::1]:80 \r\n\r\n", "GET", "/%20", "?", "::1", false},
        {"GET / HTTP/1.1\r\nHost: [::1]\r\n\r\n", "GET", "/", "", "::1", false},
        {"GET / HTTP/1.1\r\nHost:\r\n\r\n", "GET", "/", "", "", false},
        {"GET http://a.example:8/b HTTP/1.1\r\nHost: c\r\n\r\n", "GET", "/b", "", "a.example", false},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", "POST", "/", "", "x", true},
        {"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", "GET", "/", "", "x", false},
        {"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", "GET", "/", "", "x", true},
        {"GET / HTTP/1.1\r\nX: \xff\t\xc3\xa4\r\nHost: x\r\n\r\nmore", "GET", "/", "", "x", false},
        /* clang-format on */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct http_request request;
        struct span octets = span_of(rows[i].octets);

        print_message("# %zu %s\n", i, rows[i].path);
        assert_int_equal(http_request_parse(octets, &request), HTTP_REQUEST_DONE);
        assert_true(span_is(request.method, rows[i].method));
        assert_true(span_is(request.path, rows[i].path));
        assert_true(span_is(request.query, rows[i].query));
        assert_int_equal(request.has_host, rows[i].host != NULL);
        if (rows[i].host != NULL)
            assert_true(span_is(request.host, rows[i].host));
        assert_int_equal(request.has_body, rows[i].has_body);
    }
}

static void
refuses_what_the_grammar_does_not_have(void **state)
{
    static const struct {
        const char *what;
        const char *octets;
    } rows[] = {
        /* clang-format off */
        {"an empty line first", "\r\nGET / HTTP/1.0\r\n\r\n"},
        {"HTTP/0.9", "GET /\r\n\r\n"},
        {"HTTP/2", "GET / HTTP/2\r\n\r\n"},
        {"lower case", "GET / http/1.0\r\n\r\n"},
        {"two blanks", "GET  / HTTP/1.0\r\n\r\n"},
        {"a tab", "GET\t/ HTTP/1.0\r\n\r\n"},
        {"a blank behind", "GET / HTTP/1.0 \r\n\r\n"},
        {"a bad method", "G:T / HTTP/1.0\r\n\r\n"},
        {"a long method", "ABCDEFGHIJKLMNOPQ / HTTP/1.0\r\n\r\n"},
        {"no path", "GET x HTTP/1.0\r\n\r\n"},
        {"an asterisk", "OPTIONS * HTTP/1.0\r\n\r\n"},
        {"a fragment", "GET /#a HTTP/1.0\r\n\r\n"},
        {"https", "GET https://a/ HTTP/1.0\r\n\r\n"},
        {"an authority alone", "GET http://a HTTP/1.0\r\n\r\n"},
        {"an authority that is empty", "GET http:/// HTTP/1.0\r\n\r\n"},
        {"not ASCII", "GET /\xff HTTP/1.0\r\n\r\n"},
        {"a control octet", "GET /\x01 HTTP/1.0\r\n\r\n"},
        {"no colon", "GET / HTTP/1.0\r\nX\r\n\r\n"},
        {"no name", "GET / HTTP/1.0\r\n: x\r\n\r\n"},
        {"a blank before the colon", "GET / HTTP/1.0\r\nX : y\r\n\r\n"},
        {"a folded field", "GET / HTTP/1.0\r\nX: y\r\n z\r\n\r\n"},
        {"a control octet in a field", "GET / HTTP/1.0\r\nX: \x1b\r\n\r\n"},
        {"CR within", "GET / HTTP/1.0\r\nX: a\rb\r\n\r\n"},
        {"no Host", "GET / HTTP/1.1\r\n\r\n"},
        {"two of them", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"},
        {"two with a full target", "GET http://a/ HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"},
        {"a bad port", "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n"},
        {"a port that is empty", "GET / HTTP/1.1\r\nHost: a:\r\n\r\n"},
        {"an open bracket", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"},
        {"text behind the bracket", "GET / HTTP/1.1\r\nHost: [::1]x:80\r\n\r\n"},
        {"two hosts in one", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"},
        /* clang-format on */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct http_request request;

        print_message("# %s\n", rows[i].what);
        assert_int_equal(
            http_request_parse(span_of(rows[i].octets), &request), HTTP_REQUEST_BAD);
    }
}

static void
waits_for_the_whole_head(void **state)
{
    struct span octets = SPAN("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    struct http_request request;
    char large[HTTP_REQUEST_MAX + 10];

    (void)state;
    for (size_t i = 0; i < octets.length; i++)
        assert_int_equal(
            http_request_parse(span_first(octets, i), &request), HTTP_REQUEST_MORE);
    memset(large, 'x', sizeof(large));
    assert_int_equal(http_request_parse(span_make(large, HTTP_REQUEST_MAX - 1), &request),
        HTTP_REQUEST_MORE);
    assert_int_equal(http_request_parse(span_make(large, HTTP_REQUEST_MAX), &request),
        HTTP_REQUEST_TOO_LARGE);
    memcpy(large, "GET / HTTP/1.0\r\nX:", 18);
    memcpy(large + HTTP_REQUEST_MAX - 4, "\r\n\r\n", 4);
    assert_int_equal(
        http_request_parse(span_make(large, sizeof(large)), &request), HTTP_REQUEST_DONE);
}

static void
finds_a_value_in_a_query(void **state)
{
    static const struct {
        const char *query;
        const char *wanted; /* NULL: none */
    } rows[] = {
        {"address=a@b", "a@b"},
        {"x=y&address=a%40b", "a@b"},
        {"address=a+b@c", "a+b@c"},
        {"address=a%2Bb%2bc", "a+b+c"},
        {"address=", ""},
        {"address=a=b", "a=b"},
        {"address=%", NULL},
        {"address=%4", NULL},
        {"address=%4g", NULL},
        {"address=a&address=a", NULL},
        {"address", NULL},
        {"Address=a", NULL},
        {"xaddress=a&addressx=b", NULL},
        {"", NULL},
        {"&&=&address=z", "z"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct buffer value;

        buffer_init(&value, 64);
        print_message("# %s\n", rows[i].query);
        assert_int_equal(
            http_request_query(span_of(rows[i].query), SPAN("address"), &value),
            rows[i].wanted != NULL);
        if (rows[i].wanted != NULL)
            assert_string_equal(buffer_text(&value), rows[i].wanted);
        buffer_clear(&value);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_matters),
        cmocka_unit_test(refuses_what_the_grammar_does_not_have),
        cmocka_unit_test(waits_for_the_whole_head),
        cmocka_unit_test(finds_a_value_in_a_query),
    };

    return cmocka_run_group_tests_name("http_request", tests, NULL, NULL);
}
