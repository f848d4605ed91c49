/* command/events.c - notes into events; a record's document is in the effect behind its note.
 *
 * Nearly all events of an entry are of one collection, so its name is kept; another one's is looked
 * for from the beginning of the entry. */
#include "command/events.h"

#include "doc/view.h"
#include "store/record.h"

enum { EVENTS_UUID = 16 };

void command_events_open(struct command_events *events, struct slice payload)
{
    *events = (struct command_events){.payload = payload, .clock = store_effect_clock(payload)};
}

/* Details of the note that names the collection: the last one before `end`. */
static int events_find_name(struct command_events *events, uint32_t id, size_t end)
{
    struct store_effect effect;
    struct store_note note;
    size_t at = 0;
    if (events->name_id == id && events->name.len > 0) {
        return 0;
    }
    events->name = (struct slice){0};
    while (at < end && store_effect_next(events->payload, &at, &effect) > 0) {
        bool is_name = effect.kind == STORE_EFFECT_NOTE && store_note_read(&effect, &note) == 0 &&
                       note.type == STORE_NOTE_NAME && note.id == id;
        if (is_name) {
            events->name_id = id;
            events->name = note.details;
        }
    }
    return events->name.len > EVENTS_UUID ? 0 : -LT_ECORRUPT;
}

/* The document that a record's effect puts. */
static int events_document(struct command_events *events, struct slice *ret_doc)
{
    struct store_effect effect;
    size_t at = events->at;
    int code = store_effect_next(events->payload, &at, &effect);
    if (code <= 0 || effect.kind != STORE_EFFECT_PUT) {
        return -LT_ECORRUPT;
    }
    return store_record_doc(effect.value, ret_doc);
}

/* What is no event: it says something of those that follow. */
static int events_take_context(struct command_events *events, const struct store_note *note)
{
    switch (note->type) {
    case STORE_NOTE_TIME:
        if (note->details.len != sizeof events->wall_ms) {
            return -LT_ECORRUPT;
        }
        memcpy(&events->wall_ms, note->details.data, sizeof events->wall_ms);
        break;
    case STORE_NOTE_NAME:
        if (events->name_id == note->id || events->name.len == 0) {
            events->name_id = note->id;
            events->name = note->details;
        }
        break;
    case STORE_NOTE_TXN:
        events->txn = note->details;
        break;
    default:
        events->txn = (struct slice){0};
        break;
    }
    return 0;
}

static int events_make(struct command_events *events, const struct store_note *note,
                       struct command_event *ret_event)
{
    *ret_event = (struct command_event){
        .type = note->type,
        .number = events->count++,
        .clock = events->clock,
        .wall_ms = events->wall_ms,
        .details = note->details,
        .before = note->before,
        .txn = events->txn,
    };
    int code = 0;
    if (note->id == 0) {
        ret_event->ns = note->details;
    } else {
        code = events_find_name(events, note->id, events->at);
    }
    if (code == 0 && note->id != 0) {
        ret_event->uuid = slice_of(events->name.data, EVENTS_UUID);
        ret_event->ns = slice_from(events->name, EVENTS_UUID);
    }
    bool has_doc = note->type == STORE_NOTE_INSERT || note->type == STORE_NOTE_UPDATE ||
                   note->type == STORE_NOTE_REPLACE;
    return code == 0 && has_doc ? events_document(events, &ret_event->doc) : code;
}

int command_events_next(struct command_events *events, struct command_event *ret_event)
{
    struct store_effect effect;
    struct store_note note;
    int code;
    while ((code = store_effect_next(events->payload, &events->at, &effect)) > 0) {
        if (effect.kind != STORE_EFFECT_NOTE) {
            continue;
        }
        code = store_note_read(&effect, &note);
        if (code == 0 && note.type >= STORE_NOTE_INSERT) {
            code = events_make(events, &note, ret_event);
            return code < 0 ? code : 1;
        }
        code = code < 0 ? code : events_take_context(events, &note);
        if (code < 0) {
            return code;
        }
    }
    return code;
}

struct slice command_event_target(const struct command_event *event)
{
    struct doc_value to = doc_get_str(event->details, "to");
    return to.type == DOC_STRING ? doc_value_get_string(to) : (struct slice){0};
}
