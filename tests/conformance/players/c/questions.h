/* Status, notifications and commands: `track`, `outcomes`, `execute`, `warm_up`. */
#ifndef QUESTIONS_H
#define QUESTIONS_H

#include "operations.h"

/* How often the status of a pending item is polled, in milliseconds. */
#define POLL 50

static const char *token_of(const struct message *said)
{
    const char *token = operation_of(said)->tracking_token;
    if (token == NULL)
        die("%s: the operation has no receipt", said->verb);
    return token;
}

static const char *or_dash(const char *text)
{
    return text == NULL || *text == '\0' ? "-" : text;
}

static void tell_item(const kusto_report *report, size_t index)
{
    const char *state = WORD(item_state_words, kusto_report_item_state(report, index));
    printf("item %s %s %s\n", state, or_dash(kusto_report_item_source_id(report, index, NULL)),
           or_dash(kusto_report_item_error_code(report, index, NULL)));
}

/* Takes both. */
static void answer_report(kusto_status status, kusto_report *report, kusto_error *error)
{
    size_t i;
    if (status != KUSTO_OK) {
        answer(status, error);
        return;
    }
    puts("ok");
    for (i = 0; i < kusto_report_len(report); i++)
        tell_item(report, i);
    end_answer();
    kusto_report_free(report);
}

static void tell_report_of(kusto_op *op)
{
    kusto_report *report = NULL;
    kusto_error *error = NULL;
    kusto_status status = kusto_op_report(op, &report, &error);
    answer_report(status, report, error);
}

static void begin_tracking(const struct message *said, int final, int64_t timeout)
{
    kusto_op *op = NULL;
    kusto_error *error = NULL;
    kusto_status status = final ? kusto_track_until_final_start(client_of(said), token_of(said), KUSTO_CSTR, POLL,
                                                                timeout, NULL, NULL, NULL, &op, &error)
                                : kusto_track_start(client_of(said), token_of(said), KUSTO_CSTR, timeout, NULL,
                                                    NULL, NULL, &op, &error);
    answer_begun(said, status, op, tell_report_of, error);
}

static void track(const struct message *said)
{
    const int final = number(said, "final", 1) != 0;
    const int64_t timeout = number(said, "timeout", KUSTO_FOREVER);
    kusto_report *report = NULL;
    kusto_error *error = NULL;
    kusto_status status;
    if (find(said, "as") != NULL) {
        begin_tracking(said, final, timeout);
        return;
    }
    status =
        final
            ? kusto_track_until_final(client_of(said), token_of(said), KUSTO_CSTR, POLL, timeout, &report, &error)
            : kusto_track(client_of(said), token_of(said), KUSTO_CSTR, timeout, &report, &error);
    answer_report(status, report, error);
}

static void begin_outcomes(const struct message *said, int32_t which, int take)
{
    kusto_op *op = NULL;
    kusto_error *error = NULL;
    kusto_status status = (take ? kusto_outcomes_take_start : kusto_outcomes_peek_start)(
        client_of(said), which, token_of(said), KUSTO_CSTR, (size_t)number(said, "max", 32),
        number(said, "timeout", KUSTO_FOREVER), NULL, NULL, NULL, &op, &error);
    answer_begun(said, status, op, tell_report_of, error);
}

static void outcomes(const struct message *said)
{
    const int32_t which = MEANING(outcome_words, get(said, "which"));
    const int take = strcmp(get(said, "how"), "take") == 0;
    kusto_report *report = NULL;
    kusto_error *error = NULL;
    kusto_status status;
    if (find(said, "as") != NULL) {
        begin_outcomes(said, which, take);
        return;
    }
    status = (take ? kusto_outcomes_take : kusto_outcomes_peek)(
        client_of(said), which, token_of(said), KUSTO_CSTR, (size_t)number(said, "max", 32),
        number(said, "timeout", KUSTO_FOREVER), &report, &error);
    answer_report(status, report, error);
}

