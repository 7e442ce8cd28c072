/* All kinds of ingestion, against a service: sources, blocking and asynchronous, streams, cancellation. */
#include "harness.h"

#include <errno.h>
#include <pthread.h>
#include <sys/stat.h>

static kusto_client *client;

/* ---- blocking -------------------------------------------------------------------------------------- */

static void bytes_copied_borrowed_and_lent(void)
{
    char table[128], csv[] = "1,one\n2,two\n";
    kusto_props *props;
    kusto_source *source = NULL;
    kusto_result *result = NULL;
    int drops = 0;
    create_table(client, table, sizeof table, "bytes");
    props = props_for(table);

    CHECK_OK(kusto_source_bytes((uint8_t *)csv, 12, NULL, NULL, &source, &err));
    memset(csv, 'x', 12);
    CHECK_OK(kusto_ingest(client, props, source, PATIENCE, &result, &err));
    CHECK(kusto_result_bytes_raw(result) == 12 && kusto_result_bytes_sent(result) > 0);
    CHECK(kusto_result_len(result) == 1);
    CHECK(is(kusto_result_source_id(result, NULL), kusto_result_item_source_id(result, 0, NULL)));
    CHECK(kusto_result_item_blob(result, 0, NULL) && !strchr(kusto_result_item_blob(result, 0, NULL), '?'));
    CHECK(kusto_result_item_blob(result, 1, NULL) == NULL);
    expect_final(client, result, KUSTO_ITEM_SUCCEEDED);

    CHECK_OK(kusto_source_bytes((const uint8_t *)"3,three\n", 8, count_drop, &drops, &source, &err));
    CHECK_OK(kusto_ingest(client, props, source, PATIENCE, &result, &err));
    CHECK(reaches(&drops, 1));
    expect_final(client, result, KUSTO_ITEM_SUCCEEDED);

    CHECK_OK(kusto_ingest_bytes(client, props, (const uint8_t *)"4,four\n", 7, PATIENCE, &result, &err));
    expect_final(client, result, KUSTO_ITEM_SUCCEEDED);
    CHECK(count_rows(client, table) == 4 && drops == 1);
    kusto_props_free(props);
    drop_table(client, table);
}

static void once_is_once(void)
{
    char table[128];
    kusto_props *props;
    kusto_result *result = NULL;
    int i;
    create_table(client, table, sizeof table, "once");
    props = props_for(table);
    CHECK_OK(kusto_props_set_once(props, "agent.log:0-8", KUSTO_CSTR, &err));
    for (i = 0; i < 3; i++) {
        CHECK_OK(kusto_ingest_bytes(client, props, (const uint8_t *)"1,a\n2,b\n", 8, PATIENCE, &result, &err));
        expect_final(client, result, i == 0 ? KUSTO_ITEM_SUCCEEDED : KUSTO_ITEM_SKIPPED);
    }
    CHECK_OK(kusto_props_set_once(props, "agent.log:8-12", KUSTO_CSTR, &err));
    CHECK_OK(kusto_ingest_bytes(client, props, (const uint8_t *)"3,c\n", 4, PATIENCE, &result, &err));
    expect_final(client, result, KUSTO_ITEM_SUCCEEDED);
    CHECK(count_rows(client, table) == 3);
    kusto_props_free(props);
    drop_table(client, table);
}

struct reading {
    pthread_t thread;
    int rows, given, on_other_thread, drops;
    int64_t at_end;
};

static int64_t give_row(void *user_data, uint8_t *buffer, size_t cap)
{
    struct reading *reading = user_data;
    if (!pthread_equal(reading->thread, pthread_self()))
        reading->on_other_thread++;
    if (reading->given == reading->rows)
        return reading->at_end < 0 ? reading->at_end : reading->at_end == 0 ? 0 : (int64_t)cap + 1;
    reading->given++;
    return snprintf((char *)buffer, cap, "%d,row\n", reading->given);
}

