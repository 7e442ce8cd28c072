/* Status and results: tracking, outcomes, commands, rows. */
#include "harness.h"

static kusto_client *client;

/* ---- rows --------------------------------------------------------------------------------------------- */

static kusto_rows *rows_of(const char *text)
{
    kusto_rows *rows = NULL;
    CHECK_OK(kusto_execute(client, database(), KUSTO_CSTR, text, KUSTO_CSTR, NULL, PATIENCE, &rows, &err));
    return rows;
}

static void rows_have_names_types_and_nulls(void)
{
    size_t len = 0;
    int64_t value = 0;
    kusto_rows *rows = rows_of("print a = long(42), b = 'größer', c = int(null), d = '', e = datetime(2026-01-02)");
    CHECK(kusto_rows_columns(rows) == 5 && kusto_rows_len(rows) == 1);
    CHECK(is(kusto_rows_column_name(rows, 0, NULL), "a") && is(kusto_rows_column_type(rows, 0, NULL), "long"));
    CHECK(is(kusto_rows_column_type(rows, 4, NULL), "datetime") && !kusto_rows_column_name(rows, 5, NULL));
    CHECK(kusto_rows_text(rows, 0, NULL) == NULL);
    CHECK_STATUS(KUSTO_E_INVALID_STATE, kusto_rows_int64(rows, 0, &value, &err));
    CHECK(kusto_rows_next(rows));
    CHECK_OK(kusto_rows_int64(rows, 0, &value, &err));
    CHECK(value == 42 && is(kusto_rows_text(rows, 0, NULL), "42"));
    CHECK(is(kusto_rows_text(rows, 1, &len), "größer") && len == 8);
    CHECK_REFUSES("column", kusto_rows_int64(rows, 1, &value, &err));
    CHECK_REFUSES("column", kusto_rows_int64(rows, 9, &value, &err));
    CHECK(kusto_rows_text(rows, 2, NULL) == NULL && is(kusto_rows_text(rows, 3, NULL), ""));
    CHECK_STATUS(KUSTO_E_NOT_FOUND, kusto_rows_int64(rows, 2, &value, &err));
    CHECK(value == 42);
    CHECK(!kusto_rows_next(rows) && !kusto_rows_next_table(rows) && !kusto_rows_text(rows, 0, NULL));
    CHECK(kusto_rows_json(rows, &len) != NULL && strlen(kusto_rows_json(rows, NULL)) == len);
    CHECK(strstr(kusto_rows_json(rows, NULL), "größer") != NULL);
    kusto_rows_free(rows);
}

static void dynamic_values_are_json(void)
{
    static const char *texts[] = {"\"123\"", "123", "\"true\"", "true", "\"[1,2]\"", "[1,2]", "\"\"", "{\"n\":9007199254740993}"};
    kusto_rows *rows = rows_of("print dynamic('123'), dynamic(123), dynamic('true'), dynamic(true), dynamic('[1,2]'), dynamic([1,2]), "
                               "dynamic(''), dynamic({\"n\":9007199254740993})");
    CHECK(kusto_rows_next(rows));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        CHECK(is(kusto_rows_text(rows, i, NULL), texts[i]));
    }
    CHECK(kusto_rows_size(rows) > 100 && kusto_rows_size(NULL) == 0);
    kusto_rows_free(rows);
}

static void commands_work_without_a_database_and_with_options(void)
{
    kusto_request_options *options = NULL;
    kusto_rows *rows = NULL;
    CHECK_OK(kusto_request_options_new(&options, &err));
    CHECK_OK(kusto_request_options_set(options, "servertimeout", KUSTO_CSTR, "00:01:00", KUSTO_CSTR, &err));
    CHECK_OK(kusto_request_options_set(options, "notruncation", KUSTO_CSTR, "true", KUSTO_CSTR, &err));
    CHECK_OK(kusto_request_options_set_client_request_id(options, "capi;test", KUSTO_CSTR, &err));
    CHECK_OK(kusto_execute(client, NULL, 0, ".show version", KUSTO_CSTR, options, PATIENCE, &rows, &err));
    CHECK(kusto_rows_next(rows) && kusto_rows_columns(rows) > 0);
    kusto_rows_free(rows);
    kusto_request_options_free(options);
}

