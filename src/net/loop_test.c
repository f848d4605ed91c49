/* net/loop_test.c - what was posted before a loop is stopped is delivered. */
#include "net/loop.h"

#include "lib/test.h"

struct letter {
    struct net_mail mail;
    struct net_loop *loop;
    struct letter *next; /* to post when this one comes, and then to stop; NULL: nothing */
    bool came;
};

static void letter_deliver(struct net_mail *mail)
{
    struct letter *letter = (struct letter *)mail;
    letter->came = true;
    if (letter->next != NULL) {
        net_loop_post(letter->loop, &letter->next->mail);
        net_loop_stop(letter->loop);
    }
}

TEST(a_loop_delivers_what_came_before_its_stop)
{
    struct net_loop *loop;
    struct err err;
    assert_int_equal(net_loop_new(&loop, &err), 0);
    struct letter last = {.mail = {.deliver = letter_deliver}, .loop = loop};
    struct letter first = {.mail = {.deliver = letter_deliver}, .loop = loop, .next = &last};
    assert_int_equal(net_loop_start(loop, "lt-test", &err), 0);
    net_loop_post(loop, &first.mail);
    net_loop_join(loop);
    assert_true(first.came);
    assert_true(last.came);
    net_loop_free(loop);
}

struct watched {
    struct letter letter;
    int begun, ended;
    bool asleep;
};

static void watched_begin(void *context)
{
    ((struct watched *)context)->begun++;
}

static void watched_sleep(void *context)
{
    struct watched *watched = context;
    assert_false(watched->asleep);
    watched->asleep = true;
}

static void watched_awake(void *context)
{
    struct watched *watched = context;
    assert_true(watched->asleep);
    watched->asleep = false;
}

static void watched_end(void *context)
{
    struct watched *watched = context;
    assert_false(watched->asleep);
    watched->ended++;
}

static void watched_deliver(struct net_mail *mail)
{
    struct watched *watched = (struct watched *)mail;
    watched->letter.came = !watched->asleep && watched->begun == 1 && watched->ended == 0;
    net_loop_stop(watched->letter.loop);
}

TEST(a_watch_is_awake_whenever_its_users_code_runs)
{
    static const struct net_watch watch = {watched_begin, watched_sleep, watched_awake,
                                           watched_end};
    struct net_loop *loop;
    struct err err;
    assert_int_equal(net_loop_new(&loop, &err), 0);
    struct watched watched = {.letter = {.mail = {.deliver = watched_deliver}, .loop = loop}};
    net_loop_watch(loop, &watch, &watched);
    assert_int_equal(net_loop_start(loop, "lt-test", &err), 0);
    net_loop_post(loop, &watched.letter.mail);
    net_loop_join(loop);
    assert_true(watched.letter.came);
    assert_int_equal(watched.ended, 1);
    net_loop_free(loop);
}
