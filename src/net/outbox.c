/* net/outbox.c - one write a connection and turn.
 *
 * A write to a socket costs more than making the reply, and wakes its reader: readers that are
 * woken one by one take the processor from the loop that still has replies to make. So a turn first
 * reads and works, then writes. */
#include "net/outbox.h"

#include "net/conn_private.h"

enum { OUTBOX_LETTER_MAX = 4096, OUTBOX_BYTES_MAX = 256 << 10, OUTBOX_NS = 500000 };

struct net_letter {
    struct net_conn *conn;
    size_t from;
    size_t len;
};

void net__outbox_init(struct net_outbox *box)
{
    *box = (struct net_outbox){0};
    buf_init(&box->bytes, NULL);
    buf_init(&box->letters, NULL);
}

void net__outbox_close(struct net_outbox *box)
{
    buf_close(&box->bytes);
    buf_close(&box->letters);
}

/* The last letter, if it is to this connection. */
static struct net_letter *outbox_last(const struct net_outbox *box, const struct net_conn *conn)
{
    struct net_letter *end = (struct net_letter *)(void *)(box->letters.data + box->letters.len);
    return box->letters.len > 0 && end[-1].conn == conn ? &end[-1] : NULL;
}

static bool outbox_is_due(struct net_outbox *box)
{
    uint64_t now = uv_hrtime();
    if (box->letters.len == 0) {
        box->since = now;
    }
    return now - box->since > OUTBOX_NS || box->bytes.len > OUTBOX_BYTES_MAX;
}

bool net__outbox_add(struct net_outbox *box, struct net_conn *conn, const struct slice *parts,
                     size_t count)
{
    size_t from = box->bytes.len;
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        len += parts[i].len;
    }
    if (len > OUTBOX_LETTER_MAX) {
        return false;
    }
    bool due = outbox_is_due(box);
    for (size_t i = 0; i < count; i++) {
        buf_append_slice(&box->bytes, parts[i]);
    }
    struct net_letter *last = outbox_last(box, conn);
    if (last != NULL) {
        last->len += len;
    } else {
        struct net_letter letter = {conn, from, len};
        buf_append(&box->letters, &letter, sizeof letter);
    }
    conn->boxed_bytes += len;
    if (due) {
        net__outbox_flush(box);
    }
    return true;
}

void net__outbox_flush(struct net_outbox *box)
{
    const struct net_letter *letters = (const struct net_letter *)(void *)box->letters.data;
    size_t count = box->letters.len / sizeof *letters;
    for (size_t i = 0; i < count; i++) {
        struct net_conn *conn = letters[i].conn;
        conn->boxed_bytes -= letters[i].len;
        net__conn_write(conn, slice_of(box->bytes.data + letters[i].from, letters[i].len));
    }
    box->letters.len = 0;
    box->bytes.len = 0;
}
