/* NULL and wrong arguments of every function give an error that names the argument, or nothing. */
#include "harness.h"

#define BAD_UTF8 "\xff\xfe"

static void frees_take_null(void)
{
    kusto_error_free(NULL);
    kusto_config_free(NULL);
    kusto_credential_free(NULL);
    kusto_client_free(NULL);
    kusto_props_free(NULL);
    kusto_source_free(NULL);
    kusto_stream_free(NULL);
    kusto_op_free(NULL);
    kusto_result_free(NULL);
    kusto_report_free(NULL);
    kusto_rows_free(NULL);
    kusto_request_options_free(NULL);
    kusto_op_cancel(NULL);
    kusto_token_request_complete(NULL, "t", KUSTO_CSTR, 0);
    kusto_token_request_fail(NULL, 0, "m", KUSTO_CSTR);
    CHECK(1);
}

static void reading_null_gives_nothing(void)
{
    size_t len = 9;
    CHECK(kusto_error_status(NULL) == KUSTO_OK);
    CHECK(strcmp(kusto_error_message(NULL, &len), "") == 0 && len == 0);
    CHECK(kusto_error_retry(NULL) == KUSTO_RETRY_UNKNOWN);
    CHECK(kusto_error_retry_after_ms(NULL) == -1);
    CHECK(!kusto_error_in_doubt(NULL) && kusto_error_http_status(NULL) == 0 && kusto_error_system_code(NULL) == 0);
    CHECK(!kusto_error_step(NULL, NULL) && !kusto_error_host(NULL, NULL));
    CHECK(!kusto_error_argument(NULL, NULL) && !kusto_error_service_code(NULL, NULL));
    CHECK(!kusto_error_activity_id(NULL, NULL) && !kusto_error_client_request_id(NULL, NULL));
    CHECK(kusto_error_attempts(NULL) == 0 && !kusto_error_attempt(NULL, 0));
    CHECK(!kusto_error_json(NULL, NULL));
    CHECK(!kusto_config_redacted(NULL, &len) && len == 0);
    CHECK(!kusto_token_request_scope(NULL, NULL) && !kusto_token_request_tenant(NULL, NULL));
    CHECK(kusto_op_state(NULL) == KUSTO_OP_FAILED);
    CHECK(!kusto_result_tracking_token(NULL, NULL) && !kusto_result_source_id(NULL, NULL));
    CHECK(!kusto_result_item_source_id(NULL, 0, NULL) && !kusto_result_item_blob(NULL, 0, NULL));
    CHECK(!kusto_is_command(NULL, 0) && !kusto_is_command("T", KUSTO_CSTR));
    CHECK(kusto_is_command("// a comment\n.show tables", KUSTO_CSTR));
    CHECK(!kusto_result_item_format(NULL, 0, NULL) && !kusto_result_item_format_assumed(NULL, 0));
    CHECK(kusto_result_len(NULL) == 0);
    CHECK(kusto_result_bytes_raw(NULL) == 0 && kusto_result_bytes_sent(NULL) == 0);
    CHECK(kusto_result_route(NULL) == 0 && kusto_result_attempts(NULL) == 0);
    CHECK(!kusto_result_fallback_cause(NULL) && !kusto_result_possibly_duplicated(NULL));
    CHECK(!kusto_result_update_policy(NULL, NULL) && !kusto_result_update_policy_failed(NULL));
    CHECK(!kusto_result_update_policy_code(NULL, NULL) && !kusto_result_update_policy_reason(NULL, NULL));
    CHECK(kusto_report_len(NULL) == 0 && kusto_report_count(NULL, KUSTO_ITEM_FAILED) == 0);
    CHECK(kusto_report_item_state(NULL, 0) == -1);
    CHECK(kusto_report_item_retry(NULL, 0) == KUSTO_RETRY_UNKNOWN);
    CHECK(!kusto_report_item_source_id(NULL, 0, NULL) && !kusto_report_item_source_path(NULL, 0, NULL));
    CHECK(!kusto_report_item_database(NULL, 0, NULL) && !kusto_report_item_table(NULL, 0, NULL));
    CHECK(!kusto_report_item_updated_on(NULL, 0, NULL) && !kusto_report_item_operation_id(NULL, 0, NULL));
    CHECK(!kusto_report_item_activity_id(NULL, 0, NULL) && !kusto_report_item_error_code(NULL, 0, NULL));
    CHECK(!kusto_report_item_details(NULL, 0, NULL) && !kusto_report_json(NULL, NULL));
    CHECK(!kusto_rows_next(NULL) && !kusto_rows_next_table(NULL) && !kusto_rows_json(NULL, NULL));
    CHECK(kusto_rows_columns(NULL) == 0 && kusto_rows_len(NULL) == 0);
    CHECK(!kusto_rows_column_name(NULL, 0, NULL) && !kusto_rows_column_type(NULL, 0, NULL));
    CHECK(!kusto_rows_text(NULL, 0, NULL));
}

