/* sim/node/directory.c - the data directory of a simulated node: in place of node/directory.c. */
#include "node/node_private.h"
#include "sim/node/disk.h"

int node__directory_open(struct node *node, struct err *err)
{
    struct sim_disk *disk = sim_disk_here();
    (void)err;
    node__cache_open(node, node->config.db_path, sim_disk_engine(disk));
    node->journal_disk = sim_disk_mount(disk);
    return 0;
}

int node__directory_journal(struct node *node, struct store_disk **ret_disk)
{
    (void)node;
    *ret_disk = sim_disk_mount(sim_disk_here());
    return 0;
}
