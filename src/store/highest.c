/* store/highest.c - remembered by id, learned by one step back from the id's end. */
#include "store/highest.h"

#include "store/keys.h"

/* So often an id asks in vain before it takes the place of another. */
enum { HIGHEST_PATIENCE = 32 };

static struct store_highest_place *highest_place(struct store_highest *highest, uint32_t id)
{
    return &highest->places[id % STORE_HIGHEST_PLACES];
}

static bool highest_set(struct store_highest_place *place, uint32_t id, struct slice key)
{
    if (key.len > STORE_HIGHEST_KEY_MAX) {
        place->id = 0;
        return false;
    }
    place->id = id;
    place->others = 0;
    place->len = (uint8_t)key.len;
    memcpy(place->key, key.data, key.len);
    return true;
}

/* The last key of the id, or the id alone when it has none. It may be lower than it was, after
 * deletes: the gaps above go. Not knowing is no error. */
static bool highest_learn(struct store_highest *highest, uint32_t id, struct store_view *view)
{
    struct store_highest_place *place = highest_place(highest, id);
    struct store_view_cursor cursor;
    struct slice from;
    struct slice to;
    uint8_t bytes[8];
    store_key_range(id, bytes, &from, &to);
    store_view_cursor_open(&cursor, view);
    int code = store_view_seek(&cursor, to, true);
    bool known = false;
    if (code >= 0) {
        bool any = code > 0 && slice_compare(store_view_key(&cursor), from) > 0;
        struct slice last = any ? store_view_key(&cursor) : from;
        known = highest_set(place, id, last);
        store_gaps_forget(&highest->gaps, last, to);
    }
    store_view_cursor_close(&cursor);
    return known;
}

static bool highest_is_below(struct store_highest *highest, struct store_view *view,
                             struct slice key)
{
    uint32_t id = store_key_load_id(key.data);
    struct store_highest_place *place = highest_place(highest, id);
    if (place->id != id && place->id != 0 && place->others++ < HIGHEST_PATIENCE) {
        return false;
    }
    if (place->id != id && !highest_learn(highest, id, view)) {
        return false;
    }
    place->others = 0;
    return slice_compare(slice_of(place->key, place->len), key) < 0;
}

void store_highest_init(struct store_highest *highest)
{
    memset(highest->places, 0, sizeof highest->places);
    store_gaps_init(&highest->gaps);
}

bool store_highest_knows_none(struct store_highest *highest, struct store_view *view,
                              struct slice key)
{
    return highest_is_below(highest, view, key) || store_gaps_have(&highest->gaps, key);
}

void store_highest_raise(struct store_highest *highest, struct slice key)
{
    struct store_gaps *gaps = &highest->gaps;
    uint32_t id = store_key_load_id(key.data);
    struct store_highest_place *place = highest_place(highest, id);
    struct slice before = slice_of(place->key, place->len);
    if (place->id != id || slice_compare(before, key) >= 0) {
        store_gaps_put(gaps, key);
        return;
    }
    if (place->run != gaps->run) {
        store_gaps_add(gaps, before, key);
        place->run = gaps->run;
    }
    highest_set(place, id, key);
}