static void forget_reading(void *user_data)
{
    __sync_fetch_and_add(&((struct reading *)user_data)->drops, 1);
}

static kusto_source *reader(struct reading *reading, int rows, int64_t at_end)
{
    kusto_source *source = NULL;
    memset(reading, 0, sizeof *reading);
    reading->thread = pthread_self();
    reading->rows = rows;
    reading->at_end = at_end;
    CHECK_OK(kusto_source_reader(give_row, reading, forget_reading, &source, &err));
    return source;
}

static void a_reader_runs_on_the_calling_thread(void)
{
    char table[128];
    struct reading reading;
    kusto_props *props;
    kusto_result *result = NULL;
    create_table(client, table, sizeof table, "reader");
    props = props_for(table);
    CHECK_OK(kusto_ingest(client, props, reader(&reading, 500, 0), PATIENCE, &result, &err));
    CHECK(reading.on_other_thread == 0 && reading.drops == 1 && reading.given == 500);
    expect_final(client, result, KUSTO_ITEM_SUCCEEDED);
    CHECK(count_rows(client, table) == 500);
    kusto_props_free(props);
    drop_table(client, table);
}

static void a_reader_that_fails_half_way_ingests_nothing(void)
{
    char table[128];
    struct reading reading;
    kusto_props *props;
    kusto_op *op = NULL;
    create_table(client, table, sizeof table, "failing");
    props = props_for(table);
    CHECK_STATUS(KUSTO_E_SOURCE_IO, kusto_ingest(client, props, reader(&reading, 100, -5), PATIENCE, NULL, &err));
    CHECK(reaches(&reading.drops, 1));
    CHECK_STATUS(KUSTO_E_CALLBACK, kusto_ingest(client, props, reader(&reading, 100, 1), PATIENCE, NULL, &err));
    CHECK(reaches(&reading.drops, 1));
    CHECK_OK(kusto_ingest_start(client, props, reader(&reading, 100, -5), PATIENCE, NULL, NULL, NULL, &op, &err));
    CHECK_STATUS(KUSTO_E_SOURCE_IO, kusto_op_wait(op, KUSTO_FOREVER, &err));
    CHECK(reaches(&reading.drops, 1) && reading.on_other_thread > 0);
    kusto_op_free(op);
    CHECK_OK(kusto_ingest_start(client, props, reader(&reading, 100, 1), PATIENCE, NULL, NULL, NULL, &op, &err));
    CHECK_STATUS(KUSTO_E_CALLBACK, kusto_op_wait(op, KUSTO_FOREVER, &err));
    CHECK(reaches(&reading.drops, 1));
    kusto_op_free(op);
    /* A later ingestion shows that the earlier data is missing, not late. */
    ingest_text(client, table, "1,good\n");
    CHECK(count_rows(client, table) == 1);
    kusto_props_free(props);
    drop_table(client, table);
}

static FILE *temporary(char *path, const char *text)
{
    FILE *file;
    int fd;
    strcpy(path, "/tmp/kusto_capi_XXXXXX");
    fd = mkstemp(path);
    file = fd < 0 ? NULL : fdopen(fd, "w+");
    if (CHECK(file != NULL)) {
        fputs(text, file);
        fflush(file);
    }
    return file;
}

/* Whether both descriptors are open and of one file. */
static int is_same_file(int one, int other)
{
    struct stat first, second;
    return fstat(one, &first) == 0 && fstat(other, &second) == 0 && first.st_dev == second.st_dev
        && first.st_ino == second.st_ino;
}

