/* node/serve_document.c - the options as a document, nested as in the configuration file. */
#include "doc/build.h"
#include "node/serve_private.h"

enum { SERVE_SECTIONS_MAX = 8 };

/* The sections that are open while the table is walked; equal ones stand together there. */
struct serve_sections {
    struct slice open[SERVE_SECTIONS_MAX];
    int depth;
};

/* Close what is not on the way to `name`, open what is; returns its last part. */
static struct slice sections_enter(struct serve_sections *sections, struct doc_builder *builder,
                                   const char *name)
{
    struct slice rest = slice_str(name);
    int depth = 0;
    for (const uint8_t *dot; (dot = memchr(rest.data, '.', rest.len)) != NULL; depth++) {
        struct slice part = slice_of(rest.data, (size_t)(dot - rest.data));
        bool same = depth < sections->depth && slice_equal(sections->open[depth], part);
        for (; !same && sections->depth > depth; sections->depth--) {
            doc_build_close(builder);
        }
        if (!same) {
            assert(depth < SERVE_SECTIONS_MAX);
            doc_build_open(builder, part);
            sections->open[sections->depth++] = part;
        }
        rest = slice_from(rest, part.len + 1);
    }
    for (; sections->depth > depth; sections->depth--) {
        doc_build_close(builder);
    }
    return rest;
}

/* Is there a later pair of that name? */
static bool pair_is_beaten(const struct options *options, size_t index, const char *name)
{
    const char *other;
    const char *value;
    for (size_t i = index + 1; i < options_list_count(options); i++) {
        options_list_at(options, i, &other, &value);
        if (strcmp(other, name) == 0) {
            return true;
        }
    }
    return false;
}

static void document_list(const struct options *options, struct doc_builder *builder,
                          const char *name)
{
    doc_build_open(builder, slice_str(name));
    for (size_t i = 0; i < options_list_count(options); i++) {
        const char *pair;
        const char *value;
        options_list_at(options, i, &pair, &value);
        if (!pair_is_beaten(options, i, pair)) {
            doc_build_text(builder, pair, value);
        }
    }
    doc_build_close(builder);
}

static void document_option(const struct options *options, struct doc_builder *builder,
                            enum option_id id, const char *name)
{
    switch (option_row(id)->kind) {
    case OPTION_KIND_INT:
        doc_build_i32(builder, name, (int32_t)options_int(options, id));
        break;
    case OPTION_KIND_BOOL:
        doc_build_bool(builder, name, options_bool(options, id));
        break;
    case OPTION_KIND_LIST:
        document_list(options, builder, name);
        break;
    default:
        doc_build_text(builder, name,
                       id == OPTION_NET_TLS_CERTIFICATEKEYFILEPASSWORD ? "<password>"
                                                                       : options_text(options, id));
    }
}

struct slice node__serve_parsed(const struct options *options, struct arena *arena)
{
    struct buf buf;
    struct doc_builder builder;
    struct serve_sections sections = {.depth = 0};
    buf_init(&buf, arena);
    doc_build_begin(&builder, &buf);
    if (options_text(options, OPTION_CONFIG) != NULL) {
        doc_build_text(&builder, "config", options_text(options, OPTION_CONFIG));
    }
    for (int i = 0; i < OPTIONS_COUNT; i++) {
        enum option_id id = (enum option_id)i;
        const char *name = option_row(id)->name;
        if (name != NULL && options_source(options, id) != OPTION_FROM_DEFAULT) {
            struct slice last = sections_enter(&sections, &builder, name);
            document_option(options, &builder, id, (const char *)last.data);
        }
    }
    for (; sections.depth > 0; sections.depth--) {
        doc_build_close(&builder);
    }
    return doc_build_end(&builder);
}

struct slice node__serve_argv(int argc, char **argv, struct arena *arena)
{
    struct buf buf;
    struct doc_builder builder;
    buf_init(&buf, arena);
    doc_build_begin_array(&builder, &buf);
    doc_build_text(&builder, "", "largetable");
    doc_build_text(&builder, "", "serve");
    for (int i = 1; i < argc; i++) {
        doc_build_text(&builder, "", argv[i]);
    }
    return doc_build_end(&builder);
}
