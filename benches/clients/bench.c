/* One measured run through the C library.
 *
 * bench init|file|stream|bytes|query FILE ITEMS CONCURRENCY [NAME=VALUE...]
 *
 * The settings go to kusto_config_set. KUSTO_CONNECTION_STRING and KUSTO_DATABASE as in the examples.
 * It ends well only when every item was queued. */
#include <kusto_ingest.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DEADLINE ((int64_t)600000)
#define MOST_THREADS 64

struct run {
    kusto_client *client;
    kusto_props *props;
    const char *action, *path;
    uint8_t *data;
    size_t data_len;
    long items, taken;
    /* What each item took, in microseconds. */
    double *times;
    pthread_mutex_t lock;
};

static void stop(const char *what)
{
    fprintf(stderr, "bench: %s\n", what);
    exit(EXIT_FAILURE);
}

static void must(kusto_status status, const kusto_error *error)
{
    if (status != KUSTO_OK)
        stop(kusto_error_message(error, NULL));
}

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    if (value == NULL)
        stop(name);
    return value;
}

static kusto_client *connect_with(char **settings, int count)
{
    kusto_config *config = NULL;
    kusto_client *client = NULL;
    kusto_error *error = NULL;
    must(kusto_config_parse(variable("KUSTO_CONNECTION_STRING"), KUSTO_CSTR, &config, &error), error);
    for (int i = 0; i < count; i++) {
        const char *equals = strchr(settings[i], '=');
        if (equals == NULL)
            stop("a setting is NAME=VALUE");
        must(kusto_config_set(config, settings[i], (size_t)(equals - settings[i]), equals + 1, KUSTO_CSTR, &error), error);
    }
    must(kusto_client_new(config, &client, &error), error);
    kusto_config_free(config);
    return client;
}

/* The document, read once before the first item, as a program has it in memory. */
static void load(struct run *run)
{
    FILE *file = fopen(run->path, "rb");
    const size_t most = 1 << 20;
    run->data = malloc(most);
    if (file == NULL || run->data == NULL)
        stop(run->path);
    run->data_len = fread(run->data, 1, most, file);
    fclose(file);
}

static int64_t KUSTO_CALL read_some(void *file, uint8_t *buffer, size_t cap)
{
    const size_t length = fread(buffer, 1, cap, file);
    return length == 0 && ferror((FILE *)file) ? -1 : (int64_t)length;
}

static void KUSTO_CALL close_file(void *file)
{
    fclose(file);
}

static void ingest(const struct run *run)
{
    kusto_source *source = NULL;
    kusto_error *error = NULL;
    if (strcmp(run->action, "bytes") == 0) {
        must(kusto_ingest_bytes(run->client, run->props, run->data, run->data_len, DEADLINE, NULL, &error), error);
        return;
    }
    if (strcmp(run->action, "stream") == 0) {
        FILE *file = fopen(run->path, "rb");
        if (file == NULL)
            stop(run->path);
        must(kusto_source_reader(read_some, file, close_file, &source, &error), error);
    } else {
        must(kusto_source_file(run->path, KUSTO_CSTR, &source, &error), error);
    }
    must(kusto_ingest(run->client, run->props, source, DEADLINE, NULL, &error), error);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

/* Takes items until none is left. */
static void *work(void *argument)
{
    struct run *run = argument;
    for (;;) {
        pthread_mutex_lock(&run->lock);
        const long item = run->taken;
        run->taken += item < run->items;
        pthread_mutex_unlock(&run->lock);
        if (item >= run->items)
            return NULL;
        const double begun = now();
        ingest(run);
        run->times[item] = now() - begun;
    }
}

static int by_length(const void *a, const void *b)
{
    const double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* For cargo xtask bench: the median and the 99th percentile of the items' times. */
static void tell_times(struct run *run)
{
    qsort(run->times, (size_t)run->items, sizeof *run->times, by_length);
    if (run->items > 0)
        fprintf(stderr, "latency %.0f %.0f\n", run->times[run->items / 2], run->times[run->items * 99 / 100]);
}

static void work_on(struct run *run, long concurrency)
{
    pthread_t threads[MOST_THREADS];
    if (concurrency == 1) {
        work(run);
        return;
    }
    for (long i = 0; i < concurrency; i++)
        if (pthread_create(&threads[i], NULL, work, run) != 0)
            stop("cannot start a thread");
    for (long i = 0; i < concurrency; i++)
        pthread_join(threads[i], NULL);
}

/* Reads every value of the answer. */
static void query(const struct run *run)
{
    char text[1024];
    kusto_request_options *options = NULL;
    kusto_rows *rows = NULL;
    kusto_error *error = NULL;
    long count = 0, nulls = 0;
    FILE *file = fopen(run->path, "rb");
    if (file == NULL)
        stop(run->path);
    const size_t length = fread(text, 1, sizeof text, file);
    fclose(file);
    must(kusto_request_options_new(&options, &error), error);
    must(kusto_request_options_set(options, "notruncation", KUSTO_CSTR, "true", KUSTO_CSTR, &error), error);
    must(kusto_execute(run->client, variable("KUSTO_DATABASE"), KUSTO_CSTR, text, length, options, DEADLINE, &rows, &error), error);
    while (kusto_rows_next(rows)) {
        count++;
        for (size_t i = 0; i < kusto_rows_columns(rows); i++)
            nulls += kusto_rows_text(rows, i, NULL) == NULL;
    }
    if (count != 1000000 || nulls != 0)
        stop("rows or values are missing");
    kusto_rows_free(rows);
    kusto_request_options_free(options);
}

int main(int argc, char **argv)
{
    struct run run = {0};
    kusto_error *error = NULL;
    const long concurrency = argc > 4 ? strtol(argv[4], NULL, 10) : 0;
    if (concurrency < 1 || concurrency > MOST_THREADS)
        stop("init|file|stream|bytes|query FILE ITEMS CONCURRENCY [NAME=VALUE...]");
    run.action = argv[1];
    run.path = argv[2];
    run.items = strtol(argv[3], NULL, 10);
    run.client = connect_with(argv + 5, argc - 5);
    if (strcmp(run.action, "query") == 0) {
        query(&run);
    } else if (strcmp(run.action, "init") != 0) {
        const int bytes = strcmp(run.action, "bytes") == 0;
        must(kusto_props_new(variable("KUSTO_DATABASE"), KUSTO_CSTR, "Bench", KUSTO_CSTR, &run.props, &error), error);
        must(kusto_props_set_format(run.props, bytes ? KUSTO_FORMAT_JSON : KUSTO_FORMAT_CSV, &error), error);
        if (bytes)
            load(&run);
        run.times = calloc((size_t)run.items, sizeof *run.times);
        if (run.times == NULL)
            stop("no memory");
        pthread_mutex_init(&run.lock, NULL);
        work_on(&run, concurrency);
        pthread_mutex_destroy(&run.lock);
        tell_times(&run);
        free(run.times);
        free(run.data);
        kusto_props_free(run.props);
    }
    kusto_client_free(run.client);
    return EXIT_SUCCESS;
}
