/* Any file into a table, with progress, a deadline and Ctrl-C.
 *
 * ingest_file TABLE FILE [FORMAT]; KUSTO_CONNECTION_STRING and KUSTO_DATABASE as in quickstart. */
#include <kusto_ingest.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEADLINE ((int64_t)600000)

static kusto_cancel *cancel;

/* kusto_cancel_signal is made for handlers: it takes no lock and no memory. */
static void interrupt(int number)
{
    (void)number;
    kusto_cancel_signal(cancel);
}

/* Prints a failure and ends the program. */
static void must(kusto_status status, kusto_error *error)
{
    if (status != KUSTO_OK) {
        fprintf(stderr, "%s: %s\n", kusto_status_name(status), kusto_error_message(error, NULL));
        exit(EXIT_FAILURE);
    }
}

static kusto_client *connect_to(const char *connection_string)
{
    kusto_config *config = NULL;
    kusto_client *client = NULL;
    kusto_error *error = NULL;
    must(kusto_config_parse(connection_string, KUSTO_CSTR, &config, &error), error);
    must(kusto_client_new(config, &client, &error), error);
    kusto_config_free(config);
    return client;
}

/* Called on a thread of the library, one call at a time. Off a terminal it writes few lines. */
static void KUSTO_CALL show_progress(void *user_data, uint64_t read, uint64_t sent, uint64_t total)
{
    static uint64_t shown;
    const int on_terminal = isatty(STDERR_FILENO);
    (void)user_data;
    if (!on_terminal && read - shown < total / 4 && sent == 0)
        return;
    shown = read;
    fprintf(stderr, "%sread %llu of %llu bytes, sent %llu%s", on_terminal ? "\r" : "", (unsigned long long)read,
            (unsigned long long)total, (unsigned long long)sent, on_terminal ? "" : "\n");
}

/* Ctrl-C ends the blocking calls of this thread. */
static void obey_interrupts(void)
{
    struct sigaction on_interrupt;
    kusto_error *error = NULL;
    must(kusto_cancel_new(&cancel, &error), error);
    must(kusto_cancel_use(cancel, &error), error);
    memset(&on_interrupt, 0, sizeof on_interrupt);
    on_interrupt.sa_handler = interrupt;
    sigaction(SIGINT, &on_interrupt, NULL);
}

static kusto_status ingest(kusto_client *client, const kusto_props *props, const char *file, kusto_result **result)
{
    kusto_source *source = NULL;
    kusto_error *error = NULL;
    kusto_status status;
    must(kusto_source_file(file, KUSTO_CSTR, &source, &error), error);
    must(kusto_source_set_progress(source, show_progress, NULL, NULL, &error), error);
    status = kusto_ingest(client, props, source, DEADLINE, result, &error);
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\n");
    if (status != KUSTO_OK)
        fprintf(stderr, "%s: %s\n", kusto_status_name(status), kusto_error_message(error, NULL));
    kusto_error_free(error);
    return status;
}

/* Waits for the final status of the data; true if it was ingested. */
static int is_ingested(kusto_client *client, const kusto_result *result)
{
    const char *token = kusto_result_tracking_token(result, NULL);
    kusto_report *report = NULL;
    kusto_error *error = NULL;
    int succeeded;
    must(kusto_track_until_final(client, token, KUSTO_CSTR, 250, DEADLINE, &report, &error), error);
    succeeded = kusto_report_count(report, KUSTO_ITEM_SUCCEEDED) == 1;
    if (succeeded) {
        printf("Succeeded\n");
    } else {
        const char *details = kusto_report_item_details(report, 0, NULL);
        printf("not ingested: %s\n", details ? details : kusto_report_json(report, NULL));
    }
    kusto_report_free(report);
    return succeeded;
}

int main(int argc, char **argv)
{
    const char *connection_string = getenv("KUSTO_CONNECTION_STRING"), *database = getenv("KUSTO_DATABASE");
    kusto_client *client;
    kusto_props *props = NULL;
    kusto_result *result = NULL;
    kusto_error *error = NULL;
    int succeeded = 0;
    if (argc < 3 || argc > 4 || connection_string == NULL || database == NULL) {
        fprintf(stderr, "usage: ingest_file TABLE FILE [FORMAT]\n"
                        "with KUSTO_CONNECTION_STRING and KUSTO_DATABASE set\n");
        return EXIT_FAILURE;
    }
    obey_interrupts();
    client = connect_to(connection_string);
    must(kusto_props_new(database, KUSTO_CSTR, argv[1], KUSTO_CSTR, &props, &error), error);
    must(kusto_props_set_reporting(props, KUSTO_REPORT_ALL, KUSTO_VIA_TABLE, &error), error);
    if (argc == 4)
        must(kusto_props_set(props, "format", KUSTO_CSTR, argv[3], KUSTO_CSTR, &error), error);

    if (ingest(client, props, argv[2], &result) == KUSTO_OK) {
        /* Queued data cannot be cancelled: from here on Ctrl-C only ends the program. */
        signal(SIGINT, SIG_DFL);
        printf("queued %llu bytes (%llu sent) as %s\n", (unsigned long long)kusto_result_bytes_raw(result),
               (unsigned long long)kusto_result_bytes_sent(result), kusto_result_source_id(result, NULL));
        succeeded = is_ingested(client, result);
    }
    kusto_result_free(result);
    kusto_props_free(props);
    kusto_client_free(client);
    signal(SIGINT, SIG_DFL);
    kusto_cancel_free(cancel);
    return succeeded ? EXIT_SUCCESS : EXIT_FAILURE;
}
