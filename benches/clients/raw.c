/* The floor of small ingestions: the two requests of each on plain sockets, and nothing else.
 *
 * raw init|bytes FILE ITEMS CONCURRENCY
 *
 * Each thread has one connection to the storage of blobs and one to that of queues. A request is written
 * with one call, and its answer is read until its end. What a client must do besides is left out: log in,
 * compress, build the message, check the answer, repeat. KUSTO_CONNECTION_STRING as in the other clients. */
#define _GNU_SOURCE
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOST_THREADS 64
/* As long as the message of an ingestion. */
#define MESSAGE_LEN 2200
#define ANSWER_MAX (1 << 18)

struct address {
    char host[256], port[16], path[512], query[1024];
};

struct run {
    struct address blobs, queue;
    char *data;
    size_t data_len;
    long items, taken;
    pthread_mutex_t lock;
};

static void stop(const char *what)
{
    fprintf(stderr, "raw: %s\n", what);
    exit(EXIT_FAILURE);
}

/* The parts of an http URL, up to the end of the text or a quote. */
static struct address parsed(const char *url)
{
    struct address it = {0};
    if (sscanf(url, "http://%255[^:/]:%15[0-9]%511[^?\";]?%1023[^\"\\;]", it.host, it.port, it.path, it.query) < 2)
        stop("an address is not http://HOST:PORT");
    return it;
}

static int connected(const struct address *to)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    const int on = 1;
    if (getaddrinfo(to->host, to->port, &hints, &found) != 0)
        stop("a host cannot be resolved");
    const int link = socket(found->ai_family, SOCK_STREAM, 0);
    if (link < 0 || connect(link, found->ai_addr, found->ai_addrlen) != 0)
        stop("cannot connect");
    setsockopt(link, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    freeaddrinfo(found);
    return link;
}

/* Sends a request and reads its answer into `answer`; the status must be a success. */
static void exchange(int link, const char *request, size_t len, char *answer)
{
    for (size_t sent = 0; sent < len;) {
        const ssize_t n = write(link, request + sent, len - sent);
        if (n <= 0)
            stop("a request cannot be sent");
        sent += (size_t)n;
    }
    for (size_t have = 0;;) {
        const ssize_t n = read(link, answer + have, ANSWER_MAX - 1 - have);
        if (n <= 0)
            stop("an answer ends early");
        answer[have += (size_t)n] = 0;
        const char *body = strstr(answer, "\r\n\r\n");
        const char *length = strcasestr(answer, "\r\ncontent-length:");
        if (body == NULL)
            continue;
        const size_t wanted = length != NULL && length < body ? strtoul(length + 17, NULL, 10) : 0;
        if (have >= (size_t)(body + 4 - answer) + wanted)
            break;
    }
    if (strncmp(answer, "HTTP/1.1 2", 10) != 0)
        stop(answer);
}

/* The first address of this kind that the service names. */
static struct address lent(const char *answer, const char *kind)
{
    const char *found = strstr(answer, kind);
    const char *url = found == NULL ? NULL : strstr(found, "http://");
    if (url == NULL)
        stop(kind);
    return parsed(url);
}

static void find_storage(struct run *run)
{
    static const char body[] = "{\"db\":\"NetDefaultDB\",\"csl\":\".get ingestion resources\"}";
    const char *text = getenv("KUSTO_CONNECTION_STRING");
    const char *url = text == NULL ? NULL : strstr(text, "http://");
    char request[1024], *answer = malloc(ANSWER_MAX);
    if (url == NULL || answer == NULL)
        stop("KUSTO_CONNECTION_STRING names no http address");
    const struct address service = parsed(url);
    const int len = snprintf(request, sizeof request,
        "POST /v1/rest/mgmt HTTP/1.1\r\nHost: %s:%s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
        service.host, service.port, sizeof body - 1, body);
    const int link = connected(&service);
    exchange(link, request, (size_t)len, answer);
    close(link);
    run->blobs = lent(answer, "TempStorage");
    run->queue = lent(answer, "SecuredReadyForAggregationQueue");
    free(answer);
}

/* A request with this body, to be freed. */
static char *written(const char *method, const struct address *to, const char *name, const char *headers,
    const char *body, size_t body_len, size_t *len)
{
    char *request = malloc(4096 + body_len);
    if (request == NULL)
        stop("no memory");
    const int head = snprintf(request, 4096,
        "%s %s/%s?%s HTTP/1.1\r\nHost: %s:%s\r\nx-ms-version: 2021-12-02\r\n%sContent-Length: %zu\r\n\r\n",
        method, to->path, name, to->query, to->host, to->port, headers, body_len);
    memcpy(request + head, body, body_len);
    *len = (size_t)head + body_len;
    return request;
}

/* Takes items until none is left. */
static void *work(void *argument)
{
    static const char open[] = "<QueueMessage><MessageText>", end[] = "</MessageText></QueueMessage>";
    struct run *run = argument;
    char message[MESSAGE_LEN + sizeof open + sizeof end], *answer = malloc(ANSWER_MAX);
    const int message_len = sprintf(message, "%s%0*d%s", open, MESSAGE_LEN, 0, end);
    size_t put_len, post_len;
    char *put = written("PUT", &run->blobs, "floor.json", "x-ms-blob-type: BlockBlob\r\n", run->data, run->data_len, &put_len);
    char *post = written("POST", &run->queue, "messages", "", message, (size_t)message_len, &post_len);
    const int blobs = connected(&run->blobs), queue = connected(&run->queue);
    if (answer == NULL)
        stop("no memory");
    for (;;) {
        pthread_mutex_lock(&run->lock);
        const int more = run->taken < run->items;
        run->taken += more;
        pthread_mutex_unlock(&run->lock);
        if (!more)
            break;
        exchange(blobs, put, put_len, answer);
        exchange(queue, post, post_len, answer);
    }
    close(blobs);
    close(queue);
    free(put);
    free(post);
    free(answer);
    return NULL;
}

int main(int count, char **arguments)
{
    static struct run run = {.lock = PTHREAD_MUTEX_INITIALIZER};
    pthread_t threads[MOST_THREADS];
    if (count < 5)
        stop("init|bytes FILE ITEMS CONCURRENCY");
    if (strcmp(arguments[1], "init") == 0)
        return 0;
    const size_t most = 1 << 20;
    FILE *file = fopen(arguments[2], "rb");
    run.data = malloc(most);
    if (file == NULL || run.data == NULL)
        stop(arguments[2]);
    run.data_len = fread(run.data, 1, most, file);
    fclose(file);
    run.items = atol(arguments[3]);
    const long concurrency = atol(arguments[4]);
    if (concurrency < 1 || concurrency > MOST_THREADS)
        stop("1 to 64 at a time");
    find_storage(&run);
    for (long i = 0; i < concurrency; i++)
        if (pthread_create(&threads[i], NULL, work, &run) != 0)
            stop("cannot start a thread");
    for (long i = 0; i < concurrency; i++)
        pthread_join(threads[i], NULL);
    free(run.data);
    return 0;
}
