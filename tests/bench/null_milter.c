/*
 * null_milter - the least a milter on libmilter can cost: takes every message as it
 * comes, with the steps postshift-scan negotiates, and adds two fields.
 *
 * null_milter CONNECTION ("inet:PORT@HOST")
 */
#include <libmilter/mfapi.h>
#include <stdlib.h>

enum {
    STEPS = SMFIP_NORCPT | SMFIP_NODATA | SMFIP_NOUNKNOWN | SMFIP_NR_CONN |
            SMFIP_NR_HELO | SMFIP_NR_MAIL | SMFIP_NR_HDR | SMFIP_NR_EOH | SMFIP_NR_BODY |
            SMFIP_SKIP | SMFIP_HDR_LEADSPC,
    ACTIONS = SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_QUARANTINE,
};

static sfsistat
on_negotiate(SMFICTX *context, unsigned long actions, unsigned long steps,
    unsigned long unused_one, unsigned long unused_two, unsigned long *our_actions,
    unsigned long *our_steps, unsigned long *one, unsigned long *two)
{
    (void)context, (void)actions, (void)unused_one, (void)unused_two;
    *our_actions = ACTIONS;
    *our_steps = STEPS & steps;
    *one = *two = 0;
    return SMFIS_CONTINUE;
}

static sfsistat
on_connect(SMFICTX *context, char *name, _SOCK_ADDR *address)
{
    (void)context, (void)name, (void)address;
    return SMFIS_NOREPLY;
}

static sfsistat
on_text(SMFICTX *context, char *text)
{
    (void)context, (void)text;
    return SMFIS_NOREPLY;
}

static sfsistat
on_sender(SMFICTX *context, char **arguments)
{
    (void)context, (void)arguments;
    return SMFIS_NOREPLY;
}

static sfsistat
on_field(SMFICTX *context, char *name, char *value)
{
    (void)context, (void)name, (void)value;
    return SMFIS_NOREPLY;
}

static sfsistat
on_end_of_header(SMFICTX *context)
{
    (void)context;
    return SMFIS_NOREPLY;
}

static sfsistat
on_body(SMFICTX *context, unsigned char *chunk, size_t length)
{
    (void)context, (void)chunk, (void)length;
    return SMFIS_NOREPLY;
}

static sfsistat
on_end_of_message(SMFICTX *context)
{
    static char name[] = "X-Null", value[] = " milter";

    smfi_addheader(context, name, value);
    smfi_addheader(context, name, value);
    return SMFIS_ACCEPT;
}

int
main(int argc, char **argv)
{
    static char name[] = "null";
    struct smfiDesc callbacks = {.xxfi_name = name,
        .xxfi_version = SMFI_VERSION,
        .xxfi_flags = ACTIONS,
        .xxfi_negotiate = on_negotiate,
        .xxfi_connect = on_connect,
        .xxfi_helo = on_text,
        .xxfi_envfrom = on_sender,
        .xxfi_header = on_field,
        .xxfi_eoh = on_end_of_header,
        .xxfi_body = on_body,
        .xxfi_eom = on_end_of_message};

    if (argc != 2 || smfi_setconn(argv[1]) != MI_SUCCESS ||
        smfi_register(callbacks) != MI_SUCCESS)
        return EXIT_FAILURE;
    return smfi_main() == MI_SUCCESS ? EXIT_SUCCESS : EXIT_FAILURE;
}
