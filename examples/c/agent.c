/* Ships the lines that programs append to a file: each whole line once, whatever fails meanwhile.
 *
 * agent FILE --database D --table T [--batch-bytes N] [--batch-seconds S] [--drain-seconds S]
 *
 * KUSTO_CONNECTION_STRING names the cluster; FILE.position says what is done: see examples/README.md. */
#include <kusto_ingest.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { FAILED = 1, WRONG_TABLE = 2, LEFT = 3 };

static const char *file, *database = "", *table = "";
static int64_t batch_bytes = 1048576, batch_ms = 5000, drain_ms = 10000;

static kusto_client *client;
/* Everything before `start` is done; [start, end) is being sent. */
static long start, end;
static unsigned long lines, batches;
static volatile sig_atomic_t stopping;

static void stop(int number)
{
    (void)number;
    stopping = 1;
}

/* Ends the program as soon as a call of the library or of the system fails. */
static void must(kusto_status status, kusto_error *error, int code)
{
    if (status != KUSTO_OK) {
        fprintf(stderr, "agent: %s\n", kusto_error_message(error, NULL));
        exit(code);
    }
}

static void check(int holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "agent: %s: %s\n", what, errno ? strerror(errno) : "it is not what it was");
        exit(FAILED);
    }
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
    const int64_t until = now_ms() + ms;
    while (now_ms() < until && !is_over())
        nanosleep(&moment, NULL);
}

/* Without a position file nothing is done yet. */
static void load_position(const char *name)
{
    FILE *in = fopen(name, "r");
    check(in != NULL || errno == ENOENT, name);
    errno = 0;
    if (in != NULL) {
        check(fscanf(in, "%ld %ld", &start, &end) == 2 && 0 <= start && start <= end, name);
        fclose(in);
    }
}

/* A new file replaces the old one: a crash leaves one of the two. */
static void save_position(const char *name)
{
    char fresh[4096];
    FILE *out;
    snprintf(fresh, sizeof fresh, "%s.new", name);
    out = fopen(fresh, "w");
    check(out != NULL && fprintf(out, "%ld %ld\n", start, end) > 0 && fclose(out) == 0 && rename(fresh, name) == 0, name);
}

/* Reads from `start` on; returns how many bytes of whole lines there are. A line longer than a batch is a batch. */
static long read_lines(FILE *in, long size, long limit, char **bytes)
{
    long length = size < limit ? size : limit, whole;
    *bytes = malloc((size_t)length);
    check(*bytes != NULL && fseek(in, start, SEEK_SET) == 0, file);
    check(fread(*bytes, 1, (size_t)length, in) == (size_t)length, file);
    for (whole = length; whole > 0 && (*bytes)[whole - 1] != '\n'; whole--)
        ;
    if (whole > 0 || length == size)
        return whole;
    free(*bytes);
    return read_lines(in, size, 2 * limit, bytes);
}

/* The properties of [start, end). By the key the service recognises what it has already. */
static kusto_props *described(void)
{
    char key[4200];
    const char *slash = strrchr(file, '/');
    kusto_props *props = NULL;
    kusto_error *error = NULL;
    snprintf(key, sizeof key, "%s:%ld-%ld", slash ? slash + 1 : file, start, end);
    must(kusto_props_new(database, KUSTO_CSTR, table, KUSTO_CSTR, &props, &error), error, FAILED);
    must(kusto_props_set_format(props, KUSTO_FORMAT_CSV, &error), error, FAILED);
    must(kusto_props_set_once(props, key, KUSTO_CSTR, &error), error, FAILED);
    return props;
}

/* One attempt. At the end of the time for the rest it is cancelled. */
static kusto_status attempt(const kusto_props *props, const char *bytes, kusto_error **error)
{
    kusto_source *source = NULL;
    kusto_op *op = NULL;
    kusto_result *receipt = NULL;
    kusto_status status;
    must(kusto_source_bytes((const uint8_t *)bytes, (size_t)(end - start), NULL, NULL, &source, error), *error, FAILED);
    must(kusto_ingest_start(client, props, source, 120000, NULL, NULL, NULL, &op, error), *error, FAILED);
    while (kusto_op_wait(op, 100, NULL) == KUSTO_E_WOULD_BLOCK)
        if (is_over())
            kusto_op_cancel(op);
    status = kusto_op_result(op, &receipt, error);
    kusto_result_free(receipt);
    kusto_op_free(op);
    return status;
}

