/* Ships the lines that programs append to a file: each whole line is handed over once, whatever fails.
 *
 * agent FILE --database D --table T [--batch-bytes N] [--batch-seconds S] [--drain-seconds S]
 *
 * KUSTO_CONNECTION_STRING names the cluster; FILE.position says what is done: see examples/README.md. */
#include <kusto_ingest.h>

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { FAILED = 1, WRONG_TABLE = 2, LEFT = 3 };

static const char *file;
enum { DATABASE, TABLE, BATCH_BYTES, BATCH_SECONDS, DRAIN_SECONDS, OPTIONS };
static const char *options[OPTIONS][2] = {
    {"--database", ""}, {"--table", ""}, {"--batch-bytes", "1048576"}, {"--batch-seconds", "5"}, {"--drain-seconds", "10"}};
static long batch_bytes, batch_ms, drain_ms;

static kusto_client *client;
static char position[4000];
/* Random, made once: another file's keys, here or on another machine, are never the same. */
static char id[33];
/* Everything before `start` is done; [start, end) is being sent. */
static long start, end;
/* What was read of the file, from `start` on. */
static char *bytes;
static unsigned long lines, batches;
static volatile sig_atomic_t stopping;

static void stop(int number)
{
    (void)number;
    stopping = 1;
}

static void summary(void)
{
    printf("%lu lines in %lu batches\n", lines, batches);
}

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "agent: %s: %s\n", what, why);
    exit(FAILED);
}

/* Ends the program when a call of the system failed. */
static void check(int holds, const char *what)
{
    if (!holds)
        fail(what, strerror(errno));
}

