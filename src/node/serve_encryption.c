/* node/serve_encryption.c - where the master key of what lies on disk comes from. */
#include "node/serve_private.h"

int node__serve_encryption(const struct options *options, struct security_master *master,
                           struct node_config *config, struct err *err)
{
    const char *file = options_text(options, OPTION_SECURITY_ENCRYPTIONKEYFILE);
    const char *command = options_text(options, OPTION_ENCRYPTIONKEYCOMMAND);
    if (!options_bool(options, OPTION_SECURITY_ENABLEENCRYPTION)) {
        return file == NULL && command == NULL
                   ? 0
                   : err_set(err, LT_EBADVALUE,
                             "a master key is given, but nothing is encrypted: add "
                             "--enableEncryption (security.enableEncryption)");
    }
    if ((file == NULL) == (command == NULL)) {
        return err_set(err, LT_EBADVALUE,
                       "--enableEncryption needs a master key: --encryptionKeyFile or "
                       "--encryptionKeyCommand, one of them");
    }
    config->master = master;
    return file != NULL ? security_master_file(file, master, err)
                        : security_master_command(command, master, err);
}
