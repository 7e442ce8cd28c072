/* Tests without a service: versions, errors, configs, credentials, a dead host, the log, fork. */
#include "harness.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

static void the_library_fits_the_header(void)
{
    char text[32];
    snprintf(text, sizeof text, "%d.%d.%d", KUSTO_VERSION_MAJOR, KUSTO_VERSION_MINOR, KUSTO_VERSION_PATCH);
    CHECK(kusto_version_number() == KUSTO_VERSION_NUMBER);
    CHECK(is(kusto_version_string(), text));
    CHECK(kusto_abi_version() == KUSTO_ABI_VERSION);
    CHECK(strstr(kusto_build_info(), text) != NULL);
    CHECK(!kusto_has_feature("arrow", KUSTO_CSTR) && !kusto_has_feature(NULL, 0));
    CHECK(kusto_has_feature("isal", KUSTO_CSTR) == (strstr(kusto_build_info(), "\"isal\"") != NULL));
}

static void every_status_has_a_name(void)
{
    const kusto_status *list = NULL;
    size_t count = kusto_status_list(&list), i;
    CHECK(count == 19 && kusto_status_list(NULL) == count);
    for (i = 0; i < count; i++)
        CHECK(list[i] == (kusto_status)i && strcmp(kusto_status_name(list[i]), "UNKNOWN") != 0);
    CHECK(is(kusto_status_name(KUSTO_E_TIMED_OUT), "TIMED_OUT"));
    CHECK(is(kusto_status_name(4711), "UNKNOWN"));
}

static void every_value_has_a_name(void)
{
    static const struct {
        const char *(*name)(int32_t);
        int32_t value;
        const char *expected;
    } names[] = {
        {kusto_retry_name, KUSTO_RETRY_LATER, "later"},
        {kusto_log_level_name, KUSTO_LOG_OFF, "off"},
        {kusto_log_level_name, KUSTO_LOG_TRACE, "trace"},
        {kusto_format_name, KUSTO_FORMAT_CSV, "csv"},
        {kusto_format_name, KUSTO_FORMAT_W3CLOGFILE, "w3clogfile"},
        {kusto_report_level_name, KUSTO_REPORT_FAILURES, "failures"},
        {kusto_report_method_name, KUSTO_VIA_QUEUE_AND_TABLE, "queue_and_table"},
        {kusto_compression_name, KUSTO_COMPRESSION_GZIP, "gzip"},
        {kusto_op_state_name, KUSTO_OP_RUNNING, "running"},
        {kusto_item_state_name, KUSTO_ITEM_PARTIAL, "partial"},
        {kusto_item_state_name, KUSTO_ITEM_QUEUED, "queued"},
        {kusto_outcome_name, KUSTO_OUTCOME_FAILURES, "failures"},
        {kusto_prompt_name, KUSTO_PROMPT_DEVICE_CODE, "device_code"},
        {kusto_prompted_name, KUSTO_PROMPTED_SHOWN, "shown"},
        {kusto_identity_name, KUSTO_IDENTITY_RESOURCE_ID, "resource_id"},
    };
    size_t i;
    for (i = 0; i < LEN(names); i++) {
        CHECK(is(names[i].name(names[i].value), names[i].expected));
        CHECK(is(names[i].name(-1), "unknown") && is(names[i].name(INT32_MAX), "unknown"));
    }
}

static void configs_mask_secrets(void)
{
    kusto_config *config = NULL;
    kusto_error *err = NULL;
    size_t len = 0;
    CHECK_OK(kusto_config_parse("https://c.kusto.windows.net;Fed=true;Application Token=s3cret", KUSTO_CSTR,
                                &config, &err));
    CHECK(strstr(kusto_config_redacted(config, &len), "s3cret") == NULL);
    CHECK(strlen(kusto_config_redacted(config, NULL)) == len && len > 0);
    CHECK_OK(kusto_config_set(config, "Initial Catalog", KUSTO_CSTR, "Дб", KUSTO_CSTR, &err));
    CHECK(strstr(kusto_config_redacted(config, NULL), "Дб") != NULL);
    CHECK_OK(kusto_config_set(config, "applicationtoken", KUSTO_CSTR, "0ther", KUSTO_CSTR, &err));
    CHECK(strstr(kusto_config_redacted(config, NULL), "0ther") == NULL);
    CHECK(kusto_config_set(config, "no such key", KUSTO_CSTR, "x", KUSTO_CSTR, &err) == KUSTO_E_CONFIG);
    CHECK(strstr(kusto_error_message(err, NULL), "no such key") != NULL);
    kusto_error_free(err);
    kusto_config_free(config);
}

