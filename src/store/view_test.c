/* store/view_test.c - a view over engine and overlay shows what a plain map would. */
#include "store/view.h"

#include "lib/random_doc.h"
#include "lib/test.h"
#include "store/effect.h"

enum { MAP_KEYS = 24, MAP_ROUNDS = 2500 };

/* The newest value of every key, 0 for none; and what is logged but not applied. */
struct map {
    uint32_t values[MAP_KEYS];
    struct store_kv *kv;
    struct store_overlay overlay;
    struct store_view view;
    struct random_doc random;
    uint64_t index;
    uint64_t applied;
    struct buf pending; /* struct map_change, oldest first */
    size_t pending_done;
};

struct map_change {
    uint64_t index;
    uint32_t key;
    uint32_t value; /* 0: deleted */
};

/* Keys of different lengths, in the order of their numbers. */
static struct slice map_key(uint32_t number, uint8_t bytes[4])
{
    bytes[0] = 'k';
    bytes[1] = (uint8_t)(number / 3);
    memset(bytes + 2, 0, 2);
    return slice_of(bytes, 2 + number % 3);
}

static void map_open(struct map *map, uint64_t seed)
{
    *map = (struct map){.kv = store_simkv_new(), .random = {seed}};
    store_overlay_init(&map->overlay);
    store_view_init(&map->view, map->kv, &map->overlay);
    buf_init(&map->pending, NULL);
}

static void map_close(struct map *map)
{
    store_view_close(&map->view);
    store_overlay_close(&map->overlay);
    map->kv->ops->close(map->kv);
    buf_close(&map->pending);
}

static void map_change(struct map *map)
{
    uint8_t bytes[4];
    struct map_change change = {
        .index = map->index += random_doc_below(&map->random, 2),
        .key = random_doc_below(&map->random, MAP_KEYS),
        .value = random_doc_below(&map->random, 3) == 0 ? 0 : 1 + (uint32_t)map->random.state,
    };
    struct slice key = map_key(change.key, bytes);
    if (change.value == 0) {
        store_overlay_delete(&map->overlay, change.index, key);
    } else {
        store_overlay_put(&map->overlay, change.index, key,
                          slice_of(&change.value, sizeof change.value));
    }
    map->values[change.key] = change.value;
    buf_append(&map->pending, &change, sizeof change);
}

/* The engine catches up some of the way. */
static void map_apply(struct map *map)
{
    uint64_t upto = map->applied + random_doc_below(&map->random, 12);
    struct buf payload;
    buf_init(&payload, NULL);
    store_effect_begin(&payload, 1);
    upto = upto < map->index ? upto : map->index;
    while (map->pending_done < map->pending.len) {
        struct map_change change;
        uint8_t bytes[4];
        memcpy(&change, map->pending.data + map->pending_done, sizeof change);
        if (change.index > upto) {
            break;
        }
        if (change.value == 0) {
            store_effect_delete(&payload, map_key(change.key, bytes));
        } else {
            store_effect_put(&payload, map_key(change.key, bytes),
                             slice_of(&change.value, sizeof change.value));
        }
        map->pending_done += sizeof change;
    }
    struct slice slice = buf_slice(&payload);
    struct store_mark mark = {upto, 1, 1};
    assert_int_equal(map->kv->ops->apply(map->kv, &slice, 1, mark), 0);
    store_overlay_applied(&map->overlay, upto);
    map->applied = upto;
    buf_close(&payload);
    map->index++; /* what was applied gets no more changes */
}

static void map_check_get(struct map *map)
{
    uint8_t bytes[4];
    uint32_t number = random_doc_below(&map->random, MAP_KEYS);
    struct store_pin pin;
    int code = store_view_get(&map->view, map_key(number, bytes), &pin);
    if (map->values[number] == 0) {
        assert_int_equal(code, -LT_ENOSUCHKEY);
        return;
    }
    assert_int_equal(code, 0);
    assert_memory_equal(pin.value.data, &map->values[number], 4);
    store_pin_release(&pin);
}

/* From a random key on, or back, the cursor gives the map's keys and nothing else. */
static void map_check_walk(struct map *map)
{
    uint8_t bytes[4];
    struct store_view_cursor cursor;
    bool backward = random_doc_below(&map->random, 2) == 1;
    int step = backward ? -1 : 1;
    int number = (int)random_doc_below(&map->random, MAP_KEYS);
    store_view_cursor_open(&cursor, &map->view);
    int code = store_view_seek(&cursor, map_key((uint32_t)number, bytes), backward);
    for (; number >= 0 && number < MAP_KEYS; number += step) {
        if (map->values[number] == 0) {
            continue;
        }
        assert_int_equal(code, 1);
        assert_true(slice_equal(store_view_key(&cursor), map_key((uint32_t)number, bytes)));
        assert_memory_equal(store_view_value(&cursor).data, &map->values[number], 4);
        code = store_view_step(&cursor);
    }
    bool mark = backward ? false : code == 1; /* the engine's own keys lie before ours */
    assert_false(mark);
    store_view_cursor_close(&cursor);
}

TEST(view_shows_what_is_logged_over_what_is_applied)
{
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct map map;
        map_open(&map, seed);
        for (int i = 0; i < MAP_ROUNDS; i++) {
            map_change(&map);
            if (random_doc_below(&map.random, 4) == 0) {
                map_apply(&map);
            }
            map_check_get(&map);
            map_check_walk(&map);
        }
        map_close(&map);
    }
}

TEST(view_without_an_overlay_shows_applied_data_only)
{
    struct map map;
    struct store_pin pin;
    struct store_view view;
    uint8_t bytes[4];
    map_open(&map, 9);
    store_view_init(&view, map.kv, NULL);
    store_overlay_put(&map.overlay, 1, map_key(3, bytes), SLICE("new!"));
    assert_int_equal(store_view_get(&map.view, map_key(3, bytes), &pin), 0);
    assert_int_equal(store_view_get(&view, map_key(3, bytes), &pin), -LT_ENOSUCHKEY);
    store_view_close(&view);
    map_close(&map);
}
