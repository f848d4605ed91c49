/* main.c - thin for now: serve on a port, data in a directory. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "node/node.h"

int main(int argc, char **argv)
{
    struct err err = {0};
    struct node *node;
    struct log *log = log_new(NULL, LOG_INFO, false);
    struct node_config config = {
        .db_path = argc > 1 ? argv[1] : "data",
        .bind_ip = "127.0.0.1",
        .port = (uint16_t)(argc > 2 ? atoi(argv[2]) : 27017),
        .conns_max = 19000,
        .set_name = "rs0",
        .cache_bytes = 256 << 20,
        .write_buffer_bytes = 64 << 20,
        .journal_segment_bytes = 64 << 20,
        .compressor = "lz4",
        .log = log,
    };
    sigset_t set;
    int signal_number;
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (node_open(&config, &node, &err) < 0 || node_start(node, &err) < 0) {
        log_error(log, "main", "%s", err.text);
        return 1;
    }
    log_info(log, "main", "listening on %s", node_address(node));
    sigwait(&set, &signal_number);
    node_stop(node);
    node_close(node);
    log_free(log);
    return 0;
}