static void commands_are_written_with_names_and_types(void)
{
    kusto_command *command = NULL;
    char table[128], text[256];
    size_t len = 7;
    unique_name(table, sizeof table, "made by command");
    CHECK_OK(kusto_command_create_table(table, KUSTO_CSTR, &command, &err));
    CHECK(kusto_command_text(command, &len) == NULL && len == 0);
    CHECK_OK(kusto_command_add_column(command, "größe x", KUSTO_CSTR, "System.Int64", KUSTO_CSTR, &err));
    CHECK_OK(kusto_command_add_column(command, "b", KUSTO_CSTR, "dynamic", KUSTO_CSTR, &err));
    CHECK_REFUSES("type_name", kusto_command_add_column(command, "c", KUSTO_CSTR, "System.Nope", KUSTO_CSTR, &err));
    CHECK_REFUSES("columns", kusto_command_add_column(command, "b", KUSTO_CSTR, "long", KUSTO_CSTR, &err));
    snprintf(text, sizeof text, ".create table ['%s'] (['größe x']:long, ['b']:dynamic)", table);
    CHECK(is(kusto_command_text(command, NULL), text));
    execute(client, kusto_command_text(command, NULL));
    kusto_command_free(command);

    CHECK_OK(kusto_command_create_mapping(table, KUSTO_CSTR, KUSTO_FORMAT_TSV, "m 1.x", KUSTO_CSTR,
                                          "[{\"Column\":\"b\",\"Properties\":{\"Ordinal\":\"0\"}}]", KUSTO_CSTR, 0,
                                          &command, &err));
    CHECK(strstr(kusto_command_text(command, NULL), "ingestion csv mapping") != NULL);
    CHECK_REFUSES("command", kusto_command_add_column(command, "c", KUSTO_CSTR, "long", KUSTO_CSTR, &err));
    execute(client, kusto_command_text(command, NULL));
    kusto_command_free(command);
    CHECK_REFUSES("mapping", kusto_command_create_mapping(table, KUSTO_CSTR, KUSTO_FORMAT_CSV, "m", KUSTO_CSTR, "{}",
                                                          KUSTO_CSTR, 1, &command, &err));
    CHECK_REFUSES("format", kusto_command_create_mapping(table, KUSTO_CSTR, 99, "m", KUSTO_CSTR, "[]", KUSTO_CSTR, 1,
                                                         &command, &err));
    CHECK_REFUSES("table", kusto_command_create_table("", KUSTO_CSTR, &command, &err));
    CHECK(command == NULL);
    drop_table(client, table);
}

static void service_errors_are_told_apart(void)
{
    kusto_error *err = NULL;
    kusto_rows *rows = NULL;
    CHECK(kusto_execute(client, database(), KUSTO_CSTR, "NoSuchTable | count", KUSTO_CSTR, NULL, PATIENCE, &rows,
                        &err) != KUSTO_OK);
    CHECK(rows == NULL && kusto_error_host(err, NULL) != NULL && kusto_error_http_status(err) == 400);
    CHECK(kusto_error_retry(err) == KUSTO_RETRY_NEVER && !kusto_error_in_doubt(err));
    CHECK(kusto_error_client_request_id(err, NULL) != NULL || kusto_error_activity_id(err, NULL) != NULL);
    kusto_error_free(err);
    CHECK_STATUS(KUSTO_E_TIMED_OUT,
                 kusto_execute(client, database(), KUSTO_CSTR, "print 1", KUSTO_CSTR, NULL, 0, NULL, &err));
}

/* ---- status ---------------------------------------------------------------------------------------------- */

static void a_token_outlives_its_client(void)
{
    char table[128], token[1024];
    kusto_client *first = client_of(connection());
    kusto_props *props;
    kusto_result *result = NULL;
    kusto_report *report = NULL;
    create_table(client, table, sizeof table, "token");
    props = props_for(table);
    CHECK_OK(kusto_ingest_bytes(first, props, (const uint8_t *)"1,a\n", 4, PATIENCE, &result, &err));
    snprintf(token, sizeof token, "%s", kusto_result_tracking_token(result, NULL));
    kusto_client_free(first);

    CHECK_OK(kusto_track(client, token, KUSTO_CSTR, PATIENCE, &report, &err));
    CHECK(kusto_report_len(report) == 1);
    kusto_report_free(report);
    CHECK_OK(kusto_track_until_final(client, token, KUSTO_CSTR, 20, PATIENCE, &report, &err));
    CHECK(kusto_report_item_state(report, 0) == KUSTO_ITEM_SUCCEEDED);
    CHECK(is(kusto_report_item_source_id(report, 0, NULL), kusto_result_source_id(result, NULL)));
    CHECK(is(kusto_report_item_table(report, 0, NULL), table));
    CHECK(is(kusto_report_item_database(report, 0, NULL), database()));
    CHECK(kusto_report_item_state(report, 1) == -1 && kusto_report_item_table(report, 1, NULL) == NULL);
    CHECK(strstr(kusto_report_json(report, NULL), "\"Succeeded\"") != NULL);
    kusto_report_free(report);
    kusto_result_free(result);
    kusto_props_free(props);
    drop_table(client, table);
}

static void an_unknown_table_is_a_failure_with_a_code(void)
{
    kusto_props *props = props_for("no such table");
    kusto_result *result = NULL;
    kusto_report *report = NULL;
    CHECK_OK(kusto_ingest_bytes(client, props, (const uint8_t *)"1,a\n", 4, PATIENCE, &result, &err));
    CHECK_OK(kusto_track_until_final(client, kusto_result_tracking_token(result, NULL), KUSTO_CSTR, 20, PATIENCE,
                                     &report, &err));
    CHECK(kusto_report_count(report, KUSTO_ITEM_FAILED) == 1);
    CHECK(kusto_report_item_error_code(report, 0, NULL) != NULL);
    CHECK(kusto_report_item_details(report, 0, NULL) != NULL);
    CHECK(kusto_report_item_retry(report, 0) == KUSTO_RETRY_NEVER);
    kusto_report_free(report);
    kusto_result_free(result);
    kusto_props_free(props);
}