static void the_error_output_is_optional(void)
{
    CHECK(kusto_config_parse(NULL, 0, NULL, NULL) == KUSTO_E_INVALID_ARGUMENT);
    CHECK(kusto_props_new("d", KUSTO_CSTR, "", 0, NULL, NULL) == KUSTO_E_INVALID_ARGUMENT);
}

static void config_names_what_is_wrong(void)
{
    kusto_config *config = (kusto_config *)&config;
    CHECK_REFUSES("out", kusto_config_parse("x", KUSTO_CSTR, NULL, &err));
    CHECK_REFUSES("connection_string", kusto_config_parse(NULL, KUSTO_CSTR, &config, &err));
    CHECK(config == NULL);
    CHECK_REFUSES("connection_string", kusto_config_parse(BAD_UTF8, KUSTO_CSTR, &config, &err));
    CHECK_REFUSES("config", kusto_config_set(NULL, "k", KUSTO_CSTR, "v", KUSTO_CSTR, &err));
    CHECK_REFUSES("config", kusto_config_set_credential(NULL, NULL, &err));
    CHECK_OK(kusto_config_parse("https://c.kusto.windows.net", KUSTO_CSTR, &config, &err));
    CHECK_REFUSES("key", kusto_config_set(config, NULL, 0, "v", KUSTO_CSTR, &err));
    CHECK_REFUSES("value", kusto_config_set(config, "application", KUSTO_CSTR, NULL, 0, &err));
    CHECK_REFUSES("value", kusto_config_set(config, "application", KUSTO_CSTR, BAD_UTF8, 2, &err));
    CHECK_REFUSES("credential", kusto_config_set_credential(config, NULL, &err));
    CHECK_REFUSES("out", kusto_client_new(config, NULL, &err));
    kusto_config_free(config);
}

static void commands_name_what_is_wrong(void)
{
    kusto_command *command = (kusto_command *)&command;
    CHECK_REFUSES("out", kusto_command_create_table("t", KUSTO_CSTR, NULL, &err));
    CHECK_REFUSES("table", kusto_command_create_table(NULL, 0, &command, &err));
    CHECK(command == NULL);
    CHECK_REFUSES("command", kusto_command_add_column(NULL, "c", KUSTO_CSTR, "long", KUSTO_CSTR, &err));
    CHECK_OK(kusto_command_create_table("t", KUSTO_CSTR, &command, &err));
    CHECK_REFUSES("name", kusto_command_add_column(command, NULL, 0, "long", KUSTO_CSTR, &err));
    CHECK_REFUSES("type_name", kusto_command_add_column(command, "c", KUSTO_CSTR, NULL, 0, &err));
    CHECK(kusto_command_text(command, NULL) == NULL && kusto_command_text(NULL, NULL) == NULL);
    kusto_command_free(command);
    kusto_command_free(NULL);
    CHECK_REFUSES("name", kusto_command_create_mapping("t", KUSTO_CSTR, KUSTO_FORMAT_CSV, NULL, 0, "[]", KUSTO_CSTR, 0,
                                                       &command, &err));
    CHECK_REFUSES("json", kusto_command_create_mapping("t", KUSTO_CSTR, KUSTO_FORMAT_CSV, "m", KUSTO_CSTR, NULL, 0, 0,
                                                       &command, &err));
}