static void a_wrong_connection_string_names_the_keyword(void)
{
    kusto_config *config = NULL;
    kusto_error *err = NULL;
    CHECK(kusto_config_parse("Data Source=https://c.kusto.windows.net;Colour=red", KUSTO_CSTR, &config, &err)
          == KUSTO_E_CONFIG);
    CHECK(config == NULL);
    CHECK(strstr(kusto_error_message(err, NULL), "Colour") != NULL);
    CHECK(kusto_error_retry(err) == KUSTO_RETRY_NEVER && !kusto_error_in_doubt(err));
    CHECK(is(kusto_error_step(err, NULL), "parse connection string"));
    CHECK(kusto_error_host(err, NULL) == NULL && kusto_error_http_status(err) == 0);
    CHECK(strstr(kusto_error_json(err, NULL), "\"status\":\"CONFIG\"") != NULL);
    kusto_error_free(err);
}

static void a_dead_host_is_a_network_error_with_host_and_step(void)
{
    kusto_client *client = dead_client();
    kusto_error *err = NULL;
    kusto_rows *rows = NULL;
    kusto_props *props = NULL;
    CHECK(kusto_execute(client, NULL, 0, ".show version", KUSTO_CSTR, NULL, PATIENCE, &rows, &err)
          == KUSTO_E_NETWORK);
    CHECK(rows == NULL && kusto_error_status(err) == KUSTO_E_NETWORK);
    CHECK(is(kusto_error_host(err, NULL), "127.0.0.1:1"));
    CHECK(is(kusto_error_step(err, NULL), "run command"));
    CHECK(kusto_error_client_request_id(err, NULL) != NULL);
    CHECK(kusto_error_retry(err) == KUSTO_RETRY_LATER && !kusto_error_in_doubt(err));
    CHECK(kusto_error_system_code(err) == ECONNREFUSED);
    kusto_error_free(err);
    CHECK_STATUS(KUSTO_E_NETWORK, kusto_client_warm_up(client, PATIENCE, &err));
    CHECK_OK(kusto_props_new("d", KUSTO_CSTR, "t", KUSTO_CSTR, &props, &err));
    CHECK_STATUS(KUSTO_E_NETWORK,
                 kusto_ingest_bytes(client, props, (const uint8_t *)"1\n", 2, PATIENCE, NULL, &err));
    CHECK_STATUS(KUSTO_E_TIMED_OUT, kusto_ingest_bytes(client, props, (const uint8_t *)"1\n", 2, 0, NULL, &err));
    kusto_props_free(props);
    kusto_client_free(client);
}

/* ---- credentials ---------------------------------------------------------------------------------- */

struct asked {
    int times, drops;
    int fail;
};

static void *answer_later(void *request)
{
    kusto_token_request_complete(request, "a token", KUSTO_CSTR, 0);
    return NULL;
}

static void ask(void *user_data, kusto_token_request *request)
{
    struct asked *asked = user_data;
    pthread_t thread;
    __sync_fetch_and_add(&asked->times, 1);
    CHECK(strstr(kusto_token_request_scope(request, NULL), "/.default") != NULL);
    CHECK(is(kusto_token_request_tenant(request, NULL), "contoso"));
    if (asked->fail) {
        kusto_token_request_fail(request, 1, "the vault is closed", KUSTO_CSTR);
    } else if (pthread_create(&thread, NULL, answer_later, request) == 0) {
        pthread_detach(thread);
    }
}

static void forget(void *user_data)
{
    __sync_fetch_and_add(&((struct asked *)user_data)->drops, 1);
}

static kusto_client *client_that_asks(struct asked *asked)
{
    kusto_config *config = NULL;
    kusto_credential *credential = NULL;
    kusto_client *client = NULL;
    CHECK_OK(kusto_config_parse("Data Source=https://127.0.0.1:1;Authority Id=contoso", KUSTO_CSTR, &config, &err));
    CHECK_OK(kusto_config_set(config, "trusted hosts", KUSTO_CSTR, "127.0.0.1", KUSTO_CSTR, &err));
    CHECK_OK(kusto_credential_callback(ask, asked, forget, &credential, &err));
    CHECK_OK(kusto_config_set_credential(config, credential, &err));
    kusto_credential_free(credential);
    CHECK_OK(kusto_client_new(config, &client, &err));
    kusto_config_free(config);
    return client;
}

