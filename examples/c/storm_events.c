/* The StormEvents tutorial: a blob with a header row into a table of 22 columns.
 *
 * storm_events BLOB_URL RAW_SIZE; KUSTO_CONNECTION_STRING and KUSTO_DATABASE as in quickstart. */
#include <kusto_ingest.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define LIMIT ((int64_t)300000)

/* Name, type and position in the file; position 15 is not in the table. */
static const struct {
    const char *name, *type;
    int ordinal;
} columns[] = {
    {"StartTime", "datetime", 0},         {"EndTime", "datetime", 1},        {"EpisodeId", "int", 2},
    {"EventId", "int", 3},                {"State", "string", 4},            {"EventType", "string", 5},
    {"InjuriesDirect", "int", 6},         {"InjuriesIndirect", "int", 7},    {"DeathsDirect", "int", 8},
    {"DeathsIndirect", "int", 9},         {"DamageProperty", "int", 10},     {"DamageCrops", "int", 11},
    {"Source", "string", 12},             {"BeginLocation", "string", 13},   {"EndLocation", "string", 14},
    {"BeginLat", "real", 16},             {"BeginLon", "real", 17},          {"EndLat", "real", 18},
    {"EndLon", "real", 19},               {"EpisodeNarrative", "string", 20}, {"EventNarrative", "string", 21},
    {"StormSummary", "dynamic", 22},
};
#define COLUMNS (sizeof columns / sizeof columns[0])

static const char *database;

/* Prints a failure and ends the program. */
static void must(kusto_status status, kusto_error *error)
{
    if (status != KUSTO_OK) {
        fprintf(stderr, "%s: %s\n", kusto_status_name(status), kusto_error_message(error, NULL));
        exit(EXIT_FAILURE);
    }
}

static kusto_rows *execute(kusto_client *client, const char *text)
{
    kusto_rows *rows = NULL;
    kusto_error *error = NULL;
    must(kusto_execute(client, database, KUSTO_CSTR, text, KUSTO_CSTR, NULL, LIMIT, &rows, &error), error);
    return rows;
}

static void create_table_and_mapping(kusto_client *client)
{
    char command[4096];
    size_t length, i;
    length = (size_t)snprintf(command, sizeof command, ".create table StormEvents (");
    for (i = 0; i < COLUMNS; i++)
        length += (size_t)snprintf(command + length, sizeof command - length, "%s%s:%s", i ? ", " : "",
                                   columns[i].name, columns[i].type);
    snprintf(command + length, sizeof command - length, ")");
    kusto_rows_free(execute(client, command));

    /* The legacy shape, as in the tutorial. */
    length = (size_t)snprintf(command, sizeof command,
                              ".create-or-alter table StormEvents ingestion csv mapping "
                              "'StormEvents_CSV_Mapping' '[");
    for (i = 0; i < COLUMNS; i++)
        length += (size_t)snprintf(command + length, sizeof command - length,
                                   "%s{\"Name\":\"%s\",\"datatype\":\"%s\",\"Ordinal\":\"%d\"}", i ? "," : "",
                                   columns[i].name, columns[i].type, columns[i].ordinal);
    snprintf(command + length, sizeof command - length, "]'");
    kusto_rows_free(execute(client, command));
}

/* Queues the blob and waits until the service is done with it; true if it was ingested. */
static int ingest_blob(kusto_client *client, const char *url, uint64_t raw_size)
{
    kusto_props *props = NULL;
    kusto_source *source = NULL;
    kusto_result *result = NULL;
    kusto_report *report = NULL;
    kusto_error *error = NULL;
    time_t started = time(NULL);
    int succeeded;

    must(kusto_props_new(database, KUSTO_CSTR, "StormEvents", KUSTO_CSTR, &props, &error), error);
    must(kusto_props_set_format(props, KUSTO_FORMAT_CSV, &error), error);
    must(kusto_props_set_mapping_ref(props, "StormEvents_CSV_Mapping", KUSTO_CSTR, &error), error);
    must(kusto_props_set(props, "ignoreFirstRecord", KUSTO_CSTR, "true", KUSTO_CSTR, &error), error);
    must(kusto_props_set_reporting(props, KUSTO_REPORT_ALL, KUSTO_VIA_TABLE, &error), error);

    must(kusto_source_blobs(&source, &error), error);
    must(kusto_source_blobs_add(source, url, KUSTO_CSTR, raw_size, NULL, 0, &error), error);
    must(kusto_ingest(client, props, source, LIMIT, &result, &error), error);
    printf("queued %s as %s\n", kusto_result_item_blob(result, 0, NULL), kusto_result_source_id(result, NULL));

    must(kusto_track_until_final(client, kusto_result_tracking_token(result, NULL), KUSTO_CSTR, 250, LIMIT,
                                 &report, &error), error);
    succeeded = kusto_report_count(report, KUSTO_ITEM_SUCCEEDED) == 1;
    if (succeeded)
        printf("Succeeded after %ld s\n", (long)(time(NULL) - started));
    else
        fprintf(stderr, "not ingested: %s\n", kusto_report_json(report, NULL));
    kusto_report_free(report);
    kusto_result_free(result);
    kusto_props_free(props);
    return succeeded;
}

static void show(kusto_client *client, const char *title, const char *text)
{
    kusto_rows *rows = execute(client, text);
    size_t column;
    printf("> %s\n  %lu row(s)\n", title, (unsigned long)kusto_rows_len(rows));
    while (kusto_rows_next(rows)) {
        for (column = 0; column < kusto_rows_columns(rows); column++) {
            const char *value = kusto_rows_text(rows, column, NULL);
            printf("  %s", value ? value : "null");
        }
        printf("\n");
    }
    kusto_rows_free(rows);
}

static void troubleshoot(kusto_client *client)
{
    char text[512];
    snprintf(text, sizeof text,
             ".show ingestion failures | where FailedOn > ago(4h) and Database == \"%s\" and "
             "Table == \"StormEvents\"", database);
    show(client, ".show ingestion failures", text);
    snprintf(text, sizeof text,
             ".show operations | where StartedOn > ago(4h) and Database == \"%s\" and "
             "Table == \"StormEvents\" and Operation == \"DataIngestPull\" | "
             "summarize arg_max(LastUpdatedOn, *) by OperationId | project Operation, State", database);
    show(client, ".show operations", text);
}

int main(int argc, char **argv)
{
    const char *connection_string = getenv("KUSTO_CONNECTION_STRING");
    kusto_config *config = NULL;
    kusto_client *client = NULL;
    kusto_error *error = NULL;
    int succeeded;
    database = getenv("KUSTO_DATABASE");
    if (argc != 3 || connection_string == NULL || database == NULL) {
        fprintf(stderr, "usage: storm_events BLOB_URL RAW_SIZE\n"
                        "with KUSTO_CONNECTION_STRING and KUSTO_DATABASE set\n");
        return EXIT_FAILURE;
    }
    must(kusto_config_parse(connection_string, KUSTO_CSTR, &config, &error), error);
    must(kusto_client_new(config, &client, &error), error);
    kusto_config_free(config);

    create_table_and_mapping(client);
    succeeded = ingest_blob(client, argv[1], strtoull(argv[2], NULL, 10));
    show(client, "StormEvents | count", "StormEvents | count");
    troubleshoot(client);
    kusto_rows_free(execute(client, ".drop table StormEvents ifexists"));

    kusto_client_free(client);
    return succeeded ? EXIT_SUCCESS : EXIT_FAILURE;
}
