/* cache/versions_test.c - what two looks tell. */
#include "cache/versions.h"

#include "lib/test.h"

TEST(a_version_holds_until_its_collection_changes_and_not_while_it_does)
{
    static struct cache_versions versions;
    uint64_t before;
    uint64_t after;
    assert_true(cache_versions_look(&versions, 7, &before));
    cache_versions_begin(&versions, 8);
    assert_true(cache_versions_look(&versions, 7, &after));
    assert_int_equal(after, before);
    cache_versions_end(&versions, 8);
    cache_versions_begin(&versions, 7);
    assert_false(cache_versions_look(&versions, 7, &after));
    cache_versions_end(&versions, 7);
    assert_true(cache_versions_look(&versions, 7, &after));
    assert_int_not_equal(after, before);
}

TEST(all_collections_are_not_one_of_them)
{
    static struct cache_versions versions;
    uint64_t before;
    uint64_t after;
    cache_versions_look(&versions, CACHE_ALL_COLLECTIONS, &before);
    for (uint32_t id = 1; id < 3 * CACHE_VERSIONS; id++) {
        cache_versions_begin(&versions, id);
        cache_versions_end(&versions, id);
    }
    assert_true(cache_versions_look(&versions, CACHE_ALL_COLLECTIONS, &after));
    assert_int_equal(after, before);
}
