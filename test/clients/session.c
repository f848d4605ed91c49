/* session.c - libmongoc's session (Debian's libmongoc-dev): what a C program does first. */
#include <mongoc/mongoc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "line %d: %s: %s\n", __LINE__, #condition, error.message);             \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

static bson_error_t error;

static void session_crud(mongoc_collection_t *c)
{
    bson_t reply;
    for (int i = 0; i < 100; i++) {
        bson_t *doc = BCON_NEW("_id", BCON_INT32(i), "n", BCON_INT32(i % 10));
        CHECK(mongoc_collection_insert_one(c, doc, NULL, NULL, &error));
        bson_destroy(doc);
    }
    bson_t *filter = BCON_NEW("n", BCON_INT32(3));
    bson_t *update = BCON_NEW("$inc", "{", "n", BCON_INT32(100), "}");
    CHECK(mongoc_collection_update_many(c, filter, update, NULL, &reply, &error));
    bson_iter_t iter;
    CHECK(bson_iter_init_find(&iter, &reply, "modifiedCount") && bson_iter_int32(&iter) == 10);
    bson_destroy(&reply);
    CHECK(mongoc_collection_count_documents(c, filter, NULL, NULL, NULL, &error) == 0);
    bson_destroy(filter);
    bson_destroy(update);
    puts("ok crud");
}

static void session_bulk(mongoc_collection_t *c)
{
    bson_t reply;
    mongoc_bulk_operation_t *bulk = mongoc_collection_create_bulk_operation_with_opts(c, NULL);
    for (int i = 1000; i < 11000; i++) {
        bson_t *doc =
            BCON_NEW("_id", BCON_INT32(i), "pad", BCON_UTF8("some padding for the batch"));
        CHECK(mongoc_bulk_operation_insert_with_opts(bulk, doc, NULL, &error));
        bson_destroy(doc);
    }
    CHECK(mongoc_bulk_operation_execute(bulk, &reply, &error) != 0);
    mongoc_bulk_operation_destroy(bulk);
    bson_destroy(&reply);
    puts("ok bulk");
}

static void session_cursor(mongoc_collection_t *c)
{
    const bson_t *doc;
    int seen = 0;
    bson_t *filter = BCON_NEW("_id", "{", "$gte", BCON_INT32(1000), "}");
    bson_t *opts = BCON_NEW("sort", "{", "_id", BCON_INT32(1), "}", "batchSize", BCON_INT32(500));
    mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(c, filter, opts, NULL);
    while (mongoc_cursor_next(cursor, &doc)) {
        bson_iter_t iter;
        CHECK(bson_iter_init_find(&iter, doc, "_id") && bson_iter_int32(&iter) == 1000 + seen);
        seen++;
    }
    CHECK(!mongoc_cursor_error(cursor, &error) && seen == 10000);
    mongoc_cursor_destroy(cursor);
    bson_destroy(filter);
    bson_destroy(opts);
    puts("ok cursor");
}

static void session_unique(mongoc_client_t *client, mongoc_collection_t *c)
{
    bson_t reply;
    bson_t *command =
        BCON_NEW("createIndexes", BCON_UTF8("unique"), "indexes", "[", "{", "key", "{", "u",
                 BCON_INT32(1), "}", "name", BCON_UTF8("u_1"), "unique", BCON_BOOL(true), "}", "]");
    CHECK(mongoc_client_command_simple(client, "csession", command, NULL, &reply, &error));
    bson_destroy(&reply);
    bson_destroy(command);
    bson_t *doc = BCON_NEW("u", BCON_UTF8("x"));
    CHECK(mongoc_collection_insert_one(c, doc, NULL, NULL, &error));
    CHECK(!mongoc_collection_insert_one(c, doc, NULL, NULL, &error) && error.code == 11000);
    bson_destroy(doc);
    puts("ok unique");
}

static void session_aggregate(mongoc_collection_t *c)
{
    const bson_t *doc;
    int groups = 0;
    bson_t *pipeline = BCON_NEW("pipeline", "[", "{", "$group", "{", "_id", BCON_UTF8("$n"), "c",
                                "{", "$sum", BCON_INT32(1), "}", "}", "}", "]");
    mongoc_cursor_t *cursor =
        mongoc_collection_aggregate(c, MONGOC_QUERY_NONE, pipeline, NULL, NULL);
    while (mongoc_cursor_next(cursor, &doc)) {
        groups++;
    }
    CHECK(!mongoc_cursor_error(cursor, &error) && groups == 11);
    mongoc_cursor_destroy(cursor);
    bson_destroy(pipeline);
    puts("ok aggregate");
}

static void session_gridfs(mongoc_client_t *client)
{
    enum { SIZE = 20 << 20 };
    bson_value_t id;
    mongoc_database_t *db = mongoc_client_get_database(client, "csession");
    mongoc_gridfs_bucket_t *bucket = mongoc_gridfs_bucket_new(db, NULL, NULL, &error);
    uint8_t *content = malloc(SIZE);
    uint8_t *back = malloc(SIZE);
    CHECK(bucket != NULL && content != NULL && back != NULL);
    for (int i = 0; i < SIZE; i++) {
        content[i] = (uint8_t)(i * 31 + (i >> 12));
    }
    mongoc_stream_t *out =
        mongoc_gridfs_bucket_open_upload_stream(bucket, "big", NULL, &id, &error);
    CHECK(out != NULL && mongoc_stream_write(out, content, SIZE, 0) == SIZE);
    mongoc_stream_close(out);
    mongoc_stream_destroy(out);
    mongoc_stream_t *in = mongoc_gridfs_bucket_open_download_stream(bucket, &id, &error);
    CHECK(in != NULL);
    ssize_t got = 0;
    for (ssize_t n; got < SIZE && (n = mongoc_stream_read(in, back + got, SIZE - got, 1, 0)) > 0;) {
        got += n;
    }
    CHECK(got == SIZE && memcmp(content, back, SIZE) == 0);
    mongoc_stream_destroy(in);
    bson_value_destroy(&id);
    free(content);
    free(back);
    mongoc_gridfs_bucket_destroy(bucket);
    mongoc_database_destroy(db);
    puts("ok gridfs");
}

int main(void)
{
    mongoc_init();
    mongoc_client_t *client = mongoc_client_new(getenv("LARGETABLE_URI"));
    mongoc_collection_t *c = mongoc_client_get_collection(client, "csession", "c");
    mongoc_collection_t *unique = mongoc_client_get_collection(client, "csession", "unique");
    session_crud(c);
    session_bulk(c);
    session_cursor(c);
    session_unique(client, unique);
    session_aggregate(c);
    session_gridfs(client);
    mongoc_collection_destroy(c);
    mongoc_collection_destroy(unique);
    mongoc_client_destroy(client);
    mongoc_cleanup();
    return 0;
}
