/* cache/encrypted_test.c - what the levels write with encryption on is theirs alone to read. */
#include "cache/levels.h"
#include "lib/cache_stage.h"
#include "store/seal.h"

enum { FEW = CELLS / 2 };

static void stage_init_encrypted(struct stage *stage, uint8_t key)
{
    stage_init(stage);
    stage->folder.levels.mapped_bytes *= 2; /* so that the files hold FEW of the cells */
    stage->folder.levels.seal =
        store_seal_new(&(struct store_seal_key){.number = 1, .bytes = {key}}, 1);
}

static void stage_set_key(struct stage *stage, struct store_seal *seal)
{
    store_seal_free((struct store_seal *)(uintptr_t)stage->folder.levels.seal);
    stage->folder.levels.seal = seal;
}

static void stage_end(struct stage *stage)
{
    stage_stop(stage);
    stage_set_key(stage, NULL);
    folder_close(&stage->folder);
}

/* Do the files show what a cell holds, from its first run of noise on? */
static bool stage_shows(const struct stage *stage, uint32_t cells)
{
    static const char *const names[] = {"mapped", "disk", "index"};
    bool shown = false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[96];
        snprintf(path, sizeof path, "%s/%s", stage->folder.path, names[i]);
        int fd = open(path, O_RDONLY);
        size_t size = (size_t)lseek(fd, 0, SEEK_END);
        uint8_t *bytes = mem_alloc(size + 1);
        assert_int_equal(pread(fd, bytes, size, 0), size);
        for (uint32_t cell = 0; cell < cells && !shown; cell++) {
            uint8_t plain[CELL_BYTES];
            cell_fill(atomic_load(&stage->cells.cells[cell]), plain);
            shown = memmem(bytes, size, plain + 16, 32) != NULL;
        }
        mem_free(bytes);
        close(fd);
    }
    return shown;
}

TEST(plain_files_show_what_encrypted_ones_hide)
{
    static struct stage stage;
    for (int encrypted = 0; encrypted < 2; encrypted++) {
        stage_init_encrypted(&stage, 1);
        if (encrypted == 0) {
            stage_set_key(&stage, NULL);
        }
        stage_start(&stage);
        stage_fill(&stage);
        stage_read(&stage, 0, CELLS, 4);
        stage_stop(&stage);
        assert_int_equal(stage_shows(&stage, CELLS), encrypted == 0);
        stage_start(&stage);
        stage_end(&stage);
    }
}

TEST(encrypted_files_serve_hits_and_a_restart_finds_them)
{
    static struct stage stage;
    stage_init_encrypted(&stage, 1);
    stage_start(&stage);
    stage_fill(&stage);
    stage_read(&stage, 0, CELLS, 8);
    struct cache_levels_stats stats = stage_stats(&stage);
    assert_true(stats.mapped.hits + stats.disk.hits > 100);
    stage_read(&stage, 0, FEW, 6);
    for (int restart = 0; restart < 3; restart++) {
        stage_stop(&stage);
        stage_start(&stage);
        assert_int_equal(stage.troubles, 0);
        assert_in_range(stage_engine_gets(&stage, 0, FEW), 0, FEW / 10);
        stage_read(&stage, 0, FEW, 6);
    }
    assert_int_equal(stage_stats(&stage).mapped.damaged + stage_stats(&stage).disk.damaged, 0);
    stage_end(&stage);
}

TEST(with_another_key_or_none_the_files_start_empty)
{
    static struct stage stage;
    stage_init_encrypted(&stage, 1);
    stage_start(&stage);
    stage_fill(&stage);
    for (uint32_t i = 0; i < 3; i++) { /* plain, then another key, then plain again */
        stage_read(&stage, 0, FEW, 6);
        stage_stop(&stage);
        stage_set_key(&stage,
                      i % 2 == 0 ? NULL : store_seal_new(&(struct store_seal_key){1, {2}}, 1));
        stage_start(&stage);
        assert_int_equal(stage.troubles, i + 1);
        assert_int_equal(stage_engine_gets(&stage, 0, FEW), FEW);
    }
    stage_end(&stage);
}

TEST(flipped_bits_in_encrypted_files_are_misses)
{
    static struct stage stage;
    stage_init_encrypted(&stage, 1);
    stage_start(&stage);
    stage_fill(&stage);
    stage_expect_misses(&stage);
    for (uint32_t seed = 0; seed < 20; seed++) {
        stage_read(&stage, 0, FEW, 3);
        stage_stop(&stage);
        stage_flip(&stage, "index", seed);
        stage_start(&stage);
        assert_int_equal(stage.troubles, seed + 1);
    }
    stage_end(&stage);
}