/* Ends the program when a call of the library failed that needs no service. */
static void must(kusto_status status, kusto_error **error)
{
    if (status != KUSTO_OK)
        fail("the connection or the options", kusto_error_message(*error, NULL));
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Whether the time for the rest is over; it begins when a signal asks for the end. */
static int is_over(void)
{
    static int64_t deadline;
    if (stopping && deadline == 0)
        deadline = now_ms() + drain_ms;
    return stopping && now_ms() >= deadline;
}

static void pause_for(int64_t ms)
{
    const struct timespec moment = {0, 20000000};
    for (ms += now_ms(); now_ms() < ms && !is_over();)
        nanosleep(&moment, NULL);
}

static void make_id(void)
{
    unsigned long long random[2];
    FILE *in = fopen("/dev/urandom", "r");
    check(in != NULL && fread(random, sizeof random, 1, in) == 1, "/dev/urandom");
    fclose(in);
    snprintf(id, sizeof id, "%016llx%016llx", random[0], random[1]);
}

/* Without a position file nothing is done yet. */
static void load_position(void)
{
    FILE *in = fopen(position, "r");
    check(in != NULL || errno == ENOENT, position);
    if (in == NULL)
        make_id();
    else if (fscanf(in, "%32s %ld %ld", id, &start, &end) != 3 || start < 0 || end < start)
        fail(position, "it is not ID START END");
    else
        fclose(in);
}

static void sync_and_close(int opened, const char *name)
{
    check(opened >= 0 && fsync(opened) == 0 && close(opened) == 0, name);
}

/* A new file replaces the old one: a crash leaves one of the two. Both it and its name are on the disk at the end. */
static void save_position(void)
{
    char fresh[4010], directory[4000];
    int out;
    snprintf(fresh, sizeof fresh, "%s.new", position);
    out = open(fresh, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    check(out >= 0 && dprintf(out, "%s %ld %ld\n", id, start, end) > 0, fresh);
    sync_and_close(out, fresh);
    check(rename(fresh, position) == 0, position);
    strcpy(directory, position);
    sync_and_close(open(dirname(directory), O_RDONLY), position);
}

static const char shorter[] = "it is shorter than its position: was it truncated or rotated?";

/* How many bytes there are after `start`. */
static long waiting(void)
{
    struct stat found;
    check(stat(file, &found) == 0, file);
    if (found.st_size < start)
        fail(file, shorter);
    return (long)found.st_size - start;
}

static void read_bytes(long length)
{
    FILE *in = fopen(file, "r");
    bytes = realloc(bytes, (size_t)length + 1);
    check(in != NULL && bytes != NULL && fseek(in, start, SEEK_SET) == 0, file);
    if (fread(bytes, 1, (size_t)length, in) != (size_t)length)
        fail(file, ferror(in) ? strerror(errno) : shorter);
    fclose(in);
}

/* Reads whole lines, and sets `end`. A line longer than a batch is a batch. */
static void read_lines(long size, long limit)
{
    const long length = size < limit ? size : limit;
    read_bytes(length);
    for (end = start + length; end > start && bytes[end - start - 1] != '\n'; end--)
        ;
    if (end == start && length < size)
        read_lines(size, 2 * limit);
}

/* The properties of [start, end). By the key the service recognises what it has already. */
static kusto_props *described(void)
{
    char key[100];
    kusto_props *props = NULL;
    kusto_error *error = NULL;
    snprintf(key, sizeof key, "%s:%ld-%ld", id, start, end);
    must(kusto_props_new(options[DATABASE][1], KUSTO_CSTR, options[TABLE][1], KUSTO_CSTR, &props, &error), &error);
    must(kusto_props_set_format(props, KUSTO_FORMAT_CSV, &error), &error);
    must(kusto_props_set_once(props, key, KUSTO_CSTR, &error), &error);
    return props;
}

typedef enum { CHECK_TABLE, SEND } action;

/* One attempt to check the table, or to send [start, end). At the end of the time for the rest it is cancelled. */
static kusto_status attempt(action what, const kusto_props *props, kusto_error **error)
{
    kusto_source *source = NULL;
    kusto_op *op = NULL;
    kusto_status status;
    if (what == CHECK_TABLE) {
        must(kusto_client_warm_up_table_start(client, props, 60000, NULL, NULL, NULL, &op, error), error);
    } else {
        must(kusto_source_bytes((const uint8_t *)bytes, (size_t)(end - start), NULL, NULL, &source, error), error);
        must(kusto_ingest_start(client, props, source, 120000, NULL, NULL, NULL, &op, error), error);
    }
    while (kusto_op_wait(op, 100, NULL) == KUSTO_E_WOULD_BLOCK)
        if (is_over())
            kusto_op_cancel(op);
    status = kusto_op_wait(op, 0, error);
    kusto_op_free(op);
    return status;
}

/* Repeats attempts until one succeeds; 0 when the time for the rest was over before. A failure that repeating does not
 * mend ends the program. */
static int repeat(action what)
{
    kusto_props *props = described();
    kusto_error *error = NULL;
    int64_t wait = 500;
    while (attempt(what, props, &error) != KUSTO_OK) {
        const int again = kusto_error_retry(error) == KUSTO_RETRY_LATER || kusto_error_in_doubt(error);
        const int64_t asked = kusto_error_retry_after_ms(error);
        fprintf(stderr, "agent: %s\n", kusto_error_message(error, NULL));
        if (!again && !is_over())
            exit(what == CHECK_TABLE ? WRONG_TABLE : FAILED);
        kusto_error_free(error);
        error = NULL;
        pause_for(asked > wait ? asked : wait);
        if (is_over())
            return 0;
        wait = wait < 30000 ? wait * 2 : wait;
    }
    kusto_props_free(props);
    return 1;
}

/* Sends [start, end); 0 when the time for the rest was over before. */
static int ship(void)
{
    const char *byte = bytes;
    save_position();
    if (!repeat(SEND))
        return 0;
    for (; start < end; start++)
        lines += *byte++ == '\n';
    batches++;
    save_position();
    return 1;
}

/* Ships what is due until a signal comes, then the rest; returns whether all of it was handed over. */
static int follow(void)
{
    int64_t since = now_ms();
    /* The range of the last run is sent again as it was, with its key. */
    if (end > start) {
        read_bytes(end - start);
        if (!ship())
            return 0;
    }
    while (!is_over()) {
        /* Before looking, so that what is in the file when the signal comes is sent. */
        const int last = stopping;
        const long size = waiting();
        if (size == 0)
            since = now_ms();
        else if (last || size >= batch_bytes || now_ms() - since >= batch_ms)
            read_lines(size, batch_bytes);
        if (end > start) {
            if (!ship())
                return 0;
            since = now_ms();
        } else if (last) {
            return 1;
        } else {
            pause_for(50);
        }
    }
    return 0;
}

/* FILE, then names with values; 0 when something is wrong or missing. */
static int read_options(int argc, char **argv)
{
    int i, k;
    file = argc > 1 ? argv[1] : "";
    for (i = 2; i < argc; i += 2) {
        for (k = 0; k < OPTIONS && strcmp(argv[i], options[k][0]) != 0; k++)
            ;
        if (k == OPTIONS || i + 1 == argc)
            return 0;
        options[k][1] = argv[i + 1];
    }
    batch_bytes = atol(options[BATCH_BYTES][1]);
    batch_ms = atol(options[BATCH_SECONDS][1]) * 1000;
    drain_ms = atol(options[DRAIN_SECONDS][1]) * 1000;
    return *file && *options[DATABASE][1] && *options[TABLE][1] && batch_bytes > 0;
}

int main(int argc, char **argv)
{
    const char *connection = getenv("KUSTO_CONNECTION_STRING");
    kusto_config *config = NULL;
    kusto_error *error = NULL;
    const struct sigaction handler = {.sa_handler = stop, .sa_flags = SA_RESTART};
    if (!read_options(argc, argv) || strlen(file) > 3900 || connection == NULL) {
        fprintf(stderr, "usage: agent FILE --database D --table T [--batch-bytes N] [--batch-seconds S] [--drain-seconds S]\n"
                        "with KUSTO_CONNECTION_STRING set\n");
        return FAILED;
    }
    sigaction(SIGTERM, &handler, NULL);
    sigaction(SIGINT, &handler, NULL);

    must(kusto_config_parse(connection, KUSTO_CSTR, &config, &error), &error);
    must(kusto_client_new(config, &client, &error), &error);
    kusto_config_free(config);
    snprintf(position, sizeof position, "%s.position", file);
    load_position();
    waiting();
    atexit(summary);
    if (!repeat(CHECK_TABLE) || !follow())
        return LEFT;
    kusto_client_free(client);
    return EXIT_SUCCESS;
}
