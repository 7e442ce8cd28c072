/* Ingestions and calls under way, by the names that the driver gives them: `start`, `wait`, `cancel`. */
#ifndef OPERATIONS_H
#define OPERATIONS_H

#include "clients.h"
#include "closer.h"
#include "pusher.h"

/* The last numbers of a progress callback, until the library drops it. */
struct progress {
    pthread_mutex_t lock;
    pthread_cond_t dropped;
    int is_dropped;
    uint64_t read, sent, total;
};

struct operation {
    struct operation *next;
    char *name;
    /* One of the three. */
    kusto_op *op;
    struct pusher *pusher;
    struct closer *closer;
    /* Answers with the result of a call that has succeeded; NULL for an ingestion. */
    void (*tell)(kusto_op *op);
    struct progress *progress;
    /* Set once it has succeeded. */
    char *tracking_token;
};

static struct operation *operations;

static struct operation *operation_of(const struct message *said)
{
    const char *name = get(said, "op");
    struct operation *operation = operations;
    while (operation != NULL && strcmp(operation->name, name) != 0)
        operation = operation->next;
    if (operation == NULL)
        die("%s: no such operation: %s", said->verb, name);
    return operation;
}

/* ---- progress --------------------------------------------------------------------------------------------- */

static void KUSTO_CALL on_progress(void *user_data, uint64_t read, uint64_t sent, uint64_t total)
{
    struct progress *progress = user_data;
    pthread_mutex_lock(&progress->lock);
    progress->read = read;
    progress->sent = sent;
    progress->total = total;
    pthread_mutex_unlock(&progress->lock);
}

static void KUSTO_CALL on_dropped(void *user_data)
{
    struct progress *progress = user_data;
    pthread_mutex_lock(&progress->lock);
    progress->is_dropped = 1;
    pthread_cond_signal(&progress->dropped);
    pthread_mutex_unlock(&progress->lock);
}

/* Returns when no further numbers can come. */
static void await_last_progress(struct progress *progress)
{
    pthread_mutex_lock(&progress->lock);
    while (!progress->is_dropped)
        pthread_cond_wait(&progress->dropped, &progress->lock);
    pthread_mutex_unlock(&progress->lock);
}

static struct progress *new_progress(void)
{
    struct progress *progress = allocated(calloc(1, sizeof *progress));
    pthread_mutex_init(&progress->lock, NULL);
    pthread_cond_init(&progress->dropped, NULL);
    return progress;
}

static void free_progress(struct progress *progress)
{
    if (progress == NULL)
        return;
    await_last_progress(progress);
    pthread_mutex_destroy(&progress->lock);
    pthread_cond_destroy(&progress->dropped);
    free(progress);
}

/* ---- start, cancel, wait -------------------------------------------------------------------------------- */

static void free_operation(struct operation *operation)
{
    free_pusher(operation->pusher);
    free_closer(operation->closer);
    kusto_op_cancel(operation->op);
    kusto_op_free(operation->op);
    free_progress(operation->progress);
    free(operation->tracking_token);
    free(operation->name);
    free(operation);
}

static void free_operations(void)
{
    while (operations != NULL) {
        struct operation *operation = operations;
        operations = operation->next;
        free_operation(operation);
    }
}

/* Takes the operation; an earlier one of the same name is forgotten. */
static void add_operation(struct operation *added)
{
    struct operation **link = &operations;
    while (*link != NULL && strcmp((*link)->name, added->name) != 0)
        link = &(*link)->next;
    if (*link != NULL) {
        struct operation *replaced = *link;
        *link = replaced->next;
        free_operation(replaced);
    }
    added->next = operations;
    operations = added;
}

static void cancel_operation(struct operation *operation)
{
    if (operation->closer != NULL)
        die("closing cannot be cancelled: %s", operation->name);
    if (operation->pusher != NULL)
        kusto_stream_cancel(operation->pusher->stream);
    else
        kusto_op_cancel(operation->op);
}

/* Ingests or streams the source; takes it. */
static kusto_status begin(struct operation *operation, const struct message *said, const kusto_props *props,
                          kusto_source *source, kusto_error **err)
{
    const int64_t timeout = number(said, "timeout", KUSTO_FOREVER);
    kusto_stream *stream = NULL;
    kusto_status status;
    if (strcmp(get(said, "source"), "stream") != 0)
        return kusto_ingest_start(client_of(said), props, source, timeout, NULL, NULL, NULL, &operation->op, err);
    status = kusto_stream_begin(client_of(said), props, source, &stream, err);
    if (status == KUSTO_OK)
        operation->pusher = start_pushing(stream, open_input(said), timeout);
    return status;
}

static kusto_status open_and_begin(struct operation *operation, const struct message *said,
                                   const kusto_props *props, kusto_error **err)
{
    kusto_source *source = NULL;
    kusto_status status = new_source(said, &source, err);
    if (status == KUSTO_OK)
        status = describe(source, said, err);
    if (status == KUSTO_OK && flag(said, "progress")) {
        operation->progress = new_progress();
        status = kusto_source_set_progress(source, on_progress, operation->progress, on_dropped, err);
    }
    if (status == KUSTO_OK)
        return begin(operation, said, props, source, err);
    kusto_source_free(source);
    return status;
}

