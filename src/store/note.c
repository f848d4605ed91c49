/* store/note.c - notes into the open entry, and out of a payload. */
#include "store/note.h"

#include "store/keys.h"

enum { NOTE_HEADER = 5 };

static void note_append(struct store_writer *writer, const struct store_note *note)
{
    struct buf *effects = &writer->effects;
    uint32_t details_len = (uint32_t)note->details.len;
    uint8_t head[NOTE_HEADER] = {(uint8_t)note->type};
    memcpy(head + 1, &details_len, sizeof details_len);
    struct slice parts[] = {slice_of(head, sizeof head), note->details, note->before};
    writer->events += note->type >= STORE_NOTE_INSERT;
    store_effect_note(effects, note->id, parts, sizeof parts / sizeof parts[0]);
}

/* Once an entry: when it was; and of each collection: what it is called. */
static void note_introduce(struct store_writer *writer, const struct store_collection *collection)
{
    if (!writer->timed) {
        struct store_note time = {
            .type = STORE_NOTE_TIME,
            .details = slice_of((uint8_t *)&writer->wall_ms, sizeof writer->wall_ms)};
        note_append(writer, &time);
        writer->timed = true;
    }
    if (collection != NULL && store_writer_names(writer, collection->id)) {
        struct buf *key = &writer->key;
        key->len = 0;
        buf_append(key, collection->uuid, sizeof collection->uuid);
        buf_append_slice(key, collection->ns);
        struct store_note name = {
            .type = STORE_NOTE_NAME, .id = collection->id, .details = buf_slice(key)};
        note_append(writer, &name);
    }
}

void store_note_put(struct store_writer *writer, const struct store_collection *collection,
                    const struct store_note *note)
{
    struct store_note whole = *note;
    whole.id = collection == NULL ? 0 : collection->id;
    note_introduce(writer, collection);
    note_append(writer, &whole);
    if (note->type == STORE_NOTE_RENAME) {
        store_writer_unname(writer, collection->id);
    }
}

void store_note_copy(struct store_writer *writer, const struct store_effect *effect)
{
    note_introduce(writer, NULL);
    if (effect->value.data[0] != STORE_NOTE_TIME) {
        uint32_t id = store_key_load_id(effect->key.data);
        store_effect_note(&writer->effects, id, &effect->value, 1);
        writer->events += effect->value.data[0] >= STORE_NOTE_INSERT;
    }
}

int store_note_read(const struct store_effect *effect, struct store_note *ret_note)
{
    struct slice value = effect->value;
    uint32_t details_len;
    if (effect->key.len != 4 || value.len < NOTE_HEADER || value.data[0] < STORE_NOTE_NAME ||
        value.data[0] >= STORE_NOTE_TYPES) {
        return -LT_ECORRUPT;
    }
    memcpy(&details_len, value.data + 1, sizeof details_len);
    if (value.len - NOTE_HEADER < details_len) {
        return -LT_ECORRUPT;
    }
    *ret_note = (struct store_note){
        .type = value.data[0],
        .id = store_key_load_id(effect->key.data),
        .details = slice_of(value.data + NOTE_HEADER, details_len),
        .before = slice_from(value, NOTE_HEADER + details_len),
    };
    return 0;
}
