/* How a failure of the library is reported. */
#ifndef ERROR_H
#define ERROR_H

#include "message.h"

#include <kusto_ingest.h>

/* How many source ids `"handedOver":[".."]` of the error's JSON lists: only the JSON contains them. */
static uint64_t handed_over(const kusto_error *error)
{
    const char *json = kusto_error_json(error, NULL);
    const char *list = json == NULL ? NULL : strstr(json, "\"handedOver\":[");
    uint64_t quotes = 0;
    if (list == NULL)
        return 0;
    for (list = strchr(list, '['); *list != '\0' && *list != ']'; list++)
        quotes += *list == '"';
    return quotes / 2;
}

static void tell_error(kusto_status status, const kusto_error *error)
{
    static const char *const retries[] = {"unknown", "never", "later"};
    puts("error");
    say("code", kusto_status_name(status));
    say("message", kusto_error_message(error, NULL));
    say("step", kusto_error_step(error, NULL));
    say("host", kusto_error_host(error, NULL));
    say("argument", kusto_error_argument(error, NULL));
    say_number("http_status", (uint64_t)kusto_error_http_status(error));
    say("service_code", kusto_error_service_code(error, NULL));
    say("retry", retries[kusto_error_retry(error)]);
    say_number("in_doubt", (uint64_t)kusto_error_in_doubt(error));
    say_number("attempts", kusto_error_attempts(error));
    say_number("handed_over", handed_over(error));
    end_answer();
}

/* The answer of a call without a result; takes the error. */
static void answer(kusto_status status, kusto_error *error)
{
    if (status == KUSTO_OK) {
        puts("ok");
        end_answer();
    } else {
        tell_error(status, error);
    }
    kusto_error_free(error);
}

#endif
