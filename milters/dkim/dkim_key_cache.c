#include "milters/dkim/dkim_key_cache.h"

#include <openssl/x509.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/allocate.h"
#include "shared/base/hash.h"

struct slot {
    unsigned char *text;
    size_t length;
    EVP_PKEY *key;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct slot slots[DKIM_KEY_CACHE_KEYS];

/* Two keys of one slot put each other out; a sender who finds such texts makes nothing
 * but his own look-ups slower, so the hash needs no secret. */
static struct slot *
slot_of(const unsigned char *text, size_t length)
{
    const struct hash_key key = {0};

    return &slots[hash_of(span_make(text, length), key) % DKIM_KEY_CACHE_KEYS];
}

static EVP_PKEY *
find(const unsigned char *text, size_t length)
{
    const struct slot *slot = slot_of(text, length);
    EVP_PKEY *key = NULL;

    (void)pthread_mutex_lock(&lock);
    if (slot->key != NULL && slot->length == length &&
        memcmp(slot->text, text, length) == 0 && EVP_PKEY_up_ref(slot->key) == 1)
        key = slot->key;
    (void)pthread_mutex_unlock(&lock);
    return key;
}

static void
keep(const unsigned char *text, size_t length, EVP_PKEY *key)
{
    struct slot *slot = slot_of(text, length);
    struct slot fresh = {allocated(malloc(length)), length, key};
    struct slot former;

    if (EVP_PKEY_up_ref(key) != 1)
        abort();
    memcpy(fresh.text, text, length);
    (void)pthread_mutex_lock(&lock);
    former = *slot;
    *slot = fresh;
    (void)pthread_mutex_unlock(&lock);
    free(former.text);
    EVP_PKEY_free(former.key);
}

EVP_PKEY *
dkim_key_cache_take(const unsigned char *text, size_t length)
{
    const unsigned char *rest = text;
    EVP_PKEY *key;

    if (text == NULL || length == 0)
        return NULL;
    key = find(text, length);
    if (key != NULL)
        return key;
    key = d2i_PUBKEY(NULL, &rest, (long)length);
    if (key != NULL)
        keep(text, length, key);
    return key;
}

/* As libcrypto has it, for the only use that libopendkim makes of it: a text in memory,
 * no key to be filled. */
EVP_PKEY *
d2i_PUBKEY_bio(BIO *text, EVP_PKEY **key)
{
    char *data = NULL;
    long length = BIO_get_mem_data(text, &data);
    EVP_PKEY *taken =
        dkim_key_cache_take((const unsigned char *)data, length > 0 ? (size_t)length : 0);

    if (key != NULL) {
        EVP_PKEY_free(*key);
        *key = taken;
    }
    return taken;
}
