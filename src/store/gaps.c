/* store/gaps.c - sorted by a table of places, replaced in the order they came. */
#include "store/gaps.h"

static struct slice gaps_slice(const struct store_gaps_end *end)
{
    return slice_of(end->bytes, end->len);
}

static void gaps_set(struct store_gaps_end *end, struct slice key)
{
    end->len = (uint8_t)key.len;
    memcpy(end->bytes, key.data, key.len);
}

/* How many gaps begin below the key. */
static uint32_t gaps_below(const struct store_gaps *gaps, struct slice key)
{
    uint32_t from = 0;
    uint32_t to = gaps->count;
    while (from < to) {
        uint32_t middle = (from + to) / 2;
        const struct store_gap *gap = &gaps->gaps[gaps->order[middle]];
        if (slice_compare(gaps_slice(&gap->low), key) < 0) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from;
}

/* The place in the order of the gap that the key is in; -1: in none. */
static int gaps_find(const struct store_gaps *gaps, struct slice key)
{
    uint32_t below = gaps_below(gaps, key);
    if (below == 0) {
        return -1;
    }
    const struct store_gap *gap = &gaps->gaps[gaps->order[below - 1]];
    return slice_compare(key, gaps_slice(&gap->high)) < 0 ? (int)below - 1 : -1;
}

/* Make room in the order; the gap that goes is given back for another. */
static uint8_t gaps_forget(struct store_gaps *gaps, uint32_t place)
{
    uint8_t gap = gaps->order[place];
    gaps->count--;
    memmove(gaps->order + place, gaps->order + place + 1, gaps->count - place);
    gaps->order[gaps->count] = gap;
    return gap;
}

static uint8_t gaps_take(struct store_gaps *gaps)
{
    if (gaps->count < STORE_GAPS_MAX) {
        return gaps->order[gaps->count];
    }
    uint8_t oldest = (uint8_t)(gaps->oldest++ % STORE_GAPS_MAX);
    const uint8_t *place = memchr(gaps->order, oldest, STORE_GAPS_MAX);
    return gaps_forget(gaps, (uint32_t)(place - gaps->order));
}

void store_gaps_init(struct store_gaps *gaps)
{
    *gaps = (struct store_gaps){.run = 1};
    for (uint32_t i = 0; i < STORE_GAPS_MAX; i++) {
        gaps->order[i] = (uint8_t)i;
    }
}

void store_gaps_begin_run(struct store_gaps *gaps)
{
    gaps->run++;
}

bool store_gaps_have(const struct store_gaps *gaps, struct slice key)
{
    return gaps_find(gaps, key) >= 0;
}

void store_gaps_forget(struct store_gaps *gaps, struct slice low, struct slice high)
{
    uint32_t from = gaps_below(gaps, low);
    uint32_t to = gaps_below(gaps, high);
    if (from > 0) {
        const struct store_gap *before = &gaps->gaps[gaps->order[from - 1]];
        from -= slice_compare(low, gaps_slice(&before->high)) < 0;
    }
    while (to > from) {
        gaps_forget(gaps, --to);
    }
}

void store_gaps_add(struct store_gaps *gaps, struct slice low, struct slice high)
{
    if (low.len > STORE_GAPS_KEY_MAX || high.len > STORE_GAPS_KEY_MAX) {
        return;
    }
    uint8_t taken = gaps_take(gaps);
    struct store_gap *gap = &gaps->gaps[taken];
    gap->run = 0;
    gaps_set(&gap->low, low);
    gaps_set(&gap->high, high);
    uint32_t place = gaps_below(gaps, low);
    memmove(gaps->order + place + 1, gaps->order + place, gaps->count - place);
    gaps->order[place] = taken;
    gaps->count++;
}

void store_gaps_put(struct store_gaps *gaps, struct slice key)
{
    int place = gaps_find(gaps, key);
    if (place < 0) {
        return;
    }
    struct store_gap *gap = &gaps->gaps[gaps->order[place]];
    struct store_gaps_end low = gap->low;
    bool continues = gap->run == gaps->run;
    if (key.len > STORE_GAPS_KEY_MAX) {
        gaps_forget(gaps, (uint32_t)place);
        return;
    }
    gap->run = gaps->run;
    gaps_set(&gap->low, key);
    if (!continues) {
        store_gaps_add(gaps, gaps_slice(&low), key);
    }
}
