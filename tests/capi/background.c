/* Calls in the background other than ingestions, and the functions of a stream besides writing data. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>

#include "harness.h"

static kusto_client *client;

/* A service that takes connections and never answers. */
struct silent {
    int fd;
    kusto_client *client;
};

static struct silent silent_service(void)
{
    struct silent made = {0};
    struct sockaddr_in address = {0};
    socklen_t length = sizeof address;
    char text[128];
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    made.fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(bind(made.fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(made.fd, 64) == 0);
    CHECK(getsockname(made.fd, (struct sockaddr *)&address, &length) == 0);
    snprintf(text, sizeof text, "Data Source=http://127.0.0.1:%d;Fed=false", ntohs(address.sin_port));
    made.client = client_of(text);
    return made;
}

static void end_silence(struct silent *service)
{
    kusto_client_free(service->client);
    close(service->fd);
}

struct told {
    int dones, drops;
};

static void tell(void *user_data, const kusto_op *op)
{
    CHECK(op != NULL && kusto_op_state(op) != KUSTO_OP_RUNNING);
    count_drop(&((struct told *)user_data)->dones);
}

static void forget(void *user_data)
{
    count_drop(&((struct told *)user_data)->drops);
}

static kusto_op *started(kusto_client *on, const char *text, int64_t timeout_ms, struct told *told)
{
    kusto_op *op = NULL;
    CHECK_OK(kusto_execute_start(on, database(), KUSTO_CSTR, text, KUSTO_CSTR, NULL, timeout_ms, tell, told, forget,
                                 &op, &err));
    return op;
}

static void a_query_in_the_background_gives_rows(void)
{
    struct told told = {0};
    int64_t value = 0;
    kusto_rows *rows = NULL, *again = NULL;
    kusto_result *result = NULL;
    kusto_report *report = NULL;
    kusto_op *op = started(client, "print 6 * 7", PATIENCE, &told);
    CHECK_OK(kusto_op_wait(op, KUSTO_FOREVER, &err));
    CHECK_OK(kusto_op_rows(op, &rows, &err));
    CHECK_OK(kusto_op_rows(op, &again, &err));
    CHECK(kusto_rows_next(rows) && kusto_rows_next(again));
    CHECK_OK(kusto_rows_int64(rows, 0, &value, &err));
    CHECK(value == 42 && kusto_op_state(op) == KUSTO_OP_SUCCEEDED);
    CHECK_STATUS(KUSTO_E_INVALID_STATE, kusto_op_result(op, &result, &err));
    CHECK_STATUS(KUSTO_E_INVALID_STATE, kusto_op_report(op, &report, &err));
    CHECK(result == NULL && report == NULL);
    CHECK(reaches(&told.drops, 1) && told.dones == 1);
    kusto_rows_free(rows);
    kusto_rows_free(again);
    kusto_op_free(op);
}

static void a_failed_query_is_reported_by_the_operation(void)
{
    struct told told = {0};
    kusto_rows *rows = NULL;
    kusto_op *op = started(client, "no such table | count", PATIENCE, &told);
    CHECK_STATUS(KUSTO_E_SERVICE, kusto_op_wait(op, KUSTO_FOREVER, &err));
    CHECK_STATUS(KUSTO_E_SERVICE, kusto_op_rows(op, &rows, &err));
    CHECK(rows == NULL && kusto_op_state(op) == KUSTO_OP_FAILED);
    CHECK(reaches(&told.drops, 1) && told.dones == 1);
    kusto_op_free(op);
}

static kusto_report *report_of(kusto_op *op)
{
    kusto_report *report = NULL;
    CHECK_OK(kusto_op_wait(op, KUSTO_FOREVER, &err));
    CHECK_OK(kusto_op_report(op, &report, &err));
    kusto_op_free(op);
    return report;
}

static void reports_come_in_the_background(void)
{
    char table[128];
    const char *token;
    kusto_props *props;
    kusto_result *result = NULL;
    kusto_report *report = NULL;
    kusto_op *op = NULL;
    create_table(client, table, sizeof table, "background");
    props = props_for(table);
    CHECK_OK(kusto_props_set_reporting(props, KUSTO_REPORT_ALL, KUSTO_VIA_QUEUE_AND_TABLE, &err));
    CHECK_OK(kusto_ingest_bytes(client, props, (const uint8_t *)"1,a\n", 4, PATIENCE, &result, &err));
    token = kusto_result_tracking_token(result, NULL);
    CHECK_REFUSES("poll_ms", kusto_track_until_final_start(client, token, KUSTO_CSTR, 0, PATIENCE, NULL, NULL, NULL, &op,
                                                           &err));
    CHECK_OK(kusto_track_until_final_start(client, token, KUSTO_CSTR, 20, PATIENCE, NULL, NULL, NULL, &op, &err));
    report = report_of(op);
    CHECK(kusto_report_count(report, KUSTO_ITEM_SUCCEEDED) == 1);
    kusto_report_free(report);
    CHECK_OK(kusto_track_start(client, token, KUSTO_CSTR, PATIENCE, NULL, NULL, NULL, &op, &err));
    report = report_of(op);
    CHECK(kusto_report_count(report, KUSTO_ITEM_SUCCEEDED) == 1);
    kusto_report_free(report);
    CHECK_OK(kusto_outcomes_peek_start(client, KUSTO_OUTCOME_SUCCESSES, token, KUSTO_CSTR, 32, PATIENCE, NULL, NULL,
                                       NULL, &op, &err));
    report = report_of(op);
    CHECK(kusto_report_len(report) <= 1);
    kusto_report_free(report);
    CHECK_OK(kusto_outcomes_take_start(client, KUSTO_OUTCOME_FAILURES, token, KUSTO_CSTR, 32, PATIENCE, NULL, NULL,
                                       NULL, &op, &err));
    report = report_of(op);
    CHECK(kusto_report_len(report) == 0);
    kusto_report_free(report);
    kusto_result_free(result);
    kusto_props_free(props);
    drop_table(client, table);
}

static void warming_up_ends_with_nothing_to_fetch(void)
{
    kusto_rows *rows = NULL;
    kusto_op *op = NULL;
    CHECK_OK(kusto_client_warm_up_start(client, PATIENCE, NULL, NULL, NULL, &op, &err));
    CHECK_OK(kusto_op_wait(op, KUSTO_FOREVER, &err));
    CHECK(kusto_op_state(op) == KUSTO_OP_SUCCEEDED);
    CHECK_STATUS(KUSTO_E_INVALID_STATE, kusto_op_rows(op, &rows, &err));
    kusto_op_free(op);
}

static void warming_up_a_table_names_what_is_missing(void)
{
    char table[128], wrong[140], text[512];
    kusto_props *props = NULL;
    kusto_error *error = NULL;
    kusto_op *op = NULL;
    create_table(client, table, sizeof table, "warm");
    props = props_for(table);
    CHECK_OK(kusto_client_warm_up_table(client, props, PATIENCE, &err));
    CHECK_OK(kusto_client_warm_up_table_start(client, props, PATIENCE, NULL, NULL, NULL, &op, &err));
    CHECK_OK(kusto_op_wait(op, KUSTO_FOREVER, &err));
    kusto_op_free(op);
    kusto_props_free(props);

    snprintf(wrong, sizeof wrong, "%sx", table);
    snprintf(text, sizeof text, "table '%s' does not exist in database '%s': did you mean '%s'?", wrong, database(), table);
    props = props_for(wrong);
    CHECK(kusto_client_warm_up_table(client, props, PATIENCE, &error) == KUSTO_E_NOT_FOUND);
    CHECK(is(kusto_error_argument(error, NULL), "table") && is(kusto_error_step(error, NULL), "check table"));
    if (!CHECK(strstr(kusto_error_message(error, NULL), text) != NULL))
        fprintf(stderr, "    %s\n", kusto_error_message(error, NULL));
    kusto_error_free(error);
    CHECK_REFUSES("client", kusto_client_warm_up_table(NULL, props, PATIENCE, &err));
    CHECK_REFUSES("props", kusto_client_warm_up_table(client, NULL, PATIENCE, &err));
    CHECK_REFUSES("props", kusto_client_warm_up_table_start(client, NULL, PATIENCE, NULL, NULL, NULL, &op, &err));
    kusto_props_free(props);
    drop_table(client, table);
}

static void a_call_that_gets_no_answer_can_be_cancelled(void)
{
    struct silent service = silent_service();
    struct told told = {0};
    kusto_rows *rows = NULL;
    kusto_op *op = started(service.client, "print 1", KUSTO_FOREVER, &told);
    CHECK_STATUS(KUSTO_E_WOULD_BLOCK, kusto_op_rows(op, &rows, &err));
    CHECK(kusto_op_state(op) == KUSTO_OP_RUNNING);
    kusto_op_cancel(op);
    CHECK_STATUS(KUSTO_E_CANCELLED, kusto_op_wait(op, KUSTO_FOREVER, &err));
    CHECK(reaches(&told.drops, 1) && told.dones == 1 && kusto_op_state(op) == KUSTO_OP_CANCELLED);
    kusto_op_free(op);
    end_silence(&service);
}

static void a_call_that_gets_no_answer_ends_by_its_deadline(void)
{
    struct silent service = silent_service();
    struct told told = {0};
    kusto_op *op = started(service.client, "print 1", 50, &told);
    CHECK_STATUS(KUSTO_E_TIMED_OUT, kusto_op_wait(op, KUSTO_FOREVER, &err));
    kusto_op_free(op);
    op = started(service.client, "print 1", 0, &told);
    CHECK_STATUS(KUSTO_E_TIMED_OUT, kusto_op_wait(op, KUSTO_FOREVER, &err));
    kusto_op_free(op);
    CHECK(reaches(&told.drops, 2) && told.dones == 2);
    end_silence(&service);
}

static void a_stream_that_ends_by_its_deadline_names_the_silent_host(void)
{
    struct silent service = silent_service();
    kusto_props *props = props_for("nowhere");
    kusto_stream *stream = NULL;
    kusto_op *op = NULL;
    kusto_error *error = NULL;
    CHECK_OK(kusto_stream_begin(service.client, props, NULL, &stream, &err));
    CHECK_OK(kusto_stream_write(stream, (const uint8_t *)"1\n", 2, KUSTO_FOREVER, NULL, &err));
    /* Time to get there, on a busy machine and under valgrind too. */
    CHECK_OK(kusto_stream_finish(stream, 1000, NULL, NULL, NULL, &op, &err));
    CHECK(kusto_op_wait(op, KUSTO_FOREVER, &error) == KUSTO_E_TIMED_OUT);
    CHECK(kusto_error_host(error, NULL) != NULL);
    kusto_error_free(error);
    kusto_op_free(op);
    kusto_stream_free(stream);
    kusto_props_free(props);
    end_silence(&service);
}

static void freeing_the_client_ends_its_calls(void)
{
    struct silent service = silent_service();
    struct told told = {0};
    kusto_op *op = started(service.client, "print 1", KUSTO_FOREVER, &told);
    kusto_client_free(service.client);
    service.client = NULL;
    CHECK_STATUS(KUSTO_E_CANCELLED, kusto_op_wait(op, KUSTO_FOREVER, &err));
    CHECK(reaches(&told.drops, 1) && told.dones == 1);
    kusto_op_free(op);
    end_silence(&service);
}

static kusto_stream *stream_into(kusto_client *on, const char *table, kusto_source *settings)
{
    kusto_stream *stream = NULL;
    kusto_props *props = props_for(table);
    CHECK_OK(kusto_stream_begin(on, props, settings, &stream, &err));
    kusto_props_free(props);
    return stream;
}

static kusto_op *finished(kusto_stream *stream)
{
    kusto_op *op = NULL;
    CHECK_OK(kusto_stream_finish(stream, PATIENCE, NULL, NULL, NULL, &op, &err));
    return op;
}

static void note(void *user_data, uint64_t read, uint64_t sent, uint64_t total)
{
    (void)sent;
    (void)total;
    __sync_lock_test_and_set((int *)user_data, (int)read);
}

static void a_stream_has_the_settings_of_its_source(void)
{
    static const char id[] = "7e8b1a4e-9a4d-4c0e-9f58-0d4f1c2ab0bb";
    /* gzip of "1,a\n" */
    static const uint8_t gz[] = {31, 139, 8, 0, 0, 0, 0, 0, 2, 255, 51, 212, 73, 228, 2, 0, 164, 76, 183, 196, 4, 0, 0, 0};
    char table[128];
    int read = 0;
    kusto_source *settings = NULL;
    kusto_stream *stream;
    kusto_result *result = NULL;
    kusto_op *op;
    create_table(client, table, sizeof table, "settings");
    CHECK_OK(kusto_source_stream(&settings, &err));
    CHECK_OK(kusto_source_set_id(settings, id, KUSTO_CSTR, &err));
    CHECK_OK(kusto_source_set_compression(settings, KUSTO_COMPRESSION_GZIP, &err));
    CHECK_OK(kusto_source_set_raw_size(settings, 4, &err));
    CHECK_OK(kusto_source_set_progress(settings, note, &read, NULL, &err));
    stream = stream_into(client, table, settings);
    CHECK_OK(kusto_stream_write(stream, gz, sizeof gz, KUSTO_FOREVER, NULL, &err));
    op = finished(stream);
    CHECK_OK(kusto_op_wait(op, KUSTO_FOREVER, &err));
    CHECK_OK(kusto_op_result(op, &result, &err));
    CHECK(is(kusto_result_source_id(result, NULL), id) && kusto_result_bytes_raw(result) == 4);
    CHECK(reaches(&read, (int)sizeof gz));
    expect_final(client, result, KUSTO_ITEM_SUCCEEDED);
    CHECK(count_rows(client, table) == 1);
    kusto_op_free(op);
    kusto_stream_free(stream);
    drop_table(client, table);
}

static void a_stream_takes_no_source_with_data_and_an_ingestion_no_stream(void)
{
    kusto_source *source = NULL;
    kusto_stream *stream = NULL;
    kusto_op *op = NULL;
    kusto_props *props = props_for("nowhere");
    CHECK_OK(kusto_source_bytes((const uint8_t *)"1,a\n", 4, NULL, NULL, &source, &err));
    CHECK_REFUSES("source", kusto_stream_begin(client, props, source, &stream, &err));
    CHECK_OK(kusto_source_stream(&source, &err));
    CHECK_REFUSES("source", kusto_ingest(client, props, source, PATIENCE, NULL, &err));
    CHECK_OK(kusto_source_stream(&source, &err));
    CHECK_REFUSES("source", kusto_ingest_start(client, props, source, PATIENCE, NULL, NULL, NULL, &op, &err));
    CHECK(stream == NULL && op == NULL);
    kusto_props_free(props);
}

static void a_stream_whose_source_failed_ingests_nothing_and_says_why(void)
{
    size_t written = 0;
    kusto_stream *stream = stream_into(client, "nowhere", NULL);
    kusto_error *why = NULL;
    kusto_op *op;
    CHECK_OK(kusto_stream_write(stream, (const uint8_t *)"1,bad\n", 6, KUSTO_FOREVER, NULL, &err));
    CHECK_REFUSES("stream", kusto_stream_fail(NULL, "why", KUSTO_CSTR, &err));
    CHECK_REFUSES("message", kusto_stream_fail(stream, NULL, 0, &err));
    CHECK_OK(kusto_stream_fail(stream, "the disk is on fire", KUSTO_CSTR, &err));
    CHECK_STATUS(KUSTO_E_INVALID_STATE, kusto_stream_fail(stream, "again", KUSTO_CSTR, &err));
    CHECK_STATUS(KUSTO_E_INVALID_STATE, kusto_stream_write(stream, (const uint8_t *)"x", 1, 0, &written, &err));
    op = finished(stream);
    CHECK(kusto_op_wait(op, KUSTO_FOREVER, &why) == KUSTO_E_SOURCE_IO
          && strstr(kusto_error_message(why, NULL), "the disk is on fire") != NULL);
    kusto_error_free(why);
    kusto_op_free(op);
    kusto_stream_free(stream);
}

static void *write_for_ever(void *argument)
{
    static uint8_t data[100000];
    kusto_error *why = NULL;
    kusto_status status;
    do
        status = kusto_stream_write(argument, data, sizeof data, KUSTO_FOREVER, NULL, &why);
    while (status == KUSTO_OK);
    kusto_error_free(why);
    return (void *)(intptr_t)status;
}

static void cancelling_a_stream_ends_a_write_that_waits(void)
{
    /* Nothing answers, so nothing leaves and the stream fills. */
    struct silent service = silent_service();
    kusto_stream *stream = stream_into(service.client, "nowhere", NULL);
    pthread_t writer;
    void *status = NULL;
    kusto_op *op;
    CHECK(pthread_create(&writer, NULL, write_for_ever, stream) == 0);
    breathe();
    kusto_stream_cancel(stream);
    kusto_stream_cancel(NULL);
    CHECK(pthread_join(writer, &status) == 0 && (intptr_t)status == KUSTO_E_CANCELLED);
    op = finished(stream);
    CHECK_STATUS(KUSTO_E_CANCELLED, kusto_op_wait(op, KUSTO_FOREVER, &err));
    kusto_op_free(op);
    kusto_stream_free(stream);
    end_silence(&service);
}

static void arguments_are_checked_before_anything_begins(void)
{
    struct told told = {0};
    kusto_op *op = NULL;
    kusto_rows *rows = NULL;
    CHECK_REFUSES("client", kusto_execute_start(NULL, NULL, 0, "print 1", KUSTO_CSTR, NULL, 1, tell, &told, forget,
                                                &op, &err));
    CHECK_REFUSES("command", kusto_execute_start(client, NULL, 0, NULL, 0, NULL, 1, tell, &told, forget, &op, &err));
    CHECK_REFUSES("out", kusto_execute_start(client, NULL, 0, "print 1", KUSTO_CSTR, NULL, 1, NULL, &told, forget,
                                             NULL, &err));
    CHECK_REFUSES("timeout_ms", kusto_client_warm_up_start(client, -2, tell, &told, forget, &op, &err));
    CHECK_STATUS(KUSTO_E_INVALID_ARGUMENT, kusto_track_start(client, "no token", KUSTO_CSTR, 1, tell, &told, forget,
                                                             &op, &err));
    CHECK_STATUS(KUSTO_E_INVALID_ARGUMENT, kusto_track_until_final_start(client, "no token", KUSTO_CSTR, 20, 1, tell,
                                                                         &told, forget, &op, &err));
    CHECK_REFUSES("which", kusto_outcomes_peek_start(client, 9, NULL, 0, 1, 1, tell, &told, forget, &op, &err));
    CHECK_REFUSES("client", kusto_outcomes_take_start(NULL, 1, NULL, 0, 1, 1, tell, &told, forget, &op, &err));
    CHECK(op == NULL && told.drops == 8 && told.dones == 0);
    CHECK_REFUSES("op", kusto_op_rows(NULL, &rows, &err));
    CHECK_REFUSES("out", kusto_op_rows(NULL, NULL, &err));
    CHECK_REFUSES("out", kusto_op_report(NULL, NULL, &err));
    CHECK_REFUSES("out", kusto_source_stream(NULL, &err));
}

int main(void)
{
    if (connection() == NULL)
        return skip_all(13);
    client = client_of(connection());
    RUN(a_query_in_the_background_gives_rows);
    RUN(a_failed_query_is_reported_by_the_operation);
    RUN(reports_come_in_the_background);
    RUN(warming_up_ends_with_nothing_to_fetch);
    RUN(warming_up_a_table_names_what_is_missing);
    RUN(a_call_that_gets_no_answer_can_be_cancelled);
    RUN(a_call_that_gets_no_answer_ends_by_its_deadline);
    RUN(a_stream_that_ends_by_its_deadline_names_the_silent_host);
    RUN(freeing_the_client_ends_its_calls);
    RUN(a_stream_has_the_settings_of_its_source);
    RUN(a_stream_takes_no_source_with_data_and_an_ingestion_no_stream);
    RUN(a_stream_whose_source_failed_ingests_nothing_and_says_why);
    RUN(cancelling_a_stream_ends_a_write_that_waits);
    RUN(arguments_are_checked_before_anything_begins);
    kusto_client_free(client);
    return harness_end();
}