static void files_and_descriptors(void)
{
    char table[128], path[64];
    kusto_props *props;
    kusto_source *source = NULL;
    kusto_result *result = NULL;
    kusto_error *missing = NULL;
    FILE *file = temporary(path, "skipped\n1,a\n2,b\n");
    int given;
    create_table(client, table, sizeof table, "files");
    props = props_for(table);

    /* From the current position, and the descriptor stays ours. */
    CHECK(lseek(fileno(file), 8, SEEK_SET) == 8);
    CHECK_OK(kusto_source_fd(fileno(file), 0, &source, &err));
    CHECK_OK(kusto_ingest(client, props, source, PATIENCE, &result, &err));
    CHECK(kusto_result_bytes_raw(result) == 8);
    expect_final(client, result, KUSTO_ITEM_SUCCEEDED);
    CHECK(lseek(fileno(file), 0, SEEK_SET) == 0);

    given = dup(fileno(file));
    CHECK(lseek(given, 12, SEEK_SET) == 12);
    CHECK_OK(kusto_source_fd(given, 1, &source, &err));
    CHECK_OK(kusto_ingest(client, props, source, PATIENCE, &result, &err));
    CHECK(kusto_result_bytes_raw(result) == 4);
    expect_final(client, result, KUSTO_ITEM_SUCCEEDED);
    /* Closed; its number may be that of a connection already. */
    CHECK(!is_same_file(given, fileno(file)));

    CHECK_OK(kusto_props_set(props, "ignoreFirstRecord", KUSTO_CSTR, "true", KUSTO_CSTR, &err));
    CHECK_OK(kusto_source_file(path, KUSTO_CSTR, &source, &err));
    CHECK_OK(kusto_ingest(client, props, source, PATIENCE, &result, &err));
    expect_final(client, result, KUSTO_ITEM_SUCCEEDED);
    CHECK(count_rows(client, table) == 5);

    CHECK_OK(kusto_source_file("/no/such/file", KUSTO_CSTR, &source, &err));
    CHECK(kusto_ingest(client, props, source, PATIENCE, NULL, &missing) == KUSTO_E_SOURCE_IO);
    CHECK(kusto_error_system_code(missing) == ENOENT && kusto_error_system_code(NULL) == 0);
    kusto_error_free(missing);
    fclose(file);
    unlink(path);
    kusto_props_free(props);
    drop_table(client, table);
}

static void blobs_in_storage(void)
{
    /* Blobs of `id,text` rows, with their SAS, separated by spaces. */
    const char *given = getenv("KUSTO_TEST_BLOBS");
    char table[128], list[8192], *url;
    kusto_props *props;
    kusto_source *source = NULL;
    kusto_result *result = NULL;
    size_t blobs = 0;
    if (given == NULL || strlen(given) >= sizeof list) {
        skip("blobs_in_storage", "KUSTO_TEST_BLOBS is not set");
        return;
    }
    create_table(client, table, sizeof table, "blobs");
    props = props_for(table);
    CHECK_OK(kusto_source_blobs(&source, &err));
    strcpy(list, given);
    for (url = strtok(list, " "); url != NULL; url = strtok(NULL, " "), blobs++)
        CHECK_OK(kusto_source_blobs_add(source, url, KUSTO_CSTR, 0,
                                        blobs ? NULL : "7e8b1a4e-9a4d-4c0e-9f58-0d4f1c2ab001", KUSTO_CSTR, &err));
    CHECK_OK(kusto_ingest(client, props, source, PATIENCE, &result, &err));
    CHECK(kusto_result_len(result) == blobs && kusto_result_bytes_sent(result) == 0);
    CHECK(is(kusto_result_source_id(result, NULL), "7e8b1a4e-9a4d-4c0e-9f58-0d4f1c2ab001"));
    expect_final(client, result, KUSTO_ITEM_SUCCEEDED);
    CHECK(count_rows(client, table) > 0);
    kusto_props_free(props);
    drop_table(client, table);
}

