#include "shared/records/dkim_key.h"

#include "shared/records/base64.h"
#include "shared/records/rsa_key.h"
#include "shared/records/tag_list.h"

enum { ED25519_SIZE = 32 };

/* Whether one of the parts of a list with colons is `name` (or `any`). */
static bool
list_has(struct span list, const char *name, const char *any)
{
    struct span part;

    while (tag_next_part(&list, &part)) {
        if (span_is_nocase(part, name) || (any != NULL && span_is(part, any)))
            return true;
    }
    return false;
}

static bool
write_record(struct dkim_key *key, const char *type, struct span data)
{
    struct buffer out;
    bool fits;

    buffer_init(&out, DKIM_KEY_RECORD_MAX);
    buffer_printf(&out, "v=DKIM1; k=%s; p=", type);
    base64_encode(data, &out);
    fits = span_copy(buffer_span(&out), key->record, sizeof(key->record));
    fits = fits && buffer_ok(&out);
    buffer_clear(&out);
    return fits;
}

static const char *
read_rsa(struct span data, struct dkim_key *key)
{
    struct rsa_key rsa;
    struct buffer info;
    bool done;

    if (!rsa_key_parse(data, &rsa))
        return "not an RSA key";
    key->bits = rsa.bits;
    if (rsa.bits > DKIM_KEY_BITS_MAX)
        return NULL;
    buffer_init(&info, DKIM_KEY_RECORD_MAX);
    done = rsa_key_write(&rsa, &info) && write_record(key, "rsa", buffer_span(&info));
    buffer_clear(&info);
    return done ? NULL : "not an RSA key";
}

static const char *
read_data(struct span value, struct dkim_key *key)
{
    const char *wrong = NULL;
    struct buffer data;

    if (value.length == 0) {
        key->revoked = true;
        return NULL;
    }
    buffer_init(&data, DKIM_KEY_TEXT_MAX);
    if (!base64_decode(value, &data))
        wrong = "p= is no base64";
    else if (key->type == DKIM_KEY_RSA)
        wrong = read_rsa(buffer_span(&data), key);
    else if (data.length != ED25519_SIZE ||
             !write_record(key, "ed25519", buffer_span(&data)))
        wrong = "not an Ed25519 key";
    buffer_clear(&data);
    return wrong;
}

static const char *
read_tags(const struct tag_list *list, struct dkim_key *key)
{
    const struct tag *version = tag_list_find(list, "v");
    const struct tag *type = tag_list_find(list, "k");
    const struct tag *services = tag_list_find(list, "s");
    const struct tag *hashes = tag_list_find(list, "h");
    const struct tag *flags = tag_list_find(list, "t");
    const struct tag *data = tag_list_find(list, "p");

    if (version != NULL && version != &list->tags[0])
        return "v= is not first";
    if (version != NULL && !span_is(version->value, "DKIM1"))
        return "v= is not DKIM1";
    if (data == NULL)
        return "no p= in the key record";
    if (type != NULL && span_is_nocase(type->value, "ed25519"))
        key->type = DKIM_KEY_ED25519;
    else if (type != NULL && !span_is_nocase(type->value, "rsa"))
        return "unknown key type";
    key->for_mail = services == NULL || list_has(services->value, "email", "*");
    key->for_sha256 = hashes == NULL || list_has(hashes->value, "sha256", NULL);
    key->testing = flags != NULL && list_has(flags->value, "y", NULL);
    key->same_domain = flags != NULL && list_has(flags->value, "s", NULL);
    return read_data(data->value, key);
}

bool
dkim_key_parse(struct span text, struct dkim_key *key, const char **wrong)
{
    struct tag_list list;

    *key = (struct dkim_key){.type = DKIM_KEY_RSA};
    if (text.length > DKIM_KEY_TEXT_MAX) {
        *wrong = "key record too long";
        return false;
    }
    if (!tag_list_parse(text, &list, wrong))
        return false;
    *wrong = read_tags(&list, key);
    return *wrong == NULL;
}

bool
dkim_key_choose(const struct dns_record *records, size_t count, struct dkim_key *key,
    const char **wrong)
{
    const char *first_wrong = NULL;
    size_t found = 0;

    for (size_t i = 0; i < count && found < 2; i++) {
        struct dkim_key other;

        if (dkim_key_parse(records[i].text, &other, wrong)) {
            *key = other;
            found++;
        } else if (first_wrong == NULL) {
            first_wrong = *wrong;
        }
    }
    *wrong = found == 1 ? NULL : found > 1 ? "several keys" : first_wrong;
    if (found == 0 && first_wrong == NULL)
        *wrong = "no key";
    return found == 1;
}
