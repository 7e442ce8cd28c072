/* A thread that closes a client, so that `close` can return while it waits. */
#ifndef CLOSER_H
#define CLOSER_H

#include "clients.h"

#include <pthread.h>

struct closer {
    kusto_client *client;
    int64_t timeout;
    pthread_t thread;
    int joined;
    /* Results of the thread. */
    kusto_status status;
    kusto_error *error;
};

static void *close_it(void *argument)
{
    struct closer *closer = argument;
    closer->status = kusto_client_close(closer->client, closer->timeout, NULL, &closer->error);
    return NULL;
}

/* The client must outlive it. */
static struct closer *start_closing(kusto_client *client, int64_t timeout)
{
    struct closer *closer = allocated(calloc(1, sizeof *closer));
    closer->client = client;
    closer->timeout = timeout;
    if (pthread_create(&closer->thread, NULL, close_it, closer) != 0)
        die("cannot start a thread");
    return closer;
}

static void join_closer(struct closer *closer)
{
    if (!closer->joined && pthread_join(closer->thread, NULL) != 0)
        die("cannot join a thread");
    closer->joined = 1;
}

static void tell_closed(struct closer *closer)
{
    join_closer(closer);
    answer(closer->status, closer->error);
    closer->error = NULL;
}

static void free_closer(struct closer *closer)
{
    if (closer == NULL)
        return;
    join_closer(closer);
    kusto_error_free(closer->error);
    free(closer);
}

#endif