static void a_credential_lives_as_long_as_its_client(void)
{
    struct asked asked = {0, 0, 0};
    kusto_client *client = client_that_asks(&asked);
    CHECK(asked.drops == 0);
    /* Nothing listens at https://127.0.0.1:1: the metadata cannot be fetched, with or without a token. */
    CHECK_STATUS(KUSTO_E_NETWORK, kusto_execute(client, NULL, 0, "T", KUSTO_CSTR, NULL, PATIENCE, NULL, &err));
    kusto_client_free(client);
    CHECK(reaches(&asked.drops, 1));
}

static void a_credential_may_be_freed_unused(void)
{
    struct asked asked = {0, 0, 0};
    kusto_credential *credential = NULL;
    CHECK_OK(kusto_credential_callback(ask, &asked, forget, &credential, &err));
    kusto_credential_free(credential);
    CHECK(asked.drops == 1);
    CHECK_OK(kusto_credential_token("t", KUSTO_CSTR, &credential, &err));
    kusto_credential_free(credential);
}

/* ---- sources --------------------------------------------------------------------------------------- */

static int64_t never_read(void *user_data, uint8_t *buffer, size_t cap)
{
    (void)user_data, (void)buffer, (void)cap;
    return 0;
}

static void progress(void *user_data, uint64_t read, uint64_t sent, uint64_t total)
{
    (void)user_data, (void)read, (void)sent, (void)total;
}

static void sources_give_back_what_they_were_given_once(void)
{
    kusto_client *client = dead_client();
    kusto_props *props = NULL;
    kusto_source *source = NULL;
    int drops = 0;
    static const uint8_t data[] = "1,a\n";
    CHECK_OK(kusto_props_new("d", KUSTO_CSTR, "t", KUSTO_CSTR, &props, &err));

    CHECK_OK(kusto_source_bytes(data, 4, count_drop, &drops, &source, &err));
    CHECK(drops == 0);
    kusto_source_free(source);
    CHECK(drops == 1);

    CHECK_OK(kusto_source_reader(never_read, &drops, count_drop, &source, &err));
    CHECK_OK(kusto_source_set_progress(source, progress, &drops, count_drop, &err));
    CHECK_OK(kusto_source_set_progress(source, progress, &drops, count_drop, &err));
    CHECK(drops == 2);
    CHECK_OK(kusto_source_set_progress(source, NULL, NULL, NULL, &err));
    CHECK(drops == 3);
    kusto_source_free(source);
    CHECK(drops == 4);

    CHECK_OK(kusto_source_bytes(data, 4, count_drop, &drops, &source, &err));
    CHECK_OK(kusto_source_set_progress(source, progress, &drops, count_drop, &err));
    CHECK_STATUS(KUSTO_E_NETWORK, kusto_ingest(client, props, source, PATIENCE, NULL, &err));
    CHECK(reaches(&drops, 6));

    CHECK_OK(kusto_source_reader(never_read, &drops, count_drop, &source, &err));
    CHECK_STATUS(KUSTO_E_NETWORK, kusto_ingest(client, props, source, PATIENCE, NULL, &err));
    CHECK(reaches(&drops, 7));
    kusto_props_free(props);
    kusto_client_free(client);
    CHECK(drops == 7);
}

/* ---- operations without a service ------------------------------------------------------------------- */

struct ended {
    int dones, drops;
    int32_t state;
    kusto_client *free_inside;
};

static void on_done(void *user_data, const kusto_op *op)
{
    struct ended *ended = user_data;
    kusto_result *result = NULL;
    ended->state = kusto_op_state(op);
    CHECK(kusto_op_result(op, &result, NULL) != KUSTO_OK && result == NULL);
    CHECK_STATUS(KUSTO_E_INVALID_STATE, kusto_client_warm_up(ended->free_inside, 1, &err));
    kusto_client_free(ended->free_inside);
    __sync_fetch_and_add(&ended->dones, 1);
}

static void on_drop(void *user_data)
{
    __sync_fetch_and_add(&((struct ended *)user_data)->drops, 1);
}