static void answer(void *user_data, kusto_token_request *request)
{
    (void)user_data;
    kusto_token_request_fail(request, 0, "never asked", KUSTO_CSTR);
}

static void credentials_name_what_is_wrong(void)
{
    kusto_credential *credential = NULL;
    int drops = 0;
    CHECK_REFUSES("token", kusto_credential_token(NULL, 0, &credential, &err));
    CHECK_REFUSES("token", kusto_credential_token(" ", KUSTO_CSTR, &credential, &err));
    CHECK_REFUSES("out", kusto_credential_token("t", KUSTO_CSTR, NULL, &err));
    CHECK_REFUSES("callback", kusto_credential_callback(NULL, &drops, count_drop, &credential, &err));
    CHECK(drops == 1);
    CHECK_REFUSES("out", kusto_credential_callback(answer, &drops, count_drop, NULL, &err));
    CHECK(drops == 2);
}

static void props_name_what_is_wrong(void)
{
    kusto_props *props = (kusto_props *)&props;
    kusto_props *copy = NULL;
    CHECK_REFUSES("database", kusto_props_new(NULL, 0, "t", KUSTO_CSTR, &props, &err));
    CHECK(props == NULL);
    CHECK_REFUSES("database", kusto_props_new(" ", KUSTO_CSTR, "t", KUSTO_CSTR, &props, &err));
    CHECK_REFUSES("table", kusto_props_new("d", KUSTO_CSTR, "", 0, &props, &err));
    CHECK_REFUSES("table", kusto_props_new("d", KUSTO_CSTR, BAD_UTF8, KUSTO_CSTR, &props, &err));
    CHECK_REFUSES("out", kusto_props_new("d", KUSTO_CSTR, "t", KUSTO_CSTR, NULL, &err));
    CHECK_REFUSES("props", kusto_props_clone(NULL, &copy, &err));
    CHECK_REFUSES("props", kusto_props_set_format(NULL, KUSTO_FORMAT_CSV, &err));
    CHECK_OK(kusto_props_new("d", KUSTO_CSTR, "t", KUSTO_CSTR, &props, &err));
    CHECK_REFUSES("out", kusto_props_clone(props, NULL, &err));
    CHECK_REFUSES("format", kusto_props_set_format(props, 0, &err));
    CHECK_REFUSES("format", kusto_props_set_format(props, 18, &err));
    CHECK_REFUSES("level", kusto_props_set_reporting(props, 3, KUSTO_VIA_QUEUE, &err));
    CHECK_REFUSES("via", kusto_props_set_reporting(props, KUSTO_REPORT_ALL, -1, &err));
    CHECK_REFUSES("mode", kusto_props_set_mode(props, 4, &err));
    CHECK_REFUSES("name", kusto_props_set_mapping_ref(props, NULL, 1, &err));
    CHECK(kusto_props_set_mapping_ref(props, "", 0, NULL) == KUSTO_OK);
    CHECK_REFUSES("tag", kusto_props_add_tag(props, NULL, 0, &err));
    CHECK_REFUSES("tag", kusto_props_add_tag(props, "  ", KUSTO_CSTR, &err));
    CHECK_REFUSES("key", kusto_props_set_once(props, NULL, 0, &err));
    CHECK_REFUSES("key", kusto_props_set_once(props, "", 0, &err));
    CHECK_REFUSES("key", kusto_props_set_once(props, "a\nb", KUSTO_CSTR, &err));
    CHECK_REFUSES("props", kusto_props_set_once(NULL, "k", KUSTO_CSTR, &err));
    CHECK_REFUSES("json", kusto_props_set_mapping_json(props, NULL, 0, &err));
    CHECK_STATUS(KUSTO_E_INVALID_ARGUMENT, kusto_props_set_mapping_json(props, "{", KUSTO_CSTR, &err));
    CHECK_REFUSES("key", kusto_props_set(props, NULL, 0, "v", KUSTO_CSTR, &err));
    CHECK_REFUSES("value", kusto_props_set(props, "k", KUSTO_CSTR, NULL, 0, &err));
    CHECK_REFUSES("ignoreFirstRecord",
                  kusto_props_set(props, "ignorefirstrecord", KUSTO_CSTR, "perhaps", KUSTO_CSTR, &err));
    CHECK_REFUSES("authorizationContext",
                  kusto_props_set(props, "authorizationContext", KUSTO_CSTR, "x", KUSTO_CSTR, &err));
    CHECK_REFUSES("ingestifnotexist",
                  kusto_props_set(props, "ingestifnotexist", KUSTO_CSTR, "[\"x\"]", KUSTO_CSTR, &err));
    CHECK_REFUSES("aNewProperty", kusto_props_set(props, "aNewProperty", KUSTO_CSTR, "x", KUSTO_CSTR, &err));
    CHECK_OK(kusto_props_set_additional(props, "aNewProperty", KUSTO_CSTR, "x", KUSTO_CSTR, &err));
    CHECK_REFUSES("ignoreFirstRecord",
                  kusto_props_set_additional(props, "ignorefirstrecord", KUSTO_CSTR, "perhaps", KUSTO_CSTR, &err));
    CHECK_REFUSES("key", kusto_props_set_additional(props, NULL, 0, "v", KUSTO_CSTR, &err));
    CHECK_REFUSES("props", kusto_props_set_additional(NULL, "k", KUSTO_CSTR, "v", KUSTO_CSTR, &err));
    CHECK_OK(kusto_props_clone(props, &copy, &err));
    kusto_props_free(props);
    CHECK_OK(kusto_props_add_tag(copy, "drop-by:x", KUSTO_CSTR, &err));
    kusto_props_free(copy);
}

