#include "shim.h"

#include "_cgo_export.h"

static void KUSTO_CALL on_drop(void *user)
{
    goKustoDrop((uintptr_t)user);
}

static void KUSTO_CALL on_token(void *user, kusto_token_request *request)
{
    goKustoToken((uintptr_t)user, request);
}

static void KUSTO_CALL on_progress(void *user, uint64_t read, uint64_t sent, uint64_t total)
{
    goKustoProgress((uintptr_t)user, read, sent, total);
}

static void KUSTO_CALL on_done(void *user, const kusto_op *op)
{
    (void)op;
    goKustoDone((uintptr_t)user);
}

static void KUSTO_CALL on_log(void *user, int32_t level, const char *target, size_t target_len,
                              const char *message, size_t message_len)
{
    goKustoLog((uintptr_t)user, level, (char *)target, target_len, (char *)message, message_len);
}

static void KUSTO_CALL on_log_event(void *user, int32_t level, const char *event, size_t event_len,
                                    const char *message, size_t message_len, const char *fields,
                                    size_t fields_len)
{
    (void)event_len, (void)message_len, (void)fields_len;
    goKustoLogEvent((uintptr_t)user, level, (char *)event, (char *)message, (char *)fields);
}

static int32_t KUSTO_CALL on_prompt(void *user, int32_t kind, const char *url, size_t url_len, const char *code,
                                    size_t code_len, const char *message, size_t message_len, int64_t expires_on)
{
    return goKustoPrompt((uintptr_t)user, kind, (char *)url, url_len, (char *)code, code_len, (char *)message,
                         message_len, expires_on);
}

kusto_status shim_credential_callback(uintptr_t user, kusto_credential **out, kusto_error **err)
{
    return kusto_credential_callback(on_token, (void *)user, on_drop, out, err);
}

kusto_status shim_source_bytes(const uint8_t *data, size_t len, uintptr_t user, kusto_source **out,
                               kusto_error **err)
{
    return kusto_source_bytes(data, len, on_drop, (void *)user, out, err);
}

kusto_status shim_source_set_progress(kusto_source *source, uintptr_t user, kusto_error **err)
{
    return kusto_source_set_progress(source, on_progress, (void *)user, on_drop, err);
}

kusto_status shim_ingest_start(const kusto_client *client, const kusto_props *props,
                               kusto_source *source, int64_t timeout_ms, uintptr_t user,
                               kusto_op **out, kusto_error **err)
{
    return kusto_ingest_start(client, props, source, timeout_ms, on_done, (void *)user, on_drop,
                              out, err);
}

kusto_status shim_stream_finish(kusto_stream *stream, int64_t timeout_ms, uintptr_t user, kusto_op **out,
                                kusto_error **err)
{
    return kusto_stream_finish(stream, timeout_ms, on_done, (void *)user, on_drop, out, err);
}

kusto_status shim_execute_start(const kusto_client *client, const char *database, size_t database_len,
                                const char *command, size_t command_len, const kusto_request_options *options,
                                int64_t timeout_ms, uintptr_t user, kusto_op **out, kusto_error **err)
{
    return kusto_execute_start(client, database, database_len, command, command_len, options, timeout_ms, on_done,
                               (void *)user, on_drop, out, err);
}

kusto_status shim_track_start(const kusto_client *client, const char *token, size_t token_len, int64_t timeout_ms,
                              uintptr_t user, kusto_op **out, kusto_error **err)
{
    return kusto_track_start(client, token, token_len, timeout_ms, on_done, (void *)user, on_drop, out, err);
}

kusto_status shim_track_until_final_start(const kusto_client *client, const char *token, size_t token_len,
                                          int64_t poll_ms, int64_t timeout_ms, uintptr_t user, kusto_op **out,
                                          kusto_error **err)
{
    return kusto_track_until_final_start(client, token, token_len, poll_ms, timeout_ms, on_done, (void *)user,
                                         on_drop, out, err);
}

kusto_status shim_outcomes_peek_start(const kusto_client *client, int32_t which, const char *token,
                                      size_t token_len, size_t max, int64_t timeout_ms, uintptr_t user,
                                      kusto_op **out, kusto_error **err)
{
    return kusto_outcomes_peek_start(client, which, token, token_len, max, timeout_ms, on_done, (void *)user,
                                     on_drop, out, err);
}

kusto_status shim_outcomes_take_start(const kusto_client *client, int32_t which, const char *token,
                                      size_t token_len, size_t max, int64_t timeout_ms, uintptr_t user,
                                      kusto_op **out, kusto_error **err)
{
    return kusto_outcomes_take_start(client, which, token, token_len, max, timeout_ms, on_done, (void *)user,
                                     on_drop, out, err);
}

kusto_status shim_client_warm_up_start(const kusto_client *client, int64_t timeout_ms, uintptr_t user,
                                       kusto_op **out, kusto_error **err)
{
    return kusto_client_warm_up_start(client, timeout_ms, on_done, (void *)user, on_drop, out, err);
}

kusto_status shim_log_set(int32_t max_level, uintptr_t user, kusto_error **err)
{
    if (user == 0)
        return kusto_log_set(KUSTO_LOG_OFF, NULL, NULL, NULL, err);
    return kusto_log_set(max_level, on_log, (void *)user, on_drop, err);
}

kusto_status shim_client_warm_up_table_start(const kusto_client *client, const kusto_props *props, int64_t timeout_ms,
                                             uintptr_t user, kusto_op **out, kusto_error **err)
{
    return kusto_client_warm_up_table_start(client, props, timeout_ms, on_done, (void *)user, on_drop, out, err);
}

kusto_status shim_config_set_log(kusto_config *config, int32_t max_level, uintptr_t user, kusto_error **err)
{
    return kusto_config_set_log(config, max_level, on_log_event, (void *)user, on_drop, err);
}

kusto_status shim_config_set_prompt(kusto_config *config, uintptr_t user, kusto_error **err)
{
    return kusto_config_set_prompt(config, on_prompt, (void *)user, on_drop, err);
}
