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
