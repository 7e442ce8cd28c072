/* kusto_cancel without a service: every blocking call ends when another thread or a signal handler
 * says so. The host accepts connections and never answers. */
#include "harness.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

/* ---- a host that never answers -------------------------------------------------------------------- */

static int silent = -1;

static kusto_client *client_of_silent_host(void)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    char text[96];
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    silent = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(silent >= 0 && bind(silent, (struct sockaddr *)&address, sizeof address) == 0);
    CHECK(listen(silent, 16) == 0 && getsockname(silent, (struct sockaddr *)&address, &length) == 0);
    snprintf(text, sizeof text, "Data Source=http://127.0.0.1:%d;Fed=false", ntohs(address.sin_port));
    return client_of(text);
}

static void end_silent_host(kusto_client *client)
{
    kusto_client_free(client);
    close(silent);
}

/* ---- who signals ----------------------------------------------------------------------------------- */

static const kusto_cancel *in_handler;

static void handle(int number)
{
    (void)number;
    errno = 4711;
    kusto_cancel_signal(in_handler);
    if (errno != 4711)
        _exit(EXIT_FAILURE);
}

struct signaller {
    pthread_t thread, waiting;
    const kusto_cancel *cancel;
    int by_handler, connection;
};

/* A connection came: the call is under way. */
static void *signal_when_connected(void *argument)
{
    struct signaller *signaller = argument;
    signaller->connection = accept(silent, NULL, NULL);
    if (signaller->by_handler)
        pthread_kill(signaller->waiting, SIGUSR1);
    else
        kusto_cancel_signal(signaller->cancel);
    return NULL;
}

static kusto_cancel *begin(struct signaller *signaller, int by_handler)
{
    kusto_cancel *cancel = NULL;
    struct sigaction action;
    CHECK_OK(kusto_cancel_new(&cancel, &err));
    CHECK(!kusto_cancel_is_signalled(cancel));
    in_handler = cancel;
    memset(&action, 0, sizeof action);
    action.sa_handler = handle;
    sigaction(SIGUSR1, &action, NULL);
    signaller->waiting = pthread_self();
    signaller->cancel = cancel;
    signaller->by_handler = by_handler;
    CHECK(pthread_create(&signaller->thread, NULL, signal_when_connected, signaller) == 0);
    CHECK_OK(kusto_cancel_use(cancel, &err));
    return cancel;
}

static void end(struct signaller *signaller, kusto_cancel *cancel)
{
    CHECK(pthread_join(signaller->thread, NULL) == 0);
    CHECK(kusto_cancel_is_signalled(cancel));
    close(signaller->connection);
    signal(SIGUSR1, SIG_DFL);
    CHECK_OK(kusto_cancel_use(NULL, &err));
    kusto_cancel_free(cancel);
}

/* ---- the calls ------------------------------------------------------------------------------------- */

typedef kusto_status (*blocking)(kusto_client *client, kusto_error **err);

static kusto_props *some_props(void)
{
    kusto_props *props = NULL;
    CHECK_OK(kusto_props_new("d", KUSTO_CSTR, "t", KUSTO_CSTR, &props, &err));
    CHECK_OK(kusto_props_set_format(props, KUSTO_FORMAT_CSV, &err));
    return props;
}

static kusto_status run_query(kusto_client *client, kusto_error **err)
{
    return kusto_execute(client, "d", 1, "T", 1, NULL, KUSTO_FOREVER, NULL, err);
}

static kusto_status warm_up(kusto_client *client, kusto_error **err)
{
    return kusto_client_warm_up(client, PATIENCE, err);
}

static kusto_status ingest_bytes(kusto_client *client, kusto_error **err)
{
    kusto_props *props = some_props();
    kusto_status status = kusto_ingest_bytes(client, props, (const uint8_t *)"1,a\n", 4, KUSTO_FOREVER, NULL, err);
    kusto_props_free(props);
    return status;
}