static int64_t read_nothing(void *user_data, uint8_t *buffer, size_t cap)
{
    (void)user_data, (void)buffer, (void)cap;
    return 0;
}

static void progress(void *user_data, uint64_t read, uint64_t sent, uint64_t total)
{
    (void)user_data, (void)read, (void)sent, (void)total;
}

static void sources_name_what_is_wrong(void)
{
    kusto_source *source = NULL, *blobs = NULL;
    int drops = 0;
    uint8_t byte = 'x';
    CHECK_REFUSES("data", kusto_source_bytes(NULL, 1, NULL, NULL, &source, &err));
    CHECK_REFUSES("data", kusto_source_bytes(NULL, 1, count_drop, &drops, &source, &err));
    CHECK(drops == 1);
    CHECK_REFUSES("out", kusto_source_bytes(&byte, 1, count_drop, &drops, NULL, &err));
    CHECK(drops == 2);
    CHECK_REFUSES("data", kusto_source_bytes(&byte, SIZE_MAX, NULL, NULL, &source, &err));
    CHECK_REFUSES("callback", kusto_source_reader(NULL, &drops, count_drop, &source, &err));
    CHECK(drops == 3);
    CHECK_REFUSES("out", kusto_source_reader(read_nothing, &drops, count_drop, NULL, &err));
    CHECK(drops == 4);
    CHECK_REFUSES("path", kusto_source_file(NULL, 0, &source, &err));
    CHECK_REFUSES("path", kusto_source_file("", KUSTO_CSTR, &source, &err));
    CHECK_REFUSES("path", kusto_source_file("a\0b", 3, &source, &err));
    CHECK_REFUSES("fd", kusto_source_fd(-1, 0, &source, &err));
    CHECK_REFUSES("fd", kusto_source_fd(12345, 1, &source, &err));
    CHECK_REFUSES("out", kusto_source_fd(0, 0, NULL, &err));
    CHECK_REFUSES("out", kusto_source_blobs(NULL, &err));
    CHECK_REFUSES("source", kusto_source_blobs_add(NULL, "https://a/b/c", KUSTO_CSTR, 0, NULL, 0, &err));

    CHECK_OK(kusto_source_bytes(&byte, 1, NULL, NULL, &source, &err));
    CHECK_REFUSES_WITH(KUSTO_E_INVALID_STATE, "source",
                       kusto_source_blobs_add(source, "https://a/b/c", KUSTO_CSTR, 0, NULL, 0, &err));
    CHECK_REFUSES("uuid", kusto_source_set_id(source, "12", KUSTO_CSTR, &err));
    CHECK_REFUSES("uuid", kusto_source_set_id(source, NULL, 0, &err));
    CHECK_REFUSES("compression", kusto_source_set_compression(source, 3, &err));
    CHECK_OK(kusto_source_set_raw_size(source, 5, &err));
    kusto_source_free(source);

    CHECK_OK(kusto_source_blobs(&blobs, &err));
    CHECK_STATUS(KUSTO_E_INVALID_ARGUMENT, kusto_source_blobs_add(blobs, "nonsense", KUSTO_CSTR, 0, NULL, 0, &err));
    CHECK_REFUSES("url", kusto_source_blobs_add(blobs, NULL, 0, 0, NULL, 0, &err));
    CHECK_STATUS(KUSTO_E_INVALID_ARGUMENT,
                 kusto_source_blobs_add(blobs, "https://a.example/b/c", KUSTO_CSTR, 0, "12", KUSTO_CSTR, &err));
    CHECK_STATUS(KUSTO_E_INVALID_STATE,
                 kusto_source_set_id(blobs, "7e8b1a4e-9a4d-4c0e-9f58-0d4f1c2ab001", KUSTO_CSTR, &err));
    CHECK_STATUS(KUSTO_E_INVALID_STATE, kusto_source_set_compression(blobs, KUSTO_COMPRESSION_GZIP, &err));
    CHECK_STATUS(KUSTO_E_INVALID_STATE, kusto_source_set_raw_size(blobs, 5, &err));
    CHECK_STATUS(KUSTO_E_INVALID_STATE, kusto_source_set_progress(blobs, progress, &drops, count_drop, &err));
    CHECK(drops == 5);
    CHECK_REFUSES("source", kusto_source_set_progress(NULL, progress, &drops, count_drop, &err));
    CHECK(drops == 6);
    kusto_source_free(blobs);
}

