/* command/sieve.c - marks of events.
 *
 * A mark is 0 for what may equal anything (an array has many values; what is no change of a
 * document is told to all), 1 for what equals no constant, and else a hash of the one value. */
#include "command/sieve.h"

#include "base/mem.h"
#include "doc/compare.h"
#include "doc/view.h"

enum sieve_mark { SIEVE_ANY, SIEVE_NONE, SIEVE_HASHES };

struct sieve_marks {
    struct store_tail_gloss gloss;
    uint32_t marks[];
};

/* ---- marks ---- */

static uint32_t sieve_hash(struct doc_value value)
{
    uint32_t hash = (uint32_t)doc_hash(value, 0);
    return hash < SIEVE_HASHES ? hash + SIEVE_HASHES : hash;
}

/* Of what `doc` has at the path behind its first part. */
static uint32_t sieve_mark_doc(const struct doc_path *path, struct slice doc)
{
    struct doc_value value = doc_value_object(doc);
    uint32_t depth = 1;
    while (depth < path->count && value.type == DOC_OBJECT) {
        value = doc_get(doc_value_get_doc(value), path->parts[depth++].name);
    }
    if (value.type == DOC_ARRAY) {
        return SIEVE_ANY;
    }
    return depth < path->count || !doc_value_exists(value) ? SIEVE_NONE : sieve_hash(value);
}

static bool sieve_is_key(const struct doc_path *path)
{
    return slice_is(path->parts[0].name, "documentKey");
}

static uint32_t sieve_mark(const struct doc_path *path, const struct command_event *event)
{
    bool is_key = sieve_is_key(path);
    switch (event->type) {
    case STORE_NOTE_INSERT:
    case STORE_NOTE_REPLACE:
        return sieve_mark_doc(path, event->doc);
    case STORE_NOTE_UPDATE:
        return is_key ? sieve_mark_doc(path, event->doc) : SIEVE_NONE;
    case STORE_NOTE_DELETE:
        return is_key ? sieve_mark_doc(path, event->details) : SIEVE_NONE;
    default:
        return SIEVE_ANY;
    }
}

static struct sieve_marks *sieve_marks_new(const struct doc_path *path,
                                           const struct command_digest *digest)
{
    size_t bytes = sizeof(struct sieve_marks) + digest->count * sizeof(uint32_t);
    struct sieve_marks *made = mem_alloc(bytes + path->text.len);
    uint8_t *name = (uint8_t *)made + bytes;
    memcpy(name, path->text.data, path->text.len);
    made->gloss = (struct store_tail_gloss){
        .name = slice_of(name, path->text.len),
        .bytes = bytes + path->text.len,
    };
    for (uint32_t i = 0; i < digest->count; i++) {
        made->marks[i] = sieve_mark(path, &digest->events[i]);
    }
    return made;
}

const uint32_t *command_sieve_marks(const struct command_sieve *sieve, struct store_tail *tail,
                                    struct store_tail_entry *entry)
{
    if (sieve->equal == NULL) {
        return NULL;
    }
    const struct doc_path *path = &sieve->equal->path;
    const struct store_tail_gloss *gloss = store_tail_gloss(entry, path->text);
    if (gloss == NULL) {
        const struct command_digest *digest = command_digest_of(tail, entry);
        gloss = store_tail_leave(tail, entry, &sieve_marks_new(path, digest)->gloss);
    }
    return gloss == NULL ? NULL : ((const struct sieve_marks *)gloss)->marks;
}

/* ---- the sieve ---- */

/* Of these kinds is a constant that only one value equals, or an array with that value. */
static bool sieve_takes_type(uint8_t type)
{
    return type == DOC_DOUBLE || type == DOC_INT32 || type == DOC_INT64 || type == DOC_DECIMAL ||
           type == DOC_STRING || type == DOC_OID || type == DOC_BOOL || type == DOC_DATE ||
           type == DOC_BINARY;
}

static bool sieve_takes(const struct query_match *match)
{
    const struct doc_path *path = &match->path;
    if (match->kind != QUERY_MATCH_EQ || path->count < 2 ||
        !sieve_takes_type(match->operand.type)) {
        return false;
    }
    return sieve_is_key(path) ? slice_is(path->parts[1].name, "_id")
                              : slice_is(path->parts[0].name, "fullDocument");
}

void command_sieve_set(struct command_sieve *sieve, const struct query_match *filter)
{
    if (filter == NULL || sieve->is_open || filter->collation != NULL) {
        return;
    }
    if (filter->kind == QUERY_MATCH_AND) {
        for (uint32_t i = 0; i < filter->children_count && sieve->equal == NULL; i++) {
            command_sieve_set(sieve, filter->children[i]);
        }
    } else if (sieve_takes(filter)) {
        sieve->equal = filter;
        sieve->mark = sieve_hash(filter->operand);
    }
}

uint32_t command_sieve_next(const struct command_sieve *sieve, const uint32_t *marks,
                            const struct command_digest *digest, uint32_t at)
{
    while (marks != NULL && at < digest->count && marks[at] != SIEVE_ANY &&
           marks[at] != sieve->mark) {
        if (sieve->with_updates && digest->events[at].type == STORE_NOTE_UPDATE) {
            break;
        }
        at++;
    }
    return at;
}
