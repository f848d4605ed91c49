/* tool/rekey.c - `largetable rekey`: new keys for an encrypted data directory.
 *
 * A new master key seals the same data keys again: no other file changes. With a new data key,
 * files made from then on are encrypted with it; merging replaces the old ones by and by. */
#include <argp.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "node/node.h"
#include "security/keyring.h"
#include "tool/tool.h"

enum rekey_key {
    REKEY_PATH = 0x100,
    REKEY_FILE,
    REKEY_COMMAND,
    REKEY_NEW_FILE,
    REKEY_NEW_COMMAND,
    REKEY_DATA,
};

static const struct argp_option rekey_options[] = {
    {"dbpath", REKEY_PATH, "DIR", 0, "The data directory; default data", 1},
    {"encryptionKeyFile", REKEY_FILE, "FILE", 0, "The master key that it has", 1},
    {"encryptionKeyCommand", REKEY_COMMAND, "COMMAND", 0, "A command that prints it", 1},
    {"newEncryptionKeyFile", REKEY_NEW_FILE, "FILE", 0, "The master key that it gets", 2},
    {"newEncryptionKeyCommand", REKEY_NEW_COMMAND, "COMMAND", 0, "A command that prints that", 2},
    {"newDataKey", REKEY_DATA, NULL, 0, "Encrypt files made from now on with a new data key", 2},
    {0},
};

static const char rekey_doc[] =
    "Change the keys of an encrypted data directory, which no server may be using.\v"
    "A new master key takes the place of the old one at once, and the old one opens nothing any "
    "more. The data itself is not encrypted again: with --newDataKey files that are made from "
    "then on have the new key, and merging replaces the old ones by and by.";

struct rekey_arguments {
    const char *path;
    const char *file;
    const char *command;
    const char *new_file;
    const char *new_command;
    bool data;
};

static error_t rekey_parse(int key, char *text, struct argp_state *state)
{
    struct rekey_arguments *arguments = state->input;
    switch (key) {
    case REKEY_PATH:
        arguments->path = text;
        break;
    case REKEY_FILE:
        arguments->file = text;
        break;
    case REKEY_COMMAND:
        arguments->command = text;
        break;
    case REKEY_NEW_FILE:
        arguments->new_file = text;
        break;
    case REKEY_NEW_COMMAND:
        arguments->new_command = text;
        break;
    case REKEY_DATA:
        arguments->data = true;
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

static int rekey_check(const struct rekey_arguments *arguments, struct err *err)
{
    if ((arguments->file == NULL) == (arguments->command == NULL)) {
        return err_set(err, LT_EBADVALUE,
                       "give the master key that it has: --encryptionKeyFile or "
                       "--encryptionKeyCommand, one of them");
    }
    if (arguments->new_file != NULL && arguments->new_command != NULL) {
        return err_set(err, LT_EBADVALUE,
                       "give --newEncryptionKeyFile or --newEncryptionKeyCommand, not both");
    }
    if (arguments->new_file == NULL && arguments->new_command == NULL && !arguments->data) {
        return err_set(err, LT_EBADVALUE,
                       "nothing to do: give --newEncryptionKeyFile, --newEncryptionKeyCommand or "
                       "--newDataKey");
    }
    return 0;
}

static int rekey_master(const char *file, const char *command, struct security_master *master,
                        struct err *err)
{
    return file != NULL ? security_master_file(file, master, err)
                        : security_master_command(command, master, err);
}

/* The directory is locked. */
static int rekey_change(const struct rekey_arguments *arguments, struct security_keyring *keyring,
                        struct err *err)
{
    struct security_master master;
    int code = rekey_master(arguments->file, arguments->command, &master, err);
    code = code < 0 ? code : security_keyring_load(keyring, arguments->path, &master, err);
    if (code == 0 && (arguments->new_file != NULL || arguments->new_command != NULL)) {
        code = rekey_master(arguments->new_file, arguments->new_command, &master, err);
    }
    if (code == 0 && arguments->data) {
        security_keyring_add(keyring, clock_wall_ms());
    }
    code = code < 0 ? code : security_keyring_save(keyring, arguments->path, &master, err);
    security_master_wipe(&master);
    return code;
}

static int rekey_run(const struct rekey_arguments *arguments, struct err *err)
{
    struct security_keyring keyring;
    int lock = -1;
    int code = rekey_check(arguments, err);
    if (code == 0 && !security_keyring_exists(arguments->path)) {
        code = err_set(err, LT_ENOSUCHKEY, "%s is not encrypted: there is no keyring in it",
                       arguments->path);
    }
    code = code < 0 ? code : node_lock_directory(arguments->path, &lock, err);
    if (code == 0) {
        security_keyring_init(&keyring);
        code = rekey_change(arguments, &keyring, err);
        if (code == 0) {
            size_t count = security_keyring_count(&keyring);
            printf("%s: %s; %zu data key%s, new files use number %u\n", arguments->path,
                   arguments->new_file != NULL || arguments->new_command != NULL
                       ? "a new master key"
                       : "the same master key",
                   count, count == 1 ? "" : "s", security_keyring_at(&keyring, count - 1)->number);
        }
        security_keyring_close(&keyring);
    }
    if (lock >= 0) {
        close(lock);
    }
    return code;
}

int tool_rekey(int argc, char **argv)
{
    static const struct argp argp = {
        .options = rekey_options, .parser = rekey_parse, .doc = rekey_doc};
    struct rekey_arguments arguments = {.path = "data"};
    struct err err;
    if (argp_parse(&argp, argc, argv, 0, NULL, &arguments) != 0) {
        return 2;
    }
    int code = rekey_run(&arguments, &err);
    if (code < 0) {
        fprintf(stderr, "largetable: %s\n", err.text);
    }
    return code < 0 ? 1 : 0;
}