static void no_data_is_an_error_that_posts_nothing(void)
{
    char table[128];
    struct reading reading;
    kusto_props *props;
    kusto_source *source = NULL;
    kusto_stream *stream = NULL;
    kusto_op *op = NULL;
    create_table(client, table, sizeof table, "empty");
    props = props_for(table);
    CHECK_REFUSES("source", kusto_ingest_bytes(client, props, NULL, 0, PATIENCE, NULL, &err));
    CHECK_REFUSES("source", kusto_ingest(client, props, reader(&reading, 0, 0), PATIENCE, NULL, &err));
    CHECK_OK(kusto_source_blobs(&source, &err));
    CHECK_REFUSES("source", kusto_ingest(client, props, source, PATIENCE, NULL, &err));
    CHECK_OK(kusto_stream_begin(client, props, NULL, &stream, &err));
    CHECK_OK(kusto_stream_finish(stream, PATIENCE, NULL, NULL, NULL, &op, &err));
    CHECK_REFUSES("source", kusto_op_wait(op, KUSTO_FOREVER, &err));
    kusto_op_free(op);
    kusto_stream_free(stream);
    kusto_props_free(props);
    drop_table(client, table);
}

static void names_may_hold_any_character(void)
{
    char table[128];
    create_table(client, table, sizeof table, "Таблица 表 ä.b-c");
    ingest_text(client, table, "1,größer\n");
    CHECK(count_rows(client, table) == 1);
    drop_table(client, table);
}

static void compressed_data_and_given_ids(void)
{
    /* gzip of "1,a\n" */
    static const uint8_t gz[] = {31, 139, 8, 0, 0, 0, 0, 0, 2, 255, 51, 212, 73, 228, 2, 0, 164, 76, 183, 196, 4, 0, 0, 0};
    static const char id[] = "7e8b1a4e-9a4d-4c0e-9f58-0d4f1c2ab0aa";
    char table[128];
    kusto_props *props;
    kusto_source *source = NULL;
    kusto_result *result = NULL;
    create_table(client, table, sizeof table, "gzip");
    props = props_for(table);
    CHECK_OK(kusto_source_bytes(gz, sizeof gz, NULL, NULL, &source, &err));
    CHECK_OK(kusto_source_set_compression(source, KUSTO_COMPRESSION_GZIP, &err));
    CHECK_OK(kusto_source_set_raw_size(source, 4, &err));
    CHECK_OK(kusto_source_set_id(source, id, KUSTO_CSTR, &err));
    CHECK_OK(kusto_props_set(props, "clientRequestId", KUSTO_CSTR, "capi;gzip", KUSTO_CSTR, &err));
    CHECK_OK(kusto_ingest(client, props, source, PATIENCE, &result, &err));
    CHECK(is(kusto_result_client_request_id(result, NULL), "capi;gzip"));
    CHECK(kusto_result_bytes_sent(result) == sizeof gz && kusto_result_bytes_raw(result) == 4);
    CHECK(is(kusto_result_source_id(result, NULL), id));
    expect_final(client, result, KUSTO_ITEM_SUCCEEDED);
    CHECK(count_rows(client, table) == 1);
    CHECK_OK(kusto_source_bytes((const uint8_t *)"1,a\n", 4, NULL, NULL, &source, &err));
    CHECK_OK(kusto_source_set_compression(source, KUSTO_COMPRESSION_GZIP, &err));
    CHECK_REFUSES("source", kusto_ingest(client, props, source, PATIENCE, NULL, &err));
    kusto_props_free(props);
    drop_table(client, table);
}

/* ---- asynchronous ----------------------------------------------------------------------------------- */

struct watch {
    int dones, drops, calls, backwards;
    int32_t state;
    uint64_t read, total;
    kusto_result *result;
};

static void on_done(void *user_data, const kusto_op *op)
{
    struct watch *watch = user_data;
    watch->state = kusto_op_state(op);
    CHECK_OK(kusto_op_wait(op, KUSTO_FOREVER, &err));
    CHECK_OK(kusto_op_result(op, &watch->result, &err));
    __sync_fetch_and_add(&watch->dones, 1);
}

static void count_done(void *user_data, const kusto_op *op)
{
    struct watch *watch = user_data;
    watch->state = kusto_op_state(op);
    __sync_fetch_and_add(&watch->dones, 1);
}

