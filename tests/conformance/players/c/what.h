/* Properties and sources of ingestions, from the keys of `start`. */
#ifndef WHAT_H
#define WHAT_H

#include "catalog.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static kusto_status set_reporting(kusto_props *props, const struct message *said, kusto_error **err)
{
    const char *level = find(said, "report_level"), *method = find(said, "report_method");
    if (level == NULL && method == NULL)
        return KUSTO_OK;
    return kusto_props_set_reporting(props, MEANING(report_level_words, level == NULL ? "failures" : level),
                                     MEANING(report_method_words, method == NULL ? "queue" : method), err);
}

static kusto_status set_property(kusto_props *props, const struct pair *said, kusto_error **err)
{
    size_t length;
    const char *value;
    if (strcmp(said->key, "format") == 0)
        return kusto_props_set_format(props, MEANING(format_words, said->value), err);
    if (strcmp(said->key, "mapping_ref") == 0)
        return kusto_props_set_mapping_ref(props, said->value, KUSTO_CSTR, err);
    if (strcmp(said->key, "mapping") == 0)
        return kusto_props_set_mapping_json(props, said->value, KUSTO_CSTR, err);
    if (strcmp(said->key, "tag") == 0)
        return kusto_props_add_tag(props, said->value, KUSTO_CSTR, err);
    if (strcmp(said->key, "mode") == 0)
        return kusto_props_set_mode(props, MEANING(ingestion_mode_words, said->value), err);
    if (strcmp(said->key, "property") != 0 && strcmp(said->key, "named") != 0)
        return KUSTO_OK;
    value = value_of(said->value, &length);
    if (strcmp(said->key, "named") == 0)
        return kusto_props_set(props, said->value, length, value, KUSTO_CSTR, err);
    return kusto_props_set_additional(props, said->value, length, value, KUSTO_CSTR, err);
}

/* The caller frees them, also after a failure. */
static kusto_status new_props(const struct message *said, kusto_props **out, kusto_error **err)
{
    size_t i;
    kusto_status status =
        kusto_props_new(get(said, "database"), KUSTO_CSTR, get(said, "table"), KUSTO_CSTR, out, err);
    if (status == KUSTO_OK)
        status = set_reporting(*out, said, err);
    for (i = 0; i < said->count && status == KUSTO_OK; i++)
        status = set_property(*out, &said->pairs[i], err);
    return status;
}

/* ---- the input, read in pieces -------------------------------------------------------------------------- */

struct input {
    int descriptor;
    size_t piece;
    /* How many bytes it may still yield before it fails; negative: it does not fail. */
    int64_t left;
};

static int opened(const struct message *said)
{
    const char *path = get(said, "path");
    int descriptor = open(path, O_RDONLY);
    if (descriptor < 0)
        die("%s: %s", path, strerror(errno));
    return descriptor;
}

static struct input *open_input(const struct message *said)
{
    struct input *input = allocated(calloc(1, sizeof *input));
    input->descriptor = opened(said);
    input->piece = (size_t)number(said, "piece", 64 * 1024);
    input->left = number(said, "fail_after", -1);
    return input;
}

/* The next piece, as a callback of the library returns it: 0 at the end, less for a failure. */
static int64_t read_piece(struct input *input, uint8_t *buffer, size_t room)
{
    ssize_t given;
    if (room > input->piece)
        room = input->piece;
    if (input->left == 0)
        return -1;
    if (input->left > 0 && (int64_t)room > input->left)
        room = (size_t)input->left;
    given = read(input->descriptor, buffer, room);
    if (given < 0)
        die("cannot read the input: %s", strerror(errno));
    if (input->left > 0)
        input->left -= given;
    return given;
}

static void close_input(struct input *input)
{
    close(input->descriptor);
    free(input);
}

/* ---- sources ---------------------------------------------------------------------------------------------- */

static int64_t KUSTO_CALL read_input(void *user_data, uint8_t *buffer, size_t room)
{
    return read_piece(user_data, buffer, room);
}

static void KUSTO_CALL drop_input(void *user_data)
{
    close_input(user_data);
}

static kusto_status source_of_bytes(const struct message *said, kusto_source **out, kusto_error **err)
{
    struct input *input = open_input(said);
    uint8_t *data = NULL;
    size_t length = 0;
    int64_t given;
    data = allocated(malloc(input->piece));
    while ((given = read_piece(input, data + length, input->piece)) > 0) {
        length += (size_t)given;
        data = allocated(realloc(data, length + input->piece));
    }
    close_input(input);
    return kusto_source_bytes(data, length, free, data, out, err);
}

static kusto_status source_of_descriptor(const struct message *said, kusto_source **out, kusto_error **err)
{
    int descriptor = opened(said);
    kusto_status status = kusto_source_fd(descriptor, 1, out, err);
    if (status != KUSTO_OK)
        close(descriptor);
    return status;
}

static kusto_status source_of_blobs(const struct message *said, kusto_source **out, kusto_error **err)
{
    size_t i, next;
    kusto_status status = kusto_source_blobs(out, err);
    for (i = 0; i < said->count && status == KUSTO_OK; i++) {
        const char *id = NULL;
        uint64_t raw_size = 0;
        if (strcmp(said->pairs[i].key, "blob") != 0)
            continue;
        for (next = i + 1; next < said->count && strncmp(said->pairs[next].key, "blob_", 5) == 0; next++) {
            if (strcmp(said->pairs[next].key, "blob_id") == 0)
                id = said->pairs[next].value;
            else
                raw_size = strtoull(said->pairs[next].value, NULL, 10);
        }
        status = kusto_source_blobs_add(*out, said->pairs[i].value, KUSTO_CSTR, raw_size, id,
                                        id == NULL ? 0 : KUSTO_CSTR, err);
    }
    return status;
}

/* The caller frees it, also after a failure. */
static kusto_status new_source(const struct message *said, kusto_source **out, kusto_error **err)
{
    const char *kind = get(said, "source");
    if (strcmp(kind, "bytes") == 0)
        return source_of_bytes(said, out, err);
    if (strcmp(kind, "reader") == 0)
        return kusto_source_reader(read_input, open_input(said), drop_input, out, err);
    if (strcmp(kind, "file") == 0)
        return kusto_source_file(get(said, "path"), KUSTO_CSTR, out, err);
    if (strcmp(kind, "fd") == 0)
        return source_of_descriptor(said, out, err);
    if (strcmp(kind, "blobs") == 0)
        return source_of_blobs(said, out, err);
    if (strcmp(kind, "stream") == 0)
        return kusto_source_stream(out, err);
    die("unknown source: %s", kind);
    return KUSTO_E_INTERNAL;
}

/* The message's settings of the source itself. */
static kusto_status describe(kusto_source *source, const struct message *said, kusto_error **err)
{
    const char *id = find(said, "source_id"), *compression = find(said, "compression");
    kusto_status status = KUSTO_OK;
    if (id != NULL)
        status = kusto_source_set_id(source, id, KUSTO_CSTR, err);
    if (status == KUSTO_OK && compression != NULL)
        status = kusto_source_set_compression(source, MEANING(compression_words, compression), err);
    if (status == KUSTO_OK && find(said, "raw_size") != NULL)
        status = kusto_source_set_raw_size(source, (uint64_t)number(said, "raw_size", 0), err);
    return status;
}

#endif