static kusto_source *counted_source(int *drops)
{
    static const uint8_t data[] = "1,a\n";
    kusto_source *source = NULL;
    CHECK_OK(kusto_source_bytes(data, 4, count_drop, drops, &source, &err));
    return source;
}

static void done(void *user_data, const kusto_op *op)
{
    (void)user_data, (void)op;
    CHECK(!"done is not called when the call fails");
}

static void ingestions_take_the_source_even_when_they_fail(void)
{
    kusto_client *client = dead_client();
    kusto_props *props = NULL;
    kusto_result *result = (kusto_result *)&result;
    kusto_op *op = (kusto_op *)&op;
    int sources = 0, dones = 0;
    CHECK_OK(kusto_props_new("d", KUSTO_CSTR, "t", KUSTO_CSTR, &props, &err));

    CHECK_REFUSES("client", kusto_ingest(NULL, props, counted_source(&sources), 1, &result, &err));
    CHECK(sources == 1 && result == NULL);
    CHECK_REFUSES("props", kusto_ingest(client, NULL, counted_source(&sources), 1, NULL, &err));
    CHECK_REFUSES("source", kusto_ingest(client, props, NULL, 1, &result, &err));
    CHECK_REFUSES("timeout_ms", kusto_ingest(client, props, counted_source(&sources), -2, &result, &err));
    CHECK(sources == 3);

    CHECK_REFUSES("client", kusto_ingest_start(NULL, props, counted_source(&sources), 1, done, &dones,
                                               count_drop, &op, &err));
    CHECK(sources == 4 && dones == 1 && op == NULL);
    CHECK_REFUSES("source", kusto_ingest_start(client, props, NULL, 1, done, &dones, count_drop, &op, &err));
    CHECK_REFUSES("out", kusto_ingest_start(client, props, counted_source(&sources), 1, NULL, &dones,
                                            count_drop, NULL, &err));
    CHECK_REFUSES("timeout_ms", kusto_ingest_start(client, props, counted_source(&sources), INT64_MIN, done,
                                                   &dones, count_drop, &op, &err));
    CHECK(sources == 6 && dones == 4);

    CHECK_REFUSES("data", kusto_ingest_bytes(client, props, NULL, 1, 1, NULL, &err));
    CHECK_REFUSES("client", kusto_ingest_bytes(NULL, props, NULL, 0, 1, NULL, &err));
    CHECK_REFUSES("props", kusto_ingest_bytes(client, NULL, NULL, 0, 1, NULL, &err));
    kusto_props_free(props);
    kusto_client_free(client);
}

