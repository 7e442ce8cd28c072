/* A thread that pushes the input into a stream, so that `start` can return. */
#ifndef PUSHER_H
#define PUSHER_H

#include "what.h"

#include <pthread.h>
#include <time.h>

struct pusher {
    kusto_stream *stream;
    struct input *input;
    int64_t deadline;
    pthread_t thread;
    int joined;
    /* Result of the thread: the operation, or why there is none. */
    kusto_op *op;
    kusto_status status;
    kusto_error *error;
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The remaining time of the call. */
static int64_t time_left(const struct pusher *pusher)
{
    int64_t left = pusher->deadline - now_ms();
    return pusher->deadline == KUSTO_FOREVER ? KUSTO_FOREVER : left > 0 ? left : 0;
}

static kusto_status push(struct pusher *pusher, const uint8_t *data, size_t length)
{
    kusto_status status = KUSTO_OK;
    while (length > 0 && status == KUSTO_OK) {
        size_t written = 0;
        /* A limit of 0 would mean: never wait. */
        int64_t left = time_left(pusher);
        status = kusto_stream_write(pusher->stream, data, length, left == 0 ? 1 : left, &written, &pusher->error);
        data += written;
        length -= written;
    }
    return status;
}

static void *push_all(void *argument)
{
    struct pusher *pusher = argument;
    uint8_t *buffer = allocated(malloc(pusher->input->piece));
    int64_t given;
    kusto_status status = KUSTO_OK;
    while (status == KUSTO_OK && (given = read_piece(pusher->input, buffer, pusher->input->piece)) > 0)
        status = push(pusher, buffer, (size_t)given);
    if (status == KUSTO_OK && given < 0)
        status = kusto_stream_fail(pusher->stream, "the input fails", KUSTO_CSTR, &pusher->error);
    if (status == KUSTO_OK)
        status = kusto_stream_finish(pusher->stream, time_left(pusher), NULL, NULL, NULL, &pusher->op,
                                     &pusher->error);
    pusher->status = status;
    free(buffer);
    return NULL;
}

/* Takes the stream and the input. */
static struct pusher *start_pushing(kusto_stream *stream, struct input *input, int64_t timeout)
{
    struct pusher *pusher = allocated(calloc(1, sizeof *pusher));
    pusher->stream = stream;
    pusher->input = input;
    pusher->deadline = timeout == KUSTO_FOREVER ? KUSTO_FOREVER : now_ms() + timeout;
    if (pthread_create(&pusher->thread, NULL, push_all, pusher) != 0)
        die("cannot start a thread");
    return pusher;
}

/* Its operation; NULL if there is none, and then status and error say why. */
static kusto_op *join_pusher(struct pusher *pusher)
{
    if (!pusher->joined && pthread_join(pusher->thread, NULL) != 0)
        die("cannot join a thread");
    pusher->joined = 1;
    return pusher->op;
}

static void free_pusher(struct pusher *pusher)
{
    if (pusher == NULL)
        return;
    kusto_stream_cancel(pusher->stream);
    kusto_op_free(join_pusher(pusher));
    kusto_error_free(pusher->error);
    kusto_stream_free(pusher->stream);
    close_input(pusher->input);
    free(pusher);
}

#endif