/* Sends [start, end) until it is handed over; 0 when the time for the rest was over before. */
static int ship(const char *bytes, const char *position)
{
    kusto_props *props = described();
    kusto_error *error = NULL;
    int64_t wait = 500;
    save_position(position);
    while (attempt(props, bytes, &error) != KUSTO_OK) {
        const int again = kusto_error_retry(error) == KUSTO_RETRY_LATER || kusto_error_in_doubt(error);
        const int64_t asked = kusto_error_retry_after_ms(error);
        fprintf(stderr, "agent: %s\n", kusto_error_message(error, NULL));
        if (!again && !is_over())
            exit(FAILED);
        kusto_error_free(error);
        error = NULL;
        pause_for(asked > wait ? asked : wait);
        if (is_over())
            return 0;
        wait = wait < 30000 ? wait * 2 : wait;
    }
    kusto_props_free(props);
    for (; start < end; start++)
        lines += *bytes++ == '\n';
    batches++;
    save_position(position);
    return 1;
}

/* Sends whole lines of the next `size` bytes, at most a batch; 0 when the time for the rest was over before. */
static int ship_lines(FILE *in, long size, long limit, const char *position)
{
    char *bytes;
    int shipped;
    end = start + read_lines(in, size, limit, &bytes);
    shipped = end == start || ship(bytes, position);
    free(bytes);
    return shipped;
}

/* Ships what is due until a signal comes, then the rest; returns whether all of it was handed over. */
static int follow(FILE *in, const char *position)
{
    int64_t since = now_ms();
    /* The range of the last run is sent again as it was, with its key. */
    if (end > start && !ship_lines(in, end - start, end - start, position))
        return 0;
    while (!is_over()) {
        const int last = stopping;
        const long before = start;
        struct stat found;
        long size;
        check(fstat(fileno(in), &found) == 0 && found.st_size >= start, file);
        size = (long)found.st_size - start;
        if (size == 0)
            since = now_ms();
        if (!last && size < batch_bytes && now_ms() - since < batch_ms) {
            pause_for(50);
            continue;
        }
        if (size > 0 && !ship_lines(in, size, (long)batch_bytes, position))
            return 0;
        if (last && start == before)
            return 1;
        since = now_ms();
    }
    return 0;
}

static void read_options(int argc, char **argv)
{
    int i;
    for (i = 1; i < argc; i++) {
        const char *name = argv[i];
        if (strncmp(name, "--", 2) != 0) {
            file = name;
            continue;
        }
        if (++i == argc)
            file = NULL;
        else if (strcmp(name, "--database") == 0)
            database = argv[i];
        else if (strcmp(name, "--table") == 0)
            table = argv[i];
        else if (strcmp(name, "--batch-bytes") == 0)
            batch_bytes = atol(argv[i]);
        else if (strcmp(name, "--batch-seconds") == 0)
            batch_ms = atol(argv[i]) * 1000;
        else if (strcmp(name, "--drain-seconds") == 0)
            drain_ms = atol(argv[i]) * 1000;
        else
            file = NULL;
    }
}

int main(int argc, char **argv)
{
    const char *connection = getenv("KUSTO_CONNECTION_STRING");
    kusto_config *config = NULL;
    kusto_props *props;
    kusto_error *error = NULL;
    struct sigaction action;
    char position[4000];
    FILE *in;
    int done;
    read_options(argc, argv);
    if (file == NULL || connection == NULL || batch_bytes < 1) {
        fprintf(stderr, "usage: agent FILE --database D --table T [--batch-bytes N] [--batch-seconds S] [--drain-seconds S]\n"
                        "with KUSTO_CONNECTION_STRING set\n");
        return FAILED;
    }
    memset(&action, 0, sizeof action);
    action.sa_handler = stop;
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);

    must(kusto_config_parse(connection, KUSTO_CSTR, &config, &error), error, FAILED);
    must(kusto_client_new(config, &client, &error), error, FAILED);
    kusto_config_free(config);
    snprintf(position, sizeof position, "%s.position", file);
    load_position(position);
    props = described();
    must(kusto_client_warm_up_table(client, props, 60000, &error), error, WRONG_TABLE);
    kusto_props_free(props);

    in = fopen(file, "r");
    check(in != NULL, file);
    done = follow(in, position);
    fclose(in);
    kusto_client_free(client);
    printf("%lu lines in %lu batches\n", lines, batches);
    return done ? EXIT_SUCCESS : LEFT;
}