static void done_comes_once_and_may_free_the_client(void)
{
    struct ended ended = {0, 0, -1, NULL};
    kusto_client *client = dead_client();
    kusto_props *props = NULL;
    kusto_source *source = NULL;
    kusto_op *op = NULL;
    CHECK_OK(kusto_props_new("d", KUSTO_CSTR, "t", KUSTO_CSTR, &props, &err));
    CHECK_OK(kusto_source_bytes((const uint8_t *)"1\n", 2, NULL, NULL, &source, &err));
    ended.free_inside = client;
    CHECK_OK(kusto_ingest_start(client, props, source, PATIENCE, on_done, &ended, on_drop, &op, &err));
    CHECK(reaches(&ended.drops, 1) && ended.dones == 1);
    CHECK(ended.state == KUSTO_OP_FAILED && kusto_op_state(op) == KUSTO_OP_FAILED);
    CHECK_STATUS(KUSTO_E_NETWORK, kusto_op_wait(op, KUSTO_FOREVER, &err));
    CHECK_STATUS(KUSTO_E_NETWORK, kusto_op_wait(op, 0, &err));
    kusto_op_free(op);
    kusto_props_free(props);
    CHECK(ended.dones == 1 && ended.drops == 1);
}

static void note_done(void *user_data, const kusto_op *op)
{
    struct ended *ended = user_data;
    ended->state = kusto_op_state(op);
    __sync_fetch_and_add(&ended->dones, 1);
}

/* The stream never ends, so only the free can end the operation: done must come before it returns. */
static void the_last_free_delivers_what_is_due(void)
{
    struct ended ended = {0, 0, -1, NULL};
    kusto_client *client = dead_client();
    kusto_props *props = NULL;
    kusto_source *source = NULL;
    CHECK_OK(kusto_props_new("d", KUSTO_CSTR, "t", KUSTO_CSTR, &props, &err));
    CHECK_OK(kusto_source_bytes((const uint8_t *)"1\n", 2, NULL, NULL, &source, &err));
    CHECK_OK(kusto_ingest_start(client, props, source, PATIENCE, note_done, &ended, on_drop, NULL, &err));
    kusto_client_free(client);
    CHECK(ended.dones == 1 && ended.drops == 1);
    CHECK(ended.state == KUSTO_OP_CANCELLED || ended.state == KUSTO_OP_FAILED);
    kusto_props_free(props);
}

static void a_closed_client_refuses(void)
{
    kusto_client *client = dead_client();
    uint64_t abandoned = 7;
    CHECK_OK(kusto_client_close(client, PATIENCE, &abandoned, &err));
    CHECK(abandoned == 0);
    CHECK_STATUS(KUSTO_E_INVALID_STATE, kusto_execute(client, NULL, 0, "T", KUSTO_CSTR, NULL, PATIENCE, NULL, &err));
    CHECK_OK(kusto_client_close(client, 0, NULL, &err));
    kusto_client_free(client);
}

static void a_failed_stream_says_why(void)
{
    kusto_client *client = dead_client();
    kusto_props *props = NULL;
    kusto_stream *stream = NULL;
    kusto_op *op = NULL;
    kusto_error *err = NULL;
    static uint8_t data[300000];
    int64_t deadline = milliseconds_now() + PATIENCE;
    kusto_status status = KUSTO_OK;
    CHECK_OK(kusto_props_new("d", KUSTO_CSTR, "t", KUSTO_CSTR, &props, &err));
    CHECK_OK(kusto_stream_begin(client, props, NULL, &stream, &err));
    while (status == KUSTO_OK && milliseconds_now() < deadline)
        status = kusto_stream_write(stream, data, sizeof data, KUSTO_FOREVER, NULL, NULL);
    CHECK(status == KUSTO_E_NETWORK);
    CHECK_OK(kusto_stream_finish(stream, PATIENCE, NULL, NULL, NULL, &op, &err));
    CHECK(kusto_op_wait(op, KUSTO_FOREVER, &err) == KUSTO_E_NETWORK);
    CHECK(is(kusto_error_host(err, NULL), "127.0.0.1:1"));
    kusto_error_free(err);
    kusto_op_free(op);
    CHECK_STATUS(KUSTO_E_INVALID_STATE, kusto_stream_write(stream, data, 1, KUSTO_FOREVER, NULL, &err));
    CHECK_STATUS(KUSTO_E_INVALID_STATE, kusto_stream_finish(stream, 1, NULL, NULL, NULL, &op, &err));
    kusto_stream_free(stream);
    kusto_props_free(props);
    kusto_client_free(client);
}

