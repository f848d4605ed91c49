/* cache/packer.c - a small table of collections, each with what is known of its values.
 *
 * A class is found by its collection's id; where two meet in one place, the one that packs more
 * has it. Samples are collected until there are enough to train; the ratio that the dictionary
 * reaches right after that is what it is judged by later. */
#include "cache/packer.h"

#include <stdatomic.h>

#include "base/mem.h"
#include "cache/dictionary.h"
#include "store/keys.h"

enum {
    PACKER_CLASSES = 64,
    PACKER_WEIGHT_MAX = 64,
    PACKER_FAILURES = 16,      /* in a row, before a class is left alone */
    PACKER_PAUSE_LEAST = 256,  /* values that are not tried then */
    PACKER_PAUSE_MOST = 16384, /* after many such rounds */
    PACKER_WINDOW = 512,       /* packed values that a ratio is taken of */
    PACKER_AGED_PERCENT = 120, /* of the ratio after training: time for a new one */
    PACKER_PATIENCE = 8192,    /* values of others, while one class collects samples */
};

struct packer_class {
    uint32_t id;
    uint32_t weight;
    uint32_t failures;
    uint32_t pause; /* values to leave alone now */
    uint32_t pause_next;
    struct cache_dictionary *dictionary; /* held; NULL: none yet */
    bool wants;                          /* a dictionary, or a new one */
    uint32_t window;                     /* values counted */
    uint64_t window_in;
    uint64_t window_out;
    uint32_t permille_first; /* the ratio right after training; 0: not known yet */
};

struct cache_packer {
    enum cache_codec codec;
    struct cache_coder *coder;
    struct cache_dictionaries dictionaries;
    struct packer_class classes[PACKER_CLASSES];
    struct cache_samples samples;
    struct packer_class *collecting; /* whose samples they are; NULL: nobody's */
    uint32_t patience;
    _Atomic uint64_t values;
    _Atomic uint64_t plain;
    _Atomic uint64_t bytes_in;
    _Atomic uint64_t bytes_out;
    _Atomic uint64_t trained;
};

struct cache_packer *cache_packer_new(enum cache_codec codec)
{
    struct cache_packer *packer = mem_zero(1, sizeof *packer);
    packer->codec = codec;
    packer->coder = cache_coder_new();
    cache_dictionaries_init(&packer->dictionaries);
    cache_samples_init(&packer->samples);
    return packer;
}

void cache_packer_free(struct cache_packer *packer)
{
    if (packer == NULL) {
        return;
    }
    for (uint32_t i = 0; i < PACKER_CLASSES; i++) {
        cache_dictionary_release(packer->classes[i].dictionary);
    }
    cache_samples_close(&packer->samples);
    cache_dictionaries_close(&packer->dictionaries);
    cache_coder_free(packer->coder);
    mem_free(packer);
}

static void packer_add(_Atomic uint64_t *counter, uint64_t value)
{
    atomic_fetch_add_explicit(counter, value, memory_order_relaxed);
}

/* ---- classes ---- */

static void packer_stop_collecting(struct cache_packer *packer)
{
    packer->collecting = NULL;
    cache_samples_close(&packer->samples);
}

static void packer_class_begin(struct cache_packer *packer, struct packer_class *class, uint32_t id)
{
    if (packer->collecting == class) {
        packer_stop_collecting(packer);
    }
    cache_dictionary_release(class->dictionary);
    *class = (struct packer_class){
        .id = id, .pause_next = PACKER_PAUSE_LEAST, .wants = packer->codec == CACHE_CODEC_ZSTD};
}

/* The class of a collection; NULL when another has its place. */
static struct packer_class *packer_class_of(struct cache_packer *packer, uint32_t id)
{
    struct packer_class *class = &packer->classes[id % PACKER_CLASSES];
    if (class->weight == 0) {
        packer_class_begin(packer, class, id);
    } else if (class->id != id) {
        class->weight--;
        return NULL;
    }
    class->weight += class->weight < PACKER_WEIGHT_MAX;
    return class;
}

/* ---- dictionaries ---- */

static void packer_use(struct packer_class *class, struct cache_dictionary *dictionary)
{
    if (class->dictionary != NULL) {
        ZSTD_freeCDict(class->dictionary->packing);
        class->dictionary->packing = NULL;
        cache_dictionary_release(class->dictionary);
    }
    class->dictionary = dictionary;
    class->wants = false;
    class->window = 0;
    class->window_in = 0;
    class->window_out = 0;
    class->permille_first = 0;
}

static void packer_train(struct cache_packer *packer)
{
    struct packer_class *class = packer->collecting;
    struct buf bytes;
    buf_init(&bytes, NULL);
    packer->collecting = NULL;
    class->wants = false;
    if (cache_samples_train(&packer->samples, &bytes) == 0) {
        packer_use(class,
                   cache_dictionaries_add(&packer->dictionaries, 0, class->id, buf_slice(&bytes)));
        packer_add(&packer->trained, 1);
    }
    buf_close(&bytes);
}

static void packer_sample(struct cache_packer *packer, struct packer_class *class,
                          struct slice value)
{
    if (packer->collecting == NULL && class->wants) {
        packer->collecting = class;
        packer->patience = PACKER_PATIENCE;
    }
    if (packer->collecting != class) {
        packer->patience -= packer->patience > 0;
        if (packer->collecting != NULL && packer->patience == 0) {
            packer_stop_collecting(packer);
        }
    } else if (!cache_samples_add(&packer->samples, value)) {
        packer_train(packer);
    }
}