/* A JSON text within a value of a message: a backslash of JSON is escaped once more. */
static void say_json(const char *text)
{
    if (text == NULL) {
        fputs("null", stdout);
        return;
    }
    putchar('"');
    for (; *text != '\0'; text++) {
        const unsigned char byte = (unsigned char)*text;
        if (byte < ' ')
            printf("\\\\u%04x", byte);
        else if (byte == '"' || byte == '\\')
            printf("\\\\%s", byte == '"' ? "\"" : "\\\\");
        else
            putchar(byte);
    }
    putchar('"');
}

/* Takes the rows. */
static void tell_rows(kusto_rows *rows)
{
    size_t i, columns = kusto_rows_columns(rows);
    puts("ok");
    for (i = 0; i < columns; i++) {
        fputs("column ", stdout);
        say_escaped(kusto_rows_column_name(rows, i, NULL));
        printf(" %s\n", kusto_rows_column_type(rows, i, NULL));
    }
    while (kusto_rows_next(rows)) {
        fputs("row [", stdout);
        for (i = 0; i < columns; i++) {
            if (i > 0)
                putchar(',');
            say_json(kusto_rows_text(rows, i, NULL));
        }
        puts("]");
    }
    end_answer();
    kusto_rows_free(rows);
}

static kusto_status new_options(const struct message *said, kusto_request_options **out, kusto_error **err)
{
    size_t i;
    kusto_status status = kusto_request_options_new(out, err);
    for (i = 0; i < said->count && status == KUSTO_OK; i++) {
        const char *text = said->pairs[i].value, *value;
        size_t length;
        if (strcmp(said->pairs[i].key, "parameter") == 0) {
            value = value_of(text, &length);
            status = kusto_request_options_set_parameter(*out, text, length, value, KUSTO_CSTR, err);
        } else if (strcmp(said->pairs[i].key, "option") == 0) {
            value = value_of(text, &length);
            status = kusto_request_options_set(*out, text, length, value, KUSTO_CSTR, err);
        }
    }
    return status;
}

static void tell_rows_of(kusto_op *op)
{
    kusto_rows *rows = NULL;
    kusto_error *error = NULL;
    kusto_status status = kusto_op_rows(op, &rows, &error);
    if (status == KUSTO_OK)
        tell_rows(rows);
    else
        answer(status, error);
}

/* In the background, because it may have to be cancelled. */
static void execute(const struct message *said)
{
    kusto_request_options *options = NULL;
    kusto_op *op = NULL;
    kusto_error *error = NULL;
    kusto_status status = new_options(said, &options, &error);
    if (status == KUSTO_OK)
        status = kusto_execute_start(client_of(said), get(said, "database"), KUSTO_CSTR, get(said, "text"),
                                     KUSTO_CSTR, options, number(said, "timeout", KUSTO_FOREVER), NULL, NULL, NULL,
                                     &op, &error);
    kusto_request_options_free(options);
    if (status == KUSTO_OK && flag(said, "cancelled"))
        kusto_op_cancel(op);
    if (find(said, "as") != NULL) {
        answer_begun(said, status, op, tell_rows_of, error);
    } else {
        if (status == KUSTO_OK)
            tell_end(op, tell_rows_of);
        else
            answer(status, error);
        kusto_op_free(op);
    }
}

static void tell_nothing(kusto_op *op)
{
    (void)op;
    answer(KUSTO_OK, NULL);
}

static void warm_up(const struct message *said)
{
    const int64_t timeout = number(said, "timeout", KUSTO_FOREVER);
    kusto_op *op = NULL;
    kusto_error *error = NULL;
    kusto_status status;
    if (find(said, "as") != NULL) {
        status = kusto_client_warm_up_start(client_of(said), timeout, NULL, NULL, NULL, &op, &error);
        answer_begun(said, status, op, tell_nothing, error);
    } else {
        status = kusto_client_warm_up(client_of(said), timeout, &error);
        answer(status, error);
    }
}

#endif