/* A source that never ends. */
static int64_t give_more(void *user_data, uint8_t *buffer, size_t cap)
{
    (void)user_data;
    memset(buffer, '\n', cap);
    return (int64_t)cap;
}

static kusto_status ingest_reader(kusto_client *client, kusto_error **err)
{
    kusto_props *props = some_props();
    kusto_source *source = NULL;
    kusto_status status;
    if (kusto_source_reader(give_more, NULL, NULL, &source, err) != KUSTO_OK)
        return KUSTO_E_INTERNAL;
    status = kusto_ingest(client, props, source, KUSTO_FOREVER, NULL, err);
    kusto_props_free(props);
    return status;
}

static kusto_status peek(kusto_client *client, kusto_error **err)
{
    kusto_report *report = NULL;
    return kusto_outcomes_peek(client, KUSTO_OUTCOME_FAILURES, NULL, 0, 8, PATIENCE, &report, err);
}

static kusto_status write_stream(kusto_client *client, kusto_error **err)
{
    static uint8_t rows[1 << 16];
    kusto_props *props = some_props();
    kusto_stream *stream = NULL;
    kusto_status status = kusto_stream_begin(client, props, NULL, &stream, err);
    memset(rows, '\n', sizeof rows);
    while (status == KUSTO_OK)
        status = kusto_stream_write(stream, rows, sizeof rows, KUSTO_FOREVER, NULL, err);
    kusto_stream_free(stream);
    kusto_props_free(props);
    return status;
}

static const blocking CALLS[] = {run_query, warm_up, ingest_bytes, ingest_reader, peek, write_stream};

static void every_blocking_call_ends(int by_handler)
{
    size_t i;
    for (i = 0; i < LEN(CALLS); i++) {
        kusto_client *client = client_of_silent_host();
        struct signaller signaller;
        kusto_cancel *cancel = begin(&signaller, by_handler);
        kusto_error *error = NULL;
        CHECK(CALLS[i](client, &error) == KUSTO_E_CANCELLED);
        CHECK(kusto_error_status(error) == KUSTO_E_CANCELLED);
        /* Nothing was handed over; only a request that may do something is in doubt. */
        CHECK(!kusto_error_in_doubt(error));
        kusto_error_free(error);
        error = NULL;
        CHECK(CALLS[i](client, &error) == KUSTO_E_CANCELLED);
        kusto_error_free(error);
        end(&signaller, cancel);
        end_silent_host(client);
    }
}

static void another_thread_ends_every_blocking_call(void)
{
    every_blocking_call_ends(0);
}

static void a_signal_handler_ends_every_blocking_call(void)
{
    every_blocking_call_ends(1);
}

static void a_wait_ends_and_its_operation_does_not(void)
{
    kusto_client *client = client_of_silent_host();
    struct signaller signaller;
    kusto_cancel *cancel = begin(&signaller, 0);
    kusto_op *op = NULL;
    kusto_error *error = NULL;
    CHECK_OK(kusto_execute_start(client, "d", 1, "T", 1, NULL, KUSTO_FOREVER, NULL, NULL, NULL, &op, &err));
    CHECK(kusto_op_wait(op, KUSTO_FOREVER, &error) == KUSTO_E_CANCELLED);
    CHECK(kusto_error_in_doubt(error));
    kusto_error_free(error);
    CHECK(kusto_op_state(op) == KUSTO_OP_RUNNING);
    CHECK_OK(kusto_cancel_use(NULL, &err));
    CHECK_STATUS(KUSTO_E_WOULD_BLOCK, kusto_op_wait(op, 0, &err));
    kusto_op_cancel(op);
    CHECK_STATUS(KUSTO_E_CANCELLED, kusto_op_wait(op, PATIENCE, &err));
    CHECK(kusto_op_state(op) == KUSTO_OP_CANCELLED);
    kusto_op_free(op);
    /* Not before: the end of its connection would end the operation as well. */
    end(&signaller, cancel);
    end_silent_host(client);
}