/* The ratio of a full window: the first one is what a dictionary can do, a later one that is
 * clearly worse says that it has aged. */
static void packer_judge(struct packer_class *class, size_t in, size_t out)
{
    class->window_in += in;
    class->window_out += out;
    if (class->dictionary == NULL || ++class->window < PACKER_WINDOW) {
        return;
    }
    uint32_t permille = (uint32_t)(class->window_out * 1000 / class->window_in);
    if (class->permille_first == 0) {
        class->permille_first = permille > 0 ? permille : 1;
    }
    class->wants = permille > class->permille_first * PACKER_AGED_PERCENT / 100;
    class->window = 0;
    class->window_in = 0;
    class->window_out = 0;
}

/* ---- packing ---- */

/* What does not shrink several times in a row is not tried for a while. */
static void packer_failed(struct packer_class *class)
{
    if (++class->failures < PACKER_FAILURES) {
        return;
    }
    class->failures = 0;
    class->pause = class->pause_next;
    class->pause_next *= class->pause_next < PACKER_PAUSE_MOST ? 2 : 1;
}

static bool packer_try(struct cache_packer *packer, struct packer_class *class, struct slice value,
                       struct buf *scratch)
{
    if (class->pause > 0) {
        class->pause--;
        return false;
    }
    const struct cache_dictionary *dictionary = class->dictionary;
    bool shrank = cache_codec_pack(packer->coder, packer->codec,
                                   dictionary == NULL ? NULL : dictionary->packing, value, scratch);
    if (!shrank) {
        packer_failed(class);
    } else {
        class->failures = 0;
        class->pause_next = PACKER_PAUSE_LEAST;
        packer_sample(packer, class, value);
    }
    return shrank;
}

void cache_packer_pack(struct cache_packer *packer, struct slice key, struct slice value,
                       struct buf *scratch, struct cache_packed *ret_packed)
{
    uint32_t id = key.len < 4 ? 0 : store_key_load_id(key.data);
    struct packer_class *class = packer_class_of(packer, id);
    *ret_packed = (struct cache_packed){.bytes = value, .plain_len = (uint32_t)value.len};
    scratch->len = 0;
    uint32_t version = class == NULL || class->dictionary == NULL ? 0 : class->dictionary->version;
    if (class != NULL && packer->codec != CACHE_CODEC_NONE &&
        packer_try(packer, class, value, scratch)) {
        ret_packed->bytes = buf_slice(scratch);
        ret_packed->codec = packer->codec;
        ret_packed->dictionary = version;
        packer_judge(class, value.len, scratch->len);
    } else {
        packer_add(&packer->plain, 1);
    }
    packer_add(&packer->values, 1);
    packer_add(&packer->bytes_in, value.len);
    packer_add(&packer->bytes_out, ret_packed->bytes.len);
}

int cache_packer_unpack(struct cache_packer *packer, const struct cache_packed *packed,
                        uint8_t *plain)
{
    struct cache_dictionary *dictionary = NULL;
    if (packed->dictionary != 0) {
        int code = cache_dictionaries_find(&packer->dictionaries, packed->dictionary, &dictionary);
        if (code < 0) {
            return code;
        }
    }
    int code = cache_codec_unpack(packer->coder, packed,
                                  dictionary == NULL ? NULL : dictionary->unpacking, plain);
    cache_dictionary_release(dictionary);
    return code;
}

struct cache_packer_stats cache_packer_stats(const struct cache_packer *packer)
{
    return (struct cache_packer_stats){
        .values = atomic_load(&packer->values),
        .plain = atomic_load(&packer->plain),
        .bytes_in = atomic_load(&packer->bytes_in),
        .bytes_out = atomic_load(&packer->bytes_out),
        .trained = atomic_load(&packer->trained),
    };
}

/* ---- keeping dictionaries ---- */

/* What stands before a dictionary's bytes. */
struct packer_saved {
    uint32_t version;
    uint32_t collection;
    uint32_t len;
};

void cache_packer_save(struct cache_packer *packer, struct buf *out)
{
    struct cache_dictionaries *table = &packer->dictionaries;
    pthread_mutex_lock(&table->lock);
    for (uint32_t i = 0; i < table->count; i++) {
        const struct cache_dictionary *dictionary = table->all[i];
        struct packer_saved head = {dictionary->version, dictionary->collection,
                                    (uint32_t)dictionary->bytes.len};
        buf_append(out, &head, sizeof head);
        buf_append_slice(out, dictionary->bytes);
    }
    pthread_mutex_unlock(&table->lock);
}

int cache_packer_load(struct cache_packer *packer, struct slice saved)
{
    struct packer_saved head;
    while (saved.len > 0) {
        if (saved.len < sizeof head) {
            return -LT_ECORRUPT;
        }
        memcpy(&head, saved.data, sizeof head);
        saved = slice_from(saved, sizeof head);
        if (head.version == 0 || head.len > CACHE_DICTIONARY_BYTES || head.len > saved.len) {
            return -LT_ECORRUPT;
        }
        struct cache_dictionary *dictionary = cache_dictionaries_add(
            &packer->dictionaries, head.version, head.collection, slice_of(saved.data, head.len));
        struct packer_class *class = packer_class_of(packer, head.collection);
        if (class != NULL && packer->codec == CACHE_CODEC_ZSTD) {
            packer_use(class, dictionary);
        } else {
            cache_dictionary_release(dictionary);
        }
        saved = slice_from(saved, head.len);
    }
    return 0;
}
