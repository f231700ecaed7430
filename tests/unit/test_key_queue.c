#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "policyd/replica/key_queue.h"

static void
first_in_first_out(void **state)
{
    struct key_queue queue;
    struct span key;
    char text[32];
    int put = 0;
    int taken = 0;

    (void)state;
    key_queue_init(&queue);
    assert_false(key_queue_first(&queue, &key));
    key_queue_drop_first(&queue);
    /* Three in, two out, then all out: the octets move up many times. */
    while (taken < 60000) {
        for (int i = 0; i < 3 && put < 60000; i++) {
            snprintf(text, sizeof(text), "pin:user%d@example.com", put++);
            key_queue_put(&queue, span_of(text));
        }
        for (int i = 0; i < 2 && taken < 60000; i++) {
            snprintf(text, sizeof(text), "pin:user%d@example.com", taken++);
            assert_true(key_queue_first(&queue, &key));
            assert_true(span_is(key, text));
            key_queue_drop_first(&queue);
        }
        assert_int_equal(queue.count, put - taken);
    }
    assert_false(key_queue_first(&queue, &key));
    key_queue_clear(&queue);
}

static void
odd_keys_are_kept_as_they_are(void **state)
{
    static char longest[KEY_QUEUE_KEY_MAX + 1];
    struct key_queue queue;
    struct span key;

    (void)state;
    key_queue_init(&queue);
    key_queue_put(&queue, SPAN(""));
    key_queue_put(&queue, SPAN("a\0b"));
    key_queue_put(&queue, span_make(longest, KEY_QUEUE_KEY_MAX + 1));
    key_queue_put(&queue, span_make(longest, KEY_QUEUE_KEY_MAX));
    assert_int_equal(queue.count, 3);
    assert_true(key_queue_first(&queue, &key));
    assert_int_equal(key.length, 0);
    key_queue_drop_first(&queue);
    assert_true(key_queue_first(&queue, &key));
    assert_true(span_equal(key, SPAN("a\0b")));
    key_queue_drop_first(&queue);
    assert_true(key_queue_first(&queue, &key));
    assert_int_equal(key.length, KEY_QUEUE_KEY_MAX);
    key_queue_reset(&queue);
    assert_false(key_queue_first(&queue, &key));
    key_queue_clear(&queue);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_in_first_out),
        cmocka_unit_test(odd_keys_are_kept_as_they_are),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
