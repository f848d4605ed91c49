/* test/lib/pipeline_case.h - a pipeline, what goes in and what must come out, as text.
 *
 * Invariant   the source yields before every document; what stages hold is counted, and all of it
 *             is given back however a run ends.
 * Thread      one.
 * Memory      freed at the end of each case.
 * Errors      a case that does not hold fails the test.
 */
#ifndef TEST_LIB_PIPELINE_CASE_H
#define TEST_LIB_PIPELINE_CASE_H

#include "doc/view.h"
#include "lib/json_doc.h"
#include "query/pipeline.h"

struct pipeline_source {
    struct doc_iter iter;
    bool yielded;
};

static inline int pipeline_source_next(void *context, struct slice *ret_doc, struct err *err)
{
    struct pipeline_source *source = context;
    source->yielded = !source->yielded;
    if (source->yielded) {
        return err_set(err, LT_EYIELD, "the slice is used up");
    }
    struct doc_elem elem;
    if (!doc_iter_next(&source->iter, &elem)) {
        return 0;
    }
    *ret_doc = doc_value_get_doc(elem.value);
    return 1;
}

struct pipeline_case {
    const char *stages; /* {'p': [...]} */
    const char *docs;   /* {'d': [...]} */
    const char *want;   /* documents, one after the other */
    int code;
    uint64_t bytes_max; /* what all stages may hold; 0: any */
};

/* Counts what is held; a run must give back all of it, however it ends. */
struct pipeline_memory {
    uint64_t held;
    uint64_t max;
};

static inline int pipeline_take(void *owner, uint64_t bytes, struct err *err)
{
    struct pipeline_memory *memory = owner;
    if (memory->max != 0 && memory->held + bytes > memory->max) {
        return err_set(err, LT_EEXCEEDEDMEMORYLIMIT, "no more than %llu",
                       (unsigned long long)memory->max);
    }
    memory->held += bytes;
    return 0;
}

static inline void pipeline_give(void *owner, uint64_t bytes)
{
    struct pipeline_memory *memory = owner;
    assert_true(memory->held >= bytes);
    memory->held -= bytes;
}

static inline int pipeline_drain(struct arena *arena, struct query_run *run, struct buf *out,
                                 struct err *err)
{
    for (;;) {
        struct slice doc;
        int rc = query_run_next(run, &doc, err);
        if (rc == 0) {
            return 0;
        }
        if (rc < 0 && rc != -LT_EYIELD) {
            return rc;
        }
        if (rc > 0) {
            buf_format(out, "%s", json_text(arena, doc));
        }
    }
}

/* Every collection holds the documents that are in the arena given as owner. */
struct pipeline_foreign {
    struct pipeline_source source;
    const struct query_match *filter;
    struct query_eval eval;
};

static inline int pipeline_foreign_next(void *context, struct slice *ret_doc, struct err *err)
{
    struct pipeline_foreign *foreign = context;
    for (;;) {
        int rc = pipeline_source_next(&foreign->source, ret_doc, err);
        if (rc <= 0 || foreign->filter == NULL) {
            return rc;
        }
        rc = query_match_doc(foreign->filter, &foreign->eval, *ret_doc, NULL, err);
        if (rc != 0) {
            return rc;
        }
    }
}

static inline int pipeline_foreign_open(void *owner, const struct query_foreign *foreign,
                                        const struct query_eval *eval, struct query_run **ret_run,
                                        struct err *err)
{
    static const struct query_source_ops ops = {pipeline_foreign_next};
    static const struct query_pipeline empty = {0};
    (void)err;
    struct pipeline_foreign *source = arena_zero(owner, 1, sizeof *source);
    struct slice docs = json_doc(owner, "{'d': [{'_id': 1, 'p': 2}, {'_id': 2, 'p': 3}, "
                                        "{'_id': 3}]}");
    doc_iter_value(&source->source.iter, doc_get_str(docs, "d"));
    source->filter = foreign->filter;
    source->eval = *eval;
    source->eval.arena = owner;
    *ret_run = query_run_new(foreign->pipeline == NULL ? &empty : foreign->pipeline, 0, eval,
                             (struct query_source){&ops, source});
    return 0;
}

static inline void pipeline_check(const struct pipeline_case *c)
{
    static const struct query_foreign_ops foreign = {pipeline_foreign_open};
    static const struct query_source_ops ops = {pipeline_source_next};
    struct arena arena;
    struct err err = {0};
    struct buf out;
    arena_init(&arena);
    buf_init(&out, &arena);
    struct pipeline_memory counter = {.max = c->bytes_max};
    struct query_memory memory = {pipeline_take, pipeline_give, &counter};
    struct query_context context = {.arena = &arena, .random = 3, .memory = &memory};
    struct query_pipeline *pipeline = NULL;
    struct slice stages = doc_value_get_doc(doc_get_str(json_doc(&arena, c->stages), "p"));
    struct query_pipeline_options options = {.foreign = &foreign, .owner = &arena};
    int rc = query_pipeline_parse(&context, stages, &options, &pipeline, &err);
    if (rc == 0) {
        struct query_eval eval;
        query_eval_init(&eval, &context, &arena);
        struct pipeline_source source = {.yielded = false};
        doc_iter_value(&source.iter, doc_get_str(json_doc(&arena, c->docs), "d"));
        struct query_run *run =
            query_run_new(pipeline, 0, &eval, (struct query_source){&ops, &source});
        rc = pipeline_drain(&arena, run, &out, &err);
        query_run_close(run);
    }
    assert_int_equal(counter.held, 0);
    if (rc != -c->code) {
        fail_msg("%s: %d %s, not %d", c->stages, rc, err.text, -c->code);
    }
    buf_append_byte(&out, 0);
    if (rc == 0) {
        assert_string_equal((const char *)out.data, c->want);
    }
    arena_close(&arena);
}

static inline void pipeline_cases(const struct pipeline_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        pipeline_check(&cases[i]);
    }
}

#define PIPELINE_CASES(cases) pipeline_cases(cases, sizeof cases / sizeof *cases)

#endif