static void on_progress(void *user_data, uint64_t read, uint64_t sent, uint64_t total)
{
    struct watch *watch = user_data;
    (void)sent;
    watch->calls++;
    watch->backwards += read < watch->read;
    watch->read = read;
    watch->total = total;
}

static void forget_watch(void *user_data)
{
    __sync_fetch_and_add(&((struct watch *)user_data)->drops, 1);
}

static void done_brings_the_result_once(void)
{
    char table[128];
    struct watch watch = {0};
    kusto_props *props;
    kusto_source *source = NULL;
    kusto_op *op = NULL;
    kusto_result *again = NULL;
    create_table(client, table, sizeof table, "async");
    props = props_for(table);
    CHECK_OK(kusto_source_bytes((const uint8_t *)"1,a\n", 4, NULL, NULL, &source, &err));
    CHECK_OK(kusto_ingest_start(client, props, source, PATIENCE, on_done, &watch, forget_watch, &op, &err));
    kusto_props_free(props);
    CHECK_OK(kusto_op_wait(op, KUSTO_FOREVER, &err));
    CHECK(kusto_op_state(op) == KUSTO_OP_SUCCEEDED);
    CHECK(reaches(&watch.drops, 1) && watch.dones == 1 && watch.state == KUSTO_OP_SUCCEEDED);
    CHECK_OK(kusto_op_result(op, &again, &err));
    CHECK(is(kusto_result_source_id(again, NULL), kusto_result_source_id(watch.result, NULL)));
    kusto_op_cancel(op);
    CHECK(kusto_op_state(op) == KUSTO_OP_SUCCEEDED);
    kusto_op_free(op);
    kusto_result_free(watch.result);
    expect_final(client, again, KUSTO_ITEM_SUCCEEDED);
    CHECK(watch.dones == 1 && watch.drops == 1);
    drop_table(client, table);
}

static void progress_ends_at_the_size(void)
{
    char table[128];
    struct watch watch = {0};
    size_t size = 3000000;
    char *csv = malloc(size);
    kusto_props *props;
    kusto_source *source = NULL;
    create_table(client, table, sizeof table, "progress");
    props = props_for(table);
    memset(csv, 'x', size);
    memcpy(csv, "1,", 2);
    csv[size - 1] = '\n';
    CHECK_OK(kusto_source_bytes((uint8_t *)csv, size, NULL, NULL, &source, &err));
    CHECK_OK(kusto_source_set_progress(source, on_progress, &watch, forget_watch, &err));
    CHECK_OK(kusto_ingest(client, props, source, PATIENCE, NULL, &err));
    /* Nothing is called after a blocking call: the numbers are those of the end. */
    CHECK(watch.drops == 1 && watch.calls > 0 && watch.backwards == 0);
    CHECK(watch.read == size && watch.total == size);
    free(csv);
    kusto_props_free(props);
    drop_table(client, table);
}

static void a_stream_is_ingested_when_it_is_finished(void)
{
    char table[128], row[32];
    struct watch watch = {0};
    kusto_props *props;
    kusto_stream *stream = NULL;
    kusto_op *op = NULL;
    kusto_result *result = NULL;
    size_t written = 0;
    int i;
    create_table(client, table, sizeof table, "stream");
    props = props_for(table);
    CHECK_OK(kusto_stream_begin(client, props, NULL, &stream, &err));
    for (i = 0; i < 1000; i++) {
        size_t length = (size_t)snprintf(row, sizeof row, "%d,row\n", i);
        CHECK_OK(kusto_stream_write(stream, (uint8_t *)row, length, PATIENCE, &written, &err));
        CHECK(written == length);
    }
    CHECK_OK(kusto_stream_write(stream, NULL, 0, 0, &written, &err));
    CHECK_OK(kusto_stream_finish(stream, PATIENCE, count_done, &watch, forget_watch, &op, &err));
    CHECK_OK(kusto_op_wait(op, KUSTO_FOREVER, &err));
    CHECK_OK(kusto_op_result(op, &result, &err));
    CHECK(reaches(&watch.drops, 1) && watch.dones == 1);
    expect_final(client, result, KUSTO_ITEM_SUCCEEDED);
    CHECK(count_rows(client, table) == 1000);
    kusto_stream_free(stream);
    kusto_op_free(op);
    kusto_props_free(props);
    drop_table(client, table);
}

