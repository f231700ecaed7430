/*
 * attributes - what the compiler can check for us.
 */
#ifndef SHARED_BASE_ATTRIBUTES_H
#define SHARED_BASE_ATTRIBUTES_H

#define ATTRIBUTE_PRINTF(text, first) __attribute__((format(printf, text, first)))
#define ATTRIBUTE_MUST_USE __attribute__((warn_unused_result))
#define ATTRIBUTE_NO_RETURN __attribute__((noreturn))

#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

#endif
