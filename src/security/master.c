/* security/master.c - the master key, from a file or from what a command prints. */
#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "security/keyring.h"
#include "security/keys.h"

enum { MASTER_TEXT_MAX = 256 };

void security_master_wipe(struct security_master *master)
{
    OPENSSL_cleanse(master, sizeof *master);
}

/* What `stream` says, blanks around it left out. `where` is for the error. */
static int master_read(FILE *stream, const char *where, struct security_master *ret_master,
                       struct err *err)
{
    char text[MASTER_TEXT_MAX];
    uint8_t bytes[GCM_KEY] = {0};
    struct slice key = slice_of(text, fread(text, 1, sizeof text, stream));
    while (key.len > 0 && strchr(" \t\r\n", key.data[key.len - 1]) != NULL) {
        key.len--;
    }
    while (key.len > 0 && strchr(" \t\r\n", key.data[0]) != NULL) {
        key = slice_from(key, 1);
    }
    bool good = security_base64_read(key, bytes, sizeof bytes) == GCM_KEY;
    memcpy(ret_master->bytes, bytes, GCM_KEY);
    OPENSSL_cleanse(text, sizeof text);
    OPENSSL_cleanse(bytes, sizeof bytes);
    return good ? 0
                : err_set(err, LT_EBADVALUE,
                          "%s is no master key: it must be 32 bytes in base 64, as 'openssl rand "
                          "-base64 32' prints them",
                          where);
}

int security_master_file(const char *path, struct security_master *ret_master, struct err *err)
{
    struct stat status;
    FILE *file = fopen(path, "re");
    if (file == NULL || fstat(fileno(file), &status) != 0) {
        int error = errno;
        if (file != NULL) {
            fclose(file);
        }
        return err_set(err, LT_EIO, "cannot open the key file %s: %s", path, strerror(error));
    }
    int code = 0;
    if (S_ISREG(status.st_mode) && (status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        code = err_set(err, LT_EBADVALUE,
                       "permissions on %s are too open: run chmod 600 on it, and take another key "
                       "if somebody may have read this one",
                       path);
    }
    code = code < 0 ? code : master_read(file, path, ret_master, err);
    fclose(file);
    return code;
}

int security_master_command(const char *command, struct security_master *ret_master,
                            struct err *err)
{
    FILE *output = popen(command, "re");
    if (output == NULL) {
        return err_set(err, LT_EIO, "cannot run the key command: %s", strerror(errno));
    }
    int code = master_read(output, "what the key command printed", ret_master, err);
    int status = pclose(output);
    if (status != 0) {
        security_master_wipe(ret_master);
        return err_set(err, LT_EOPERATIONFAILED, "the key command failed: it ended with status %d",
                       WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    }
    return code;
}