static void start(const struct message *said)
{
    struct operation *operation = allocated(calloc(1, sizeof *operation));
    kusto_props *props = NULL;
    kusto_error *error = NULL;
    kusto_status status = new_props(said, &props, &error);
    operation->name = copy_of(get(said, "op"));
    if (status == KUSTO_OK)
        status = open_and_begin(operation, said, props, &error);
    kusto_props_free(props);
    if (status == KUSTO_OK) {
        if (flag(said, "cancelled"))
            cancel_operation(operation);
        add_operation(operation);
    } else {
        free_operation(operation);
    }
    answer(status, error);
}

/* The answer to a named call that was begun in the background; takes the operation and the error. */
static void answer_begun(const struct message *said, kusto_status status, kusto_op *op, void (*tell)(kusto_op *op),
                         kusto_error *error)
{
    if (status == KUSTO_OK) {
        struct operation *operation = allocated(calloc(1, sizeof *operation));
        operation->name = copy_of(get(said, "as"));
        operation->op = op;
        operation->tell = tell;
        add_operation(operation);
    }
    answer(status, error);
}

static void cancel(const struct message *said)
{
    cancel_operation(operation_of(said));
    answer(KUSTO_OK, NULL);
}

static void tell_delivery(const kusto_result *result)
{
    const kusto_error *cause = kusto_result_fallback_cause(result);
    say("route", WORD(route_words, kusto_result_route(result)));
    say_number("attempts", kusto_result_attempts(result));
    if (cause != NULL)
        say("fallback", kusto_error_service_code(cause, NULL));
    say_number("policy_failed", kusto_result_update_policy_failed(result) != 0);
    say_number("duplicated", kusto_result_possibly_duplicated(result) != 0);
}

static void tell_result(struct operation *operation, const kusto_result *result)
{
    size_t i, items = kusto_result_len(result);
    puts("ok");
    say("source_id", kusto_result_source_id(result, NULL));
    say_number("items", items);
    for (i = 0; i < items; i++)
        say("item", kusto_result_item_source_id(result, i, NULL));
    say("format", kusto_result_item_format(result, 0, NULL));
    say_number("format_assumed", kusto_result_item_format_assumed(result, 0) != 0);
    say_number("bytes_raw", kusto_result_bytes_raw(result));
    say_number("bytes_sent", kusto_result_bytes_sent(result));
    tell_delivery(result);
    if (operation->progress != NULL) {
        await_last_progress(operation->progress);
        say_number("progress_read", operation->progress->read);
        say_number("progress_sent", operation->progress->sent);
        say_number("progress_total", operation->progress->total);
    }
    end_answer();
}

/* Waits for a call and answers with its result. */
static void tell_end(kusto_op *op, void (*tell)(kusto_op *op))
{
    kusto_error *error = NULL;
    kusto_status status = kusto_op_wait(op, KUSTO_FOREVER, &error);
    if (status == KUSTO_OK)
        tell(op);
    else
        answer(status, error);
}

static void wait_for_ingestion(struct operation *operation)
{
    kusto_op *op = operation->op;
    kusto_result *result = NULL;
    kusto_error *error = NULL;
    kusto_status status;
    if (operation->pusher != NULL)
        op = join_pusher(operation->pusher);
    if (op == NULL) {
        tell_error(operation->pusher->status, operation->pusher->error);
        return;
    }
    status = kusto_op_wait(op, KUSTO_FOREVER, &error);
    if (status == KUSTO_OK)
        status = kusto_op_result(op, &result, &error);
    if (status == KUSTO_OK) {
        free(operation->tracking_token);
        operation->tracking_token = copy_of(kusto_result_tracking_token(result, NULL));
        tell_result(operation, result);
        kusto_result_free(result);
    } else {
        answer(status, error);
    }
}

static void wait_for(const struct message *said)
{
    struct operation *operation = operation_of(said);
    if (operation->closer != NULL)
        tell_closed(operation->closer);
    else if (operation->tell != NULL)
        tell_end(operation->op, operation->tell);
    else
        wait_for_ingestion(operation);
}

/* Waits for work in flight; on a thread of its own if the call has a name. */
static void close_client(const struct message *said)
{
    const int64_t timeout = number(said, "timeout", 0);
    if (find(said, "as") != NULL) {
        struct operation *operation = allocated(calloc(1, sizeof *operation));
        operation->name = copy_of(get(said, "as"));
        operation->closer = start_closing(client_of(said), timeout);
        add_operation(operation);
        answer(KUSTO_OK, NULL);
    } else {
        kusto_error *error = NULL;
        kusto_status status = kusto_client_close(client_of(said), timeout, NULL, &error);
        answer(status, error);
    }
}

#endif