static void a_full_stream_says_so_and_loses_nothing(void)
{
    static uint8_t data[100000];
    char table[128];
    kusto_props *props;
    kusto_stream *stream = NULL;
    kusto_op *op = NULL;
    kusto_result *result = NULL;
    kusto_status status;
    uint64_t total = 0;
    size_t written = 0;
    unsigned state = 1;
    size_t i;
    create_table(client, table, sizeof table, "full");
    props = props_for(table);
    CHECK_OK(kusto_props_set_format(props, KUSTO_FORMAT_TXT, &err));
    CHECK_OK(kusto_stream_begin(client, props, NULL, &stream, &err));
    /* Text that does not compress much, faster than anything can take it. */
    for (i = 0; i < sizeof data; i++) {
        state = state * 1664525u + 1013904223u;
        data[i] = (uint8_t)('0' + (state >> 24) % 64);
    }
    data[sizeof data - 1] = '\n';
    do {
        status = kusto_stream_write(stream, data, sizeof data, 0, &written, NULL);
        if (status == KUSTO_OK)
            total += written;
    } while (status == KUSTO_OK && total < 200000000);
    CHECK(status == KUSTO_E_WOULD_BLOCK && total > 0);
    CHECK_OK(kusto_stream_write(stream, data, sizeof data, PATIENCE, &written, &err));
    total += written;
    CHECK_OK(kusto_stream_finish(stream, PATIENCE, NULL, NULL, NULL, &op, &err));
    CHECK_OK(kusto_op_wait(op, KUSTO_FOREVER, &err));
    CHECK_OK(kusto_op_result(op, &result, &err));
    CHECK(kusto_result_bytes_raw(result) == total);
    kusto_result_free(result);
    kusto_stream_free(stream);
    kusto_op_free(op);
    kusto_props_free(props);
    drop_table(client, table);
}

static void a_stream_that_is_freed_unfinished_is_given_up(void)
{
    char table[128];
    kusto_props *props;
    kusto_stream *stream = NULL;
    create_table(client, table, sizeof table, "aborted");
    props = props_for(table);
    CHECK_OK(kusto_stream_begin(client, props, NULL, &stream, &err));
    CHECK_OK(kusto_stream_write(stream, (const uint8_t *)"1,bad\n", 6, KUSTO_FOREVER, NULL, &err));
    kusto_stream_free(stream);
    ingest_text(client, table, "2,good\n");
    CHECK(count_rows(client, table) == 1);
    kusto_props_free(props);
    drop_table(client, table);
}

/* Holds the operation until the test lets it go on. */
struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int reached, open, drops;
};

static int64_t wait_at_gate(void *user_data, uint8_t *buffer, size_t cap)
{
    struct gate *gate = user_data;
    (void)buffer, (void)cap;
    pthread_mutex_lock(&gate->lock);
    gate->reached = 1;
    pthread_cond_broadcast(&gate->changed);
    while (!gate->open)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
    return 0;
}

