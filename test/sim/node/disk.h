/* sim/node/disk.h - what outlives the node: its disk and its engine, and what befalls them.
 *
 * Invariant   between two operations on the disk the node may die; every error that the node is
 *             given is noted as a cause, so that a stop without one is told from a right one.
 * Thread      one.
 * Memory      owns disk and engine; mounts and engines handed out are the node's.
 * Errors      as store/disk.h.
 */
#ifndef SIM_NODE_DISK_H
#define SIM_NODE_DISK_H

#include "lib/miss_kv.h"
#include "sim/node/world.h"
#include "store/seal.h"
#include "store/simdisk.h"

/* A place in the journal's files. */
struct sim_place {
    char name[32];
    uint64_t at;
};

struct sim_disk {
    struct sim_world *world;
    struct store_simdisk *sim;
    struct store_kv *engine;
    struct store_seal *seal;   /* of the journal, with every second seed; NULL: it is plain */
    uint32_t miss_one_in;      /* reads that find nothing in memory; 0: none */
    uint64_t die_after;        /* operations; 0: not planned */
    bool dead;                 /* the node has died between two operations */
    uint64_t fail_write;       /* the nth from now fails; 0: none */
    const char *cause;         /* why the node may stop; NULL: it may not */
    struct sim_place written;  /* the newest batch, */
    struct sim_place unsynced; /* where what was written since the last sync begins */
    struct sim_place proof;    /* and the newest that is synced: damage is put before it */
    struct sim_place flipped;  /* the damage, by its bit; no name: there is none */
    uint64_t flipped_digest;   /* of all files with it */
};

void sim_disk_open(struct sim_disk *disk, struct sim_world *world);
void sim_disk_close(struct sim_disk *disk);

/* The node's view of them, anew for each life. */
struct store_disk *sim_disk_mount(struct sim_disk *disk);
struct store_kv *sim_disk_engine(struct sim_disk *disk);

/* The node is dead: without power, what was not synced may be gone. What was planned is off. */
void sim_disk_crash(struct sim_disk *disk, bool power);

/* A full disk: no more than `room` bytes beyond what is used. */
void sim_disk_fill(struct sim_disk *disk, uint64_t room);
/* It has room again. */
void sim_disk_heal(struct sim_disk *disk);

/* Flip one bit that the journal promises to check: false when there is none. */
bool sim_disk_flip(struct sim_disk *disk);
/* The node is about to look at it. */
void sim_disk_remember(struct sim_disk *disk);
/* The node refused the damage: the operator brings the files back. False when the node has changed
 * something though it refused. */
bool sim_disk_repair(struct sim_disk *disk);

/* The one that node__directory_open opens. */
struct sim_disk *sim_disk_here(void);

#endif
