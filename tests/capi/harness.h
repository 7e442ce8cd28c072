/* Shared by the C tests: checks, counting, and common operations on a service.
 *
 * A program ends with the line `N passed, N failed, N skipped` and fails when a check did. Tests that
 * need a service take its connection string from KUSTO_TEST_CONNECTION_STRING, else
 * KUSTO_CONNECTION_STRING, and its database from KUSTO_TEST_DATABASE, else KUSTO_DATABASE; without
 * one they are skipped. */
#ifndef HARNESS_H
#define HARNESS_H

#include <kusto_ingest.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LEN(array) (sizeof(array) / sizeof(array)[0])

/* Long enough for a slow machine under valgrind; no test waits so long unless it fails. */
#define PATIENCE ((int64_t)120000)

static int harness_passed, harness_failed, harness_skipped, harness_wrong, harness_was_skipped;

static int harness_check(int holds, const char *what, const char *file, int line)
{
    if (!holds) {
        fprintf(stderr, "%s:%d: %s\n", file, line, what);
        harness_wrong = 1;
    }
    return holds;
}

#define CHECK(condition) harness_check((condition) ? 1 : 0, #condition, __FILE__, __LINE__)

/* The call must end with this status; an error that comes with it is shown if it does not, and freed. */
#define CHECK_STATUS(expected, call) \
    do { \
        kusto_error *err = NULL; \
        kusto_status got = (call); \
        if (!harness_check(got == (expected), #call " gives " #expected, __FILE__, __LINE__)) \
            fprintf(stderr, "    %s: %s\n", kusto_status_name(got), kusto_error_message(err, NULL)); \
        harness_check((err != NULL) == (got != KUSTO_OK), #call ": error and status agree", __FILE__, __LINE__); \
        kusto_error_free(err); \
    } while (0)

#define CHECK_OK(call) CHECK_STATUS(KUSTO_OK, call)

/* As CHECK_STATUS, and the error names the argument. */
#define CHECK_REFUSES(argument, call) CHECK_REFUSES_WITH(KUSTO_E_INVALID_ARGUMENT, argument, call)

#define CHECK_REFUSES_WITH(expected, argument, call) \
    do { \
        kusto_error *err = NULL; \
        kusto_status got = (call); \
        const char *named; \
        harness_check(got == (expected), #call " gives " #expected, __FILE__, __LINE__); \
        named = kusto_error_argument(err, NULL); \
        if (!harness_check(named != NULL && strcmp(named, argument) == 0, \
                           #call " names " argument, __FILE__, __LINE__)) \
            fprintf(stderr, "    %s\n", kusto_error_message(err, NULL)); \
        kusto_error_free(err); \
    } while (0)

/* Whether a text that may be NULL is this one. */
static inline int is(const char *text, const char *expected)
{
    return text != NULL && strcmp(text, expected) == 0;
}

#define RUN(test) harness_run(#test, test)

static void harness_run(const char *name, void (*test)(void))
{
    harness_wrong = harness_was_skipped = 0;
    test();
    if (harness_wrong) {
        printf("  FAIL  %s\n", name);
        harness_failed++;
    } else if (!harness_was_skipped) {
        printf("  ok    %s\n", name);
        harness_passed++;
    }
    fflush(stdout);
}

/* Declares the running test to be skipped. */
static inline void skip(const char *name, const char *reason)
{
    printf("SKIP %s: %s\n", name, reason);
    harness_was_skipped = 1;
    harness_skipped++;
}

static int harness_end(void)
{
    printf("%d passed, %d failed, %d skipped\n", harness_passed, harness_failed, harness_skipped);
    return harness_failed > 0;
}

static const char *harness_setting(const char *name, const char *other, const char *otherwise)
{
    const char *value = getenv(name);
    if (value == NULL || *value == '\0')
        value = getenv(other);
    return value == NULL || *value == '\0' ? otherwise : value;
}

static inline const char *connection(void)
{
    return harness_setting("KUSTO_TEST_CONNECTION_STRING", "KUSTO_CONNECTION_STRING", NULL);
}

static inline const char *database(void)
{
    return harness_setting("KUSTO_TEST_DATABASE", "KUSTO_DATABASE", "NetDefaultDB");
}

/* Counts the tests of a program that has no service to talk to. */
static inline int skip_all(int tests)
{
    printf("SKIP service tests: KUSTO_TEST_CONNECTION_STRING is not set\n");
    harness_skipped += tests;
    return harness_end();
}

static inline kusto_client *client_of(const char *connection_string)
{
    kusto_config *config = NULL;
    kusto_client *client = NULL;
    CHECK_OK(kusto_config_parse(connection_string, KUSTO_CSTR, &config, &err));
    CHECK_OK(kusto_client_new(config, &client, &err));
    kusto_config_free(config);
    return client;
}

/* A client of an address at which nothing listens: port 1 is reserved. It does not wait for somebody to. */
static inline kusto_client *dead_client(void)
{
    kusto_config *config = NULL;
    kusto_client *client = NULL;
    CHECK_OK(kusto_config_parse("Data Source=http://127.0.0.1:1;Fed=false", KUSTO_CSTR, &config, &err));
    CHECK_OK(kusto_config_set(config, "retry time", KUSTO_CSTR, "0", KUSTO_CSTR, &err));
    CHECK_OK(kusto_client_new(config, &client, &err));
    kusto_config_free(config);
    return client;
}

static inline int64_t milliseconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The pause of a poll: whoever calls it asks again and has a deadline. */
static inline void breathe(void)
{
    struct timespec pause = {0, 10 * 1000 * 1000};
    nanosleep(&pause, NULL);
}

/* A name that no other test uses; `like` may contain any character but quotes. */
static inline void unique_name(char *out, size_t size, const char *like)
{
    static int count;
    snprintf(out, size, "%s_%ld_%lld_%d", like, (long)getpid(), (long long)milliseconds_now(), count++);
}

static inline void execute(kusto_client *client, const char *text)
{
    CHECK_OK(kusto_execute(client, database(), KUSTO_CSTR, text, KUSTO_CSTR, NULL, PATIENCE, NULL, &err));
}

static inline void create_table(kusto_client *client, char *name, size_t size, const char *like)
{
    char text[512];
    unique_name(name, size, like);
    snprintf(text, sizeof text, ".create table ['%s'] (id:long, text:string)", name);
    execute(client, text);
}

static inline void drop_table(kusto_client *client, const char *name)
{
    char text[512];
    snprintf(text, sizeof text, ".drop table ['%s'] ifexists", name);
    execute(client, text);
}

/* The first value of the answer; -1 if there is none. */
static inline int64_t number(kusto_client *client, const char *text)
{
    kusto_rows *rows = NULL;
    int64_t value = -1;
    CHECK_OK(kusto_execute(client, database(), KUSTO_CSTR, text, KUSTO_CSTR, NULL, PATIENCE, &rows, &err));
    if (kusto_rows_next(rows))
        CHECK_OK(kusto_rows_int64(rows, 0, &value, &err));
    kusto_rows_free(rows);
    return value;
}

static inline int64_t count_rows(kusto_client *client, const char *table)
{
    char text[512];
    snprintf(text, sizeof text, "['%s'] | count", table);
    return number(client, text);
}

/* CSV into this table, reported to the status table, without waiting for more data. */
static inline kusto_props *props_for(const char *table)
{
    kusto_props *props = NULL;
    CHECK_OK(kusto_props_new(database(), KUSTO_CSTR, table, KUSTO_CSTR, &props, &err));
    CHECK_OK(kusto_props_set_format(props, KUSTO_FORMAT_CSV, &err));
    CHECK_OK(kusto_props_set_reporting(props, KUSTO_REPORT_ALL, KUSTO_VIA_TABLE, &err));
    CHECK_OK(kusto_props_set(props, "flushImmediately", KUSTO_CSTR, "true", KUSTO_CSTR, &err));
    return props;
}

/* Waits until the service is done with an ingestion, and frees its result. All items must get there. */
static inline void expect_final(kusto_client *client, kusto_result *result, int32_t state)
{
    kusto_report *report = NULL;
    const char *token = kusto_result_tracking_token(result, NULL);
    if (CHECK(token != NULL)) {
        CHECK_OK(kusto_track_until_final(client, token, KUSTO_CSTR, 20, PATIENCE, &report, &err));
        if (!CHECK(kusto_report_count(report, state) == kusto_result_len(result)))
            fprintf(stderr, "    %s\n", kusto_report_json(report, NULL));
    }
    kusto_report_free(report);
    kusto_result_free(result);
}

static inline void ingest_text(kusto_client *client, const char *table, const char *csv)
{
    kusto_props *props = props_for(table);
    kusto_result *result = NULL;
    CHECK_OK(kusto_ingest_bytes(client, props, (const uint8_t *)csv, strlen(csv), PATIENCE, &result, &err));
    expect_final(client, result, KUSTO_ITEM_SUCCEEDED);
    kusto_props_free(props);
}

/* A `drop` that counts. Callbacks of the library's threads are ordered with the reader by what the
 * test waits for; the counter is atomic nevertheless. */
static inline void count_drop(void *counter)
{
    __sync_fetch_and_add((int *)counter, 1);
}

static inline int read_count(int *counter)
{
    return __sync_fetch_and_add(counter, 0);
}

/* Waits until a counter has a value. */
static inline int reaches(int *counter, int value)
{
    int64_t deadline = milliseconds_now() + PATIENCE;
    while (read_count(counter) < value && milliseconds_now() < deadline)
        breathe();
    return read_count(counter) == value;
}

#endif