/* ---- threads ---------------------------------------------------------------------------------------- */

static void library_threads_take_no_signals(void)
{
    kusto_client *client = dead_client();
    sigset_t mine, before, pending;
    int number = 0;
    CHECK_STATUS(KUSTO_E_NETWORK, kusto_execute(client, NULL, 0, "T", KUSTO_CSTR, NULL, PATIENCE, NULL, &err));
    sigemptyset(&mine);
    sigaddset(&mine, SIGUSR1);
    CHECK(pthread_sigmask(SIG_BLOCK, &mine, &before) == 0);
    /* No other thread takes it, or the process would have ended: it waits for this one. */
    CHECK(kill(getpid(), SIGUSR1) == 0);
    CHECK(sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1) == 1);
    CHECK(sigwait(&mine, &number) == 0 && number == SIGUSR1);
    CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    kusto_client_free(client);
}

struct masks {
    sigset_t done, drop;
};

static void done_notes_mask(void *user_data, const kusto_op *op)
{
    (void)op;
    CHECK(pthread_sigmask(SIG_BLOCK, NULL, &((struct masks *)user_data)->done) == 0);
}

static void drop_notes_mask(void *user_data)
{
    CHECK(pthread_sigmask(SIG_BLOCK, NULL, &((struct masks *)user_data)->drop) == 0);
}

/* Threads and child processes that a callback starts inherit its mask. */
static void callbacks_have_the_mask_of_the_host(void)
{
    struct masks seen;
    sigset_t mine, before;
    kusto_client *client;
    kusto_op *op = NULL;
    sigfillset(&seen.done);
    sigfillset(&seen.drop);
    sigemptyset(&mine);
    sigaddset(&mine, SIGUSR2);
    CHECK(pthread_sigmask(SIG_BLOCK, &mine, &before) == 0);
    client = dead_client();
    CHECK_OK(kusto_execute_start(client, NULL, 0, "T", KUSTO_CSTR, NULL, PATIENCE, done_notes_mask, &seen, drop_notes_mask,
                                 &op, &err));
    CHECK_STATUS(KUSTO_E_NETWORK, kusto_op_wait(op, KUSTO_FOREVER, &err));
    kusto_op_free(op);
    /* Ends the library's threads, and with them their pending callbacks. */
    kusto_client_free(client);
    CHECK(sigismember(&seen.done, SIGUSR2) == 1 && sigismember(&seen.done, SIGTERM) == 0);
    CHECK(sigismember(&seen.drop, SIGUSR2) == 1 && sigismember(&seen.drop, SIGTERM) == 0);
    CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
}

#ifdef __linux__
static int threads(void)
{
    char line[256];
    int count = -1;
    FILE *status = fopen("/proc/self/status", "r");
    while (status != NULL && fgets(line, sizeof line, status) != NULL)
        sscanf(line, "Threads: %d", &count);
    if (status != NULL)
        fclose(status);
    return count;
}

/* A thread that was joined is still counted until the kernel has put it away. */
static int threads_fall_to(int wanted)
{
    int64_t deadline = milliseconds_now() + PATIENCE;
    while (threads() > wanted && milliseconds_now() < deadline)
        breathe();
    return threads() <= wanted;
}

static void the_last_free_ends_all_threads(void)
{
    int before = threads();
    kusto_client *first = dead_client(), *second = dead_client();
    int with_clients = threads();
    CHECK_STATUS(KUSTO_E_NETWORK, kusto_execute(first, NULL, 0, "T", KUSTO_CSTR, NULL, PATIENCE, NULL, &err));
    CHECK(with_clients > before);
    kusto_client_free(first);
    CHECK(threads() > before);
    CHECK_STATUS(KUSTO_E_NETWORK, kusto_execute(second, NULL, 0, "T", KUSTO_CSTR, NULL, PATIENCE, NULL, &err));
    kusto_client_free(second);
    CHECK(threads_fall_to(before));
}
#endif

/* ---- log -------------------------------------------------------------------------------------------- */

struct log {
    int lines, warnings, drops;
};

