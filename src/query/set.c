/* query/set.c - open addressing with linear steps over doc_hash. */
#include "query/set.h"

#include "doc/compare.h"
#include "doc/view.h"

enum { SET_ROOM_MIN = 8 };

void query__set_init(struct query__set *set, struct arena *arena,
                     const struct doc_collation *collation)
{
    *set = (struct query__set){.arena = arena, .collation = collation};
}

static void set_grow(struct query__set *set)
{
    uint32_t room = set->room == 0 ? SET_ROOM_MIN : 2 * set->room;
    struct doc_value *values = arena_alloc(set->arena, room * sizeof *values);
    uint64_t *hashes = arena_alloc(set->arena, room * sizeof *hashes);
    if (set->count > 0) {
        memcpy(values, set->values, set->count * sizeof *values);
        memcpy(hashes, set->hashes, set->count * sizeof *hashes);
    }
    set->values = values;
    set->hashes = hashes;
    set->room = room;
    set->slots_count = 2 * room;
    set->slots = arena_zero(set->arena, set->slots_count, sizeof *set->slots);
    for (uint32_t i = 0; i < set->count; i++) {
        uint64_t at = hashes[i] & (set->slots_count - 1);
        while (set->slots[at] != 0) {
            at = (at + 1) & (set->slots_count - 1);
        }
        set->slots[at] = i + 1;
    }
}

/* The slot that holds the value, or the free one where it belongs. */
static uint32_t *set_slot(const struct query__set *set, struct doc_value value, uint64_t hash)
{
    uint64_t at = hash & (set->slots_count - 1);
    while (set->slots[at] != 0) {
        uint32_t number = set->slots[at] - 1;
        if (set->hashes[number] == hash &&
            doc_equal_by(set->values[number], value, set->collation)) {
            break;
        }
        at = (at + 1) & (set->slots_count - 1);
    }
    return &set->slots[at];
}

bool query__set_add(struct query__set *set, struct doc_value value, uint32_t *ret_number)
{
    if (set->count == set->room) {
        set_grow(set);
    }
    uint64_t hash = doc_hash_by(value, 0, set->collation);
    uint32_t *slot = set_slot(set, value, hash);
    bool added = *slot == 0;
    if (added) {
        set->values[set->count] = value;
        set->hashes[set->count] = hash;
        *slot = ++set->count;
    }
    if (ret_number != NULL) {
        *ret_number = *slot - 1;
    }
    return added;
}

bool query__set_has(const struct query__set *set, struct doc_value value)
{
    return set->count > 0 && *set_slot(set, value, doc_hash_by(value, 0, set->collation)) != 0;
}

void query__set_add_all(struct query__set *set, struct doc_value array)
{
    struct doc_iter iter;
    doc_iter_value(&iter, array);
    struct doc_elem elem;
    while (doc_iter_next(&iter, &elem)) {
        query__set_add(set, elem.value, NULL);
    }
}
