/* memory/nodes_test.c - policies on a machine of three nodes that is not there. */
#include "memory/nodes.h"

#include <string.h>

#include "lib/test.h"
#include "memory/pages.h"

enum { NODES = 3, FIRST = 4 }; /* the system's numbers have gaps: 4, 6, 8 */

/* What was asked of the system last; a test runs in one thread. */
static struct {
    int put_on;
    bool only_there;
    int puts;
    int spreads;
    int run_on;
    int counts[FIRST + 2 * NODES];
} asked;

static void fake_read(struct memory_nodes *ret_nodes)
{
    ret_nodes->count = NODES;
    for (int i = 0; i < NODES; i++) {
        ret_nodes->nodes[i] = (struct memory_node){FIRST + 2 * i, 8};
    }
}

static void fake_put(void *memory, size_t size, int number, bool only_there)
{
    assert_int_equal((uintptr_t)memory % MEMORY_REGION, 0);
    assert_int_equal(size, MEMORY_REGION);
    asked.put_on = number;
    asked.only_there = only_there;
    asked.puts++;
    asked.counts[number]++;
}

static void fake_spread(void *memory, size_t size)
{
    assert_non_null(memory);
    assert_int_equal(size, MEMORY_REGION);
    asked.spreads++;
}

static void fake_run_on(int number)
{
    asked.run_on = number;
}

static const struct memory_nodes_ops fake = {fake_read, fake_put, fake_spread, fake_run_on};

static void open_placement(struct memory_placement *placement, const char *policy)
{
    memset(&asked, 0, sizeof asked);
    memory_placement_init(placement, memory_numa_of(policy), &fake);
}

TEST(local_and_bind_deal_regions_and_loops_out_to_the_nodes)
{
    static const char *const policies[] = {"local", "bind"};
    for (int i = 0; i < 2; i++) {
        struct memory_placement placement;
        open_placement(&placement, policies[i]);
        assert_int_equal(memory_placement_kinds(&placement), NODES);
        for (uint32_t loop = 0; loop < 2 * NODES; loop++) {
            assert_int_equal(memory_placement_run(&placement, loop), loop % NODES);
            assert_int_equal(asked.run_on, FIRST + 2 * (int)(loop % NODES));
        }
        struct memory_pages *pages = memory_pages_new(false);
        memory_pages_place(pages, &placement);
        void *page = memory_page_take_of(pages, 2);
        assert_int_equal(asked.put_on, FIRST + 4);
        assert_int_equal(asked.only_there, i == 1);
        memory_page_give(pages, page);
        memory_pages_free(pages);
    }
}

TEST(a_page_goes_back_to_the_regions_of_its_kind)
{
    enum { PAGES = 200 };
    struct memory_placement placement;
    void *taken[PAGES];
    open_placement(&placement, "local");
    struct memory_pages *pages = memory_pages_new(true);
    memory_pages_place(pages, &placement);
    for (uint32_t i = 0; i < PAGES; i++) {
        taken[i] = memory_page_take_of(pages, i % NODES);
    }
    for (uint32_t kind = 0; kind < NODES; kind++) {
        assert_int_equal(memory_pages_of(pages, kind), PAGES / NODES + (kind < PAGES % NODES));
        assert_int_equal(asked.counts[FIRST + 2 * kind], 3); /* of 32 pages each */
    }
    memory_page_give(pages, taken[1]);
    assert_ptr_equal(memory_page_take_of(pages, 1), taken[1]);
    int puts = asked.puts;
    for (int i = 0; i < PAGES; i++) {
        memory_page_give(pages, taken[i]);
    }
    while (memory_page_dry(pages)) {
    }
    assert_int_equal(memory_pages_stats(pages).wet, 0);
    assert_int_equal(asked.puts, puts);
    memory_pages_free(pages);
}

TEST(interleave_spreads_each_region_and_lets_loops_run_anywhere)
{
    struct memory_placement placement;
    open_placement(&placement, "interleave");
    struct memory_pages *pages = memory_pages_new(false);
    assert_int_equal(memory_placement_kinds(&placement), 1);
    assert_int_equal(memory_placement_run(&placement, 1), -1);
    memory_pages_place(pages, &placement);
    memory_page_give(pages, memory_page_take_of(pages, 0));
    assert_int_equal(asked.spreads, 1);
    assert_int_equal(asked.puts, 0);
    memory_pages_free(pages);
}

TEST(off_asks_nothing_of_the_system)
{
    struct memory_placement placement;
    open_placement(&placement, "off");
    struct memory_pages *pages = memory_pages_new(false);
    memory_pages_place(pages, &placement);
    memory_page_give(pages, memory_page_take_of(pages, 0));
    assert_int_equal(memory_placement_run(&placement, 1), -1);
    assert_int_equal(placement.nodes.count, 1);
    assert_int_equal(asked.puts + asked.spreads + asked.run_on, 0);
    memory_pages_free(pages);
}

TEST(the_machine_has_a_node_with_cores_and_takes_what_is_asked)
{
    struct memory_placement placement;
    memory_placement_init(&placement, MEMORY_NUMA_BIND, &memory_nodes_system);
    struct memory_pages *pages = memory_pages_new(false);
    memory_pages_place(pages, &placement);
    struct memory_nodes nodes;
    memory_nodes_system.read(&nodes);
    assert_int_equal(nodes.count, placement.nodes.count);
    for (uint32_t kind = 0; kind < memory_placement_kinds(&placement); kind++) {
        uint8_t *page = memory_page_take_of(pages, kind);
        memset(page, 1, MEMORY_PAGE);
        memory_nodes_system.put(page, MEMORY_PAGE, nodes.nodes[kind].number, true);
        memory_nodes_system.spread(page, MEMORY_PAGE);
        assert_int_equal(page[MEMORY_PAGE - 1], 1);
        memory_page_give(pages, page);
    }
    memory_pages_free(pages);
}
