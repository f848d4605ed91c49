/* net/conn_test.c - a connection that has much to ask does not keep others from being answered. */
#include "net/conn.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/test.h"

/* Frames have four bytes: what to do, and who asks. */
enum { FRAME = 4, GREEDY_FRAMES = 1000, TURN_FRAMES_MAX = 8 };

struct crowd {
    struct net_loop *loop;
    struct net_server *server;
    sem_t blocked; /* the loop waits for */
    sem_t go;
    char order[GREEDY_FRAMES + 16]; /* who was answered */
    int answered;
    int turn_frames; /* of the greedy one, in this turn of the loop */
    int turn_most;
    struct net_turn turn;
};

static int64_t crowd_frame_size(struct slice head, void *user)
{
    (void)user;
    return head.len < FRAME ? 0 : FRAME;
}

static void crowd_open(struct net_conn *conn, void *server, void **ret_user)
{
    (void)conn;
    *ret_user = server;
}

static void crowd_turn(struct net_turn *turn)
{
    struct crowd *crowd = (struct crowd *)((uint8_t *)turn - offsetof(struct crowd, turn));
    crowd->turn_frames = 0;
}

static void crowd_frame(struct net_conn *conn, void *user, struct slice frame)
{
    struct crowd *crowd = user;
    if (frame.data[0] == 'b') {
        sem_post(&crowd->blocked);
        sem_wait(&crowd->go);
    }
    crowd->order[crowd->answered++] = (char)frame.data[1];
    crowd->turn_frames += frame.data[1] == 'G';
    crowd->turn_most =
        crowd->turn_frames > crowd->turn_most ? crowd->turn_frames : crowd->turn_most;
    net_loop_turn(crowd->loop, &crowd->turn);
    net_conn_send(conn, &frame, 1);
    net_conn_done(conn);
}

static void crowd_close(struct net_conn *conn, void *user)
{
    (void)conn;
    (void)user;
}

static const struct net_conn_ops crowd_ops = {crowd_frame_size, crowd_open, crowd_frame,
                                              crowd_close};

static void crowd_start(struct crowd *crowd)
{
    struct err err;
    *crowd = (struct crowd){.turn = {.cb = crowd_turn}};
    sem_init(&crowd->blocked, 0, 0);
    sem_init(&crowd->go, 0, 0);
    assert_int_equal(net_loop_new(&crowd->loop, &err), 0);
    struct net_server_options options = {
        .ops = &crowd_ops,
        .user = crowd,
        .limits = {.conns_max = 10,
                   .out_bytes_max = 1 << 20,
                   .first_frame_ms = 60000,
                   .frame_ms = 60000},
        .loops = &crowd->loop,
        .loops_count = 1,
        .addresses = "127.0.0.1",
    };
    assert_int_equal(net_server_new(&options, &crowd->server, &err), 0);
    assert_int_equal(net_loop_start(crowd->loop, "lt-test", &err), 0);
}

static void crowd_stop(struct crowd *crowd)
{
    net_loop_stop(crowd->loop);
    net_loop_join(crowd->loop);
    net_loop_free(crowd->loop);
    net_server_free(crowd->server);
    sem_destroy(&crowd->blocked);
    sem_destroy(&crowd->go);
}

static void send_frames(int fd, char what, char who, int count)
{
    char frames[GREEDY_FRAMES * FRAME];
    for (int i = 0; i < count; i++) {
        memcpy(frames + i * FRAME, (char[FRAME]){what, who, '.', '.'}, FRAME);
    }
    assert_int_equal(send(fd, frames, (size_t)count * FRAME, 0), count * FRAME);
}

static void receive_frames(int fd, int count)
{
    char frames[GREEDY_FRAMES * FRAME];
    assert_int_equal(recv(fd, frames, (size_t)count * FRAME, MSG_WAITALL), count * FRAME);
}

/* Connected, and known to the loop. */
static int client_open(struct crowd *crowd, char who)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(net_server_port(crowd->server)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    send_frames(fd, 'n', who, 1);
    receive_frames(fd, 1);
    return fd;
}

/* While the loop waits, both send: the greedy one a thousand frames, the polite one one. */
TEST(a_greedy_connection_has_its_turn_and_then_the_others_have_theirs)
{
    static struct crowd crowd;
    crowd_start(&crowd);
    int greedy = client_open(&crowd, 'G');
    int polite = client_open(&crowd, 'P');
    int blocker = client_open(&crowd, 'B');
    send_frames(blocker, 'b', 'B', 1);
    sem_wait(&crowd.blocked);
    int before = crowd.answered;
    send_frames(greedy, 'n', 'G', GREEDY_FRAMES);
    send_frames(polite, 'n', 'P', 1);
    sem_post(&crowd.go);
    receive_frames(blocker, 1);
    receive_frames(polite, 1);
    receive_frames(greedy, GREEDY_FRAMES);
    crowd_stop(&crowd);
    const char *polite_at = strchr(crowd.order + before, 'P');
    assert_non_null(polite_at);
    assert_in_range(polite_at - (crowd.order + before), 1, 1 + TURN_FRAMES_MAX);
    assert_int_equal(crowd.answered, before + 1 + 1 + GREEDY_FRAMES);
    assert_int_equal(crowd.turn_most, TURN_FRAMES_MAX);
    close(greedy);
    close(polite);
    close(blocker);
}

TEST(a_loop_stops_though_a_connection_is_due)
{
    static struct crowd crowd;
    crowd_start(&crowd);
    int greedy = client_open(&crowd, 'G');
    int blocker = client_open(&crowd, 'B');
    send_frames(blocker, 'b', 'B', 1);
    sem_wait(&crowd.blocked);
    send_frames(greedy, 'n', 'G', GREEDY_FRAMES);
    net_loop_stop(crowd.loop);
    sem_post(&crowd.go);
    crowd_stop(&crowd);
    close(greedy);
    close(blocker);
}
