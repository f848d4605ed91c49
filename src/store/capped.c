/* store/capped.c - the oldest documents, one number after another, until what is left leaves room.
 *
 * The writer remembers the lowest number that a document may have: all before are deleted keys,
 * which the engine would have to step over. From there on a document has the next number, unless
 * one was deleted; only then the order is searched. */
#include "store/capped.h"

#include "store/keys.h"

/* What a collection holds, and will. */
struct capped_load {
    const struct store_capped *capped;
    int64_t documents;
    int64_t bytes;
};

static bool capped_fits(const struct capped_load *load)
{
    int64_t documents_max = load->capped->documents_max;
    return load->bytes <= load->capped->bytes_max &&
           (documents_max <= 0 || load->documents <= documents_max);
}

/* The document that has the number, copied: 1, 0 none has, negative. */
static int capped_get(const struct store_write *write, struct store_capped_old *old)
{
    struct store_view *view = &write->writer->view;
    struct store_pin pin;
    struct buf key;
    buf_init(&key, write->arena);
    store_key_natural(&key, write->collection->capped->natural.id, old->sequence);
    int code = store_view_get(view, buf_slice(&key), &pin);
    if (code < 0) {
        return code == -LT_ENOSUCHKEY ? 0 : code;
    }
    key.len = 0;
    store_key_id(&key, write->collection->id);
    buf_append_slice(&key, pin.value);
    store_pin_release(&pin);
    code = store_view_get(view, buf_slice(&key), &pin);
    if (code < 0) {
        return code == -LT_ENOSUCHKEY ? -LT_ECORRUPT : code;
    }
    code = store_record_doc(pin.value, &old->doc);
    old->doc = code < 0 ? old->doc : arena_copy(write->arena, old->doc);
    store_pin_release(&pin);
    return code < 0 ? code : 1;
}

/* The lowest number from *sequence on: 1, 0 there is none, negative. */
static int capped_seek(const struct store_write *write, uint64_t *sequence)
{
    struct store_view_cursor cursor;
    struct buf key;
    buf_init(&key, write->arena);
    store_key_natural(&key, write->collection->capped->natural.id, *sequence);
    store_view_cursor_open(&cursor, &write->writer->view);
    int code = store_view_seek(&cursor, buf_slice(&key), false);
    if (code > 0) {
        struct slice found = store_view_key(&cursor);
        code = slice_starts(found, slice_of(key.data, 4));
        *sequence = code > 0 ? store_key_load_sequence(found) : *sequence;
    }
    store_view_cursor_close(&cursor);
    return code;
}

/* The next to go: 1, 0 there is none, negative. */
static int capped_next(const struct store_write *write, struct store_capped_old *old)
{
    int code = capped_get(write, old);
    if (code == 0) {
        code = capped_seek(write, &old->sequence);
        code = code <= 0 ? code : capped_get(write, old);
    }
    return code;
}

/* Most often one document goes for one that comes. */
static void capped_add(struct arena *arena, struct store_capped_room *room,
                       const struct store_capped_old *old)
{
    if (room->count == room->cap) {
        struct store_capped_old *before = room->oldest;
        room->cap = room->cap == 0 ? 1 : room->cap * 2;
        room->oldest = arena_alloc(arena, room->cap * sizeof *before);
        if (room->count > 0) {
            memcpy(room->oldest, before, room->count * sizeof *before);
        }
    }
    room->oldest[room->count++] = *old;
}

/* Let the oldest go, one after another: 0, negative. */
static int capped_collect(const struct store_write *write, struct capped_load *load,
                          struct store_capped_room *room)
{
    uint64_t oldest = *store_writer_oldest(write->writer, write->collection->id);
    struct store_capped_old old = {.sequence = oldest};
    size_t bytes = 0;
    int code = 1;
    while (!capped_fits(load) && room->count < STORE_CAPPED_SLICE &&
           bytes < STORE_CAPPED_SLICE_BYTES && (code = capped_next(write, &old)) > 0) {
        capped_add(write->arena, room, &old);
        bytes += old.doc.len;
        load->bytes -= (int64_t)old.doc.len;
        load->documents--;
        old.sequence++;
    }
    room->enough = code == 0 || capped_fits(load);
    return code < 0 ? code : 0;
}

int store_capped_room(const struct store_write *write, struct slice doc,
                      struct store_capped_room *ret_room)
{
    const struct store_capped *capped = write->collection->capped;
    struct store_counts counts = {0};
    *ret_room = (struct store_capped_room){.enough = true};
    int code = store_writer_counts(write->writer, write->collection->id, &counts);
    struct capped_load load = {capped, counts.documents + 1, counts.bytes + (int64_t)doc.len};
    if (code == 0 && (int64_t)doc.len > capped->bytes_max) {
        return err_set(write->err, LT_EBADVALUE, "object to insert exceeds cappedMaxSize");
    }
    if (code < 0 || capped_fits(&load)) {
        return code;
    }
    return capped_collect(write, &load, ret_room);
}
