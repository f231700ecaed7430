#include "milters/dkim/dkim_key_cache.h"

#include <openssl/x509.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/allocate.h"
#include "shared/base/hash.h"

struct place {
    unsigned char *text;
    size_t length;
    EVP_PKEY *key;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct place places[DKIM_KEY_CACHE_KEYS];

/* Who makes texts meet in one place wins nothing but slower look-ups of his own. */
static struct place *
place_of(const unsigned char *text, size_t length)
{
    const struct hash_key key = {0};

    return &places[hash_of(span_make(text, length), key) % DKIM_KEY_CACHE_KEYS];
}

static EVP_PKEY *
find(const unsigned char *text, size_t length)
{
    const struct place *place = place_of(text, length);
    EVP_PKEY *key = NULL;

    (void)pthread_mutex_lock(&lock);
    if (place->key != NULL && place->length == length &&
        memcmp(place->text, text, length) == 0 && EVP_PKEY_up_ref(place->key) == 1)
        key = place->key;
    (void)pthread_mutex_unlock(&lock);
    return key;
}

static void
keep(const unsigned char *text, size_t length, EVP_PKEY *key)
{
    struct place *place = place_of(text, length);
    struct place fresh = {allocated(malloc(length)), length, key};
    struct place former;

    if (EVP_PKEY_up_ref(key) != 1)
        abort();
    memcpy(fresh.text, text, length);
    (void)pthread_mutex_lock(&lock);
    former = *place;
    *place = fresh;
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
