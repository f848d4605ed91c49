/* node/journal_thread.c - one thread that waits for disks, so that no loop has to.
 *
 * It takes a batch, writes and syncs it (journal_steps.c), and mails it back. While it syncs, the
 * owner fills the next batch: all writers of that time share one sync. When nothing has come for a
 * while it notes that in the journal. The simulator has no thread: it takes the same steps. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "node/node_private.h"

enum { JOURNAL_IDLE_MS = 50 };

static void journal_deadline(struct timespec *ret_until)
{
    clock_gettime(CLOCK_REALTIME, ret_until);
    ret_until->tv_nsec += JOURNAL_IDLE_MS * 1000000;
    if (ret_until->tv_nsec >= 1000000000) {
        ret_until->tv_nsec -= 1000000000;
        ret_until->tv_sec++;
    }
}

/* The next batch; NULL when none came in a while, or at the end. */
static struct node_batch *journal_wait(struct node_journal *journal, bool *ret_stopping)
{
    struct timespec until;
    int waited = 0;
    journal_deadline(&until);
    pthread_mutex_lock(&journal->lock);
    while (journal->batch == NULL && !journal->stopping && waited != ETIMEDOUT) {
        waited = pthread_cond_timedwait(&journal->wake, &journal->lock, &until);
    }
    struct node_batch *batch = journal->batch;
    journal->batch = NULL;
    *ret_stopping = journal->stopping;
    pthread_mutex_unlock(&journal->lock);
    return batch;
}

static void journal_check(const struct node_journal *journal, int code)
{
    if (code < 0) {
        char scratch[32];
        log_error(journal->log, "journal",
                  "%s failed (%s): stopping, so that nothing that is not "
                  "on disk is acknowledged; free space or replace the disk, then start again",
                  journal->doing, err_code_name(-code, scratch));
        _Exit(14);
    }
}

static void *journal_run(void *context)
{
    struct node_journal *journal = context;
    bool stopping = false;
    while (!stopping) {
        struct node_batch *batch = journal_wait(journal, &stopping);
        if (batch != NULL) {
            journal_check(journal, node__journal_write(journal, batch));
            net_loop_post(journal->owner, &batch->mail);
            journal_check(journal, node__journal_prepare(journal));
        } else {
            journal_check(journal, node__journal_mark(journal));
        }
    }
    return NULL;
}

int node__journal_start(struct node_journal *journal, struct err *err)
{
    pthread_mutex_init(&journal->lock, NULL);
    pthread_cond_init(&journal->wake, NULL);
    int code = pthread_create(&journal->thread, NULL, journal_run, journal);
    if (code != 0) {
        return err_set(err, LT_EIO, "cannot start the journal's thread: %s", strerror(code));
    }
    pthread_setname_np(journal->thread, "lt-journal");
    journal->started = true;
    return 0;
}

void node__journal_submit(struct node_journal *journal, struct node_batch *batch)
{
    pthread_mutex_lock(&journal->lock);
    assert(journal->batch == NULL);
    journal->batch = batch;
    pthread_mutex_unlock(&journal->lock);
    pthread_cond_signal(&journal->wake);
}

void node__journal_stop(struct node_journal *journal)
{
    if (!journal->started) {
        return;
    }
    pthread_mutex_lock(&journal->lock);
    journal->stopping = true;
    pthread_cond_signal(&journal->wake);
    pthread_mutex_unlock(&journal->lock);
    pthread_join(journal->thread, NULL);
    journal->started = false;
    journal_check(journal, node__journal_mark(journal));
    pthread_mutex_destroy(&journal->lock);
    pthread_cond_destroy(&journal->wake);
}