static void await_reader(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    while (!gate->reached)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

static void forget_gate(void *user_data)
{
    __sync_fetch_and_add(&((struct gate *)user_data)->drops, 1);
}

/* The gate may be freed when all its readers have released it. A reader whose operation ended before its
 * transfer began releases it too. */
static void open_gate(struct gate *gate, int readers)
{
    pthread_mutex_lock(&gate->lock);
    gate->open = 1;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
    CHECK(reaches(&gate->drops, readers));
}

static kusto_op *start_at_gate(kusto_client *with, struct gate *gate, kusto_props *props, int64_t timeout_ms,
                               struct watch *watch)
{
    kusto_source *source = NULL;
    kusto_op *op = NULL;
    CHECK_OK(kusto_source_reader(wait_at_gate, gate, forget_gate, &source, &err));
    CHECK_OK(kusto_ingest_start(with, props, source, timeout_ms, count_done, watch, forget_watch, &op, &err));
    return op;
}

static void cancelled_and_late_operations_end(void)
{
    struct gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 0};
    struct gate late = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 0};
    struct watch watch = {0};
    kusto_result *result = NULL;
    kusto_props *props = props_for("nowhere");
    kusto_op *op = start_at_gate(client, &gate, props, PATIENCE, &watch);
    await_reader(&gate);
    CHECK(kusto_op_state(op) == KUSTO_OP_RUNNING);
    CHECK_STATUS(KUSTO_E_WOULD_BLOCK, kusto_op_wait(op, 0, &err));
    CHECK_STATUS(KUSTO_E_WOULD_BLOCK, kusto_op_wait(op, 20, &err));
    CHECK_STATUS(KUSTO_E_WOULD_BLOCK, kusto_op_result(op, &result, &err));
    CHECK_REFUSES("timeout_ms", kusto_op_wait(op, -7, &err));
    kusto_op_cancel(op);
    CHECK_STATUS(KUSTO_E_CANCELLED, kusto_op_wait(op, KUSTO_FOREVER, &err));
    CHECK(kusto_op_state(op) == KUSTO_OP_CANCELLED && result == NULL);
    CHECK(reaches(&watch.drops, 1) && watch.dones == 1 && watch.state == KUSTO_OP_CANCELLED);
    kusto_op_free(op);
    open_gate(&gate, 1);

    op = start_at_gate(client, &late, props, 1, &watch);
    CHECK_STATUS(KUSTO_E_TIMED_OUT, kusto_op_wait(op, KUSTO_FOREVER, &err));
    CHECK(kusto_op_state(op) == KUSTO_OP_FAILED);
    kusto_op_free(op);
    open_gate(&late, 1);
    CHECK(reaches(&watch.drops, 2) && watch.dones == 2);
    kusto_props_free(props);
}

static void a_client_freed_with_operations_under_way_cancels_them(void)
{
    struct gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 0};
    struct watch watch = {0};
    kusto_client *other = client_of(connection());
    kusto_props *props = props_for("nowhere");
    kusto_op *op = start_at_gate(other, &gate, props, KUSTO_FOREVER, &watch);
    kusto_op *unseen = start_at_gate(other, &gate, props, KUSTO_FOREVER, &watch);
    await_reader(&gate);
    kusto_op_free(unseen);
    kusto_client_free(other);
    CHECK_STATUS(KUSTO_E_CANCELLED, kusto_op_wait(op, KUSTO_FOREVER, &err));
    CHECK(reaches(&watch.drops, 2) && watch.dones == 2 && watch.state == KUSTO_OP_CANCELLED);
    open_gate(&gate, 2);
    kusto_op_free(op);
    kusto_props_free(props);
}

static void close_waits_and_then_cancels(void)
{
    struct gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 0};
    struct watch watch = {0};
    kusto_client *other = client_of(connection());
    kusto_props *props = props_for("nowhere");
    kusto_op *op = start_at_gate(other, &gate, props, KUSTO_FOREVER, &watch);
    uint64_t abandoned = 0;
    await_reader(&gate);
    CHECK_OK(kusto_client_close(other, 20, &abandoned, &err));
    CHECK(abandoned == 1);
    CHECK_STATUS(KUSTO_E_CANCELLED, kusto_op_wait(op, KUSTO_FOREVER, &err));
    open_gate(&gate, 1);
    kusto_op_free(op);
    kusto_client_free(other);
    CHECK(reaches(&watch.drops, 1) && watch.dones == 1);
    kusto_props_free(props);
}

