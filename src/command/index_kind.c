/* command/index_kind.c - which kinds of fields an index may have beside one another.
 *
 * One kind besides ordinary fields, and of most of them one field. */
#include "command/index_spec.h"
#include "doc/hash.h"
#include "doc/view.h"
#include "geo/index.h"
#include "text/index.h"

struct kind_counts {
    uint32_t sphere;
    uint32_t plane;
    uint32_t hashed;
    uint32_t text;
    uint32_t at; /* fields looked at */
};

static int kind_count(struct command_op *op, struct doc_elem elem, struct kind_counts *counts)
{
    enum geo_index_kind geo = geo_index_kind_of(elem.value);
    counts->sphere += geo == GEO_INDEX_SPHERE;
    counts->plane += geo == GEO_INDEX_PLANE;
    counts->text += text_index_is_kind(elem.value);
    counts->hashed += doc_hash_is_index_kind(elem.value);
    if ((counts->sphere > 0) + (counts->plane > 0) + (counts->hashed > 0) + (counts->text > 0) >
        1) {
        return err_set(&op->err, LT_ECANNOTCREATEINDEX,
                       "Can't use more than one index plugin for a single index.");
    }
    if (counts->plane > 1) {
        return err_set(&op->err, 16800, "can't have 2 geo fields");
    }
    if (geo == GEO_INDEX_PLANE && counts->at > 0) {
        return err_set(&op->err, 16801, "2d has to be first in index");
    }
    if (counts->hashed > 1) {
        return err_set(&op->err, 31303,
                       "A maximum of one index field is allowed to be hashed but found a second: "
                       "'%.*s'",
                       SLICE_FMT(elem.name));
    }
    counts->at++;
    return 0;
}

int command_index_check_kinds(struct command_op *op, struct slice key)
{
    struct kind_counts counts = {0};
    struct doc_iter iter;
    struct doc_elem elem;
    int code = 0;
    doc_iter_init(&iter, key);
    while (code == 0 && doc_iter_next(&iter, &elem)) {
        code = kind_count(op, elem, &counts);
    }
    return code;
}

bool command_index_is_hashed(struct slice key)
{
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, key);
    while (doc_iter_next(&iter, &elem)) {
        if (doc_hash_is_index_kind(elem.value)) {
            return true;
        }
    }
    return false;
}