static void on_line(void *user_data, int32_t level, const char *target, size_t target_len,
                    const char *message, size_t message_len)
{
    struct log *log = user_data;
    CHECK(strlen(target) == target_len && strlen(message) == message_len && message_len > 0);
    CHECK(strncmp(target, "kusto_ingest", 12) == 0);
    CHECK(level >= KUSTO_LOG_ERROR && level <= KUSTO_LOG_WARN);
    CHECK(strstr(message, "sig=") == NULL);
    __sync_fetch_and_add(&log->lines, 1);
    if (level == KUSTO_LOG_WARN)
        __sync_fetch_and_add(&log->warnings, 1);
}

static void forget_log(void *user_data)
{
    __sync_fetch_and_add(&((struct log *)user_data)->drops, 1);
}

static void fail_once(void)
{
    kusto_client *client = dead_client();
    kusto_props *props = NULL;
    CHECK_OK(kusto_props_new("d", KUSTO_CSTR, "t", KUSTO_CSTR, &props, &err));
    CHECK_STATUS(KUSTO_E_NETWORK,
                 kusto_ingest_bytes(client, props, (const uint8_t *)"1\n", 2, PATIENCE, NULL, &err));
    kusto_props_free(props);
    kusto_client_free(client);
}

static void the_log_goes_to_the_callback_until_it_is_taken_away(void)
{
    struct log first = {0, 0, 0}, second = {0, 0, 0};
    int lines;
    CHECK_REFUSES("max_level", kusto_log_set(6, on_line, &first, forget_log, &err));
    CHECK(first.drops == 1);
    CHECK_OK(kusto_log_set(KUSTO_LOG_WARN, on_line, &first, forget_log, &err));
    fail_once();
    CHECK(first.warnings >= 1);
    CHECK_OK(kusto_log_set(KUSTO_LOG_WARN, on_line, &second, forget_log, &err));
    CHECK(first.drops == 2);
    lines = first.lines;
    fail_once();
    CHECK(first.lines == lines && second.warnings >= 1);
    CHECK_OK(kusto_log_set(KUSTO_LOG_OFF, NULL, NULL, NULL, &err));
    CHECK(second.drops == 1);
    lines = second.lines;
    fail_once();
    CHECK(second.lines == lines);
}

/* Of one client: events with their fields. */
struct events {
    int failed, others, drops;
};

static void on_event(void *user_data, int32_t level, const char *event, size_t event_len, const char *message,
                     size_t message_len, const char *fields, size_t fields_len)
{
    struct events *events = user_data;
    int is_failed = strcmp(event, "ingestion_failed") == 0 && event_len == strlen(event)
                    && message_len == strlen(message) && fields_len == strlen(fields)
                    && level == KUSTO_LOG_WARN && strstr(fields, "\"database\":\"d\"") != NULL
                    && strstr(fields, "\"client_request_id\":\"mine\"") != NULL;
    __sync_fetch_and_add(is_failed ? &events->failed : &events->others, 1);
}

static void forget_events(void *user_data)
{
    __sync_fetch_and_add(&((struct events *)user_data)->drops, 1);
}

static void a_client_has_a_log_of_its_own(void)
{
    struct events events = {0, 0, 0};
    struct log process = {0, 0, 0};
    kusto_config *config = NULL;
    kusto_client *client = NULL;
    kusto_props *props = NULL;
    CHECK_OK(kusto_config_parse("http://127.0.0.1:9", KUSTO_CSTR, &config, &err));
    CHECK_REFUSES("max_level", kusto_config_set_log(config, 6, on_event, &events, forget_events, &err));
    CHECK(events.drops == 1);
    CHECK_OK(kusto_config_set_log(config, KUSTO_LOG_WARN, on_event, &events, forget_events, &err));
    CHECK_OK(kusto_config_set(config, "retry time", KUSTO_CSTR, "0", KUSTO_CSTR, &err));
    CHECK_OK(kusto_client_new(config, &client, &err));
    kusto_config_free(config);
    CHECK_OK(kusto_log_set(KUSTO_LOG_TRACE, on_line, &process, forget_log, &err));
    CHECK_OK(kusto_props_new("d", KUSTO_CSTR, "t", KUSTO_CSTR, &props, &err));
    CHECK_OK(kusto_props_set(props, "clientRequestId", KUSTO_CSTR, "mine", KUSTO_CSTR, &err));
    CHECK_STATUS(KUSTO_E_NETWORK,
                 kusto_ingest_bytes(client, props, (const uint8_t *)"1\n", 2, PATIENCE, NULL, &err));
    CHECK(events.failed == 1 && events.others >= 1 && process.lines == 0);
    kusto_props_free(props);
    kusto_client_free(client);
    CHECK(events.drops == 2);
    CHECK_OK(kusto_log_set(KUSTO_LOG_OFF, NULL, NULL, NULL, &err));
}