static void without_a_status_table_nothing_is_waited_for(void)
{
    kusto_props *props = props_for("no such table");
    kusto_result *result = NULL;
    kusto_report *report = NULL;
    const char *token;
    CHECK_OK(kusto_props_set_reporting(props, KUSTO_REPORT_NONE, KUSTO_VIA_QUEUE, &err));
    CHECK_OK(kusto_ingest_bytes(client, props, (const uint8_t *)"1,a\n", 4, PATIENCE, &result, &err));
    token = kusto_result_tracking_token(result, NULL);
    CHECK_REFUSES_WITH(KUSTO_E_INVALID_STATE, "reportMethod",
                       kusto_track_until_final(client, token, KUSTO_CSTR, 20, PATIENCE, &report, &err));
    CHECK_OK(kusto_track(client, token, KUSTO_CSTR, PATIENCE, &report, &err));
    CHECK(kusto_report_count(report, KUSTO_ITEM_QUEUED) == 1);
    kusto_report_free(report);
    kusto_result_free(result);
    kusto_props_free(props);
}

typedef kusto_status outcomes_fn(const kusto_client *, int32_t, const char *, size_t, size_t, int64_t,
                                 kusto_report **, kusto_error **);

/* Asks until there is a notification. */
static kusto_report *await_outcome(outcomes_fn *ask, int32_t which, const char *token)
{
    int64_t deadline = milliseconds_now() + PATIENCE;
    kusto_report *report = NULL;
    for (;;) {
        CHECK_OK(ask(client, which, token, KUSTO_CSTR, 32, PATIENCE, &report, &err));
        if (kusto_report_len(report) > 0 || milliseconds_now() > deadline)
            return report;
        kusto_report_free(report);
        breathe();
    }
}

static void outcomes_are_peeked_and_taken(int32_t which, const char *table, int32_t state)
{
    kusto_props *props = props_for(table);
    kusto_result *result = NULL;
    kusto_report *report;
    const char *token, *id;
    CHECK_OK(kusto_props_set_reporting(props, KUSTO_REPORT_ALL, KUSTO_VIA_QUEUE, &err));
    CHECK_OK(kusto_ingest_bytes(client, props, (const uint8_t *)"1,a\n", 4, PATIENCE, &result, &err));
    token = kusto_result_tracking_token(result, NULL);
    id = kusto_result_source_id(result, NULL);

    report = await_outcome(kusto_outcomes_peek, which, token);
    CHECK(kusto_report_len(report) == 1 && kusto_report_item_state(report, 0) == state);
    CHECK(is(kusto_report_item_source_id(report, 0, NULL), id));
    CHECK(kusto_report_item_source_path(report, 0, NULL) != NULL);
    CHECK(strchr(kusto_report_item_source_path(report, 0, NULL), '?') == NULL);
    kusto_report_free(report);

    report = await_outcome(kusto_outcomes_take, which, token);
    CHECK(kusto_report_len(report) == 1 && is(kusto_report_item_source_id(report, 0, NULL), id));
    kusto_report_free(report);
    CHECK_OK(kusto_outcomes_peek(client, which, token, KUSTO_CSTR, 32, PATIENCE, &report, &err));
    CHECK(kusto_report_len(report) == 0);
    kusto_report_free(report);
    kusto_result_free(result);
    kusto_props_free(props);
}

static void failures_are_peeked_and_taken(void)
{
    outcomes_are_peeked_and_taken(KUSTO_OUTCOME_FAILURES, "no such table", KUSTO_ITEM_FAILED);
}

static void successes_are_peeked_and_taken(void)
{
    char table[128];
    create_table(client, table, sizeof table, "outcomes");
    outcomes_are_peeked_and_taken(KUSTO_OUTCOME_SUCCESSES, table, KUSTO_ITEM_SUCCEEDED);
    drop_table(client, table);
}

static void warming_up_reaches_the_service(void)
{
    CHECK_OK(kusto_client_warm_up(client, PATIENCE, &err));
    CHECK_STATUS(KUSTO_E_TIMED_OUT, kusto_client_warm_up(client, 0, &err));
}

int main(void)
{
    if (connection() == NULL)
        return skip_all(10);
    client = client_of(connection());
    RUN(warming_up_reaches_the_service);
    RUN(rows_have_names_types_and_nulls);
    RUN(dynamic_values_are_json);
    RUN(commands_work_without_a_database_and_with_options);
    RUN(commands_are_written_with_names_and_types);
    RUN(service_errors_are_told_apart);
    RUN(a_token_outlives_its_client);
    RUN(an_unknown_table_is_a_failure_with_a_code);
    RUN(without_a_status_table_nothing_is_waited_for);
    RUN(failures_are_peeked_and_taken);
    RUN(successes_are_peeked_and_taken);
    kusto_client_free(client);
    return harness_end();
}