static void closing_waits_no_longer(void)
{
    kusto_client *client = client_of_silent_host();
    struct signaller signaller;
    kusto_cancel *cancel = begin(&signaller, 0);
    kusto_props *props = some_props();
    kusto_source *source = NULL;
    kusto_op *op = NULL;
    uint64_t abandoned = 7;
    CHECK_OK(kusto_source_bytes((const uint8_t *)"1,a\n", 4, NULL, NULL, &source, &err));
    CHECK_OK(kusto_ingest_start(client, props, source, KUSTO_FOREVER, NULL, NULL, NULL, &op, &err));
    CHECK_OK(kusto_client_close(client, KUSTO_FOREVER, &abandoned, &err));
    CHECK(abandoned == 1);
    end(&signaller, cancel);
    CHECK_STATUS(KUSTO_E_CANCELLED, kusto_op_wait(op, PATIENCE, &err));
    kusto_op_free(op);
    kusto_props_free(props);
    end_silent_host(client);
}

/* ---- the object ------------------------------------------------------------------------------------ */

static void a_signal_is_for_those_who_use_it(void)
{
    kusto_client *client = dead_client();
    kusto_cancel *first = NULL, *second = NULL;
    CHECK_OK(kusto_cancel_new(&first, &err));
    CHECK_OK(kusto_cancel_new(&second, &err));
    kusto_cancel_signal(first);
    kusto_cancel_signal(first);
    CHECK(kusto_cancel_is_signalled(first) && !kusto_cancel_is_signalled(second));
    CHECK_STATUS(KUSTO_E_NETWORK, run_query(client, &err));
    CHECK_OK(kusto_cancel_use(first, &err));
    CHECK_STATUS(KUSTO_E_CANCELLED, run_query(client, &err));
    CHECK_OK(kusto_cancel_use(second, &err));
    CHECK_STATUS(KUSTO_E_NETWORK, run_query(client, &err));
    /* The thread keeps what it uses. */
    kusto_cancel_free(second);
    CHECK_STATUS(KUSTO_E_NETWORK, run_query(client, &err));
    CHECK_OK(kusto_cancel_use(NULL, &err));
    kusto_cancel_free(first);
    kusto_client_free(client);
}

static void null_is_nothing(void)
{
    CHECK_REFUSES("out", kusto_cancel_new(NULL, &err));
    kusto_cancel_signal(NULL);
    kusto_cancel_free(NULL);
    CHECK(!kusto_cancel_is_signalled(NULL));
    CHECK_OK(kusto_cancel_use(NULL, &err));
}

static void a_child_does_not_end_the_calls_of_its_parent(void)
{
    kusto_client *client = dead_client();
    kusto_cancel *cancel = NULL;
    pid_t child;
    int status = -1;
    CHECK_OK(kusto_cancel_new(&cancel, &err));
    CHECK_OK(kusto_cancel_use(cancel, &err));
    child = fork();
    if (child == 0) {
        kusto_cancel_signal(cancel);
        /* By a signal: an exit status would be valgrind's, for what the parent's threads hold. */
        kill(getpid(), kusto_cancel_use(cancel, NULL) == KUSTO_E_FORKED ? SIGKILL : SIGTERM);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    CHECK(!kusto_cancel_is_signalled(cancel));
    CHECK_STATUS(KUSTO_E_NETWORK, run_query(client, &err));
    CHECK_OK(kusto_cancel_use(NULL, &err));
    kusto_cancel_free(cancel);
    kusto_client_free(client);
}

int main(void)
{
    RUN(another_thread_ends_every_blocking_call);
    RUN(a_signal_handler_ends_every_blocking_call);
    RUN(a_wait_ends_and_its_operation_does_not);
    RUN(closing_waits_no_longer);
    RUN(a_signal_is_for_those_who_use_it);
    RUN(null_is_nothing);
    RUN(a_child_does_not_end_the_calls_of_its_parent);
    return harness_end();
}
