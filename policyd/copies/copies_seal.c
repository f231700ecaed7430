#include "policyd/copies/copies_seal.h"

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/allocate.h"

enum { NONCE_SIZE = 12 };

struct copies_seal {
    EVP_CIPHER_CTX *context;
    uint8_t key[COPIES_KEY_SIZE];
};

struct copies_seal *
copies_seal_new(const uint8_t key[COPIES_KEY_SIZE], const struct copies_begin *begin)
{
    struct copies_seal *seal = allocate(sizeof(*seal));
    struct buffer text;
    unsigned length = COPIES_KEY_SIZE;

    buffer_init(&text, COPIES_BEGIN_SIZE);
    copies_begin_write(&text, begin);
    if (HMAC(EVP_sha256(), key, COPIES_KEY_SIZE, (const uint8_t *)text.data, text.length,
            seal->key, &length) == NULL)
        abort();
    buffer_clear(&text);
    seal->context = allocated(EVP_CIPHER_CTX_new());
    return seal;
}

void
copies_seal_free(struct copies_seal *seal)
{
    if (seal == NULL)
        return;
    EVP_CIPHER_CTX_free(seal->context);
    OPENSSL_cleanse(seal->key, sizeof(seal->key));
    free(seal);
}

static void
start(struct copies_seal *seal, const struct copies_head *head,
    const uint8_t octets[COPIES_HEAD_SIZE], int encrypt)
{
    uint8_t nonce[NONCE_SIZE] = {0};
    int length;

    for (int i = 0; i < 8; i++)
        nonce[NONCE_SIZE - 1 - i] = (uint8_t)(head->number >> (8 * i));
    if (EVP_CipherInit_ex(
            seal->context, EVP_aes_256_gcm(), NULL, seal->key, nonce, encrypt) != 1 ||
        EVP_CipherUpdate(seal->context, NULL, &length, octets, COPIES_HEAD_SIZE) != 1)
        abort();
}

void
copies_seal_write(struct copies_seal *seal, const struct copies_head *head,
    struct span plain, struct buffer *out)
{
    struct copies_head whole = *head;
    uint8_t octets[COPIES_HEAD_SIZE];
    uint8_t *place;
    int length = 0;

    assert(plain.length <= COPIES_PLAIN_MAX);
    whole.length = (uint32_t)plain.length;
    copies_head_write(octets, &whole);
    buffer_append(out, span_make(octets, sizeof(octets)));
    if (!buffer_reserve(out, plain.length + COPIES_TAG_SIZE))
        abort();
    place = (uint8_t *)out->data + out->length;
    start(seal, &whole, octets, 1);
    if ((plain.length > 0 && EVP_CipherUpdate(seal->context, place, &length,
                                 (const uint8_t *)plain.data, (int)plain.length) != 1) ||
        EVP_CipherFinal_ex(seal->context, place + length, &length) != 1 ||
        EVP_CIPHER_CTX_ctrl(seal->context, EVP_CTRL_GCM_GET_TAG, COPIES_TAG_SIZE,
            place + plain.length) != 1)
        abort();
    out->length += plain.length + COPIES_TAG_SIZE;
}

bool
copies_seal_read(struct copies_seal *seal, const struct copies_head *head,
    struct span sealed, struct buffer *plain)
{
    uint8_t octets[COPIES_HEAD_SIZE];
    uint8_t tag[COPIES_TAG_SIZE];
    int length = 0;

    if (sealed.length != (size_t)head->length + COPIES_TAG_SIZE ||
        !buffer_reserve(plain, head->length))
        return false;
    memcpy(tag, sealed.data + head->length, sizeof(tag));
    copies_head_write(octets, head);
    start(seal, head, octets, 0);
    if ((head->length > 0 &&
            EVP_CipherUpdate(seal->context, (uint8_t *)plain->data + plain->length,
                &length, (const uint8_t *)sealed.data, (int)head->length) != 1) ||
        EVP_CIPHER_CTX_ctrl(seal->context, EVP_CTRL_GCM_SET_TAG, COPIES_TAG_SIZE, tag) !=
            1 ||
        EVP_CipherFinal_ex(seal->context, tag, &length) != 1)
        return false;
    plain->length += head->length;
    return true;
}
