/* doc/hash_test.c - the hash of hashed indexes. */
#include "doc/hash.h"

#include "doc/view.h"
#include "lib/json_doc.h"

static int64_t hash_of(struct arena *arena, const char *json)
{
    return doc_hash_index_key(arena, doc_get_str(json_doc(arena, json), "a"));
}

TEST(hash_of_a_string_is_mongodbs)
{
    struct arena arena;
    arena_init(&arena);
    assert_true(hash_of(&arena, "{'a': 'hello'}") == 5347277839332858538);
    arena_close(&arena);
}

TEST(hash_cuts_numbers_to_integers_whatever_their_type)
{
    struct arena arena;
    arena_init(&arena);
    int64_t two = hash_of(&arena, "{'a': 2}");
    assert_true(two == hash_of(&arena, "{'a': 2.7}"));
    assert_true(two == hash_of(&arena, "{'a': {'$numberLong': '2'}}"));
    assert_true(two == hash_of(&arena, "{'a': {'$numberDecimal': '2.00'}}"));
    assert_true(two != hash_of(&arena, "{'a': '2'}"));
    arena_close(&arena);
}

TEST(hash_of_a_missing_value_is_that_of_null)
{
    struct arena arena;
    arena_init(&arena);
    assert_true(hash_of(&arena, "{}") == hash_of(&arena, "{'a': null}"));
    arena_close(&arena);
}

TEST(hash_of_equal_documents_is_one_and_names_count)
{
    struct arena arena;
    arena_init(&arena);
    int64_t doc = hash_of(&arena, "{'a': {'b': 1, 'c': [1, {'d': 2}]}}");
    assert_true(doc == hash_of(&arena, "{'a': {'b': 1.0, 'c': [1, {'d': 2.0}]}}"));
    assert_true(doc != hash_of(&arena, "{'a': {'b': 1, 'x': [1, {'d': 2}]}}"));
    assert_true(doc != hash_of(&arena, "{'a': {'b': 1, 'c': [1], 'd': 2}}"));
    arena_close(&arena);
}