/* ---- fork ------------------------------------------------------------------------------------------- */

/* Runs in the child: a mistake ends it with a number that says where. */
static int child(kusto_client *client, kusto_op *op)
{
    kusto_client *own = NULL;
    kusto_config *config = NULL;
    if (kusto_client_warm_up(client, 1000, NULL) != KUSTO_E_FORKED)
        return 1;
    if (kusto_op_wait(op, 1000, NULL) != KUSTO_E_FORKED)
        return 2;
    if (kusto_config_parse("http://127.0.0.1:1", KUSTO_CSTR, &config, NULL) != KUSTO_OK)
        return 3;
    if (kusto_client_new(config, &own, NULL) != KUSTO_E_FORKED)
        return 4;
    kusto_op_free(op);
    kusto_client_free(client);
    if (kusto_after_fork_child(NULL) != KUSTO_OK)
        return 5;
    if (kusto_client_new(config, &own, NULL) != KUSTO_OK)
        return 6;
    if (kusto_execute(own, NULL, 0, "T", KUSTO_CSTR, NULL, PATIENCE, NULL, NULL) != KUSTO_E_NETWORK)
        return 7;
    kusto_client_free(own);
    kusto_config_free(config);
    return 0;
}

static void handles_do_not_cross_fork_but_new_ones_work(void)
{
    kusto_client *client = dead_client();
    kusto_props *props = NULL;
    kusto_source *source = NULL;
    kusto_op *op = NULL;
    pid_t pid;
    int ends[2], status;
    char stopped_at = -1;
    CHECK_OK(kusto_props_new("d", KUSTO_CSTR, "t", KUSTO_CSTR, &props, &err));
    CHECK_OK(kusto_source_bytes((const uint8_t *)"1\n", 2, NULL, NULL, &source, &err));
    CHECK_OK(kusto_ingest_start(client, props, source, PATIENCE, NULL, NULL, NULL, &op, &err));
    CHECK_STATUS(KUSTO_E_NETWORK, kusto_op_wait(op, PATIENCE, &err));
    CHECK(pipe(ends) == 0);
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        stopped_at = (char)child(client, op);
        status = (int)write(ends[1], &stopped_at, 1);
        /* Memory held by the parent's threads is always lost here: no leak check at the end. */
        kill(getpid(), SIGKILL);
    }
    close(ends[1]);
    CHECK(read(ends[0], &stopped_at, 1) == 1);
    close(ends[0]);
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
    if (!CHECK(stopped_at == 0))
        fprintf(stderr, "    the child stopped at %d\n", stopped_at);
    CHECK_OK(kusto_after_fork_child(&err));
    CHECK_STATUS(KUSTO_E_NETWORK, kusto_client_warm_up(client, PATIENCE, &err));
    kusto_op_free(op);
    kusto_props_free(props);
    kusto_client_free(client);
}

int main(void)
{
    RUN(the_library_fits_the_header);
    RUN(every_status_has_a_name);
    RUN(every_value_has_a_name);
    RUN(configs_mask_secrets);
    RUN(a_wrong_connection_string_names_the_keyword);
    RUN(a_dead_host_is_a_network_error_with_host_and_step);
    RUN(a_credential_lives_as_long_as_its_client);
    RUN(a_credential_may_be_freed_unused);
    RUN(sources_give_back_what_they_were_given_once);
    RUN(done_comes_once_and_may_free_the_client);
    RUN(the_last_free_delivers_what_is_due);
    RUN(a_closed_client_refuses);
    RUN(a_failed_stream_says_why);
    RUN(library_threads_take_no_signals);
    RUN(callbacks_have_the_mask_of_the_host);
#ifdef __linux__
    RUN(the_last_free_ends_all_threads);
#endif
    RUN(the_log_goes_to_the_callback_until_it_is_taken_away);
    RUN(a_client_has_a_log_of_its_own);
    RUN(handles_do_not_cross_fork_but_new_ones_work);
    return harness_end();
}