static void a_stream_keeps_the_deadline_of_its_end(void)
{
    kusto_props *props = props_for("nowhere");
    kusto_stream *stream = NULL;
    kusto_op *op = NULL;
    CHECK_OK(kusto_stream_begin(client, props, NULL, &stream, &err));
    CHECK_OK(kusto_stream_write(stream, (const uint8_t *)"1\n", 2, KUSTO_FOREVER, NULL, &err));
    CHECK_OK(kusto_stream_finish(stream, 0, NULL, NULL, NULL, &op, &err));
    CHECK_STATUS(KUSTO_E_TIMED_OUT, kusto_op_wait(op, KUSTO_FOREVER, &err));
    CHECK(kusto_op_state(op) == KUSTO_OP_FAILED);
    kusto_op_free(op);
    kusto_stream_free(stream);
    kusto_props_free(props);
}

/* ---- many ---------------------------------------------------------------------------------------------- */

static void *ingest_five(void *table)
{
    int i;
    for (i = 0; i < 5; i++)
        ingest_text(client, table, "1,a\n");
    return NULL;
}

static void two_threads_share_a_client(void)
{
    char table[128];
    pthread_t threads[2];
    size_t i;
    create_table(client, table, sizeof table, "threads");
    for (i = 0; i < LEN(threads); i++)
        CHECK(pthread_create(&threads[i], NULL, ingest_five, table) == 0);
    for (i = 0; i < LEN(threads); i++)
        pthread_join(threads[i], NULL);
    CHECK(count_rows(client, table) == 10);
    drop_table(client, table);
}

static void two_hundred_at_once(void)
{
    char table[128], row[32];
    struct watch watch = {0};
    kusto_op *ops[200];
    kusto_props *props;
    size_t i;
    create_table(client, table, sizeof table, "many");
    props = props_for(table);
    for (i = 0; i < LEN(ops); i++) {
        kusto_source *source = NULL;
        int length = snprintf(row, sizeof row, "%d,row\n", (int)i);
        ops[i] = NULL;
        CHECK_OK(kusto_source_bytes((uint8_t *)row, (size_t)length, NULL, NULL, &source, &err));
        CHECK_OK(kusto_ingest_start(client, props, source, PATIENCE, count_done, &watch, forget_watch, &ops[i],
                                    &err));
    }
    for (i = 0; i < LEN(ops); i++) {
        kusto_result *result = NULL;
        CHECK_OK(kusto_op_wait(ops[i], KUSTO_FOREVER, &err));
        CHECK_OK(kusto_op_result(ops[i], &result, &err));
        kusto_op_free(ops[i]);
        expect_final(client, result, KUSTO_ITEM_SUCCEEDED);
    }
    CHECK(reaches(&watch.drops, 200) && watch.dones == 200);
    CHECK(count_rows(client, table) == 200);
    kusto_props_free(props);
    drop_table(client, table);
}

int main(void)
{
    if (connection() == NULL)
        return skip_all(20);
    client = client_of(connection());
    RUN(bytes_copied_borrowed_and_lent);
    RUN(once_is_once);
    RUN(a_reader_runs_on_the_calling_thread);
    RUN(a_reader_that_fails_half_way_ingests_nothing);
    RUN(files_and_descriptors);
    RUN(blobs_in_storage);
    RUN(no_data_is_an_error_that_posts_nothing);
    RUN(names_may_hold_any_character);
    RUN(compressed_data_and_given_ids);
    RUN(done_brings_the_result_once);
    RUN(progress_ends_at_the_size);
    RUN(a_stream_is_ingested_when_it_is_finished);
    RUN(a_full_stream_says_so_and_loses_nothing);
    RUN(a_stream_that_is_freed_unfinished_is_given_up);
    RUN(cancelled_and_late_operations_end);
    RUN(a_client_freed_with_operations_under_way_cancels_them);
    RUN(close_waits_and_then_cancels);
    RUN(a_stream_keeps_the_deadline_of_its_end);
    RUN(two_threads_share_a_client);
    RUN(two_hundred_at_once);
    kusto_client_free(client);
    return harness_end();
}
