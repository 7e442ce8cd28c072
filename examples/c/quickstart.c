/* The Kusto.Ingest tutorial: a table, a JSON mapping, ten lines from memory, and their outcome.
 *
 * KUSTO_CONNECTION_STRING names the cluster, KUSTO_DATABASE the database. `--login interactive` logs in by the
 * browser, `--login device` by a code, `--login NAME` as the keyword `Login` has it; else the connection string says how.
 *
 *   cc quickstart.c $(pkg-config --cflags --libs kusto_ingest) -Wl,-rpath,DIR/lib -o quickstart
 *
 * with PKG_CONFIG_PATH=DIR/lib/pkgconfig, where DIR is what the library was installed below. */
#include <kusto_ingest.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MINUTE ((int64_t)60000)

static const char *database;

/* Prints a failure and ends the program. */
static void must(kusto_status status, kusto_error *error)
{
    if (status != KUSTO_OK) {
        fprintf(stderr, "%s: %s\n", kusto_status_name(status), kusto_error_message(error, NULL));
        exit(EXIT_FAILURE);
    }
}

static void run(kusto_client *client, const char *command)
{
    kusto_error *error = NULL;
    must(kusto_execute(client, database, KUSTO_CSTR, command, KUSTO_CSTR, NULL, MINUTE, NULL, &error), error);
}

static void run_and_free(kusto_client *client, kusto_command *command)
{
    run(client, kusto_command_text(command, NULL));
    kusto_command_free(command);
}

static void create_table_and_mapping(kusto_client *client)
{
    static const char *const columns[][2] = {
        {"Column1", "System.Int64"}, {"Column2", "System.DateTime"}, {"Column3", "System.String"}};
    static const char mapping[] = "[{\"Column\":\"Column1\",\"Properties\":{\"Path\":\"$.Id\"}},"
                                  "{\"Column\":\"Column2\",\"Properties\":{\"Path\":\"$.Timestamp\"}},"
                                  "{\"Column\":\"Column3\",\"Properties\":{\"Path\":\"$.Message\"}}]";
    kusto_command *command = NULL;
    kusto_error *error = NULL;
    size_t i;
    must(kusto_command_create_table("Table1", KUSTO_CSTR, &command, &error), error);
    for (i = 0; i < sizeof columns / sizeof columns[0]; i++)
        must(kusto_command_add_column(command, columns[i][0], KUSTO_CSTR, columns[i][1], KUSTO_CSTR, &error), error);
    run_and_free(client, command);
    must(kusto_command_create_mapping("Table1", KUSTO_CSTR, KUSTO_FORMAT_JSON, "Table1_mapping", KUSTO_CSTR,
                                      mapping, KUSTO_CSTR, 1, &command, &error), error);
    run_and_free(client, command);
}

/* Hands the lines over; the result has the id under which their outcome is reported. */
static kusto_result *ingest_ten_lines(kusto_client *client)
{
    char lines[2048];
    size_t length = 0;
    int n;
    kusto_props *props = NULL;
    kusto_result *result = NULL;
    kusto_error *error = NULL;
    for (n = 0; n < 10; n++)
        length += (size_t)snprintf(lines + length, sizeof lines - length,
                                   "{\"Id\":%d,\"Timestamp\":\"2026-01-01T00:00:%02dZ\","
                                   "\"Message\":\"This is a test message %d\"}\n", n, n, n);

    must(kusto_props_new(database, KUSTO_CSTR, "Table1", KUSTO_CSTR, &props, &error), error);
    must(kusto_props_set_format(props, KUSTO_FORMAT_JSON, &error), error);
    must(kusto_props_set_mapping_ref(props, "Table1_mapping", KUSTO_CSTR, &error), error);
    must(kusto_props_set_reporting(props, KUSTO_REPORT_ALL, KUSTO_VIA_QUEUE, &error), error);
    must(kusto_ingest_bytes(client, props, (const uint8_t *)lines, length, MINUTE, &result, &error), error);
    kusto_props_free(props);
    printf("queued %llu bytes as %s\n", (unsigned long long)kusto_result_bytes_raw(result),
           kusto_result_source_id(result, NULL));
    return result;
}