static void streams_and_operations_name_what_is_wrong(void)
{
    kusto_client *client = dead_client();
    kusto_props *props = NULL;
    kusto_stream *stream = NULL;
    kusto_result *result = NULL;
    kusto_op *op = NULL;
    size_t written = 0;
    int dones = 0;
    const uint8_t *data = (const uint8_t *)"x";
    CHECK_OK(kusto_props_new("d", KUSTO_CSTR, "t", KUSTO_CSTR, &props, &err));
    CHECK_REFUSES("client", kusto_stream_begin(NULL, props, NULL, &stream, &err));
    CHECK_REFUSES("props", kusto_stream_begin(client, NULL, NULL, &stream, &err));
    CHECK_REFUSES("out", kusto_stream_begin(client, props, NULL, NULL, &err));
    CHECK_REFUSES("stream", kusto_stream_write(NULL, data, 1, KUSTO_FOREVER, NULL, &err));
    CHECK_REFUSES("stream", kusto_stream_finish(NULL, 1, done, &dones, count_drop, &op, &err));
    CHECK(dones == 1);

    CHECK_OK(kusto_stream_begin(client, props, NULL, &stream, &err));
    CHECK_REFUSES("written", kusto_stream_write(stream, data, 1, 0, NULL, &err));
    CHECK_REFUSES("timeout_ms", kusto_stream_write(stream, data, 1, -9, &written, &err));
    CHECK_REFUSES("out", kusto_stream_finish(stream, 1, NULL, &dones, count_drop, NULL, &err));
    CHECK(dones == 2);
    kusto_stream_free(stream);

    CHECK_REFUSES("op", kusto_op_wait(NULL, 0, &err));
    CHECK_REFUSES("op", kusto_op_result(NULL, &result, &err));
    CHECK_REFUSES("out", kusto_op_result(NULL, NULL, &err));
    kusto_props_free(props);
    kusto_client_free(client);
}

