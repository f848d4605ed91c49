/* store/rocks_options.c - how RocksDB is set up: its memory, its files, its codecs.
 *
 * What was just written lies plain in level 0, where it is merged away soon; all below is in the
 * codec that was asked for. Every file carries a dictionary made of samples of its own, which the
 * small blocks that point reads want would otherwise lose much by (decision 0015). */
#include <stdlib.h>

#include "base/err.h"
#include "store/rocks_private.h"

enum {
    ROCKS_DICTIONARY_BYTES = 16 << 10,
    ROCKS_SAMPLES_BYTES = 128 << 10,   /* that a dictionary is made of, */
    ROCKS_SAMPLED_BYTES = 4 << 20,     /* out of a file's first ones */
    ROCKS_READAHEAD_BYTES = 256 << 10, /* of files that are merged */
    ROCKS_ZSTD_LEVEL = 3,              /* the other codecs have no levels */
    ROCKS_ZLIB_WINDOW_BITS = -14,      /* of a codec that we do not have */
};

static const struct rocks_codec {
    const char *name;
    int code;
    bool takes_dictionary;
} rocks_codecs[] = {
    {"none", rocksdb_no_compression, false},
    {"snappy", rocksdb_snappy_compression, false},
    {"lz4", rocksdb_lz4_compression, true},
    {"zstd", rocksdb_zstd_compression, true},
};

static const struct rocks_codec *rocks_codec_find(const char *name)
{
    for (size_t i = 0; i < sizeof rocks_codecs / sizeof rocks_codecs[0]; i++) {
        if (strcmp(rocks_codecs[i].name, name) == 0) {
            return &rocks_codecs[i];
        }
    }
    return NULL;
}

/* A file that no other overlaps goes down a level as it is, so those above the last one are made
 * with a dictionary too. */
static void rocks_set_codec(rocksdb_options_t *to, const struct rocks_codec *codec)
{
    const int levels[2] = {rocksdb_no_compression, codec->code}; /* the last is of all below */
    rocksdb_options_set_compression(to, codec->code);
    rocksdb_options_set_compression_per_level(to, levels, 2);
    if (codec->takes_dictionary) { /* put together, since training one takes ten times as long */
        rocksdb_options_set_compression_options(to, ROCKS_ZLIB_WINDOW_BITS, ROCKS_ZSTD_LEVEL, 0,
                                                ROCKS_DICTIONARY_BYTES);
        rocksdb_options_set_compression_options_zstd_max_train_bytes(to, ROCKS_SAMPLES_BYTES);
        rocksdb_options_set_compression_options_use_zstd_dict_trainer(to, 0);
        rocksdb_options_set_compression_options_max_dict_buffer_bytes(to, ROCKS_SAMPLED_BYTES);
    }
}

static void rocks_set_most(struct rocks *rocks, const struct store_rocks_options *from)
{
    rocksdb_options_t *to = rocksdb_options_create();
    rocks->options = to;
    rocksdb_options_set_create_if_missing(to, 1);
    rocksdb_options_set_paranoid_checks(to, 1);
    rocksdb_options_set_info_log_level(to, 3);
    rocksdb_options_set_keep_log_file_num(to, 2);
    rocksdb_options_set_max_open_files(to, 2000);
    rocksdb_options_set_write_buffer_size(to, from->write_buffer_bytes);
    rocksdb_options_set_max_write_buffer_number(to, 4);
    rocksdb_options_set_max_background_jobs(to, 2);
    store__rocks_calm();
    rocksdb_options_set_level0_file_num_compaction_trigger(to, ROCKS_PLAIN_FILES);
    rocksdb_options_set_bytes_per_sync(to, 1 << 20);
    rocksdb_options_compaction_readahead_size(to, ROCKS_READAHEAD_BYTES);
    rocksdb_options_set_level_compaction_dynamic_level_bytes(to, 1);
    rocksdb_options_set_memtable_prefix_bloom_size_ratio(to, 0.02);
    rocksdb_options_set_memtable_whole_key_filtering(to, 1);
    rocks_set_codec(to, rocks_codec_find(from->compressor));

    rocks->cache = rocksdb_cache_create_lru(from->cache_bytes);
    rocks->table_options = rocksdb_block_based_options_create();
    rocksdb_block_based_options_set_block_cache(rocks->table_options, rocks->cache);
    rocksdb_block_based_options_set_format_version(rocks->table_options, 5);
    rocksdb_block_based_options_set_block_size(rocks->table_options, 8192);
    rocksdb_block_based_options_set_block_restart_interval(rocks->table_options, 4);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(rocks->table_options, 1);
    rocksdb_block_based_options_set_pin_l0_filter_and_index_blocks_in_cache(rocks->table_options,
                                                                            1);
    rocksdb_block_based_options_set_filter_policy(rocks->table_options,
                                                  rocksdb_filterpolicy_create_bloom_full(10));
    rocksdb_block_based_options_set_data_block_index_type(
        rocks->table_options,
        rocksdb_block_based_table_data_block_index_type_binary_search_and_hash);
    rocksdb_block_based_options_set_data_block_hash_ratio(rocks->table_options, 0.75);
    rocksdb_options_set_block_based_table_factory(to, rocks->table_options);
}

/* What the C API has no setter for. Index and filter blocks stay pinned in the cache, counted
 * there, so that a read finds them without a lookup. And a memtable remembers where the last key of
 * each id and type went: the next one of a sorted write is looked for from there. Dropped ranges,
 * which it keeps in a list of their own but under the same memory, are too short to have one. */
static int rocks_set_rest(struct rocks *rocks, struct err *err)
{
    struct buf text;
    char *message = NULL;
    rocksdb_options_t *whole = rocksdb_options_create();
    buf_init(&text, NULL);
    buf_format(&text,
               "block_based_table_factory={metadata_cache_options={top_level_index_pinning=kAll;"
               "partition_pinning=kAll;unpartitioned_pinning=kAll}};"
               "memtable_insert_with_hint_prefix_extractor=rocksdb.FixedPrefix.5;%s",
               rocks->env == NULL ? "" : store__rocks_env_option(rocks->env));
    buf_append_byte(&text, '\0');
    rocksdb_get_options_from_string(rocks->options, (const char *)text.data, whole, &message);
    buf_close(&text);
    if (message != NULL) {
        err_set(err, LT_EINTERNALERROR, "the store's options are refused: %s", message);
        rocksdb_options_destroy(whole);
        free(message);
        return -LT_EINTERNALERROR;
    }
    rocksdb_options_destroy(rocks->options);
    rocks->options = whole;
    return 0;
}

int store__rocks_set_options(struct rocks *rocks, const struct store_rocks_options *from,
                             struct err *err)
{
    rocks->env = from->seal == NULL ? NULL : store__rocks_env_new(from->seal);
    rocks_set_most(rocks, from);
    return rocks_set_rest(rocks, err);
}