/* Takes our own notifications out of one of the queues and prints them; returns how many there were. */
static size_t print_outcomes(kusto_client *client, int32_t which, const char *label, const char *token)
{
    kusto_report *report = NULL;
    kusto_error *error = NULL;
    size_t i, count;
    must(kusto_outcomes_take(client, which, token, KUSTO_CSTR, 32, MINUTE, &report, &error), error);
    count = kusto_report_len(report);
    for (i = 0; i < count; i++) {
        const char *path = kusto_report_item_source_path(report, i, NULL);
        const char *details = kusto_report_item_details(report, i, NULL);
        printf("%s: %s %s\n", label, path ? path : "?", details ? details : "");
    }
    kusto_report_free(report);
    return count;
}

/* Waits for the service to report; true if it reports success. */
static int wait_for_outcome(kusto_client *client, kusto_result *result)
{
    const char *token = kusto_result_tracking_token(result, NULL);
    const struct timespec pause = {0, 250 * 1000 * 1000};
    time_t deadline = time(NULL) + 60;
    do {
        if (print_outcomes(client, KUSTO_OUTCOME_FAILURES, "Failed", token) > 0)
            return 0;
        if (print_outcomes(client, KUSTO_OUTCOME_SUCCESSES, "Succeeded", token) > 0)
            return 1;
        nanosleep(&pause, NULL);
    } while (time(NULL) < deadline);
    fprintf(stderr, "the service reported nothing within a minute\n");
    return 0;
}

static void print_rows(kusto_client *client, const char *query)
{
    kusto_rows *rows = NULL;
    kusto_error *error = NULL;
    size_t column;
    must(kusto_execute(client, database, KUSTO_CSTR, query, KUSTO_CSTR, NULL, MINUTE, &rows, &error), error);
    while (kusto_rows_next(rows)) {
        for (column = 0; column < kusto_rows_columns(rows); column++) {
            const char *text = kusto_rows_text(rows, column, NULL);
            printf("  %s", text ? text : "null");
        }
        printf("\n");
    }
    kusto_rows_free(rows);
}

static int32_t KUSTO_CALL show_code(void *user_data, int32_t kind, const char *url, size_t url_len, const char *code,
                                    size_t code_len, const char *message, size_t message_len, int64_t expires_on)
{
    (void)user_data, (void)kind, (void)url, (void)url_len, (void)code, (void)code_len, (void)message_len;
    (void)expires_on;
    fprintf(stderr, "%s\n", message);
    return KUSTO_PROMPTED_SHOWN;
}

static void log_in(kusto_config *config, const char *login)
{
    kusto_credential *credential = NULL;
    kusto_error *error = NULL;
    if (strcmp(login, "interactive") == 0)
        must(kusto_credential_interactive(NULL, 0, NULL, 0, NULL, NULL, NULL, &credential, &error), error);
    else if (strcmp(login, "device") == 0)
        must(kusto_credential_device_code(NULL, 0, show_code, NULL, NULL, &credential, &error), error);
    else
        must(kusto_config_set(config, "Login", KUSTO_CSTR, login, KUSTO_CSTR, &error), error);
    if (credential != NULL)
        must(kusto_config_set_credential(config, credential, &error), error);
    kusto_credential_free(credential);
}

int main(int argc, char **argv)
{
    const char *connection_string = getenv("KUSTO_CONNECTION_STRING");
    kusto_config *config = NULL;
    kusto_client *client = NULL;
    kusto_result *result;
    kusto_error *error = NULL;
    int succeeded;
    database = getenv("KUSTO_DATABASE");
    if (connection_string == NULL || database == NULL) {
        fprintf(stderr, "set KUSTO_CONNECTION_STRING and KUSTO_DATABASE\n");
        return EXIT_FAILURE;
    }
    must(kusto_config_parse(connection_string, KUSTO_CSTR, &config, &error), error);
    if (argc == 3 && strcmp(argv[1], "--login") == 0)
        log_in(config, argv[2]);
    must(kusto_client_new(config, &client, &error), error);
    kusto_config_free(config);

    create_table_and_mapping(client);
    result = ingest_ten_lines(client);
    succeeded = wait_for_outcome(client, result);
    print_rows(client, "Table1 | order by Column1 asc");

    kusto_result_free(result);
    kusto_client_free(client);
    return succeeded ? EXIT_SUCCESS : EXIT_FAILURE;
}