static void clients_name_what_is_wrong(void)
{
    kusto_client *client = (kusto_client *)&client;
    kusto_report *report = NULL;
    kusto_rows *rows = NULL;
    int64_t number = 7;
    CHECK_REFUSES("config", kusto_client_new(NULL, &client, &err));
    CHECK(client == NULL);
    CHECK_REFUSES("client", kusto_client_warm_up(NULL, 1, &err));
    CHECK_REFUSES("client", kusto_client_close(NULL, 1, NULL, &err));
    client = dead_client();
    CHECK_REFUSES("timeout_ms", kusto_client_warm_up(client, -5, &err));
    CHECK_REFUSES("timeout_ms", kusto_client_close(client, -5, NULL, &err));
    CHECK_REFUSES("client", kusto_track(NULL, "t", KUSTO_CSTR, 1, &report, &err));
    CHECK_REFUSES("out", kusto_track(client, "t", KUSTO_CSTR, 1, NULL, &err));
    CHECK_REFUSES("tracking token", kusto_track(client, "t", KUSTO_CSTR, 1, &report, &err));
    CHECK_REFUSES("token", kusto_track_until_final(client, NULL, 0, 1, 1, &report, &err));
    CHECK_REFUSES("which", kusto_outcomes_peek(client, 0, NULL, 0, 1, 1, &report, &err));
    CHECK_REFUSES("max", kusto_outcomes_take(client, KUSTO_OUTCOME_FAILURES, NULL, 0, 0, 1, &report, &err));
    CHECK_REFUSES("tracking token",
                  kusto_outcomes_take(client, KUSTO_OUTCOME_FAILURES, "x", KUSTO_CSTR, 1, 1, &report, &err));
    CHECK_REFUSES("client", kusto_execute(NULL, NULL, 0, "T", KUSTO_CSTR, NULL, 1, &rows, &err));
    CHECK_REFUSES("command", kusto_execute(client, NULL, 0, NULL, 0, NULL, 1, &rows, &err));
    CHECK_REFUSES("query", kusto_execute(client, NULL, 0, " ", KUSTO_CSTR, NULL, PATIENCE, &rows, &err));
    CHECK_REFUSES("database", kusto_execute(client, BAD_UTF8, 2, "T", KUSTO_CSTR, NULL, 1, &rows, &err));
    CHECK_REFUSES("rows", kusto_rows_int64(NULL, 0, &number, &err));
    CHECK_REFUSES("out", kusto_rows_int64(NULL, 0, NULL, &err));
    CHECK(number == 7 && report == NULL && rows == NULL);
    kusto_client_free(client);
}

static void request_options_name_what_is_wrong(void)
{
    kusto_request_options *options = NULL;
    CHECK_REFUSES("out", kusto_request_options_new(NULL, &err));
    CHECK_REFUSES("options", kusto_request_options_set(NULL, "n", KUSTO_CSTR, "1", KUSTO_CSTR, &err));
    CHECK_OK(kusto_request_options_new(&options, &err));
    CHECK_REFUSES("name", kusto_request_options_set(options, " ", KUSTO_CSTR, "1", KUSTO_CSTR, &err));
    CHECK_REFUSES("notruncatoin", kusto_request_options_set(options, "notruncatoin", KUSTO_CSTR, "true", KUSTO_CSTR, &err));
    CHECK_REFUSES("name", kusto_request_options_set_additional(options, "", 0, "1", KUSTO_CSTR, &err));
    CHECK_REFUSES("options", kusto_request_options_set_additional(NULL, "n", KUSTO_CSTR, "1", KUSTO_CSTR, &err));
    CHECK_OK(kusto_request_options_set_additional(options, "query_of_tomorrow", KUSTO_CSTR, "1", KUSTO_CSTR, &err));
    CHECK_REFUSES("value", kusto_request_options_set(options, "n", KUSTO_CSTR, NULL, 0, &err));
    CHECK_REFUSES("name", kusto_request_options_set_parameter(options, NULL, 0, "1", KUSTO_CSTR, &err));
    CHECK_REFUSES("id", kusto_request_options_set_client_request_id(options, "a\nb", KUSTO_CSTR, &err));
    CHECK_REFUSES("id", kusto_request_options_set_client_request_id(options, "", 0, &err));
    kusto_request_options_free(options);
}

int main(void)
{
    RUN(frees_take_null);
    RUN(reading_null_gives_nothing);
    RUN(the_error_output_is_optional);
    RUN(config_names_what_is_wrong);
    RUN(commands_name_what_is_wrong);
    RUN(credentials_name_what_is_wrong);
    RUN(props_name_what_is_wrong);
    RUN(sources_name_what_is_wrong);
    RUN(ingestions_take_the_source_even_when_they_fail);
    RUN(streams_and_operations_name_what_is_wrong);
    RUN(clients_name_what_is_wrong);
    RUN(request_options_name_what_is_wrong);
    return harness_end();
}
