/* store/rocks_shim.h - what RocksDB's C API leaves out.
 *
 * Invariant   all that goes to files through a sealing environment is encrypted, and nothing that
 *             was changed is given back.
 * Thread      any.
 * Memory      an environment outlives the database that is opened with it, and the seal it.
 * Errors      what does not open with its key is RocksDB's Corruption.
 */
#ifndef STORE_ROCKS_SHIM_H
#define STORE_ROCKS_SHIM_H

#ifdef __cplusplus
extern "C" {
#endif

struct store_seal;
struct store_rocks_env;

/* Run something once on the thread that merges files, which all engines of the process share. */
void store__rocks_run_merging(void (*run)(void *));

/* An environment whose files are sealed. */
struct store_rocks_env *store__rocks_env_new(const struct store_seal *seal);
/* NULL is fine. */
void store__rocks_env_free(struct store_rocks_env *env);
/* As RocksDB's options in a text name it. */
const char *store__rocks_env_option(const struct store_rocks_env *env);

#ifdef __cplusplus
}
#endif

#endif
