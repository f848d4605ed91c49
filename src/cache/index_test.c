/* cache/index_test.c - the index against plain arrays. */
#include "cache/index.h"

#include "base/mem.h"
#include "lib/random_doc.h"
#include "lib/test.h"

enum { KEYS = 4000, PLACES = 3 };

/* Each key may be at up to PLACES positions; some keys share their hash. */
struct model {
    struct cache_index index;
    struct random_doc random;
    uint32_t positions[KEYS][PLACES]; /* 0: none */
    bool hit[KEYS][PLACES];
};

static uint64_t model_hash(uint32_t key)
{
    struct random_doc scramble = {key};
    return random_doc_next(&scramble);
}

static uint32_t model_position(uint32_t key, uint32_t place)
{
    return (place * KEYS + key) * 5 + 1;
}

static void model_change(struct model *model, uint32_t key, uint32_t place)
{
    uint32_t *position = &model->positions[key][place];
    uint64_t hash = model_hash(key);
    switch (random_doc_below(&model->random, 5)) {
    case 0:
        assert_int_equal(cache_index_hit(&model->index, hash, model_position(key, place)),
                         *position != 0);
        model->hit[key][place] = *position != 0;
        break;
    case 1:
        assert_int_equal(cache_index_remove(&model->index, hash, model_position(key, place)),
                         *position != 0);
        *position = 0;
        break;
    case 2:
        if (random_doc_below(&model->random, 10) == 0) {
            uint32_t there = 0;
            for (uint32_t i = 0; i < PLACES; i++) {
                there += model->positions[key][i] != 0;
                model->positions[key][i] = 0;
            }
            assert_int_equal(cache_index_remove_hash(&model->index, hash), there);
        }
        break;
    default:
        if (*position == 0) {
            *position = model_position(key, place);
            model->hit[key][place] = false;
            cache_index_add(&model->index, hash, *position);
        }
    }
}

static uint64_t model_check(const struct model *model)
{
    uint64_t count = 0;
    for (uint32_t key = 0; key < KEYS; key++) {
        uint32_t nth = 0;
        uint64_t hash = model_hash(key);
        for (uint32_t place = 0; place < PLACES; place++) {
            uint32_t position = model->positions[key][place];
            enum cache_index_state wanted = position == 0            ? CACHE_INDEX_ABSENT
                                            : model->hit[key][place] ? CACHE_INDEX_HIT
                                                                     : CACHE_INDEX_UNUSED;
            assert_int_equal(cache_index_state(&model->index, hash, model_position(key, place)),
                             wanted);
            nth += position != 0;
        }
        assert_int_equal(cache_index_find(&model->index, hash, nth), 0);
        if (nth > 0) {
            assert_int_not_equal(cache_index_find(&model->index, hash, nth - 1), 0);
        }
        count += nth;
    }
    assert_int_equal(cache_index_count(&model->index), count);
    return count;
}

TEST(the_index_knows_what_a_plain_array_knows)
{
    static struct model model;
    model = (struct model){.random = {21}};
    cache_index_init(&model.index);
    for (int i = 0; i < 200000; i++) {
        model_change(&model, random_doc_below(&model.random, KEYS),
                     random_doc_below(&model.random, PLACES));
        if (i % 20000 == 0) {
            model_check(&model);
        }
    }
    assert_true(model_check(&model) > KEYS);
    uint32_t to = model_position(0, 1);
    uint32_t gone = 0;
    for (uint32_t key = 0; key < KEYS; key++) {
        gone += model.positions[key][0] != 0;
        model.positions[key][0] = 0;
    }
    assert_int_equal(cache_index_remove_range(&model.index, 1, to), gone);
    model_check(&model);
    cache_index_close(&model.index);
}

TEST(an_entry_takes_at_most_twelve_bytes)
{
    struct cache_index index;
    struct random_doc random = {22};
    cache_index_init(&index);
    for (uint32_t count = 1; count <= 1000000; count++) {
        cache_index_add(&index, random_doc_next(&random), count);
        if (count >= 20000 && count % 1000 == 0) {
            assert_in_range(cache_index_bytes(&index), 8 * count, 12 * count);
        }
    }
    cache_index_close(&index);
}

TEST(what_is_saved_can_be_taken_back)
{
    struct cache_index index;
    struct cache_index other;
    struct random_doc random = {23};
    uint64_t saved[7];
    cache_index_init(&index);
    cache_index_init(&other);
    for (uint32_t count = 1; count <= 5000; count++) {
        cache_index_add(&index, random_doc_next(&random), count);
    }
    for (uint32_t part = 0; part < CACHE_INDEX_PARTS; part++) {
        uint32_t count;
        for (uint32_t at = 0; (count = cache_index_save(&index, part, &at, saved, 7)) > 0;) {
            for (uint32_t i = 0; i < count; i++) {
                assert_in_range(cache_index_saved_position(saved[i]), 1, 5000);
                assert_true(cache_index_load(&other, saved[i]));
            }
        }
    }
    assert_false(cache_index_load(&other, 1));
    random.state = 23;
    for (uint32_t count = 1; count <= 5000; count++) {
        assert_int_equal(cache_index_find(&other, random_doc_next(&random), 0), count);
    }
    cache_index_close(&index);
    cache_index_close(&other);
}
